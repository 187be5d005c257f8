"""From long tables to matrices: a row a comparison, a column a seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments import tables
from experiments.stats.margins import QUANTITIES

CELL = ["task", "network", "optimizer", "learning_rate"]
ROWS = 1024  # of a block at most


@dataclass(frozen=True, kw_only=True)
class Block:
    """Comparisons that have the same number of seeds.

    `keys`: a row a comparison. `values`, `twins`: (rows, n), the arm's and the baseline's; `seeds`: (rows, n).
    """

    keys: pd.DataFrame
    values: np.ndarray
    twins: np.ndarray
    seeds: np.ndarray

    @property
    def differences(self) -> np.ndarray:
        """Value minus twin, (rows, n)."""
        with np.errstate(invalid="ignore"):  # inf - inf is NaN, and meant
            return self.values - self.twins


def registered(finals: pd.DataFrame, curves: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows of `finals` that are registered for comparison: their quantity on its own split.

    Means over the recorded steps that `finals` lacks (`nll_curve`, `grad_norm_*`) are taken from `curves`.
    """
    wanted = pd.DataFrame([(q.name, q.split) for q in QUANTITIES.values()], columns=["quantity", "split"])
    found = finals[tables.SCHEMAS["finals"]].merge(wanted, on=["quantity", "split"])
    if curves is None or not len(curves):
        return found
    present = set(found["quantity"])
    means = _over_steps(curves, [q for q in wanted["quantity"] if q not in present])
    return tables.concat([found, means.merge(wanted, on=["quantity", "split"])], "finals")


def paired(finals: pd.DataFrame, runs: pd.DataFrame, baseline: str, heads: Iterable[str] | None = None) -> pd.DataFrame:
    """`tables.pairs`, without the quantities that the network does not have (the trunk's gradient of a linear one).

    `heads`: the arms to pair; all by default.
    """
    if heads is not None:
        wanted = [*heads, baseline]
        finals, runs = finals[finals["head"].isin(wanted)], runs[runs["head"].isin(wanted)]
    found = tables.pairs(finals, runs, baseline)
    if found.empty:
        return found
    found = found.assign(head=found["head"].astype(str))  # the engines' own tables have categories
    keys = ["head", *CELL, "quantity"]
    nothing = (found["value"].isna() & found["twin"].isna()) | ((found["value"] == 0) & (found["twin"] == 0))
    gradient = found["quantity"].str.startswith("grad_norm")
    absent = (nothing & gradient).groupby([found[key] for key in keys]).transform("all")
    return found[~absent]


def blocks(pairs: pd.DataFrame, keys: Sequence[str]) -> Iterator[Block]:
    """Group the rows of a pairing by `keys`; one `Block` for each number of seeds that occurs, or more if it is long.

    A block has at most `ROWS` rows: what is resampled takes memory by the thousand of each.
    """
    if pairs.empty:
        return
    ordered = pairs.sort_values([*keys, "seed"], kind="stable")
    codes = ordered.groupby(list(keys), sort=False).ngroup().to_numpy()
    counts = np.bincount(codes)[codes]
    for n in np.unique(counts):
        whole = ordered[counts == n]
        for start in range(0, len(whole), ROWS * n):
            part = whole.iloc[start : start + ROWS * n]
            yield Block(
                keys=part.iloc[::n][list(keys)].reset_index(drop=True),
                values=part["value"].to_numpy(float).reshape(-1, n),
                twins=part["twin"].to_numpy(float).reshape(-1, n),
                seeds=part["seed"].to_numpy().reshape(-1, n),
            )


def _over_steps(curves: pd.DataFrame, quantities: Sequence[str]) -> pd.DataFrame:
    names = {"nll_curve": ("nll", "")}
    names |= {q: ("grad_norm", q.removeprefix("grad_norm_")) for q in quantities if q.startswith("grad_norm_")}
    wanted = pd.DataFrame(
        [(q, *names[q]) for q in quantities if q in names], columns=["finals_quantity", "quantity", "scope"]
    )
    rows = curves.merge(wanted, on=["quantity", "scope"])
    rows = rows.assign(quantity=rows["finals_quantity"])
    return rows.groupby([*tables.RUN, "split", "quantity"], as_index=False, sort=False)["value"].mean()
