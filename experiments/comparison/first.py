"""The first screen of a comparison: which head, whether they differ, why; the user's own rates; the lines to write."""

from __future__ import annotations

import math

from experiments.comparison.advice import EITHER
from experiments.comparison.chart import margins, rates
from experiments.comparison.result import Comparison
from experiments.figures import Words
from experiments.judgement import APART, INSIDE
from experiments.report import SHORT, First, Picture, Reply, Span, drawn
from experiments.report.sections import short


def title(found: Comparison, words: Words) -> str:
    """The head to use, as the title of the page."""
    either = found.advice.head == EITHER
    return words(f"compare.title.{'either' if either else 'one'}", head=found.advice.head)


def first(found: Comparison, words: Words) -> First:
    """Three short sentences beside the loss at the rates that were tried, or the differences where one rate was."""
    replies = [
        Reply(question=words("answer.which"), sentence=_which(found, words), more=_link("rates", found, words)),
        Reply(question=words("answer.whether"), sentence=_whether(found, words),
              more=[Span(text=words("compare.differences"), href="#differences")]),
    ]  # fmt: skip
    if why := short.why(found.attribution, words):
        replies.append(Reply(question=words("answer.why"), sentence=why, more=_link("why", found, words)))
    return First(replies=replies, picture=_picture(found, words), write=words("compare.write"), code=found.advice.code)


def _which(found: Comparison, words: Words) -> str:
    """The head, and the rate if another one than the model's own is advised."""
    rate, own = found.advice.learning_rate, float(found.settings.get("learning_rate", math.nan))
    changed = not math.isclose(rate, own, rel_tol=1e-6)
    key = "either" if found.advice.head == EITHER else "one"
    return words(f"compare.which.{key}", head=found.advice.head) + words(
        f"compare.rate.{'changed' if changed else 'kept'}", rate=f"{rate:.2g}"
    )


def _whether(found: Comparison, words: Words) -> str:
    outcomes = found.primary["outcome"]
    apart, inside = int(outcomes.isin(APART).sum()), int(outcomes.isin(INSIDE).sum())
    return words("compare.whether", apart=apart, inside=inside, open=len(outcomes) - apart - inside, n=len(outcomes))


def _link(section: str, found: Comparison, words: Words) -> list[Span]:
    there = found.tuning is not None if section == "rates" else len(found.attribution) > 0
    return [Span(text=words(f"answer.to_{section}"), href=f"#{section}")] if there else []


def _picture(found: Comparison, words: Words) -> Picture:
    if found.tuning is not None:
        return drawn(None, "rates_in_short", rates, found.rates, found.tuning.own, words=words, wide=SHORT)
    return drawn(None, "margins_in_short", margins, found.primary, words=words, wide=SHORT)
