"""From each comparison's own p to what a whole family of comparisons shows, with at most 5 % error in it.

Two ways: `FixedFamily`, where all seeds are done and each family is judged once, and `Sequential`, where the results
are looked at again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pandas as pd
from scipy import stats as scipy_stats

from experiments.judgement._outcomes import outcome
from experiments.judgement._sequential import Design
from experiments.stats import ALPHA, detectable_errors, holm, least_seeds, seeds_needed, zeros_needed

_KEYS = ["head", "quantity", "estimand"]
_TESTS = {"p": "p_holm", "p_larger": "p_larger_holm", "p_tost": "p_tost_holm"}


class Corrector(Protocol):
    """Adds to summaries what follows from their family: corrected p, the outcome, and what would decide it."""

    def correct(self, table: pd.DataFrame) -> pd.DataFrame:
        """`table` with `p_holm`, `p_larger_holm`, `p_tost_holm`, `outcome`, `detectable` and the seeds needed."""


@dataclass(frozen=True, kw_only=True)
class FixedFamily:
    """Holm's steps over the rows that agree in `by`: the chance of one false outcome of a kind in them is `alpha`."""

    by: Sequence[str]
    alpha: float = ALPHA

    def correct(self, table: pd.DataFrame) -> pd.DataFrame:
        """See `Corrector`."""
        size = table.groupby(list(self.by), sort=False, observed=True)["p"].transform("size")
        return with_needs(self.judge(table), (self.alpha / size).to_numpy(float))

    def judge(self, table: pd.DataFrame) -> pd.DataFrame:
        """`correct` without what would decide the rows: for means over tasks, whose seeds are not of one kind."""
        families = table.groupby(list(self.by), sort=False, observed=True).indices
        corrected = {name: np.ones(len(table)) for name in _TESTS.values()}
        for name, p in _of_tests(table).items():
            for rows in families.values():
                corrected[name][rows] = holm(p.to_numpy()[rows])
        table = table.assign(**corrected)
        outcomes = [
            outcome(*row[:-1], mean=row[-1], alpha=self.alpha)
            for row in table[["low", "high", "margin", *_TESTS.values(), "mean"]].itertuples(index=False, name=None)
        ]
        return table.assign(outcome=outcomes)


@dataclass(kw_only=True)
class Sequential:
    """Looks at the results again and again; what a look has rejected counts at the later ones.

    A family is one arm's primary, or its secondary, quantities: the chance of one false rejection in a family and over
    all looks is at most `design.alpha`, for "no difference", for "not beyond the margin" and for "not inside" each.
    """

    design: Design
    _looks: dict[str, list[pd.Series]] = field(default_factory=lambda: {name: [] for name in _TESTS})

    def correct(self, table: pd.DataFrame) -> pd.DataFrame:
        """The next look, see `Corrector`.

        `low` and `high` become the repeated interval (Jennison & Turnbull 1984): at 95 % it covers at all looks
        together. `p`, `p_t`, `p_larger` and `p_tost` are those of this look; what they had to be at most, alone in
        their family, stands in `level` and `level_tost`. What an earlier look rejected stays rejected unless this
        look's interval or mean contradicts it: a difference needs an interval that excludes 0 at its level still, a
        mean outside the margin is not called inside. Taking a rejection back can only lower the error.
        """
        number = len(self._looks["p"])
        keys = pd.MultiIndex.from_frame(table[_KEYS])
        rejected = {name: np.zeros(len(table), dtype=bool) for name in _TESTS}
        corrected = {name: np.ones(len(table)) for name in _TESTS.values()}
        families = table.groupby(["head", "primary", "estimand"], sort=False, observed=True).indices
        for test, p in zip(_TESTS, _of_tests(table).values(), strict=True):
            self._looks[test].append(pd.Series(p.to_numpy(), index=keys))
            for rows in families.values():
                history = [look.reindex(keys[rows]).fillna(1.0).to_numpy() for look in self._looks[test]]
                rejected[test][rows] = self.design.rejected(history, sides=1 if test == "p_tost" else 2)
                corrected[_TESTS[test]][rows] = holm(history[-1])
        level, level_tost = (np.full(len(table), self.design.levels(sides)[number]) for sides in (2, 1))
        low, high = repeated_interval(table, level)
        result = table.assign(low=low, high=high, level=level, level_tost=level_tost, **corrected)
        p_values = [np.where(rejected[test], 0.0, 1.0) for test in _TESTS]
        outcomes = [
            outcome(*row[:-1], mean=row[-1], alpha=self.design.alpha)
            for row in zip(low, high, table["margin"], *p_values, table["mean"], strict=True)
        ]
        size = table.groupby(["head", "primary", "estimand"], sort=False, observed=True)["p"].transform("size")
        return with_needs(result.assign(outcome=outcomes), (self.design.alpha / size).to_numpy(float))


def repeated_interval(table: pd.DataFrame, level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The corrected t interval that leaves out `level`; as it is where the differences have no finite spread."""
    n = table["n"].to_numpy(float)
    reach = scipy_stats.t.isf(level / 2, n - 1) * table["sd"].to_numpy(float)
    reach = reach * np.sqrt(1 / n + table["ratio"].to_numpy(float))
    mean, low, high = (table[name].to_numpy(float) for name in ("mean", "low", "high"))
    defined = np.isfinite(reach) & (reach > 0)
    return np.where(defined, mean - reach, low), np.where(defined, mean + reach, high)


def with_needs(table: pd.DataFrame, level: np.ndarray) -> pd.DataFrame:
    """`table` with what its seeds could have shown, and what would decide each undecided row.

    `level`: (rows,), the first of Holm's levels. `detectable`: the smallest mean that would probably (80 %) be shown
    not to be 0. `seeds_needed`: the seeds that would probably decide the row, seeds sharing rows as they do now;
    `fresh_seeds_needed`: those with rows of their own each.
    """
    n, sd, effect, ratio = (table[name].to_numpy(float) for name in ("n", "sd", "effect", "ratio"))
    error = sd * np.sqrt(1 / n + ratio)
    cases = list(zip(n.astype(int), level, strict=True))
    errors = {case: detectable_errors(int(case[0]), float(case[1])) for case in {*cases}}
    detectable = np.where(n < least_seeds(level), np.inf, np.array([errors[case] for case in cases]))
    # more seeds have more clusters of the same size, whose shared rows do not grow fewer
    overlap = (1 / n + ratio) / effect - 1 / n
    undecided = (table["outcome"] == "undecided").to_numpy(bool) & np.isfinite(sd)
    mean, margin = (table.loc[undecided, name].to_numpy(float) for name in ("mean", "margin"))
    needed = {name: np.full(len(table), np.nan) for name in ("seeds_needed", "fresh_seeds_needed")}
    spread = sd * np.sqrt(effect)
    for name, used, allowed in (("seeds_needed", spread, overlap[undecided]), ("fresh_seeds_needed", sd, 0.0)):
        needed[name][undecided] = seeds_needed(mean, used[undecided], margin, allowed, level[undecided])
    same = undecided & (sd == 0)  # a spread of 0 would take two seeds
    at, high, margins = (table.loc[same, name].to_numpy(float) for name in ("mean", "high", "margin"))
    inside = zeros_needed(n[same], high - at, np.maximum(margins - np.abs(at), 0.0), level[same])
    for values in needed.values():
        values[same] = np.where(at == 0, inside, np.fmin(inside, least_seeds(level[same])))
    with np.errstate(invalid="ignore"):
        return table.assign(detectable=detectable * error, **needed)


def _of_tests(table: pd.DataFrame) -> dict[str, pd.Series]:
    """The p of each of the three tests, by the name of its corrected column; a difference passes both of its own."""
    return {"p_holm": np.fmax(table["p"], table["p_t"]), "p_larger_holm": np.fmax(table["p"], table["p_larger"]),
            "p_tost_holm": table["p_tost"]}  # fmt: skip
