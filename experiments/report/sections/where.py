"""Where they differ: the forest over cells, how every arm came out, and what so many seeds can show."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from experiments.figures import Messages, for_fresh_rows, forest, paired_differences
from experiments.heads import BASELINE
from experiments.judgement import APART, INSIDE, OUTCOMES, THESE, counts, scale_over_tasks
from experiments.report.blocks import Block, Fold, Inline, Section, Table, Text, count, number, ranged
from experiments.report.sections.components import (
    SOFTMAX,
    badge,
    by_network,
    compared,
    network_name,
    picture_of,
    source_links,
)
from experiments.report.stored import Stored
from experiments.stats import QUANTITIES
from experiments.tables import pair

K_SIGMOID, K_SOFTMAX = "k_sigmoid", "k_softmax"
_DRAWN = ("nll_curve", "nll", "accuracy")
_LABELS = ("micro_f1", "macro_f1", "subset_accuracy")
_LISTED = [quantity.name for quantity in QUANTITIES.values() if quantity.primary or quantity.name in _LABELS]


def where(stored: Stored, messages: Messages) -> Section | None:
    """Paired differences of every cell against the margin and the noise floor."""
    table = compared(stored)
    quantities = [name for name in _DRAWN if (table["quantity"] == name).any()]
    blocks: list[Block]
    if quantities:
        every = for_fresh_rows(stored.read("differences", baseline=BASELINE))
        figures = by_network(stored, "differences", forest, table, messages,
                             partial(_network_summary, messages=messages), quantities=quantities)  # fmt: skip
        estimands = stored.read("overall", baseline=BASELINE, at="default")
        overall = for_fresh_rows(estimands)
        blocks = [
            *_overall(estimands.loc[estimands["head"] == SOFTMAX], messages("overall.caption"), messages),
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
            picture_of(stored.figure_cache, "differences", paired_differences, pairs, messages=messages),
        ]
    blocks += [*source_links(stored, messages, "binary"), *_multi_unit(stored, messages)]
    return Section(id="where", title=messages("where.title"), blocks=blocks)


def _network_summary(network: str, rows: pd.DataFrame, messages: Messages) -> str:
    """In how many cells of a network the final test losses differ, are within the margin, and are open."""
    outcomes = rows.loc[rows["quantity"] == "nll", "outcome"].astype(str)
    counts = {name: int(outcomes.isin(kinds).sum()) for name, kinds in
              (("apart", APART), ("inside", INSIDE), ("open", ("undecided",)))}  # fmt: skip
    return messages("where.network", network=network_name(network, messages), n=len(outcomes), **counts)


def _multi_unit(stored: Stored, messages: Messages) -> list[Block]:
    """The same question on several classes and labels: at each head's best rate, then at the default, and why so."""
    shares = stored.read("loss_scale")
    labelled = shares["task"].isin(shares.loc[shares["quantity"] == _LABELS[0], "task"])
    table = stored.read("overall", baseline=K_SIGMOID, head=K_SOFTMAX)
    blocks: list[Block] = []
    for kind, rows in table.groupby("kind", sort=False):
        kind_name = messages.translated("kind", str(kind).replace(" ", "_"), str(kind))
        for at in ("best", "default"):
            caption = messages(f"overall.several_{at}", kind=kind_name)
            blocks += _overall(rows.loc[rows["at"] == at], caption, messages)
        blocks += _scale(shares.loc[labelled == (kind == "several labels")], messages)
    return [*blocks, *source_links(stored, messages, "multiclass", "multilabel")] if blocks else []


def _scale(shares: pd.DataFrame, messages: Messages) -> list[Block]:
    """What the scale of the loss has in the difference under SGD, in each quantity that counts."""
    scales = {name: scale_over_tasks(shares, name) for name in _LISTED}
    texts = [
        messages("overall.scale_part", quantity=messages.axis(name), part=number(both[1], sign=True).text,
                 whole=number(both[0], sign=True).text)
        for name, both in scales.items() if both and not QUANTITIES[name].relative
    ]  # fmt: skip
    return [Text(body=messages("overall.scale", parts=messages("sentence.list").join(texts)))] if texts else []


def _overall(rows: pd.DataFrame, caption: str, messages: Messages) -> list[Block]:
    """One arm against its baseline over all tasks, in the primary quantities: for fresh rows, and for these."""
    rows = rows.loc[rows["quantity"].isin(_LISTED)]
    if rows.empty:
        return []
    table_rows: list[list[Inline]] = []
    these = rows.loc[rows["estimand"] == THESE].set_index("quantity")["outcome"]
    for _, row in for_fresh_rows(rows).iterrows():
        quantity = QUANTITIES[str(row["quantity"])]
        # a relative quantity is averaged as a share of sigmoid's
        scale, unit, name = (
            (100, " %", messages.or_key("quantity", quantity.name)) if quantity.relative else (1, "", "")
        )
        table_rows.append([
            name or messages.axis(quantity.name), ranged(row, scale=scale, unit=unit),
            number(scale * row["margin"], unit=unit), badge(str(row["outcome"]), messages),
            badge(str(these[quantity.name]), messages), count(int(row["n_tasks"])),
            count(int(row["n_cells"])),
        ])  # fmt: skip
    names = ("quantity", "mean", "margin", "outcome", "these", "tasks", "cells")
    columns = [messages(f"overall.{name}") for name in names]
    return [Table(caption=caption, columns=columns, rows=table_rows)]


def _arms(every: pd.DataFrame, overall: pd.DataFrame, messages: Messages) -> Table:
    """Every arm against sigmoid in the mean loss over training: outcomes over cells, and the mean over tasks."""
    outcome_counts = counts(every.loc[every["quantity"] == "nll_curve"])
    mean = overall.loc[overall["quantity"] == "nll_curve"].set_index("head")
    rows = []
    for row in outcome_counts.itertuples():
        head = str(row.head)
        mean_of_head = mean.loc[head] if head in mean.index else None
        rows.append([
            messages.name("arm", head),
            *(count(int(outcome_counts.loc[row.Index, outcome])) for outcome in OUTCOMES),
            "" if mean_of_head is None else ranged(mean_of_head),
        ])  # fmt: skip
    columns = [messages("where.arm"), *(messages(f"outcome.{outcome}") for outcome in OUTCOMES), messages("where.mean")]
    return Table(caption=messages("where.caption"), columns=columns, rows=rows)


def _power(table: pd.DataFrame, messages: Messages) -> list[Block]:
    """What this many seeds could have shown, and the seeds that would decide what is open."""
    rows: list[list[Inline]] = []
    for name, part in table.groupby("quantity", sort=False):
        if name not in QUANTITIES or not QUANTITIES[str(name)].primary:
            continue
        undecided = part.loc[part["outcome"] == "undecided"]
        by_seeds = np.isfinite(undecided["seeds_needed"])
        by_rows = ~by_seeds & np.isfinite(undecided["fresh_seeds_needed"])
        never = int((~by_seeds & ~by_rows).sum())
        rows.append([
            messages.axis(str(name)), number(part["margin"].median()), number(part["detectable"].median()),
            number(part["noise_floor"].median()), count(len(undecided)),
            number((undecided["bound"] / undecided["margin"]).max()),
            number(undecided.loc[by_seeds, "seeds_needed"].median()),
            number(undecided.loc[by_rows, "fresh_seeds_needed"].median()), count(never),
        ])  # fmt: skip
    columns = [
        messages(f"power.{name}")
        for name in ("quantity", "margin", "detectable", "floor", "open", "bound", "seeds", "fresh", "never")
    ]
    return [Text(body=messages("power.read")), Table(caption=messages("power.caption"), columns=columns, rows=rows)]
