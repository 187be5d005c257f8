"""The first screen: do they differ, why, who wins; what to write and what never to write."""

from __future__ import annotations

import pandas as pd

from experiments.figures import Words
from experiments.figures.causes import parts, percent
from experiments.figures.panels import CELL, interval
from experiments.heads import BASELINE
from experiments.report.blocks import Block, Code, Section, Span, Text, number
from experiments.report.sections.common import SOFTMAX, compared, wins
from experiments.report.stored import Stored
from experiments.stats import QUANTITIES
from experiments.tables import pair

_WRITE = """\
model = keras.Sequential([*trunk, keras.layers.Dense(1)])
model.compile(optimizer, keras.losses.BinaryCrossentropy(from_logits=True))"""
_OR = """\
model = keras.Sequential([*trunk, keras.layers.Dense(2)])
model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))"""
_NEVER = (
    'Dense(1, "softmax")',
    'Dense(2, "softmax") + binary_crossentropy',
    'Dense(2, "sigmoid") + categorical_crossentropy',
)


def answer(stored: Stored, words: Words) -> Section | None:
    """Three sentences, each chosen by a verdict and filled from its tables, and what follows from them."""
    verdicts = stored.read("verdicts").set_index("claim")["outcome"].to_dict()
    rows = compared(stored)
    sentences = [
        differ(rows, compared(stored, "overall"), str(verdicts.get("differs-in-practice", "undecided")), words),
        cause(stored.read("attribution"), str(verdicts.get("framework-is-the-cause", "undecided")), words),
        winner(rows, compared(stored, "rate_gaps"), str(verdicts.get("winner-depends-on-model", "undecided")), words),
    ]
    lead = [
        Text(body=[Span(text=words(f"answer.{name}.question"), strong=True), sentence], lead=True)
        for name, sentence in zip(("differ", "cause", "winner"), sentences, strict=True)
        if sentence
    ]
    if not lead and (plain := _plain(stored, words)):
        lead = [Text(body=plain, lead=True)]
    if not lead:
        return None
    never: list[str | Span] = [words("answer.never")]
    for place, line in enumerate(_NEVER):
        never += [words("sentence.list"), Span(text=line, code=True)] if place else [Span(text=line, code=True)]
    blocks: list[Block] = [
        *lead,
        Text(body=words("answer.write")),
        Code(body=_WRITE),
        Text(body=words("answer.or")),
        Code(body=_OR),
        Text(body=[*never, words("answer.because")]),
    ]
    return Section(id="answer", title=words("answer.title"), blocks=blocks)


def differ(rows: pd.DataFrame, overall: pd.DataFrame, outcome: str, words: Words) -> str:
    """Whether they differ: the means over tasks, and the cells where a primary quantity passes its margin."""
    primary = rows.loc[rows["quantity"].isin([q.name for q in QUANTITIES.values() if q.primary])]
    if primary.empty:
        return ""
    different = primary.loc[primary["outcome"] == "different"]
    apart = len(different[CELL].drop_duplicates())
    means = overall.set_index("quantity")["mean"]
    listed = words("sentence.list").join(
        words(f"answer.differ.{name}", mean=number(means[name], sign=True).text)
        for name in ("nll_curve", "nll", "accuracy")
        if name in means.index
    )
    cells = len(primary[CELL].drop_duplicates())
    return words(f"answer.differ.{outcome}", means=listed) + words("answer.differ.cells", apart=apart, cells=cells)


def cause(attribution: pd.DataFrame, outcome: str, words: Words) -> str:
    """Why: each factor's part of the difference in the loss curve."""
    rows = attribution.loc[attribution["quantity"] == "nll_curve"]
    if rows.empty:
        return ""
    wide = rows.pivot_table(index=CELL, columns="factor", values="share", observed=True)
    found = parts(wide)
    if not found:
        return ""
    rate = found.get("head_rate", 0.0) + found.get("head_rate+decay", 0.0)
    return words(f"answer.cause.{outcome}", rate=percent(rate), start=percent(found.get("initialisation", 0.0)),
                 rest=percent(found.get("arithmetic", 0.0)))  # fmt: skip


def winner(rows: pd.DataFrame, gaps: pd.DataFrame, outcome: str, words: Words) -> str:
    """Who wins: at the default rate and, where `gaps` are stored, with each arm at its own best rate."""
    default = rows.loc[rows["quantity"].isin(["nll", "accuracy"])]
    if default.empty:
        return ""
    softmax, sigmoid = wins(default)
    sentence = words(f"answer.winner.{outcome}", softmax=softmax, sigmoid=sigmoid, n=len(default))
    best = gaps.loc[gaps["quantity"].isin(["nll", "accuracy"]) & (gaps["at"] == "best")] if len(gaps) else gaps
    if len(best):
        softmax, sigmoid = wins(best)
        sentence += words("answer.winner.best", softmax=softmax, sigmoid=sigmoid, n=len(best))
    return sentence + words("answer.winner.end")


def _plain(stored: Stored, words: Words) -> str:
    """What the raw final losses say, when no statistics are stored yet."""
    heads = (BASELINE, SOFTMAX)
    values = stored.read("finals", quantity="nll", split="test", head=heads)
    pairs = pair(values, stored.read("runs", head=heads), SOFTMAX)
    if pairs.empty:
        return ""
    ends = [interval(part["difference"].to_numpy(float)[:, None]) for _, part in pairs.groupby(CELL, sort=False)]
    lower, higher = sum(bool(end[2][0] < 0) for end in ends), sum(bool(end[1][0] > 0) for end in ends)
    return words("answer.counts", cells=len(ends), lower=lower, higher=higher, rest=len(ends) - lower - higher)
