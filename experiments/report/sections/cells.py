"""Every cell with its notebook and the command that repeats it; what failed; what this result does not hold."""

from __future__ import annotations

import shlex
from typing import Any

import pandas as pd

from experiments.claims import COMMAND_OF
from experiments.figures import Messages
from experiments.frameworks import FRAMEWORKS
from experiments.report.blocks import Block, Code, Inline, Section, Span, Table, Text, count, number, ranged
from experiments.report.sections.components import badge, cell_name, compared
from experiments.report.stored import Stored
from experiments.tables import CELL, MAIN

# options of a run that decide a cell's numbers
_DECIDING_OPTIONS = ("preset", "seeds", "steps", "heads")
_KEY = [*CELL, "framework"]
# a table that a section reads -> the section, and the table that the command is known by
_NEEDED = {"verdicts": ("claims", "verdicts"), "attribution": ("why", "attribution"),
           "differences": ("where", "differences"), "learning_rates": ("rates", "learning_rates"),
           "pathologies": ("atlas", "numerics")}  # fmt: skip


def cells(stored: Stored, messages: Messages) -> Section | None:
    """A row a cell: its notebook, how it ended, what it found, and how to make it again."""
    table = stored.cells
    if table.empty:
        return None
    differences = compared(stored, framework=tuple(FRAMEWORKS))
    differences = differences.loc[differences["quantity"] == "nll"].drop_duplicates(_KEY).set_index(_KEY)
    rows = [_row(row, differences, stored, messages) for _, row in table.iterrows()]
    names = ("cell", "kind", "status", "difference", "outcome", "seconds", "networks", "again")
    failed = int((table["status"] == "failed").sum())
    total = messages("cells.total", cells=len(table), failed=failed, networks=int(table["networks_trained"].sum()))
    linked = any(stored.link(str(path)) for path in table["notebook"])
    caption = messages("cells.caption" if linked else "cells.alone")
    columns = [messages(f"cells.{name}") for name in names]
    return Section(id="cells", title=messages("cells.title"),
                   blocks=[Text(body=total), Table(caption=caption, columns=columns, rows=rows, sortable=True)],
                   )  # fmt: skip


def _row(row: pd.Series, differences: pd.DataFrame, stored: Stored, messages: Messages) -> list[Inline]:
    key = _key(str(row["cell"]), str(row["kind"]))
    difference: Inline = ""
    outcome: Inline = ""
    if row["kind"] == "binary" and key in differences.index:
        one = differences.loc[key]
        difference = ranged(one)
        outcome = badge(str(one["outcome"]), messages)
    return [
        Span(text=cell_name(str(row["cell"]), str(row["kind"]), messages), href=stored.link(str(row["notebook"]))),
        messages.name("notebook", str(row["kind"])),
        messages.or_key("status", str(row["status"])), difference, outcome, number(float(row["seconds"])),
        count(int(row["networks_trained"])), _again(key, stored.run),
    ]  # fmt: skip


def _key(cell: str, kind: str) -> tuple[str, ...]:
    """(task, network, optimizer, framework) of a cell that has them: its id is kind-task-network-optimizer, and the
    framework behind it if that is not the main one.
    """
    framework = next((name for name in FRAMEWORKS if cell.endswith(f"-{name}")), MAIN)
    parts = tuple(cell.removeprefix(f"{kind}-").removesuffix(f"-{framework}").split("-"))
    return (*parts, framework) if len(parts) == len(CELL) and cell.startswith(f"{kind}-") else ()


def _again(key: tuple[str, ...], run: dict[str, Any]) -> Inline:
    """The exact command for one row: the run's own, with the row's task, network and optimizer where it has them."""
    if "command" not in run:
        return ""
    arguments = iter(shlex.split(str(run["command"])))
    run_options: list[str] = []
    for argument in arguments:
        name, _, value = argument.removeprefix("--").partition("=")
        if argument.startswith("--") and name in _DECIDING_OPTIONS:
            run_options += [f"--{name}", value or next(arguments, "")]
    if "--preset" not in run_options and "preset" in run.get("settings", {}):
        run_options = ["--preset", str(run["settings"]["preset"]), *run_options]
    options = ("tasks", "networks", "optimizers", "framework")
    chosen = [part for name, value in zip(options, key, strict=False) for part in (f"--{name}", value)]
    return Span(text=shlex.join(["headtohead", "run", *run_options, *chosen]), code=True)


def failures(stored: Stored, messages: Messages) -> Section | None:
    """The errors of the cells that failed."""
    failed = stored.cells.loc[stored.cells["status"] == "failed"]
    if failed.empty:
        return None
    blocks: list[Block] = [
        Text(body=[messages("failures.read"), Span(text="headtohead run --retry-failed", code=True)])
    ]
    for _, row in failed.iterrows():
        name = cell_name(str(row["cell"]), str(row["kind"]), messages)
        blocks += [Text(body=Span(text=name, href=stored.link(str(row["notebook"])))),
                   Code(body=str(row["error"]))]  # fmt: skip
    return Section(id="failures", title=messages("failures.title"), blocks=blocks)


def missing(stored: Stored, messages: Messages) -> Section | None:
    """The sections that are left out because their tables are not stored, and the command that makes them."""
    unstored = {name: entry for name, entry in _NEEDED.items() if not stored.has(name)}
    if not unstored:
        return None
    rows: list[list[Inline]] = [
        [messages(f"{section}.title"), Span(text=name, code=True),
         Span(text=COMMAND_OF.get(table, "headtohead run").strip("`"), code=True)]
        for name, (section, table) in unstored.items()
    ]  # fmt: skip
    columns = [messages(f"missing.{name}") for name in ("section", "table", "command")]
    return Section(id="missing", title=messages("missing.title"),
                   blocks=[Table(caption=messages("missing.caption"), columns=columns, rows=rows)])  # fmt: skip
