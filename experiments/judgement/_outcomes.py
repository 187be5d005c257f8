"""What comparisons show: the outcome of each, who is better, what is still possible, and what would decide it.

Claims, the report and `compare` all read it here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd

from experiments.stats import ALPHA, QUANTITIES, holm

ComparisonOutcome = Literal["larger", "different", "negligible", "equivalent", "undecided"]
OUTCOMES: tuple[str, ...] = get_args(ComparisonOutcome)
APART = ("larger", "different")  # shown not to be 0, and not shown to be inside the margin
INSIDE = ("negligible", "equivalent")  # shown to be inside the margin

SCORED = ("nll", "accuracy")  # the quantities by which a head wins
FRESH, THESE = "fresh rows", "these rows"  # what an interval answers for
ESTIMANDS = (FRESH, THESE)


def outcome(
    low: float,
    high: float,
    margin: float,
    p_difference: float,
    p_larger: float,
    p_equivalence: float,
    *,
    mean: float | None = None,
    alpha: float = ALPHA,
) -> ComparisonOutcome:
    """What one comparison shows, from its interval, its margin and its three corrected p.

    `low`, `high`: the interval of the mean difference; `mean` is its middle unless it is given. `p_difference`: of "no
    difference"; `p_larger`: of "no difference beyond the margin"; `p_equivalence`: of "a difference of at least the
    margin"; each corrected over the family.

    ======================  =====================  ==================================================
    .                       shown to be inside     not shown to be inside
    ======================  =====================  ==================================================
    sign shown              negligible             larger if the whole interval is beyond the margin
                                                   and `p_larger` agrees, else different
    sign not shown          equivalent             undecided
    ======================  =====================  ==================================================

    A mean outside the margin is never inside it, whatever an earlier look has shown.
    """
    if mean is None:
        mean = low if low == high else (low + high) / 2  # an infinite difference has an interval of no width
    differs = (low > 0 or high < 0) and p_difference <= alpha
    if p_equivalence <= alpha and abs(mean) < margin:
        return "negligible" if differs else "equivalent"
    if not differs:
        return "undecided"
    beyond = low >= margin or high <= -margin
    return "larger" if beyond and p_larger <= alpha else "different"


def better(rows: pd.DataFrame) -> np.ndarray:
    """Which side is shown to be better in each row, (rows,): +1 the arm, -1 its baseline, 0 neither.

    What is shown to be inside the margin is nobody's advantage, and neither is a quantity of which more is not better.
    """
    side = rows["quantity"].map({q.name: q.better for q in QUANTITIES.values()}).fillna(0).to_numpy(float)
    sign = np.sign(rows["mean"].to_numpy(float))
    return np.where(rows["outcome"].isin(APART).to_numpy(bool), side * sign, 0).astype(int)


def wins(rows: pd.DataFrame) -> tuple[int, int]:
    """In how many rows the arm, and in how many its baseline, is shown to be better, not by less than the margin."""
    sides = better(rows)
    return int((sides == 1).sum()), int((sides == -1).sum())


class Score(NamedTuple):
    """In how many rows the arm or its baseline is shown to be better, neither is, and in how many that is open."""

    arm: int
    baseline: int
    tie: int
    undecided: int


def score(rows: pd.DataFrame) -> Score:
    """Who wins `rows`, each of which counts once."""
    (arm, baseline), undecided = wins(rows), int((rows["outcome"] == "undecided").sum())
    return Score(arm=arm, baseline=baseline, tie=len(rows) - arm - baseline - undecided, undecided=undecided)


def scored(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the quantities by which a head wins."""
    return rows.loc[rows["quantity"].isin(SCORED)]


def bound(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """How far from 0 a difference still may be, either way: the end of its interval that is further out, (rows,)."""
    return np.fmax(np.abs(low), np.abs(high))


def counts(differences: pd.DataFrame, by: Sequence[str] = ("head", "baseline", "quantity")) -> pd.DataFrame:
    """How many rows came to each outcome: a row a group of `by`, a column an outcome, and `n_cells`."""
    counted = differences.groupby([*by, "outcome"], sort=False, observed=True).size().unstack(fill_value=0)
    counted = counted.reindex(columns=list(OUTCOMES), fill_value=0).rename_axis(columns=None)
    return counted.assign(n_cells=counted.sum(axis=1)).reset_index()


@dataclass(frozen=True, kw_only=True)
class Missing:
    """What would decide the undecided ones of some comparisons.

    `n`: how many are undecided. `by_seeds` of them would be decided by `seeds` seeds on rows as they are, `by_rows` of
    the others by `fresh_seeds` seeds with rows of their own, and `never` by nothing that can be foreseen.
    `bound`: the furthest that any of them may be from 0, in margins.
    """

    n: int
    by_seeds: int
    seeds: int
    by_rows: int
    fresh_seeds: int
    never: int
    bound: float


def missing(rows: pd.DataFrame) -> Missing | None:
    """What would decide the undecided ones of `rows`; None where there are none."""
    still = rows[rows["outcome"] == "undecided"]
    if still.empty:
        return None
    seeds, fresh = (still[name].to_numpy(float) for name in ("seeds_needed", "fresh_seeds_needed"))
    by_seeds = np.isfinite(seeds)
    by_rows = ~by_seeds & np.isfinite(fresh)
    return Missing(
        n=len(still),
        by_seeds=int(by_seeds.sum()),
        seeds=int(seeds[by_seeds].max(initial=0)),
        by_rows=int(by_rows.sum()),
        fresh_seeds=int(fresh[by_rows].max(initial=0)),
        never=int((~by_seeds & ~by_rows).sum()),
        bound=float((still["bound"] / still["margin"]).max()),
    )


def cells_apart(
    rows: pd.DataFrame, cell: Sequence[str], alpha: float = ALPHA, *, beyond: bool = False
) -> pd.Series:
    """Whether each cell differs in at least one of its quantities, corrected for all quantities and all cells together.

    `rows`: comparisons of one arm and one estimand. Each cell's least p of "no difference" (with `beyond`, of "no
    difference beyond the margin") is multiplied by the number of its quantities (Bonferroni), and Holm's steps run over
    the cells: the chance that any cell is called so by mistake is at most `alpha`. Returns booleans, indexed by `cell`.
    """
    p = np.fmax(rows["p"], rows["p_larger" if beyond else "p_t"])
    p = p.groupby([rows[name] for name in cell], sort=False, observed=True)
    least = np.minimum(p.min() * p.size(), 1.0)
    return pd.Series(holm(least.to_numpy()) <= alpha, index=least.index)
