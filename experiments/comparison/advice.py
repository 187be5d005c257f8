"""Which learning rate and which head to use, and the lines to write."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from experiments.comparison.answer import figure, name_of
from experiments.comparison.judge import BASELINE, HEAD, primary
from experiments.comparison.language import ENGLISH
from experiments.comparison.tuning import Best, Gap, Tuning
from experiments.judgement import APART, better
from experiments.messages import Messages
from experiments.stats import QUANTITIES

if TYPE_CHECKING:
    from experiments.comparison.model import Model
    from experiments.comparison.run import RunResult

EITHER = "either"


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


def advice(result: RunResult, model: Model, messages: Messages = ENGLISH) -> Advice:
    """Which head and which rate to use here.

    Only a loss or an accuracy that is shown to differ speaks for a head. A rate is changed where the head's best is
    shown to lower the final test loss by the margin or more; where that outweighs the head, the heads are compared at
    their best rates.
    """
    rows, tuned, model_rate = primary(result.differences), result.tuning, model.optimizer.record.learning_rate
    head, sentence = _which(rows, model, messages)
    written = head if head != EITHER else model.head or BASELINE
    if tuned is None:
        return Advice(
            head=head,
            learning_rate=model_rate,
            sentence=sentence,
            rate="",
            code=_code(written, model_rate, model, messages),
        )
    current_head = model.head or BASELINE
    if _worth_it(tuned.best[current_head]) and tuned.best[current_head].outweighs:
        head, sentence = _at_best(tuned, current_head, head, sentence, messages)
        written = head if head != EITHER else current_head
    best = tuned.best[written]
    rate = best.rate if _worth_it(best) else model_rate
    return Advice(head=head, learning_rate=rate, sentence=sentence, rate=around(tuned, rows, messages),
                  code=_code(written, rate, model, messages))  # fmt: skip


def around(tuned: Tuning, rows: pd.DataFrame, messages: Messages = ENGLISH) -> str:
    """What the rates around the own one say, in sentences. `rows`: the primary ones at the own rate."""
    sigmoid_best = tuned.best[BASELINE]
    edge = {"below": "least", "above": "most"}.get(tuned.side, "outside") if sigmoid_best.at_edge else "about"
    side = messages(f"compare.around.{tuned.side}", own=f"{tuned.own:.3g}", best=f"{sigmoid_best.rate:.3g}",
                    edge=messages(f"compare.edge.{edge}"))  # fmt: skip
    tried = messages("compare.join.items").join(f"{rate:.3g}" for rate in tuned.grid)
    parts = [side + messages("compare.around.tried", rates=tried)]
    for head, best in tuned.best.items():
        loss, accuracy = (_signed(best.gains[name], messages) for name in ("nll", "accuracy"))
        parts.append(messages("compare.around.own", head=head, rate=f"{best.rate:.3g}", loss=loss, accuracy=accuracy,
                              edge=messages("compare.around.edge") if best.at_edge else ""))  # fmt: skip
    parts.append(messages("compare.around.apart", loss=_signed(tuned.apart["nll"], messages)))
    outweighing = [head for head, best in tuned.best.items() if best.outweighs]
    if outweighing:
        parts.append(messages("compare.around.outweighs", heads=messages("compare.join.heads").join(outweighing)))
    if tuned.side in ("below", "above"):
        parts.append(messages("compare.around.rule", seen=_agreement(tuned, rows, messages)))
    return messages("compare.join.sentences").join(parts)


def _agreement(tuned: Tuning, rows: pd.DataFrame, messages: Messages) -> str:
    """Whether the loss at the own rate goes the way of the rule, if its sign is shown."""
    significant = rows[rows["quantity"].isin(["nll", "nll_curve"]) & rows["outcome"].isin([*APART, "negligible"])]
    helped, hurt = bool((significant["mean"] < 0).all()), bool((significant["mean"] > 0).all())
    if helped == hurt:  # nothing is shown, or both
        return ""
    return messages(f"compare.around.{'so' if helped == (tuned.side == 'below') else 'otherwise'}")


def _signed(gap: Gap, messages: Messages) -> str:
    """A difference with its interval, in the quantity's own unit."""
    unit, scale = ("points", 100) if gap.quantity == "accuracy" else (QUANTITIES[gap.quantity].unit, 1)
    alone = not math.isfinite(gap.low) or gap.low == gap.high
    return messages(f"compare.around.{'alone' if alone else 'ranged'}", value=figure(scale * gap.mean),
                    low=figure(scale * gap.low), high=figure(scale * gap.high),
                    unit=messages(f"compare.unit.{unit}"))  # fmt: skip


def _worth_it(best: Best) -> bool:
    """Whether the best rate is shown to lower the final loss, by the margin or more on average."""
    return best.better and best.gains["nll"].mean <= -QUANTITIES["nll"].margin


def _at_best(tuned: Tuning, current_head: str, head: str, sentence: str, messages: Messages) -> tuple[str, str]:
    """The head to use where a better rate does more than the head, and why; what holds at the own rate comes second."""
    best, apart = tuned.best[current_head], tuned.apart["nll"]
    edge = ("least" if best.rate > tuned.own else "most") if best.at_edge else "about"
    first = messages("compare.use.change", edge=messages(f"compare.edge.{edge}"), rate=f"{best.rate:.3g}")
    if apart.significant and abs(apart.mean) >= QUANTITIES["nll"].margin:
        winner = HEAD if apart.mean < 0 else BASELINE
        return winner, first + messages("compare.use.best_one", head=winner)
    first += messages("compare.use.best_either", head=current_head)
    if head == EITHER:
        return EITHER, first
    second = f"{sentence[:1].lower()}{sentence[1:]}"
    return EITHER, first + messages("compare.use.stay", rate=f"{tuned.own:.3g}", sentence=second)


def _which(rows: pd.DataFrame, model: Model, messages: Messages) -> tuple[str, str]:
    """The head to use at the model's own rate, and why."""
    sides = better(rows)
    quantities_by_head = {
        head: [name_of(name, messages) for name in rows.loc[sides == side, "quantity"]]
        for head, side in ((HEAD, 1), (BASELINE, -1))
    }
    winners = [head for head, quantities in quantities_by_head.items() if quantities]
    if len(winners) != 1:
        alternative = messages("compare.use.keep", head=model.head) if model.head else messages("compare.use.free")
        why = messages(f"compare.use.{'tie' if winners else 'neither'}")
        return EITHER, messages("compare.use.either", why=why, kept=alternative) + messages("compare.use.search")
    head = winners[0]
    sentence = messages(
        "compare.use.one", head=head, listed=messages("compare.join.and").join(quantities_by_head[head])
    )
    if model.head:
        sentence += messages(f"compare.use.{'has' if model.head == head else 'replace'}")
    return head, sentence + messages(f"compare.use.{head}")


def _code(head: str, rate: float, model: Model, messages: Messages) -> str:
    units, loss = (1, "BinaryCrossentropy") if head == BASELINE else (2, "SparseCategoricalCrossentropy")
    # one unit's logits meet at 0; Keras's "accuracy" would cut them at 0.5
    metric = "keras.metrics.BinaryAccuracy(threshold=0.0)" if head == BASELINE else '"accuracy"'
    return (
        f"# {messages('compare.trunk')}\n"
        f"output = keras.layers.Dense({units})(trunk.outputs[0])\n"
        "model = keras.Model(trunk.inputs, output)\n"
        "model.compile(\n"
        f"    {model.optimizer.code.format(rate=f'{rate:.4g}')},\n"
        f"    keras.losses.{loss}(from_logits=True),\n"
        f"    metrics=[{metric}])"
    )
