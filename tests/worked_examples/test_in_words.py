"""The first lines of a notebook: what they say follows from its tables."""

from __future__ import annotations

import pandas as pd
import pytest
from claim_tables import comparison

from experiments.judgement import (
    binary_answer,
    control_answer,
    frameworks_answer,
    rates_answer,
    several_answer,
    verdicts_answer,
)
from experiments.worked_examples import answer, article_figures

CELL = ("breast_cancer", "mlp", "adam")


def rows(side: int, outcome: str = "larger") -> pd.DataFrame:
    return pd.DataFrame([
        comparison("nll", outcome, side), comparison("nll", "equivalent", head="softmax_matched"),
        comparison("accuracy", "larger", -side),
    ])  # fmt: skip


def test_a_binary_notebook_says_who_ends_lower_by_how_much_and_why() -> None:
    shares = pd.DataFrame({"quantity": "nll", "factor": ["head_rate", "arithmetic"], "share": [-0.05, 0.0]})
    said = binary_answer(rows(-1), shares, CELL)
    assert said.startswith("**On breast cancer · MLP · Adam, softmax's final test loss is 0.05 nats lower than sigmoid")
    assert "(95 % interval of the difference −0.06 to −0.04): larger than the margin.**" in said
    assert "Of the difference, in nats: head's learning rate −0.05, arithmetic (left when matched) +0." in said
    assert "With start and head rate matched, it is 0.0025 nats higher" in said
    higher = "0.05 nats higher than sigmoid's (95 % interval of the difference +0.04 to +0.06): larger than the margin"
    assert higher in binary_answer(rows(1), shares, CELL)
    assert "nothing to compare" in binary_answer(rows(1).iloc[1:2], shares, CELL)


def test_a_sweeps_notebook_says_the_factor_of_the_rate_and_what_is_left_at_the_best() -> None:
    shifts = pd.DataFrame({"head": ["softmax"], "shift_fine": [1.05]})
    best = rows(1, "equivalent").assign(at="best")
    said = rates_answer(shifts, best, CELL)
    assert "softmax is most like sigmoid at 2.1 times its rate; each at its own best rate" in said
    assert "0.0025 nats higher than sigmoid's" in said
    assert "most like" not in rates_answer(shifts.assign(shift_fine=float("nan")), best, CELL)


def test_the_verdicts_are_counted_and_each_is_stated() -> None:
    table = pd.DataFrame({"outcome": ["supported", "refuted", "supported"], "description": ["a", "b", "c"],
                          "section": "1", "statement": ["A.", "B.", "C."]})  # fmt: skip
    said = verdicts_answer(table).splitlines()
    assert said[0] == "**Of 3 claims, 2 supported, 1 refuted.**"
    assert said[3] == "- **refuted**: b (§ 1). B."


def test_a_control_says_the_largest_part_that_arithmetic_leaves() -> None:
    shares = pd.DataFrame({"quantity": ["nll", "nll", "accuracy"], "factor": ["head_rate", "arithmetic", "arithmetic"],
                           "share": [-0.05, 2.16e-16, 0.0], "part": [1.0, 4.12e-15, 0.0],
                           "difference": -0.0512})  # fmt: skip
    said = control_answer(shares, CELL, "float64")
    assert "arithmetic leaves at most 4.1e−15 of a difference in float64" in said
    assert said.endswith("Of 0.051 nats between the final test losses, 2.2e−16 are left.")
    assert "nats" not in control_answer(shares[shares["quantity"] == "accuracy"], CELL, "float64")


def test_several_units_are_told_at_the_best_rates_first_and_softmax_alone() -> None:
    best = pd.DataFrame([comparison("accuracy", "equivalent", head="k_softmax"),
                         comparison("nll", "larger", -1, head="k_softmax"),
                         comparison("nll", "larger", 1, head="k_sigmoid_sum")])  # fmt: skip
    usual = pd.DataFrame([comparison("nll", "larger", 1, head="k_softmax")])
    shares = pd.DataFrame({"quantity": "nll", "factor": ["loss_scale", "rest"], "share": [0.04, 0.01],
                           "difference": 0.05})  # fmt: skip
    said = several_answer(best, usual, shares, ["nll", "accuracy"], ("digits", "mlp", "adam")).splitlines()
    assert said[0].endswith("is −0.05 nats in NLL (95 % interval −0.06 to −0.04): larger than the margin.**")
    assert said[1].startswith("Beside it, +0.00125 in accuracy (95 %")
    assert said[3] == (
        "At the optimizer's own rate it is +0.05 nats in NLL (95 % interval +0.04 to +0.06): larger than the margin; "
        "the scale of the loss makes +0.04 of it."
    )
    assert "not known" in several_answer(best[:0], usual, shares, ["nll"], ("digits", "mlp", "adam"))


def test_frameworks_are_told_by_their_largest_distance_and_the_heads_by_their_median() -> None:
    last = pd.DataFrame({"dtype": ["float32", "float32", "float64", "float64", "float64"],
                         "other": ["torch", "torch", "torch", "", ""],
                         "distance": [1e-6, 3.14e-6, 2.16e-15, 0.1, 0.346]})  # fmt: skip
    said = frameworks_answer(last, CELL)
    assert "end at most 2.2e−15 in float64 and 3.1e−06 in float32 apart" in said
    assert "those of the two heads 0.22 in the median" in said


def test_the_articles_figures_are_told_with_the_losses_that_are_wrong() -> None:
    rows = [
        ("log-loss-example", "NumPy", "float64", "loss_model_1", 1.002, 1.0),
        ("log-loss-example", "Keras", "float64", "loss_model_1", 0.999, 1.0),
        ("loss-recipes", "good", "float32", "largest_error", 1e-9, float("nan")),
        ("loss-recipes", "good", "float32", "first_wrong_logit", float("nan"), float("nan")),
        ("loss-recipes", "bad", "float32", "largest_error", 0.5, float("nan")),
        ("loss-recipes", "bad", "float32", "first_wrong_logit", 17.0, float("nan")),
        ("loss-recipes", "absent", "float32", "largest_error", float("nan"), float("nan")),
        ("loss-recipes", "absent", "float32", "first_wrong_logit", float("nan"), float("nan")),
    ]
    table = pd.DataFrame(rows, columns=["example", "framework", "dtype", "quantity", "value", "article_value"])
    assert article_figures(table)["error"].tolist() == pytest.approx([0.002, -0.001])
    said = answer(table).splitlines()
    assert "a relative error of 2.0e-03; of 2 losses that it names, 1 are right at every logit.**" in said[0]
    assert said[2:] == ["- bad in float32: wrong from |z| = 17"]
