"""The first screen: which head to use, do they differ, why; what to write and what never to write."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.figures import Words
from experiments.figures.causes import parts, percent
from experiments.figures.panels import CELL, interval
from experiments.heads import BASELINE
from experiments.judgement import APART, INSIDE, cells_apart, missing
from experiments.report.blocks import Block, Code, Inline, Section, Span, Table, Text, number
from experiments.report.sections.common import SOFTMAX, compared, wins
from experiments.report.stored import Stored
from experiments.stats import QUANTITIES
from experiments.tables import pair

_WRITE = """\
model = keras.Sequential([*trunk, keras.layers.Dense(1)])
model.compile(optimizer, keras.losses.BinaryCrossentropy(from_logits=True),
              metrics=[keras.metrics.BinaryAccuracy(threshold=0.0),
                       keras.metrics.AUC(from_logits=True)])
probability = keras.ops.sigmoid(model.predict(x))"""
_OR = """\
model = keras.Sequential([*trunk, keras.layers.Dense(2)])
model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True),
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


def answer(stored: Stored, words: Words) -> Section | None:
    """Three sentences, each chosen by a verdict and filled from its tables, and what follows from them."""
    verdicts = stored.read("verdicts").set_index("claim")["outcome"].to_dict()
    rows, overall = compared(stored), compared(stored, "overall")
    sentences = [
        winner(rows, compared(stored, "rate_gaps"), str(verdicts.get("winner-depends-on-model", "undecided")), words,
               overall),
        differ(rows, overall, str(verdicts.get("differs-in-practice", "undecided")), words),
        cause(stored.read("attribution"), str(verdicts.get("framework-is-the-cause", "undecided")), words),
    ]
    lead = [
        Text(body=[Span(text=words(f"answer.{name}.question"), strong=True), sentence], lead=True)
        for name, sentence in zip(("winner", "differ", "cause"), sentences, strict=True)
        if sentence
    ]
    if not lead and (plain := _plain(stored, words)):
        lead = [Text(body=plain, lead=True)]
    if not lead:
        return None
    never: list[list[Inline]] = [[Span(text=line, code=True), words(f"never.{why}")] for line, why in _NEVER.items()]
    blocks: list[Block] = [
        *lead,
        Text(body=words("answer.write")),
        Code(body=_WRITE),
        Text(body=words("answer.or")),
        Code(body=_OR),
        Table(caption=words("never.caption"), columns=[words("never.program"), words("never.what")], rows=never,
              prose=True),
    ]  # fmt: skip
    return Section(id="answer", title=words("answer.title"), blocks=blocks)


def differ(rows: pd.DataFrame, overall: pd.DataFrame, outcome: str, words: Words) -> str:
    """Whether they differ: the means over tasks, and how many cells differ in a primary quantity, and how much."""
    primary = rows.loc[rows["quantity"].isin([q.name for q in QUANTITIES.values() if q.primary])]
    if primary.empty:
        return ""
    # a cell differs if any of its quantities does, all of them and all cells corrected together; what is neither that
    # nor inside its margins in all of them is undecided
    outcomes = primary["outcome"].astype(str).groupby([primary[name] for name in CELL], sort=False).agg(set)
    larger = cells_apart(primary, CELL, beyond=True)
    inside = ~larger & outcomes.map(lambda found: found <= set(INSIDE))
    different = ~larger & ~inside & cells_apart(primary, CELL)
    open_ = ~(larger | inside | different)
    means = overall.loc[overall["at"] == "default"].set_index("quantity")["mean"] if len(overall) else pd.Series()
    listed = words("sentence.list").join(
        words(f"answer.differ.{name}", mean=number(means[name], sign=True).text)
        for name in ("nll_curve", "nll", "accuracy")
        if name in means.index
    )
    undecided = primary.loc[[bool(open_[key]) for key in primary[CELL].itertuples(index=False, name=None)]]
    return words(f"answer.differ.{outcome}", means=listed) + words(
        "answer.differ.cells", larger=int(larger.sum()), different=int(different.sum()), inside=int(inside.sum()),
        open=int(open_.sum()), cells=len(outcomes), how=_how(undecided, words) if outcome == "undecided" else "",
    )  # fmt: skip


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


def winner(
    rows: pd.DataFrame, gaps: pd.DataFrame, outcome: str, words: Words, overall: pd.DataFrame | None = None
) -> str:
    """Who wins: on either side of the best rate, at the default rate, and with each arm at its own best rate.

    What `overall` and `gaps` do not hold is left out.
    """
    default = rows.loc[rows["quantity"].isin(["nll", "accuracy"])]
    if default.empty:
        return ""
    best = gaps.loc[gaps["quantity"].isin(["nll", "accuracy"]) & (gaps["at"] == "best")] if len(gaps) else gaps
    parts = [
        _along(overall, words) if overall is not None and len(overall) else "",
        _score("default", default, words),
        _score("best", best, words) if len(best) else "",
    ]
    told = words("answer.winner.then").join(part for part in parts if part)
    return words(f"answer.winner.{outcome}") + words("answer.winner.colon") + told + words("answer.winner.end")


def _along(overall: pd.DataFrame, words: Words) -> str:
    """The law, where the means over tasks show it: softmax lower below sigmoid's best rate, sigmoid above it."""
    sides = overall.loc[overall["quantity"] == "nll"].set_index("at")
    if not {"below", "above"} <= set(sides.index):
        return ""
    if not set(sides.loc[["below", "above"], "outcome"]) <= {*APART, "negligible"}:  # whose sign is shown
        return ""
    below, above = (float(sides.loc[side, "mean"]) for side in ("below", "above"))
    if not below < 0 < above:
        return ""
    return words("answer.winner.along", below=number(below, sign=True).text, above=number(above, sign=True).text,
                 n=int(sides.loc["below", "n_tasks"]))  # fmt: skip


def _score(at: str, rows: pd.DataFrame, words: Words) -> str:
    softmax, sigmoid = wins(rows)
    undecided = int((rows["outcome"] == "undecided").sum())
    return words(f"answer.winner.{at}", softmax=softmax, sigmoid=sigmoid, n=len(rows), open=undecided,
                 tie=len(rows) - softmax - sigmoid - undecided, how=_how(rows, words))  # fmt: skip


def _how(rows: pd.DataFrame, words: Words) -> str:
    """What would decide the undecided ones of `rows`, and how far they may differ; nothing where none is undecided."""
    still = missing(rows)
    if still is None:
        return ""
    kinds = {"seeds": (still.by_seeds, still.seeds), "rows": (still.by_rows, still.fresh_seeds),
             "never": (still.never, 0)}  # fmt: skip
    ways = words("sentence.list").join(
        words(f"answer.how.{kind}", k=k, seeds=seeds) for kind, (k, seeds) in kinds.items() if k
    )
    bound = words("answer.how.bound", bound=number(still.bound).text) if np.isfinite(still.bound) else ""
    return words("answer.how.all", ways=ways, bound=bound)


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
