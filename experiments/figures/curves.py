"""Loss curves of paired arms against the optimiser's steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from experiments.figures.lettering import ENGLISH, panel_title
from experiments.figures.panels import ARMS, Panel, panels, telling
from experiments.figures.style import MUTED, Chart, chart, colour, label_ends
from experiments.heads import BASELINE
from experiments.messages import Messages, figure

MOST = 6  # panels that a figure of many cells shows


def loss_curves(
    curves: pd.DataFrame,
    runs: pd.DataFrame | None = None,
    *,
    quantity: str = "nll",
    heads: Sequence[str] | None = None,
    baseline: str = BASELINE,
    head: str = "softmax",
    width: float = 7.2,
    messages: Messages = ENGLISH,
) -> Chart:
    """The loss of each arm and, under it, its paired difference from `baseline`; the title speaks of `head`.

    `curves`: rows of the `curves` table. `runs`: those of the same networks, which say what rows seeds share; without
    them all rows are taken to be shared. `heads`: by default the usual arms, or the two named. One cell is shown on
    its training and test rows. Of several cells the test rows of at most six are drawn, for each network those where
    `head` differs most; the title speaks of all. Lines are medians over seeds, bands their quartiles; a difference is
    the mean over pairs with its 95 % interval for fresh rows. Raises `ValueError` when no row fits.
    """
    heads = heads or (ARMS if baseline == BASELINE else (baseline, head))
    held_out = panels(curves, quantity, "", heads, "test", runs)
    trained = panels(curves, quantity, "", heads, "train", runs)
    every = held_out or trained
    if not every:
        raise ValueError(f"The curves hold no {quantity!r} of {', '.join(heads)}")
    one = len(every) == 1
    if one:
        parts = (("train", trained), ("test", held_out))
        chosen = [(messages(f"split.{name}"), panel[0]) for name, panel in parts if panel]
        finding = _finding_of_one(chosen[-1][1], (head, baseline), chosen[-1][0], messages, quantity)
    else:
        chosen = [("", panel) for panel in telling(every, MOST, head, baseline)]
        finding = _finding_of_many(every, (head, baseline), messages, quantity)
    across = min(len(chosen), 1 if width < 5 else 2 if len(chosen) in (2, 4) else 3)
    named = across < 3
    left, right = 0.74, 1.25 if named else 0.1
    each = (width - 0.05) / across
    down = math.ceil(len(chosen) / across)
    arms = dict.fromkeys(arm for _, panel in chosen for arm in panel.values)
    # names of cells may take two lines
    above, high = (0.25, 3.0) if one else (0.4, 3.15)
    with chart(finding, width, high * down, () if named else arms, messages=messages, auto=False) as page:
        for index, (name, panel) in enumerate(chosen):
            row, column = divmod(index, across)
            start, wide = column * each + left, each - left - right
            over = page.place(start, high * row + above, wide, 1.45)
            under = page.place(start, high * row + above + 1.55, wide, 0.75, sharex=over)
            levels(over, panel, messages, named=named)
            over.set_title(name or panel_title(messages.parts(panel.key), wide + right))
            over.tick_params(labelbottom=False)
            _differences(under, panel, baseline, messages, named=named)
            _flag(over, panel, messages)
            under.set_xlabel(messages("axis.step"))
            if column == 0:
                over.set_ylabel(messages.axis(quantity))
                under.set_ylabel(messages("axis.minus", baseline=messages.name("arm", baseline)))
                for axes in (over, under):
                    axes.yaxis.set_label_coords(-0.58 / wide, 0.5)
    return page


def levels(axes: Axes, panel: Panel, messages: Messages, *, named: bool) -> None:
    """Median and quartiles of each arm against the steps."""
    ends = []
    for head, values in panel.values.items():
        low, middle, high = _quartiles(values)
        dashed = "--" if head == "softmax_matched" else "-"
        axes.plot(panel.steps, middle, dashed, color=colour(head), zorder=3 if dashed == "--" else 2)
        axes.fill_between(panel.steps, low, high, color=colour(head), alpha=0.13, linewidth=0)
        ends.append((messages.name("arm", head), float(middle[-1]), colour(head)))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    if named:
        label_ends(axes, ends, gap=0.115)


def _differences(axes: Axes, panel: Panel, baseline: str, messages: Messages, *, named: bool) -> None:
    axes.axhline(0, color=MUTED, linewidth=0.8)
    ends = []
    for head in panel.values:
        if head == baseline or baseline not in panel.values:
            continue
        mean, low, high = panel.interval(panel.difference(head, baseline))
        axes.plot(panel.steps, mean, color=colour(head))
        axes.fill_between(panel.steps, low, high, color=colour(head), alpha=0.16, linewidth=0)
        ends.append((messages.name("arm", head), float(mean[-1]), colour(head)))
    axes.yaxis.set_major_locator(MaxNLocator(3))
    if named:
        label_ends(axes, ends, gap=0.19)


def _flag(axes: Axes, panel: Panel, messages: Messages) -> None:
    """Say how many runs are not finite, since a line cannot show them."""
    lost = {head: count for head in panel.values if (count := panel.lost(head))}
    if lost:
        text = ", ".join(f"{messages.name('arm', head)} {count}" for head, count in lost.items())
        axes.annotate(messages("note.lost", runs=text), (0.98, 0.96), xycoords="axes fraction", ha="right", va="top",
                      fontsize=7.5, color=MUTED)  # fmt: skip


def _quartiles(values: np.ndarray) -> np.ndarray:
    """(3, steps): quartiles over seeds; NaN where most are not finite, so that no line claims to be there."""
    ordered = np.where(np.isnan(values), np.inf, values)  # what is not finite counts as large, never as absent
    with np.errstate(invalid="ignore"):
        quartiles = np.quantile(ordered, [0.25, 0.5, 0.75], axis=0, method="nearest")
    return np.where(np.isfinite(quartiles), quartiles, np.nan)


def _finding_of_one(panel: Panel, pair: tuple[str, str], rows: str, messages: Messages, quantity: str) -> str:
    unit = messages.or_key("quantity", quantity)
    if not set(pair) <= set(panel.values):
        return messages("loss_curves.alone", quantity=unit)
    last = panel.difference(*pair)[:, -1:]
    mean, low, high = (float(value[0]) for value in panel.interval(last))
    if not math.isfinite(mean):
        return messages("loss_curves.lost", quantity=unit, lost=int((~np.isfinite(last)).sum()), n=len(last))
    key = "below" if high < 0 else "above" if low > 0 else "same"
    return messages(f"loss_curves.{key}", quantity=unit, rows=rows, size=figure(abs(mean)), low=figure(low),
                    high=figure(high), n=len(last))  # fmt: skip


def _finding_of_many(every: list[Panel], pair: tuple[str, str], messages: Messages, quantity: str) -> str:
    """The whole curve as one number a seed, so that a passing crossing does not count."""
    pairs = [panel for panel in every if set(pair) <= set(panel.values)]
    if not pairs:
        return messages("loss_curves.alone", quantity=messages.or_key("quantity", quantity))
    intervals = [panel.interval(panel.difference(*pair).mean(axis=1, keepdims=True)) for panel in pairs]
    lower = sum(bool(high[0] < 0) for _, _, high in intervals)
    higher = sum(bool(low[0] > 0) for _, low, _ in intervals)
    middle = float(np.nanmedian([mean[0] for mean, _, _ in intervals]))
    return messages("loss_curves.count", quantity=messages.or_key("quantity", quantity), lower=lower, higher=higher,
                    cells=len(intervals), rest=len(intervals) - lower - higher,
                    middle=figure(middle, sign=True))  # fmt: skip
