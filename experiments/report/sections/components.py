"""What several sections are made of: pictures, badges, names of cells, and links to the notebooks behind numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.figures import Chart, Messages, chinese_font, finding_of, for_fresh_rows
from experiments.heads import BASELINE
from experiments.messages import SEPARATOR
from experiments.report.blocks import Block, Fold, Picture, Span, Text
from experiments.report.figure_cache import Drawing, drawing, key_of
from experiments.report.stored import Stored
from experiments.tables import CELL, MAIN

WIDE, SHORT, NARROW = 7.2, 5.2, 3.5  # inches: 720, 520 and 350 pixels of the page
SOFTMAX = "softmax"


def picture_of(
    cache: Path | None,
    name: str,
    make: Callable[..., Chart],
    *tables: pd.DataFrame,
    messages: Messages,
    wide: float = WIDE,
    **options: Any,
) -> Picture:
    """`make(*tables)` at the width `wide` and at a phone's, in English letters where no font has Chinese ones.

    The file's name and the finding are in the language of `messages` whatever is installed: texts depend on no font.
    `cache`: the folder of figures that were drawn before; None keeps nothing.
    """
    name = file_of(name, messages)
    figure_messages = messages if font_supports(messages) else Messages(lang="en", paths=messages.paths)

    def at(width: float, file: str) -> Drawing:
        draw = partial(make, *tables, width=width, messages=figure_messages, **options)
        key = key_of(make, tables, figure_messages, width, options) if cache else ""
        return drawing(cache, file, key, draw)

    large, small = at(wide, name), at(NARROW, f"{name}-narrow")
    if figure_messages != messages:
        finding = finding_of(make, *tables, messages=messages, **options)
        large, small = replace(large, finding=finding), replace(small, finding=finding)
    return Picture(name=name, wide=large, narrow=small)


def file_of(name: str, messages: Messages) -> str:
    """What the figure `name` is called under figures/ in the language of `messages`."""
    return name if messages.lang == "en" else f"{name}.{messages.lang}"


def font_supports(messages: Messages) -> bool:
    """Whether the letters in figures can be those of the language of `messages`."""
    return messages.lang == "en" or chinese_font() is not None


def compared(
    stored: Stored, table: str = "differences", framework: str | tuple[str, ...] = MAIN
) -> pd.DataFrame:
    """Rows of softmax against sigmoid, as people write them; comparisons are those for fresh rows."""
    return for_fresh_rows(stored.read(table, head=SOFTMAX, baseline=BASELINE, framework=framework))


def badge(outcome: str, messages: Messages) -> Span:
    """An outcome as a coloured badge."""
    return Span(text=messages.or_key("outcome", outcome), mark=outcome)


FEW = 12  # cells that one figure shows in full


def by_network(
    stored: Stored, name: str, make: Callable[..., Chart], table: pd.DataFrame, messages: Messages,
    summary: Callable[[str, pd.DataFrame], str], **options: Any,
) -> list[Block]:
    """`make(table)`; of more than a few cells a figure a network, each folded under what `summary` says of it."""
    if len(table[CELL].drop_duplicates()) <= FEW:
        return [picture_of(stored.figure_cache, name, make, table, messages=messages, **options)]
    folds: list[Block] = []
    for network, part in table.groupby("network", sort=False, observed=True):
        # a table of its own, so that a figure is drawn again only where its own rows have changed
        figure = picture_of(
            stored.figure_cache, f"{name}_{network}", make, part.reset_index(drop=True), messages=messages, **options
        )
        folds.append(Fold(summary=summary(str(network), part), anchor=f"{name}-{network}", blocks=[figure]))
    return folds


def network_name(network: str, messages: Messages) -> str:
    """A network in words: "Convolutional networks (CNN)"."""
    return (
        messages(f"network_long.{network}")
        if f"network_long.{network}" in messages
        else messages.name("network", network)
    )


def cell_name(cell: str, kind: str, messages: Messages) -> str:
    """A cell in words: its task, network and optimizer where its id has them, else what its notebook is."""
    parts = cell.removeprefix(f"{kind}-").split("-", 2)
    if cell.startswith(f"{kind}-") and len(parts) == len(CELL):
        optimizer, _, framework = parts[2].partition("-")
        return SEPARATOR.join([messages.cell((*parts[:2], optimizer)),
                               *([messages.name("framework", framework)] if framework else [])])  # fmt: skip
    rest = cell.removeprefix(kind).removeprefix("-")
    return SEPARATOR.join([messages.name("notebook", kind), *([messages.name("framework", rest)] if rest else [])])


def source_links(stored: Stored, messages: Messages, *kinds: str) -> list[Text]:
    """Links to the notebooks that the numbers come from; to the table of cells where there are many."""
    links: list[str | Span] = []
    for kind in kinds:
        notebooks = stored.notebooks(kind)
        if len(notebooks) > 4:
            many = messages("source.many", kind=messages.name("notebook", kind), n=len(notebooks))
            links.append(Span(text=many, href="#cells"))
        else:
            links += [Span(text=cell_name(cell, kind, messages), href=link) for cell, link in notebooks]
    if not links:
        return []
    body: list[str | Span] = [messages("source.from")]
    for index, link in enumerate(links):
        body += [messages("sentence.list"), link] if index else [link]
    return [Text(body=body)]
