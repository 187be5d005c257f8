"""One look for every figure: a colour an arm, sizes that stay legible on a phone, ink that follows the page."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from experiments.figures.files import FONT, small_png, small_svg
from experiments.figures.findings import found
from experiments.figures.lettering import ENGLISH, LATIN, families, is_latin, wrap
from experiments.heads import HEADS
from experiments.messages import Messages

# Ink by its part. An SVG carries these as CSS variables, so that the page's light or dark scheme decides.
INK = "#1b1f24"
MUTED = "#59616b"
GRID = "#dfe3e7"
PAPER = "#fefefe"
ON_PATCH = "#101214"  # writing on a coloured patch, in the dark too
_CONTRAST = 5.0
_DARK = {INK: "#e8eaed", MUTED: "#a9b1ba", GRID: "#3a4149", PAPER: "#16191d"}

_WRITTEN = re.compile(r'<text [^>]*fill: (#[0-9a-f]{6})')

# For arms without a colour of their own: told apart from the others, chosen by the arm's name alone.
_SPARE = ("#7a9a01", "#a3785a", "#2f9e9e", "#e0559b", "#5f8f5f", "#9c8a3c")

# The outcome of a paired difference, of a verdict, of a cell.
OUTCOMES: dict[str, str] = {
    "larger": "#a3361a",
    "different": "#d55e00",
    "negligible": "#b58900",
    "equivalent": "#0072b2",
    "undecided": "#8a8f96",
}

_RC: dict[str, Any] = {
    "font.size": 9,
    # matplotlib looks these lists through for every text that it measures; a figure names its fonts itself
    **{f"font.{generic}": [LATIN] for generic in ("serif", "sans-serif", "cursive", "fantasy", "monospace")},
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.titley": 1.0,  # known, so that no title is moved out of the way of tick labels, which costs a third of a page
    "axes.labelsize": 8.5,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "text.color": INK,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "figure.facecolor": PAPER,
    "figure.titlesize": 10.5,
    "figure.titleweight": "bold",
    "figure.dpi": 100,
    "axes.unicode_minus": True,
    "axes.formatter.useoffset": False,
}


def colour(head: str) -> str:
    """The colour of an arm; one that has none gets a spare, the same in every run and figure."""
    registered = HEADS[head].colour if head in HEADS else ""
    return registered or _SPARE[int(hashlib.sha256(head.encode()).hexdigest(), 16) % len(_SPARE)]


@cache  # a figure writes hundreds of texts in a few inks
def readable(ink: str, ground: str) -> str:
    """The colour itself, or as much of black or white mixed in as writing in it needs on `ground`: a contrast of 5.

    WCAG 2.2 asks for 4.5; the rest is for shaded bands. Source: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
    """
    far = 1.0 if _luminance(mpl.colors.to_rgb(ground)) < 0.18 else 0.0
    for share in np.linspace(0, 1, 51):
        mixed = [(1 - share) * part + share * far for part in mpl.colors.to_rgb(ink)]
        light, dark = sorted((_luminance(mixed), _luminance(mpl.colors.to_rgb(ground))), reverse=True)
        if (light + 0.05) / (dark + 0.05) >= _CONTRAST:
            break
    return mpl.colors.to_hex(mixed)


def on_either_page(ink: str) -> str:
    """The colour that writing has on the light and on the dark page, in CSS."""
    return f"light-dark({readable(ink, PAPER)}, {readable(ink, _DARK[PAPER])})"


def _luminance(rgb: Sequence[float]) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


class Chart(Figure):
    """A matplotlib figure that knows what it found: `finding` is its title and its alternative text."""

    finding: str = ""
    above: float = 0.0  # inches that the title and the names of the arms take

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height on a page, at a hundred pixels an inch."""
        wide, high = self.get_size_inches()
        return round(100 * wide), round(100 * high)

    def place(self, left: float, top: float, width: float, height: float, **options: Any) -> Axes:
        """Axes at a place in inches from the left and from the lower edge of the title."""
        wide, high = self.get_size_inches()
        low = high - self.above - top - height
        return self.add_axes((left / wide, low / high, width / wide, height / high), **options)

    def png(self, dpi: int = 160, source: str = "") -> bytes:
        """The picture on white, for files and notebooks; `source` is kept in it, see `files.source_of`."""
        wide, high = self.get_size_inches()
        # raw pixels: a PNG of all colours would be compressed only to be read again
        return small_png(self._drawn("rgba", dpi=dpi), (int(wide * dpi), int(high * dpi)), source)

    def svg(self, salt: str) -> str:
        """The picture without a background, its ink following the reader's light or dark scheme.

        `salt` makes the ids, and so the bytes, the same in every build.
        """
        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}):
            text = self._drawn("svg", transparent=True, metadata={"Date": None, "Creator": None}).decode()
        names = {INK: "--ink", MUTED: "--muted", GRID: "--grid", PAPER: "--paper"}
        for ink, name in names.items():
            text = text.replace(f": {ink}", f": var({name})")
        dark = dict(_DARK)
        # writing in an arm's colour is lighter on a dark page than the arm's line
        for ink in sorted({*_WRITTEN.findall(text)} - {ON_PATCH}):
            names[ink], dark[ink] = f"--{ink[1:]}", readable(ink, _DARK[PAPER])
        variables = {ink: f"var({name})" for ink, name in names.items()}
        text = _WRITTEN.sub(lambda found: found[0].replace(found[1], variables.get(found[1], found[1])), text)
        light, dim = (";".join(f"{names[ink]}:{shade(ink)}" for ink in names) for shade in (str, dark.__getitem__))
        sheet = f"svg{{--font:{FONT};{light}}}@media (prefers-color-scheme:dark){{svg{{{dim}}}}}"
        return small_svg(text, sheet)

    def _drawn(self, kind: str, **options: Any) -> bytes:
        into = io.BytesIO()
        # the sizes that it was laid out with: how many ticks an axis has room for depends on them
        with mpl.rc_context(_RC):
            self.savefig(into, format=kind, **options)
        return into.getvalue()

    def _repr_png_(self) -> bytes:
        return self.png(dpi=110)


@cache
def warm_up() -> None:
    """Draw a figure and write a table that nobody sees, once a process: fonts, ticks and templates are ready then.

    A process that is forked afterwards starts with them: a seventh of a second less for what a notebook shows.
    """
    with chart("Drawn ahead", 6.0, 2.0, ("sigmoid", "softmax")) as figure:
        for axes in figure.subplots(1, 2):
            axes.semilogy([0.0, 1.0], [1.0, 10.0])
            axes.fill_between([0.0, 1.0], [1.0, 2.0], [2.0, 3.0], alpha=0.2)
            axes.set(title="task", xlabel="step", ylabel="loss")
    figure.png()
    pd.DataFrame({"value": [1.0]}).style.format("{:.3g}", na_rep="").to_html()


@contextmanager
def chart(
    finding: str,
    width: float,
    height: float,
    heads: Iterable[str] = (),
    *,
    more: Sequence[Line2D] = (),
    messages: Messages = ENGLISH,
    titled: bool = True,
    auto: bool = True,
) -> Iterator[Chart]:
    """A new `Chart` that is `width` inches wide, with `height` inches under its title; draw on it inside the `with`.

    `finding` stands above, wrapped to the width, and under it a key: the names of `heads` in their colours, for small
    multiples that are too narrow for direct labels, and `more` lines. `auto` lets matplotlib lay the axes out;
    without it they are placed by `Chart.place`, which costs a tenth of the time when there are many. `titled`: without
    it the finding is the alternative text alone, for a figure that stands under a title that says it.
    """
    found(finding)
    title = wrap(finding, width, 10.5, bold=True) if titled else ""
    lines = [*(Line2D([], [], color=colour(head), label=messages.name("arm", head)) for head in heads), *more]
    # on a phone as wide as the longest name takes
    longest = max((len(str(line.get_label())) for line in lines), default=0)
    columns = max(1, int(width / max(1.5, 0.3 + 0.068 * longest if width < 5 else 0.0)))
    above = 0.1 + 0.175 * (title.count("\n") + 1) if titled else 0.0
    above += 0.03 + 0.19 * -(-len(lines) // columns) if lines else 0.0
    with mpl.rc_context(_RC | {"font.family": [LATIN]}):
        total = height + above
        figure = Chart(figsize=(width, total))
        figure.finding, figure.above = finding, above
        figure.text(0.04 / width, 1 - 0.05 / total, title, ha="left", va="top", fontsize=10.5, fontweight="bold")
        if lines:
            figure.legend(
                handles=lines, loc="lower left", bbox_to_anchor=(0, 1 - above / total), ncols=columns,
                labelcolor="linecolor", frameon=False, fontsize=8.5, handlelength=1.2, borderaxespad=0.1, borderpad=0.1,
                labelspacing=0.25,
            )  # fmt: skip
            figure.legends[0].set_in_layout(False)
        figure.texts[0].set_in_layout(False)
        if auto:
            figure.set_layout_engine("constrained", rect=(0, 0, 1, height / total))
        yield figure
        for written in figure.findobj(Text):
            ink = mpl.colors.to_hex(written.get_color())  # type: ignore[attr-defined]  # it may be an array
            written.set_color(readable(ink, PAPER))  # type: ignore[attr-defined]
            if not is_latin(written.get_text()):  # type: ignore[attr-defined]
                written.set_family(families())  # type: ignore[attr-defined]
        if (engine := figure.get_layout_engine()) is not None:
            engine.execute(figure)
            figure.set_layout_engine(None)  # laid out once: with "none" each saving would draw it once more before


def label_ends(axes: Axes, ends: Iterable[tuple[str, float, str]], gap: float) -> None:
    """Write each name at the right end of its line, pushed apart until none overlap.

    `ends`: (text, last value, colour). `gap`: the least distance of two labels, as a share of the axes' height.
    """
    finite = [(text, value, ink) for text, value, ink in ends if np.isfinite(value)]
    if not finite:
        return
    low, high = axes.get_ylim()
    gap = min(gap, 1 / len(finite))
    heights = np.array([(value - low) / (high - low) for _, value, _ in finite])
    order = np.argsort(heights)
    positions = spread(heights[order].clip(gap / 2, 1 - gap / 2), gap)
    # keep the stack beside its axes
    positions += max(0.0, gap / 2 - positions[0]) - max(0.0, positions[-1] - 1 + gap / 2)
    for position, index in zip(positions, order, strict=True):
        text, _, ink = finite[index]
        axes.annotate(
            text, (1, position), xycoords="axes fraction", xytext=(4, 0), textcoords="offset points",
            va="center", color=ink, fontsize=8, annotation_clip=False,
        )  # fmt: skip


def label_rows(axes: Axes, names: Sequence[str], inks: Sequence[str] = ()) -> None:
    """Name the rows of a chart whose vertical axis is a list, the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    for label, ink in zip(axes.get_yticklabels(), inks or [INK] * len(names), strict=True):
        label.set_color(ink)


def spread(heights: Sequence[float] | np.ndarray, gap: float) -> np.ndarray:
    """Move ascending `heights` as little as needed for neighbours to be `gap` apart (least squares).

    Source: isotonic regression of heights - gap * rank.
    """
    from scipy.optimize import isotonic_regression

    steps = gap * np.arange(len(heights))
    return isotonic_regression(np.asarray(heights) - steps).x + steps
