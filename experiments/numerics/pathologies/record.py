"""The record of a pathology and the decorator that registers one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from experiments.numerics.axes import Path
from experiments.numerics.measures import Measures
from experiments.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Pathology:
    """A named way to go wrong.

    `cause` is one sentence; `location` is where in the framework's source, as FILE: FUNCTION, or `LOSS` for the
    source of the path's loss; `remedy` is what to write instead, and `cured(path)` the same path with that remedy,
    so that a test can prove that it is one. `applies(path, measures)` says whether the path has it.
    `harms` is False where it is only the rounding that the dtype promises.
    """

    name: str
    cause: str
    location: str
    remedy: str
    applies: Callable[[Path, Measures], bool]
    cured: Callable[[Path], Path]
    harms: bool = True

    @property
    def kind(self) -> str:
        """What goes wrong: "objectives", "probabilities" or "precision", after the module that registers it."""
        return self.applies.__module__.rpartition(".")[2]


# the modules that register are imported by the package's __init__
PATHOLOGIES: Registry[Pathology] = Registry("pathology")
# a location: the source of the loss of the path at hand
LOSS = "loss"


def pathology(
    name: str, *, cause: str, location: str, remedy: str, cured: Callable[[Path], Path], harms: bool = True
) -> Callable[[Callable[[Path, Measures], bool]], Pathology]:
    """Register the decorated predicate as the pathology `name`."""

    def register(applies: Callable[[Path, Measures], bool]) -> Pathology:
        return PATHOLOGIES.add(
            Pathology(
                name=name, cause=cause, location=location, remedy=remedy, applies=applies, cured=cured, harms=harms
            )
        )

    return register
