"""The report of a result: one self-contained HTML page, and the same content as Markdown, in each language."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from experiments.figures import STRINGS, Messages
from experiments.messages import LANGUAGES, NAMES
from experiments.report.blocks import (
    Block,
    First,
    Fold,
    Inline,
    Picture,
    Reply,
    Section,
    Span,
    Table,
    Text,
    marked,
    number,
    ranged,
)
from experiments.report.render import draw, markdown, names, page
from experiments.report.sections import BEFORE_VERDICTS, SECTIONS
from experiments.report.sections.atlas import consequence
from experiments.report.sections.claims import as_code
from experiments.report.sections.components import SHORT, badge, picture_of
from experiments.report.sections.headline import why as why_in_short
from experiments.report.stored import Stored

__all__ = [
    "CATALOGUES",
    "SECTIONS",
    "SHORT",
    "Block",
    "First",
    "Fold",
    "Inline",
    "Picture",
    "Reply",
    "Section",
    "Span",
    "Stored",
    "Table",
    "Text",
    "as_code",
    "badge",
    "build",
    "build_one",
    "consequence",
    "draw_ahead",
    "markdown",
    "marked",
    "names",
    "number",
    "page",
    "picture_of",
    "ranged",
    "why_in_short",
]

CATALOGUES = (Path(__file__).with_name("strings.toml"), STRINGS, NAMES)


def build(out: Path, langs: Sequence[str] = LANGUAGES, *, into: Path | None = None, processes: int = 0) -> Path:
    """Write report.html, report.md and figures/*.png from the tables stored in `out`; return the first page.

    `langs`: "en", and "zh" for report.zh.html, report.zh.md and figures/*.zh.png; the pages link to each other.
    `into`: the folder to write to, by default `out`; notebooks are linked where they lie beside the page. Each
    language is made in a process of its own, as far as there are `processes` (by default, cores). Raises `UserError`
    for another language or when `out` holds no tables.
    """
    stored = Stored(Path(out), Path(into or out))
    first, *others = [Messages(lang=lang, paths=CATALOGUES) for lang in langs]
    if min(processes or os.cpu_count() or 1, len(langs)) == 1:
        paths = [_build(stored, messages, langs) for messages in (first, *others)]
        return paths[0]
    # spawned, not forked: pyarrow has threads, which do not survive a fork
    with ProcessPoolExecutor(len(others), mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(_build, stored, messages, langs) for messages in others]
        path = _build(stored, first, langs)
        for other in futures:
            other.result()
    return path


def build_one(out: str, lang: str, langs: Sequence[str]) -> str:
    """Write what `build` writes in one of the languages that are made side by side; return the page."""
    return str(_build(Stored(Path(out), Path(out)), Messages(lang=lang, paths=CATALOGUES), langs))


def draw_ahead(out: str, lang: str) -> None:
    """Draw what `build_one` will find drawn: the figures that need no verdict, while verdicts are computed."""
    stored, messages = Stored(Path(out), Path(out)), Messages(lang=lang, paths=CATALOGUES)
    with _uncollected():
        draw([section for make in BEFORE_VERDICTS if (section := make(stored, messages)) is not None], stored)


def _build(stored: Stored, messages: Messages, langs: Sequence[str]) -> Path:
    with _uncollected():
        sections = [section for make in SECTIONS if (section := make(stored, messages)) is not None]
        markdown(sections, stored, messages, langs)
        return page(sections, stored, messages, langs)


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage is collected meanwhile: figures are made of small objects that point at one another.

    Looking for the unused ones among them takes a seventh of the time, and they take 30 MB.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
