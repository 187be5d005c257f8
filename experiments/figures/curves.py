"""Loss curves and gradient norms of paired arms against the optimiser's steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
from scipy import stats

from experiments.figures.style import INK, MUTED, Chart, chart, clip, colour, conclude, label_ends
from experiments.figures.words import ENGLISH, Words
from experiments.heads import BASELINE

CELL = ["task", "network", "optimizer"]
ARMS = ("sigmoid", "softmax", "softmax_matched", "sigmoid_again")
# method.md, section 1: at the same function the head's two columns hold +g h and -g h; the trunk sees g u in both.
PREDICTED = {"head": math.sqrt(2), "trunk": 1.0}


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The curves of one cell on one split: `values[head]` is (seeds, steps), on common `seeds` and `steps`."""

    name: str
    steps: np.ndarray
    values: dict[str, np.ndarray]

    def difference(self, head: str) -> np.ndarray:
        """(seeds, steps): `head` minus its twin; not finite where either is not."""
        with np.errstate(invalid="ignore"):
            return self.values[head] - self.values[BASELINE]


def panels(curves: pd.DataFrame, quantity: str, scope: str, heads: Sequence[str], split: str) -> list[Panel]:
    """One `Panel` a cell (and rate, when a cell holds several), cells in the table's order."""
    wanted = (curves["quantity"] == quantity) & (curves["scope"] == scope) & (curves["split"] == split)
    rows = curves.loc[wanted & curves["head"].isin(list(heads))]
    several = rows.groupby(CELL, observed=True)["learning_rate"].nunique().gt(1).any() if len(rows) else False
    keys = [*CELL, "learning_rate"] if several else CELL
    made = []
    for key, part in rows.groupby(keys, sort=False, observed=True):
        wide = part.pivot_table(index="seed", columns=["head", "step"], values="value", dropna=False, observed=True)
        present = [head for head in heads if head in wide.columns.get_level_values(0)]
        steps = np.unique(part["step"].to_numpy())
        values = {head: wide[head].reindex(columns=steps).to_numpy(dtype=float) for head in present}
        made.append(
            Panel(
                name=" · ".join(f"{part:g}" if isinstance(part, float) else str(part) for part in key),
                steps=steps,
                values=values,
            )
        )
    return made


def interval(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and 95 % Student interval over the first axis, of the finite samples: (mean, low, high)."""
    kept = np.where(np.isfinite(samples), samples, np.nan)
    n = np.isfinite(kept).sum(axis=0)
    with np.errstate(all="ignore"):
        mean = np.nansum(kept, axis=0) / n
        spread = np.sqrt(np.nansum((kept - mean) ** 2, axis=0) / (n - 1) / n)
        reach = stats.t.ppf(0.975, n - 1) * spread
    return mean, mean - reach, mean + reach


def loss_curves(
    curves: pd.DataFrame,
    *,
    quantity: str = "nll",
    heads: Sequence[str] = ARMS,
    width: float = 7.2,
    words: Words = ENGLISH,
) -> Chart:
    """The loss of each arm and, under it, its paired difference from sigmoid.

    `curves`: rows of the `curves` table. One cell is shown on its training and test rows; several cells are
    shown side by side on the test rows. Lines are medians over seeds, bands their quartiles; a difference is
    the mean over pairs with its 95 % interval. Raises `ValueError` when no row fits.
    """
    held_out = panels(curves, quantity, "", heads, "test")
    trained = panels(curves, quantity, "", heads, "train")
    one = len(held_out or trained) == 1
    shown = [(words("split.train"), trained[0])] if one and trained else []
    shown += [(words("split.test"), held_out[0])] if one and held_out else []
    shown = shown or [(panel.name, panel) for panel in held_out or trained]
    if not shown:
        raise ValueError(f"The curves hold no {quantity!r} of {', '.join(heads)}")
    across = min(len(shown), max(1, int(width / 2.3)), 2 if one else 3)
    down = math.ceil(len(shown) / across)
    with chart(width, 0.1 + 2.9 * down) as figure:
        grid = figure.add_gridspec(2 * down, across, height_ratios=[1.7, 1] * down)
        for index, (name, panel) in enumerate(shown):
            row, column = divmod(index, across)
            over = figure.add_subplot(grid[2 * row, column])
            under = figure.add_subplot(grid[2 * row + 1, column], sharex=over)
            _levels(over, panel, named=across < 3)
            over.set_title(clip(name, 0.85 * width / across))
            over.tick_params(labelbottom=False)
            _differences(under, panel, named=across < 3)
            under.set_xlabel(words("axis.step"))
            if column == 0:
                over.set_ylabel(words.axis(quantity))
                under.set_ylabel(words("axis.minus", baseline=BASELINE))
        named = dict.fromkeys(head for _, panel in shown for head in panel.values) if across > 2 else ()
        conclude(figure, _loss_finding(shown, words, quantity, one), named)
    return figure


def _levels(axes: Axes, panel: Panel, *, named: bool) -> None:
    ends = []
    for head, values in panel.values.items():
        low, middle, high = np.nanquantile(_finite(values), [0.25, 0.5, 0.75], axis=0)
        dashed = "--" if head == "softmax_matched" else "-"
        axes.plot(panel.steps, middle, dashed, color=colour(head), zorder=3 if dashed == "--" else 2)
        axes.fill_between(panel.steps, low, high, color=colour(head), alpha=0.13, linewidth=0)
        ends.append((head, float(panel.steps[-1]), float(middle[-1]), colour(head)))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    if named:
        label_ends(axes, ends, gap=0.115)


def _differences(axes: Axes, panel: Panel, *, named: bool) -> None:
    axes.axhline(0, color=MUTED, linewidth=0.8)
    ends = []
    for head in panel.values:
        if head == BASELINE or BASELINE not in panel.values:
            continue
        mean, low, high = interval(panel.difference(head))
        axes.plot(panel.steps, mean, color=colour(head))
        axes.fill_between(panel.steps, low, high, color=colour(head), alpha=0.16, linewidth=0)
        ends.append((head, float(panel.steps[-1]), float(mean[-1]), colour(head)))
    if named:
        label_ends(axes, ends, gap=0.19)


def _finite(values: np.ndarray) -> np.ndarray:
    """The values, +inf kept as a very large number so that a diverged seed still pulls the quantile up."""
    return np.where(np.isposinf(values), np.finfo(float).max, values)


def _loss_finding(shown: list[tuple[str, Panel]], words: Words, quantity: str, one: bool) -> str:
    unit = words.or_key("quantity", quantity)
    pairs = [panel for _, panel in shown if {"softmax", BASELINE} <= set(panel.values)]
    if not pairs:
        return words("loss_curves.alone", quantity=unit)
    if one:
        last = pairs[-1].difference("softmax")[:, -1]
        mean, low, high = (float(value) for value in interval(last))
        key = "below" if high < 0 else "above" if low > 0 else "same"
        return words(
            f"loss_curves.{key}",
            quantity=unit,
            rows=shown[-1][0],
            size=f"{abs(mean):.3g}",
            low=f"{low:.3g}",
            high=f"{high:.3g}",
            n=int(np.isfinite(last).sum()),
        )
    # the whole curve as one number a seed, so that a passing crossing does not count
    ends = [interval(panel.difference("softmax").mean(axis=1)) for panel in pairs]
    lower = sum(bool(high < 0) for _, _, high in ends)
    higher = sum(bool(low > 0) for _, low, _ in ends)
    return words(
        "loss_curves.count",
        quantity=unit,
        lower=lower,
        higher=higher,
        cells=len(ends),
        middle=f"{np.nanmedian([mean for mean, _, _ in ends]):+.3g}",
    )


def gradient_norms(
    curves: pd.DataFrame,
    *,
    scopes: Sequence[str] = ("head", "trunk", "total"),
    heads: Sequence[str] = ("sigmoid", "softmax", "softmax_matched"),
    width: float = 7.2,
    words: Words = ENGLISH,
) -> Chart:
    """Gradient norms by scope and, under them, their paired ratio to sigmoid with the predicted ratio drawn in.

    `curves`: rows of the `curves` table with the quantity `grad_norm`. For one cell the norms are drawn too; for
    several cells only the ratios, a faint line a cell and a thick one for their geometric mean. A scope that is
    absent or 0 throughout (the trunk of a linear model) is left out. Raises `ValueError` when none is left.
    """
    found = {scope: panels(curves, "grad_norm", scope, heads, "train") for scope in scopes}
    found = {scope: kept for scope, made in found.items() if (kept := [p for p in made if _positive(p)])}
    if not found:
        raise ValueError(f"The curves hold no gradient norm of {', '.join(scopes)}")
    one = max(len(made) for made in found.values()) == 1
    across = min(len(found), max(1, int(width / 2.3)))
    down = math.ceil(len(found) / across)
    rows = 2 if one else 1
    with chart(width, 0.1 + (3.1 if one else 2.5) * down) as figure:
        grid = figure.add_gridspec(rows * down, across, height_ratios=([1.2, 1] if one else [1]) * down)
        for index, (scope, made) in enumerate(found.items()):
            row, column = divmod(index, across)
            under = figure.add_subplot(grid[rows * row + rows - 1, column])
            if one:
                over = figure.add_subplot(grid[2 * row, column], sharex=under)
                _levels(over, made[0], named=False)
                _log_ticks(over)
                over.set_title(words.or_key("scope", scope))
                over.tick_params(labelbottom=False)
                if column == 0:
                    over.set_ylabel(words("axis.norm"))
            else:
                under.set_title(words.or_key("scope", scope))
            _ratios(under, made, scope, words)
            under.set_xlabel(words("axis.step"))
            if column == 0:
                under.set_ylabel(words("axis.over", baseline=BASELINE))
        shown = dict.fromkeys(head for made in found.values() for panel in made for head in panel.values)
        conclude(figure, _norm_finding(found, words), [head for head in shown if one or head != BASELINE])
    return figure


def _positive(panel: Panel) -> bool:
    return BASELINE in panel.values and bool(np.nanmax(_finite(panel.values[BASELINE])) > 0)


def ratio(panel: Panel, head: str) -> np.ndarray:
    """(steps,): geometric mean over seeds of `head`'s value over its twin's, of the pairs where both are positive."""
    with np.errstate(all="ignore"):
        logs = np.log(panel.values[head]) - np.log(panel.values[BASELINE])
        return np.exp(np.nanmean(np.where(np.isfinite(logs), logs, np.nan), axis=0))


def _ratios(axes: Axes, made: list[Panel], scope: str, words: Words) -> None:
    for head in dict.fromkeys(head for panel in made for head in panel.values if head != BASELINE):
        lines = [(panel.steps, ratio(panel, head)) for panel in made if head in panel.values]
        if len(lines) > 1:
            for steps, line in lines:
                axes.plot(steps, line, color=colour(head), linewidth=0.5, alpha=0.3)
        longest = max((steps for steps, _ in lines), key=len)
        whole = [np.log(line) for steps, line in lines if np.array_equal(steps, longest)]
        axes.plot(longest, np.exp(np.nanmean(whole, axis=0)), color=colour(head), zorder=3)
    if scope in PREDICTED:
        axes.axhline(PREDICTED[scope], color=INK, linestyle=(0, (1, 1.5)), linewidth=1.1, zorder=4)
        axes.annotate(
            words(f"predicted.{scope}"),
            (1, PREDICTED[scope]),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            zorder=5,
        )
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0.7), max(high, 2.2))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    _log_ticks(axes)


def _log_ticks(axes: Axes) -> None:
    """A logarithmic axis that is labelled in plain numbers, also when it spans less than a decade."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())


def _norm_finding(found: dict[str, list[Panel]], words: Words) -> str:
    """What the first step and the whole run show, for the arms at hand."""

    def mean(scope: str, head: str, steps: slice) -> float:
        logs = [np.log(ratio(panel, head)[steps]).mean() for panel in found.get(scope, []) if head in panel.values]
        return float(np.exp(np.nanmean(logs))) if logs else math.nan

    sentences = []
    start = slice(0, 1)
    head, trunk = mean("head", "softmax_matched", start), mean("trunk", "softmax_matched", start)
    if math.isfinite(head) and math.isfinite(trunk):
        sentences.append(words("gradient_norms.start", head=f"{head:.3f}", trunk=f"{trunk:.3f}"))
    elif math.isfinite(head):
        sentences.append(words("gradient_norms.start_head", head=f"{head:.3f}"))
    plain = mean("head", "softmax", slice(None))
    if math.isfinite(plain):
        sentences.append(words("gradient_norms.along", head=f"{plain:.3g}"))
    return words("sentence.join").join(sentences) or words("gradient_norms.alone")
