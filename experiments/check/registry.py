"""Every finding by its stable name: its level, why it matters, what to write instead (findings.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.check.costs import cost, costs
from experiments.check.record import Output
from experiments.check.sweep import Sweep
from experiments.code_hash import PACKAGE
from experiments.marks import fill
from experiments.registry import Registry

LEVELS = ("problem", "note")
Costs = dict[str, dict[str, Any]]
Judge = Callable[[Output, Sweep], Iterable[str]]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of finding.

    `level`: "problem" (what is minimised or reported is not what the program says, or learning dies) or "note"
    (legitimate, but worth knowing). `about`: "the objective", "the gradient", "the metrics" or "labels and weights".
    `atlas`: the pathology of the numerics atlas that it is, or ""; `costs`: what that cost a trained
    network, by the framework of the atlas.
    `keras`, `torch`: what to change, as (calls, text); see `remedies`.
    `judge`: what sees it, if it brings that itself: from what was read and swept to what was seen, a text each.
    """

    name: str
    level: str
    about: str
    cause: str
    remedy: str
    atlas: str = ""
    costs: Costs = field(default_factory=dict)
    keras: tuple[tuple[str, str], ...] = ()
    torch: tuple[tuple[str, str], ...] = ()
    judge: Judge | None = None

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"The level of {self.name} is {self.level!r}. It must be one of {', '.join(LEVELS)}.")

    def cost(self, framework: str = "") -> str:
        """What it cost a trained network, in a sentence; "" if the atlas does not say."""
        return cost(self.costs, framework)


KINDS: Registry[Kind] = Registry("finding")
_costs = costs()
for _name, _fields in tomllib.loads((PACKAGE / "check" / "findings.toml").read_text(encoding="utf-8")).items():
    KINDS.add(Kind(name=_name, **_fields, costs=_costs.get(_fields.get("atlas", ""), {})))


def table() -> str:
    """All findings as the Markdown table of docs/check.md."""
    rows = ["| finding | level | about | why | write instead | cost |", "| --- | --- | --- | --- | --- | --- |"]
    rows += [f"| `{k.name}` | {k.level} | {k.about} | {k.cause} | {k.remedy} | {k.cost()} |" for k in KINDS.values()]
    return "\n".join(rows)


def document() -> Path:
    """docs/check.md of the source tree."""
    return PACKAGE.parent / "docs" / "check.md"


def documented(page: str) -> str:
    """The page with the table of all findings between its marks."""
    return fill(page, "findings", f"{table()}\n", "docs/check.md")
