"""Paired differences: every seed of one cell, or one interval a cell over many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.figures.curves import CELL, interval
from experiments.figures.style import GRID, INK, MUTED, OUTCOMES, Chart, chart, clip, colour, conclude, wrap
from experiments.figures.words import ENGLISH, Words
from experiments.heads import BASELINE


def paired_differences(
    table: pd.DataFrame,
    *,
    quantity: str = "nll",
    head: str = "softmax",
    split: str = "test",
    width: float = 7.2,
    words: Words = ENGLISH,
) -> Chart:
    """Arm minus sigmoid, with intervals.

    `table` is either rows of the `differences` table (drawn as a forest, a row a cell of `head`, with the margin
    and the noise floor) or pairs (`tables.pair` of `finals`, with a column `head`): those of one cell are drawn as a
    dot a seed and a row an arm, those of several as a forest without outcomes. Raises `ValueError` when no row fits.
    """
    rows = table.loc[table["quantity"] == quantity]
    if "difference" in table.columns:
        rows = rows.loc[rows["split"] == split]
        if rows.empty:
            raise ValueError(f"The pairs hold no {quantity!r} on the {split} split")
        if len(rows[CELL].drop_duplicates()) == 1:
            return _strip(rows, quantity, width, words)
        return forest(_summary(rows.loc[rows["head"] == head]), width=width, words=words)
    rows = rows.loc[rows["head"] == head]
    if rows.empty:
        raise ValueError(f"The differences hold no {quantity!r} of {head!r}")
    return forest(rows, width=width, words=words)


def _strip(pairs: pd.DataFrame, quantity: str, width: float, words: Words) -> Chart:
    heads = list(dict.fromkeys(pairs["head"]))
    with chart(width, 0.55 + 0.3 * len(heads)) as figure:
        axes = figure.add_subplot()
        axes.axvline(0, color=MUTED, linewidth=0.9)
        rng = np.random.default_rng(0)  # only to keep dots from hiding one another
        found = []
        for row, head in enumerate(heads):
            values = pairs.loc[pairs["head"] == head, "difference"].to_numpy(dtype=float)
            finite = values[np.isfinite(values)]
            if not len(finite):
                axes.text(0, row, f" {words('paired_differences.undefined')}", va="center", color=MUTED, fontsize=8)
                continue
            axes.scatter(
                finite, row + rng.uniform(-0.22, 0.22, len(finite)), s=9, alpha=0.45, linewidth=0, color=colour(head)
            )
            mean, low, high = (float(value) for value in interval(finite))
            axes.plot([low, high], [row, row], color=colour(head), linewidth=2.4)
            axes.plot(mean, row, "o", color=colour(head), markeredgecolor=INK, markeredgewidth=0.6, markersize=5)
            found.append((head, mean, low, high, len(finite)))
        _rows(axes, [clip(head, 0.4 * width) for head in heads], [colour(head) for head in heads])
        label = words.or_key("quantity", quantity)
        axes.set_xlabel(words("axis.difference", quantity=words.axis(quantity), baseline=BASELINE))
        apart = [row for row in found if not row[2] <= 0 <= row[3]]
        if apart:
            head, mean, low, high, n = max(apart, key=lambda row: abs(row[1]))
            text = words(
                "paired_differences.strip",
                arm=head,
                quantity=label,
                mean=f"{mean:+.3g}",
                low=f"{low:.3g}",
                high=f"{high:.3g}",
                n=n,
            )
        else:
            most = max((row[4] for row in found), default=0)
            text = words("paired_differences.strip_none", quantity=label, n=most)
        conclude(figure, text)
    return figure


def _summary(pairs: pd.DataFrame) -> pd.DataFrame:
    """Mean and 95 % Student interval a cell, as rows that `forest` draws."""
    rows = []
    for key, part in pairs.groupby([*CELL, "quantity", "head"], sort=False, observed=True):
        mean, low, high = interval(part["difference"].to_numpy(dtype=float))
        rows.append((*key, BASELINE, float(mean), float(low), float(high)))
    return pd.DataFrame(rows, columns=[*CELL, "quantity", "head", "baseline", "mean", "low", "high"])


def forest(rows: pd.DataFrame, *, width: float = 7.2, words: Words = ENGLISH) -> Chart:
    """One interval a cell, sorted by the mean; the margin is shaded, the noise floor is a pair of ticks.

    `rows`: rows of the `differences` table of one quantity and one head; `outcome`, `margin` and `noise_floor` are
    drawn where there are such columns.
    """
    rows = rows.sort_values("mean", kind="stable")
    names = [" · ".join(map(str, key)) for key in rows[CELL].itertuples(index=False, name=None)]
    quantity, head, baseline = (str(rows[column].iloc[0]) for column in ("quantity", "head", "baseline"))
    margin = float(rows["margin"].iloc[0]) if "margin" in rows else np.nan
    handles = _key(rows, margin, words)
    columns = max(1, int(width / 1.75))
    title = _forest_finding(rows, head, baseline, quantity, words)
    with chart(width, 0.75 + 0.17 * len(rows) + 0.22 * -(-len(handles) // columns)) as figure:
        axes = figure.add_subplot()
        if np.isfinite(margin):
            axes.axvspan(-margin, margin, color=GRID, alpha=0.55, linewidth=0)
        axes.axvline(0, color=MUTED, linewidth=0.9)
        for place, (_, row) in enumerate(rows.iterrows()):
            ink = OUTCOMES.get(str(row.get("outcome")), colour(head))
            axes.plot([row["low"], row["high"]], [place, place], color=ink, linewidth=1.8)
            axes.plot(row["mean"], place, "o", color=ink, markersize=4)
            floor = abs(float(row.get("noise_floor", np.nan)))
            axes.plot([-floor, floor], [place, place], "|", color=MUTED, markersize=5, markeredgewidth=0.8)
        _rows(axes, [clip(name, 0.5 * width) for name in names], None)
        label = words("paired_differences.axis", head=head, baseline=baseline, quantity=words.axis(quantity))
        axes.set_xlabel(wrap(label, width * 0.6, 8.5))
        if handles:
            figure.legend(handles=handles, loc="outside lower left", ncols=columns, frameon=False, fontsize=8)
        conclude(figure, title)
    return figure


def _key(rows: pd.DataFrame, margin: float, words: Words) -> list[Artist]:
    if "outcome" not in rows:
        return []
    present = [outcome for outcome in OUTCOMES if (rows["outcome"] == outcome).any()]
    handles: list[Artist] = [
        Line2D([], [], marker="o", markersize=4, color=OUTCOMES[name], label=words(f"outcome.{name}"))
        for name in present
    ]
    handles.append(Line2D([], [], marker="|", linestyle="", color=MUTED, label=words("paired_differences.floor")))
    if np.isfinite(margin):
        text = words("paired_differences.margin", margin=f"{margin:g}")
        handles.append(Patch(color=GRID, alpha=0.55, linewidth=0, label=text))
    return handles


def _forest_finding(rows: pd.DataFrame, head: str, baseline: str, quantity: str, words: Words) -> str:
    if "outcome" not in rows:
        return words(
            "paired_differences.sides",
            head=head,
            baseline=baseline,
            cells=len(rows),
            quantity=words.or_key("quantity", quantity),
            lower=int((rows["high"] < 0).sum()),
            higher=int((rows["low"] > 0).sum()),
        )
    number = {name: int((rows["outcome"] == name).sum()) for name in OUTCOMES}
    return words(
        "paired_differences.forest",
        head=head,
        baseline=baseline,
        cells=len(rows),
        quantity=words.or_key("quantity", quantity),
        different=number["different"],
        negligible=number["different but negligible"],
        equivalent=number["equivalent"],
        undecided=number["undecided"],
    )


def _rows(axes: Axes, names: Sequence[str], inks: Sequence[str] | None) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    for label, ink in zip(axes.get_yticklabels(), inks or [INK] * len(names), strict=True):
        label.set_color(ink)
