"""Intervals for the mean of paired differences: every function takes a matrix, a row a comparison, a column a seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from experiments.stats.margins import ALPHA

Array = np.ndarray
Ratio = float | np.ndarray  # the allowance for shared rows: one for all comparisons, or (rows,)

RESAMPLES = 2_000
_CHUNK = 500  # rows that SciPy resamples at once: bounds the memory to about 100 MB


def standard_error(differences: Array, ratio: Ratio) -> Array:
    """Standard error of the mean over seeds whose splits share rows.

    `differences`: (rows, n). `ratio`: test rows a training row, see `margins.allowance`; 0 gives the ordinary one.
    NaN where n is 1. Source: Nadeau & Bengio 2003, "Inference for the generalization error", section 3:
    the ordinary 1/n becomes 1/n + ratio, since runs whose training rows overlap are no independent draws.
    """
    n = differences.shape[1]
    return _sd(differences) * np.sqrt(1 / n + ratio)


def corrected_t(differences: Array, ratio: Ratio, confidence: float = 1 - ALPHA) -> tuple[Array, Array]:
    """The t interval with the Nadeau-Bengio standard error: (low, high), each (rows,).

    It answers for fresh rows of the same kind. NaN where n is 1, or where a difference is not finite.
    """
    n = differences.shape[1]
    reach = stats.t.isf((1 - confidence) / 2, n - 1) * standard_error(differences, ratio) if n > 1 else np.nan
    with np.errstate(invalid="ignore"):
        mean = differences.mean(axis=1)
        return mean - reach, mean + reach


def bca(
    differences: Array,
    ratio: Ratio = 0.0,
    *,
    confidence: float = 1 - ALPHA,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[Array, Array]:
    """The bias-corrected and accelerated bootstrap interval of the mean over seeds: (low, high), each (rows,).

    It answers for more seeds on these very rows: no correction for overlap is in it, but for seeds that have the same
    split, by `ratio`, see `clusters.Clusters.these`: deviations from the mean are widened by sqrt(1 + n ratio).
    The level is widened for small n, without which the interval of 20 normal differences covers 93 %.
    A row whose differences are all equal has an interval of no width. NaN where n is below 3: two values have no
    distribution to draw from.
    Sources: Efron 1987 through `scipy.stats.bootstrap`; Hesterberg 2015, "What teachers should know about the
    bootstrap", section 5.3 (expanded levels).
    """
    rows, n = differences.shape
    low = np.full(rows, np.nan)
    high = np.full(rows, np.nan)
    if n < 3:
        return low, high
    mean = differences.mean(axis=1, keepdims=True)
    differences = mean + (differences - mean) * np.sqrt(1 + n * np.broadcast_to(ratio, rows))[:, None]
    size = np.abs(differences).max(axis=1)
    constant = np.ptp(differences, axis=1) <= 1e-12 * size  # equal but for rounding
    low[constant] = high[constant] = differences[constant].mean(axis=1)
    widened = 1 - 2 * stats.norm.sf(np.sqrt(n / (n - 1)) * stats.t.isf((1 - confidence) / 2, n - 1))
    varied = np.flatnonzero(~constant)
    for start in range(0, len(varied), _CHUNK):
        chosen = varied[start : start + _CHUNK]
        scaled = differences[chosen] / size[chosen, None]  # a difference may be as small as rounding is
        ends = bca_of(np.mean, scaled, confidence=widened, resamples=resamples, batch=100, seed=seed)
        low[chosen], high[chosen] = (end * size[chosen] for end in ends)
    return low, high


def bca_of(
    statistic: Callable[..., Array], *samples: Array, confidence: float, resamples: int, batch: int, seed: int
) -> tuple[Array, Array]:
    """The BCa interval of a statistic along the seeds of `samples`, (rows, seeds) each: (low, high), each (rows,).

    `statistic`: takes the samples and an `axis`. `batch`: how many resamples are drawn at once; another number draws
    others where there are several samples.
    """
    interval = stats.bootstrap(
        samples,
        statistic,
        axis=1,
        vectorized=True,
        method="BCa",
        confidence_level=confidence,
        n_resamples=resamples,
        batch=batch,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return interval.low, interval.high


def share_interval(shares: Array, reach: float = 1.0, confidence: float = 1 - ALPHA) -> tuple[float, float]:
    """The interval of the mean of the seeds' own shares, (n,), within [0, 1]: (low, high). NaN where n is 1.

    The t interval over seeds. Where all shares are 0 there is no spread to speak of, but one that is not may be as rare
    as 1 - (1 - confidence)^(1/n), about 3/n, and as large as `reach`.
    """
    shares = np.asarray(shares, dtype=float)
    n = len(shares)
    if n < 2:
        return float("nan"), float("nan")
    if not shares.any():
        return 0.0, float((1 - (1 - confidence) ** (1 / n)) * reach)
    low, high = corrected_t(shares[None], 0.0, confidence)
    return float(max(low[0], 0.0)), float(min(high[0], 1.0))


def _sd(differences: Array) -> Array:
    if differences.shape[1] == 1:
        return np.full(len(differences), np.nan)
    with np.errstate(invalid="ignore"):  # NaN where a difference is not finite
        return differences.std(axis=1, ddof=1)
