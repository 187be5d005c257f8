"""The first screen in short: the finding as a title, and three sentences that a reader takes in at a glance."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from experiments.figures import Messages, factor_parts, percent
from experiments.judgement import APART, INSIDE, cells_apart, scored, wins
from experiments.messages import figure
from experiments.stats import QUANTITIES
from experiments.tables import CELL

_SIGN_KNOWN = {*APART, "negligible"}  # outcomes that show a sign
_DIGITS = 2  # of a number that is read in passing


@dataclass(frozen=True, kw_only=True)
class Sides:
    """Softmax - sigmoid in test loss below and above sigmoid's best rate, where both signs are as theory has them."""

    below: float
    above: float
    n_tasks: int


def sides(overall: pd.DataFrame) -> Sides | None:
    """The two sides of the best rate in the means over tasks; None where a sign is not shown or not as predicted."""
    if not len(overall):
        return None
    rows = overall.loc[overall["quantity"] == "nll"].set_index("at")
    if not {"below", "above"} <= set(rows.index) or not set(rows.loc[["below", "above"], "outcome"]) <= _SIGN_KNOWN:
        return None
    below, above = (float(rows.loc[side, "mean"]) for side in ("below", "above"))
    if not below < 0 < above:
        return None
    return Sides(below=below, above=above, n_tasks=int(rows.loc["below", "n_tasks"]))


@dataclass(frozen=True, kw_only=True)
class Cells:
    """How many cells differ in a primary quantity by more than its margin, with the size open, not, or are open.

    `open_rows`: the comparisons of the open ones.
    """

    larger: int
    different: int
    inside: int
    open: int
    open_rows: pd.DataFrame

    @property
    def n(self) -> int:
        """All cells."""
        return self.larger + self.different + self.inside + self.open


def cells(rows: pd.DataFrame) -> Cells | None:
    """Count the cells of `rows` of `differences`, all primary quantities and all cells corrected together.

    A cell differs if any of its quantities does; what neither does nor is inside its margins in all of them is open.
    None if no row is of a primary quantity.
    """
    primary = rows.loc[rows["quantity"].isin([q.name for q in QUANTITIES.values() if q.primary])]
    if primary.empty:
        return None
    outcomes = primary["outcome"].astype(str).groupby([primary[name] for name in CELL], sort=False).agg(set)
    larger = cells_apart(primary, CELL, beyond=True)
    inside = ~larger & outcomes.map(lambda values: values <= set(INSIDE))
    different = ~larger & ~inside & cells_apart(primary, CELL)
    open_ = ~(larger | inside | different)
    undecided = primary.loc[[bool(open_[key]) for key in primary[CELL].itertuples(index=False, name=None)]]
    return Cells(larger=int(larger.sum()), different=int(different.sum()), inside=int(inside.sum()),
                 open=int(open_.sum()), open_rows=undecided)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Causes:
    """Each cause's part of what moves the loss curve; they sum to 1."""

    rate: float
    start: float
    rest: float


def causes(attribution: pd.DataFrame) -> Causes | None:
    """The causes over all cells; None where nothing differs or nothing is attributed."""
    rows = attribution.loc[attribution["quantity"] == "nll_curve"]
    if rows.empty:
        return None
    shares = factor_parts(rows.pivot_table(index=CELL, columns="factor", values="share", observed=True))
    if not shares:
        return None
    rate = shares.get("head_rate", 0.0) + shares.get("head_rate+decay", 0.0)
    return Causes(rate=rate, start=shares.get("initialisation", 0.0), rest=shares.get("arithmetic", 0.0))


def title(outcome: str, law: Sides | None, messages: Messages) -> str:
    """The finding: `outcome` is the verdict on whether the winner depends on the model."""
    return messages(f"short.title.{'law' if law and outcome in ('depends', 'refuted') else outcome}")


def which(rows: pd.DataFrame, outcome: str, law: Sides | None, messages: Messages) -> str:
    """Which head to use."""
    default = scored(rows)
    if default.empty:
        return ""
    if law is not None and outcome in ("depends", "refuted"):
        return messages("short.which.law", below=figure(-law.below, _DIGITS), above=figure(law.above, _DIGITS))
    softmax, sigmoid = wins(default)
    return messages(f"short.which.{outcome}", softmax=softmax, sigmoid=sigmoid, n=len(default))


def whether(rows: pd.DataFrame, gaps: pd.DataFrame, outcome: str, messages: Messages) -> str:
    """Whether they differ: at the usual rate, and with each head at its own best one."""
    counts = cells(rows)
    if counts is None:
        return ""
    best = scored(gaps.loc[gaps["at"] == "best"]) if len(gaps) else gaps
    sentence = messages(f"short.whether.{outcome}", larger=counts.larger, cells=counts.n)
    if not len(best):
        return sentence + messages("short.whether.end")
    return sentence + messages("short.whether.best", apart=sum(wins(best)), n=len(best))


def why(attribution: pd.DataFrame, messages: Messages) -> str:
    """What makes the difference in the loss curve."""
    shares = causes(attribution)
    if shares is None:
        return ""
    return messages("short.why", rate=percent(shares.rate), start=percent(shares.start), rest=percent(shares.rest))
