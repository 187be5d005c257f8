"""The rate map: softmax - sigmoid in test loss along the learning rate, a line a cell, from sigmoid's best rate on.

Theory puts every line below 0 at rates under the best one and above 0 at rates over it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from experiments.figures.lettering import ENGLISH
from experiments.figures.style import GRID, INK, MUTED, PAPER, Chart, chart, colour
from experiments.heads import BASELINE
from experiments.judgement import FRESH, FURTHEST_RATE, NEAREST_RATE, THESE
from experiments.messages import Messages, figure
from experiments.networks import NETWORKS
from experiments.tables import CELL

_HEIGHT = 3.4
_MOST, _MOST_IN_SHORT = 30.0, 10.0  # margins; what is further from 0 has broken down and is drawn at the edge


def rate_map(rows: pd.DataFrame, law: pd.DataFrame, *, width: float = 7.2, messages: Messages = ENGLISH) -> Chart:
    """Softmax - sigmoid against the learning rate over sigmoid's best: a thin line a cell, a thick one their median.

    `rows`: the table `rate_map`. `law`: the table `rate_law`, which the finding counts. The axis is linear within the
    margin and logarithmic beyond, so that every crossing of 0 is seen. A rate at which a seed ended in no number is a
    gap. The median is drawn where half of the cells or more have a value. Raises `ValueError` if there is no row.
    """
    if rows.empty:
        raise ValueError("The rate map holds no cell")
    wide = rows.pivot(index=CELL, columns="relative", values="mean").sort_index(axis=1)
    networks = sorted(set(wide.index.get_level_values("network")), key=[*NETWORKS, *wide.index.unique("network")].index)
    key = [Line2D([], [], color=_ink(network), label=messages.name("network", network)) for network in networks]
    key += [
        Line2D([], [], color=INK, linewidth=2.6, label=messages("rate_map.median")),
        Line2D([], [], color=MUTED, linestyle="", marker="s", markerfacecolor=GRID, label=messages("rate_map.judged")),
    ]
    with chart(finding(law, messages), width, _HEIGHT, more=key) as page:
        page.legends[0].get_texts()[-1].set_color(MUTED)  # in the shade's own colour it could not be read
        axes = page.add_subplot()
        _scale(axes, wide, float(rows["margin"].median()), width, messages)
        reach = axes.get_ylim()[1]
        for cell, line in wide.iterrows():
            finite = line.dropna()
            axes.plot(finite.index, finite.clip(-reach, reach), color=_ink(str(cell[1])), linewidth=0.8, alpha=0.75)
        _median(axes, wide)
        _sides(axes, messages)
    return page


def rate_map_in_short(
    rows: pd.DataFrame, law: pd.DataFrame, *, width: float = 5.2, messages: Messages = ENGLISH
) -> Chart:
    """The rate map at a glance: the cells faint and all alike, their median named; for under a title that says it.

    It reaches as far as the median does: to the rates that half of the cells were swept at.
    """
    if rows.empty:
        raise ValueError("The rate map holds no cell")
    wide = rows.pivot(index=CELL, columns="relative", values="mean").sort_index(axis=1)
    wide = wide.loc[:, wide.notna().mean() >= 0.5]
    with chart(finding(law, messages), width, 0.6 * width if width < 5 else 0.78 * width, titled=False) as page:
        axes = page.add_subplot()
        _scale(axes, wide, float(rows["margin"].median()), width, messages, _MOST_IN_SHORT)
        reach = axes.get_ylim()[1]
        for _, line in wide.iterrows():
            finite = line.dropna()
            axes.plot(finite.index, finite.clip(-reach, reach), color=MUTED, linewidth=0.7, alpha=0.4)
        middle = _median(axes, wide)
        if len(wide) > 1:
            # at the line's right end, under all of it that the label reaches; over it where it ends below 0
            first, last = middle.index[0], middle.index[-1]
            near, under = middle[middle.index >= first + 0.3 * (last - first)], middle[last] >= 0
            axes.annotate(messages("rate_map.median_of", cells=len(wide)), (last, near.min() if under else near.max()),
                          xytext=(0, -5 if under else 5), textcoords="offset points", ha="right",
                          va="top" if under else "bottom", fontsize=8.5, fontweight="bold", zorder=6,
                          bbox={"facecolor": PAPER, "alpha": 0.8, "linewidth": 0, "pad": 0.8})  # fmt: skip
        _sides(axes, messages)
    return page


def _median(axes: Axes, wide: pd.DataFrame) -> pd.Series:
    """Draw the median where half of the cells or more have a value, and return it."""
    enough = wide.loc[:, wide.notna().mean() >= 0.5].median()
    axes.plot(enough.index, enough, color=PAPER, linewidth=4.4, zorder=3)
    axes.plot(enough.index, enough, color=INK, linewidth=2.6, zorder=4)
    return enough


def _sides(axes: Axes, messages: Messages) -> None:
    """Label both axes, and each half with the head that is better there."""
    axes.set_xlabel(messages("rate_map.rate", baseline=BASELINE))
    low = axes.bbox.height < 200  # pixels: too low for the whole label
    axes.set_ylabel(messages("rate_map.short" if low else "rate_map.loss", head="softmax", baseline=BASELINE))
    # where theory leaves room: lines run from the lower left to the upper right
    sides = ((BASELINE, (0.015, 0.97), "left", "top"), ("softmax", (0.985, 0.03), "right", "bottom"))
    for head, (x, y), across, up in sides:
        axes.text(x, y, messages("rate_map.better", head=head), transform=axes.transAxes, ha=across, va=up,
                  color=colour(head), fontweight="bold", zorder=5)  # fmt: skip


def finding(law: pd.DataFrame, messages: Messages) -> str:
    """In how many of the cells that are decided on both sides of the best rate the winner changes as predicted."""
    counts = {}
    for name, estimand in (("these", THESE), ("fresh", FRESH)):
        decided = law.loc[(law["estimand"] == estimand) & law["decided"].astype(bool)]
        counts[name], counts[f"{name}_of"] = int(decided["predicted"].eq(True).sum()), len(decided)
    cells = len(law[CELL].drop_duplicates())
    key = "finding" if counts["these_of"] else "none"
    return messages(f"rate_map.{key}", cells=cells, **(counts if counts["these_of"] else {}))


def _ink(network: str) -> str:
    registered = NETWORKS[network].colour if network in NETWORKS else ""
    return registered or colour(network)


def _scale(
    axes: Axes, wide: pd.DataFrame, margin: float, width: float, messages: Messages, most: float = _MOST
) -> None:
    """Both axes with their labels, 0, sigmoid's best rate, and the rates that the law is judged by."""
    values = wide.to_numpy(float)
    size = np.abs(values[np.isfinite(values)]).max(initial=margin)
    reach = min(1.5 * max(size, margin), most * margin)
    axes.set_yscale("symlog", linthresh=margin, linscale=1.0)
    axes.set_ylim(-reach, reach)
    ticks = [tick for tick in (1, 3, 10, 30) if tick * margin <= reach]
    positions = margin * np.array([*(-tick for tick in reversed(ticks)), 0, *ticks])
    axes.set_yticks(positions, ["0" if position == 0 else figure(position, sign=True) for position in positions])
    axes.yaxis.set_minor_locator(NullLocator())
    first, last = int(wide.columns.min()), int(wide.columns.max())
    every = 1 if 0.4 * (last - first) < width - 1.2 else 2
    labelled = [step for step in range(first, last + 1) if step % every == 0]
    axes.set_xticks(labelled, [_times(step, messages) for step in labelled])
    axes.set_xlim(first - 0.2, last + 0.2)
    for sign in (-1, 1):
        near, far = sorted((sign * NEAREST_RATE, sign * FURTHEST_RATE))
        axes.axvspan(near, far, color=GRID, alpha=0.55, linewidth=0, zorder=0)
    axes.axhline(0, color=MUTED, linewidth=1.1)
    axes.axvline(0, color=MUTED, linewidth=0.9, linestyle=(0, (1, 1.5)))


def _times(step: int, messages: Messages) -> str:
    """A rate over the best one: 1/8, 1/4, 1/2, best, 2, 4, 8."""
    return messages("rate_map.best") if step == 0 else f"1/{2**-step}" if step < 0 else str(2**step)
