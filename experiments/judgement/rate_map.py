"""Who has the lower loss along the learning rate: the difference at each rate, its crossing of 0, its sign either side.

For a linear model softmax at rate r is sigmoid at 2r, so softmax - sigmoid is L(2r) - L(r): below 0 where the loss
still falls with the rate, above 0 where it rises. With a trunk the same holds of the head's rate. Rates are therefore
counted from sigmoid's best one, in powers of two.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from experiments import tables
from experiments.judgement.pairs import Pairs, pair_up
from experiments.judgement.rates import CHOICE
from experiments.stats import ALPHA, QUANTITIES, allowance, corrected_t, corrected_t_p, holm

HEAD, BASELINE, QUANTITY = "softmax", "sigmoid", "nll"
# which rates make a side, in steps of two from the best one; registered in docs/protocol.md
NEAREST, FURTHEST = 2, 4
RESAMPLES = 1_000
_KEYS = ["task", "network", "optimizer"]
_SIDES = {"below": -1, "above": 1}  # and the sign that the law predicts there


def rate_map(sweep: pd.DataFrame, runs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables `rate_map`, a row a cell and rate, and `rate_law`, a row a cell.

    `sweep`, `runs`: the tables `learning_rates` and `learning_rates_runs` of binary tasks.
    A cell's best rate is sigmoid's: that of least validation NLL, mean over seeds; a rate at which a run ended in no
    number is the worst. `relative` is log2 of a rate over it. `rate_map` has the mean paired difference in test NLL at
    each rate with its interval (NaN where a difference is not finite). `rate_law` has where the mean curve crosses 0
    nearest to the best rate (`crossing`, in powers of two from it, with a bootstrap interval over seeds), and for
    either side the mean over its rates, their interval, and p corrected by Holm over all sides of all cells (`_p`).
    A side holds the rates that are `NEAREST` to `FURTHEST` steps from the best: nearer ones are where the crossing is,
    and further ones where nothing is learnt or nothing is left. `decided`: both sides are shown not to be 0;
    `predicted`: softmax is lower below and sigmoid above, NaN where it is not decided.
    """
    best = _best(sweep)
    pairs = pair_up(sweep[sweep["quantity"].isin([QUANTITY])], None, runs, BASELINE, heads=[HEAD])
    if pairs.table.empty:
        return pd.DataFrame(columns=tables.SCHEMAS["rate_map"]), pd.DataFrame(columns=tables.SCHEMAS["rate_law"])
    points, laws = [], []
    for cell, rates, d, ratio in _curves(pairs):
        relative = np.round(np.log2(rates / best[cell])).astype(int)
        names = dict(zip(_KEYS, cell, strict=True))
        points.append(_points(d, ratio).assign(**names, learning_rate=rates, relative=relative))
        laws.append({**names, "best_rate": best[cell], "n": d.shape[1], **_law(relative, d, ratio)})
    margin = QUANTITIES[QUANTITY].margin
    drawn = pd.concat(points, ignore_index=True).assign(
        head=HEAD, baseline=BASELINE, quantity=QUANTITY, margin=margin
    )
    law = pd.DataFrame(laws)
    p = law[[f"{side}_p" for side in _SIDES]]
    law[p.columns] = holm(p.to_numpy().ravel()).reshape(p.shape)
    signs = {side: np.sign(law[f"{side}_mean"]).where(law[f"{side}_p"] <= ALPHA, 0) for side in _SIDES}
    decided = np.logical_and.reduce([sign != 0 for sign in signs.values()])
    as_predicted = np.logical_and.reduce([signs[side] == sign for side, sign in _SIDES.items()])
    law = law.assign(decided=decided, predicted=pd.Series(as_predicted, dtype=object).where(decided))
    return tables.validate("rate_map", drawn), tables.validate("rate_law", law)


def _best(sweep: pd.DataFrame) -> dict[tuple[str, ...], float]:
    """Sigmoid's best rate of each cell."""
    rows = sweep[(sweep["quantity"] == CHOICE) & (sweep["split"] == "validation") & (sweep["head"] == BASELINE)]
    means = rows.groupby([*_KEYS, "learning_rate"], observed=True, sort=True)["value"].mean(skipna=False)
    means = means.where(np.isfinite(means), np.inf)
    return {cell: float(part.idxmin()[-1]) for cell, part in means.groupby(level=_KEYS, observed=True)}


def _curves(pairs: Pairs) -> Iterator[tuple[tuple[str, ...], np.ndarray, np.ndarray, float]]:
    """Each cell with its rates (rates,), its differences (rates, seeds), and its allowance for shared rows."""
    for cell, part in pairs.table.groupby(_KEYS, observed=True, sort=False):
        wide = part.pivot(index="learning_rate", columns="seed", values="difference").sort_index()
        yield cell, wide.index.to_numpy(float), wide.to_numpy(float), float(allowance(part["shared"].mean()))


def _points(d: np.ndarray, ratio: float) -> pd.DataFrame:
    low, high = corrected_t(d, ratio)
    with np.errstate(invalid="ignore"):
        return pd.DataFrame({"n": d.shape[1], "mean": d.mean(axis=1), "low": low, "high": high})


def _law(relative: np.ndarray, d: np.ndarray, ratio: float) -> dict[str, float]:
    """The crossing and the two sides of one cell: `relative` (rates,), `d` (rates, seeds)."""
    finite = np.isfinite(d).all(axis=1)
    at, low_end, high_end = _crossing(relative[finite], d[finite])
    found = {"crossing": at, "crossing_low": low_end, "crossing_high": high_end}
    for side, sign in _SIDES.items():
        away = sign * relative  # the law predicts the sign of the side itself: below 0 below, above 0 above
        rows = d[finite & (away >= NEAREST) & (away <= FURTHEST)]
        if not len(rows):
            found |= {f"{side}_{name}": np.nan for name in ("mean", "low", "high", "p")}
            continue
        mean = rows.mean(axis=0, keepdims=True)  # a seed's mean over the side's rates
        low, high = corrected_t(mean, ratio)
        found |= {f"{side}_mean": float(mean.mean()), f"{side}_low": float(low[0]), f"{side}_high": float(high[0]),
                  f"{side}_p": float(corrected_t_p(mean, ratio)[0])}  # fmt: skip
    return found


def _crossing(relative: np.ndarray, d: np.ndarray) -> tuple[float, float, float]:
    """Where the mean curve passes from below to above 0, nearest to the best rate, and its 95 % bootstrap interval."""
    rng = np.random.default_rng(0)
    at = _passes(relative, d.mean(axis=1))
    draws = rng.integers(0, d.shape[1], size=(RESAMPLES, d.shape[1]))
    resampled = np.array([_passes(relative, d[:, chosen].mean(axis=1)) for chosen in draws])
    known = resampled[np.isfinite(resampled)]
    if np.isnan(at) or len(known) < RESAMPLES / 2:
        return at, np.nan, np.nan
    low, high = np.quantile(known, [ALPHA / 2, 1 - ALPHA / 2])
    return at, float(low), float(high)


def _passes(relative: np.ndarray, mean: np.ndarray) -> float:
    """Linear interpolation between the two neighbouring rates whose means pass 0 upwards; NaN if none do."""
    up = np.flatnonzero((mean[:-1] < 0) & (mean[1:] >= 0)) if len(mean) > 1 else np.array([], int)
    if not len(up):
        return float("nan")
    at = relative[up] - mean[up] * (relative[up + 1] - relative[up]) / (mean[up + 1] - mean[up])
    return float(at[np.abs(at).argmin()])
