"""The measures, on numbers that a reader can check and against scikit-learn."""

from __future__ import annotations

import math
from dataclasses import replace

import mpmath
import numpy as np
import pytest
from sklearn import metrics

from experiments.heads import HEADS
from experiments.problem import GLOROT_UNIFORM, Curves, Record, summary
from experiments.problem._metrics import ALONG, BINS, MEASURES, effective_logit, measure
from experiments.problem._streams import HeadStream, batch_order, seed_of

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


def test_along_training_the_same_measures_are_fewer() -> None:
    y = np.stack([Y, Y])
    whole, along = measure(LOGIT, LOGIT, y), measure(LOGIT, LOGIT, y, along=True)
    assert along.keys() == set(ALONG)
    for name in ALONG:
        np.testing.assert_array_equal(along[name], whole[name])


def by_rows(p: np.ndarray, y: np.ndarray) -> float:
    """Naeini et al. 2015, row by row: bins of 1/15, the last one closed."""
    bins: dict[int, list[float]] = {}
    for probability, truth in zip(p, y, strict=True):
        bins.setdefault(min(math.floor(probability * 15), 14), []).append(probability - truth)
    return sum(abs(sum(gaps)) for gaps in bins.values()) / len(y)


def test_each_network_has_the_measures_of_its_own_rows() -> None:
    """Logits on a coarse grid, so that many tie; rows of another class balance each."""
    rng = np.random.default_rng(0)
    y = (rng.random((4, 70)) < np.array([[0.1], [0.4], [0.6], [0.9]])).astype(int)
    logit = np.round(2 * rng.normal(size=(4, 70)) + y, 1)
    loss = rng.random((4, 70))
    found = measure(logit, loss, y)
    assert found.keys() == set(MEASURES)
    for n in range(4):
        p = 1 / (1 + np.exp(-logit[n]))
        wanted = {
            "loss": loss[n].mean(),
            "nll": metrics.log_loss(y[n], p),
            "accuracy": metrics.accuracy_score(y[n], logit[n] > 0),
            "auc": metrics.roc_auc_score(y[n], logit[n]),
            "brier": metrics.brier_score_loss(y[n], p),
            "ece": by_rows(p, y[n]),
            "abs_logit": sum(abs(z) for z in logit[n]) / 70,
            "top_probability": sum(max(q, 1 - q) for q in p) / 70,
        }
        for name, value in wanted.items():
            assert found[name][n] == pytest.approx(value, rel=1e-12), name


def test_rows_of_one_class_have_no_auc() -> None:
    found = measure(np.zeros((3, 2)), np.zeros((3, 2)), np.array([[1, 1], [0, 0], [0, 1]]))
    np.testing.assert_array_equal(found["auc"], [np.nan, np.nan, 0.5])
    # a logit of 0 says class 0
    np.testing.assert_array_equal(found["accuracy"], [0, 1, 0.5])


def test_a_certain_row_is_in_the_last_bin() -> None:
    """p = 1 stands beside p = 0.95: |1.95 - 1| / 2 where one of the two is right."""
    logit = np.array([[800.0, math.log(19)]])
    assert measure(logit, logit, np.array([[0, 1]]))["ece"][0] == pytest.approx(0.95 / 2)


@pytest.mark.parametrize("size", [1.0, 40.0, 1000.0, 1e4])
def test_the_nll_is_right_at_any_logit(size: float) -> None:
    """Relative to itself, however small: a right answer at 40 costs 4e-18, a wrong one 40."""
    for z in (size, -size, 0.3 * size):
        for y in (0, 1):
            wanted = float(mpmath.log1p(mpmath.exp(z * (1 - 2 * y))))
            found = measure(np.array([[z]]), np.zeros((1, 1)), np.array([[y]]))["nll"][0]
            assert found == pytest.approx(wanted, rel=1e-14 * size, abs=1e-300)


@pytest.mark.parametrize("size", [1.0, 40.0, 1000.0])
def test_two_sigmoids_are_compared_by_their_logs(size: float) -> None:
    """log p1 - log p0, also where both outputs round to 0 or to 1."""
    for row in ([size, -size], [-size, -size - 3], [size, size]):
        with mpmath.workdps(500):
            logs = [-mpmath.log1p(mpmath.exp(-mpmath.mpf(v))) for v in row]
            wanted = float(logs[1] - logs[0])
        assert effective_logit(HEADS["sigmoid2_bce"], np.array(row)) == pytest.approx(wanted, rel=1e-12)


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
    for name in MEASURES[1:]:
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
    stream = HeadStream(task="moons", network="mlp", seed=3)
    w, pair, own, again = (
        stream.kernel(GLOROT_UNIFORM, 7, units, drawn)
        for units, drawn in ((1, "own"), (2, "paired"), (2, "own"), (1, "again"))
    )
    np.testing.assert_array_equal(pair[:, 1] - pair[:, 0], w[:, 0])
    np.testing.assert_array_equal(pair.sum(axis=1), 0)
    assert not np.allclose(own[:, 1] - own[:, 0], w[:, 0])
    assert not np.allclose(again, w)


def test_glorot_draws_twice_the_variance() -> None:
    """Var(w) = 2 / (d + 1), Var(w1 - w0) = 4 / (d + 2): what people write starts the two heads apart."""
    d = 20_000
    stream = HeadStream(task="moons", network="mlp", seed=0)
    w, pair = (stream.kernel(GLOROT_UNIFORM, d, units, "own") for units in (1, 2))
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


# --- what sums up a network's curves ---


def record(losses: list[float], norms: tuple[float, ...] = (1.0, 3.0)) -> Record:
    """A network whose head's gradient has these norms and the others' twice, of which half and none are dead."""
    curves = Curves()
    for step, loss in enumerate(losses):
        curves.add(step, "train", "loss", np.array([loss]))
        curves.add(step, "test", "nll", np.array([10 * loss]))
    for step, norm in enumerate(norms):
        for scope in ("trunk", "head", "total", "effective_head"):
            curves.add(step, "train", "grad_norm", np.array([norm if scope == "head" else 2 * norm]), scope)
        curves.add(step, "train", "dead_share", np.array([0.5 if step == 0 else 0.0]))
    (its,) = curves.each()
    return Record(
        replica=None, trunk_hash="", order_hash="", engine="", steps=curves.steps, curves=its, finals=summary(its)  # type: ignore[arg-type]
    )


def test_each_network_has_its_own_curves() -> None:
    curves = Curves()
    for step in (0, 5):
        curves.add(step, "train", "loss", np.array([1.0, 2.0]) * (step + 1))
    curves.add(5, "train", "grad_norm", np.array([3.0, 4.0], np.float32), scope="head")
    first, second = curves.each()
    np.testing.assert_array_equal(first["train", "loss", ""], [1.0, 6.0])
    np.testing.assert_array_equal(second["train", "loss", ""], [2.0, 12.0])
    assert (first["train", "grad_norm", "head"], second["train", "grad_norm", "head"]) == ([3.0], [4.0])
    assert curves.steps == {("train", "loss", ""): (0, 5), ("train", "grad_norm", "head"): (5,)}


@pytest.mark.parametrize(
    ("losses", "diverged"),
    [([1.0, 0.5, 0.9], 0), ([1.0, 2.0, 1.0], 0), ([1.0, 0.5, 1.1], 1), ([1.0, np.nan, 0.5], 1), ([1.0, np.inf, 0], 1)],
)
def test_a_run_diverged_that_ends_above_its_start_or_was_once_no_number(losses: list[float], diverged: int) -> None:
    assert record(losses).finals["train", "diverged"] == diverged


def test_means_over_the_recorded_steps() -> None:
    finals = record([1.0, 0.5, 0.75]).finals
    assert finals["test", "nll_curve"] == 7.5
    assert finals["train", "dead_share"] == 0.25
    assert finals["train", "grad_norm_head"] == 2.0
    assert {finals["train", f"grad_norm_{scope}"] for scope in ("trunk", "total", "effective_head")} == {4.0}


def test_a_network_is_finite_whose_own_losses_and_gradients_are() -> None:
    """The pitfall's common loss is infinite by what it is, not by what went wrong."""
    assert record([1.0, 0.5]).finite
    assert not record([1.0, np.inf]).finite
    assert not record([1.0, 0.5], norms=(1.0, np.nan)).finite
    one = record([1.0, 0.5])
    assert replace(one, curves={**one.curves, ("test", "nll", ""): np.array([1.0, np.inf])}).finite
