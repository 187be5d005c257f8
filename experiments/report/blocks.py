"""What a report is made of: sections of blocks, written once and rendered as HTML and as Markdown.

Every text is plain: the templates escape it, so a label from a user's data can never become markup.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from experiments.messages import figure, fixed
from experiments.report.figure_cache import Drawing


@dataclass(frozen=True, kw_only=True)
class Span:
    """A piece of text: plain, or a link, or code."""

    text: str
    href: str = ""  # an address, quoted as such
    code: bool = False
    sort: float | None = None  # what a table sorts by, where the text is not it
    mark: str = ""  # the name of an outcome: a coloured badge
    strong: bool = False


Inline = str | Span | Sequence["str | Span"]


def spans(inline: Inline) -> list[Span]:
    """`inline` as a list of spans."""
    pieces = [inline] if isinstance(inline, (str, Span)) else list(inline)
    return [Span(text=piece) if isinstance(piece, str) else piece for piece in pieces]


def marked(text: str) -> list[Span]:
    """Text whose code stands between backticks, as tables hold it."""
    return [
        Span(text=piece, code=bool(index % 2))
        for index, piece in enumerate(text.split("`"))
        if piece
    ]


def number(value: float, digits: int = 3, sign: bool = False, unit: str = "") -> Span:
    """A number as text that still sorts as a number; "–" where there is none."""
    value = float(value)
    if math.isnan(value):
        return Span(text="–", sort=-math.inf)
    if math.isinf(value):
        return Span(text="∞" if value > 0 else "−∞", sort=value)
    return Span(text=figure(value, digits, sign and value != 0) + unit, sort=value)


def count(value: int) -> Span:
    """A whole number, written in full, that sorts as a number."""
    return Span(text=str(value), sort=float(value))


def ranged(row: Mapping[str, Any] | pd.Series, *, mean: str = "mean", scale: float = 1.0, unit: str = "") -> Span:
    """The mean of a row with its interval, "+0.012 [0.004, 0.020]", that sorts by the mean; or the mean alone."""
    values = [scale * float(row[name]) for name in (mean, "low", "high")]
    mean_span = number(values[0], sign=True, unit=unit)
    if not all(math.isfinite(value) for value in values):
        return mean_span
    size = max(abs(value) for value in values)
    if size < 1e-4:
        texts = [figure(value, 2) for value in values]
    else:  # the same decimals in all three, so that they can be compared at a glance
        decimals = max(0, 2 - math.floor(math.log10(size)))
        texts = [fixed(value, decimals) for value in values]
    return Span(text=f"{'+' if values[0] > 0 else ''}{texts[0]} [{texts[1]}, {texts[2]}]{unit}", sort=mean_span.sort)


@dataclass(frozen=True, kw_only=True)
class Text:
    """A paragraph; `lead` is set larger."""

    kind: ClassVar[str] = "text"
    body: Inline
    lead: bool = False

    @property
    def spans(self) -> list[Span]:
        """Its text in spans."""
        return spans(self.body)


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under named columns. `sortable` tables can be sorted and filtered; `prose` wraps to the page."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Inline]]
    sortable: bool = False
    prose: bool = False

    @property
    def cells(self) -> list[list[list[Span]]]:
        """The text of each cell in spans."""
        return [[spans(cell) for cell in row] for row in self.rows]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure: drawn wide and, for phones, narrow; `name` is its file under figures/."""

    kind: ClassVar[str] = "picture"
    name: str
    wide: Drawing
    narrow: Drawing
    caption: Inline = ""

    @property
    def spans(self) -> list[Span]:
        """Its text in spans."""
        return spans(self.caption)


@dataclass(frozen=True, kw_only=True)
class Code:
    """Lines to copy."""

    kind: ClassVar[str] = "code"
    body: str


@dataclass(frozen=True, kw_only=True)
class Item:
    """A titled entry with a badge: `mark` is an outcome's name, `badge` what it is called, `anchor` its id.

    `folded`: paragraphs that a reader unfolds.
    """

    title: Inline
    badge: str = ""
    mark: str = ""
    body: Sequence[Inline]
    anchor: str = ""
    folded: Fold | None = None

    @property
    def heading(self) -> list[Span]:
        """The title in spans."""
        return spans(self.title)

    @property
    def lines(self) -> list[list[Span]]:
        """Each paragraph in spans."""
        return [spans(line) for line in self.body]


@dataclass(frozen=True, kw_only=True)
class Items:
    """A list of titled entries."""

    kind: ClassVar[str] = "items"
    entries: Sequence[Item]


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Blocks that a reader unfolds: `summary` says what is in them, `anchor` is their id."""

    kind: ClassVar[str] = "fold"
    summary: Inline
    blocks: Sequence[Block]
    anchor: str = ""

    @property
    def spans(self) -> list[Span]:
        """Its text in spans."""
        return spans(self.summary)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A question of the first screen with its answer of one sentence, and where there is more."""

    question: str
    sentence: str
    more: Sequence[Span] = ()


@dataclass(frozen=True, kw_only=True)
class First:
    """The first screen, under a title that states the finding: short answers beside a picture, the lines to write.

    `source`: where the numbers come from.
    """

    kind: ClassVar[str] = "first"
    replies: Sequence[Reply]
    picture: Picture | None
    write: str
    code: str
    source: Inline = ""

    @property
    def spans(self) -> list[Span]:
        """Its text in spans."""
        return spans(self.source)


@dataclass(frozen=True, kw_only=True)
class Explorer:
    """Figures that the page draws of what a reader asks for. `content`: the data, as JSON holds it.

    `labels`: what can be chosen, each with its label. `without`: what is said where no script runs.
    """

    kind: ClassVar[str] = "explorer"
    content: Mapping[str, Any]
    labels: Sequence[tuple[str, str]]
    without: str


Block = Text | Table | Picture | Code | Items | Fold | First | Explorer


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading with its blocks; `id` is the anchor. One that begins with a `First` is the title of its page."""

    id: str
    title: str
    blocks: Sequence[Block]

    @property
    def first(self) -> bool:
        """Whether this is the first screen."""
        return bool(self.blocks) and isinstance(self.blocks[0], First)

    @property
    def unfolded(self) -> list[Picture]:
        """The pictures in it that are not folded away: those that are files of their own."""
        blocks = (block.picture if isinstance(block, First) else block for block in self.blocks)
        return [picture for picture in blocks if isinstance(picture, Picture)]
