"""The part of the loss's scale in softmax - sigmoids on several classes or labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_tables import Values, finals, runs

from experiments import engines
from experiments.judgement import loss_scale, pair_up, scale_over_tasks
from experiments.records import Setup
from experiments.stats import corrected_t
from experiments.tables import SCHEMAS

SIGMOID = [0.50, 0.60, 0.70, 0.90]
SUMMED = [0.30, 0.35, 0.40, 0.65]
SOFTMAX = [0.25, 0.33, 0.41, 0.61]
ARMS: Values = {("k_sigmoid", "nll"): SIGMOID, ("k_sigmoid_sum", "nll"): SUMMED, ("k_softmax", "nll"): SOFTMAX}


def shares(table: pd.DataFrame, shared: float = 1.0, **options: float) -> pd.DataFrame:
    return loss_scale(pair_up(table, None, runs(table, shared), "k_sigmoid"), **options)


def test_the_shares_by_hand() -> None:
    found = shares(finals(ARMS, task="digits"))
    assert list(found.columns) == SCHEMAS["attribution"]
    assert list(found["factor"]) == ["loss_scale", "rest"]
    scale, rest = found.to_dict("records")
    assert scale["share"] == pytest.approx(-0.25)  # -0.20, -0.25, -0.30, -0.25
    assert rest["share"] == pytest.approx(-0.025)  # -0.05, -0.02, 0.01, -0.04
    assert scale["difference"] == rest["difference"] == pytest.approx(-0.275)
    assert (scale["part"], rest["part"]) == (pytest.approx(0.25 / 0.275), pytest.approx(0.03 / 0.275))
    assert (scale["n"], scale["margin"], scale["task"]) == (4, 0.02, "digits")
    assert np.isnan(scale["noise_floor"])


def test_the_intervals_allow_for_shared_rows() -> None:
    parts = np.subtract([SUMMED, SOFTMAX], [SIGMOID, SUMMED])
    for shared, ratio in ((1.0, 1 / 3), (0.0, 0.0)):
        for confidence in (0.95, 0.8):
            low, high = corrected_t(parts, ratio, confidence)
            found = shares(finals(ARMS, task="digits"), shared, confidence=confidence)
            np.testing.assert_allclose(found["low"], low, rtol=1e-12)
            np.testing.assert_allclose(found["high"], high, rtol=1e-12)


def test_quantities_and_cells_stay_apart() -> None:
    """In the order of registration; a relative margin is that share of the sigmoids' own mean."""
    values = {"k_sigmoid": [1, 1, 2, 2], "k_sigmoid_sum": [10, 10, 20, 20], "k_softmax": [9, 12, 18, 22]}
    norms: Values = {(head, "grad_norm_head"): norm for head, norm in values.items()}
    without = {key: values for key, values in ARMS.items() if key[0] != "k_sigmoid_sum"}
    found = shares(
        pd.concat([finals(norms, task="digits"), finals(ARMS, task="digits"), finals(ARMS, task="yeast", rate=0.5),
                   finals(without, task="mnist")])
    )  # fmt: skip
    assert list(found[["task", "quantity", "factor"]].itertuples(index=False, name=None)) == [
        ("digits", "nll", "loss_scale"), ("digits", "nll", "rest"), ("digits", "grad_norm_head", "loss_scale"),
        ("digits", "grad_norm_head", "rest"), ("yeast", "nll", "loss_scale"), ("yeast", "nll", "rest"),
    ]  # fmt: skip
    head = found[found["quantity"] == "grad_norm_head"].set_index("factor")
    assert list(head["share"]) == [13.5, 0.25]
    assert list(head["margin"]) == [pytest.approx(0.15)] * 2
    assert shares(finals(without)).empty
    assert list(shares(finals(without)).columns) == SCHEMAS["attribution"]


def test_the_mean_over_tasks_counts_each_task_once_and_drops_no_cell() -> None:
    """Two cells of one task and one of another; a cell without a number leaves the mean without one."""
    wider = {key: [2 * value for value in values] for key, values in ARMS.items()}
    cells = [finals(ARMS, task="digits"), finals(wider, task="digits", rate=0.5), finals(ARMS, task="yeast")]
    found = scale_over_tasks(shares(pd.concat(cells)), "nll")
    assert found == pytest.approx((-0.275 * (1.5 + 1) / 2, -0.25 * (1.5 + 1) / 2))
    broken = {**wider, ("k_sigmoid_sum", "nll"): [np.nan, 1.0, 1.0, 1.0]}
    whole, share = scale_over_tasks(shares(pd.concat([cells[0], finals(broken, task="digits", rate=0.5)])), "nll")
    assert whole == pytest.approx(-0.275 * 1.5)
    assert np.isnan(share)
    assert scale_over_tasks(shares(cells[0]), "accuracy") is None


def test_a_share_of_what_is_not_finite_is_no_number() -> None:
    broken = {**ARMS, ("k_sigmoid_sum", "nll"): [np.nan, *SUMMED[1:]]}
    found = shares(finals(broken, task="digits"))
    assert found[["share", "low", "high", "mean_abs"]].isna().all(axis=None)
    assert found["difference"].iloc[0] == pytest.approx(-0.275)


def test_over_tasks_each_task_counts_once() -> None:
    """Two cells of one task, 0.1 and 0.3, and one of another, 0.6: a mean of 0.4; their shares are half as large."""
    cells = [("digits", 0.1), ("digits", 0.3), ("yeast", 0.6)]
    table = pd.DataFrame([(task, "sgd", "nll", factor, d, d / 2 * sign) for task, d in cells
                          for factor, sign in (("loss_scale", 1), ("rest", -1))],
                         columns=["task", "optimizer", "quantity", "factor", "difference", "share"])  # fmt: skip
    others = pd.concat([table.assign(optimizer="adam", share=9.0), table.assign(quantity="accuracy", share=7.0)])
    both = pd.concat([table, others])
    assert scale_over_tasks(both, "nll") == (pytest.approx(0.4), pytest.approx(0.2))
    assert scale_over_tasks(both, "nll", "adam") == (pytest.approx(0.4), 9.0)
    assert scale_over_tasks(both, "accuracy") == (pytest.approx(0.4), 7.0)
    assert scale_over_tasks(both, "accuracy", "adam") is None
    lost = both.assign(share=both["share"].where(both["task"] == "digits"))
    whole, share = scale_over_tasks(lost, "nll") or (0.0, 0.0)
    assert whole == pytest.approx(0.4)
    assert np.isnan(share)


def test_under_sgd_the_scale_is_the_larger_part() -> None:
    """A linear model, ten classes: with the mean over the units the sigmoids have hardly moved."""
    trained = engines.train(
        Setup(task="digits", network="linear", optimizer="sgd", heads=("k_sigmoid", "k_sigmoid_sum", "k_softmax"),
              seeds=3, steps=60, record_every=60)
    )  # fmt: skip
    found = loss_scale(pair_up(trained["finals"], None, trained["runs"], "k_sigmoid"))
    nll = found[found["quantity"] == "nll"].set_index("factor")["share"]
    assert nll["loss_scale"] < 2 * nll["rest"] < 0
