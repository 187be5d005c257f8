"""The same in every framework: both heads in each, what the control leaves, and what a framework's programs cost."""

from __future__ import annotations

import pandas as pd

from experiments.figures import CELL, Messages, for_fresh_rows, framework_distances
from experiments.frameworks import FRAMEWORKS
from experiments.report.blocks import Block, Inline, Section, Span, Table, Text, number, ranged
from experiments.report.sections.common import badge, compared, drawn, made_by
from experiments.report.stored import Stored

_ALL = tuple(FRAMEWORKS)


def frameworks(stored: Stored, messages: Messages) -> Section | None:
    """Both heads in every framework that trained, beside the distance between frameworks from equal weights."""
    every = compared(stored, framework=_ALL)
    found = [name for name in _ALL if (every["framework"] == name).any()]
    if len(found) < 2:
        return None
    blocks: list[Block] = [
        Text(body=messages("frameworks.read")),
        _both_heads(every, found, messages),
        _left(stored, found, messages),
    ]
    distances = stored.read("framework_distances")
    if len(distances):
        blocks += [
            Text(body=messages("frameworks.together")),
            drawn(stored.kept, "framework_distances", framework_distances, distances, messages=messages),
        ]
    programs = _programs(stored, messages)
    if programs is not None:
        blocks += [Text(body=messages("frameworks.programs")), programs]
    blocks += made_by(stored, messages, "frameworks")
    return Section(id="frameworks", title=messages("frameworks.title"), blocks=blocks)


def _both_heads(every: pd.DataFrame, found: list[str], messages: Messages) -> Table:
    """Softmax - sigmoid in test loss in every framework: a row a cell that more than one of them trained."""
    rows = every.loc[every["quantity"] == "nll"]
    made: list[list[Inline]] = []
    for cell, part in rows.groupby(CELL, sort=False, observed=True):
        by = part.set_index("framework")
        if len(by) > 1:
            shown = [_difference(by.loc[name], messages) if name in by.index else "" for name in found]
            made.append([messages.cell(cell), *shown])
    return Table(caption=messages("frameworks.caption"), rows=made,
                 columns=[messages("frameworks.cell"),
                          *(messages.name("framework", name) for name in found)])  # fmt: skip


def _difference(row: pd.Series, messages: Messages) -> list[str | Span]:
    return [ranged(row), " ", badge(str(row["outcome"]), messages)]


def _left(stored: Stored, found: list[str], messages: Messages) -> Table:
    """What is left of softmax - sigmoid when start, head rate and decay are matched, a row a framework."""
    made: list[list[Inline]] = []
    tables = {name: stored.read(name, framework=_ALL) for name in ("attribution", "attribution_float64")}
    for framework in found:
        row: list[Inline] = [messages.name("framework", framework)]
        for table in tables.values():
            mine = table.loc[(table["framework"] == framework) & (table["quantity"] == "nll_curve")]
            left = mine.loc[mine["factor"] == "arithmetic", "share"].abs()
            whole = mine.groupby(CELL, observed=True)["share"].sum().abs()
            row += [number(float(values.median()) if len(values) else float("nan")) for values in (whole, left)]
        made.append(row)
    names = ("framework", "whole32", "left32", "whole64", "left64")
    return Table(
        caption=messages("frameworks.left"), columns=[messages(f"frameworks.{name}") for name in names], rows=made
    )


def _programs(stored: Stored, messages: Messages) -> Table | None:
    """Each framework's other program of a head against the usual one, at the optimizer's rate and at the largest."""
    made: list[list[Inline]] = []
    for framework in FRAMEWORKS.values():
        for arm, twin in framework.programs.items():
            for rows in _at_rates(stored, framework.name, arm, twin):
                made += [
                    [
                        messages.name("framework", framework.name),
                        f"{messages.name('arm', arm)} − {messages.name('arm', twin)}", messages.cell(row[CELL]),
                        number(float(row["learning_rate"]), 3), ranged(row), badge(str(row["outcome"]), messages),
                    ]
                    for _, row in rows.iterrows()
                ]  # fmt: skip
    if not made:
        return None
    names = ("framework", "program", "cell", "rate", "difference", "outcome")
    columns = [messages(f"frameworks.{name}") for name in names]
    return Table(caption=messages("frameworks.cost"), columns=columns, rows=made, sortable=True)


def _at_rates(stored: Stored, framework: str, arm: str, twin: str) -> list[pd.DataFrame]:
    """Its rows of test loss: of the cells at the default rate, and of each sweep at the largest rate that is finite."""
    found = []
    for table, at in (("differences", "default"), ("rate_gaps", "rate")):
        rows = stored.read(table, framework=framework, head=arm, baseline=twin, quantity="nll")
        rows = for_fresh_rows(rows.loc[rows["at"] == at])
        rows = rows.loc[rows["nonfinite"] == 0]
        if at == "rate" and len(rows):
            rows = rows.loc[rows.groupby(CELL, observed=True)["learning_rate"].idxmax()]
        found.append(rows)
    return found
