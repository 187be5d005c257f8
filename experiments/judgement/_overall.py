"""One figure over many cells: the mean over tasks, with a bootstrap that is stratified by task."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from experiments import tables
from experiments.judgement._correctors import FixedFamily
from experiments.judgement._outcomes import FRESH, THESE, bound
from experiments.judgement._pairs import CELL, Pairs, samples_of
from experiments.stats import (
    ALPHA,
    QUANTITIES,
    RESAMPLES,
    Ratio,
    bca_of,
    clusters,
    standard_error,
    standardised,
    zeros_bound,
    zeros_p,
)

Array = np.ndarray
Ratios = Sequence[Ratio]  # of each task

KINDS = ("two classes", "several classes", "several labels")


def overall(pairs: Pairs, *, at: str = "default") -> pd.DataFrame:
    """Mean difference over tasks, a row a kind of task, arm, quantity and estimand: each task counts once.

    `low` and `high` speak of these tasks, with the allowance for shared rows under "fresh rows"; `bca_low` and
    `bca_high` are of these rows. A quantity whose margin is relative is averaged as a share of the baseline's mean in
    its cell; one that counts rows, of which no seed of any task shows a difference, may still differ as rarely as
    `stats.zeros_bound` says. `p_holm`, `p_larger_holm` and `p_tost_holm` are corrected over one arm's primary (or
    secondary) quantities, and `outcome` follows by the rule of single cells.
    """
    values = pairs.table
    labelled = set(values.loc[values["quantity"] == "micro_f1", "task"])
    values = _in_common_units(values)
    kinds = np.where(
        values["task"].isin(labelled), KINDS[2], KINDS[0] if pairs.baseline == "sigmoid" else KINDS[1]
    )
    parts = [_rows(part).assign(kind=kind, head=head) for (head, kind), part in values.groupby(["head", kinds])]
    if not parts:
        return pd.DataFrame(columns=tables.SCHEMAS["overall"])
    (framework,) = values["framework"].unique()
    table = pd.concat(parts, ignore_index=True).assign(framework=framework, baseline=pairs.baseline, at=at)
    table["primary"] = [QUANTITIES[name].primary for name in table["quantity"]]
    family = FixedFamily(by=("kind", "head", "primary", "estimand"))
    table = family.judge(table.assign(p_t=table["p"]))
    table = table.assign(bound=bound(table["low"], table["high"]))
    rank = table["quantity"].map({name: rank for rank, name in enumerate(QUANTITIES)})
    table = table.assign(_rank=rank).sort_values(["kind", "head", "_rank", "estimand"], kind="stable")
    return table[tables.SCHEMAS["overall"]].reset_index(drop=True)


def _rows(pairs: pd.DataFrame) -> pd.DataFrame:
    """One row a quantity and estimand, of one arm on tasks of one kind."""
    by_seed = pairs.groupby(["quantity", "task", "seed"], sort=False, as_index=False, observed=True)
    by_seed = by_seed[["difference", "shared", "sample"]].mean(skipna=False)
    sizes = by_seed.groupby(["quantity", "task"], sort=True).size().reset_index(name="n")
    shape = sizes.groupby("quantity")[["task", "n"]].apply(lambda part: tuple(part.itertuples(index=False)))
    reach = pairs.groupby("quantity", observed=True)["reach"].max()
    cells = pairs.drop_duplicates(["quantity", *CELL])["quantity"].value_counts()
    parts = []
    for _, names in shape.groupby(shape):  # quantities with the same tasks and seeds go through as one matrix
        rows = by_seed[by_seed["quantity"].isin(names.index)].sort_values(["quantity", "seed"], kind="stable")
        samples, structures = [], []
        for _, task in rows.groupby("task"):
            by_quantity = task.pivot(index="quantity", columns="seed", values="difference")
            samples.append(by_quantity.to_numpy())
            seeds = samples_of(task, by_quantity.columns)
            structures.append(clusters(samples[-1], seeds, float(task["shared"].mean())))
        quantities = sorted(names.index)
        margin = np.array([QUANTITIES[name].margin for name in quantities])
        part = pd.DataFrame({"quantity": quantities, "margin": margin, "n_tasks": len(samples)})
        with np.errstate(invalid="ignore"):
            part["mean"] = np.mean([sample.mean(axis=1) for sample in samples], axis=0)
        records = [QUANTITIES[name] for name in quantities]
        nothing = np.all([(sample == 0).all(axis=1) for sample in samples], axis=0) & [q.stepped for q in records]
        # all zeros are likeliest, for a given mean, where each task has the same share of others
        zeros = len(samples) * min(sample.shape[1] for sample in samples)
        far = np.fmax(np.fmax(reach[quantities].to_numpy(), 2 * margin), [q.step for q in records])[nothing]
        fresh, these = [each.fresh for each in structures], [each.these for each in structures]
        ends = {FRESH: mean_over_tasks(samples, fresh), THESE: mean_over_tasks(samples, these)}
        part["bca_low"], part["bca_high"] = (end.copy() for end in ends[THESE])
        for estimand, ratios in ((FRESH, fresh), (THESE, these)):
            low, high = ends[estimand]
            p, p_larger, p_tost = p_over_tasks(samples, margin, ratios)
            low[nothing], high[nothing] = np.outer([-1, 1], zeros_bound(zeros, far))
            p_tost[nothing] = zeros_p(zeros, margin[nothing], far)
            parts.append(
                part.assign(estimand=estimand, low=low, high=high, p=p, p_larger=p_larger, p_tost=p_tost,
                            n_cells=part["quantity"].map(cells))
            )  # fmt: skip
    return pd.concat(parts)


def p_over_tasks(samples: Sequence[Array], margin: Array, ratios: Ratios) -> tuple[Array, Array, Array]:
    """The p of a zero mean over tasks, of one that is not beyond the margin, and of one outside it: each (rows,).

    `samples` and `ratios` as in `mean_over_tasks`, `margin` (rows,). The t of the mean of the tasks' means, with the
    corrected standard error of each task and the degrees of freedom of Welch and Satterthwaite. 1 where a value is not
    finite.
    """
    with np.errstate(invalid="ignore"):
        mean = np.mean([sample.mean(axis=1) for sample in samples], axis=0)
    errors = [standard_error(sample, ratio) for sample, ratio in zip(samples, ratios, strict=True)]
    variances = np.array(errors) ** 2 / len(samples) ** 2
    seeds = np.array([[sample.shape[1]] for sample in samples])
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = variances.sum(axis=0) ** 2 / (variances**2 / (seeds - 1)).sum(axis=0)
    freedom = np.where(np.isnan(freedom), seeds.min() - 1, freedom)  # no spread at all
    se = np.sqrt(variances.sum(axis=0))
    inside = standardised(margin - np.abs(mean), se)
    p_values = (
        2 * stats.t.sf(np.abs(standardised(mean, se)), freedom),
        np.minimum(1.0, 2 * stats.t.cdf(inside, freedom)),
        stats.t.sf(inside, freedom),
    )
    p, p_larger, p_tost = (np.where(np.isnan(each), 1.0, each) for each in p_values)
    return p, p_larger, p_tost


def mean_over_tasks(
    samples: Sequence[Array],
    ratios: Ratios,
    confidence: float = 1 - ALPHA,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[Array, Array]:
    """BCa interval of the mean of the tasks' means; seeds are resampled within each task, tasks are kept.

    `samples`: a matrix of paired differences a task, (rows, seeds), the rows being the same quantities; returns
    (low, high), each (rows,). `ratios`: what is added to 1/n in each task, one number or (rows,). Each task's
    deviations from its mean are widened by sqrt(n/(n-1)) and by sqrt(1 + n ratio), the factor of the corrected t. NaN
    where a value is not finite, or if a task has one seed.
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
    for sample, ratio in zip(samples, ratios, strict=True):
        n, part = sample.shape[1], sample[chosen] / size[:, None]
        allowed = np.broadcast_to(ratio, rows)[chosen, None]
        centre = part.mean(axis=1, keepdims=True)
        widened.append(centre + (part - centre) * np.sqrt(n / (n - 1) * (1 + n * allowed)))

    def mean_of_means(*parts: Array, axis: int) -> Array:
        return np.mean([part.mean(axis=axis) for part in parts], axis=0)

    ends = bca_of(mean_of_means, *widened, confidence=confidence, resamples=resamples, batch=200, seed=seed)
    low[chosen], high[chosen] = (end * size for end in ends)
    return low, high


def _in_common_units(pairs: pd.DataFrame) -> pd.DataFrame:
    """Differences of relative quantities as shares of the baseline's mean in their cell, the mean's own error in them.

    With r the ratio of the means, the seed's share is r + (difference - r baseline) / mean baseline: its mean is
    r, and its spread is that of the ratio, not of the difference alone (the linear form of a ratio estimator, Cochran
    1977, 6.4).
    """
    relative = pairs["quantity"].map({q.name: q.relative for q in QUANTITIES.values()}).astype(bool)
    some = pairs[relative]
    if some.empty:
        return pairs
    cells = some.groupby(["head", *CELL, "quantity"], sort=False, observed=True).ngroup()
    baseline = some["baseline_value"].abs()

    def mean(values: pd.Series) -> pd.Series:
        return values.groupby(cells, sort=False).transform(lambda v: v.mean(skipna=False))

    size = mean(baseline)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = mean(some["difference"]) / size
        share = ratio + (some["difference"] - ratio * baseline) / size
    difference = pairs["difference"].to_numpy(dtype=float, copy=True)
    difference[relative.to_numpy()] = share.to_numpy()
    return pairs.assign(difference=difference)
