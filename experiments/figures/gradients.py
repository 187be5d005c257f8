"""Gradient norms of paired arms, and their ratio against what the mathematics predicts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from experiments.figures.curves import levels
from experiments.figures.lettering import ENGLISH
from experiments.figures.panels import Panel, mean_of_finite, panels
from experiments.figures.style import INK, PAPER, Chart, chart, colour
from experiments.figures.ticks import log_ticks
from experiments.heads import BASELINE
from experiments.messages import Messages

# At the same function softmax's two columns hold -g h and +g h where sigmoid's one holds g h; the trunk sees g u in
# both; docs/method.md derives it.
PREDICTED = {"head": math.sqrt(2), "trunk": 1.0, "effective_head": 1.0}


def gradient_norms(
    curves: pd.DataFrame,
    *,
    scopes: Sequence[str] = ("head", "trunk", "total"),
    heads: Sequence[str] = ("sigmoid", "softmax", "softmax_matched"),
    width: float = 7.2,
    messages: Messages = ENGLISH,
) -> Chart:
    """Gradient norms by scope and, under them, their paired ratio to sigmoid with the predicted ratio drawn in.

    `curves`: rows of the `curves` table with the quantity `grad_norm`. For one cell the norms are drawn too; for
    several cells only the ratios, a faint line a cell and a thick one for their geometric mean. A scope that is
    absent or 0 throughout (the trunk of a linear model) is left out. Raises `ValueError` when none is left.
    """
    by_scope = {scope: panels(curves, "grad_norm", scope, heads, "train") for scope in scopes}
    by_scope = {
        scope: positive for scope, cells in by_scope.items() if (positive := [p for p in cells if _positive(p)])
    }
    if not by_scope:
        raise ValueError(f"The curves hold no gradient norm of {', '.join(scopes)}")
    one = max(len(cells) for cells in by_scope.values()) == 1
    across = min(len(by_scope), 1 if width < 5 else 3)
    down = math.ceil(len(by_scope) / across)
    each, high = (width - 0.05) / across, 3.2 if one else 2.6
    present = dict.fromkeys(head for cells in by_scope.values() for panel in cells for head in panel.values)
    arms = [head for head in present if one or head != BASELINE]
    with chart(_finding(by_scope, messages), width, high * down, arms, messages=messages, auto=False) as figure:
        for index, (scope, cells) in enumerate(by_scope.items()):
            row, column = divmod(index, across)
            left, wide, top = column * each + 0.62, each - 0.72, high * row
            under = figure.place(left, top + (1.75 if one else 0.25), wide, 1.0 if one else 1.85)
            first = under
            if one:
                first = figure.place(left, top + 0.25, wide, 1.35, sharex=under)
                levels(first, cells[0], messages, named=False)
                first.set_yscale("log")  # before its limits are asked for: linear ones may reach below 0
                log_ticks(first, *first.get_ylim())
                first.tick_params(labelbottom=False)
            first.set_title(messages.or_key("scope", scope))
            _ratios(under, cells, scope, messages)
            under.set_xlabel(messages("axis.step"))
            if column == 0:
                under.set_ylabel(messages("axis.over", baseline=BASELINE))
                if one:
                    first.set_ylabel(messages("axis.norm"))
                for axes in (first, under):
                    axes.yaxis.set_label_coords(-0.45 / wide, 0.5)
    return figure


def _positive(panel: Panel) -> bool:
    return BASELINE in panel.values and bool((panel.values[BASELINE] > 0).any())


def _ratios(axes: Axes, cells: list[Panel], scope: str, messages: Messages) -> None:
    for head in dict.fromkeys(head for panel in cells for head in panel.values if head != BASELINE):
        lines = [(panel.steps, panel.ratio(head)) for panel in cells if head in panel.values]
        if len(lines) > 1:
            for steps, line in lines:
                axes.plot(steps, line, color=colour(head), linewidth=0.5, alpha=0.3)
        longest = max((steps for steps, _ in lines), key=len)
        whole = np.array([np.log(line) for steps, line in lines if np.array_equal(steps, longest)])
        dashed = "--" if head == "softmax_matched" else "-"
        axes.plot(longest, np.exp(mean_of_finite(whole)), dashed, color=colour(head), zorder=3)
    if scope in PREDICTED:
        axes.axhline(PREDICTED[scope], color=INK, linestyle=(0, (1, 1.5)), linewidth=1.1, zorder=4)
        axes.annotate(messages(f"predicted.{scope}"), (1, PREDICTED[scope]), xycoords=("axes fraction", "data"),
                      xytext=(0, 3), textcoords="offset points", ha="right", fontsize=8, zorder=5,
                      bbox={"facecolor": PAPER, "alpha": 0.8, "linewidth": 0, "pad": 0.6})  # fmt: skip
    axes.set_yscale("log")  # before its limits are asked for: linear ones may reach below 0
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0.7), max(high, 2.2))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    log_ticks(axes, *axes.get_ylim())


def _finding(by_scope: dict[str, list[Panel]], messages: Messages) -> str:
    """What the first step and the whole run show, for the arms at hand."""

    def mean(scope: str, head: str, steps: slice) -> float:
        logs = [np.log(panel.ratio(head)[steps]) for panel in by_scope.get(scope, []) if head in panel.values]
        return float(np.exp(mean_of_finite(np.concatenate(logs)))) if logs else math.nan

    sentences = []
    start = slice(0, 1)
    head, trunk = mean("head", "softmax_matched", start), mean("trunk", "softmax_matched", start)
    if math.isfinite(head) and math.isfinite(trunk):
        sentences.append(messages("gradient_norms.start", head=f"{head:.3f}", trunk=f"{trunk:.3f}"))
    elif math.isfinite(head):
        sentences.append(messages("gradient_norms.start_head", head=f"{head:.3f}"))
    plain = mean("head", "softmax", slice(None))
    if math.isfinite(plain):
        sentences.append(messages("gradient_norms.along", head=f"{plain:.2f}"))
    return messages("sentence.join").join(sentences) or messages("gradient_norms.alone")
