"""What the tables say, in sentences: whether the heads differ, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from experiments.comparison.judge import overall, primary
from experiments.comparison.language import ENGLISH
from experiments.judgement import APART, INSIDE, missing
from experiments.messages import Messages, fixed
from experiments.messages import figure as plain
from experiments.stats import QUANTITIES

if TYPE_CHECKING:
    from experiments.comparison.run import RunResult

FACTORS = ("initialisation", "head_rate", "decay", "head_rate+decay", "arithmetic")
_ROUNDING = 1e-9  # what float32 leaves of no difference in a metric is far larger, what float64 leaves far smaller
FEW_SHARED = 0.1  # up to here two seeds' rows are as good as their own
# in the order in which a sentence names them; softmax minus sigmoid throughout
_OUTCOMES = ("larger", "different", "negligible", "equivalent", "undecided")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The answer: each outcome is one of larger, different, negligible, equivalent, undecided.

    `outcome`: over all primary quantities; `predictions`: over test loss and accuracy; `gradients`: over the gradient
    norms. `parts`: all of it in sentences: the answer, the numbers of either, why training stopped.
    """

    outcome: str
    predictions: str
    gradients: str
    parts: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The parts as one text."""
        return " ".join(self.parts)

    def __str__(self) -> str:
        return self.sentence


def name_of(quantity: str, messages: Messages = ENGLISH) -> str:
    """A quantity as a sentence calls it."""
    key = f"compare.quantity.{quantity}"
    return messages(key) if key in messages else messages.name("quantity", quantity)


def figure(value: float, digits: int = 2) -> str:
    """A signed number as a sentence writes it, with a true minus; 0 where only rounding is left of it."""
    if abs(value) < _ROUNDING:
        return "0"
    return fixed(value, 0, sign=True) if 100 <= abs(value) < 1e6 else plain(value, digits, sign=True)


def amount(row: pd.Series, value: float, messages: Messages = ENGLISH) -> str:
    """A difference as a sentence gives it: in nats, in points, or in per cent of the baseline's size."""
    quantity = QUANTITIES[str(row["quantity"])]
    if quantity.relative:
        size = abs(float(row["baseline_mean"]))
        return f"{figure(100 * value / size)} %" if size else "–"
    if quantity.name in ("accuracy", "auc"):
        return figure(100 * value) + messages("compare.unit.points")
    return figure(value) + ("" if quantity.unit == "1" else messages(f"compare.unit.{quantity.unit}"))


def verdict(result: RunResult, messages: Messages = ENGLISH) -> Verdict:
    """What is shown of predictions and of gradients, with the numbers, and why training stopped."""
    rows = primary(result.differences)
    n = int(rows["n"].max()) if len(rows) else 0
    gradients = rows["quantity"].str.startswith("grad_norm")
    predicted, trained = rows.loc[~gradients], rows.loc[gradients]
    outcomes = overall(rows), overall(predicted), overall(trained)
    sentences = [
        messages(f"compare.told.{what}", told=_by_outcome(part, messages))
        for what, part in (("predictions", predicted), ("gradients", trained)) if len(part)
    ]  # fmt: skip
    apart = "apart" if outcomes[2] in APART else "alike" if outcomes[2] == "equivalent" else ""
    too = f"compare.train.{outcomes[1]}_{apart}"
    opening = messages("compare.told.opening", predicted=_predicted(predicted, outcomes[1], messages),
                       trained=messages(too) if too in messages else "")  # fmt: skip
    stopped = messages(f"compare.stopped.{result.stopped}", n=n)
    open_ = rows.loc[rows["outcome"] == "undecided"]
    join = messages("compare.join.sentences")
    return Verdict(
        outcome=outcomes[0],
        predictions=outcomes[1],
        gradients=outcomes[2],
        parts=(opening, *sentences, stopped + (join + _more(open_, messages) if len(open_) else "")),
    )


def _predicted(rows: pd.DataFrame, outcome: str, messages: Messages) -> str:
    """The first half of the opening; where classes are decided and probabilities are not, it says so."""
    by_name = dict(zip(rows["quantity"], rows["outcome"], strict=True))
    accurate = outcome == "undecided" and by_name.get("accuracy") in INSIDE
    return messages(f"compare.predict.{'accurate' if accurate else outcome}")


def _by_outcome(rows: pd.DataFrame, messages: Messages) -> str:
    """Each outcome with the quantities that have it and their differences, the strongest first."""
    parts = []
    for name in _OUTCOMES:
        matching = rows.loc[rows["outcome"] == name]
        if len(matching):
            listed = messages("compare.join.items").join(_one(row, messages) for _, row in matching.iterrows())
            parts.append(messages(f"compare.outcome.{name}", listed=listed))
    return messages("compare.join.groups").join(parts)


def _one(row: pd.Series, messages: Messages) -> str:
    """A quantity with its difference and interval."""
    ends = ""
    if math.isfinite(row["low"]) and row["low"] != row["high"]:
        low, high = (amount(row, row[name], messages) for name in ("low", "high"))
        ends = messages("compare.told.interval", low=low, high=high)
    return messages("compare.told.one", name=name_of(row["quantity"], messages),
                    amount=amount(row, row["mean"], messages), interval=ends)  # fmt: skip


def _more(open_: pd.DataFrame, messages: Messages) -> str:
    """What would decide the open quantities."""
    still = missing(open_)
    assert still is not None
    bounds = messages("compare.join.items").join(
        messages("compare.more.bound", name=name_of(row["quantity"], messages),
                 bound=amount(row, row["bound"], messages).lstrip("+"))
        for _, row in open_.iterrows()
        if math.isfinite(row["bound"])
    )  # fmt: skip
    first = messages("compare.more.bounds", bounds=f"{bounds[:1].upper()}{bounds[1:]}") if bounds else ""
    if still.by_seeds == still.n:
        return first + messages("compare.more.seeds", seeds=still.seeds)
    if still.by_seeds + still.by_rows < still.n:
        return first + messages("compare.more.never")
    shared, seeds = float(open_["shared"].max()), max(still.seeds, still.fresh_seeds)
    if shared <= FEW_SHARED:
        return first + messages("compare.more.few", seeds=seeds, shared=f"{100 * shared:.2g}")
    return first + messages("compare.more.rows", seeds=seeds)


def cause(attribution: pd.DataFrame, result: RunResult, messages: Messages = ENGLISH) -> str:
    """Why: each factor's share of softmax - sigmoid in the quantity that differs most, measured in margins."""
    rows = primary(result.differences)
    attributed = rows.loc[rows["quantity"].isin(attribution["quantity"])] if len(attribution) else rows.iloc[:0]
    if attributed.empty:
        return messages("compare.cause.missing")
    size = (attributed["mean"].abs() / attributed["margin"]).fillna(-1)
    row = attributed.loc[size.idxmax()]
    shares = attribution.loc[attribution["quantity"] == row["quantity"]].set_index("factor")
    total = shares["share"].abs().sum()
    if not total > 0:
        return messages("compare.cause.none")
    parts = messages("compare.join.items").join(
        messages("compare.cause.part", amount=amount(row, float(shares.loc[factor, "share"]), messages),
                 factor=messages(f"compare.factor.{factor}"))
        for factor in FACTORS
        if factor in shares.index and factor != "arithmetic"
    )  # fmt: skip
    arithmetic = float(shares.loc["arithmetic", "share"])
    noticeable = abs(arithmetic) >= 1e-4 * total
    rest = (
        messages("compare.cause.rest", amount=amount(row, arithmetic, messages))
        if noticeable
        else messages("compare.cause.nothing")
    )
    return messages("compare.cause.whole", name=name_of(row["quantity"], messages),
                    amount=amount(row, row["mean"], messages), parts=parts, rest=rest)  # fmt: skip
