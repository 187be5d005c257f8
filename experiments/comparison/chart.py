"""The answer in figures: each primary quantity's difference against its margin, and the loss against the rate."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.comparison.answer import amount, name_of
from experiments.comparison.judge import BASELINE, HEAD
from experiments.comparison.language import ENGLISH
from experiments.figures import GRID, INK, MUTED, OUTCOMES, Chart, chart, clip, colour, label_rows
from experiments.judgement import APART, INSIDE
from experiments.messages import Messages

REACH = 4.0  # margins; what lies further out ends in an arrow


def margins(rows: pd.DataFrame, *, width: float = 7.2, messages: Messages = ENGLISH) -> Chart:
    """Softmax minus sigmoid with its repeated interval, a row a quantity, in units of the quantity's margin.

    `rows`: of one arm in the `differences` table. Inside the shaded band a difference does not matter.
    """
    scale = rows["margin"].to_numpy(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        low, mean, high = (rows[name].to_numpy(float) / scale for name in ("low", "mean", "high"))
    positions = np.arange(len(rows))
    inks = [OUTCOMES[outcome] for outcome in rows["outcome"]]
    with chart(_finding(rows, messages), width, 1.05 + 0.32 * len(rows)) as figure:
        axes = figure.subplots()
        axes.axvspan(-1, 1, color=GRID, alpha=0.55, linewidth=0)
        axes.axvline(0, color=MUTED, linewidth=0.9)
        axes.hlines(positions, low.clip(-REACH, REACH), high.clip(-REACH, REACH), colors=inks, linewidth=2.2)
        for at, ink in enumerate(inks):
            if not np.isfinite(mean[at]):
                continue
            inside = abs(mean[at]) <= REACH
            marker = "o" if inside else ">" if mean[at] > 0 else "<"
            axes.plot(np.clip(mean[at], -REACH, REACH), at, marker, color=ink, markersize=5, clip_on=False)
        room = 0.54 * width if width < 5 else 0.36 * width
        label_rows(axes, [clip(name_of(quantity, messages), room, 8) for quantity in rows["quantity"]])
        axes.set_xlim(-REACH * 1.04, REACH * 1.04)
        axes.set_xlabel(messages("compare.chart.axis"))
        handles = [
            Line2D([], [], marker="o", markersize=4, color=ink, label=messages.or_key("outcome", outcome))
            for outcome, ink in OUTCOMES.items()
            if outcome in set(rows["outcome"])
        ]
        handles.append(Patch(color=GRID, alpha=0.55, linewidth=0, label=messages("compare.chart.margin")))
        columns = max(1, int(width / 1.75))
        figure.legend(handles=handles, loc="outside lower left", ncols=columns, frameon=False, fontsize=8,
                      labelcolor=INK)  # fmt: skip
    return figure


def rates(sweep: pd.DataFrame, model_rate: float, *, width: float = 7.2, messages: Messages = ENGLISH) -> Chart:
    """The final test loss of both heads against the learning rate: means over seeds, bands their quartiles.

    `sweep`: rows of the table `learning_rates`. `model_rate`: the model's own rate, marked.
    """
    test = sweep[(sweep["quantity"] == "nll") & (sweep["split"] == "test")]
    values = {head: test[test["head"] == head].pivot(index="seed", columns="learning_rate", values="value")
              for head in (BASELINE, HEAD)}  # fmt: skip
    lowest = {head: table.mean().idxmin() for head, table in values.items()}
    finding = messages("compare.chart.lowest", **{head: f"{rate:.3g}" for head, rate in lowest.items()})
    with chart(finding, width, 2.6, (BASELINE, HEAD), messages=messages) as figure:
        axes = figure.subplots()
        axes.axvline(model_rate, color=MUTED, linewidth=0.9, linestyle=":")
        for head, table in values.items():
            finite = table.where(np.isfinite(table))
            grid = table.columns.to_numpy(float)
            axes.plot(grid, finite.mean(skipna=False), "o-", color=colour(head), markersize=3)
            axes.fill_between(grid, finite.quantile(0.25), finite.quantile(0.75), color=colour(head), alpha=0.13,
                              linewidth=0)  # fmt: skip
        axes.set_xscale("log")
        axes.set_xticks(grid, [f"{rate:.3g}" for rate in grid])
        axes.minorticks_off()
        axes.set_xlabel(messages("compare.chart.rate"))
        axes.set_ylabel(messages("compare.chart.loss"))
    return figure


def _finding(rows: pd.DataFrame, messages: Messages) -> str:
    """The row that differs most for sure, or how many are inside the margin."""
    different = rows.loc[rows["outcome"].isin(APART)]
    if len(different):
        row = different.loc[(different["mean"].abs() / different["margin"]).idxmax()]
        return messages(
            "compare.chart.most", name=name_of(row["quantity"], messages), amount=amount(row, row["mean"], messages)
        )
    inside = int(rows["outcome"].isin(INSIDE).sum())
    return messages(f"compare.chart.{'all' if inside == len(rows) else 'some'}", n=len(rows), inside=inside)
