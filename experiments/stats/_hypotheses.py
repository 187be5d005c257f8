"""Tests of paired differences: every function takes a matrix, a row a comparison, a column a seed."""

from __future__ import annotations

import numpy as np
from scipy import stats

from experiments.stats._intervals import Ratio, standard_error
from experiments.stats.margins import ALPHA

Array = np.ndarray

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


def corrected_t_p(differences: Array, ratio: Ratio) -> Array:
    """Two-sided p of a zero mean from the corrected t: (rows, n) to (rows,). 1 where n is 1."""
    n = differences.shape[1]
    if n == 1:
        return np.ones(len(differences))
    return 2 * stats.t.sf(np.abs(standardised(differences.mean(axis=1), standard_error(differences, ratio))), n - 1)


def tost_p(differences: Array, margin: Array, ratio: Ratio) -> Array:
    """The p of two one-sided tests that the mean lies inside (-margin, margin), with the corrected variance.

    `differences`: (rows, n); `margin`: (rows,), or (rows, n) where it is estimated from the same seeds.
    1 where n is 1 or the margin is NaN.
    Source: Schuirmann 1987; `statsmodels.stats.weightstats.ttost_paired` when `ratio` is 0.
    """
    p = np.maximum(*_against(differences, margin, ratio))
    return np.where(np.isnan(p), 1.0, p)


def larger_p(differences: Array, margin: Array, ratio: Ratio) -> Array:
    """Two-sided p that the mean lies no further from 0 than the margin; arguments and sources as in `tost_p`."""
    p = np.minimum(1.0, 2 * (1 - np.maximum(*_against(differences, margin, ratio))))
    return np.where(np.isnan(p), 1.0, p)


def _against(differences: Array, margin: Array, ratio: Ratio) -> tuple[Array, Array]:
    """One-sided p of "the mean is at least the margin" and of "the mean is at most minus the margin": (rows,) each.

    NaN where n is 1 or the margin is NaN.
    """
    n = differences.shape[1]
    if n == 1:
        return np.full(len(differences), np.nan), np.full(len(differences), np.nan)
    margin = np.asarray(margin, dtype=float)
    margin = np.broadcast_to(margin[:, None] if margin.ndim == 1 else margin, differences.shape)
    p_values = []
    for sign in (1.0, -1.0):
        gap = margin - sign * differences  # its mean is above 0 where the mean is inside on this side
        mean, se = gap.mean(axis=1), standard_error(gap, ratio)
        p = stats.t.sf(standardised(mean, se), n - 1)
        # all differences 0 under a margin of 0: no difference at all
        p_values.append(np.where((se == 0) & (mean == 0), 0.0, p))
    return p_values[0], p_values[1]


def zeros_bound(n: int, reach: Array, alpha: float = ALPHA) -> Array:
    """How far from 0 the mean of a quantity that counts rows may be if n differences were all exactly 0: (rows,).

    With confidence 1 - `alpha` a difference that is not 0 is as rare as q = 1 - alpha^(1/n), about 3/n (the rule of
    three); one that occurs is taken to be at most `reach`, (rows,). So the mean is within q times that.
    Source: Hanley & Lippman-Hand 1983, "If nothing goes wrong, is everything all right?".
    """
    return (1 - alpha ** (1 / n)) * reach


def zeros_p(n: int, margin: Array, reach: Array) -> Array:
    """The p of "the mean is at least the margin" where n differences were all exactly 0: (rows,).

    The mean can be at the margin only if a share margin / reach of the differences is not 0, and then n of them are
    all 0 with the probability (1 - margin / reach)^n. See `zeros_bound`.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(margin / reach, 0.0, 1.0)
    return np.where(np.isnan(share), 1.0, (1 - share) ** n)


def zeros_needed(n: int | Array, bound: Array, margin: Array, level: Array) -> Array:
    """How many differences that are all exactly 0 it takes for `zeros_p` to be at most `level`: (rows,).

    `bound`: what `zeros_bound` says of the n there are, which tells the reach.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(margin * (1 - ALPHA ** (1 / np.asarray(n, dtype=float))) / bound, 0.0, 1.0)
        return np.maximum(np.ceil(np.log(level) / np.log1p(-share)), 1.0)


def standardised(mean: Array, scale: Array) -> Array:
    """Return mean / scale, where 0 / 0 is 0: (rows,). With the standard deviation as scale, d_z."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = mean / scale
    return np.where((scale == 0) & (mean == 0), 0.0, ratio)


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


def _signs(n: int) -> Array:
    """Every pattern of n signs: (2^n, n)."""
    return 1.0 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
