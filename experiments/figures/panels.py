"""From the long table of curves to one matrix an arm: what the curve figures draw and conclude from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd

from experiments.heads import BASELINE
from experiments.judgement import FRESH, samples_of
from experiments.stats import clusters, corrected_t
from experiments.tables import CELL

ARMS = ("sigmoid", "softmax", "softmax_matched", "sigmoid_again")


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The curves of one cell on one split: `values[head]` is (seeds, steps), on common `seeds` and `steps`.

    `samples`, (seeds,), and `shared`: which seeds have the same rows, and how many two samples have in common, as
    `stats.clusters` takes them; where `runs` does not tell, all rows are taken to be shared.
    """

    key: tuple[str, ...]
    seeds: np.ndarray
    steps: np.ndarray
    values: dict[str, np.ndarray]
    samples: np.ndarray | None = None
    shared: float = 1.0

    def interval(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean over seeds of (seeds, n) with its 95 % interval for fresh rows: (mean, low, high), each (n,).

        NaN in a column with a value that is not finite: it is shown as a gap, never dropped.
        """
        return interval(values, self.samples, self.shared)

    def difference(self, head: str, baseline: str = BASELINE) -> np.ndarray:
        """(seeds, steps): `head` minus the baseline; not finite where either is not."""
        with np.errstate(invalid="ignore"):
            return self.values[head] - self.values[baseline]

    def ratio(self, head: str) -> np.ndarray:
        """(steps,): geometric mean over seeds of value over the baseline's, where both are positive and finite."""
        with np.errstate(all="ignore"):
            logs = np.log(self.values[head]) - np.log(self.values[BASELINE])
        return np.exp(mean_of_finite(logs))

    def lost(self, head: str) -> int:
        """How many seeds of `head` have a value that is not finite."""
        return int((~np.isfinite(self.values[head]).all(axis=1)).sum())


class _Same:
    """A table as a key: equal to itself alone, since comparing millions of rows would take longer than using them."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table

    def __hash__(self) -> int:
        return id(self.table)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.table is self.table


def panels(
    curves: pd.DataFrame, quantity: str, scope: str, heads: Sequence[str], split: str, runs: pd.DataFrame | None = None
) -> list[Panel]:
    """One `Panel` a cell (and rate, when a cell holds several), cells in the table's order."""
    collected = _panels(_Same(curves), quantity, scope, tuple(heads), split)
    if runs is None:
        return collected
    by_cell = runs.drop_duplicates([*CELL, "seed"]).astype(dict.fromkeys(CELL, str)).set_index(CELL).sort_index()
    return [_with_rows(panel, by_cell.loc[[panel.key[: len(CELL)]]]) for panel in collected]


def _with_rows(panel: Panel, runs: pd.DataFrame) -> Panel:
    return replace(panel, samples=samples_of(runs, panel.seeds), shared=float(runs["shared"].mean()))


@lru_cache(maxsize=8)  # a figure is drawn at two widths, and several show the same curves
def _panels(same: _Same, quantity: str, scope: str, heads: tuple[str, ...], split: str) -> list[Panel]:
    curves = same.table
    selected = (curves["quantity"] == quantity) & (curves["scope"] == scope) & (curves["split"] == split)
    rows = curves.loc[selected & curves["head"].isin(list(heads))]
    if rows.empty:
        return []
    many_rates = len(rows[[*CELL, "learning_rate"]].drop_duplicates()) > len(rows[CELL].drop_duplicates())
    keys = [*CELL, "learning_rate"] if many_rates else CELL
    # one pivot for all cells: one for each would take most of the time of a report
    wide = rows.pivot(index=[*keys, "seed"], columns=["head", "step"], values="value").sort_index(axis=1)
    collected = []
    for key in rows[keys].drop_duplicates().itertuples(index=False, name=None):
        part = wide.loc[key].dropna(axis="columns", how="all")
        steps = part.columns.get_level_values("step").unique().sort_values()
        present = set(part.columns.get_level_values("head"))
        values = {h: part[h].reindex(columns=steps).to_numpy(dtype=float) for h in heads if h in present}
        names = tuple(f"{item:g}" if isinstance(item, float) else str(item) for item in key)
        collected.append(Panel(key=names, seeds=part.index.to_numpy(), steps=steps.to_numpy(), values=values))
    return collected


def interval(
    values: np.ndarray, samples: np.ndarray | None = None, shared: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`Panel.interval` of (seeds, n); where it is not said which seeds have the same rows, none have."""
    complete = np.ascontiguousarray(np.where(np.isfinite(values).all(axis=0), values, np.nan).T)
    samples = np.arange(len(values)) if samples is None else samples
    low, high = corrected_t(complete, clusters(complete, samples, shared).fresh)
    return complete.mean(axis=1), low, high


def mean_of_finite(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis of what is finite; NaN where nothing is."""
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(finite, values, 0.0).sum(axis=0) / finite.sum(axis=0)


def for_fresh_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table of comparisons that answer for fresh rows; any other table as it is."""
    return rows.loc[rows["estimand"] == FRESH] if "estimand" in rows else rows


def telling(candidates: Sequence[Panel], most: int, head: str = "softmax", baseline: str = BASELINE) -> list[Panel]:
    """At most `most` of the panels: of each network the one whose `head` differs most from `baseline`, then the next.

    The order of the panels is kept. What differs most is chosen so that a figure of a few panels hides no effect.
    """
    if len(candidates) <= most:
        return list(candidates)
    size = {}
    for index, panel in enumerate(candidates):
        pair = head in panel.values and baseline in panel.values
        effect = np.abs(mean_of_finite(panel.difference(head, baseline).mean(axis=1)[:, None])[0]) if pair else np.nan
        size[index] = -1.0 if np.isnan(effect) else float(effect)
    by_size = sorted(size, key=lambda index: -size[index])
    rank: dict[int, int] = {}
    for index in by_size:
        network = candidates[index].key[1]
        rank[index] = sum(candidates[other].key[1] == network for other in rank)
    chosen = sorted(by_size, key=lambda index: (rank[index], -size[index]))[:most]
    return [candidates[index] for index in sorted(chosen)]
