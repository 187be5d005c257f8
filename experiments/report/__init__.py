"""The report of a result: one self-contained HTML page, and the same content as Markdown."""

from __future__ import annotations

from pathlib import Path

from experiments.figures import Words
from experiments.figures import words as figure_words
from experiments.report.render import markdown, names, page
from experiments.report.sections import SECTIONS
from experiments.report.stored import Stored

_HERE = Path(__file__).parent
CATALOGUES = (_HERE / "strings.toml", _HERE / "names.toml", Path(figure_words.__file__).with_name("strings.toml"))


def build(out: Path, lang: str = "en") -> Path:
    """Write report.html, report.md and figures/*.png into `out` from the tables stored there; return the page.

    `lang`: "en", or "zh" for report.zh.html and report.zh.md; each page links to the other when both are there.
    Raises `UserError` for another language or when `out` holds no tables.
    """
    words = Words(lang=lang, paths=CATALOGUES)
    stored = Stored(Path(out))
    sections = [section for make in SECTIONS if (section := make(stored, words)) is not None]
    html_path, md_path = (stored.out / name for name in names(lang))
    markdown(sections, stored, words, md_path)
    page(sections, stored, words, html_path)
    return html_path
