"""The claims about several classes and labels: each head at its own best rate, with the default rate beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from claim_tables import Tables, comparison, counts, mean_over, swapped, table, verdict

from experiments.tables import SCHEMAS

DIGITS, SHAPES, YEAST = "digits/mlp/sgd", "shapes/cnn/adam", "yeast/mlp/sgd"
ARMS = {"head": "k_softmax", "baseline": "k_sigmoid"}
Outcome = tuple[str, str, int]  # quantity, outcome, sign of softmax - sigmoids


def several(
    classes: list[Outcome], labels: list[Outcome], over_classes: list[Outcome] = (), over_labels: list[Outcome] = ()
) -> Tables:
    """At the best rates, each comparison in `digits` or `yeast`, and the means over tasks (else the same ones).

    At the default rate softmax is far ahead in every quantity.
    """
    cells = [
        comparison(*each, cell=cell, at="best", **ARMS)
        for cell, rows in ((DIGITS, classes), (YEAST, labels))
        for each in rows
    ]
    binary = comparison("accuracy", "larger", at="best")
    kinds = (("several classes", over_classes or classes, DIGITS), ("several labels", over_labels or labels, YEAST))
    means = [
        mean_over(*each, kind=kind, n_tasks=2, at=at, **ARMS)
        for kind, rows, _ in kinds
        for each in rows
        for at in ("best",)
    ]
    ahead = [
        mean_over(each[0], "larger", -1 if each[0] in ("nll", "ece") else 1, kind=kind, at="default", **ARMS)
        for kind, rows, _ in kinds
        for each in rows
    ]
    return {"rate_gaps": table("rate_gaps", [*cells, binary]), "overall": table("overall", [*ahead, *means])}


F1 = [("micro_f1", "undecided", 1)]
ACCURACY = [("accuracy", "undecided", 1)]
OUTCOMES = ["larger", "different", "negligible", "equivalent", "undecided"]


@pytest.mark.parametrize(
    ("outcome", "ahead", "behind"),
    [
        ("larger", (0, 2, 0), (2, 0, 0)),
        ("different", (0, 0, 2), (2, 0, 0)),
        ("negligible", (2, 0, 0), (2, 0, 0)),
        ("equivalent", (2, 0, 0), (2, 0, 0)),
        ("undecided", (0, 0, 2), (0, 0, 2)),
    ],
)
def test_sigmoid_covers_softmax_unless_softmax_is_ahead_by_the_margin(
    outcome: str, ahead: tuple[int, int, int], behind: tuple[int, int, int]
) -> None:
    for side, expected in ((1, ahead), (-1, behind)):
        row = verdict(several([("accuracy", outcome, side)], F1), "sigmoid-covers-softmax")
        assert counts(row) == expected
        assert row["outcome"] == {(2, 0, 0): "supported", (0, 2, 0): "refuted", (0, 0, 2): "undecided"}[expected]


@pytest.mark.parametrize(
    ("outcome", "ahead", "behind"),
    [
        ("larger", (2, 0, 0), (0, 2, 0)),
        ("different", (0, 0, 2), (0, 2, 0)),
        ("negligible", (0, 2, 0), (0, 2, 0)),
        ("equivalent", (0, 2, 0), (0, 2, 0)),
        ("undecided", (0, 0, 2), (0, 0, 2)),
    ],
)
def test_a_head_is_called_for_where_it_is_ahead_by_the_margin(
    outcome: str, ahead: tuple[int, int, int], behind: tuple[int, int, int]
) -> None:
    """Exclusive classes for softmax, several labels for sigmoids: the same words with the heads swapped."""
    for side, expected in ((1, ahead), (-1, behind)):
        classes = several([("accuracy", outcome, side)], F1)
        assert counts(verdict(classes, "softmax-for-exclusive")) == expected
        labels = several(ACCURACY, [("micro_f1", outcome, -side)])
        assert counts(verdict(labels, "sigmoid-for-multilabel")) == expected
        # less loss is better: softmax's is below sigmoids' where it is ahead
        loss = several([("nll", outcome, -side)], [*F1, ("nll", outcome, side)])
        assert counts(verdict(loss, "softmax-for-exclusive")) == expected
        both = verdict(loss, "sigmoid-for-multilabel")
        assert counts(both) == (expected[0], expected[1], expected[2] + 2)


def test_classes_say_nothing_of_labels_and_binary_tasks_nothing_of_either() -> None:
    tables = several(
        [("accuracy", "larger", 1), ("nll", "equivalent", 1)], [("micro_f1", "larger", 1), ("nll", "larger", 1)]
    )
    covers, exclusive, labels = (
        verdict(tables, name) for name in ("sigmoid-covers-softmax", "softmax-for-exclusive", "sigmoid-for-multilabel")
    )
    assert (covers["outcome"], counts(covers), covers["n_cells"]) == ("refuted", (0, 2, 0), 1)
    assert (exclusive["outcome"], counts(exclusive)) == ("depends", (2, 2, 0))
    assert (labels["outcome"], counts(labels)) == ("depends", (2, 2, 0))
    assert "on digits" in covers["evidence"]
    assert "yeast" not in covers["evidence"]
    assert labels["evidence"].endswith("in micro_f1, nll on yeast")


def test_the_value_is_the_mean_of_the_first_quantity_at_the_best_rates() -> None:
    """Accuracy is 0.025 above, loss 0.0025 below its margin of 0.02; the default rate's figures are others."""
    tables = several([("nll", "equivalent", -1), ("accuracy", "larger", 1)], F1)
    covers, exclusive = verdict(tables, "sigmoid-covers-softmax"), verdict(tables, "softmax-for-exclusive")
    assert (covers["value"], covers["low"], covers["high"]) == pytest.approx((0.025, 0.02, 0.03))
    assert (exclusive["value"], exclusive["low"], exclusive["high"]) == pytest.approx((-0.0025, -0.0125, 0.0075))
    assert covers["measure"].endswith("in accuracy, each at its own best rate, mean over tasks")
    assert exclusive["measure"].endswith("in nll, each at its own best rate, mean over tasks")
    other = {**tables, "overall": swapped(tables["overall"]), "rate_gaps": swapped(tables["rate_gaps"])}
    row = verdict(other, "sigmoid-covers-softmax")
    assert (row["value"], row["low"], row["high"]) == pytest.approx((-0.025, -0.03, -0.02))
    assert (covers["outcome"], row["outcome"]) == ("refuted", "supported")
    first = "Each at its best learning rate, the {} of one softmax for all is {} than that of a sigmoid for each ({})."
    larger = "larger than the margin"
    assert row["statement"] == first.format("accuracy", "0.025 lower", larger)
    assert covers["statement"].startswith(first.format("accuracy", "0.025 higher", larger))
    assert exclusive["statement"].startswith(first.format("NLL", "0.0025 nats lower", "equivalent"))
    assert (
        "+0.025 (95 % interval +0.02 to +0.03): larger than the margin. That sigmoids lose no more"
        in covers["details"]
    )
    assert (
        "-0.025 (95 % interval -0.03 to -0.02): larger than the margin. That sigmoids lose no more" in row["details"]
    )


def test_the_sentence_of_several_classes_has_the_best_rates_the_cells_and_then_the_default() -> None:
    row = verdict(
        several([("accuracy", "larger", 1)], F1, over_classes=[("accuracy", "negligible", 1)]), "sigmoid-covers-softmax"
    )
    best, default = str(row["details"]).split(" At the default rate, ")
    assert best.startswith("With each head at its own best rate, ")
    assert "mean over 2 tasks: " in best
    assert "+0.005 (95 % interval +0.0025 to +0.0075): different by less than the margin." in best
    assert "That sigmoids lose no more than the margin holds in 1 (" in best
    assert "mean over tasks), fails in 1 (" in best
    assert "of digits/mlp/sgd at its own best rate) and is open in 0 of 2 comparisons. Cell by cell: " in best
    assert best.endswith("1 larger than the margin.")
    assert "mean over 3 tasks" in default
    assert "+0.025 (95 % interval +0.02 to +0.03): larger than the margin. " in default


def scale(
    rows: list[tuple[str, str, float, float]], quantity: str = "accuracy", optimizer: str = "sgd"
) -> pd.DataFrame:
    """`loss_scale`: (task, factor, difference, share)."""
    return pd.DataFrame(
        [
            dict.fromkeys(SCHEMAS["loss_scale"], np.nan)
            | {
                "framework": "keras-tensorflow",
                "task": task,
                "network": "mlp",
                "optimizer": optimizer,
                "quantity": quantity,
                "factor": factor,
                "difference": difference,
                "share": share,
            }
            for task, factor, difference, share in rows
        ]
    )


def beside(loss_scale: pd.DataFrame | None) -> str:
    """What stands at the end of the sentence about accuracy on several classes."""
    tables = dict(several([("accuracy", "larger", 1)], F1))
    if loss_scale is not None:
        tables["loss_scale"] = loss_scale
    return str(verdict(tables, "sigmoid-covers-softmax")["details"]).split("larger than the margin. ")[-1]


def test_the_scale_of_the_loss_is_a_share_of_the_difference_under_sgd() -> None:
    """Two tasks, +0.2 and +0.4: the scale makes 0.1 and 0.2 of them, half."""
    rows = [("digits", "loss_scale", 0.2, 0.1), ("digits", "rest", 0.2, 0.1), ("shapes", "loss_scale", 0.4, 0.2)]
    assert beside(scale(rows)) == (
        "Under SGD the difference in accuracy is +0.3 there, of which the scale of the loss (Keras takes the mean over "
        "the units, not the sum) makes +0.15 (50 %)."
    )
    assert beside(scale([("digits", "loss_scale", -0.2, -0.1)])).endswith(
        "is -0.2 there, of which the scale of the loss "
        "(Keras takes the mean over the units, not the sum) makes -0.1 (50 %)."
    )


@pytest.mark.parametrize(
    ("difference", "percent"), [(0.0101, True), (0.01, True), (0.0099, False), (-0.0101, True), (-0.0099, False)]
)
def test_a_difference_inside_the_margin_has_no_share_in_per_cent(difference: float, percent: bool) -> None:
    assert ("%" in beside(scale([("digits", "loss_scale", difference, 0.005)]))) == percent


def test_where_the_scale_is_not_known_it_is_said() -> None:
    labels = scale([("yeast", "loss_scale", 0.2, 0.1)], quantity="micro_f1")
    absent = (
        "Not measured: the table loss_scale has no row of k_softmax against k_sigmoid on a task of several classes."
    )
    assert [beside(missing) for missing in (None, labels)] == [absent, absent]
    adam = scale([("digits", "loss_scale", 0.2, 0.1)], optimizer="adam")
    assert beside(adam) == "No cell under SGD tells what the scale of the loss has in accuracy."
    tables = several([("accuracy", "larger", 1)], F1)
    overall = tables["overall"]
    none = {**tables, "overall": overall[overall["at"] == "best"]}
    assert str(verdict(none, "sigmoid-covers-softmax")["details"]).endswith(
        " Not measured: the table overall has no row of k_softmax against k_sigmoid on several classes at the default "
        "rate."
    )


@pytest.mark.parametrize("kind", ["several classes", "several labels"])
def test_a_kind_of_task_that_was_not_trained_is_named(kind: str) -> None:
    tables = several(ACCURACY, F1)
    rows = tables["rate_gaps"]
    labels = rows["quantity"] == "micro_f1"
    rows = rows[labels if kind == "several classes" else ~labels]
    name = "softmax-for-exclusive" if kind == "several classes" else "sigmoid-for-multilabel"
    row = verdict({**tables, "rate_gaps": rows}, name)
    assert (row["outcome"], row["n_cells"]) == ("undecided", 0)
    assert f"no row of k_softmax against k_sigmoid on a task of {kind}" in row["details"]
