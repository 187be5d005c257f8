"""The rows of a comparison that its answer rests on, and the one outcome that they make together."""

from __future__ import annotations

import pandas as pd

from experiments.judgement import FRESH
from experiments.stats import QUANTITIES

HEAD, BASELINE = "softmax", "sigmoid"


def primary(differences: pd.DataFrame) -> pd.DataFrame:
    """The rows that the answer rests on: softmax against sigmoid in the primary quantities, for fresh rows."""
    mine = (differences["head"] == HEAD) & differences["primary"].astype(bool) & (differences["estimand"] == FRESH)
    order = {name: place for place, name in enumerate(QUANTITIES)}
    return differences.loc[mine].sort_values("quantity", key=lambda names: names.map(order), ignore_index=True)


def overall(differences: pd.DataFrame) -> str:
    """One outcome of all primary quantities: the strongest that one of them has, but `undecided` before "inside"."""
    found = set(primary(differences)["outcome"])
    for outcome in ("larger", "different"):
        if outcome in found:
            return outcome
    if not found or "undecided" in found:
        return "undecided"
    return "equivalent" if found == {"equivalent"} else "negligible"
