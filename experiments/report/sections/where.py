"""Where they differ: the forest over cells, how every arm came out, and what so many seeds can show."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.figures import Words, forest, paired_differences
from experiments.heads import BASELINE
from experiments.judgement import OUTCOMES, counts
from experiments.report.blocks import Block, Inline, Section, Span, Table, Text, number, ranged
from experiments.report.sections.common import SOFTMAX, badge, compared, drawn, for_fresh_rows, made_by
from experiments.report.stored import Stored
from experiments.stats import QUANTITIES
from experiments.tables import pair

K_SIGMOID, K_SOFTMAX = "k_sigmoid", "k_softmax"
_DRAWN = ("nll_curve", "nll", "accuracy")
_LABELS = ("micro_f1", "macro_f1", "subset_accuracy")
_SHOWN = [known.name for known in QUANTITIES.values() if known.primary or known.name in _LABELS]


def where(stored: Stored, words: Words) -> Section | None:
    """Paired differences of every cell against the margin and the noise floor."""
    table = compared(stored)
    quantities = [name for name in _DRAWN if (table["quantity"] == name).any()]
    blocks: list[Block]
    if quantities:
        every = for_fresh_rows(stored.read("differences", baseline=BASELINE))
        picture = drawn(stored.kept, "differences", forest, table, words=words, quantities=quantities)
        overall = for_fresh_rows(stored.read("overall", baseline=BASELINE, at="default"))
        blocks = [
            *_overall(overall.loc[overall["head"] == SOFTMAX], words("overall.caption"), words),
            Text(body=words("where.read")), picture,
            Text(body=words("where.method")), _arms(every, overall, words), *_power(table, words),
        ]  # fmt: skip
    else:
        heads = (BASELINE, SOFTMAX)
        values = stored.read("finals", quantity="nll", split="test", head=heads)
        pairs = pair(values, stored.read("runs", head=heads), SOFTMAX).assign(head=SOFTMAX)
        if pairs.empty:
            return None
        blocks = [
            Text(body=words("where.pairs")),
            drawn(stored.kept, "differences", paired_differences, pairs, words=words),
        ]
    blocks += [*made_by(stored, words, "binary"), *_several(stored, words)]
    return Section(id="where", title=words("where.title"), blocks=blocks)


def _several(stored: Stored, words: Words) -> list[Block]:
    """The same question on several classes and several labels."""
    table = for_fresh_rows(stored.read("overall", baseline=K_SIGMOID, head=K_SOFTMAX))
    blocks: list[Block] = []
    for kind, of_kind in table.groupby("kind", sort=False):
        named = words.translated("kind", str(kind).replace(" ", "_"), str(kind))
        for at in ("best", "default"):
            caption = words(f"overall.several_{at}", kind=named)
            blocks += _overall(of_kind.loc[of_kind["at"] == at], caption, words)
    return [*blocks, *made_by(stored, words, "multiclass", "multilabel")] if blocks else []


def _overall(rows: pd.DataFrame, caption: str, words: Words) -> list[Block]:
    """One arm against its baseline over all tasks, in the primary quantities."""
    if rows.empty:
        return []
    shown: list[list[Inline]] = []
    for _, row in rows.loc[rows["quantity"].isin(_SHOWN)].iterrows():
        known = QUANTITIES[str(row["quantity"])]
        # a relative quantity is averaged as a share of sigmoid's
        scale, unit, name = (100, " %", words.or_key("quantity", known.name)) if known.relative else (1, "", "")
        shown.append([
            name or words.axis(known.name), ranged(row, scale=scale, unit=unit),
            number(scale * row["margin"], unit=unit), badge(str(row["outcome"]), words),
            number(float(row["n_tasks"]), 9), number(float(row["n_cells"]), 9),
        ])  # fmt: skip
    columns = [words(f"overall.{name}") for name in ("quantity", "mean", "margin", "outcome", "tasks", "cells")]
    return [Table(caption=caption, columns=columns, rows=shown)]


def _arms(every: pd.DataFrame, overall: pd.DataFrame, words: Words) -> Table:
    """Every arm against sigmoid in the mean loss over training: outcomes over cells, and the mean over tasks."""
    found = counts(every.loc[every["quantity"] == "nll_curve"])
    mean = overall.loc[overall["quantity"] == "nll_curve"].set_index("head")
    rows = []
    for row in found.itertuples():
        head = str(row.head)
        whole = mean.loc[head] if head in mean.index else None
        rows.append([
            Span(text=head, code=True),
            *(number(float(found.loc[row.Index, outcome]), 9) for outcome in OUTCOMES),
            "" if whole is None else ranged(whole),
        ])  # fmt: skip
    columns = [words("where.arm"), *(words(f"outcome.{outcome}") for outcome in OUTCOMES), words("where.mean")]
    return Table(caption=words("where.caption"), columns=columns, rows=rows)


def _power(table: pd.DataFrame, words: Words) -> list[Block]:
    """What this many seeds could have shown, and the seeds that would decide what is open."""
    if not {"detectable", "seeds_needed"} <= set(table.columns):
        return []
    rows: list[list[Inline]] = []
    for name, part in table.groupby("quantity", sort=False):
        if name not in QUANTITIES or not QUANTITIES[str(name)].primary:
            continue
        needed = part.loc[part["outcome"] == "undecided", "seeds_needed"]
        finite = needed[np.isfinite(needed)]
        rows.append([
            words.axis(str(name)), number(part["margin"].median()), number(part["detectable"].median()),
            number(part["noise_floor"].median()), number(float(len(needed)), 9),
            number(float(finite.median()) if len(finite) else np.nan), number(float(len(needed) - len(finite)), 9),
        ])  # fmt: skip
    columns = [
        words(f"power.{name}") for name in ("quantity", "margin", "detectable", "floor", "open", "seeds", "never")
    ]
    return [Text(body=words("power.read")), Table(caption=words("power.caption"), columns=columns, rows=rows)]
