"""Claims about several classes and about several labels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd

from experiments.claims.evidence import (
    comparisons,
    favours,
    in_words,
    means,
    n_cells,
    no_worse,
    outcomes,
    seeds_clause,
)
from experiments.claims.record import Claim, NotMeasured, Part, Tables, Verdict, claim, decide
from experiments.claims.words import tally
from experiments.judgement import FRESH
from experiments.stats import QUANTITIES

SOFTMAX, SIGMOID = "k_softmax", "k_sigmoid"
CLASSES, LABELS = "several classes", "several labels"

softmax_better = partial(favours, side=+1)
sigmoid_better = partial(favours, side=-1)


def _rows(tables: Tables, quantities: list[str], kind: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Comparisons at the default rate and, where they were swept, at each arm's own best; and the means over tasks."""
    across = means(tables, SOFTMAX, SIGMOID, kind, quantities)
    rows = comparisons(tables, "differences", SOFTMAX, SIGMOID)
    if "rate_gaps" in tables and len(tables["rate_gaps"]):
        gaps = tables["rate_gaps"]
        gaps = gaps[gaps["estimand"] == FRESH]
        best = gaps[(gaps["head"] == SOFTMAX) & (gaps["baseline"] == SIGMOID) & (gaps["at"] == "best")]
        rows = pd.concat([rows, best], ignore_index=True) if len(best) else rows
    labelled = set(rows.loc[rows["quantity"] == "micro_f1", "task"])  # only a task of several labels has it
    rows = rows[rows["task"].isin(labelled) == (kind == LABELS)]
    rows = pd.concat([rows[rows["quantity"] == quantity] for quantity in quantities], ignore_index=True)
    if rows.empty:
        raise NotMeasured(f"the table differences has no {SOFTMAX} against {SIGMOID} on a task of {kind}")
    return rows, across


@claim(
    "sigmoid-covers-softmax",
    section="1.4(4)",
    description="wherever softmax can be used, sigmoid can",
    margin=QUANTITIES["accuracy"].margin,
    unit="accuracy",
    needs=("differences", "overall"),
)
def sigmoid_covers_softmax(tables: Tables, known: Claim) -> Verdict:
    """On exclusive classes: K sigmoids are not worse than a K-way softmax by the margin or more."""
    rows, across = _rows(tables, ["accuracy"], CLASSES)
    return _verdict(rows, across, no_worse, "That sigmoids lose no more than the margin")


@claim(
    "softmax-for-exclusive",
    section="1.4(2)",
    description="exclusive classes call for softmax",
    margin=QUANTITIES["nll"].margin,
    unit="nats",
    needs=("differences", "overall"),
)
def softmax_for_exclusive(tables: Tables, known: Claim) -> Verdict:
    """On exclusive classes: softmax is better by the margin or more."""
    rows, across = _rows(tables, ["nll", "accuracy", "ece"], CLASSES)
    return _verdict(rows, across, softmax_better, "That softmax is better by the margin or more")


@claim(
    "sigmoid-for-multilabel",
    section="1.1, 1.4(1, 3)",
    description="several right answers call for sigmoids",
    margin=QUANTITIES["micro_f1"].margin,
    unit="micro F1",
    needs=("differences", "overall"),
)
def sigmoid_for_multilabel(tables: Tables, known: Claim) -> Verdict:
    """On several labels: sigmoids are better by the margin or more than a softmax with normalised targets."""
    rows, across = _rows(tables, ["micro_f1", "macro_f1", "subset_accuracy", "nll"], LABELS)
    return _verdict(rows, across, sigmoid_better, "That sigmoids are better by the margin or more")


def _verdict(
    rows: pd.DataFrame, across: pd.DataFrame, judge: Callable[[pd.DataFrame], list[Part]], claimed: str
) -> Verdict:
    """`rows` cell by cell, `across` over tasks; the first quantity's mean over tasks is the verdict's value."""
    parts, overall = judge(rows), judge(across)
    first = across.iloc[0]
    return Verdict(
        outcome=decide(parts, overall),
        statement=f"{in_words(across)}. {claimed} "
        f"{tally([*parts, *overall])}. Cell by cell: {outcomes(rows)}.{seeds_clause(rows)}",
        evidence=f"overall, differences{' and rate_gaps' if 'at' in rows else ''}: {SOFTMAX} against {SIGMOID} in "
        f"{', '.join(rows['quantity'].unique())} on {', '.join(rows['task'].unique())}",
        measure=f"{SOFTMAX} - {SIGMOID} in {first['quantity']}, mean over tasks",
        value=first["mean"],
        low=first["low"],
        high=first["high"],
        n_cells=n_cells(rows),
        parts=(*parts, *overall),
    )
