"""How far networks that started alike are from one another: between frameworks, and between heads in each of them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from experiments import tables

_KEYS = ["task", "network", "optimizer", "seed", "step"]


def distances(curves: Mapping[str, pd.DataFrame], dtype: str) -> pd.DataFrame:
    """The table `framework_distances` of networks that were trained from equal weights on equal batches.

    `curves`: of each framework, its table `curves`, with the same heads, seeds and steps. A distance is relative: the
    absolute difference of two training losses over the larger of them, 0 where both are 0, and infinite where one of
    them alone is no number. Between heads it is softmax's from sigmoid's in one framework, and `other` is "".
    """
    losses = {name: _losses(table) for name, table in curves.items()}
    parts = []
    for one, other in combinations(losses, 2):
        for head in losses[one]:
            parts.append(_between(losses[one][head], losses[other][head], one, other, head))
    parts += [_between(both["softmax"], both["sigmoid"], name, "", "softmax") for name, both in losses.items()]
    return tables.validate("framework_distances", pd.concat(parts, ignore_index=True).assign(dtype=dtype))


def _losses(curves: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the training loss of each seed after each recorded step, by head."""
    rows = curves[(curves["quantity"] == "loss") & (curves["split"] == "train")]
    return {str(head): part.set_index(_KEYS)["value"] for head, part in rows.groupby("head", observed=True)}


def _between(a: pd.Series, b: pd.Series, framework: str, other: str, head: str) -> pd.DataFrame:
    a, b = a.align(b, join="outer")
    x, y = a.to_numpy(float), b.to_numpy(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.abs(x - y) / np.fmax(np.abs(x), np.abs(y))
    finite = np.isfinite(x) & np.isfinite(y)
    same = (x == y) | (np.isnan(x) & np.isnan(y))
    distance = np.where(same, 0.0, np.where(finite, relative, np.inf))
    return a.index.to_frame(index=False).assign(framework=framework, other=other, head=head, distance=distance)
