"""Sigmoid against softmax on a user's own data and network: `experiments.compare`, and `headtohead compare`.

Importing this is cheap; what it exports is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.comparison.api import compare, of_table
    from experiments.comparison.options import Options
    from experiments.comparison.result import Comparison

__all__ = ["Comparison", "Options", "compare", "of_table"]

_HOMES = {"Comparison": "result", "Options": "options", "compare": "api", "of_table": "api"}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for (PEP 562)."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
