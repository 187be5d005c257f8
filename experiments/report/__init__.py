"""The report of a result: one self-contained HTML page, and the same content as Markdown."""

from __future__ import annotations

from pathlib import Path

from experiments.figures import Words
from experiments.figures import words as figure_words
from experiments.report.render import html, markdown
from experiments.report.sections import SECTIONS
from experiments.report.stored import Stored

CATALOGUES = (Path(__file__).with_name("strings.toml"), Path(figure_words.__file__).with_name("strings.toml"))


def build(out: Path, lang: str = "en") -> Path:
    """Write report.html, report.md and figures/*.png into `out` from the tables stored there; return the page.

    `lang`: "en" or "zh" (report.zh.html, report.zh.md). Raises `UserError` for another language or when `out`
    holds no tables.
    """
    words = Words(lang=lang, paths=CATALOGUES)
    stored = Stored(Path(out))
    sections = [section for make in SECTIONS if (section := make(stored, words)) is not None]
    suffix = "" if lang == "en" else f".{lang}"
    page = stored.out / f"report{suffix}.html"
    markdown(sections, stored, words, stored.out / f"report{suffix}.md")
    html(sections, stored, words, page)
    return page
