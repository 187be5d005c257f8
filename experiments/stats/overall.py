"""One figure over many cells: the mean over tasks, with a bootstrap that is stratified by task."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from experiments.stats import intervals
from experiments.stats.hypotheses import OUTCOMES, holm, outcome, standardised
from experiments.stats.margins import ALPHA, QUANTITIES, TEST_TO_TRAIN
from experiments.stats.matrices import CELL, paired, registered

Array = np.ndarray

_COLUMNS = [
    "kind", "quantity", "head", "baseline", "n_tasks", "n_cells", "mean", "low", "high", "bca_low", "bca_high", "p",
    "p_holm", "p_tost", "p_tost_holm", "margin", "outcome", "primary",
]  # fmt: skip
KINDS = ("two classes", "several classes", "several labels")


def overall(
    finals: pd.DataFrame,
    curves: pd.DataFrame | None,
    runs: pd.DataFrame,
    baseline: str = "sigmoid",
    *,
    heads: Sequence[str] | None = None,
    ratio: float = TEST_TO_TRAIN,
) -> pd.DataFrame:
    """Mean difference over tasks, a row a kind of task, arm and quantity: each task counts once, whatever its cells.

    `low` and `high` speak of these tasks, with the correction for overlapping splits; `bca_low` and `bca_high` are
    without it. A quantity whose margin is relative is averaged as a share of the baseline's mean in its cell.
    `p_holm` and `p_tost_holm` are corrected over one arm's primary (or secondary) quantities, and `outcome` follows
    by the rule of single cells.
    """
    values = registered(finals, curves)
    labelled = set(values.loc[values["quantity"] == "micro_f1", "task"])
    pairs = _in_common_units(paired(values, runs, baseline, heads))
    kinds = np.where(pairs["task"].isin(labelled), KINDS[2], KINDS[0] if baseline == "sigmoid" else KINDS[1])
    parts = [_rows(part, ratio).assign(kind=kind, head=head) for (head, kind), part in pairs.groupby(["head", kinds])]
    if not parts:
        return pd.DataFrame(columns=_COLUMNS)
    table = pd.concat(parts, ignore_index=True).assign(baseline=baseline)
    table["primary"] = [QUANTITIES[name].primary for name in table["quantity"]]
    for name in ("p", "p_tost"):
        rank = table.groupby(["kind", "head", "primary"], sort=False)[name]
        table[f"{name}_holm"] = rank.transform(lambda p: holm(p.to_numpy()))
    columns = ["low", "high", "margin", "p_holm", "p_tost_holm", "mean"]
    table["outcome"] = [outcome(*row[:5], mean=row[5]) for row in table[columns].itertuples(index=False)]
    place = table["quantity"].map({name: place for place, name in enumerate(QUANTITIES)})
    table = table.assign(_place=place).sort_values(["kind", "head", "_place"], kind="stable")
    return table[_COLUMNS].reset_index(drop=True)


def _rows(pairs: pd.DataFrame, ratio: float) -> pd.DataFrame:
    """One row a quantity, of one arm on tasks of one kind."""
    by_seed = pairs.groupby(["quantity", "task", "seed"], sort=False, as_index=False)["difference"].mean()
    sizes = by_seed.groupby(["quantity", "task"], sort=True).size().reset_index(name="n")
    shape = sizes.groupby("quantity")[["task", "n"]].apply(lambda part: tuple(part.itertuples(index=False)))
    cells = pairs.drop_duplicates(["quantity", *CELL])["quantity"].value_counts()
    parts = []
    for _, names in shape.groupby(shape):  # quantities with the same tasks and seeds go through as one matrix
        rows = by_seed[by_seed["quantity"].isin(names.index)].sort_values(["quantity", "seed"], kind="stable")
        samples = [
            task.pivot(index="quantity", columns="seed", values="difference").to_numpy()
            for _, task in rows.groupby("task")
        ]
        quantities = sorted(names.index)
        margin = np.array([QUANTITIES[name].margin for name in quantities])
        part = pd.DataFrame({"quantity": quantities, "margin": margin, "n_tasks": len(samples)})
        with np.errstate(invalid="ignore"):
            part["mean"] = np.mean([sample.mean(axis=1) for sample in samples], axis=0)
        part["low"], part["high"] = mean_over_tasks(samples, ratio)
        part["bca_low"], part["bca_high"] = mean_over_tasks(samples, 0.0)
        part["p"], part["p_tost"] = p_over_tasks(samples, margin, ratio)
        parts.append(part.assign(n_cells=part["quantity"].map(cells)))
    return pd.concat(parts)


def p_over_tasks(samples: Sequence[Array], margin: Array, ratio: float = TEST_TO_TRAIN) -> tuple[Array, Array]:
    """The p of a zero mean over tasks, and of one outside the margin (TOST): each (rows,).

    `samples` as in `mean_over_tasks`, `margin` (rows,). The t of the mean of the tasks' means, with the corrected
    standard error of each task and the degrees of freedom of Welch and Satterthwaite. 1 where a value is not finite.
    """
    with np.errstate(invalid="ignore"):
        mean = np.mean([sample.mean(axis=1) for sample in samples], axis=0)
    variances = np.array([intervals.standard_error(sample, ratio) ** 2 for sample in samples]) / len(samples) ** 2
    seeds = np.array([[sample.shape[1]] for sample in samples])
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = variances.sum(axis=0) ** 2 / (variances**2 / (seeds - 1)).sum(axis=0)
    freedom = np.where(np.isnan(freedom), seeds.min() - 1, freedom)  # no spread at all
    se = np.sqrt(variances.sum(axis=0))
    p = 2 * stats.t.sf(np.abs(standardised(mean, se)), freedom)
    p_tost = stats.t.sf(standardised(margin - np.abs(mean), se), freedom)
    return np.where(np.isnan(p), 1.0, p), np.where(np.isnan(p_tost), 1.0, p_tost)


def mean_over_tasks(
    samples: Sequence[Array],
    ratio: float = TEST_TO_TRAIN,
    confidence: float = 1 - ALPHA,
    resamples: int = intervals.RESAMPLES,
    seed: int = 0,
) -> tuple[Array, Array]:
    """BCa interval of the mean of the tasks' means; seeds are resampled within each task, tasks are kept.

    `samples`: a matrix of paired differences a task, (rows, seeds), the rows being the same quantities; returns
    (low, high), each (rows,). Each task's deviations from its mean are widened by sqrt(n/(n-1)) and by
    sqrt(1 + n ratio), the factor of the corrected t. NaN where a value is not finite, or if a task has one seed.
    Source: Agarwal et al. 2021 (rliable), with the correction of Nadeau & Bengio 2003.
    """
    rows = len(samples[0])
    low, high = np.full(rows, np.nan), np.full(rows, np.nan)
    if min(sample.shape[1] for sample in samples) < 2:
        return low, high
    finite = np.all([np.isfinite(sample).all(axis=1) for sample in samples], axis=0)
    size = np.max([np.abs(sample[finite]).max(axis=1, initial=0.0) for sample in samples], axis=0)
    spread = np.max([np.ptp(sample[finite], axis=1) for sample in samples], axis=0)
    varied = spread > 1e-12 * size
    mean = np.mean([sample[finite].mean(axis=1) for sample in samples], axis=0)
    low[finite], high[finite] = mean, mean
    chosen, size = np.flatnonzero(finite)[varied], size[varied]
    if not len(chosen):
        return low, high
    widened = []
    for sample in samples:
        n, part = sample.shape[1], sample[chosen] / size[:, None]
        centre = part.mean(axis=1, keepdims=True)
        widened.append(centre + (part - centre) * np.sqrt(n / (n - 1) * (1 + n * ratio)))

    def mean_of_means(*parts: Array, axis: int = -1) -> Array:
        return np.mean([part.mean(axis=axis) for part in parts], axis=0)

    found = stats.bootstrap(
        widened,
        mean_of_means,
        axis=-1,
        vectorized=True,
        method="BCa",
        confidence_level=confidence,
        n_resamples=resamples,
        batch=200,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    low[chosen], high[chosen] = found.low * size, found.high * size
    return low, high


def counts(differences: pd.DataFrame) -> pd.DataFrame:
    """How many cells came to each outcome: a row an arm and quantity, a column an outcome, and `n_cells`."""
    found = differences.groupby(["head", "baseline", "quantity", "outcome"], sort=False).size().unstack(fill_value=0)
    found = found.reindex(columns=list(OUTCOMES), fill_value=0).rename_axis(columns=None)
    return found.assign(n_cells=found.sum(axis=1)).reset_index()


def _in_common_units(pairs: pd.DataFrame) -> pd.DataFrame:
    relative = pairs["quantity"].map({q.name: q.relative for q in QUANTITIES.values()}).astype(bool)
    size = pairs.groupby(["head", *CELL, "quantity"], sort=False)["twin"].transform("mean").abs()
    return pairs.assign(difference=pairs["difference"] / size.where(relative, 1.0))
