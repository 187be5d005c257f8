"""The measures, on numbers that a reader can check and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from experiments.heads import HEADS
from experiments.training.quantities import BINS, MEASURES, effective_logit, measure
from experiments.training.streams import batch_order, head_kernel, seed_of

Y = np.array([0, 1, 1, 0, 1])
LOGIT = np.array([[-2.0, 0.5, 3.0, 1.0, -0.25], [0.0, 0.0, 0.0, 0.0, 0.0]])


def test_measures_are_scikit_learns() -> None:
    p = 1 / (1 + np.exp(-LOGIT[0]))
    values = {name: value[0] for name, value in measure(LOGIT, np.ones_like(LOGIT), np.stack([Y, Y])).items()}
    assert values.keys() == set(MEASURES)
    assert values["nll"] == pytest.approx(metrics.log_loss(Y, p))
    assert values["auc"] == pytest.approx(metrics.roc_auc_score(Y, p))
    assert values["brier"] == pytest.approx(metrics.brier_score_loss(Y, p))
    assert values["accuracy"] == metrics.accuracy_score(Y, p > 0.5) == 0.6
    assert values["abs_logit"] == pytest.approx(6.75 / 5)
    assert values["top_probability"] == pytest.approx(np.maximum(p, 1 - p).mean())
    assert values["loss"] == 1


def test_ties_count_half() -> None:
    assert measure(LOGIT, LOGIT, np.stack([Y, Y]))["auc"][1] == 0.5


def test_calibration_error_by_hand() -> None:
    """Two bins: 0.1 twice with one positive, |0.2 - 1| / 4; 0.9 twice with two, |1.8 - 2| / 4."""
    p = np.array([[0.1, 0.1, 0.9, 0.9]])
    logit = np.log(p / (1 - p))
    assert BINS == 15
    assert measure(logit, logit, np.array([[0, 1, 1, 1]]))["ece"][0] == pytest.approx(0.2 + 0.05)


def test_far_logits_stay_finite() -> None:
    values = measure(np.array([[800.0, -800.0]]), np.zeros((1, 2)), np.array([[0, 1]]))
    assert values["nll"][0] == 800


def test_what_is_not_finite_stays() -> None:
    values = measure(np.array([[np.nan, 1.0], [np.inf, np.inf]]), np.zeros((2, 2)), np.array([[0, 1], [0, 1]]))
    for name in ("nll", "accuracy", "auc", "brier", "ece", "abs_logit"):
        assert np.isnan(values[name][0]), name
    assert values["nll"][1] == np.inf
    assert values["accuracy"][1] == 0.5


def test_effective_logits() -> None:
    z = np.array([[1.0, 3.0]])
    p = 1 / (1 + np.exp(-z[0]))
    assert effective_logit(HEADS["sigmoid"], z[:, :1]) == [1.0]
    assert effective_logit(HEADS["softmax"], z) == effective_logit(HEADS["softmax_logits"], z) == [2.0]
    assert effective_logit(HEADS["sigmoid2_bce"], z)[0] == pytest.approx(np.log(p[1] / p[0]))
    assert effective_logit(HEADS["softmax1"], z[:, :1]) == [np.inf]


def test_paired_kernels_are_one_function() -> None:
    w, pair, own, again = (
        head_kernel("moons", "mlp", 3, 7, units, kind)
        for units, kind in ((1, "own"), (2, "paired"), (2, "own"), (1, "again"))
    )
    np.testing.assert_array_equal(pair[:, 1] - pair[:, 0], w[:, 0])
    np.testing.assert_array_equal(pair.sum(axis=1), 0)
    assert not np.allclose(own[:, 1] - own[:, 0], w[:, 0])
    assert not np.allclose(again, w)


def test_glorot_draws_twice_the_variance() -> None:
    """Var(w) = 2 / (d + 1), Var(w1 - w0) = 4 / (d + 2): what people write starts the two heads apart."""
    d = 20_000
    w, pair = (head_kernel("moons", "mlp", 0, d, units, "own") for units in (1, 2))
    assert w.var() == pytest.approx(2 / (d + 1), rel=0.03)
    assert (pair[:, 1] - pair[:, 0]).var() == pytest.approx(4 / (d + 2), rel=0.03)


def test_batches_go_through_all_rows_before_any_comes_again() -> None:
    rows = np.arange(100, 110)
    order = batch_order(rows, 7, 4, seed=1)
    assert order.shape == (7, 4)
    flat = order.ravel()
    for start in (0, 10):
        assert sorted(flat[start : start + 10]) == list(rows)
    assert not np.array_equal(flat, batch_order(rows, 7, 4, seed=2).ravel())
    np.testing.assert_array_equal(flat[:20], batch_order(rows, 5, 4, seed=1).ravel())


def test_seeds_depend_on_every_part() -> None:
    seeds = {seed_of("a", "b", 1), seed_of("a", "b", 2), seed_of("a", "c", 1), seed_of("ab", 1), seed_of("a", "b", 11)}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**30 for seed in seeds)
