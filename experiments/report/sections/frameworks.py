"""The same in every framework: both heads in each, what the control leaves, and what a framework's programs cost."""

from __future__ import annotations

import pandas as pd

from experiments.figures import Messages, for_fresh_rows, framework_distances
from experiments.frameworks import FRAMEWORKS
from experiments.report.blocks import Block, Inline, Section, Span, Table, Text, number, ranged
from experiments.report.sections.components import badge, compared, picture_of, source_links
from experiments.report.stored import Stored
from experiments.tables import CELL

_ALL = tuple(FRAMEWORKS)


def frameworks(stored: Stored, messages: Messages) -> Section | None:
    """Both heads in every framework that trained, beside the distance between frameworks from equal weights."""
    every = compared(stored, framework=_ALL)
    trained = [name for name in _ALL if (every["framework"] == name).any()]
    if len(trained) < 2:
        return None
    blocks: list[Block] = [
        Text(body=messages("frameworks.read")),
        _both_heads(every, trained, messages),
        _left(stored, trained, messages),
    ]
    distances = stored.read("framework_distances")
    if len(distances):
        blocks += [
            Text(body=messages("frameworks.together")),
            picture_of(stored.figure_cache, "framework_distances", framework_distances, distances, messages=messages),
        ]
    programs = _programs(stored, messages)
    if programs is not None:
        blocks += [Text(body=messages("frameworks.programs")), programs]
    blocks += source_links(stored, messages, "frameworks")
    return Section(id="frameworks", title=messages("frameworks.title"), blocks=blocks)


def _both_heads(every: pd.DataFrame, trained: list[str], messages: Messages) -> Table:
    """Softmax - sigmoid in test loss in every framework: a row a cell that more than one of them trained."""
    rows = every.loc[every["quantity"] == "nll"]
    table_rows: list[list[Inline]] = []
    for cell, part in rows.groupby(CELL, sort=False, observed=True):
        by_framework = part.set_index("framework")
        if len(by_framework) > 1:
            differences = [
                _difference(by_framework.loc[name], messages) if name in by_framework.index else "" for name in trained
            ]
            table_rows.append([messages.cell(cell), *differences])
    return Table(caption=messages("frameworks.caption"), rows=table_rows,
                 columns=[messages("frameworks.cell"),
                          *(messages.name("framework", name) for name in trained)])  # fmt: skip


def _difference(row: pd.Series, messages: Messages) -> list[str | Span]:
    return [ranged(row), " ", badge(str(row["outcome"]), messages)]


def _left(stored: Stored, trained: list[str], messages: Messages) -> Table:
    """What is left of softmax - sigmoid when start, head rate and decay are matched, a row a framework."""
    rows: list[list[Inline]] = []
    tables = {name: stored.read(name, framework=_ALL) for name in ("attribution", "attribution_float64")}
    for framework in trained:
        row: list[Inline] = [messages.name("framework", framework)]
        for table in tables.values():
            shares = table.loc[(table["framework"] == framework) & (table["quantity"] == "nll_curve")]
            left = shares.loc[shares["factor"] == "arithmetic", "share"].abs()
            totals = shares.groupby(CELL, observed=True)["share"].sum().abs()
            row += [number(float(values.median()) if len(values) else float("nan")) for values in (totals, left)]
        rows.append(row)
    names = ("framework", "whole32", "left32", "whole64", "left64")
    return Table(
        caption=messages("frameworks.left"), columns=[messages(f"frameworks.{name}") for name in names], rows=rows
    )


def _programs(stored: Stored, messages: Messages) -> Table | None:
    """Each framework's other program of a head against the usual one, at the optimizer's rate and at the largest."""
    table_rows: list[list[Inline]] = []
    for framework in FRAMEWORKS.values():
        for arm, baseline in framework.programs.items():
            for rows in _at_rates(stored, framework.name, arm, baseline):
                table_rows += [
                    [
                        messages.name("framework", framework.name),
                        f"{messages.name('arm', arm)} − {messages.name('arm', baseline)}", messages.cell(row[CELL]),
                        number(float(row["learning_rate"]), 3), ranged(row), badge(str(row["outcome"]), messages),
                    ]
                    for _, row in rows.iterrows()
                ]  # fmt: skip
    if not table_rows:
        return None
    names = ("framework", "program", "cell", "rate", "difference", "outcome")
    columns = [messages(f"frameworks.{name}") for name in names]
    return Table(caption=messages("frameworks.cost"), columns=columns, rows=table_rows, sortable=True)


def _at_rates(stored: Stored, framework: str, arm: str, baseline: str) -> list[pd.DataFrame]:
    """Its rows of test loss: of the cells at the default rate, and of each sweep at the largest rate that is finite."""
    parts = []
    for table, at in (("differences", "default"), ("rate_gaps", "rate")):
        rows = stored.read(table, framework=framework, head=arm, baseline=baseline, quantity="nll")
        rows = for_fresh_rows(rows.loc[rows["at"] == at])
        rows = rows.loc[rows["nonfinite"] == 0]
        if at == "rate" and len(rows):
            rows = rows.loc[rows.groupby(CELL, observed=True)["learning_rate"].idxmax()]
        parts.append(rows)
    return parts
