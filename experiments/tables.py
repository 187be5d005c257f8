"""The tidy tables that modules hand to one another: their columns, their check, and the pairing of arms.

Long format: one row a value, so that a new quantity changes no schema.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

# `framework` is which one trained: a name of `frameworks.FRAMEWORKS`
CELL = ["task", "network", "optimizer"]
RUN = ["framework", "task", "network", "optimizer", "learning_rate", "head", "seed"]

# the framework that every claim but those on frameworks is about: it trains every cell of a preset
MAIN = "keras-tensorflow"


# one comparison of an arm and its baseline: in a cell, a quantity, at a rate or the best ones, for one estimand
COMPARISON = [
    "framework", "task", "network", "optimizer", "learning_rate", "quantity", "split", "head", "baseline", "at",
    "estimand", "n", "mean", "low", "high", "bound", "sd", "d_z", "bca_low", "bca_high", "p", "p_t", "p_holm",
    "p_larger", "p_larger_holm", "p_tost", "p_tost_holm", "margin", "noise_floor", "mean_abs", "baseline_mean",
    "nonfinite", "shared", "icc", "effect", "ratio", "primary", "outcome", "detectable", "seeds_needed",
    "fresh_seeds_needed",
]

# a factor's share of softmax - sigmoid
SHARES = [
    "framework", "task", "network", "optimizer", "learning_rate", "quantity", "factor", "method", "share", "low",
    "high", "difference", "part", "mean_abs", "noise_floor", "margin", "n",
]

SCHEMAS: dict[str, list[str]] = {
    # a row a recorded value; `scope` is "" but for grad_norm: trunk, head, total, effective_head, layer:NAME
    "curves": [*RUN, "step", "split", "quantity", "scope", "value"],
    "finals": [*RUN, "split", "quantity", "value"],
    # a row a trained network: what it started from, and whether every recorded value of it is finite; seeds of one
    # `sample` have the same rows in the same parts; `shared` is the mean, over the seeds of other samples, of the share
    # of its rows that the other seed uses too (0 fresh rows, 1 one table)
    "runs": [*RUN, "trunk_hash", "order_hash", "paired", "sample", "shared", "finite", "engine"],
    "differences": [*COMPARISON],
    "attribution": [*SHARES],
    "learning_rates": [*RUN, "split", "quantity", "value"],
    "numerics": [
        "framework",
        "execution",
        "dtype",
        "form",
        "activation",
        "loss",
        "label",
        "z",
        "loss_value",
        "loss_reference",
        "grad",
        "grad_reference",
    ],
    # made of the tables of all cells, by stats.derived
    "overall": [
        "framework", "kind", "quantity", "head", "baseline", "at", "estimand", "n_tasks", "n_cells", "mean", "low",
        "high", "bound", "bca_low", "bca_high", "p", "p_holm", "p_larger", "p_larger_holm", "p_tost", "p_tost_holm",
        "margin", "primary", "outcome",
    ],
    "rate_gaps": [*COMPARISON, "best_rate", "baseline_best_rate", "at_edge"],
    "shifts": [
        "framework",
        "task",
        "network",
        "optimizer",
        "head",
        "baseline",
        "quantity",
        "rates",
        "shift",
        "shift_fine",
        "low",
        "high",
        "misfit",
        "misfit_unshifted",
    ],
    # along the learning rate: `relative` is log2 of the rate over sigmoid's best; a row a rate, and a row a cell
    "rate_map": [
        "framework", "task", "network", "optimizer", "learning_rate", "relative", "head", "baseline", "quantity", "n",
        "mean", "low", "high", "margin",
    ],
    "rate_law": [
        "framework", "task", "network", "optimizer", "estimand", "best_rate", "n", "crossing", "crossing_low",
        "crossing_high", "below_mean", "below_low", "below_high", "below_p", "above_mean", "above_low", "above_high",
        "above_p", "decided", "predicted",
    ],
    # networks of two frameworks from equal weights, or of two heads in one framework (`other` is "" then): after a
    # step, |a - b| over the larger of the two, of the loss on training rows
    "framework_distances": ["framework", "other", "dtype", "task", "network", "optimizer", "head", "seed", "step",
                            "distance"],
    "attribution_float64": [*SHARES],
    "loss_scale": [*SHARES],
    # beside the tables they are named after: a sweep and a float64 cell train the same networks again
    "learning_rates_runs": [*RUN, "trunk_hash", "order_hash", "paired", "sample", "shared", "finite", "engine"],
    "finals_float64": [*RUN, "split", "quantity", "value"],
    "runs_float64": [*RUN, "trunk_hash", "order_hash", "paired", "sample", "shared", "finite", "engine"],
    # `example` is a claim's id; `article_value` is NaN where the article gives none; status measured | not installed.
    # docs/protocol.md lists the quantities that each claim reads
    "worked_examples": ["example", "framework", "dtype", "quantity", "value", "article_value", "status"],
    # `statement` in plain words, `statement_zh` the same in Chinese, `details` every number behind it
    "verdicts": [
        "claim", "section", "outcome", "statement", "evidence", "value", "low", "high", "margin", "n_cells",
        "statement_zh", "details",
    ],
    "cells": ["cell", "kind", "status", "seconds", "networks_trained", "error", "notebook"],
}

# of trained networks, whose first column is what trained them
TRAINED = frozenset({
    "curves", "curves_float64", "finals", "finals_float64", "runs", "runs_float64", "learning_rates",
    "learning_rates_runs", "differences", "overall", "attribution", "attribution_float64", "loss_scale", "rate_gaps",
    "shifts", "rate_map", "rate_law",
})  # fmt: skip


def of_main(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Keep the main framework's rows of a table of trained networks; return any other table as it is."""
    return table[table["framework"] == MAIN] if name in TRAINED else table


def validate(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with the columns of `name` first and in order; more columns may follow.

    Raises `ValueError` naming what is missing.
    """
    required = SCHEMAS[name]
    missing = [column for column in required if column not in table.columns]
    if missing:
        raise ValueError(f"The table {name!r} lacks {', '.join(missing)}")
    rest = [column for column in table.columns if column not in required]
    return table[[*required, *rest]]


def pairs(values: pd.DataFrame, runs: pd.DataFrame, baseline: str = "sigmoid") -> pd.DataFrame:
    """Join each value of every other head with that of `baseline`: same task, network, optimizer, rate and seed.

    `values`: a `curves` or `finals` table. `runs`: the `runs` table of the same networks.
    Returns the keys and `head` with `value`, `baseline_value` and `difference` = value - baseline_value.
    Raises `ValueError` if two arms that claim to be paired did not start from the same trunk, or did not
    see the same batches: such a difference would have another cause than the head.
    """
    keys = [column for column in values.columns if column not in ("head", "value")]
    shared = [column for column in RUN if column != "head"]
    theirs = runs["head"] == baseline
    started = runs[~theirs].merge(runs[theirs].drop(columns="head"), on=shared, suffixes=("", "_baseline"))
    wrong = started["trunk_hash"] != started["trunk_hash_baseline"]
    # an arm whose role is to move the batch order (the noise floor) says so with paired = False
    wrong |= started["paired"] & started["paired_baseline"] & (started["order_hash"] != started["order_hash_baseline"])
    if wrong.any():
        first = started.loc[wrong, ["head", *shared]].iloc[0].to_dict()
        raise ValueError(f"{first.pop('head')} and {baseline} are not a pair: trunk or batch order differ in {first}")
    theirs = values["head"] == baseline
    baselines = values[theirs].drop(columns="head").rename(columns={"value": "baseline_value"})
    cell = [column for column in keys if column != "seed"]
    mine = values[~theirs].merge(baselines[cell].drop_duplicates(), on=cell)  # another baseline's cells are left out
    if mine.duplicated([*keys, "head"]).any():
        raise ValueError("A value stands twice in the table: it cannot be paired")
    joined = mine.merge(baselines, on=keys, how="inner", validate="many_to_one")
    _require_every_seed(mine, baselines, joined, cell)
    return joined.assign(difference=joined["value"] - joined["baseline_value"])


def _require_every_seed(mine: pd.DataFrame, baselines: pd.DataFrame, joined: pd.DataFrame, cell: list[str]) -> None:
    """Raise `ValueError` if the join dropped a value of an arm, or lacks one that the baseline has."""
    arms = joined.groupby(["head", *cell], observed=True, sort=False).size().rename("paired").reset_index()
    sizes = baselines.groupby(cell, observed=True, sort=False).size().rename("seeds").reset_index()
    short = arms.merge(sizes, on=cell).query("paired != seeds")
    if len(joined) < len(mine) or len(short):
        where = short.iloc[0].to_dict() if len(short) else mine.iloc[0][["head", *cell]].to_dict()
        raise ValueError(f"An arm and the baseline do not have the same seeds, so they are no pairs: {where}")


def pair(values: pd.DataFrame, runs: pd.DataFrame, head: str, baseline: str = "sigmoid") -> pd.DataFrame:
    """`pairs` of one arm alone, without the column `head`."""
    both = (head, baseline)
    return pairs(values[values["head"].isin(both)], runs[runs["head"].isin(both)], baseline).drop(columns="head")


def concat(parts: Sequence[pd.DataFrame], name: str) -> pd.DataFrame:
    """One table of many, validated; an empty one with the right columns when there are none."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return pd.DataFrame(columns=SCHEMAS[name])
    return validate(name, pd.concat(filled, ignore_index=True))
