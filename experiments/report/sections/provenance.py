"""Where the numbers come from: the command, the margins that were registered before it, the machine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from experiments.figures import Words
from experiments.report.blocks import Block, Code, Inline, Section, Span, Table, Text, number
from experiments.report.stored import Stored
from experiments.stats import QUANTITIES


def provenance(stored: Stored, words: Words) -> Section | None:
    """What was run, on what, how to repeat it, and the margins."""
    blocks: list[Block] = []
    if "command" in stored.run:
        blocks += [Text(body=words("provenance.again")), Code(body=str(stored.run["command"]))]
        blocks += [Text(body=words("provenance.rebuild")), Code(body=f"headtohead report --out {stored.out}")]
    blocks.append(_margins(words))
    if stored.run:
        rows: list[list[Inline]] = [[Span(text=text, code=True) for text in both] for both in flat(stored.run)]
        columns = [words("provenance.key"), words("provenance.value")]
        blocks.append(Table(caption=words("provenance.caption"), columns=columns, rows=rows))
    return Section(id="provenance", title=words("provenance.title"), blocks=blocks)


def _margins(words: Words) -> Table:
    rows: list[list[Inline]] = [
        [words.axis(known.name), words.or_key("split", known.split),
         number(100 * known.margin, unit=" %") if known.relative else number(known.margin),
         words(f"margins.{'primary' if known.primary else 'secondary'}")]
        for known in QUANTITIES.values()
    ]  # fmt: skip
    columns = [words(f"margins.{name}") for name in ("quantity", "rows", "margin", "rank")]
    return Table(caption=words("margins.caption"), columns=columns, rows=rows)


def flat(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested provenance as lines: ("versions.keras", "3.15.1")."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list):
        yield prefix, ", ".join(str(item) for item in value)
    elif value is not None and not (isinstance(value, float) and math.isnan(value)):
        yield prefix, str(value)
