"""The first screen of a comparison: which head, whether they differ, why; the user's own rates; the lines to write."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from experiments.comparison.advice import EITHER
from experiments.comparison.chart import margins, rates
from experiments.figures import Messages
from experiments.judgement import APART, INSIDE
from experiments.report import SHORT, First, Picture, Reply, Span, picture_of, why_in_short

if TYPE_CHECKING:
    from experiments.comparison.result import Comparison


def title(comparison: Comparison, messages: Messages) -> str:
    """The head to use, as the title of the page."""
    either = comparison.advice.head == EITHER
    return messages(f"compare.title.{'either' if either else 'one'}", head=comparison.advice.head)


def first(comparison: Comparison, messages: Messages) -> First:
    """Three short sentences beside the loss at the rates that were tried, or the differences where one rate was."""
    replies = [
        Reply(question=messages("answer.which"), sentence=_which(comparison, messages),
              more=_link("rates", comparison, messages)),
        Reply(question=messages("answer.whether"), sentence=_whether(comparison, messages),
              more=[Span(text=messages("compare.differences"), href="#differences")]),
    ]  # fmt: skip
    if why := why_in_short(comparison.attribution, messages):
        replies.append(Reply(question=messages("answer.why"), sentence=why, more=_link("why", comparison, messages)))
    return First(
        replies=replies,
        picture=_picture(comparison, messages),
        write=messages("compare.write"),
        code=comparison.advice.code,
    )


def _which(comparison: Comparison, messages: Messages) -> str:
    """The head, and the rate if another one than the model's own is advised."""
    rate, model_rate = comparison.advice.learning_rate, float(comparison.settings.get("learning_rate", math.nan))
    changed = not math.isclose(rate, model_rate, rel_tol=1e-6)
    key = "either" if comparison.advice.head == EITHER else "one"
    return messages(f"compare.which.{key}", head=comparison.advice.head) + messages(
        f"compare.rate.{'changed' if changed else 'kept'}", rate=f"{rate:.2g}"
    )


def _whether(comparison: Comparison, messages: Messages) -> str:
    outcomes = comparison.primary["outcome"]
    apart, inside = int(outcomes.isin(APART).sum()), int(outcomes.isin(INSIDE).sum())
    return messages("compare.whether", apart=apart, inside=inside, open=len(outcomes) - apart - inside, n=len(outcomes))


def _link(section: str, comparison: Comparison, messages: Messages) -> list[Span]:
    exists = comparison.tuning is not None if section == "rates" else len(comparison.attribution) > 0
    return [Span(text=messages(f"answer.to_{section}"), href=f"#{section}")] if exists else []


def _picture(comparison: Comparison, messages: Messages) -> Picture:
    if comparison.tuning is not None:
        return picture_of(
            None, "rates_in_short", rates, comparison.rates, comparison.tuning.own, messages=messages, wide=SHORT
        )
    return picture_of(None, "margins_in_short", margins, comparison.primary, messages=messages, wide=SHORT)
