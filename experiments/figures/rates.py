"""Learning rates: the two heads over the same grid, and sigmoid's curve where theory puts softmax's."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from experiments.figures.lettering import ENGLISH, panel_title
from experiments.figures.panels import Panel, telling
from experiments.figures.style import Chart, chart, colour
from experiments.figures.ticks import log_ticks, power
from experiments.heads import BASELINE
from experiments.messages import Messages, figure
from experiments.tables import CELL

_MOST = 6
_HEIGHT = 2.5


def learning_rates(
    sweep: pd.DataFrame,
    shifts: pd.DataFrame,
    *,
    quantity: str = "nll",
    head: str = "softmax",
    baseline: str = BASELINE,
    width: float = 7.2,
    messages: Messages = ENGLISH,
) -> Chart:
    """A quantity on the test rows against the learning rate, `head` and `baseline`, at most six cells.

    `sweep`: rows of the `learning_rates` table. `shifts`: the table of that name: by how many steps of the grid
    the baseline's curve fits `head`'s. It is predicted to be 1 for two classes and a linear model: so sigmoid's curve
    at twice the rate is dotted in. Lines are medians over seeds, bands their quartiles. Raises `ValueError` when no
    row fits.
    """
    selected = (sweep["quantity"] == quantity) & (sweep["split"] == "test")
    rows = sweep.loc[selected & sweep["head"].isin([baseline, head])]
    if rows.empty:
        raise ValueError(f"The learning rates hold no {quantity!r} of {head!r}")
    fitted = shifts.loc[(shifts["head"] == head) & (shifts["quantity"] == quantity)].set_index(CELL)
    every = _panels(rows, (baseline, head))
    linear = [panel for panel in every if panel.key[1] == "linear"]
    others = [panel for panel in every if panel not in linear]
    chosen = telling(linear, 3, head, baseline) + telling(others, _MOST - min(3, len(linear)), head, baseline)
    across = 1 if width < 5 else min(3, len(chosen))
    down = math.ceil(len(chosen) / across)
    each = (width - 0.05) / across
    two = baseline == BASELINE
    twice = (
        [Line2D([], [], color=colour(BASELINE), linestyle=":", label=messages("learning_rates.twice"))] if two else []
    )
    finding = _finding(fitted, head, messages) if two else _lowest(every, head, baseline, quantity, messages)
    with chart(finding, width, _HEIGHT * down, (baseline, head), more=twice, messages=messages, auto=False) as page:
        for index, panel in enumerate(chosen):
            row, column = divmod(index, across)
            axes = page.place(column * each + 0.62, _HEIGHT * row + 0.52, each - 0.75, 1.4)
            _draw(axes, panel)
            title = panel_title(messages.parts(panel.key), each - 0.65, 8.5)
            names = [title, *([_shift(fitted, panel, messages)] if two else [])]
            axes.set_title("\n".join(names), fontsize=8.5)
            axes.set_xlabel(messages("axis.rate"))
            if column == 0:
                axes.set_ylabel(messages.axis(quantity))
    return page


def _panels(rows: pd.DataFrame, heads: tuple[str, str]) -> list[Panel]:
    """Panels whose `steps` are log2 of the rates."""
    collected = []
    for key, part in rows.groupby(CELL, sort=False, observed=True):
        wide = part.pivot(index="seed", columns=["head", "learning_rate"], values="value")
        present = set(wide.columns.get_level_values(0))
        grid = np.unique(part["learning_rate"].to_numpy(float))
        values = {h: wide[h].reindex(columns=grid).to_numpy(float) for h in heads if h in present}
        seeds = wide.index.to_numpy()
        collected.append(Panel(key=tuple(map(str, key)), seeds=seeds, steps=np.log2(grid), values=values))
    return collected


def _draw(axes: Axes, panel: Panel) -> None:
    middles = []
    for arm, values in panel.values.items():
        # what is not finite counts as large, so a median is missing only where half of the seeds diverged
        ordered = np.where(np.isfinite(values), values, np.inf)
        low, middle, high = np.quantile(ordered, [0.25, 0.5, 0.75], axis=0, method="nearest")
        low, middle, high = (np.where(np.isfinite(part), part, np.nan) for part in (low, middle, high))
        axes.plot(panel.steps, middle, "o-", color=colour(arm), markersize=2.5)
        axes.fill_between(panel.steps, low, high, color=colour(arm), alpha=0.13, linewidth=0)
        if arm == BASELINE:
            axes.plot(panel.steps - 1, middle, color=colour(arm), linestyle=":", linewidth=1.3)
        middles.append(middle)
    axes.set_yscale("log")
    whole = np.concatenate(middles)
    whole = whole[np.isfinite(whole) & (whole > 0)]
    if len(whole):  # a diverged end must not flatten the part that matters
        axes.set_ylim(whole.min() / 1.15, min(whole.max() * 1.15, whole.min() * 60))
        log_ticks(axes, *axes.get_ylim())
    axes.set_xlim(panel.steps[0] - 0.3, panel.steps[-1] + 0.3)
    step = max(1, math.ceil(len(panel.steps) / 5))
    axes.set_xticks(panel.steps[::step], [power(2.0**exponent) for exponent in panel.steps[::step]])


def _shift(fitted: pd.DataFrame, panel: Panel, messages: Messages) -> str:
    if panel.key not in fitted.index:
        return ""
    row = fitted.loc[panel.key]
    if not math.isfinite(row["shift_fine"]):
        return messages("learning_rates.unknown")
    return messages("learning_rates.shift", shift=figure(row["shift_fine"], sign=True), low=figure(row["low"]),
                    high=figure(row["high"]))  # fmt: skip


def _finding(fitted: pd.DataFrame, head: str, messages: Messages) -> str:
    finite = fitted.loc[np.isfinite(fitted["shift_fine"].to_numpy(float))]
    linear = finite.loc[finite.index.get_level_values("network") == "linear", "shift_fine"]
    others = finite.loc[finite.index.get_level_values("network") != "linear", "shift_fine"]
    sentences = []
    if len(linear):
        sentences.append(messages("learning_rates.linear", head=messages.name("arm", head), cells=len(linear),
                                  shift=figure(linear.median()), factor=figure(2 ** linear.median())))  # fmt: skip
    if len(others):
        sentences.append(messages("learning_rates.others", shift=figure(others.median()), cells=len(others)))
    return messages("sentence.join").join(sentences) or messages("learning_rates.none", head=messages.name("arm", head))


def _lowest(every: list[Panel], head: str, baseline: str, quantity: str, messages: Messages) -> str:
    """Where two heads need not be one function at any rate, no shift is claimed: how low each curve goes."""
    pairs = [panel for panel in every if {head, baseline} <= set(panel.values)]
    middles = [[np.median(panel.values[arm], axis=0) for panel in pairs] for arm in (head, baseline)]
    if not pairs or not all(np.isfinite(middle).any() for arm in middles for middle in arm):
        return messages("learning_rates.none", head=messages.name("arm", head))
    mine, theirs = (float(np.median([middle[np.isfinite(middle)].min() for middle in arm])) for arm in middles)
    return messages("learning_rates.lowest", head=messages.name("arm", head), baseline=messages.name("arm", baseline),
                    mine=figure(mine), theirs=figure(theirs), cells=len(pairs),
                    quantity=messages.or_key("quantity", quantity))  # fmt: skip
