"""Who has the lower loss along the learning rate: the difference at each rate, its crossing of 0, its sign either side.

For a linear model softmax at rate r is sigmoid at 2r, so softmax - sigmoid is L(2r) - L(r): below 0 where the loss
still falls with the rate, above 0 where it rises. With a trunk the same holds of the head's rate. Rates are therefore
counted from sigmoid's best one, in powers of two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from experiments import tables
from experiments.judgement._differences import correct, differences
from experiments.judgement._outcomes import ESTIMANDS
from experiments.judgement._pairs import CELL, Pairs, pair_up, samples_of
from experiments.judgement._rates import CHOICE
from experiments.stats import ALPHA, QUANTITIES, clusters, corrected_t, draws

HEAD, BASELINE, QUANTITY = "softmax", "sigmoid", "nll"
# which rates make a side, in steps of two from the best one; registered in docs/protocol.md
NEAREST_RATE, FURTHEST_RATE = 1, 2
SIDES = {"below": -1, "above": 1}  # and the sign that the law predicts there
RESAMPLES = 1_000
_KEYS = ["framework", "task", "network", "optimizer"]
_AT = 0.0  # stands for the rates of a side where a rate is a key; no rate is 0


def rate_map(
    sweep: pd.DataFrame, runs: pd.DataFrame, by_side: Mapping[str, Pairs] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables `rate_map`, a row a cell and rate, and `rate_law`, a row a cell and estimand.

    `sweep`, `runs`: the tables `learning_rates` and `learning_rates_runs` of binary tasks. `by_side`: their
    `side_pairs`, where these are at hand.
    `relative` is log2 of a rate over the cell's best one, see `best_rate`. `rate_map` has the mean paired difference in
    test NLL at each rate with its interval for fresh rows (NaN where a difference is not finite). `rate_law` has where
    the mean curve passes 0 upwards nearest to the best rate (`crossing`, in powers of two from it, with a bootstrap
    interval over seeds), and either side's mean, interval and p (see `sides`). `decided`: both sides are shown not to
    be 0; `predicted`: softmax is lower below and sigmoid above, NaN where it is not decided.
    """
    best = best_rate(sweep)
    pairs = _pairs(sweep, runs)
    if pairs.table.empty:
        return pd.DataFrame(columns=tables.SCHEMAS["rate_map"]), pd.DataFrame(columns=tables.SCHEMAS["rate_law"])
    evidence_by_side = sides(by_side or side_pairs(sweep, runs)).set_index([*_KEYS, "estimand", "at"])
    points, laws = [], []
    for cell, rates, d, samples, shared in _curves(pairs):
        names = dict(zip(_KEYS, cell, strict=True))
        relative = _relative(rates, best[cell])
        points.append(_points(d, samples, shared).assign(**names, learning_rate=rates, relative=relative))
        passed = _crossing(relative, d, samples)
        crossing = dict(zip(("crossing", "crossing_low", "crossing_high"), passed, strict=True))
        for estimand in ESTIMANDS:
            evidence = {
                side: evidence_by_side.loc[key] if (key := (*cell, estimand, side)) in evidence_by_side.index else None
                for side in SIDES
            }
            laws.append({**names, "estimand": estimand, "best_rate": best[cell], "n": d.shape[1], **crossing,
                         **_law(evidence)})  # fmt: skip
    curves = pd.concat(points, ignore_index=True)
    curves = curves.assign(head=HEAD, baseline=BASELINE, quantity=QUANTITY, margin=QUANTITIES[QUANTITY].margin)
    return tables.validate("rate_map", curves), tables.validate("rate_law", pd.DataFrame(laws))


def best_rate(sweep: pd.DataFrame) -> dict[tuple[str, ...], float]:
    """Sigmoid's best rate of each cell: of least validation NLL, mean over seeds.

    A rate at which a run ended in no number is the worst.
    """
    rows = sweep[(sweep["quantity"] == CHOICE) & (sweep["split"] == "validation") & (sweep["head"] == BASELINE)]
    means = rows.groupby([*_KEYS, "learning_rate"], observed=True, sort=True)["value"].mean(skipna=False)
    means = means.where(np.isfinite(means), np.inf)
    return {cell: float(part.idxmin()[-1]) for cell, part in means.groupby(level=_KEYS, observed=True)}


def side_pairs(sweep: pd.DataFrame, runs: pd.DataFrame) -> dict[str, Pairs]:
    """Softmax and sigmoid on either side of sigmoid's best rate: each seed's mean test NLL over the side's rates.

    A side holds the rates that are `NEAREST_RATE` to `FURTHEST_RATE` steps of two from the best one: further above it
    training breaks down now and then, and the mean says more of that than of the heads. Rates at which a seed of
    either head ended in no number are left out.
    """
    best = best_rate(sweep)
    pairs = _pairs(sweep, runs)
    table = pairs.table
    rates = table["learning_rate"].to_numpy(float)
    middle = np.array([best[cell] for cell in table[_KEYS].itertuples(index=False, name=None)], dtype=float)
    relative = _relative(rates, middle)
    lost = ~np.isfinite(table[["value", "baseline_value"]]).all(axis=1)
    lost = lost.groupby([table[key] for key in CELL], observed=True).transform("any").to_numpy(bool)
    by_side = {}
    for side, sign in SIDES.items():
        mine = table[(sign * relative >= NEAREST_RATE) & (sign * relative <= FURTHEST_RATE) & ~lost]
        keys = ["head", *_KEYS, "quantity", "split", "seed"]
        by_seed = mine.groupby(keys, as_index=False, observed=True)
        means = by_seed[["value", "baseline_value", "difference", "sample", "shared", "reach"]].mean()
        by_side[side] = Pairs(table=means.assign(learning_rate=_AT), baseline=BASELINE)
    return by_side


def sides(by_side: Mapping[str, Pairs]) -> pd.DataFrame:
    """`differences` of either side, `at` = "below" and "above": both sides of all cells are one family."""
    parts = [differences(pairs, at=side) for side, pairs in by_side.items()]
    return correct(pd.concat([part for part in parts if len(part)] or parts, ignore_index=True))


def _pairs(sweep: pd.DataFrame, runs: pd.DataFrame) -> Pairs:
    return pair_up(sweep[sweep["quantity"] == QUANTITY], None, runs, BASELINE, heads=[HEAD])


def _relative(rates: np.ndarray, best: np.ndarray | float) -> np.ndarray:
    return np.round(np.log2(rates / best)).astype(int)


def _curves(pairs: Pairs) -> Iterator[tuple[tuple[str, ...], np.ndarray, np.ndarray, np.ndarray, float]]:
    """Each cell with its rates (rates,), its differences (rates, seeds), its seeds' samples and the rows they share."""
    for cell, part in pairs.table.groupby(_KEYS, observed=True, sort=False):
        wide = part.pivot(index="learning_rate", columns="seed", values="difference").sort_index()
        samples, shared = samples_of(part, wide.columns), float(part["shared"].mean())
        yield cell, wide.index.to_numpy(float), wide.to_numpy(float), samples, shared


def _points(d: np.ndarray, samples: np.ndarray, shared: float) -> pd.DataFrame:
    low, high = corrected_t(d, clusters(d, samples, shared).fresh)
    with np.errstate(invalid="ignore"):
        return pd.DataFrame({"n": d.shape[1], "mean": d.mean(axis=1), "low": low, "high": high})


def _law(by_side: dict[str, pd.Series | None]) -> dict[str, object]:
    """Give both sides of one cell and estimand, and whether they decide the law."""
    law: dict[str, object] = {}
    signs = []
    for side, row in by_side.items():
        law |= {f"{side}_{name}": np.nan if row is None else row[name] for name in ("mean", "low", "high")}
        law[f"{side}_p"] = 1.0 if row is None else row["p_holm"]
        significant = row is not None and row["p_holm"] <= ALPHA and row["low"] * row["high"] > 0
        signs.append(int(np.sign(row["mean"])) if row is not None and significant else 0)
    decided = all(signs)
    return law | {"decided": decided, "predicted": signs == list(SIDES.values()) if decided else None}


def _crossing(relative: np.ndarray, d: np.ndarray, samples: np.ndarray) -> tuple[float, float, float]:
    """Where the mean curve passes 0 upwards, nearest to the best rate, and its 95 % bootstrap interval over samples."""
    finite = np.isfinite(d).all(axis=1)
    relative, d = relative[finite], d[finite]
    rng = np.random.default_rng(0)
    (at,) = _passes(relative, d.mean(axis=1, keepdims=True)).tolist()
    chosen = draws(samples, RESAMPLES, rng)
    resampled = _passes(relative, d[:, chosen].mean(axis=2))
    crossings = resampled[np.isfinite(resampled)]
    if np.isnan(at) or len(crossings) < RESAMPLES / 2:
        return at, np.nan, np.nan
    low, high = np.quantile(crossings, [ALPHA / 2, 1 - ALPHA / 2])
    return at, float(low), float(high)


def _passes(relative: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Where each curve passes 0 upwards, nearest to 0, by linear interpolation between two rates: (curves,).

    `relative`: (rates,); `means`: (rates, curves). NaN of a curve that never does.
    """
    if len(means) < 2:
        return np.full(means.shape[1], np.nan)
    low, high = means[:-1], means[1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        at = relative[:-1, None] - low * np.diff(relative)[:, None] / (high - low)
    at = np.where((low < 0) & (high >= 0), at, np.inf)
    nearest = np.take_along_axis(at, np.abs(at).argmin(axis=0)[None], axis=0)[0]
    return np.where(np.isinf(nearest), np.nan, nearest)
