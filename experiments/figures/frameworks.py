"""Frameworks: how far networks of two of them drift apart from equal weights, beside what is between the heads."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator

from experiments.figures.lettering import ENGLISH, panel_title, width_of
from experiments.figures.style import Chart, chart, colour, label_ends
from experiments.figures.ticks import power
from experiments.messages import Messages, figure
from experiments.tables import CELL

_HEIGHT = 2.4
_LEAST, _MOST = 1e-17, 10.0  # the axis: from agreement to the last digit on
# two frameworks' colour: unlike any head's
_INKS = ("#4c5fa8", "#00838f", "#7a5195")


def framework_distances(distances: pd.DataFrame, *, width: float = 7.2, messages: Messages = ENGLISH) -> Chart:
    """The relative distance of training losses against the step: a row a cell, a column a precision.

    `distances`: rows of the table `framework_distances`. A line is the median over seeds and heads, its band reaches to
    the network that differs most. Raises `ValueError` if there is no row.
    """
    if distances.empty:
        raise ValueError("There are no distances to draw")
    cells = list(dict.fromkeys(distances[CELL].itertuples(index=False, name=None)))
    dtypes = list(dict.fromkeys(distances["dtype"].astype(str)))
    pairs = list(dict.fromkeys(distances.loc[distances["other"] != "", ["framework", "other"]].itertuples(False, None)))
    inks = {pair: _INKS[number % len(_INKS)] for number, pair in enumerate(pairs)}
    narrow = width < 5  # then a key stands above, for names beside the lines would take half of the width
    across = 1 if narrow else len(dtypes)
    facets = [(cell, dtype) for cell in cells for dtype in dtypes]
    lines = _lines(distances, inks, messages)
    beside = 0.1 + max(width_of(name, 8) for name, _, _ in lines)
    wide = width - 0.9 if narrow else (width - beside) / across - 0.85
    key = [Line2D([], [], color=ink, label=name) for name, ink, _ in lines] if narrow else []
    with chart(_finding(distances, messages), width, _HEIGHT * -(-len(facets) // across), more=key, auto=False) as page:
        for index, (cell, dtype) in enumerate(facets):
            row, column = divmod(index, across)
            named = not narrow and column == across - 1
            axes = page.place(column * (0.75 + wide + 0.1) + 0.75, _HEIGHT * row + 0.4, wide, 1.45)
            mine = distances[(distances[CELL] == list(cell)).all(axis=1) & (distances["dtype"] == dtype)]
            _draw(axes, mine, inks, messages, named=named)
            axes.set_title(panel_title((*messages.parts(cell), dtype), wide))
            axes.set_xlabel(messages("axis.step"))
            if column == 0:
                axes.set_ylabel(messages("frameworks.axis"))
    return page


def _lines(
    rows: pd.DataFrame, inks: dict[tuple[str, str], str], messages: Messages
) -> list[tuple[str, str, pd.Series]]:
    """What each line is called, its colour, and which rows it is of."""
    lines = [
        (" – ".join(messages.name("framework", name) for name in pair), ink,
         (rows["framework"] == pair[0]) & (rows["other"] == pair[1]))
        for pair, ink in inks.items()
    ]  # fmt: skip
    return [*lines, (messages("frameworks.heads"), colour("softmax"), rows["other"] == "")]


def _draw(axes: Axes, rows: pd.DataFrame, inks: dict[tuple[str, str], str], messages: Messages, *, named: bool) -> None:
    ends = []
    for name, ink, mine in _lines(rows, inks, messages):
        if not mine.any():
            continue
        by_step = rows[mine].groupby("step")["distance"]
        middle, most = (np.clip(part, _LEAST, _MOST) for part in (by_step.median(), by_step.max()))
        axes.plot(middle.index, middle, color=ink)
        axes.fill_between(middle.index, middle, most, color=ink, alpha=0.15, linewidth=0)
        share = np.log(middle.iloc[-1] / _LEAST) / np.log(_MOST / _LEAST)
        ends.append((name, float(_LEAST + share * (_MOST - _LEAST)), ink))
    axes.set_yscale("log")
    axes.set_ylim(_LEAST, _MOST)
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_major_formatter(lambda value, _: power(value, 10))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    if named:
        label_ends(axes, ends, gap=0.12)


def _finding(distances: pd.DataFrame, messages: Messages) -> str:
    last = distances[distances["step"] == distances.groupby(CELL)["step"].transform("max")]
    between, heads = last[last["other"] != ""], last[last["other"] == ""]
    most = {dtype: float(part["distance"].max()) for dtype, part in between.groupby("dtype")}
    texts = [messages("frameworks.most", dtype=dtype, distance=figure(value, 2)) for dtype, value in most.items()]
    return messages("frameworks.finding", most=messages("frameworks.and").join(texts),
                    heads=figure(float(heads["distance"].median()), 2))  # fmt: skip
