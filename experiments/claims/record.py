"""What a claim is, how it is registered, and the one rule that turns many comparisons into an outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Literal, get_args

import pandas as pd

from experiments.messages import Messages
from experiments.records import require
from experiments.registry import Registry

Outcome = Literal["supported", "refuted", "depends", "undecided"]
OUTCOMES: tuple[str, ...] = get_args(Outcome)
Tables = Mapping[str, pd.DataFrame]

# the least share of comparisons that must be decided before a claim is, when none of them contradicts it
ENOUGH = 0.5


class NotMeasured(Exception):
    """Raised by a judge when a stored table holds no row that its claim is about; the message says which."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One comparison behind a claim: whether the claim holds there, or None where that is open; `cell` if of one."""

    name: str
    holds: bool | None
    cell: tuple[str, ...] = ()


Statement = Callable[[Messages], str]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the tables say of one claim.

    `statement`: a sentence or two that need no knowledge of the tables, in the language of the messages it is given,
    or a text as it is; `details`: every number behind it, in English, by the names that the tables have.
    `value`, with its interval `low` .. `high` if it has one, is the number named by `measure`; the claim's margin
    is in the same unit. `parts` are the comparisons that decided; `n_cells` the trained cells or frameworks in them.
    """

    outcome: Outcome
    statement: Statement | str
    evidence: str
    measure: str
    value: float
    low: float = float("nan")
    high: float = float("nan")
    n_cells: int
    details: str = ""
    parts: tuple[Part, ...] = ()


Judge = Callable[[Tables, "Claim"], Verdict]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim of the article, restated, with what it is judged by.

    `margin`, in `unit`, is registered here before any result. `needs`: tables without which the claim is undecided.
    `called`: its description in other languages; `measured`: what its verdict's `measure` says there.
    """

    name: str
    section: str
    description: str
    margin: float
    unit: str
    needs: tuple[str, ...]
    judge: Judge
    called: Mapping[str, str] = field(default_factory=dict, compare=False)
    measured: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        require(self.margin >= 0, f"The claim {self.name!r} has the margin {self.margin!r}. It must be at least 0.")
        require(bool(self.needs), f"The claim {self.name!r} names no table to be judged from.")


def _load() -> None:
    for module in iter_modules([str(Path(__file__).parent)]):  # whatever of this folder registers claims
        import_module(f"{__package__}.{module.name}")


CLAIMS: Registry[Claim] = Registry(
    "claim", _load, texts={"claim": lambda record: record.called, "measure": lambda record: record.measured}
)


def claim(
    name: str,
    *,
    section: str,
    description: str,
    margin: float,
    unit: str,
    needs: Sequence[str],
    called: Mapping[str, str] | None = None,
    measured: Mapping[str, str] | None = None,
) -> Callable[[Judge], Judge]:
    """Register a judge: a function of the stored tables and its claim that returns a `Verdict`."""

    def register(judge: Judge) -> Judge:
        CLAIMS.add(
            Claim(
                name=name,
                section=section,
                description=description,
                margin=margin,
                unit=unit,
                needs=tuple(needs),
                judge=judge,
                called=called or {},
                measured=measured or {},
            )
        )
        return judge

    return register


def decide(parts: Sequence[Part], overall: Sequence[Part] = ()) -> Outcome:
    """The outcome of comparisons, each of which holds, fails or is open.

    `parts`: cell by cell (or framework by framework); `overall`: the means over tasks, which can be clear where single
    cells are not. `depends` if the claim holds in some of them all and fails in others; `supported` (`refuted`) if it
    fails (holds) nowhere and at least `ENOUGH` of either kind are decided; else `undecided`. What is open is never
    counted for either side.
    """
    holds = [part.holds for part in (*parts, *overall)]
    held, failed = holds.count(True), holds.count(False)
    if held and failed:
        return "depends"
    if not any(_decided(group) for group in (parts, overall)):
        return "undecided"
    return "supported" if held else "refuted"


def _decided(parts: Sequence[Part]) -> bool:
    return bool(parts) and sum(part.holds is not None for part in parts) >= ENOUGH * len(parts)
