"""Several classes or labels: what the scale of the loss has in softmax - sigmoids, and what is left.

Keras's binary cross-entropy is the mean over the units, and `k_sigmoid_sum` takes their sum. So
softmax - sigmoids = (summed sigmoids - sigmoids) + (softmax - summed sigmoids): the first part is the scale's.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments import tables
from experiments.judgement.attribution import tabulated
from experiments.judgement.pairs import CELL, Pairs
from experiments.stats import ALPHA

SOFTMAX, SUMMED = "k_softmax", "k_sigmoid_sum"
LOSS_SCALE, REST = "loss_scale", "rest"
METHOD = "the arm whose loss is the sum over the units"


def loss_scale(pairs: Pairs, *, confidence: float = 1 - ALPHA) -> pd.DataFrame:
    """The shares of `loss_scale` and `rest` in softmax - sigmoids, with the columns of the table `attribution`.

    `pairs`: with `k_sigmoid` as the baseline; cells that lack an arm have no rows. Every registered quantity has
    shares, the gradient's norms too: K times the loss has K times the gradient. `low` .. `high` allow for shared rows.
    """
    keys = [*CELL, "quantity", "seed"]
    table = pairs.table
    summed = table.loc[table["head"] == SUMMED, [*keys, "difference"]]
    rows = table[table["head"] == SOFTMAX].merge(summed, on=keys, suffixes=("", "_summed"))
    if rows.empty:
        return pd.DataFrame(columns=tables.SCHEMAS["attribution"])
    with np.errstate(invalid="ignore"):  # inf - inf
        shares = {LOSS_SCALE: rows["difference_summed"], REST: rows["difference"] - rows["difference_summed"]}
    parts = [rows.assign(factor=factor, method=METHOD, value=share) for factor, share in shares.items()]
    return tabulated(pd.concat(parts), pairs, SOFTMAX, list(shares), confidence)


def scale_over_tasks(table: pd.DataFrame, quantity: str, optimizer: str = "sgd") -> tuple[float, float] | None:
    """Softmax - sigmoids under one optimizer, and the share of the loss's scale in it: means in which each task counts
    once, in the quantity's own unit.

    `table`: `loss_scale`. None where no cell fits.
    """
    rows = table[(table["factor"] == LOSS_SCALE) & (table["quantity"] == quantity) & (table["optimizer"] == optimizer)]
    if rows.empty:
        return None
    by_task = rows.groupby("task", observed=True)[["difference", "share"]].agg(lambda values: values.mean(skipna=False))
    whole, share = by_task.mean(skipna=False)
    return float(whole), float(share)
