"""The sections of a report, each a function of the stored tables; one whose tables are not stored is left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from experiments.figures import Chart, Words, gradient_norms, loss_curves, paired_differences
from experiments.figures.panels import ARMS, CELL, interval
from experiments.heads import BASELINE
from experiments.report.blocks import Code, Inline, Picture, Section, Span, Table, Text, number
from experiments.report.stored import Stored
from experiments.tables import pair

WIDE, NARROW = 7.2, 3.5
Make = Callable[[Stored, Words], Section | None]


def drawn(name: str, make: Callable[..., Chart], table: pd.DataFrame, words: Words, **options: Any) -> Picture:
    """`make(table)` at both widths."""
    wide = make(table, width=WIDE, words=words, **options)
    return Picture(name=name, wide=wide, narrow=make(table, width=NARROW, words=words, **options))


def answer(stored: Stored, words: Words) -> Section | None:
    """How often the two heads part, from the paired differences of the final test NLL."""
    pairs = _pairs(stored, "softmax")
    if pairs.empty:
        return None
    ends = [interval(part["difference"].to_numpy(float)[:, None]) for _, part in pairs.groupby(CELL, sort=False)]
    lower, higher = sum(bool(e[2] < 0) for e in ends), sum(bool(e[1] > 0) for e in ends)
    body = words("answer.counts", cells=len(ends), lower=lower, higher=higher, rest=len(ends) - lower - higher)
    return Section(id="answer", title=words("answer.title"), blocks=[Text(body=body, lead=True)])


def losses(stored: Stored, words: Words) -> Section | None:
    """Loss curves of the cells on the test rows."""
    table = stored.read("curves", quantity="nll", split="test", scope="", head=ARMS)
    if table.empty:
        return None
    return Section(id="loss", title=words("loss.title"), blocks=[
        Text(body=words("loss.read")), drawn("loss_curves", loss_curves, table, words),
    ])  # fmt: skip


def norms(stored: Stored, words: Words) -> Section | None:
    """Gradient norms by scope against their predicted ratio."""
    heads = ("sigmoid", "softmax", "softmax_matched")
    table = stored.read("curves", quantity="grad_norm", scope=("head", "trunk", "total"), head=heads)
    if table.empty:
        return None
    return Section(id="gradients", title=words("gradients.title"), blocks=[
        Text(body=words("gradients.read")), drawn("gradient_norms", gradient_norms, table, words),
    ])  # fmt: skip


def differences(stored: Stored, words: Words) -> Section | None:
    """Paired differences over cells: of the `differences` table, or of the pairs when it is not stored."""
    table = stored.read("differences", quantity="nll", head="softmax")
    table = _pairs(stored, "softmax") if table.empty else table
    if table.empty:
        return None
    return Section(id="differences", title=words("differences.title"), blocks=[
        Text(body=words("differences.read")), drawn("paired_differences", paired_differences, table, words),
    ])  # fmt: skip


def _pairs(stored: Stored, head: str) -> pd.DataFrame:
    heads = (BASELINE, head)
    values = stored.read("finals", quantity="nll", split="test", head=heads)
    return pair(values, stored.read("runs", head=heads), head).assign(head=head)


def cells(stored: Stored, words: Words) -> Section | None:
    """Every cell, with its notebook; what failed is listed with its error."""
    table = stored.read("cells")
    if table.empty:
        return None
    table = table.fillna({"error": "", "notebook": ""})
    columns = [words(f"cells.{name}") for name in ("cell", "kind", "status", "seconds", "networks", "error")]
    rows: list[list[Inline]] = [
        [Span(text=str(row.cell), href=stored.link(str(row.notebook))), str(row.kind),
         words.or_key("status", str(row.status)), number(float(row.seconds)),  # type: ignore[arg-type]
         number(float(row.networks_trained), 9), str(row.error)]  # type: ignore[arg-type]
        for row in table.itertuples()
    ]  # fmt: skip
    failed = int((table["status"] == "failed").sum())
    total = words("cells.total", cells=len(table), failed=failed, networks=int(table["networks_trained"].sum()))
    return Section(id="cells", title=words("cells.title"), blocks=[
        Text(body=total), Table(caption=words("cells.caption"), columns=columns, rows=rows, sortable=True),
    ])  # fmt: skip


def provenance(stored: Stored, words: Words) -> Section | None:
    """What was run, on what, and the command that repeats it."""
    if not stored.run:
        return None
    rows: list[list[Inline]] = [[key, Span(text=value, code=True)] for key, value in flat(stored.run)]
    columns = [words("provenance.key"), words("provenance.value")]
    blocks: list[Any] = []
    if "command" in stored.run:
        blocks += [Text(body=words("provenance.again")), Code(body=str(stored.run["command"]))]
    blocks.append(Table(caption=words("provenance.caption"), columns=columns, rows=rows))
    return Section(id="provenance", title=words("provenance.title"), blocks=blocks)


def flat(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested provenance as lines: ("versions.keras", "3.15.1")."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list):
        yield prefix, ", ".join(str(item) for item in value)
    elif not (isinstance(value, float) and math.isnan(value)):
        yield prefix, str(value)


SECTIONS: tuple[Make, ...] = (answer, differences, losses, norms, cells, provenance)
