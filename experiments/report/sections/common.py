"""What several sections do alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.figures import Chart, Words
from experiments.figures.fonts import chinese_font
from experiments.heads import BASELINE
from experiments.judgement import FRESH, better
from experiments.report.blocks import Picture, Span, Text
from experiments.report.kept import Drawing, drawing, key_of
from experiments.report.stored import Stored

WIDE, NARROW = 7.2, 3.5  # inches: 720 and 350 pixels of the page
SOFTMAX = "softmax"


def drawn(
    kept: Path | None, name: str, make: Callable[..., Chart], *tables: pd.DataFrame, words: Words, **options: Any
) -> Picture:
    """`make(*tables)` at both widths; in English where no installed font has Chinese letters.

    `kept`: the folder of figures that were drawn before; None keeps nothing.
    """
    words = words if in_own_letters(words) else Words(lang="en", paths=words.paths)
    name = f"{name}.{words.lang}" if words.lang != "en" else name

    def at(width: float, called: str) -> Drawing:
        draw = partial(make, *tables, width=width, words=words, **options)
        key = key_of(make, tables, words, width, options) if kept else ""
        return drawing(kept, called, key, draw)

    return Picture(name=name, wide=at(WIDE, name), narrow=at(NARROW, f"{name}-narrow"))


def in_own_letters(words: Words) -> bool:
    """Whether figures can be drawn in the language of `words`."""
    return words.lang == "en" or chinese_font() is not None


def compared(stored: Stored, table: str = "differences") -> pd.DataFrame:
    """Rows of softmax against sigmoid, as people write them; comparisons are those for fresh rows."""
    return for_fresh_rows(stored.read(table, head=SOFTMAX, baseline=BASELINE))


def for_fresh_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table of comparisons that answer for fresh rows; any other table as it is."""
    return rows.loc[rows["estimand"] == FRESH] if "estimand" in rows else rows


def badge(outcome: str, words: Words) -> Span:
    """An outcome as a coloured badge."""
    return Span(text=words.or_key("outcome", outcome), mark=outcome)


def wins(rows: pd.DataFrame) -> tuple[int, int]:
    """In how many rows softmax, and in how many sigmoid, is shown to be better, not by less than the margin."""
    sides = better(rows)
    return int((sides == 1).sum()), int((sides == -1).sum())


def made_by(stored: Stored, words: Words, *kinds: str) -> list[Text]:
    """Links to the notebooks that the numbers come from; to the table of cells where there are many."""
    links: list[str | Span] = []
    for kind in kinds:
        found = stored.notebooks(kind)
        if len(found) > 4:
            links.append(Span(text=words("source.many", kind=kind, n=len(found)), href="#cells"))
        else:
            links += [Span(text=cell, href=link) for cell, link in found]
    if not links:
        return []
    body: list[str | Span] = [words("source.from")]
    for place, link in enumerate(links):
        body += [words("sentence.list"), link] if place else [link]
    return [Text(body=body)]
