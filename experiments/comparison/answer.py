"""What the tables say, in sentences: whether the heads differ, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from experiments.comparison.judge import overall, primary
from experiments.judgement import APART, INSIDE, missing
from experiments.stats import QUANTITIES

if TYPE_CHECKING:
    from experiments.comparison.run import Ran

NAMES = {
    "nll_curve": "test loss along the way",
    "nll": "final test loss",
    "accuracy": "accuracy",
    "grad_norm_trunk": "trunk's gradient norm",
    "grad_norm_effective_head": "head's gradient norm (on w₁ − w₀)",
}
FACTORS = {
    "initialisation": "its wider start",
    "head_rate": "its doubled step in the head",
    "decay": "its halved decay",
    "head_rate+decay": "its doubled step and halved decay in the head",
    "arithmetic": "arithmetic",
}
FEW_SHARED = 0.1  # up to here two seeds' rows are as good as their own
_STOPPED = {
    "decided": "Every primary quantity is decided after {n} seeds",
    "seeds": "All {n} seeds are used",
    "budget": "The budget is spent after {n} seeds",
}


_PREDICT = {
    "larger": "The two heads predict differently here, by more than the margin",
    "different": "The two heads predict differently here",
    "negligible": "The two heads predict differently here by less than matters",
    "equivalent": "The two heads predict alike here",
    "undecided": "Whether the two heads predict differently here is not decided",
}
_TRAIN = {
    ("undecided", True): ", but they do train with different gradients",
    ("larger", True): " and train with different gradients",
    ("different", True): " and train with different gradients",
    ("negligible", True): " and train with different gradients",
    ("equivalent", True): ", though they train with different gradients",
    ("equivalent", False): " and train with alike gradients",
}
# in the order in which a sentence names them; softmax minus sigmoid throughout
_OUTCOMES = {
    "larger": "larger than the margin in",
    "different": "different, by how much is open, in",
    "negligible": "different by less than the margin in",
    "equivalent": "shown to be inside the margin in",
    "undecided": "open in",
}


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


def name_of(quantity: str) -> str:
    """A quantity as a sentence calls it."""
    return NAMES.get(quantity, quantity.replace("_", " "))


def figure(value: float, digits: int = 2) -> str:
    """A signed number as a sentence writes it, with a true minus."""
    if not value:
        return "0"
    return (f"{value:+.0f}" if 100 <= abs(value) < 1e6 else f"{value:+.{digits}g}").replace("-", "−")


def amount(row: pd.Series, value: float) -> str:
    """A difference as a sentence gives it: in nats, in points, or in per cent of the baseline's size."""
    quantity = QUANTITIES[str(row["quantity"])]
    if quantity.relative:
        size = abs(float(row["baseline_mean"]))
        return f"{figure(100 * value / size)} %" if size else "–"
    if quantity.name in ("accuracy", "auc"):
        return f"{figure(100 * value)} points"
    return f"{figure(value)} {quantity.unit}".removesuffix(" 1")


def verdict(ran: Ran) -> Verdict:
    """What is shown of predictions and of gradients, with the numbers, and why training stopped."""
    rows = primary(ran.differences)
    n = int(rows["n"].max()) if len(rows) else 0
    gradients = rows["quantity"].str.startswith("grad_norm")
    predicted, trained = rows.loc[~gradients], rows.loc[gradients]
    outcomes = overall(rows), overall(predicted), overall(trained)
    told = [
        f"{what}: {_told(part)}." for what, part in (("Predictions", predicted), ("Gradients", trained)) if len(part)
    ]
    told_apart = True if outcomes[2] in APART else False if outcomes[2] == "equivalent" else None
    trained_too = "" if told_apart is None else _TRAIN.get((outcomes[1], told_apart), "")
    opening = f"{_predicted(predicted, outcomes[1])}{trained_too}."
    stopped = f"{_STOPPED[ran.stopped].format(n=n)}."
    open_ = rows.loc[rows["outcome"] == "undecided"]
    return Verdict(
        outcome=outcomes[0],
        predictions=outcomes[1],
        gradients=outcomes[2],
        parts=(opening, *told, stopped + (f" {_more(open_)}" if len(open_) else "")),
    )


def _predicted(rows: pd.DataFrame, outcome: str) -> str:
    """The first half of the opening; where classes are decided and probabilities are not, it says so."""
    by_name = dict(zip(rows["quantity"], rows["outcome"], strict=True))
    if outcome == "undecided" and by_name.get("accuracy") in INSIDE:
        return "The two heads are equally accurate here; whether their probabilities differ is not decided"
    return _PREDICT[outcome]


def _told(rows: pd.DataFrame) -> str:
    """Each outcome with the quantities that have it and their differences, the strongest first."""
    parts = []
    for name, words in _OUTCOMES.items():
        mine = rows.loc[rows["outcome"] == name]
        if len(mine):
            listed = ", ".join(
                f"{name_of(row['quantity'])} ({amount(row, row['mean'])}{_interval(row)})" for _, row in mine.iterrows()
            )
            parts.append(f"{words} {listed}")
    return "; ".join(parts)


def _interval(row: pd.Series) -> str:
    if not math.isfinite(row["low"]) or row["low"] == row["high"]:
        return ""
    return f", {amount(row, row['low'])} to {amount(row, row['high'])}"


def _more(open_: pd.DataFrame) -> str:
    """What would decide the open quantities."""
    still = missing(open_)
    assert still is not None
    bounds = ", ".join(
        f"{name_of(row['quantity'])} differs by at most {amount(row, row['bound']).lstrip('+')} either way"
        for _, row in open_.iterrows()
        if math.isfinite(row["bound"])
    )
    bounds = f"{bounds[:1].upper()}{bounds[1:]}. " if bounds else ""
    if still.by_seeds == still.n:
        return f"{bounds}About {still.seeds} seeds would probably decide it (seeds={still.seeds})."
    shared = float(open_["shared"].max())
    if still.by_seeds + still.by_rows == still.n and shared <= FEW_SHARED:
        return (
            f"{bounds}About {max(still.seeds, still.fresh_seeds)} seeds would probably decide it if they had rows of "
            f"their own each; these share {100 * shared:.2g} % of theirs, so it takes some more."
        )
    if still.by_seeds + still.by_rows == still.n:
        return (
            f"{bounds}More seeds would probably not be enough, since they share these rows: about "
            f"{max(still.seeds, still.fresh_seeds)} seeds with rows of their own would, so it takes more rows."
        )
    return f"{bounds}More seeds would probably not be enough: it takes more rows."


def cause(attribution: pd.DataFrame, ran: Ran) -> str:
    """Why: each factor's share of softmax - sigmoid in the quantity that differs most, measured in margins."""
    rows = primary(ran.differences)
    known = rows.loc[rows["quantity"].isin(attribution["quantity"])] if len(attribution) else rows.iloc[:0]
    if known.empty:
        return "The arms that tell the causes apart have no finite values here."
    size = (known["mean"].abs() / known["margin"]).fillna(-1)
    row = known.loc[size.idxmax()]
    shares = attribution.loc[attribution["quantity"] == row["quantity"]].set_index("factor")
    total = shares["share"].abs().sum()
    whole = f"Of softmax minus sigmoid in {name_of(row['quantity'])} ({amount(row, row['mean'])})"
    if not total > 0:
        return "Nothing differs, so there is nothing to explain."
    named = [factor for factor in FACTORS if factor in shares.index]
    parts = ", ".join(
        f"{amount(row, float(shares.loc[factor, 'share']))} come from {FACTORS[factor]}"
        for factor in named
        if factor != "arithmetic"
    )
    rest = float(shares.loc["arithmetic", "share"])
    left = "nothing that could be seen" if abs(rest) < 1e-4 * total else amount(row, rest)
    return f"{whole}, {parts}; undo all of that, and {left} is left: arithmetic."
