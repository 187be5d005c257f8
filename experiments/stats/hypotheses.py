"""Tests of paired differences, and the one function that turns their results into an outcome."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from scipy import stats

from experiments.stats.intervals import standard_error
from experiments.stats.margins import ALPHA, TEST_TO_TRAIN

Array = np.ndarray
Outcome = Literal["different", "different but negligible", "equivalent", "undecided"]
OUTCOMES: tuple[str, ...] = get_args(Outcome)

EXACT_UP_TO = 24  # seeds; from there on sign flips are drawn, not enumerated
FLIPS = 20_000


def sign_flip_p(differences: Array, seed: int = 0) -> Array:
    """Two-sided permutation p of a zero mean: the share of sign patterns whose sum is at least as far from 0.

    `differences`: (rows, n); returns (rows,). Exact up to `EXACT_UP_TO` seeds, although there are 2^n patterns: the
    sums of either half of the seeds are listed (2^(n/2) each), one list is sorted, and pairs are counted by bisection.
    Beyond, `FLIPS` random patterns, the observed one among them (Phipson & Smyth 2010).
    Valid if a difference and its negative are equally likely and seeds are independent.
    """
    n = differences.shape[1]
    observed = np.abs(differences.sum(axis=1))
    tie = 1e-12 * np.abs(differences).sum(axis=1)  # sums that differ by rounding alone count as equal
    if n > EXACT_UP_TO:
        signs = np.random.default_rng(seed).choice(np.array([-1.0, 1.0]), size=(FLIPS, n))
        reached = np.zeros(len(differences))
        for start in range(0, FLIPS, 2_000):
            sums = np.abs(differences @ signs[start : start + 2_000].T)
            reached += (sums >= (observed - tie)[:, None]).sum(axis=1)
        return (reached + 1) / (FLIPS + 1)
    left = differences[:, : n // 2] @ _signs(n // 2).T
    right = np.sort(differences[:, n // 2 :] @ _signs(n - n // 2).T, axis=1)
    least = (observed - tie)[:, None] - left
    beyond = [
        right.shape[1] * left.shape[1] - np.searchsorted(right[row], least[row]).sum()
        for row in range(len(differences))
    ]
    # patterns come in pairs of opposite sums, so one side is counted and doubled; a sum of 0 counts on both
    return np.minimum(1.0, 2 * np.asarray(beyond, dtype=float) / 2.0**n)


def corrected_t_p(differences: Array, ratio: float = TEST_TO_TRAIN) -> Array:
    """Two-sided p of a zero mean from the corrected t: (rows, n) to (rows,). 1 where n is 1."""
    n = differences.shape[1]
    if n == 1:
        return np.ones(len(differences))
    return 2 * stats.t.sf(np.abs(standardised(differences.mean(axis=1), standard_error(differences, ratio))), n - 1)


def tost_p(differences: Array, margin: Array, ratio: float = TEST_TO_TRAIN) -> Array:
    """The p of two one-sided tests that the mean lies inside (-margin, margin), with the corrected variance.

    `differences`: (rows, n); `margin`: (rows,). 1 where n is 1 or the margin is NaN.
    Source: Schuirmann 1987; `statsmodels.stats.weightstats.ttost_paired` when `ratio` is 0.
    """
    n = differences.shape[1]
    if n == 1:
        return np.ones(len(differences))
    mean, se = differences.mean(axis=1), standard_error(differences, ratio)
    nearest = margin - np.abs(mean)  # the larger of the two p belongs to the bound that is closer
    p = stats.t.sf(standardised(nearest, se), n - 1)
    p = np.where((se == 0) & (nearest == 0), 0.0, p)  # all differences 0 under a margin of 0: no difference at all
    return np.where(np.isnan(p), 1.0, p)


def standardised(mean: Array, scale: Array) -> Array:
    """Return mean / scale, where 0 / 0 is 0: (rows,). With the standard deviation as scale, d_z."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = mean / scale
    return np.where((scale == 0) & (mean == 0), 0.0, found)


def holm(p: Array) -> Array:
    """Correct p values, (m,), over one family by Holm's step-down; NaN counts as 1.

    By hand, since `statsmodels.stats.multitest.multipletests` collects garbage at every call (64 ms each).
    """
    p = np.nan_to_num(np.asarray(p, dtype=float), nan=1.0)
    order = np.argsort(p, kind="stable")
    steps = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    corrected = np.empty_like(p)
    corrected[order] = steps
    return corrected


def outcome(
    low: float,
    high: float,
    margin: float,
    p_difference: float,
    p_equivalence: float,
    *,
    mean: float | None = None,
    alpha: float = ALPHA,
) -> Outcome:
    """What one comparison shows, from its interval, its margin and its two corrected p.

    `low`, `high`: the interval of the mean difference; `mean` is its middle unless it is given. `p_difference`,
    `p_equivalence`: of "no difference" and of "a difference of at least the margin", corrected over the family.

    ====================  =============================  ===========================================
    .                     shown to be inside the margin  not shown to be inside
    ====================  =============================  ===========================================
    shown not to be 0     different but negligible       different if the mean passes the margin,
                                                         else undecided: its size is open
    not shown             equivalent                     undecided
    ====================  =============================  ===========================================
    """
    if mean is None:
        mean = low if low == high else (low + high) / 2  # an infinite difference has an interval of no width
    differs = (low > 0 or high < 0) and p_difference <= alpha
    inside = p_equivalence <= alpha
    if inside:
        return "different but negligible" if differs else "equivalent"
    return "different" if differs and abs(mean) >= margin else "undecided"


def _signs(n: int) -> Array:
    """Every pattern of n signs: (2^n, n)."""
    return 1.0 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
