"""Paired differences of one cell: a dot a seed, a row an arm. Over many cells: `forest`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from experiments.figures.forest import forest
from experiments.figures.lettering import ENGLISH, clip, wrap
from experiments.figures.panels import interval
from experiments.figures.style import INK, MUTED, Chart, chart, colour, label_rows
from experiments.heads import BASELINE
from experiments.messages import Messages, figure
from experiments.tables import CELL


def paired_differences(
    table: pd.DataFrame,
    *,
    quantity: str = "nll",
    head: str = "softmax",
    split: str = "test",
    width: float = 7.2,
    messages: Messages = ENGLISH,
) -> Chart:
    """Arm minus sigmoid, with 95 % intervals that are corrected for overlapping splits.

    `table` is either rows of the `differences` table (drawn as a forest, a row a cell of `head`, with the margin
    and the noise floor) or pairs (`tables.pair` of `finals`, with a column `head`): those of one cell are drawn as a
    dot a seed and a row an arm, those of several as a forest without outcomes. Raises `ValueError` when no row fits.
    """
    rows = table.loc[table["quantity"] == quantity]
    if "difference" not in table.columns or "split" not in table.columns:
        rows = rows.loc[(rows["head"] == head) & (rows["baseline"] == BASELINE)]
        if rows.empty:
            raise ValueError(f"The differences hold no {quantity!r} of {head!r}")
        return forest(rows, width=width, messages=messages)
    rows = rows.loc[rows["split"] == split]
    if rows.empty:
        raise ValueError(f"The pairs hold no {quantity!r} on the {split} split")
    if len(rows[CELL].drop_duplicates()) == 1:
        return _strip(rows, quantity, width, messages)
    return forest(_summary(rows.loc[rows["head"] == head]), width=width, messages=messages)


def _strip(pairs: pd.DataFrame, quantity: str, width: float, messages: Messages) -> Chart:
    heads = list(dict.fromkeys(pairs["head"]))
    values = {head: pairs.loc[pairs["head"] == head, "difference"].to_numpy(dtype=float) for head in heads}
    intervals = {}
    for head, seeds in values.items():
        mean, low, high = interval(seeds[:, None])
        intervals[head] = (float(mean[0]), float(low[0]), float(high[0]))
    with chart(_finding(intervals, values, quantity, messages), width, 0.6 + 0.24 * len(heads)) as page:
        axes = page.add_subplot()
        axes.axvline(0, color=MUTED, linewidth=0.9)
        rng = np.random.default_rng(0)  # only to keep dots from hiding one another
        for row, head in enumerate(heads):
            ink, finite = colour(head), values[head][np.isfinite(values[head])]
            axes.scatter(finite, row + rng.uniform(-0.22, 0.22, len(finite)), s=9, alpha=0.45, linewidth=0, color=ink)
            centre, least, most = intervals[head]
            axes.plot([least, most], [row, row], color=ink, linewidth=2.4)
            axes.plot(centre, row, "o", color=ink, markeredgecolor=INK, markeredgewidth=0.6, markersize=5)
            if lost := len(values[head]) - len(finite):
                text = messages("paired_differences.lost", lost=lost, n=len(values[head]))
                axes.annotate(text, (0.995, row), xycoords=("axes fraction", "data"), ha="right", va="center",
                              color=MUTED, fontsize=7.5)  # fmt: skip
        names = [clip(messages.name("arm", head), 0.4 * width) for head in heads]
        label_rows(axes, names, [colour(head) for head in heads])
        label = messages("axis.difference", quantity=messages.axis(quantity), baseline=BASELINE)
        axes.set_xlabel(wrap(label, width * 0.65, 8.5))
        _few_ticks(axes, width)
    return page


def _few_ticks(axes: Axes, width: float) -> None:
    axes.locator_params(axis="x", nbins=4 if width < 5 else 7)


def _finding(
    intervals: dict[str, tuple[float, float, float]], values: dict[str, np.ndarray], quantity: str, messages: Messages
) -> str:
    label = messages.or_key("quantity", quantity)
    apart = [head for head, (_, low, high) in intervals.items() if low > 0 or high < 0]
    if not apart:
        return messages("paired_differences.strip_none", quantity=label, n=max(len(d) for d in values.values()))
    head = max(apart, key=lambda name: abs(intervals[name][0]))
    mean, low, high = intervals[head]
    return messages("paired_differences.strip", arm=messages.name("arm", head), quantity=label, low=figure(low),
                    mean=figure(mean, sign=True), high=figure(high), n=len(values[head]))  # fmt: skip


def _summary(pairs: pd.DataFrame) -> pd.DataFrame:
    """Mean and interval a cell, as rows that `forest` draws."""
    keys: Sequence[str] = [*CELL, "quantity", "head"]
    rows = []
    for key, part in pairs.groupby(keys, sort=False, observed=True):
        mean, low, high = interval(part["difference"].to_numpy(dtype=float)[:, None])
        rows.append((*key, BASELINE, float(mean[0]), float(low[0]), float(high[0])))
    return pd.DataFrame(rows, columns=[*keys, "baseline", "mean", "low", "high"])
