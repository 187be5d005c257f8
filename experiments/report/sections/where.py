"""Where they differ: the forest over cells, how every arm came out, and what so many seeds can show."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from experiments.figures import Messages, for_fresh_rows, forest, paired_differences
from experiments.heads import BASELINE
from experiments.judgement import APART, INSIDE, OUTCOMES, THESE, counts, scale_over_tasks
from experiments.report.blocks import Block, Fold, Inline, Section, Table, Text, number, ranged
from experiments.report.sections.common import SOFTMAX, badge, by_network, compared, drawn, made_by, network_name
from experiments.report.stored import Stored
from experiments.stats import QUANTITIES
from experiments.tables import pair

K_SIGMOID, K_SOFTMAX = "k_sigmoid", "k_softmax"
_DRAWN = ("nll_curve", "nll", "accuracy")
_LABELS = ("micro_f1", "macro_f1", "subset_accuracy")
_SHOWN = [known.name for known in QUANTITIES.values() if known.primary or known.name in _LABELS]


def where(stored: Stored, messages: Messages) -> Section | None:
    """Paired differences of every cell against the margin and the noise floor."""
    table = compared(stored)
    quantities = [name for name in _DRAWN if (table["quantity"] == name).any()]
    blocks: list[Block]
    if quantities:
        every = for_fresh_rows(stored.read("differences", baseline=BASELINE))
        figures = by_network(stored, "differences", forest, table, messages, partial(_told, messages=messages),
                             quantities=quantities)  # fmt: skip
        whole = stored.read("overall", baseline=BASELINE, at="default")
        overall = for_fresh_rows(whole)
        blocks = [
            *_overall(whole.loc[whole["head"] == SOFTMAX], messages("overall.caption"), messages),
            Text(body=messages("where.read")), *figures,
            Fold(summary=messages("where.method_summary"), blocks=[Text(body=messages("where.method"))]),
            Fold(summary=messages("where.arms"), blocks=[_arms(every, overall, messages)]),
            Fold(summary=messages("power.summary"), blocks=_power(table, messages)),
        ]  # fmt: skip
    else:
        heads = (BASELINE, SOFTMAX)
        values = stored.read("finals", quantity="nll", split="test", head=heads)
        pairs = pair(values, stored.read("runs", head=heads), SOFTMAX).assign(head=SOFTMAX)
        if pairs.empty:
            return None
        blocks = [
            Text(body=messages("where.pairs")),
            drawn(stored.kept, "differences", paired_differences, pairs, messages=messages),
        ]
    blocks += [*made_by(stored, messages, "binary"), *_several(stored, messages)]
    return Section(id="where", title=messages("where.title"), blocks=blocks)


def _told(network: str, rows: pd.DataFrame, messages: Messages) -> str:
    """In how many cells of a network the final test losses differ, are within the margin, and are open."""
    outcomes = rows.loc[rows["quantity"] == "nll", "outcome"].astype(str)
    counts = {name: int(outcomes.isin(kinds).sum()) for name, kinds in
              (("apart", APART), ("inside", INSIDE), ("open", ("undecided",)))}  # fmt: skip
    return messages("where.network", network=network_name(network, messages), n=len(outcomes), **counts)


def _several(stored: Stored, messages: Messages) -> list[Block]:
    """The same question on several classes and labels: at each head's best rate, then at the default, and why so."""
    shares = stored.read("loss_scale")
    labelled = shares["task"].isin(shares.loc[shares["quantity"] == _LABELS[0], "task"])
    table = stored.read("overall", baseline=K_SIGMOID, head=K_SOFTMAX)
    blocks: list[Block] = []
    for kind, of_kind in table.groupby("kind", sort=False):
        named = messages.translated("kind", str(kind).replace(" ", "_"), str(kind))
        for at in ("best", "default"):
            caption = messages(f"overall.several_{at}", kind=named)
            blocks += _overall(of_kind.loc[of_kind["at"] == at], caption, messages)
        blocks += _scale(shares.loc[labelled == (kind == "several labels")], messages)
    return [*blocks, *made_by(stored, messages, "multiclass", "multilabel")] if blocks else []


def _scale(shares: pd.DataFrame, messages: Messages) -> list[Block]:
    """What the scale of the loss has in the difference under SGD, in each quantity that counts."""
    found = {name: scale_over_tasks(shares, name) for name in _SHOWN}
    texts = [
        messages("overall.scale_part", quantity=messages.axis(name), part=number(both[1], sign=True).text,
                 whole=number(both[0], sign=True).text)
        for name, both in found.items() if both and not QUANTITIES[name].relative
    ]  # fmt: skip
    return [Text(body=messages("overall.scale", parts=messages("sentence.list").join(texts)))] if texts else []


def _overall(rows: pd.DataFrame, caption: str, messages: Messages) -> list[Block]:
    """One arm against its baseline over all tasks, in the primary quantities: for fresh rows, and for these."""
    rows = rows.loc[rows["quantity"].isin(_SHOWN)]
    if rows.empty:
        return []
    shown: list[list[Inline]] = []
    these = rows.loc[rows["estimand"] == THESE].set_index("quantity")["outcome"]
    for _, row in for_fresh_rows(rows).iterrows():
        known = QUANTITIES[str(row["quantity"])]
        # a relative quantity is averaged as a share of sigmoid's
        scale, unit, name = (100, " %", messages.or_key("quantity", known.name)) if known.relative else (1, "", "")
        shown.append([
            name or messages.axis(known.name), ranged(row, scale=scale, unit=unit),
            number(scale * row["margin"], unit=unit), badge(str(row["outcome"]), messages),
            badge(str(these[known.name]), messages), number(float(row["n_tasks"]), 9), number(float(row["n_cells"]), 9),
        ])  # fmt: skip
    names = ("quantity", "mean", "margin", "outcome", "these", "tasks", "cells")
    columns = [messages(f"overall.{name}") for name in names]
    return [Table(caption=caption, columns=columns, rows=shown)]


def _arms(every: pd.DataFrame, overall: pd.DataFrame, messages: Messages) -> Table:
    """Every arm against sigmoid in the mean loss over training: outcomes over cells, and the mean over tasks."""
    found = counts(every.loc[every["quantity"] == "nll_curve"])
    mean = overall.loc[overall["quantity"] == "nll_curve"].set_index("head")
    rows = []
    for row in found.itertuples():
        head = str(row.head)
        whole = mean.loc[head] if head in mean.index else None
        rows.append([
            messages.name("arm", head),
            *(number(float(found.loc[row.Index, outcome]), 9) for outcome in OUTCOMES),
            "" if whole is None else ranged(whole),
        ])  # fmt: skip
    columns = [messages("where.arm"), *(messages(f"outcome.{outcome}") for outcome in OUTCOMES), messages("where.mean")]
    return Table(caption=messages("where.caption"), columns=columns, rows=rows)


def _power(table: pd.DataFrame, messages: Messages) -> list[Block]:
    """What this many seeds could have shown, and the seeds that would decide what is open."""
    rows: list[list[Inline]] = []
    for name, part in table.groupby("quantity", sort=False):
        if name not in QUANTITIES or not QUANTITIES[str(name)].primary:
            continue
        still = part.loc[part["outcome"] == "undecided"]
        by_seeds = np.isfinite(still["seeds_needed"])
        by_rows = ~by_seeds & np.isfinite(still["fresh_seeds_needed"])
        never = int((~by_seeds & ~by_rows).sum())
        rows.append([
            messages.axis(str(name)), number(part["margin"].median()), number(part["detectable"].median()),
            number(part["noise_floor"].median()), number(float(len(still)), 9),
            number((still["bound"] / still["margin"]).max()), number(still.loc[by_seeds, "seeds_needed"].median()),
            number(still.loc[by_rows, "fresh_seeds_needed"].median()), number(float(never), 9),
        ])  # fmt: skip
    columns = [
        messages(f"power.{name}")
        for name in ("quantity", "margin", "detectable", "floor", "open", "bound", "seeds", "fresh", "never")
    ]
    return [Text(body=messages("power.read")), Table(caption=messages("power.caption"), columns=columns, rows=rows)]
