"""Why softmax and sigmoid differ: the share of initialisation, head rate and decay, and what arithmetic leaves.

The factor arms match one or more of the causes to sigmoid. With D(S) the difference of the arm that matches the set
S, D(none) = softmax - sigmoid, a factor's share is the mean, over all orders of matching, of what matching it
removes (Shapley 1953). What is left when all is matched, D(all), is arithmetic. Per seed, shares sum to D(none).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from experiments import tables
from experiments.judgement._differences import NULL, noise_floor
from experiments.judgement._pairs import CELL, Block, Pairs, blocks
from experiments.optimizers import OPTIMIZERS
from experiments.stats import ALPHA, QUANTITIES, clusters, corrected_t

INITIALISATION, HEAD_RATE, DECAY, ARITHMETIC = "initialisation", "head_rate", "decay", "arithmetic"
RATE_AND_DECAY = "head_rate+decay"  # where no arm separates the two
FACTORS = (INITIALISATION, HEAD_RATE, DECAY, RATE_AND_DECAY, ARITHMETIC)

Array = np.ndarray
Coalition = frozenset[str]
Game = Mapping[Coalition, str]  # the arm that matches each set of factors

_NONE: Coalition = frozenset()
_TWO: Game = {
    _NONE: "softmax",
    frozenset({INITIALISATION}): "softmax_init",
    frozenset({HEAD_RATE}): "softmax_lr",
    frozenset({INITIALISATION, HEAD_RATE}): "softmax_matched",
}
_THREE: Game = {
    _NONE: "softmax",
    frozenset({INITIALISATION}): "softmax_init",
    frozenset({HEAD_RATE}): "softmax_lr",
    frozenset({DECAY}): "softmax_decay",
    frozenset({INITIALISATION, HEAD_RATE}): "softmax_init_lr",
    frozenset({INITIALISATION, DECAY}): "softmax_init_decay",
    frozenset({HEAD_RATE, DECAY}): "softmax_lr_decay",
    frozenset({INITIALISATION, HEAD_RATE, DECAY}): "softmax_matched",
}
_JOINT: Game = {
    _NONE: "softmax",
    frozenset({INITIALISATION}): "softmax_init",
    frozenset({RATE_AND_DECAY}): "softmax_lr_decay",
    frozenset({INITIALISATION, RATE_AND_DECAY}): "softmax_matched",
}
_ONE_ORDER: Game = {
    _NONE: "softmax",
    frozenset({INITIALISATION}): "softmax_init",
    frozenset({INITIALISATION, RATE_AND_DECAY}): "softmax_matched",
}
METHODS: dict[str, Game] = {
    "Shapley over initialisation and head rate": _TWO,
    "Shapley over initialisation, head rate and decay": _THREE,
    "Shapley over initialisation and head rate with decay: no arm separates the two": _JOINT,
    "one order, initialisation first: no arm matches head rate and decay alone": _ONE_ORDER,
}

# several classes or labels: what the scale of the loss makes
SOFTMAX, SUMMED = "k_softmax", "k_sigmoid_sum"
LOSS_SCALE, REST = "loss_scale", "rest"
SCALE_METHOD = "the arm whose loss is the sum over the units"


def attribution(pairs: Pairs, *, decays: bool | None = None, confidence: float = 1 - ALPHA) -> pd.DataFrame:
    """The table `attribution`: each factor's share of softmax - sigmoid, a row a cell, quantity and factor.

    `decays`: whether weights decay in these cells; by default as registered for each one's optimizer. `confidence`:
    of the intervals `low` .. `high`, which allow for shared rows; after looks at the results, that of the last one.

    Cells whose tables lack the factor arms have no rows, nor have quantities in which one function has two values
    (`Quantity.of_function`): there the matched arm differs by more than arithmetic. Extra columns: `difference`, the
    sum of the shares; `n`; `margin`, the quantity's; `method`, which arms there were to tell factors apart;
    `noise_floor`; and `part`, the mean over seeds of |share| over the larger of |difference| and the noise floor.
    """
    table = pairs.table
    table = table[table["quantity"].map({q.name: q.of_function for q in QUANTITIES.values()}).astype(bool)]
    keys = [*CELL, "quantity"]
    arms = sorted({arm for game in METHODS.values() for arm in game.values()})
    mine = table[table["head"].isin(arms)]
    by_arm = mine.set_index([*keys, "seed", "head"])["difference"].unstack()
    wide = by_arm.reindex(columns=arms).rename_axis(columns=None).reset_index()
    of_seed = [*keys, "seed", "baseline_value", "sample", "shared", "reach"]
    common = mine[of_seed].drop_duplicates([*keys, "seed"])
    wide = wide.merge(common, on=[*keys, "seed"])
    parts = []
    for (_, _, optimizer), cell in wide.groupby(["task", "network", "optimizer"], sort=False):
        decay = _decays(str(optimizer)) if decays is None else decays
        method = _method(decay, {arm for arm in arms if cell[arm].notna().any()})
        if method is None:
            continue
        arms_of = list(METHODS[method].values())
        # a quantity that some arm has no number of, in any seed, has no shares
        cell = cell[cell.groupby(keys, observed=True)[arms_of].transform("count").gt(0).all(axis=1)]
        shares = shapley({s: cell[arm].to_numpy(float) for s, arm in METHODS[method].items()})
        parts += [
            cell[of_seed].assign(factor=factor, method=method, value=share)
            for factor, share in shares.items()
        ]
    if not parts:
        return pd.DataFrame(columns=tables.SCHEMAS["attribution"])
    return tabulated(pd.concat(parts), pairs.of([*arms, NULL]), "softmax", FACTORS, confidence)


def shapley(worth: Mapping[Coalition, Array]) -> dict[str, Array]:
    """Each factor's share of what is there when nothing is matched, and `arithmetic`, what is left when all is.

    `worth`: from each set of matched factors to its differences from the baseline, (rows,); sets may be missing,
    then only the orders of matching that pass through known sets are averaged. Shares sum to the empty set's worth.
    Raises `ValueError` if no order is complete.
    """
    everything = max(worth, key=len)
    orders = [
        order
        for order in itertools.permutations(sorted(everything))
        if all(frozenset(order[:length]) in worth for length in range(len(order) + 1))
    ]
    if not orders:
        raise ValueError("No order of matching has an arm at each step")
    shares: dict[str, Array] = {}
    for factor in sorted(everything):
        removed = []
        for order in orders:
            before = frozenset(order[: order.index(factor)])
            with np.errstate(invalid="ignore"):  # inf - inf
                removed.append(worth[before] - worth[before | {factor}])
        with np.errstate(invalid="ignore"):
            shares[factor] = np.mean(removed, axis=0)
    return {**shares, ARITHMETIC: worth[everything]}


def tabulated(shares: pd.DataFrame, pairs: Pairs, head: str, factors: Sequence[str], confidence: float) -> pd.DataFrame:
    """The table of shares, its quantities and `factors` in their order.

    `shares`: a row a (cell, quantity, seed, factor, method) with the share as `value`, and `baseline_value`, `shared`
    and `reach` as in `Pairs`. They sum to the difference of `head` in `pairs`.
    """
    keys = [*CELL, "quantity"]
    table = pd.concat([_summary(block, confidence) for block in blocks(shares, [*keys, "factor", "method"])])
    whole = pairs.of([head]).table.groupby(keys, as_index=False, sort=False, observed=True)["difference"]
    table = table.merge(whole.mean(skipna=False), on=keys).merge(noise_floor(pairs), on=keys, how="left")
    size = np.fmax(table["difference"].abs(), table["noise_floor"])
    table = table.assign(part=table["mean_abs"] / size.where(size > 0))
    ranks = {name: rank for rank, name in enumerate([*QUANTITIES, *factors])}
    table = table.sort_values(
        [*keys, "factor"], key=lambda column: column.map(ranks) if column.name in ("quantity", "factor") else column
    )
    return tables.validate("attribution", table.reset_index(drop=True))


def _decays(optimizer: str) -> bool:
    return OPTIMIZERS[optimizer].decays


def _method(decays: bool, present: set[str]) -> str | None:
    """The finest game that the arms at hand can play, under an optimizer that decays weights or does not."""
    for method, game in METHODS.items():
        if (game is _TWO) != decays and set(game.values()) <= present:
            return method
    return None


def _summary(block: Block, confidence: float) -> pd.DataFrame:
    allowed = clusters(block.values, block.samples, block.shared).fresh
    low, high = corrected_t(block.values, allowed, confidence)
    with np.errstate(invalid="ignore"):  # a share is NaN where an arm's value is not finite
        return block.keys.assign(
            margin=block.margins.mean(axis=1),
            share=block.values.mean(axis=1),
            low=low,
            high=high,
            mean_abs=np.abs(block.values).mean(axis=1),
            n=block.values.shape[1],
        )


def loss_scale(pairs: Pairs, *, confidence: float = 1 - ALPHA) -> pd.DataFrame:
    """The shares of `loss_scale` and `rest` in softmax - sigmoids, with the columns of the table `attribution`.

    Keras's binary cross-entropy is the mean over the units, and `k_sigmoid_sum` takes their sum. So
    softmax - sigmoids = (summed sigmoids - sigmoids) + (softmax - summed sigmoids): the first part is the scale's.

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
    parts = [rows.assign(factor=factor, method=SCALE_METHOD, value=share) for factor, share in shares.items()]
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
