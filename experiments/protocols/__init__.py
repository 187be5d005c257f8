"""The presets: which cells there are, and how long each is trained."""

from experiments.protocols.presets import FULL, QUICK, STANDARD
from experiments.protocols.record import (
    ALL,
    GRID_OF_MULTI_UNIT,
    PRESETS,
    Elsewhere,
    Group,
    Protocol,
    Selection,
)

__all__ = [
    "ALL",
    "FULL",
    "GRID_OF_MULTI_UNIT",
    "PRESETS",
    "QUICK",
    "STANDARD",
    "Elsewhere",
    "Group",
    "Protocol",
    "Selection",
]
