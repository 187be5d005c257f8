"""The first screen: which head to use, do they differ, why; what to write; and, folded, what never to write."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.figures import Messages, interval, percent, rate_map_in_short
from experiments.heads import BASELINE
from experiments.judgement import missing, score, scored
from experiments.report.blocks import (
    Block,
    Code,
    First,
    Fold,
    Inline,
    Picture,
    Reply,
    Section,
    Span,
    Table,
    Text,
    number,
)
from experiments.report.sections import headline
from experiments.report.sections.components import SHORT, SOFTMAX, compared, picture_of
from experiments.report.stored import Stored
from experiments.tables import CELL, pair

WRITE = """\
model = keras.Sequential([*trunk, keras.layers.Dense(1)])
model.compile(
    optimizer,
    keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy(threshold=0.0),
             keras.metrics.AUC(from_logits=True)])
probability = keras.ops.sigmoid(model.predict(x))"""
OR = """\
model = keras.Sequential([*trunk, keras.layers.Dense(2)])
model.compile(
    optimizer,
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"])
probability = keras.ops.softmax(model.predict(x))[:, 1]"""
# a program -> the string that says what it does
_NEVER = {
    'Dense(1, "softmax")': "one",
    'Dense(2, "softmax") + binary_crossentropy': "softmax_bce",
    'Dense(2, "sigmoid") + categorical_crossentropy': "sigmoid2_cce",
    "Dense(1) + BinaryCrossentropy()": "untold",
    "Reshape, Dropout, ... + loss": "after",
    'Dense(1, "sigmoid", dtype="float16")': "half",
}


def answer(stored: Stored, messages: Messages) -> Section | None:
    """A title and three short sentences, each chosen by a verdict and filled from its tables, and what follows."""
    title, replies = in_short(stored, messages)
    if not replies:
        return _before_statistics(stored, messages)
    first = First(replies=replies, picture=_picture(stored, messages), write=messages("answer.write"), code=WRITE,
                  source=_source(stored, messages))  # fmt: skip
    figures = Fold(summary=messages("answer.figures"), blocks=_at_length(stored, messages))
    return Section(id="answer", title=title, blocks=[first, figures, *_folded(messages)])


def in_short(stored: Stored, messages: Messages) -> tuple[str, list[Reply]]:
    """The title and the sentences; no sentence where there are no statistics yet."""
    rows, gaps, law = compared(stored), compared(stored, "rate_gaps"), headline.sides(compared(stored, "overall"))
    depends, differs, _ = _outcomes(stored)
    sentences = {
        "which": headline.which(rows, depends, law, messages),
        "whether": headline.whether(rows, gaps, differs, messages),
        "why": headline.why(stored.read("attribution"), messages),
    }
    replies = [Reply(question=messages(f"answer.{name}"), sentence=sentence, more=_more(name, stored, messages))
               for name, sentence in sentences.items() if sentence]  # fmt: skip
    return headline.title(depends, law, messages), replies


def _at_length(stored: Stored, messages: Messages) -> list[Block]:
    """The same with every figure."""
    rows, overall, gaps = compared(stored), compared(stored, "overall"), compared(stored, "rate_gaps")
    depends, differs, framework = _outcomes(stored)
    sentences = {
        "which": winner(rows, gaps, depends, messages, overall),
        "whether": differ(rows, overall, differs, messages),
        "why": cause(stored.read("attribution"), framework, messages),
    }
    return [Text(body=[Span(text=messages(f"answer.{name}"), strong=True), " ", sentence])
            for name, sentence in sentences.items() if sentence]  # fmt: skip


def _outcomes(stored: Stored) -> tuple[str, str, str]:
    """The verdicts on whether the winner depends on the model, whether they differ, and whether frameworks cause it."""
    outcomes = stored.read("verdicts").set_index("claim")["outcome"].to_dict()
    one, two, three = (
        str(outcomes.get(claim, "undecided"))
        for claim in ("winner-depends-on-model", "differs-in-practice", "framework-is-the-cause")
    )
    return one, two, three


def _before_statistics(stored: Stored, messages: Messages) -> Section | None:
    plain = _plain(stored, messages)
    if not plain:
        return None
    blocks = [Text(body=plain, lead=True), Text(body=messages("answer.write")), Code(body=WRITE), *_folded(messages)]
    return Section(id="answer", title=messages("answer.title"), blocks=blocks)


# a question -> the table that the section needs to which it leads, and that section
_LEADS = {"which": ("rate_law", "rates"), "whether": ("differences", "where"), "why": ("attribution", "why")}


def _more(question: str, stored: Stored, messages: Messages) -> list[Span]:
    table, section = _LEADS[question]
    return [Span(text=messages(f"answer.to_{section}"), href=f"#{section}")] if stored.has(table) else []


def _source(stored: Stored, messages: Messages) -> Inline:
    if stored.cells.empty:
        return ""
    return Span(text=messages("answer.source"), href="#cells")


def _picture(stored: Stored, messages: Messages) -> Picture | None:
    """The rate map; nothing where no rate was swept."""
    rows, law = stored.read("rate_map"), stored.read("rate_law")
    if rows.empty or law.empty:
        return None
    return picture_of(
        stored.figure_cache, "rate_map_in_short", rate_map_in_short, rows, law, messages=messages, wide=SHORT
    )


def _folded(messages: Messages) -> list[Block]:
    never: list[list[Inline]] = [[Span(text=line, code=True), messages(f"never.{why}")] for line, why in _NEVER.items()]
    columns = [messages("never.program"), messages("never.what")]
    return [
        Fold(summary=messages("answer.two"), blocks=[Text(body=messages("answer.or")), Code(body=OR)]),
        Fold(summary=messages("never.summary"),
             blocks=[Table(caption=messages("never.caption"), columns=columns, rows=never, prose=True)]),
    ]  # fmt: skip


def differ(rows: pd.DataFrame, overall: pd.DataFrame, outcome: str, messages: Messages) -> str:
    """Whether they differ: the means over tasks, and how many cells differ in a primary quantity, and how much."""
    counts = headline.cells(rows)
    if counts is None:
        return ""
    means = overall.loc[overall["at"] == "default"].set_index("quantity")["mean"] if len(overall) else pd.Series()
    listed = messages("sentence.list").join(
        messages(f"answer.differ.{name}", mean=number(means[name], sign=True).text)
        for name in ("nll_curve", "nll", "accuracy")
        if name in means.index
    )
    return messages(f"answer.differ.{outcome}", means=listed) + messages(
        "answer.differ.cells", larger=counts.larger, different=counts.different, inside=counts.inside, open=counts.open,
        cells=counts.n, how=_how(counts.open_rows, messages) if outcome == "undecided" else "",
    )  # fmt: skip


def cause(attribution: pd.DataFrame, outcome: str, messages: Messages) -> str:
    """Why: each factor's part of the difference in the loss curve."""
    shares = headline.causes(attribution)
    if shares is None:
        return ""
    return messages(f"answer.cause.{outcome}", rate=percent(shares.rate), start=percent(shares.start),
                    rest=percent(shares.rest))  # fmt: skip


def winner(
    rows: pd.DataFrame, gaps: pd.DataFrame, outcome: str, messages: Messages, overall: pd.DataFrame | None = None
) -> str:
    """Who wins: on either side of the best rate, at the default rate, and with each arm at its own best rate.

    What `overall` and `gaps` do not hold is left out.
    """
    default = scored(rows)
    if default.empty:
        return ""
    best = scored(gaps.loc[gaps["at"] == "best"]) if len(gaps) else gaps
    parts = [
        _along(headline.sides(overall) if overall is not None else None, messages),
        _score("default", default, messages),
        _score("best", best, messages) if len(best) else "",
    ]
    clauses = messages("answer.winner.then").join(part for part in parts if part)
    return (
        messages(f"answer.winner.{outcome}") + messages("answer.winner.colon") + clauses + messages("answer.winner.end")
    )


def _along(law: headline.Sides | None, messages: Messages) -> str:
    """The law, where the means over tasks show it: softmax lower below sigmoid's best rate, sigmoid above it."""
    if law is None:
        return ""
    return messages("answer.winner.along", below=number(law.below, sign=True).text,
                    above=number(law.above, sign=True).text, n=law.n_tasks)  # fmt: skip


def _score(at: str, rows: pd.DataFrame, messages: Messages) -> str:
    softmax, sigmoid, tie, undecided = score(rows)
    return messages(f"answer.winner.{at}", softmax=softmax, sigmoid=sigmoid, n=len(rows), open=undecided, tie=tie,
                    how=_how(rows, messages))  # fmt: skip


def _how(rows: pd.DataFrame, messages: Messages) -> str:
    """What would decide the undecided ones of `rows`, and how far they may differ; nothing where none is undecided."""
    undecided = missing(rows)
    if undecided is None:
        return ""
    kinds = {"seeds": (undecided.by_seeds, undecided.seeds), "rows": (undecided.by_rows, undecided.fresh_seeds),
             "never": (undecided.never, 0)}  # fmt: skip
    ways = messages("sentence.list").join(
        messages(f"answer.how.{kind}", k=k, seeds=seeds) for kind, (k, seeds) in kinds.items() if k
    )
    bound = messages("answer.how.bound", bound=number(undecided.bound).text) if np.isfinite(undecided.bound) else ""
    return messages("answer.how.all", ways=ways, bound=bound)


def _plain(stored: Stored, messages: Messages) -> str:
    """What the raw final losses say, when no statistics are stored yet."""
    heads = (BASELINE, SOFTMAX)
    values = stored.read("finals", quantity="nll", split="test", head=heads)
    pairs = pair(values, stored.read("runs", head=heads), SOFTMAX)
    if pairs.empty:
        return ""
    ends = [interval(part["difference"].to_numpy(float)[:, None]) for _, part in pairs.groupby(CELL, sort=False)]
    lower, higher = sum(bool(end[2][0] < 0) for end in ends), sum(bool(end[1][0] > 0) for end in ends)
    return messages("answer.counts", cells=len(ends), lower=lower, higher=higher, rest=len(ends) - lower - higher)
