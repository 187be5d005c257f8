"""A comparison as a folder that is there whole or not at all, and as a fragment of HTML."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from experiments.atomic import replace_folder
from experiments.comparison.language import NOTES, STRINGS
from experiments.comparison.page import sections, short_table
from experiments.figures import Messages
from experiments.records import UserError, require
from experiments.report import CATALOGUES, Stored, markdown, names, page

if TYPE_CHECKING:
    from experiments.comparison.result import Comparison

TABLES = ("differences", "attribution", "curves", "finals", "runs", "looks", "rates")


def page_messages(lang: str) -> Messages:
    """What the page of a comparison says: its own strings come before the suite's."""
    return Messages(lang=lang, paths=(STRINGS, *CATALOGUES))


def require_replaceable(folder: Path) -> None:
    """Raise `UserError` unless a comparison may be written to `folder`: it is new, empty, or holds an earlier one."""
    require(
        not folder.exists() or folder.is_dir(),
        f"{str(folder)!r} is a file. Name another folder with --out.",
    )
    require(
        not folder.is_dir() or not any(folder.iterdir()) or (folder / "comparison.json").is_file(),
        f"The folder {str(folder)!r} holds something else than a comparison. Name another one with --out.",
    )


def save(comparison: Comparison, folder: Path) -> Path:
    """Write everything beside `folder` and rename it; return the page."""
    require_replaceable(folder)
    folder = folder.absolute()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
            new = Path(temporary) / "new"
            _write(comparison, new)
            replace_folder(folder, new, Path(temporary) / "old")
    except OSError as error:
        raise UserError(
            f"{str(folder)!r} cannot be written: {error.strerror or error}. Name another folder with --out."
        ) from error
    return folder / names(comparison.lang)[0]


def _write(comparison: Comparison, out: Path) -> None:
    (out / "tables").mkdir(parents=True)
    for name in TABLES:
        getattr(comparison, name).to_parquet(out / "tables" / f"{name}.parquet", index=False)
    (out / "comparison.json").write_text(comparison.to_json() + "\n", encoding="utf-8")
    stored = Stored(out, out)
    messages = page_messages(comparison.lang)
    page_sections = sections(comparison, messages)
    markdown(page_sections, stored, messages, (comparison.lang,))
    page(page_sections, stored, messages, (comparison.lang,))


def fragment(comparison: Comparison) -> str:
    """The answer for a notebook: every text in it is escaped."""
    messages = page_messages(comparison.lang)
    notices = (NOTES.translate(text, messages) for text in (*comparison.recognised, *comparison.notices))
    picture = base64.b64encode(comparison.plot().png(dpi=110)).decode()
    parts = [
        Markup("<p><b>{}</b></p>").format(comparison.verdict.parts[0]),
        *(Markup("<p>{}</p>").format(part) for part in comparison.verdict.parts[1:]),
        Markup("<p>{}</p>").format(comparison.why),
        Markup("<p>{}</p>").format(comparison.advice.rate),
        Markup("<p>{}</p><pre>{}</pre>").format(comparison.advice.sentence, comparison.advice.code),
        Markup(short_table(comparison, messages).to_html(index=False, border=0)),  # pandas escapes what it shows
        Markup('<img alt="{}" src="data:image/png;base64,{}">').format(comparison.plot().finding, picture),
        *(Markup("<p><small>{}</small></p>").format(text) for text in notices),
    ]
    return str(escape("").join(parts))
