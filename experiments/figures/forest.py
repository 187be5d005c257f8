"""The forest: one interval a cell, against the margin and the noise floor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.figures.lettering import ENGLISH, row_names, wrap
from experiments.figures.panels import for_fresh_rows
from experiments.figures.style import GRID, MUTED, OUTCOMES, Chart, chart, colour, label_rows
from experiments.judgement import APART
from experiments.messages import Messages
from experiments.tables import CELL

MOST = 44  # rows; of more cells those with the lowest and the highest means are drawn
_ROW = 0.17  # inches


def forest(
    rows: pd.DataFrame, *, quantities: Sequence[str] = (), width: float = 7.2, messages: Messages = ENGLISH
) -> Chart:
    """One interval a cell, sorted by the mean; the margin is shaded, the noise floor is a pair of ticks.

    `rows`: rows of the `differences` table of one head, of which those for fresh rows are drawn; `outcome`, `margin`
    and `noise_floor` are drawn where there are such columns. `quantities`: those to draw side by side (below one
    another on a narrow page), sorted by the first; by default the one that `rows` hold. What lies further out than the
    axis reaches ends in an arrow. Raises `ValueError` if there is no row of one of them.
    """
    rows = for_fresh_rows(rows)
    quantities = list(quantities) or list(dict.fromkeys(rows["quantity"]))[:1]
    parts = [rows.loc[rows["quantity"] == quantity].set_index(CELL) for quantity in quantities]
    if not len(rows) or not all(len(part) for part in parts):
        raise ValueError(f"The differences hold no {' and no '.join(quantities)}")
    order = parts[0].sort_values("mean", kind="stable").index
    visible = order if len(order) <= MOST else order[: MOST // 2].append(order[-(MOST // 2) :])
    across = len(parts) if width >= 5 else 1
    down = -(-len(parts) // across)
    handles = _key(rows, messages)
    columns = max(1, int(width / 1.75))
    arm = str(rows["head"].iloc[0])
    head, baseline = (messages.name("arm", str(rows[name].iloc[0])) for name in ("head", "baseline"))
    key_height = 0.2 * -(-len(handles) // columns)
    finding = _finding(rows.loc[rows["quantity"].isin(quantities)], parts, quantities, head, baseline, messages)
    with chart(finding, width, down * (0.85 + _ROW * len(visible)) + key_height) as figure:
        grid = figure.subplots(down, across, squeeze=False)
        for index, (axes, part, quantity) in enumerate(zip(grid.flat, parts, quantities, strict=True)):
            _draw(axes, part.reindex(visible), colour(arm))
            label_rows(axes, row_names(visible, width, messages) if across == 1 or index == 0 else [""] * len(visible))
            axes.set_title(messages.or_key("quantity", quantity))
            label = messages("paired_differences.axis", head=head, baseline=baseline, unit=messages.unit(quantity))
            axes.set_xlabel(wrap(label, 0.68 * width / across, 8.5))
            axes.locator_params(axis="x", nbins=4)
            if len(order) > MOST:
                axes.axhline(MOST // 2 - 0.5, color=MUTED, linewidth=0.8, linestyle=":")
        if handles:
            figure.legend(handles=handles, loc="outside lower left", ncols=columns, frameon=False, fontsize=8)
    return figure


def _draw(axes: Axes, part: pd.DataFrame, ink: str) -> None:
    margin = part["margin"].to_numpy(float) if "margin" in part else np.full(len(part), np.nan)
    low, mean, high = (part[name].to_numpy(float) for name in ("low", "mean", "high"))
    floor = part["noise_floor"].abs().to_numpy(float) if "noise_floor" in part else np.full(len(part), np.nan)
    reach = _reach(np.concatenate([low, high, mean]), margin)
    position = np.arange(len(part))
    # a margin may be relative, and so differ from row to row
    axes.barh(position, 2 * margin, left=-margin, height=1.0, color=GRID, alpha=0.55, linewidth=0)
    axes.axvline(0, color=MUTED, linewidth=0.9)
    ends = np.stack([-floor, floor]).clip(-reach, reach)
    axes.plot(ends, np.stack([position, position]), "|", color=MUTED, markersize=5,
              markeredgewidth=0.8)  # fmt: skip
    outcomes = part["outcome"].astype(str) if "outcome" in part else pd.Series("", index=part.index)
    inks = np.array([OUTCOMES.get(outcome, ink) for outcome in outcomes])
    axes.hlines(position, low.clip(-reach, reach), high.clip(-reach, reach), colors=list(inks), linewidth=1.8)
    inside = np.abs(mean) <= reach
    axes.scatter(mean[inside], position[inside], s=15, c=list(inks[inside]), zorder=3, linewidth=0)
    for at in np.flatnonzero(~inside & ~np.isnan(mean)):
        side = np.sign(mean[at])
        axes.plot(side * reach, position[at], ">" if side > 0 else "<", color=inks[at], markersize=4.5, clip_on=False)
    axes.set_xlim(-reach * 1.04, reach * 1.04)


def _reach(values: np.ndarray, margin: np.ndarray) -> float:
    """How far the axis goes: over all that is finite, but not so far that one wild cell flattens the others."""
    sizes = np.abs(values[np.isfinite(values)])
    least = 1.5 * np.nanmax(margin) if np.isfinite(margin).any() else 0.0
    if not len(sizes):
        return least or 1.0
    return float(max(least, min(sizes.max(), 5 * np.quantile(sizes, 0.8, method="lower")), 1e-300))


def _key(rows: pd.DataFrame, messages: Messages) -> list[Artist]:
    if "outcome" not in rows:
        return []
    handles: list[Artist] = [
        Line2D([], [], marker="o", markersize=4, color=ink, label=messages(f"outcome.{name}"))
        for name, ink in OUTCOMES.items()
        if (rows["outcome"] == name).any()
    ]
    handles.append(Line2D([], [], marker="|", linestyle="", color=MUTED, label=messages("paired_differences.floor")))
    handles.append(Patch(color=GRID, alpha=0.55, linewidth=0, label=messages("paired_differences.margin")))
    return handles


def _finding(
    rows: pd.DataFrame, parts: list[pd.DataFrame], quantities: list[str], head: str, baseline: str, messages: Messages
) -> str:
    names = [messages.or_key("quantity", quantity) for quantity in quantities]
    if "outcome" not in rows:
        return messages("paired_differences.sides", head=head, baseline=baseline, cells=len(parts[0]),
                        quantity=names[0],
                        lower=int((parts[0]["high"] < 0).sum()), higher=int((parts[0]["low"] > 0).sum()))  # fmt: skip
    if len(parts) == 1:
        number = {name: int((rows["outcome"] == name).sum()) for name in OUTCOMES}
        return messages("paired_differences.forest", head=head, baseline=baseline, cells=len(rows), quantity=names[0],
                        **number)  # fmt: skip
    counts = messages("sentence.list").join(
        messages("paired_differences.count", quantity=name, different=int(part["outcome"].isin(APART).sum()),
                 cells=len(part))
        for name, part in zip(names, parts, strict=True)
    )  # fmt: skip
    return messages("paired_differences.several", head=head, baseline=baseline, counts=counts)
