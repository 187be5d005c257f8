"""Paired differences: every arm against the baseline, in every cell and every registered quantity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments import tables
from experiments.stats import hypotheses, intervals, power
from experiments.stats.margins import ALPHA, QUANTITIES, TEST_TO_TRAIN
from experiments.stats.matrices import CELL, Block, blocks, paired, registered

NULL = "sigmoid_again"
_FAMILY = ["head", "baseline", "quantity"]


def differences(
    finals: pd.DataFrame,
    curves: pd.DataFrame | None,
    runs: pd.DataFrame,
    baseline: str = "sigmoid",
    *,
    heads: Sequence[str] | None = None,
    ratio: float = TEST_TO_TRAIN,
) -> pd.DataFrame:
    """The table `differences`: arm minus baseline, a row a cell, arm and quantity.

    `finals`, `curves`, `runs`: the tables of any number of cells; `curves` is read only for the means over steps that
    `finals` lacks. `heads`: the arms to compare; all by default.

    `low` and `high` are the corrected t, not the bootstrap: seeds share rows, and an interval without the correction
    would claim for fresh data what holds for these rows only. The bootstrap stands beside them (`bca_low`,
    `bca_high`). `p` is the sign-flip permutation's, `p_t` the corrected t's. `p_holm` is Holm over max(p, p_t), so
    that neither the shape of the distribution nor the overlap of the splits alone can make a difference;
    `p_tost_holm` is Holm over `p_tost`. A family is one arm against its baseline in one quantity, in all cells of
    this table: call `correct` after putting tables together.

    `noise_floor` is the mean of |difference| between `sigmoid_again` and the baseline, to be read beside `mean_abs`,
    the same figure for this arm. Non-finite differences are counted in `nonfinite` and leave the cell undecided,
    unless they are the same infinity in every seed.
    """
    pairs = paired(registered(finals, curves), runs, baseline, None if heads is None else {*heads, NULL})
    mine = pairs if heads is None else pairs[pairs["head"].isin(heads)]
    parts = [_summary(block, ratio) for block in blocks(mine, ["head", *CELL, "quantity", "split"])]
    if not parts:
        return pd.DataFrame(columns=tables.SCHEMAS["differences"])
    table = pd.concat(parts, ignore_index=True).assign(baseline=baseline)
    table = table.merge(noise_floor(pairs), on=[*CELL, "quantity"], how="left")
    order = table["quantity"].map({name: place for place, name in enumerate(QUANTITIES)})
    table = table.assign(_order=order).sort_values(["head", *CELL, "_order"], kind="stable", ignore_index=True)
    return correct(table.drop(columns="_order"), ratio=ratio)


def correct(table: pd.DataFrame, *, alpha: float = ALPHA, ratio: float = TEST_TO_TRAIN) -> pd.DataFrame:
    """`differences` with the corrections for its families, and all that follows from them, computed anew.

    For tables that were put together: p_holm, p_tost_holm, outcome, detectable and seeds_needed depend on what
    else is in the table. `detectable` is the smallest mean that would probably (80 %) be shown not to be 0, and
    `seeds_needed` the seeds that would decide an undecided row; both at the first level of Holm's steps.
    """
    if table.empty:
        return table
    family = table.groupby(_FAMILY, sort=False)
    both = np.maximum(table["p"], table["p_t"])
    p_holm = both.groupby([table[c] for c in _FAMILY], sort=False).transform(lambda p: hypotheses.holm(p.to_numpy()))
    p_tost_holm = family["p_tost"].transform(lambda p: hypotheses.holm(p.to_numpy()))
    outcomes = [
        hypotheses.outcome(*row, alpha=alpha)
        for row in zip(table["low"], table["high"], table["margin"], p_holm, p_tost_holm, strict=True)
    ]
    level = (alpha / family["p"].transform("size")).to_numpy()
    effects = {
        (n, a): power.detectable_effect(int(n), ratio, float(a)) for n, a in {*zip(table["n"], level, strict=True)}
    }
    effect = np.array([effects[pair] for pair in zip(table["n"], level, strict=True)])
    effect = np.where(table["n"] < power.least_seeds(level), np.inf, effect)
    undecided = np.array([found == "undecided" for found in outcomes]) & np.isfinite(table["sd"].to_numpy(float))
    needed = np.full(len(table), np.nan)
    mean, sd, margin = (table.loc[undecided, column].to_numpy(float) for column in ("mean", "sd", "margin"))
    needed[undecided] = power.seeds_needed(mean, sd, margin, ratio=ratio, alpha=level[undecided])
    return tables.validate(
        "differences",
        table.assign(
            p_holm=p_holm,
            p_tost_holm=p_tost_holm,
            outcome=outcomes,
            detectable=effect * table["sd"],
            seeds_needed=needed,
        ),
    )


def _summary(block: Block, ratio: float) -> pd.DataFrame:
    d = block.differences
    rows, n = d.shape
    finite = np.isfinite(d).all(axis=1)
    same_infinity = np.isinf(d).all(axis=1) & ((d > 0).all(axis=1) | (d < 0).all(axis=1))
    margin = margins_of(block)
    columns = {
        name: np.full(rows, np.nan)
        for name in ("low", "high", "sd", "d_z", "bca_low", "bca_high", "p", "p_t", "p_tost")
    }
    with np.errstate(invalid="ignore"):
        columns["mean"] = d.mean(axis=1)
    if finite.any():
        f = d[finite]
        sd = f.std(axis=1, ddof=1) if n > 1 else np.full(len(f), np.nan)
        found = {
            "sd": sd,
            "d_z": hypotheses.standardised(f.mean(axis=1), sd),
            "p": hypotheses.sign_flip_p(f),
            "p_t": hypotheses.corrected_t_p(f, ratio),
            "p_tost": hypotheses.tost_p(f, margin[finite], ratio),
        }
        found["low"], found["high"] = intervals.corrected_t(f, ratio)
        found["bca_low"], found["bca_high"] = intervals.bca(f)
        for name, value in found.items():
            columns[name][finite] = value
    for name in ("low", "high", "bca_low", "bca_high"):
        columns[name][same_infinity] = columns["mean"][same_infinity]
    for name in ("p", "p_t"):
        columns[name][~finite] = np.where(same_infinity[~finite], 2.0 ** (1 - n), 1.0)
    columns["p_tost"][~finite] = 1.0
    primary = block.keys["quantity"].map(lambda name: QUANTITIES[name].primary)
    return block.keys.assign(
        n=n,
        **columns,
        margin=margin,
        primary=primary,
        mean_abs=np.abs(d).mean(axis=1),
        baseline_mean=block.twins.mean(axis=1),
        nonfinite=(~np.isfinite(d)).sum(axis=1),
    )


def margins_of(block: Block) -> np.ndarray:
    """The registered margin of each row; a relative one times the size of the baseline's mean, NaN if not finite."""
    records = [QUANTITIES[name] for name in block.keys["quantity"]]
    with np.errstate(invalid="ignore"):
        size = np.abs(block.twins.mean(axis=1))
    size = np.where(np.isfinite(size), size, np.nan)
    return np.array([q.margin for q in records]) * np.where([q.relative for q in records], size, 1.0)


def noise_floor(pairs: pd.DataFrame) -> pd.DataFrame:
    """Mean |difference| between two runs of sigmoid that differ in head draw and batch order, a row a quantity."""
    keys = [*CELL, "quantity"]
    twice = pairs[pairs["head"] == NULL]
    return (
        twice.assign(noise_floor=twice["difference"].abs())
        .groupby(keys, as_index=False, sort=False)["noise_floor"]
        .mean()
    )
