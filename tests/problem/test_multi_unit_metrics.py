"""The measures of several classes and labels, against scikit-learn, plain formulas and mpmath."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from sklearn import metrics

from experiments.heads import HEADS
from experiments.problem._multi_unit_metrics import label_logits, log_probabilities, measure_classes, measure_labels
from experiments.records import Head

SIGMOID, SOFTMAX = HEADS["k_sigmoid"], HEADS["k_softmax"]
BOTH = pytest.mark.parametrize("head", [SIGMOID, SOFTMAX], ids=["sigmoid", "softmax"])


def outputs(head: Head, z: np.ndarray) -> np.ndarray:
    """What the layer puts out: (..., K), by the formula in the books."""
    if head.activation == "sigmoid":
        return 1 / (1 + np.exp(-z))
    return np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)


def classes(head: Head, z: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """The measures of one network: z (rows, K), y (rows,)."""
    found = measure_classes(log_probabilities(head, z[None]), np.zeros((1, len(z))), y[None])
    return {name: value.item() for name, value in found.items()}


def labels(head: Head, z: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """The measures of one network: z and y (rows, L)."""
    found = measure_labels(label_logits(head, z[None]), np.zeros((1, len(z))), y[None])
    return {name: value.item() for name, value in found.items()}


def calibration(p: np.ndarray, y: np.ndarray) -> float:
    """Guo et al. 2017, eq. 3, row by row: bins of 1/15, the last one closed."""
    bins: dict[int, list[float]] = {}
    for row, truth in zip(p, y, strict=True):
        bins.setdefault(min(math.floor(row.max() * 15), 14), []).append(row.max() - (row.argmax() == truth))
    return sum(abs(sum(gaps)) for gaps in bins.values()) / len(y)


# --- exclusive classes


@BOTH
@pytest.mark.parametrize("k", [2, 3, 14])
def test_measures_of_classes_are_scikit_learns(head: Head, k: int) -> None:
    rng = np.random.default_rng(k)
    z, y = 3 * rng.normal(size=(60, k)), rng.integers(k, size=60)
    p = outputs(head, z)
    p /= p.sum(axis=1, keepdims=True)
    found = classes(head, z, y)
    assert found["nll"] == pytest.approx(metrics.log_loss(y, p, labels=range(k)), rel=1e-12)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(y, p.argmax(axis=1)), rel=1e-12)
    squares = [sum((q - (y[row] == c)) ** 2 for c, q in enumerate(p[row])) for row in range(60)]
    assert found["brier"] == pytest.approx(sum(squares) / 60, rel=1e-12)
    assert found["ece"] == pytest.approx(calibration(p, y), rel=1e-12)
    assert found["top_probability"] == pytest.approx(sum(map(max, p)) / 60, rel=1e-12)


def test_calibration_error_by_hand() -> None:
    """Three rows at 0.9 of which two are right, |2.7 - 2| / 5; at 0.6 a right and a wrong one, |1.2 - 1| / 5."""
    top = np.array([0.9, 0.9, 0.9, 0.6, 0.6])
    p = np.stack([top, 1 - top], axis=1)
    assert classes(SOFTMAX, np.log(p), np.array([0, 0, 1, 0, 1]))["ece"] == pytest.approx((0.7 + 0.2) / 5)
    # certain and right: the last bin holds 1
    assert classes(SOFTMAX, np.array([[99.0, 0], [3, 0]]), np.array([0, 0]))["ece"] == pytest.approx(
        (1 - 1 / (1 + math.exp(-3))) / 2
    )


def test_measures_of_networks_do_not_mix() -> None:
    """Several networks at once are each as alone, the losses too."""
    rng = np.random.default_rng(0)
    z, loss = rng.normal(size=(2, 3, 20, 4)), rng.random((2, 3, 20))
    y, given = rng.integers(4, size=(3, 20)), rng.integers(2, size=(3, 20, 4))
    for head in (SIGMOID, SOFTMAX):
        for measured, alone in (
            (measure_classes(log_probabilities(head, z[0]), loss[0], y), lambda n, h=head: classes(h, z[0, n], y[n])),
            (measure_labels(label_logits(head, z[1]), loss[0], given), lambda n, h=head: labels(h, z[1, n], given[n])),
        ):
            for n in range(3):
                for name, value in alone(n).items():
                    wanted = loss[0, n].mean() if name == "loss" else value
                    assert measured[name][n] == pytest.approx(wanted, rel=1e-12), name


@BOTH
def test_along_training_the_same_measures_are_fewer(head: Head) -> None:
    rng = np.random.default_rng(0)
    z, loss = rng.normal(size=(3, 20, 4)), rng.random((3, 20))
    for measured, read, y in (
        (measure_classes, log_probabilities(head, z), rng.integers(4, size=(3, 20))),
        (measure_labels, label_logits(head, z), rng.integers(2, size=(3, 20, 4))),
    ):
        whole, along = measured(read, loss, y), measured(read, loss, y, along=True)
        assert along.keys() == {"loss", "nll", "accuracy"}
        for name, value in along.items():
            np.testing.assert_array_equal(value, whole[name])


def test_equal_classes_are_the_first() -> None:
    found = classes(SOFTMAX, np.zeros((4, 4)), np.arange(4))
    assert (found["accuracy"], found["top_probability"]) == (0.25, 0.25)
    assert found["nll"] == pytest.approx(math.log(4))
    assert found["brier"] == pytest.approx(0.75)
    assert found["ece"] == pytest.approx(0, abs=1e-15)


@BOTH
@pytest.mark.parametrize("size", [40.0, 1e3, 1e4])
def test_the_nll_of_classes_is_right_at_any_logit(head: Head, size: float) -> None:
    z = size * np.array([[1, -1, 0.5], [-1, 1, 1], [-1, -1, -0.9]])
    for row in z:
        with mpmath.workdps(30):
            weights = [mpmath.exp(v) for v in row]
            if head.activation == "sigmoid":
                weights = [w / (1 + w) for w in weights]
            wanted = [float(mpmath.log(mpmath.fsum(weights) / w)) for w in weights]
        for y in range(3):
            assert classes(head, row[None], np.array([y]))["nll"] == pytest.approx(wanted[y], rel=1e-13, abs=1e-14)


@pytest.mark.parametrize("where", [0, 2])
def test_a_class_that_is_not_finite_makes_the_network_so(where: int) -> None:
    z, y = np.zeros((2, 5, 3)), np.zeros((2, 5), int)
    z[1, 4, where] = np.nan
    for head in (SIGMOID, SOFTMAX):
        found = measure_classes(log_probabilities(head, z), np.ones((2, 5)), y)
        assert {name for name, value in found.items() if np.isnan(value[1])} == found.keys() - {"loss"}
        assert not any(np.isnan(value[0]) for value in found.values())
        assert list(found["loss"]) == [1, 1]


# --- labels


@BOTH
@pytest.mark.parametrize("k", [2, 3, 14])
def test_measures_of_labels_are_scikit_learns(head: Head, k: int) -> None:
    rng = np.random.default_rng(k)
    z, y = 3 * rng.normal(size=(60, k)), rng.integers(2, size=(60, k))
    p = outputs(head, z)
    given = p > (0.5 if head.activation == "sigmoid" else p.max(axis=1, keepdims=True) / 2)
    found = labels(head, z, y)
    by_label = [metrics.log_loss(y[:, label], p[:, label], labels=[0, 1]) for label in range(k)]
    assert found["nll"] == pytest.approx(np.mean(by_label), rel=1e-12)
    assert found["accuracy"] == pytest.approx(1 - metrics.hamming_loss(y, given), rel=1e-12)
    assert found["micro_f1"] == pytest.approx(metrics.f1_score(y, given, average="micro"), rel=1e-12)
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(y, given, average="macro"), rel=1e-12)
    assert found["subset_accuracy"] == pytest.approx(metrics.accuracy_score(y, given), rel=1e-12)


def test_a_label_of_a_softmax_is_given_above_half_of_the_largest() -> None:
    z = np.log([[0.4, 0.21, 0.19, 0.1, 0.1]])
    (*logits, threshold) = label_logits(SOFTMAX, z)[0]
    assert np.array_equal(np.array(logits) > threshold, [True, True, False, False, False])
    np.testing.assert_allclose(logits, np.log([0.4 / 0.6, 0.21 / 0.79, 0.19 / 0.81, 1 / 9, 1 / 9]), rtol=1e-12)
    assert threshold == pytest.approx(math.log(0.2 / 0.8))
    # all alike: all are given
    assert labels(SOFTMAX, np.zeros((1, 14)), np.ones((1, 14), int))["subset_accuracy"] == 1


def test_a_sigmoid_at_one_half_gives_no_label() -> None:
    z = np.array([[0.0, 1e-300]])
    np.testing.assert_array_equal(label_logits(SIGMOID, z), [[0, 1e-300, 0]])
    assert labels(SIGMOID, z, np.array([[0, 1]]))["subset_accuracy"] == 1


@BOTH
@pytest.mark.parametrize("size", [1.0, 40.0, 1e3, 1e4])
def test_the_nll_of_labels_is_right_at_any_logit(head: Head, size: float) -> None:
    """Relative to itself, however small: a right label at z = 40 costs 4e-18, a wrong one 40, and never inf."""
    rng = np.random.default_rng(int(size))
    for row in (size * np.array([1, -1, 0.5]), size * np.array([1, 1]), size * rng.uniform(-1, 1, size=14)):
        for label in range(len(row)):
            if head.activation == "sigmoid":
                logit = mpmath.mpf(row[label])
            else:
                with mpmath.workdps(30):
                    others = mpmath.fsum(mpmath.exp(v) for place, v in enumerate(row) if place != label)
                    logit = mpmath.mpf(row[label]) - mpmath.log(others)
            found = label_logits(head, row)[label]
            for sign in (-1, 1):
                wanted = float(mpmath.log1p(mpmath.exp(sign * logit)))
                assert np.logaddexp(0, sign * found) == pytest.approx(wanted, rel=1e-15 * (10 + 4 * size), abs=1e-300)


def test_confident_mistakes_cost_what_they_should() -> None:
    """From 1 - p, which is 0, the first would be inf."""
    assert labels(SIGMOID, np.array([[40.0]]), np.array([[0]]))["nll"] == 40
    assert labels(SOFTMAX, np.array([[1000.0, 0]]), np.array([[0, 1]]))["nll"] == 1000
    assert labels(SIGMOID, np.array([[-1e4, 1e4]]), np.array([[1, 1]]))["nll"] == 5000


def test_a_label_that_is_never_true_counts_as_zero() -> None:
    """Given somewhere or not at all, as in scikit-learn; and no label anywhere makes no 0/0."""
    z, y = np.array([[1.0, 1, -1], [1, -1, -1]]), np.array([[1, 0, 0], [1, 0, 0]])
    found = labels(SIGMOID, z, y)
    assert found["macro_f1"] == pytest.approx(1 / 3)
    assert found["micro_f1"] == pytest.approx(metrics.f1_score(y, z > 0, average="micro")) == pytest.approx(4 / 5)
    nothing = labels(SIGMOID, -np.ones((2, 3)), np.zeros((2, 3), int))
    assert (nothing["micro_f1"], nothing["macro_f1"], nothing["subset_accuracy"]) == (0, 0, 1)


@BOTH
def test_a_label_that_is_no_number_makes_the_network_so(head: Head) -> None:
    z, y = np.ones((2, 5, 3)), np.ones((2, 5, 3), int)
    z[1, 4, 2] = np.nan
    found = measure_labels(label_logits(head, z), np.ones((2, 5)), y)
    assert {name for name, value in found.items() if np.isnan(value[1])} == found.keys() - {"loss"}
    assert not any(np.isnan(value[0]) for value in found.values())
    assert list(found["loss"]) == [1, 1]


@BOTH
def test_an_infinite_logit_is_a_certainty(head: Head) -> None:
    z = np.array([[np.inf, 0.0]])
    assert labels(head, z, np.array([[0, 0]]))["nll"] == np.inf
    assert labels(head, z, np.array([[1, 0]]))["nll"] == (0.0 if head is SOFTMAX else pytest.approx(math.log(2) / 2))
