"""Claims about several classes and about several labels."""

from __future__ import annotations

import pandas as pd

from experiments.claims.evidence import comparisons, favours, n_cells, no_worse, outcomes, pooled, seeds_clause
from experiments.claims.record import Claim, NotMeasured, Part, Tables, Verdict, claim, decide
from experiments.claims.words import interval, signed, tally
from experiments.stats import QUANTITIES

SOFTMAX, SIGMOID = "k_softmax", "k_sigmoid"
_LABELS = "micro_f1"  # only a task of several labels has it


def _rows(tables: Tables, quantities: list[str], several_labels: bool) -> pd.DataFrame:
    """Comparisons at the default rate and, where they were swept, at each arm's own best."""
    rows = comparisons(tables, "differences", SOFTMAX, SIGMOID)
    if "rate_gaps" in tables and len(tables["rate_gaps"]):
        gaps = tables["rate_gaps"]
        best = gaps[(gaps["head"] == SOFTMAX) & (gaps["baseline"] == SIGMOID) & (gaps["at"] == "best")]
        rows = pd.concat([rows, best], ignore_index=True) if len(best) else rows
    labelled = set(rows.loc[rows["quantity"] == _LABELS, "task"])
    rows = rows[rows["task"].isin(labelled) == several_labels]
    rows = pd.concat([rows[rows["quantity"] == quantity] for quantity in quantities], ignore_index=True)
    if rows.empty:
        kind = "several labels" if several_labels else "several classes"
        raise NotMeasured(f"the table differences has no {SOFTMAX} against {SIGMOID} on a task of {kind}")
    return rows


@claim(
    "sigmoid-covers-softmax",
    section="1.4(4)",
    description="wherever softmax can be used, sigmoid can",
    margin=QUANTITIES["accuracy"].margin,
    unit="accuracy",
    needs=("differences",),
)
def sigmoid_covers_softmax(tables: Tables, known: Claim) -> Verdict:
    """On exclusive classes: K sigmoids are not worse than a K-way softmax by the margin or more."""
    rows = _rows(tables, ["accuracy"], several_labels=False)
    return _verdict(rows, no_worse(rows), "That sigmoids lose no more than the margin")


@claim(
    "softmax-for-exclusive",
    section="1.4(2)",
    description="exclusive classes call for softmax",
    margin=QUANTITIES["nll"].margin,
    unit="nats",
    needs=("differences",),
)
def softmax_for_exclusive(tables: Tables, known: Claim) -> Verdict:
    """On exclusive classes: softmax is better by the margin or more."""
    rows = _rows(tables, ["nll", "accuracy", "ece"], several_labels=False)
    return _verdict(rows, favours(rows, +1), "That softmax is better by the margin or more")


@claim(
    "sigmoid-for-multilabel",
    section="1.1, 1.4(1, 3)",
    description="several right answers call for sigmoids",
    margin=QUANTITIES["micro_f1"].margin,
    unit="micro F1",
    needs=("differences",),
)
def sigmoid_for_multilabel(tables: Tables, known: Claim) -> Verdict:
    """On several labels: sigmoids are better by the margin or more than a softmax with normalised targets."""
    rows = _rows(tables, ["micro_f1", "macro_f1", "subset_accuracy", "nll"], several_labels=True)
    return _verdict(rows, favours(rows, -1), "That sigmoids are better by the margin or more")


def _verdict(rows: pd.DataFrame, parts: list[Part], claimed: str) -> Verdict:
    """`rows`: the first quantity in them is the one whose mean is the verdict's value."""
    quantity = str(rows["quantity"].iloc[0])
    default = rows[rows["at"] != "best"] if "at" in rows else rows
    mean, low, high = pooled(default[default["quantity"] == quantity])
    unit = QUANTITIES[quantity].unit
    return Verdict(
        outcome=decide(parts),
        statement=f"{claimed} {tally(parts)}. {outcomes(rows)}. {SOFTMAX} - {SIGMOID} in {quantity}: {signed(mean)}"
        f"{'' if unit == 'share' else f' {unit}'}{interval(low, high)}.{seeds_clause(rows)}",
        evidence=f"differences{' and rate_gaps' if 'at' in rows else ''}: {SOFTMAX} against {SIGMOID} in "
        f"{', '.join(rows['quantity'].unique())} on {', '.join(rows['task'].unique())}",
        measure=f"{SOFTMAX} - {SIGMOID} in {quantity}, mean over tasks",
        value=mean,
        low=low,
        high=high,
        n_cells=n_cells(rows),
        parts=tuple(parts),
    )
