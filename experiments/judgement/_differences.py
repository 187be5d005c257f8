"""Paired differences: every arm against the baseline, in every cell and every registered quantity."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments import tables
from experiments.judgement._correctors import Corrector, FixedFamily
from experiments.judgement._outcomes import FRESH, THESE, bound
from experiments.judgement._pairs import CELL, Block, Pairs, blocks
from experiments.stats import (
    QUANTITIES,
    bca,
    clusters,
    corrected_t,
    corrected_t_p,
    larger_p,
    sign_flip_p,
    standardised,
    tost_p,
    zeros_bound,
    zeros_p,
)

NULL = "sigmoid_again"
SAME = 1e-9  # differences of quantities that count rows are the same where they differ by rounding alone
FAMILY = ("head", "baseline", "quantity", "estimand")


def differences(pairs: Pairs, corrector: Corrector | None = None, *, at: str = "default") -> pd.DataFrame:
    """The table `differences`: arm minus baseline, a row a cell, arm, quantity and estimand.

    `estimand` says what `low`, `high` and every p answer for: "fresh rows" of the same kind, with the allowance for
    the rows that seeds share, or "these rows", for further splits of them. Both allow for seeds that have the same
    split (`icc`, `effect`: see `stats.Clusters`); `ratio` is all that is added to 1/n. The bootstrap (`bca_low`,
    `bca_high`) is of these rows. `p` is the sign-flip permutation's, `p_t` the corrected t's; `p_holm` is Holm over
    max(p, p_t), so that neither the shape of the distribution nor the overlap of the splits alone can make a
    difference. `p_larger` is of "not beyond the margin", `p_tost` of "not inside".
    `corrector`: by default `FixedFamily` over one arm against its baseline in one quantity and estimand, in all cells
    of this table: correct again after putting tables together. `at` is the column's value.

    `bound` is how far from 0 a difference still may be. `noise_floor` is the mean of |difference| between
    `sigmoid_again` and the baseline, to be read beside `mean_abs`, the same figure for this arm. Non-finite
    differences are counted in `nonfinite` and leave the cell undecided, unless they are the same infinity in every
    seed.
    """
    parts = [summary(block) for block in blocks(pairs.table, ["head", *CELL, "quantity", "split"])]
    if not parts:
        return pd.DataFrame(columns=tables.SCHEMAS["differences"])
    table = pd.concat(parts, ignore_index=True).assign(baseline=pairs.baseline, at=at)
    table = table.merge(noise_floor(pairs), on=[*CELL, "quantity"], how="left")
    order = table["quantity"].map({name: rank for rank, name in enumerate(QUANTITIES)})
    keys = ["head", *CELL, "_order", "estimand"]
    table = table.assign(_order=order).sort_values(keys, kind="stable", ignore_index=True)
    return correct(table.drop(columns="_order"), corrector)


def correct(table: pd.DataFrame, corrector: Corrector | None = None) -> pd.DataFrame:
    """`differences` with the corrections for its families, and all that follows from them, computed anew.

    For tables that were put together: p_holm, p_larger_holm, p_tost_holm, outcome, detectable and the seeds needed
    depend on what else is in the table.
    """
    if table.empty:
        return table
    corrected = (corrector or FixedFamily(by=FAMILY)).correct(table)
    return tables.validate("differences", corrected.assign(bound=bound(corrected["low"], corrected["high"])))


def summary(block: Block) -> pd.DataFrame:
    """What is known of each comparison by itself, a row an estimand."""
    d = block.differences
    rows, n = d.shape
    finite = np.isfinite(d).all(axis=1)
    clustering = clusters(d, block.samples, block.shared)
    margins = block.margins
    with np.errstate(invalid="ignore"):
        mean = d.mean(axis=1)
        sd = d.std(axis=1, ddof=1) if n > 1 else np.full(rows, np.nan)
        margin = margins.mean(axis=1)
    records = [QUANTITIES[name] for name in block.keys["quantity"]]
    common = {
        "n": n,
        "shared": block.shared,
        "icc": clustering.icc,
        "effect": clustering.effect,
        "mean": mean,
        "sd": np.where(finite, sd, np.nan),
        "d_z": np.where(finite, standardised(mean, sd), np.nan),
        "p": _filled(rows, finite, sign_flip_p(d[finite]) if finite.any() else np.empty(0)),
        "margin": margin,
        "primary": np.array([q.primary for q in records]),
        "mean_abs": np.abs(d).mean(axis=1),
        "baseline_mean": block.baselines.mean(axis=1),
        "nonfinite": (~np.isfinite(d)).sum(axis=1),
    }
    limits = bca(d[finite], clustering.these[finite]) if finite.any() else (np.empty(0), np.empty(0))
    common["bca_low"], common["bca_high"] = (_filled(rows, finite, end) for end in limits)
    with np.errstate(invalid="ignore"):
        same = np.ptp(d, axis=1) <= SAME
    same &= finite & np.array([q.stepped for q in records]) & ((d == 0).all(axis=1) | (n > 1))
    common["sd"] = np.where(same, 0.0, common["sd"]) if n > 1 else common["sd"]
    reach = np.fmax(np.fmax(block.reach, 2 * margin), [q.step for q in records])
    same_infinity = np.isinf(d).all(axis=1) & ((d > 0).all(axis=1) | (d < 0).all(axis=1))
    parts = []
    for estimand, ratio in ((FRESH, clustering.fresh), (THESE, clustering.these)):
        estimates = {name: np.full(rows, np.nan) for name in ("low", "high", "p_t", "p_larger", "p_tost")}
        if finite.any():
            f, m, r = d[finite], margins[finite], ratio[finite]
            estimates["low"][finite], estimates["high"][finite] = corrected_t(f, r)
            estimates["p_t"][finite] = corrected_t_p(f, r)
            estimates["p_larger"][finite] = larger_p(f, m, r)
            estimates["p_tost"][finite] = tost_p(f, m, r)
        if same.any():
            # n equal numbers of rows, most often 0, have no variance to speak of, but leave open what is as rare as 3
            # in n: another difference, as far from them as from 0 and back
            at, far = np.abs(mean[same]), reach[same] + np.abs(mean[same])
            estimates["low"][same], estimates["high"][same] = mean[same] + np.outer([-1, 1], zeros_bound(n, far))
            estimates["p_tost"][same] = zeros_p(n, margin[same] - at, far)
        for name in ("low", "high"):
            estimates[name][same_infinity] = mean[same_infinity]
        for name in ("p_t", "p_larger"):
            estimates[name][~finite] = np.where(same_infinity[~finite], 2.0 ** (1 - n), 1.0)
        estimates["p_tost"][~finite] = 1.0
        parts.append(block.keys.assign(estimand=estimand, ratio=ratio, **common, **estimates))
    table = pd.concat(parts, ignore_index=True)
    twice = np.tile(same_infinity, 2)
    for name in ("bca_low", "bca_high"):
        table.loc[twice, name] = table.loc[twice, "mean"]
    table["p"] = table["p"].fillna(pd.Series(np.where(twice, 2.0 ** (1 - n), 1.0)))
    return table


def noise_floor(pairs: Pairs) -> pd.DataFrame:
    """Mean |difference| between two runs of sigmoid that differ in head draw and batch order, a row a quantity."""
    keys = [*CELL, "quantity"]
    twice = pairs.table[pairs.table["head"] == NULL]
    by = twice.assign(noise_floor=twice["difference"].abs()).groupby(keys, as_index=False, sort=False, observed=True)
    return by["noise_floor"].mean(skipna=False)


def _filled(rows: int, where: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(rows,) with `values` where it is known, NaN elsewhere."""
    filled = np.full(rows, np.nan)
    filled[where] = values
    return filled
