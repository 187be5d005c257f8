"""What a report is made of: sections of blocks, written once and rendered as HTML and as Markdown.

Every text is plain: the templates escape it, so a label from a user's data can never become markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from experiments.figures import Chart


@dataclass(frozen=True, kw_only=True)
class Span:
    """A piece of text: plain, or a link, or code."""

    text: str
    href: str = ""
    code: bool = False
    sort: float | None = None  # what a table sorts by, where the text is not it
    mark: str = ""  # an outcome: a coloured badge


Inline = str | Span | Sequence["str | Span"]


def spans(inline: Inline) -> list[Span]:
    """`inline` as a list of spans."""
    pieces = [inline] if isinstance(inline, (str, Span)) else list(inline)
    return [Span(text=piece) if isinstance(piece, str) else piece for piece in pieces]


def number(value: float, digits: int = 3, sign: bool = False) -> Span:
    """A number as text that still sorts as a number."""
    return Span(text=f"{value:{'+' if sign else ''}.{digits}g}", sort=float(value))


@dataclass(frozen=True, kw_only=True)
class Text:
    """A paragraph; `lead` is set larger."""

    kind: ClassVar[str] = "text"
    body: Inline
    lead: bool = False

    @property
    def spans(self) -> list[Span]:
        return spans(self.body)


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under named columns. `sortable` tables can be sorted and filtered in the page."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Inline]]
    sortable: bool = False

    @property
    def cells(self) -> list[list[list[Span]]]:
        return [[spans(cell) for cell in row] for row in self.rows]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure: drawn wide and, for phones, narrow; `name` is its file under figures/."""

    kind: ClassVar[str] = "picture"
    name: str
    wide: Chart
    narrow: Chart
    caption: Inline = ""

    @property
    def spans(self) -> list[Span]:
        return spans(self.caption)


@dataclass(frozen=True, kw_only=True)
class Code:
    """Lines to copy."""

    kind: ClassVar[str] = "code"
    body: str


Block = Text | Table | Picture | Code


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading with its blocks; `id` is the anchor."""

    id: str
    title: str
    blocks: Sequence[Block]
