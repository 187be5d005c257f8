"""Tails of TensorFlow and JAX, cut out of programs that are written here: logits in, the formulas' values out."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit

from experiments.check.eager_tail import EagerTail
from experiments.check.jax_tail import TracedTail
from experiments.check.tensorflow_tail import GraphTail

Array = np.ndarray
ROWS = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
WEIGHTS = np.random.default_rng(1).normal(size=(3, 1)).astype("float32")
LABELS = np.array([0, 1] * 4, "float32")[:, None]
Z = np.linspace(-2, 2, 8)[:, None]
# (forward(product, training), objective) in any framework, and what they are of logits
Program = tuple[Callable[..., Any], Callable[[Any, Any], Any]]


def doubled(product: Any, training: bool) -> Any:
    """Three times the logits in training, twice in a prediction."""
    return product * (3.0 if training else 2.0)


def square(labels: Any, prediction: Any) -> Any:
    """A loss a row."""
    return ((labels - prediction) ** 2)[:, 0]


def of_keras(*variables: tf.Variable) -> list[Any]:
    """Variables of Keras, which hold those of TensorFlow."""
    return [SimpleNamespace(value=one) for one in variables]


def graph(forward: Callable[..., Any], objective: Callable[..., Any], rows: Any = ROWS, labels: Array = LABELS,
          weights: Any = WEIGHTS, **options: Any) -> GraphTail:  # fmt: skip
    variable = tf.Variable(weights)
    return GraphTail(lambda x, training: forward(x[0] @ variable, training), objective, [rows], labels, **options)


def eager(forward: Callable[..., Any], objective: Callable[..., Any], rows: Any = ROWS, labels: Array = LABELS,
          weights: Any = WEIGHTS) -> EagerTail:  # fmt: skip
    variable = tf.Variable(weights)
    return EagerTail(
        lambda x, training: forward(x[0] @ variable, training), objective, [rows], labels, of_keras(variable)
    )


def traced(forward: Callable[..., Any], objective: Callable[..., Any], rows: Any = ROWS, labels: Array = LABELS,
           weights: Any = WEIGHTS, **options: Any) -> TracedTail:  # fmt: skip
    return TracedTail(
        lambda values, x, training: forward(x[0] @ values[0], training), objective, [weights], [rows], labels, **options
    )


@pytest.mark.parametrize("tail_of", [graph, eager, traced])
def test_a_tail_gives_what_the_formulas_give(tail_of: Callable[..., Any]) -> None:
    tail = tail_of(doubled, square)
    assert (tail.shape, tail.rows, tail.dtype, tail.logits_suffice) == ((1,), 8, "float32", True)
    np.testing.assert_allclose(tail.logits, (ROWS @ WEIGHTS)[None], rtol=1e-5)
    step = tail(Z, LABELS)
    np.testing.assert_allclose(step.prediction, 2 * Z, rtol=1e-6)
    np.testing.assert_allclose(step.trained, 3 * Z, rtol=1e-6)
    assert step.loss == pytest.approx(((LABELS - 3 * Z) ** 2).mean(), rel=1e-6)
    slope = -2 * (LABELS - 3 * Z) * 3
    mean = 1 if tail_of is not traced else 8  # `fit` on TensorFlow adds up what a loss a row gives
    np.testing.assert_allclose(step.gradient, slope / mean, rtol=1e-5)
    other = tail(Z, 1 - LABELS)
    assert other.loss == pytest.approx(((1 - LABELS - 3 * Z) ** 2).mean(), rel=1e-6)
    assert tail.score(LABELS, Z) == pytest.approx(((LABELS - Z) ** 2).mean(), rel=1e-6)
    assert {one.dtype.name for one in (step.prediction, step.trained, step.gradient, tail.logits)} == {"float64"}


@pytest.mark.parametrize("tail_of", [graph, eager, traced])
def test_a_loss_that_the_logits_have_no_part_in_has_no_gradient(tail_of: Callable[..., Any]) -> None:
    step = tail_of(doubled, lambda labels, prediction: labels[:, 0] * 1.0)(Z, LABELS)
    np.testing.assert_array_equal(step.gradient, np.zeros((8, 1)))
    assert step.loss == 0.5


@pytest.mark.parametrize("tail_of", [graph, eager, traced])
def test_several_units_and_labels_that_are_numbers(tail_of: Callable[..., Any]) -> None:
    weights, labels = np.arange(6, dtype="float32").reshape(3, 2), np.array([0, 1] * 4, "int32")

    def of_class(truth: Any, prediction: Any) -> Any:
        return -(prediction[:, 0] * (1 - truth * 1.0) + prediction[:, 1] * truth) if tail_of is traced else -tf.gather(
            prediction, truth, batch_dims=1
        )  # fmt: skip

    tail = tail_of(doubled, of_class, labels=labels, weights=weights)
    z = np.arange(16.0).reshape(8, 2)
    assert (tail.shape, tail.logits.shape) == ((2,), (1, 8, 2))
    step = tail(z, labels)
    assert step.loss == pytest.approx(-3 * z[np.arange(8), labels].mean())
    assert tail.score(labels, z) == pytest.approx(-z[np.arange(8), labels].mean())
    assert tail(z, labels.astype("float64")).loss == step.loss  # labels are of the dtype of the program's


@pytest.mark.parametrize("compiled", [True, False])
def test_a_compiled_tail_is_the_same(compiled: bool) -> None:
    for tail_of in (graph, traced):
        step = tail_of(doubled, square, compiled=compiled)(Z, LABELS)
        assert step.loss == pytest.approx(((LABELS - 3 * Z) ** 2).mean(), rel=1e-6)


@pytest.mark.parametrize("tail_of", [graph, eager])
def test_two_weighted_parts_that_meet_get_the_same_logits(tail_of: Callable[..., Any]) -> None:
    other = tf.Variable(np.ones((1, 1), "float32"))
    variable = tf.Variable(WEIGHTS)

    def forward(x: Any, training: bool) -> Any:
        one, two = x[0] @ variable, x[0][:, :1] @ other
        return tf.sigmoid(one) * 0.5 + tf.sigmoid(two) * 0.5

    made: Any = GraphTail(forward, square, [ROWS], LABELS) if tail_of is graph else EagerTail(
        forward, square, [ROWS], LABELS, of_keras(variable, other)
    )  # fmt: skip
    assert made.logits.shape == (2, 8, 1)
    step = made(Z, LABELS)
    np.testing.assert_allclose(step.prediction, expit(Z), rtol=1e-5)
    if tail_of is graph:  # and the gradient is that of both
        np.testing.assert_allclose(step.gradient, -2 * (LABELS - expit(Z)) * expit(Z) * expit(-Z), rtol=1e-4, atol=1e-7)
    assert made.logits_suffice


def test_a_prediction_that_rows_go_around_is_not_whole() -> None:
    variable = tf.Variable(WEIGHTS)

    def around(x: Any, training: bool) -> Any:
        return (x[0] @ variable) * tf.sigmoid(x[0][:, :1])

    assert not EagerTail(around, square, [ROWS], LABELS, of_keras(variable)).logits_suffice
    cut = GraphTail(around, square, [ROWS], LABELS)
    assert not cut.logits_suffice
    # so it is swept from the prediction on, and not at one row's gate
    np.testing.assert_allclose(cut(Z, LABELS).prediction, Z, rtol=1e-6)
    np.testing.assert_allclose(cut(Z, LABELS).gradient, -2 * (LABELS - Z), rtol=1e-5)
    gated = TracedTail(lambda v, x, training: (x[0] @ v[0]) * x[0][:, :1], square, [WEIGHTS], [ROWS], LABELS)
    assert not gated.logits_suffice


def test_the_shape_of_rows_goes_around_nothing() -> None:
    def reshaped(x: Any, training: bool) -> Any:
        return tf.reshape(x[0] @ variable, (tf.shape(x[0])[0], 1))

    variable = tf.Variable(WEIGHTS)
    assert GraphTail(reshaped, square, [ROWS], LABELS).logits_suffice


def test_what_is_drawn_is_no_data() -> None:
    """Noise behind the logits in training goes around nothing."""

    def noisy(product: Any, training: bool) -> Any:
        return product + tf.random.uniform((8, 1)) * 1e-9 if training else product

    assert graph(noisy, square).logits_suffice
    import jax

    def drawn(product: Any, training: bool) -> Any:
        return product + 1e-9 * jax.random.uniform(jax.random.key(0), (8, 1)) if training else product

    assert traced(drawn, square).logits_suffice


def test_a_masked_loss_is_swept_with_the_fullest_row() -> None:
    """All rows get the mask of the one with the most entries: here of the sixth, of which nothing is masked."""
    rows = np.zeros((8, 4), "float32")
    for row in range(8):
        rows[row, : row % 4] = 1
    rows[5] = 1
    variable = tf.Variable(np.ones((4, 1), "float32"))

    def forward(x: Any, training: bool) -> Any:
        return tf.stack([x[0] @ variable, tf.reduce_sum(x[0], axis=1, keepdims=True)], axis=1)[:, 0]

    tail = GraphTail(forward, square, [rows], LABELS)
    np.testing.assert_array_equal(tail._row_feeds[0], np.ones((8, 4)))
    more = np.zeros((8, 3, 3), "float32")  # by the entries of all inputs
    more[4].flat[:5] = 1
    two = GraphTail(lambda x, training: x[0] @ variable + 0 * x[1][:, :1, 0], square, [rows, more], LABELS)
    assert np.asarray(two._row_feeds[0]).tolist() == [rows[4].tolist()] * 8


def test_lists_that_operations_return_are_put_back_one_by_one() -> None:
    """The logits are the second of two tensors that an operation returns."""
    variable = tf.Variable(np.array([[1.0, 2.0]] * 3, "float32"))

    def forward(x: Any, training: bool) -> Any:
        _, right = tf.split(x[0] @ variable, 2, axis=1)
        return tf.sigmoid(right)

    tail = EagerTail(forward, square, [ROWS], LABELS, of_keras(variable))
    np.testing.assert_allclose(tail.logits[0], ROWS @ np.array([[1.0, 2.0]] * 3), rtol=1e-5)
    z = np.concatenate([Z + 7, Z], axis=1)
    np.testing.assert_allclose(tail(z, LABELS).prediction, expit(Z), rtol=1e-5)


def test_variables_stay_as_they_are_when_a_pass_is_played_again() -> None:
    variable, count = tf.Variable(WEIGHTS), tf.Variable(0.0)

    def forward(x: Any, training: bool) -> Any:
        count.assign_add(1.0)
        return x[0] @ variable

    tail = EagerTail(forward, square, [ROWS], LABELS, of_keras(variable, count))
    before = float(count)
    tail(Z, LABELS)
    assert float(count) == before
