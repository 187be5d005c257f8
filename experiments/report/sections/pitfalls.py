"""The pitfalls: programs that look right and train something else."""

from __future__ import annotations

import pandas as pd

from experiments.figures import Messages, for_fresh_rows
from experiments.heads import BASELINE, HEADS
from experiments.judgement import APART
from experiments.report.blocks import Inline, Section, Span, Table, Text, number, ranged
from experiments.report.sections.components import source_links
from experiments.report.stored import Stored


def pitfalls(stored: Stored, messages: Messages) -> Section | None:
    """What each crossed or broken program costs against sigmoid, mean over tasks."""
    heads = tuple(head.name for head in HEADS.values() if head.role in ("crossed", "pitfall"))
    overall = for_fresh_rows(stored.read("overall", head=heads, baseline=BASELINE, at="default"))
    table = for_fresh_rows(stored.read("differences", head=heads, baseline=BASELINE))
    if overall.empty or table.empty:
        return None
    rows = [_row(head, overall.loc[overall["head"] == head], table.loc[table["head"] == head], messages)
            for head in heads if (overall["head"] == head).any()]  # fmt: skip
    columns = [messages(f"pitfalls.{name}") for name in ("program", "accuracy", "nll", "cells", "what")]
    return Section(id="pitfalls", title=messages("pitfalls.title"), blocks=[
        Text(body=messages("pitfalls.read")),
        Table(caption=messages("pitfalls.caption"), columns=columns, rows=rows, prose=True),
        *source_links(stored, messages, "binary"),
    ])  # fmt: skip


def _row(name: str, overall: pd.DataFrame, table: pd.DataFrame, messages: Messages) -> list[Inline]:
    head = HEADS[name]
    program = f'Dense({head.units}, "{head.activation}") + {head.loss}'
    by_quantity = overall.set_index("quantity")
    means = [
        ranged(by_quantity.loc[quantity])
        if quantity in by_quantity.index else number(float("nan"))
        for quantity in ("accuracy", "nll")
    ]  # fmt: skip
    losses = table.loc[table["quantity"] == "nll"]
    apart = int(losses["outcome"].isin(APART).sum())
    return [Span(text=program, code=True), *means, Span(text=f"{apart}/{len(losses)}", sort=float(apart)),
            messages.translated("head", name, head.description)]  # fmt: skip
