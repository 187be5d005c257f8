"""Pairs of an arm and its baseline, made once: hashes checked, every seed there, the shared rows beside them.

Differences, shares, gaps and means over tasks are all read from the same `Pairs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments import tables
from experiments.stats import QUANTITIES

CELL = ["framework", "task", "network", "optimizer", "learning_rate"]
ROWS = 1024  # of a block at most


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The paired values of every arm but the baseline.

    `table`: a row a (head, cell, quantity, seed) with `value`, `baseline_value`, `difference`, `sample` (equal for
    seeds that have the same rows in the same parts), `shared` (the share of its rows that a seed has in common with one
    of another sample, mean over the cell) and `reach` (the largest finite |difference| that any arm shows in this cell
    and quantity).
    """

    table: pd.DataFrame
    baseline: str

    def of(self, heads: Iterable[str]) -> Pairs:
        """The pairs of some of the arms."""
        return Pairs(table=self.table[self.table["head"].isin(list(heads))], baseline=self.baseline)


@dataclass(frozen=True, kw_only=True)
class Block:
    """Comparisons that have the same number of seeds.

    `keys`: a row a comparison. `values`, `baselines`, `seeds`, `samples`: (rows, n), the arm's and the baseline's,
    and the seeds with their samples. `shared`, `reach`: (rows,), see `Pairs`.
    """

    keys: pd.DataFrame
    values: np.ndarray
    baselines: np.ndarray
    seeds: np.ndarray
    samples: np.ndarray
    shared: np.ndarray
    reach: np.ndarray

    @property
    def differences(self) -> np.ndarray:
        """Value minus that of the baseline, (rows, n)."""
        with np.errstate(invalid="ignore"):  # inf - inf is NaN, and meant
            return self.values - self.baselines

    @property
    def margins(self) -> np.ndarray:
        """The registered margin of each row and seed, (rows, n); a relative one is that share of the seed's baseline.

        A relative margin is estimated as the difference is, so it is carried seed by seed: a test of the difference
        minus the margin then knows that both vary (Sasabuchi 1988's ratio test in its linear form).
        """
        records = [QUANTITIES[name] for name in self.keys["quantity"]]
        margin = np.array([q.margin for q in records])[:, None]
        relative = np.array([q.relative for q in records])[:, None]
        size = np.where(np.isfinite(self.baselines), np.abs(self.baselines), np.nan)
        return margin * np.where(relative, size, 1.0)


def pair_up(
    finals: pd.DataFrame,
    curves: pd.DataFrame | None,
    runs: pd.DataFrame,
    baseline: str = "sigmoid",
    *,
    heads: Iterable[str] | None = None,
) -> Pairs:
    """Every arm's registered values beside those of the baseline.

    `finals`, `curves`, `runs`: the tables of any number of cells; `curves` is read only for the means over steps that
    `finals` lacks. `heads`: the arms to pair; all by default. Cells without the baseline are left out, and so are
    quantities that a network does not have (the trunk's gradient of a linear one).
    Raises `ValueError` if two arms did not start alike, or if one of them lacks a seed that the other has.
    """
    values = registered(finals, curves)
    if heads is not None:
        arms = [*heads, baseline]
        values, runs = values[values["head"].isin(arms)], runs[runs["head"].isin(arms)]
    joined = tables.pairs(values, runs, baseline)
    joined = joined.assign(head=joined["head"].astype(str))  # the engines' own tables have categories
    keys = ["head", *CELL, "quantity"]
    value, base = joined["value"], joined["baseline_value"]
    nothing = (value.isna() & base.isna()) | ((value == 0) & (base == 0))
    gradient = joined["quantity"].astype(str).str.startswith("grad_norm")
    absent = (nothing & gradient).groupby([joined[key] for key in keys], observed=True).transform("all")
    joined = joined[~absent.astype(bool)]
    shared = runs.groupby(CELL, observed=True)["shared"].mean().rename("shared").reset_index()
    samples = runs[[*CELL, "seed", "sample"]].drop_duplicates([*CELL, "seed"])
    joined = joined.merge(shared, on=CELL, how="left").merge(samples, on=[*CELL, "seed"], how="left")
    size = joined["difference"].abs()
    size = size.where(np.isfinite(size), 0.0)
    reach = size.groupby([joined[key] for key in (*CELL, "quantity")], observed=True).transform("max")
    return Pairs(table=joined.assign(reach=reach), baseline=baseline)


def registered(finals: pd.DataFrame, curves: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows of `finals` that are registered for comparison: their quantity on its own split.

    Means over the recorded steps that `finals` lacks (`nll_curve`, `grad_norm_*`) are taken from `curves`.
    """
    quantities = pd.DataFrame([(q.name, q.split) for q in QUANTITIES.values()], columns=["quantity", "split"])
    rows = finals[tables.SCHEMAS["finals"]].merge(quantities, on=["quantity", "split"])
    if curves is None or not len(curves):
        return rows
    present = set(rows["quantity"])
    means = _over_steps(curves, [q for q in quantities["quantity"] if q not in present])
    return tables.concat([rows, means.merge(quantities, on=["quantity", "split"])], "finals")


def blocks(pairs: pd.DataFrame, keys: Sequence[str]) -> Iterator[Block]:
    """Group the rows of a pairing by `keys`; one `Block` for each number of seeds that occurs, or more if it is long.

    A block has at most `ROWS` rows: what is resampled takes memory by the thousand of each.
    """
    if pairs.empty:
        return
    ordered = pairs.sort_values([*keys, "seed"], kind="stable")
    codes = ordered.groupby(list(keys), sort=False, observed=True).ngroup().to_numpy()
    counts = np.bincount(codes)[codes]
    for n in np.unique(counts):
        whole = ordered[counts == n]
        for start in range(0, len(whole), ROWS * n):
            part = whole.iloc[start : start + ROWS * n]
            first = part.iloc[::n]
            yield Block(
                keys=first[list(keys)].reset_index(drop=True),
                values=part["value"].to_numpy(float).reshape(-1, n),
                baselines=part["baseline_value"].to_numpy(float).reshape(-1, n),
                seeds=part["seed"].to_numpy().reshape(-1, n),
                samples=part["sample"].to_numpy().reshape(-1, n),
                shared=first["shared"].to_numpy(float),
                reach=first["reach"].to_numpy(float),
            )


def samples_of(rows: pd.DataFrame, seeds: Iterable[int]) -> np.ndarray:
    """The sample of each of some seeds, in their order: (seeds,). `rows`: of one cell, such as those of `runs`."""
    return rows.drop_duplicates("seed").set_index("seed")["sample"].loc[list(seeds)].to_numpy()


def _over_steps(curves: pd.DataFrame, quantities: Sequence[str]) -> pd.DataFrame:
    names = {"nll_curve": ("nll", "")}
    names |= {q: ("grad_norm", q.removeprefix("grad_norm_")) for q in quantities if q.startswith("grad_norm_")}
    scopes = pd.DataFrame(
        [(q, *names[q]) for q in quantities if q in names], columns=["finals_quantity", "quantity", "scope"]
    )
    rows = curves.merge(scopes, on=["quantity", "scope"])
    rows = rows.assign(quantity=rows["finals_quantity"])
    steps = rows.groupby([*tables.RUN, "split", "quantity"], as_index=False, sort=False, observed=True)["value"]
    return steps.mean(skipna=False)  # a step without a number leaves the mean without one
