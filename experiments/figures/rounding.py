"""Rounding: how far the matched arm drifts from sigmoid with the step, in float32 and in float64."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator

from experiments.figures.lettering import ENGLISH, panel_title
from experiments.figures.panels import Panel, panels
from experiments.figures.style import Chart, chart, colour, label_ends
from experiments.figures.ticks import power
from experiments.heads import BASELINE
from experiments.messages import Messages, figure

MATCHED, AGAIN, SOFTMAX = "softmax_matched", "sigmoid_again", "softmax"
_MOST = 6
_HEIGHT = 2.6
_LEAST, _MOST_NATS = 1e-17, 10.0  # the axis: from agreement to the last digit on

Line = tuple[str, str, str, np.ndarray]  # a name, its colour and dashes, and |difference|, (seeds, steps)


def rounding(
    single: pd.DataFrame,
    double: pd.DataFrame,
    *,
    quantity: str = "nll",
    width: float = 7.2,
    messages: Messages = ENGLISH,
) -> Chart:
    """|difference from sigmoid| on the test rows against the step, at most six cells, each line a median over seeds.

    `single`, `double`: rows of the tables `curves` and `curves_float64`; the matched arm of both is drawn, with its
    largest value over seeds as the band's upper edge, and the noise floor and softmax of `double`. Differences that
    are 0 lie on the lower edge. Raises `ValueError` if no cell of `double` has the matched arm.
    """
    exact = {panel.key: panel for panel in panels(double, quantity, "", (BASELINE, MATCHED, AGAIN, SOFTMAX), "test")}
    exact = {key: panel for key, panel in exact.items() if {BASELINE, MATCHED} <= set(panel.values)}
    if not exact:
        raise ValueError(f"The curves in float64 hold no {quantity!r} of {MATCHED!r} and {BASELINE!r}")
    float32 = {panel.key: panel for panel in panels(single, quantity, "", (BASELINE, MATCHED), "test")}
    float32 = {key: panel for key, panel in float32.items() if key in exact and MATCHED in panel.values}
    keys = list(exact)[:_MOST]
    across = min(len(keys), 1 if width < 5 else 3)
    named = across == 1
    each = (width - 0.05) / across
    title = _finding(list(exact.values()), list(float32.values()), quantity, messages)
    lines = [_lines(exact[key], float32.get(key), messages) for key in keys]
    above = {} if named else {name: Line2D([], [], color=ink, linestyle=dash, label=name) for part in lines
                              for name, ink, dash, _ in part}  # fmt: skip
    with chart(title, width, _HEIGHT * math.ceil(len(keys) / across), more=[*above.values()], auto=False) as page:
        for index, key in enumerate(keys):
            row, column = divmod(index, across)
            right = 1.6 if named and width >= 5 else 1.25 if named else 0.1
            wide = each - 0.8 - right
            axes = page.place(column * each + 0.75, _HEIGHT * row + 0.4, wide, 1.6)
            _draw(axes, exact[key].steps, lines[index], named=named)
            axes.set_title(panel_title(messages.parts(key), wide + right))
            axes.set_xlabel(messages("axis.step"))
            if column == 0:
                axes.set_ylabel(messages("rounding.apart", quantity=messages.axis(quantity)))
    return page


def _lines(panel: Panel, float32: Panel | None, messages: Messages) -> list[Line]:
    lines = [(messages("rounding.matched", dtype="float64"), colour(MATCHED), "-", np.abs(panel.difference(MATCHED)))]
    if float32 is not None:
        values = np.abs(float32.difference(MATCHED))[:, np.isin(float32.steps, panel.steps)]
        lines.append((messages("rounding.matched", dtype="float32"), colour(MATCHED), "--", values))
    for head, name in ((AGAIN, messages("rounding.again")), (SOFTMAX, SOFTMAX)):
        if head in panel.values:
            lines.append((name, colour(head), "-", np.abs(panel.difference(head))))
    return lines


def _draw(axes: Axes, steps: np.ndarray, lines: list[Line], *, named: bool) -> None:
    ends = []
    for name, ink, dash, sizes in lines:
        middle, most = (np.maximum(part, _LEAST) for part in (np.median(sizes, axis=0), sizes.max(axis=0)))
        axes.plot(steps[: len(middle)], middle, dash, color=ink)
        axes.fill_between(steps[: len(middle)], middle, most, color=ink, alpha=0.15, linewidth=0)
        # where the label goes, as if the axis were linear
        share = np.log(middle[-1] / _LEAST) / np.log(_MOST_NATS / _LEAST)
        ends.append((name, float(_LEAST + share * (_MOST_NATS - _LEAST)), ink))
    axes.set_yscale("log")
    axes.set_ylim(_LEAST, _MOST_NATS)
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_major_formatter(lambda value, _: power(value, 10))  # all its digits as high as other letters
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    if named:
        label_ends(axes, ends, gap=0.1)


def _finding(exact: list[Panel], float32: list[Panel], quantity: str, messages: Messages) -> str:
    numbers: dict[str, str] = {}
    for name, every in (("double", exact), ("single", float32)):
        last = [np.abs(panel.difference(MATCHED)[:, -1]) for panel in every]
        whole = np.concatenate(last) if last else np.array([math.nan])
        numbers |= {name: figure(float(np.median(whole)), 2), f"{name}_most": figure(float(whole.max()), 2)}
    return messages("rounding.finding", unit=messages.or_key("unit", quantity), **numbers)
