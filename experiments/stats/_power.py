"""What this many seeds could have shown, and how many would be needed."""

from __future__ import annotations

import functools

import numpy as np
from scipy import optimize
from statsmodels.stats.power import ttest_power

from experiments.stats.margins import ALPHA, POWER

Array = np.ndarray

MOST_SEEDS = 100_000  # more than this is reported as "no number of seeds"


@functools.lru_cache(maxsize=256)
def detectable_errors(n: int, alpha: float = ALPHA, power: float = POWER) -> float:
    """The smallest mean, in standard errors of it, that n seeds show with this power; NaN where n is 1."""
    if n < 2:
        return float("nan")

    def lacking(errors: float) -> float:
        return float(_power(errors / np.sqrt(n), n, 0.0, alpha)) - power

    return float(optimize.brentq(lacking, 0.0, 1e4))


def seeds_needed(
    mean: Array,
    sd: Array,
    margin: Array,
    ratio: Array | float,
    alpha: Array | float = ALPHA,
    power: float = POWER,
) -> Array:
    """Seeds at which a comparison would probably be decided, if its mean and standard deviation stay as they are.

    All arguments (rows,). Decided is a mean that is shown not to be 0 (for which the sign flips alone take
    `least_seeds`), or to be inside the margin, whichever takes fewer seeds. `inf` where no number of seeds suffices:
    then it takes more rows, not more runs.
    """
    mean, sd, margin = (np.asarray(a, dtype=float) for a in (mean, sd, margin))
    alpha = np.broadcast_to(np.asarray(alpha, dtype=float), mean.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        sign = _least(np.abs(mean) / sd, ratio, alpha, power)
        inside = _least(np.maximum(margin - np.abs(mean), 0.0) / sd, ratio, 2 * alpha, power)  # one-sided
    return np.fmin(np.maximum(sign, least_seeds(alpha)), inside)


def _least(effect: Array, ratio: Array | float, alpha: Array, power: float) -> Array:
    """The fewest seeds whose two-sided test has the power, by bisection; `inf` where `MOST_SEEDS` do not suffice."""
    fewest = np.full(effect.shape, np.inf)
    possible = _power(effect, MOST_SEEDS, ratio, alpha) >= power
    effect, alpha = effect[possible], alpha[possible]
    ratio = np.broadcast_to(ratio, possible.shape)[possible]
    low, high = np.full(effect.shape, 1), np.full(effect.shape, MOST_SEEDS)
    while (high - low > 1).any():
        middle = np.maximum((low + high) // 2, 2)
        reached = _power(effect, middle, ratio, alpha) >= power
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    fewest[possible] = high
    return fewest


def least_seeds(alpha: Array | float) -> Array:
    """The fewest seeds whose sign flips can reach the level alpha: n seeds give no p below 2 / 2^n."""
    return np.ceil(1 - np.log2(alpha))


def _power(effect: Array | float, n: Array | int, ratio: Array | float, alpha: Array | float) -> Array:
    """Power of the two-sided corrected t: an ordinary t with fewer seeds in the mean than in the variance."""
    n = np.asarray(n, dtype=float)
    independent = 1 / (1 / n + ratio)
    with np.errstate(all="ignore"):  # the far tail, which would reject on the wrong side, is left out
        power = ttest_power(effect, independent, np.asarray(alpha) / 2, df=n - 1, alternative="larger")
    # SciPy's noncentral t is NaN only where the effect is many times the critical value: there the power is 1
    return np.where(np.isnan(power) & ~np.isnan(effect), 1.0, power)
