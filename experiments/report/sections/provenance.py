"""Where the numbers come from: the command, the margins that were registered before it, the machine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from experiments.figures import Messages
from experiments.report.blocks import Block, Code, Inline, Section, Span, Table, Text, number
from experiments.report.stored import Stored
from experiments.stats import QUANTITIES


def provenance(stored: Stored, messages: Messages) -> Section | None:
    """What was run, on what, how to repeat it, and the margins."""
    blocks: list[Block] = []
    if "command" in stored.run:
        blocks += [Text(body=messages("provenance.again")), Code(body=str(stored.run["command"]))]
        blocks += [Text(body=messages("provenance.rebuild")), Code(body=f"headtohead report --out {stored.out}")]
    blocks.append(_margins(messages))
    if stored.run:
        rows: list[list[Inline]] = [[Span(text=text, code=True) for text in both] for both in flat(stored.run)]
        columns = [messages("provenance.key"), messages("provenance.value")]
        blocks.append(Table(caption=messages("provenance.caption"), columns=columns, rows=rows))
    return Section(id="provenance", title=messages("provenance.title"), blocks=blocks)


def _margins(messages: Messages) -> Table:
    rows: list[list[Inline]] = [
        [messages.axis(quantity.name), messages.or_key("split", quantity.split),
         number(100 * quantity.margin, unit=" %") if quantity.relative else number(quantity.margin),
         messages(f"margins.{'primary' if quantity.primary else 'secondary'}")]
        for quantity in QUANTITIES.values()
    ]  # fmt: skip
    columns = [messages(f"margins.{name}") for name in ("quantity", "rows", "margin", "rank")]
    return Table(caption=messages("margins.caption"), columns=columns, rows=rows)


def flat(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested provenance as lines: ("versions.keras", "3.15.1")."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list):
        yield prefix, ", ".join(str(item) for item in value)
    elif value is not None and not (isinstance(value, float) and math.isnan(value)):
        yield prefix, str(value)
