"""The first screen of a comparison: which head, whether they differ, why; the user's own rates; the lines to write."""

from __future__ import annotations

import math

from experiments.comparison.advice import EITHER
from experiments.comparison.chart import margins, rates
from experiments.comparison.result import Comparison
from experiments.figures import Messages
from experiments.judgement import APART, INSIDE
from experiments.report import SHORT, First, Picture, Reply, Span, drawn
from experiments.report.sections import short


def title(found: Comparison, messages: Messages) -> str:
    """The head to use, as the title of the page."""
    either = found.advice.head == EITHER
    return messages(f"compare.title.{'either' if either else 'one'}", head=found.advice.head)


def first(found: Comparison, messages: Messages) -> First:
    """Three short sentences beside the loss at the rates that were tried, or the differences where one rate was."""
    replies = [
        Reply(question=messages("answer.which"), sentence=_which(found, messages),
              more=_link("rates", found, messages)),
        Reply(question=messages("answer.whether"), sentence=_whether(found, messages),
              more=[Span(text=messages("compare.differences"), href="#differences")]),
    ]  # fmt: skip
    if why := short.why(found.attribution, messages):
        replies.append(Reply(question=messages("answer.why"), sentence=why, more=_link("why", found, messages)))
    return First(
        replies=replies, picture=_picture(found, messages), write=messages("compare.write"), code=found.advice.code
    )


def _which(found: Comparison, messages: Messages) -> str:
    """The head, and the rate if another one than the model's own is advised."""
    rate, own = found.advice.learning_rate, float(found.settings.get("learning_rate", math.nan))
    changed = not math.isclose(rate, own, rel_tol=1e-6)
    key = "either" if found.advice.head == EITHER else "one"
    return messages(f"compare.which.{key}", head=found.advice.head) + messages(
        f"compare.rate.{'changed' if changed else 'kept'}", rate=f"{rate:.2g}"
    )


def _whether(found: Comparison, messages: Messages) -> str:
    outcomes = found.primary["outcome"]
    apart, inside = int(outcomes.isin(APART).sum()), int(outcomes.isin(INSIDE).sum())
    return messages("compare.whether", apart=apart, inside=inside, open=len(outcomes) - apart - inside, n=len(outcomes))


def _link(section: str, found: Comparison, messages: Messages) -> list[Span]:
    there = found.tuning is not None if section == "rates" else len(found.attribution) > 0
    return [Span(text=messages(f"answer.to_{section}"), href=f"#{section}")] if there else []


def _picture(found: Comparison, messages: Messages) -> Picture:
    if found.tuning is not None:
        return drawn(None, "rates_in_short", rates, found.rates, found.tuning.own, messages=messages, wide=SHORT)
    return drawn(None, "margins_in_short", margins, found.primary, messages=messages, wide=SHORT)
