"""Learning rates: each arm at its own best, chosen on validation rows, and the shift that aligns two arms' curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator

from experiments import tables
from experiments.judgement._differences import differences
from experiments.judgement._pairs import Pairs, pair_up
from experiments.records import UserError
from experiments.stats import ALPHA

Array = np.ndarray

CHOICE = "nll"  # what an arm's best rate is chosen by, on the validation rows
FURTHEST = 3  # grid steps that a curve may be shifted by
_FINE = 0.05  # grid steps between two shifts that are tried
_BEST = 0.0  # stands for "its own best" where a rate is a key; no rate is 0
_KEYS = ["framework", "task", "network", "optimizer"]
SHIFTS = [
    *_KEYS, "head", "baseline", "quantity", "rates", "shift", "shift_fine", "low", "high", "misfit",
    "misfit_unshifted",
]  # fmt: skip


def best_rates(sweep: pd.DataFrame) -> pd.DataFrame:
    """Each run's best rate: least validation NLL, a row a (task, network, optimizer, head, seed).

    Chosen within each seed, so that no test row of any seed has a say: other seeds' validation rows are this
    seed's test rows. A value that is not finite is the worst; among equals the smallest rate wins.
    `at_edge`: the best is the first or last of the grid, so a better one may lie outside.
    """
    rows = sweep[(sweep["quantity"] == CHOICE) & (sweep["split"] == "validation")]
    rows = rows.assign(value=rows["value"].where(np.isfinite(rows["value"]), np.inf))
    keys = [*_KEYS, "head", "seed"]
    best = rows.sort_values([*keys, "value", "learning_rate"], kind="stable").drop_duplicates(keys)
    grid = rows.groupby(_KEYS)["learning_rate"].agg(["min", "max"]).reset_index()
    best = best[[*keys, "learning_rate"]].merge(grid, on=_KEYS)
    edge = (best["learning_rate"] == best["min"]) | (best["learning_rate"] == best["max"])
    return best.assign(at_edge=edge).drop(columns=["min", "max"])


def at_best(
    sweep: pd.DataFrame, runs: pd.DataFrame, baseline: str = "sigmoid", *, heads: Sequence[str] | None = None
) -> Pairs:
    """The pairs of each arm and the baseline, each seed of either at its own best rate; their rate stands as 0."""
    keys = [*_KEYS, "head", "seed", "learning_rate"]
    chosen = best_rates(sweep)[keys]
    at = [table.merge(chosen, on=keys).assign(learning_rate=_BEST) for table in (sweep, runs)]
    return pair_up(at[0], None, at[1], baseline, heads=heads)


def gaps(
    sweep: pd.DataFrame,
    runs: pd.DataFrame,
    baseline: str = "sigmoid",
    *,
    heads: Sequence[str] | None = None,
    best_pairs: Pairs | None = None,
) -> pd.DataFrame:
    """Paired differences at each rate (`at` = "rate") and at each arm's own best (`at` = "best").

    `sweep`: the table `learning_rates`. `best_pairs`: what `at_best` makes of the rest, where that is at hand. The
    columns of `differences` and, at the best, `best_rate` and `baseline_best_rate` (geometric means over seeds) and
    `at_edge`, the share of choices on the grid's edge. The two kinds of row are families of their own.
    """
    at_rates = differences(pair_up(sweep, None, runs, baseline, heads=heads), at="rate")
    best_pairs = best_pairs or at_best(sweep, runs, baseline, heads=heads)
    best = differences(best_pairs, at="best").assign(learning_rate=np.nan)
    chosen = best_rates(sweep)
    means = (
        chosen.assign(log=np.log2(chosen["learning_rate"]))
        .groupby([*_KEYS, "head"], as_index=False, observed=True)
        .agg(log=("log", "mean"), at_edge=("at_edge", "mean"))
    )
    means = means.assign(best_rate=2.0 ** means["log"]).drop(columns="log")
    theirs = means[means["head"] == baseline].drop(columns="head")
    theirs = theirs.rename(columns={"best_rate": "baseline_best_rate", "at_edge": "baseline_at_edge"})
    best = best.merge(means, on=[*_KEYS, "head"], how="left").merge(theirs, on=_KEYS, how="left")
    best = best.assign(at_edge=np.fmax(best["at_edge"], best["baseline_at_edge"]))
    both = pd.concat([at_rates, best.drop(columns="baseline_at_edge")], ignore_index=True)
    return tables.validate("rate_gaps", both)


def shifts(
    sweep: pd.DataFrame,
    baseline: str = "sigmoid",
    *,
    heads: Sequence[str] | None = None,
    quantity: str = "nll",
    split: str = "test",
    resamples: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """The grid steps by which the baseline's curve over log2 rate must be moved to fit each arm's.

    A shift of +1 says: this arm at rate r behaves as the baseline at 2r, as theory says of softmax on a linear
    model. `shift` is the best whole step, `shift_fine` the best of a finer grid (monotone cubic between the
    rates), `low` and `high` its bootstrap interval over seeds. `misfit` is the root mean square gap of the log
    curves at `shift`, `misfit_unshifted` at 0. Rates at which half of the seeds or more are not finite, and all
    above them, are left out; an arm with fewer than three rates left has NaN.
    """
    rows = sweep[(sweep["quantity"] == quantity) & (sweep["split"] == split)]
    rng = np.random.default_rng(seed)
    fits = []
    for cell, part in rows.groupby(_KEYS, sort=False):
        grid = _grid(part)
        with np.errstate(divide="ignore", invalid="ignore"):
            curves = {
                str(head): np.log(
                    arm.pivot(index="seed", columns="learning_rate", values="value").reindex(columns=grid).to_numpy()
                )
                for head, arm in part.groupby("head", sort=False)
            }
        for head, curve in curves.items():
            if head == baseline or baseline not in curves or (heads is not None and head not in heads):
                continue
            draws = rng.integers(0, len(curve), size=(resamples, len(curve)))
            shift = _align(curve, curves[baseline], draws)
            fits.append(
                {
                    **dict(zip(_KEYS, cell, strict=True)),
                    "head": head,
                    "baseline": baseline,
                    "quantity": quantity,
                    **shift,
                }
            )
    return pd.DataFrame(fits, columns=SHIFTS)


def _grid(part: pd.DataFrame) -> list[float]:
    grid = sorted(part["learning_rate"].unique())
    if len(grid) > 1 and not np.allclose(np.diff(np.log2(grid)), 1.0):
        raise UserError(
            f"The learning rates {', '.join(f'{rate:g}' for rate in grid)} are not each twice the one before; "
            "a shift in grid steps needs powers of two."
        )
    return grid


def _align(arm: Array, baseline: Array, draws: Array) -> dict[str, float]:
    """`arm`, `baseline`: (seeds, rates), log values of the same seeds. `draws`: (resamples, seeds)."""
    usable = (np.isfinite(arm).mean(axis=0) > 0.5) & (np.isfinite(baseline).mean(axis=0) > 0.5)
    rates = int(np.argmin(usable)) if not usable.all() else len(usable)
    if rates < 3:
        names = ("shift", "shift_fine", "low", "high", "misfit", "misfit_unshifted")
        return {"rates": rates, **dict.fromkeys(names, float("nan"))}
    arm, baseline = (np.where(np.isfinite(a), a, np.nan)[:, :rates] for a in (arm, baseline))
    reach = min(FURTHEST, (rates - 1) // 2)
    whole = np.arange(-reach, reach + 1.0)
    fine = np.round(np.arange(-reach, reach + _FINE / 2, _FINE), 9)
    mean, reference = np.nanmean(arm, axis=0)[None], np.nanmean(baseline, axis=0)[None]
    at_whole = _misfit(mean, reference, whole)[0]
    shift = whole[np.argmin(at_whole)]
    # a resample may hold no finite seed at some rate: such a resample has no say
    resampled_arm, resampled_reference = _means(arm, draws), _means(baseline, draws)
    finite = np.isfinite(resampled_arm).all(axis=1) & np.isfinite(resampled_reference).all(axis=1)
    resampled = fine[np.argmin(_misfit(resampled_arm[finite], resampled_reference[finite], fine), axis=1)]
    low, high = np.quantile(resampled, [ALPHA / 2, 1 - ALPHA / 2])
    return {
        "rates": rates,
        "shift": float(shift),
        "shift_fine": float(fine[np.argmin(_misfit(mean, reference, fine)[0])]),
        "low": float(low),
        "high": float(high),
        "misfit": float(np.sqrt(at_whole.min())),
        "misfit_unshifted": float(np.sqrt(at_whole[whole == 0][0])),
    }


def _means(values: Array, draws: Array) -> Array:
    """Mean over the finite seeds of each draw: (resamples, rates), NaN where there is none."""
    weights = np.apply_along_axis(np.bincount, 1, draws, minlength=len(values)).astype(float)
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return weights @ np.where(finite, values, 0.0) / (weights @ finite)


def _misfit(arm: Array, baseline: Array, steps: Array) -> Array:
    """Mean square gap between arm(k) and baseline(k + step), over the rates where both exist: (rows, steps)."""
    rates = arm.shape[1]
    between = PchipInterpolator(np.arange(rates), baseline, axis=1, extrapolate=False)
    positions = np.arange(rates) + steps[:, None]
    gap = between(positions.ravel()).reshape(len(arm), len(steps), rates) - arm[:, None, :]
    return np.nanmean(gap**2, axis=2)
