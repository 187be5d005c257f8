"""Which learning rate and which head to use, and the lines to write."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from experiments.comparison.answer import figure, name_of
from experiments.comparison.judge import BASELINE, HEAD, primary
from experiments.comparison.tuning import Best, Gap, Tuning
from experiments.judgement import APART, better
from experiments.stats import QUANTITIES

if TYPE_CHECKING:
    from experiments.comparison.model import Model
    from experiments.comparison.run import Ran

EITHER = "either"
_STEP = {
    HEAD: " Its head takes twice the step. Where the attribution names that as the cause, sigmoid at about twice the "
    "learning rate may do as well: try that too.",
    BASELINE: " Softmax's head takes twice the step. Where the attribution names that as the cause, softmax at about "
    "half the learning rate may do as well.",
}
_SEARCH = (
    " A softmax head learns as if its rate were doubled: whoever changes the head searches the learning rate again."
)
_LAW = "softmax's head takes twice the step, which helps below the best rate and hurts above it"


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to use, why, and the lines to write. `head`: "sigmoid", "softmax", or "either", at which `learning_rate`.

    `rate`: on which side of sigmoid's best the model's own rate is, and what the best gives; "" if none was tried.
    """

    head: str
    learning_rate: float
    sentence: str
    rate: str
    code: str


def advice(ran: Ran, model: Model) -> Advice:
    """Which head and which rate to use here.

    Only a loss or an accuracy that is shown to differ speaks for a head. A rate is changed where the head's best is
    shown to lower the final test loss by the margin or more; where that outweighs the head, the heads are compared at
    their best rates.
    """
    rows, tuned, own = primary(ran.differences), ran.tuning, model.optimizer.record.learning_rate
    head, sentence = _which(rows, model)
    written = head if head != EITHER else model.head or BASELINE
    if tuned is None:
        return Advice(head=head, learning_rate=own, sentence=sentence, rate="", code=_code(written, own, model))
    kept = model.head or BASELINE
    if _worth_it(tuned.best[kept]) and tuned.best[kept].outweighs:
        head, sentence = _at_best(tuned, kept, head, sentence)
        written = head if head != EITHER else kept
    best = tuned.best[written]
    rate = best.rate if _worth_it(best) else own
    return Advice(
        head=head, learning_rate=rate, sentence=sentence, rate=around(tuned, rows), code=_code(written, rate, model)
    )


def around(tuned: Tuning, rows: pd.DataFrame) -> str:
    """What the rates around the own one say, in sentences. `rows`: the primary ones at the own rate."""
    own, theirs = f"{tuned.own:.3g}", tuned.best[BASELINE]
    least = {"below": "at least ", "above": "at most "}.get(tuned.side, "") if theirs.at_edge else "about "
    parts = [
        {
            "below": f"The learning rate {own} is below sigmoid's best here, {least}{theirs.rate:.3g}",
            "above": f"The learning rate {own} is above sigmoid's best here, {least}{theirs.rate:.3g}",
            "at": f"The learning rate {own} is at sigmoid's best here, within a factor of two",
            "open": f"Whether the learning rate {own} is below or above sigmoid's best here is not decided",
        }[tuned.side]
        + f" (tried: {', '.join(f'{rate:.3g}' for rate in tuned.grid)}; each seed chooses on its validation rows)."
    ]
    for head, best in tuned.best.items():
        edge = ", at the edge of what was tried" if best.at_edge else ""
        loss, accuracy = (_signed(best.gains[name]) for name in ("nll", "accuracy"))
        parts.append(
            f"With {head} its own best rate (about {best.rate:.3g}{edge}) changes the final test loss by {loss} and "
            f"the accuracy by {accuracy}."
        )
    parts.append(f"At their best rates softmax minus sigmoid is {_signed(tuned.apart['nll'])} in final test loss.")
    outweighing = [head for head, best in tuned.best.items() if best.outweighs]
    if outweighing:
        parts.append(f"With {' and with '.join(outweighing)} the rate matters more than the head.")
    if tuned.side in ("below", "above"):
        parts.append(f"The rule: {_LAW}{_seen(tuned, rows)}.")
    return " ".join(parts)


def _seen(tuned: Tuning, rows: pd.DataFrame) -> str:
    """Whether the loss at the own rate goes the way of the rule, if its sign is shown."""
    shown = rows[rows["quantity"].isin(["nll", "nll_curve"]) & rows["outcome"].isin([*APART, "negligible"])]
    helped, hurt = bool((shown["mean"] < 0).all()), bool((shown["mean"] > 0).all())
    if helped == hurt:  # nothing is shown, or both
        return ""
    return "; so it is here" if helped == (tuned.side == "below") else "; here it is the other way round"


def _signed(gap: Gap) -> str:
    """A difference with its interval, in the quantity's own unit."""
    unit, scale = (" points", 100) if gap.quantity == "accuracy" else (f" {QUANTITIES[gap.quantity].unit}", 1)
    if not math.isfinite(gap.low) or gap.low == gap.high:
        return f"{figure(scale * gap.mean)}{unit}"
    return f"{figure(scale * gap.mean)}{unit} ({figure(scale * gap.low)} to {figure(scale * gap.high)})"


def _worth_it(best: Best) -> bool:
    """Whether the best rate is shown to lower the final loss, by the margin or more on average."""
    return best.better and best.gains["nll"].mean <= -QUANTITIES["nll"].margin


def _at_best(tuned: Tuning, kept: str, head: str, sentence: str) -> tuple[str, str]:
    """The head to use where a better rate does more than the head, and why; what holds at the own rate comes second."""
    best, apart = tuned.best[kept], tuned.apart["nll"]
    edge = {True: "at least " if best.rate > tuned.own else "at most ", False: "about "}[best.at_edge]
    first = f"Change the learning rate before the head: to {edge}{best.rate:.3g}. "
    if apart.shown and abs(apart.mean) >= QUANTITIES["nll"].margin:
        winner = HEAD if apart.mean < 0 else BASELINE
        return winner, f"{first}At their best rates {winner} is better in final test loss."
    first += f"At their best rates neither head is shown to be better by the margin: keep {kept}."
    if head == EITHER:
        return EITHER, first
    return EITHER, f"{first} If the rate must stay at {tuned.own:.3g}: {sentence[:1].lower()}{sentence[1:]}"


def _which(rows: pd.DataFrame, model: Model) -> tuple[str, str]:
    """The head to use at the model's own rate, and why."""
    sides = better(rows)
    found = {
        head: [name_of(name) for name in rows.loc[sides == side, "quantity"]]
        for head, side in ((HEAD, 1), (BASELINE, -1))
    }
    winners = [head for head, quantities in found.items() if quantities]
    if len(winners) != 1:
        why = (
            "each is better in one thing" if winners else
            "neither is shown to predict better by an amount that matters"
        )  # fmt: skip
        kept = f"keep {model.head}" if model.head else "use what reads best; one sigmoid unit has fewer weights"
        return EITHER, f"Either will do ({why}): {kept}.{_SEARCH}"
    head = winners[0]
    sentence = f"Use {head} at this learning rate: it is better in {' and '.join(found[head])}."
    if model.head == head:
        sentence += " That is what the model has."
    elif model.head:
        sentence += " Replace the model's head by these lines."
    return head, sentence + _STEP[head]


def _code(head: str, rate: float, model: Model) -> str:
    units, loss = (1, "BinaryCrossentropy") if head == BASELINE else (2, "SparseCategoricalCrossentropy")
    # one unit's logits meet at 0; Keras's "accuracy" would cut them at 0.5
    metric = "keras.metrics.BinaryAccuracy(threshold=0.0)" if head == BASELINE else '"accuracy"'
    return (
        "# trunk: all before the head\n"
        f"output = keras.layers.Dense({units})(trunk.outputs[0])\n"
        "model = keras.Model(trunk.inputs, output)\n"
        "model.compile(\n"
        f"    {model.optimizer.code.format(rate=f'{rate:.4g}')},\n"
        f"    keras.losses.{loss}(from_logits=True),\n"
        f"    metrics=[{metric}])"
    )
