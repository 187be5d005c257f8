"""Claims about several classes and about several labels, judged with each head at its own best rate.

At one rate for both the comparison would be of rates: Keras's binary cross-entropy is the mean over the units, so that
under SGD K sigmoids take steps K times smaller. The default rate stands beside the verdict and has no say in it.
"""

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
from experiments.claims.phrasing import fails, figure, signed, size, tally
from experiments.claims.record import Claim, NotMeasured, Part, Tables, Verdict, claim, decide
from experiments.judgement import scale_over_tasks
from experiments.messages import Messages
from experiments.stats import QUANTITIES

SOFTMAX, SIGMOID = "k_softmax", "k_sigmoid"
CLASSES, LABELS = "several classes", "several labels"
NEEDS = ("rate_gaps", "overall")

softmax_better = partial(favours, side=+1)
sigmoid_better = partial(favours, side=-1)


@claim(
    "sigmoid-covers-softmax",
    section="1.4(4)",
    description="wherever softmax can be used, sigmoid can",
    margin=QUANTITIES["accuracy"].margin,
    unit="accuracy",
    needs=NEEDS,
    called={"zh": "能用 softmax 的地方都能用 sigmoid"},
    measured={"zh": "准确率的 softmax 组 − sigmoid 组（各取最佳学习率，各任务平均）"},
)
def sigmoid_covers_softmax(tables: Tables, claim: Claim) -> Verdict:
    """On exclusive classes: K sigmoids are not worse than a K-way softmax by the margin or more."""
    return _verdict(tables, ["accuracy"], CLASSES, no_worse, "That sigmoids lose no more than the margin")


@claim(
    "softmax-for-exclusive",
    section="1.4(2)",
    description="exclusive classes call for softmax",
    margin=QUANTITIES["nll"].margin,
    unit="nats",
    needs=NEEDS,
    called={"zh": "互斥的类别应使用 softmax"},
    measured={"zh": "负对数似然的 softmax 组 − sigmoid 组（各取最佳学习率，各任务平均）"},
)
def softmax_for_exclusive(tables: Tables, claim: Claim) -> Verdict:
    """On exclusive classes: softmax is better by the margin or more."""
    quantities = ["nll", "accuracy", "ece"]
    return _verdict(tables, quantities, CLASSES, softmax_better, "That softmax is better by the margin or more")


@claim(
    "sigmoid-for-multilabel",
    section="1.1, 1.4(1, 3)",
    description="several right answers call for sigmoids",
    margin=QUANTITIES["micro_f1"].margin,
    unit="micro F1",
    needs=NEEDS,
    called={"zh": "有多个正确答案时应使用 sigmoid"},
    measured={"zh": "micro F1 的 softmax 组 − sigmoid 组（各取最佳学习率，各任务平均）"},
)
def sigmoid_for_multilabel(tables: Tables, claim: Claim) -> Verdict:
    """On several labels: sigmoids are better by the margin or more than a softmax with normalised targets."""
    quantities = ["micro_f1", "macro_f1", "subset_accuracy", "nll"]
    return _verdict(tables, quantities, LABELS, sigmoid_better, "That sigmoids are better by the margin or more")


def _verdict(
    tables: Tables, quantities: list[str], kind: str, judge: Callable[[pd.DataFrame], list[Part]], claimed: str
) -> Verdict:
    """Each head at its own best rate, cell by cell and over tasks; the first quantity's mean is the verdict's value."""
    rows = _of_kind(comparisons(tables, "rate_gaps", SOFTMAX, SIGMOID, at="best"), kind, "rate_gaps")
    rows = comparisons({"rate_gaps": rows}, "rate_gaps", SOFTMAX, SIGMOID, quantities)
    across = means(tables, SOFTMAX, SIGMOID, kind, quantities, at="best")
    parts, overall = judge(rows), judge(across)
    first = across.iloc[0]
    return Verdict(
        outcome=decide(parts, overall),
        statement=lambda messages: _statement(first, messages) + fails([*parts, *overall], messages),
        details=f"With each head at its own best rate, {in_words(across)}. {claimed} {tally([*parts, *overall])}. "
        f"Cell by cell: {outcomes(rows)}.{seeds_clause(rows)}{_at_default(tables, quantities, kind)}",
        evidence=f"rate_gaps and overall at the best rates (overall at the default rate, and loss_scale, stand beside "
        f"them and decide nothing): {SOFTMAX} against {SIGMOID} in {', '.join(rows['quantity'].unique())} on "
        f"{', '.join(rows['task'].unique())}",
        measure=f"{SOFTMAX} - {SIGMOID} in {first['quantity']}, each at its own best rate, mean over tasks",
        value=first["mean"],
        low=first["low"],
        high=first["high"],
        n_cells=n_cells(rows),
        parts=(*parts, *overall),
    )


def _statement(row: pd.Series, messages: Messages) -> str:
    """The first quantity's mean over tasks, and how it came out."""
    quantity = str(row["quantity"])
    unit = f" {messages(f'unit.{quantity}')}" if QUANTITIES[quantity].unit == "nats" else ""
    return messages(f"several.{'higher' if row['mean'] > 0 else 'lower'}", quantity=messages(f"quantity.{quantity}"),
                    size=size(row["mean"]) + unit, outcome=messages(f"outcome.{row['outcome']}"))  # fmt: skip


def _of_kind(rows: pd.DataFrame, kind: str, table: str) -> pd.DataFrame:
    """The rows on tasks of one kind; raises `NotMeasured` if there are none."""
    labelled = set(rows.loc[rows["quantity"] == "micro_f1", "task"])  # only a task of several labels has it
    rows = rows[rows["task"].isin(labelled) == (kind == LABELS)]
    if rows.empty:
        raise NotMeasured(f"the table {table} has no row of {SOFTMAX} against {SIGMOID} on a task of {kind}")
    return rows


def _at_default(tables: Tables, quantities: list[str], kind: str) -> str:
    """Say the same at the default rate, and what the loss's scale makes of it: to be read beside the verdict."""
    try:
        summary = in_words(means(tables, SOFTMAX, SIGMOID, kind, quantities))
    except NotMeasured as lacking:
        return f" Not measured: {lacking}."
    return f" At the default rate, {summary}. {_scale(tables, quantities[0], kind)}"


def _scale(tables: Tables, quantity: str, kind: str) -> str:
    """The scale of the loss under SGD, as a sentence."""
    try:
        rows = _of_kind(tables.get("loss_scale", pd.DataFrame(columns=["quantity", "task"])), kind, "loss_scale")
    except NotMeasured as lacking:
        return f"Not measured: {lacking}."
    shares = scale_over_tasks(rows, quantity)
    if shares is None:
        return f"No cell under SGD tells what the scale of the loss has in {quantity}."
    whole, part = shares
    percent = f" ({figure(100 * part / whole)} %)" if abs(whole) >= QUANTITIES[quantity].margin else ""
    return (
        f"Under SGD the difference in {quantity} is {signed(whole)} there, of which the scale of the loss (Keras takes "
        f"the mean over the units, not the sum) makes {signed(part)}{percent}."
    )
