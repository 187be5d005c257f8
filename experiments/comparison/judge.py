"""From the tables of the seeds that are done to outcomes, at levels that allow for every look that was taken."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import stats as scipy_stats

from experiments import stats
from experiments.comparison.sequential import Design
from experiments.stats import QUANTITIES

HEAD, BASELINE = "softmax", "sigmoid"
KEYS = ["head", "quantity"]


@dataclass(kw_only=True)
class Judge:
    """Looks at the results again and again; what it has decided stays decided.

    A family is one arm's primary, or its secondary, quantities: the chance of one false `different`, and that of one
    false `equivalent`, in a family and over all looks, is at most `design.alpha`.
    """

    design: Design
    _differ: list[pd.Series] = field(default_factory=list)
    _inside: list[pd.Series] = field(default_factory=list)

    def look(self, finals: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
        """The table `differences` at the next look.

        `low` and `high` are the repeated interval (Jennison & Turnbull 1984): at 95 % it covers at all looks together.
        `p`, `p_t` and `p_tost` are those of this look, `p_holm` and `p_tost_holm` corrected over the family; what they
        had to be at most, alone in their family, stands in `level` and `level_tost`.
        """
        number = len(self._differ)
        table = stats.differences(finals, None, runs, BASELINE)
        keys = pd.MultiIndex.from_frame(table[KEYS])
        self._differ.append(pd.Series(np.maximum(table["p"], table["p_t"]).to_numpy(), index=keys))
        self._inside.append(pd.Series(table["p_tost"].to_numpy(), index=keys))
        differs, inside = np.zeros(len(table), dtype=bool), np.zeros(len(table), dtype=bool)
        p_holm, p_tost_holm = np.ones(len(table)), np.ones(len(table))
        for _, rows in table.groupby(["head", "primary"], sort=False).indices.items():
            mine = keys[rows]
            differs[rows] = self.design.rejected(_history(self._differ, mine), sides=2)
            inside[rows] = self.design.rejected(_history(self._inside, mine), sides=1)
            p_holm[rows] = stats.holm(self._differ[-1].loc[mine].to_numpy())
            p_tost_holm[rows] = stats.holm(self._inside[-1].loc[mine].to_numpy())
        level = self.design.levels(2)[number]
        low, high = self._interval(table, level)
        outcomes = [_outcome(*row) for row in zip(differs, inside, table["mean"], table["margin"], strict=True)]
        return table.assign(
            seeds_needed=self._needed(table, outcomes),
            low=low,
            high=high,
            p_holm=p_holm,
            p_tost_holm=p_tost_holm,
            level=level,
            level_tost=self.design.levels(1)[number],
            outcome=outcomes,
        )

    def _needed(self, table: pd.DataFrame, outcomes: list[str]) -> np.ndarray:
        """The seeds that would probably (80 %) decide what is open, at the first of Holm's levels and one look."""
        sizes = table.groupby(["head", "primary"], sort=False)["quantity"].transform("size")
        open_ = np.array([found == "undecided" for found in outcomes]) & np.isfinite(table["sd"].to_numpy(float))
        needed = np.full(len(table), np.nan)
        mean, sd, margin = (table.loc[open_, name].to_numpy(float) for name in ("mean", "sd", "margin"))
        level = self.design.alpha / sizes[open_].to_numpy(float)
        needed[open_] = stats.seeds_needed(mean, sd, margin, ratio=self.design.ratio, alpha=level)
        return needed

    def _interval(self, table: pd.DataFrame, level: float) -> tuple[np.ndarray, np.ndarray]:
        """The corrected t interval that leaves out `level`; of no width where all seeds have the same infinity."""
        n = table["n"].to_numpy(float)
        reach = scipy_stats.t.isf(level / 2, n - 1) * table["sd"].to_numpy(float)
        reach = reach * np.sqrt(1 / n + self.design.ratio)
        mean = table["mean"].to_numpy(float)
        low, high = table["low"].to_numpy(float), table["high"].to_numpy(float)
        known = np.isfinite(reach)
        return np.where(known, mean - reach, low), np.where(known, mean + reach, high)


def _history(looks: list[pd.Series], keys: pd.MultiIndex) -> list[np.ndarray]:
    """Each look's p of these comparisons, (m,); 1 where a look had none."""
    return [look.reindex(keys).fillna(1.0).to_numpy() for look in looks]


def _outcome(differs: bool, inside: bool, mean: float, margin: float) -> str:
    """The outcome by the project's one table, from what was rejected at this look or before."""
    low, high = (mean, mean) if differs else (-np.inf, np.inf)
    return stats.outcome(
        low, high, margin, 0.0 if differs else 1.0, 0.0 if inside else 1.0, mean=0.0 if np.isnan(mean) else mean
    )


def primary(differences: pd.DataFrame) -> pd.DataFrame:
    """The rows that the answer rests on: softmax against sigmoid in the primary quantities, in their order."""
    rows = differences.loc[(differences["head"] == HEAD) & differences["primary"].astype(bool)]
    order = {name: place for place, name in enumerate(QUANTITIES)}
    return rows.sort_values("quantity", key=lambda names: names.map(order), ignore_index=True)


def overall(differences: pd.DataFrame) -> str:
    """One outcome of all primary quantities: different if one is, equivalent if all are, undecided otherwise."""
    found = set(primary(differences)["outcome"])
    if "different" in found:
        return "different"
    if not found or "undecided" in found:
        return "undecided"
    return "equivalent" if found == {"equivalent"} else "different but negligible"
