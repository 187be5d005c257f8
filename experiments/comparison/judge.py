"""The rows of a comparison that its answer rests on, and the one outcome that they make together."""

from __future__ import annotations

import pandas as pd

from experiments.judgement import FRESH
from experiments.stats import QUANTITIES

HEAD, BASELINE = "softmax", "sigmoid"


def primary(differences: pd.DataFrame) -> pd.DataFrame:
    """The rows that the answer rests on: softmax against sigmoid in the primary quantities, for fresh rows."""
    is_primary = (
        (differences["head"] == HEAD) & differences["primary"].astype(bool) & (differences["estimand"] == FRESH)
    )
    order = {name: position for position, name in enumerate(QUANTITIES)}
    return differences.loc[is_primary].sort_values("quantity", key=lambda names: names.map(order), ignore_index=True)


def overall(differences: pd.DataFrame) -> str:
    """One outcome of all primary quantities: the strongest that one of them has, but `undecided` before "inside".

    Where one is shown to differ, inside its margin, and another is open, the heads do differ and by how much is open.
    """
    outcomes = set(primary(differences)["outcome"])
    if "larger" in outcomes:
        return "larger"
    if "different" in outcomes or {"negligible", "undecided"} <= outcomes:
        return "different"
    if not outcomes or "undecided" in outcomes:
        return "undecided"
    return "equivalent" if outcomes == {"equivalent"} else "negligible"
