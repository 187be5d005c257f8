"""One look for every figure: a colour an arm, sizes that stay legible on a phone, ink that follows the page."""

from __future__ import annotations

import hashlib
import io
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

# Ink by its part. An SVG carries these as CSS variables, so that the page's light or dark scheme decides.
INK = "#1b1f24"
MUTED = "#59616b"
GRID = "#dfe3e7"
PAPER = "#fefefe"
_DARK = {INK: "#e8eaed", MUTED: "#a9b1ba", GRID: "#3a4149", PAPER: "#16191d"}

# One colour an arm, everywhere. The four that most figures show are Okabe and Ito's (2008) and stay apart for every
# kind of colour blindness; the others are near relatives of the arm they vary, told apart by their labels. All keep
# a contrast of at least 2.5 on white and on the dark page.
COLOURS: dict[str, str] = {
    "sigmoid": "#0072b2",
    "sigmoid_again": "#70757c",
    "sigmoid_logits": "#3d9bd6",
    "softmax": "#d55e00",
    "softmax_sparse": "#b8541a",
    "softmax_logits": "#f07f3c",
    "softmax_init": "#c0679a",
    "softmax_lr": "#b58900",
    "softmax_matched": "#009e73",
    "softmax_bce": "#8f6fd0",
    "sigmoid2_bce": "#6a7fdb",
    "sigmoid2_cce": "#a05fb0",
    "softmax1": "#c2445c",
}
# For arms that a user adds: told apart from the above, chosen by the arm's name alone.
_SPARE = ("#7a9a01", "#a3785a", "#2f9e9e", "#e0559b", "#5f8f5f", "#9c8a3c")

# The outcome of a paired difference, of a verdict, of a cell.
OUTCOMES: dict[str, str] = {
    "different": "#d55e00",
    "different but negligible": "#b58900",
    "equivalent": "#0072b2",
    "undecided": "#8a8f96",
}

_RC: dict[str, Any] = {
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
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
    """The colour of an arm; one that is not in `COLOURS` gets a spare, the same in every run and figure."""
    if head in COLOURS:
        return COLOURS[head]
    return _SPARE[int(hashlib.sha256(head.encode()).hexdigest(), 16) % len(_SPARE)]


class Chart(Figure):
    """A matplotlib figure that knows what it found: `finding` is its title and its alternative text."""

    finding: str = ""

    def png(self, dpi: int = 160) -> bytes:
        """The picture on white, for files and notebooks."""
        return self._drawn("png", dpi=dpi, metadata={"Software": None})

    def svg(self, salt: str) -> str:
        """The picture without a background, its ink following the reader's light or dark scheme.

        `salt` makes the ids, and so the bytes, the same in every build.
        """
        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}):
            text = self._drawn("svg", transparent=True, metadata={"Date": None, "Creator": None}).decode()
        names = {INK: "--ink", MUTED: "--muted", GRID: "--grid", PAPER: "--paper"}
        for ink, name in names.items():
            text = text.replace(f": {ink}", f": var({name})")
        light = ";".join(f"{name}:{ink}" for ink, name in names.items())
        dark = ";".join(f"{name}:{_DARK[ink]}" for ink, name in names.items())
        sheet = f"<style>svg{{{light}}}@media (prefers-color-scheme:dark){{svg{{{dark}}}}}</style>"
        start = text.index("<svg")
        head = text.index(">", start) + 1
        return re.sub(r"\n\s*", "\n", text[start:head] + sheet + text[head:])

    def _drawn(self, kind: str, **options: Any) -> bytes:
        into = io.BytesIO()
        self.savefig(into, format=kind, **options)
        return into.getvalue()

    def _repr_png_(self) -> bytes:
        return self.png(dpi=110)


@contextmanager
def chart(width: float, height: float) -> Iterator[Chart]:
    """A new `Chart` of width x height inches in the common style; draw on it inside the `with`."""
    with mpl.rc_context(_RC):
        figure = Chart(figsize=(width, height), layout="constrained")
        yield figure
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once, however often it is saved: layout is most of the time


def conclude(figure: Chart, finding: str, heads: Iterable[str] = ()) -> None:
    """Put `finding` above the figure, which grows by as much, and keep it as the alternative text.

    `heads` are named under it in their colours: for small multiples, too narrow for direct labels.
    """
    figure.finding = finding
    title = wrap(finding, figure.get_figwidth(), 10.5, bold=True)
    lines = [Line2D([], [], color=colour(head), label=head) for head in heads]
    columns = max(1, int(figure.get_figwidth() / 1.5))
    figure.set_figheight(figure.get_figheight() + 0.19 * (title.count("\n") + 1) + 0.2 * -(-len(lines) // columns))
    if not lines:
        figure.suptitle(title, x=0.005, ha="left", fontsize=10.5, fontweight="bold")
        return
    figure.legend(
        handles=lines, loc="outside upper left", ncols=columns, title=title,
        title_fontproperties={"size": 10.5, "weight": "bold"}, alignment="left", labelcolor="linecolor",
        frameon=False, fontsize=8.5, handlelength=1.2, borderaxespad=0.1, borderpad=0.1,
    )  # fmt: skip


def wrap(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """Break `text` into lines of at most `width` inches at `size` points, a Chinese letter being two wide."""
    per_letter = size / 72 * (0.665 if bold else 0.6)
    wide = sum(2 if ord(letter) > 0x2E80 else 1 for letter in text) / max(len(text), 1)
    return textwrap.fill(text, max(8, int(width / per_letter / wide)))


def clip(text: str, width: float, size: float = 9) -> str:
    """`text`, cut with an ellipsis where it would be wider than `width` inches at `size` points."""
    letters = max(6, int(width / (size / 72 * 0.6)))
    return text if len(text) <= letters else text[: letters - 1] + "…"


def label_ends(axes: Axes, ends: Iterable[tuple[str, float, float, str]], gap: float = 0.09) -> None:
    """Write each name at the right end of its line, pushed apart until none overlap.

    `ends`: (text, x, y, colour). `gap`: the least distance of two labels, as a share of the axes' height.
    """
    known = [(text, y, ink) for text, _, y, ink in ends if np.isfinite(y)]
    if not known:
        return
    to_share = axes.transData + axes.transAxes.inverted()
    heights = np.array([to_share.transform((0 if axes.get_xscale() == "linear" else 1, y))[1] for _, y, _ in known])
    order = np.argsort(heights)
    places = spread(heights[order], gap)
    for place, index in zip(places, order, strict=True):
        text, _, ink = known[index]
        axes.annotate(
            text, (1, place), xycoords="axes fraction", xytext=(4, 0), textcoords="offset points",
            va="center", color=ink, fontsize=8, annotation_clip=False,
        )  # fmt: skip


def spread(heights: Sequence[float] | np.ndarray, gap: float) -> np.ndarray:
    """Move ascending `heights` as little as needed for neighbours to be `gap` apart (least squares).

    Source: isotonic regression of heights - gap * rank.
    """
    from scipy.optimize import isotonic_regression

    steps = gap * np.arange(len(heights))
    return isotonic_regression(np.asarray(heights) - steps).x + steps
