"""What the registered optimizers do to a softmax head, with Keras's own update rules (docs/method.md, 1 and 2)."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from experiments.optimizers import OPTIMIZERS
from experiments.records import Optimizer

RATE = 2.0**-4
LABELS = np.array([0, 1, 0, 1, 1, 0, 1, 1, 0, 0, 1, 0], dtype=float)
ROWS = np.random.default_rng(0).normal(size=(len(LABELS), 3))
START = np.array([1.0, -0.5, 0.25])

each = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=lambda optimizer: optimizer.name)


def gradient(effective: np.ndarray) -> np.ndarray:
    """Of the mean loss by the effective weight: (features,)."""
    p = 1 / (1 + np.exp(-ROWS @ effective))
    return ROWS.T @ (p - LABELS) / len(LABELS)


def train(optimizer: Optimizer, rate: float, signs: list[float], start: np.ndarray, decay: float = 1.0) -> np.ndarray:
    """Move one variable a sign, sign × start, for 40 steps; returns them, (signs, features), in float64.

    `decay` multiplies the optimizer's weight decay and its L2 penalty.
    """
    rule = optimizer.make(rate)
    if rule.weight_decay is not None:
        rule.weight_decay *= decay
    variables = [keras.Variable(sign * start, dtype="float64") for sign in signs]
    rule.build(variables)
    for _ in range(40):
        values = [variable.numpy() for variable in variables]
        g = gradient(values[0] - values[1] if len(values) == 2 else values[0])
        penalised = [sign * g + 2 * optimizer.l2 * decay * v for sign, v in zip(signs, values, strict=True)]
        rule.apply([keras.ops.convert_to_tensor(one) for one in penalised], variables)
    return np.stack([variable.numpy() for variable in variables])


@each
def test_matched_head_follows_sigmoid_to_the_last_bit(optimizer: Optimizer) -> None:
    (w,) = train(optimizer, RATE, [1.0], START)
    w1, w0 = train(optimizer, RATE / 2, [1.0, -1.0], START / 2, decay=2.0)
    np.testing.assert_array_equal(w1 - w0, w)
    assert np.abs(w - START).max() > 0.1  # and it went somewhere


@each
def test_softmax_head_is_a_sigmoid_head_at_twice_the_rate(optimizer: Optimizer) -> None:
    (w,) = train(optimizer, 2 * RATE, [1.0], START, decay=0.5)
    w1, w0 = train(optimizer, RATE, [1.0, -1.0], START / 2)
    np.testing.assert_array_equal(w1 - w0, w)


@each
def test_sum_of_the_two_weights_is_moved_by_decay_alone(optimizer: Optimizer) -> None:
    rule = optimizer.make(RATE)
    variables = [keras.Variable(START, dtype="float64"), keras.Variable(START, dtype="float64")]
    rule.build(variables)
    g = np.array([0.3, -2.0, 0.01])
    for _ in range(10):
        rule.apply([keras.ops.convert_to_tensor(g), keras.ops.convert_to_tensor(-g)], variables)
    total = variables[0].numpy() + variables[1].numpy()
    if rule.weight_decay is not None:
        assert (np.abs(total) < np.abs(2 * START)).all()
    else:
        np.testing.assert_allclose(total, 2 * START, rtol=1e-14)


def test_default_rates_are_powers_of_two() -> None:
    for optimizer in OPTIMIZERS.values():
        assert np.log2(optimizer.learning_rate).is_integer(), optimizer.name


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_scale_invariance_is_what_keras_does(name: str) -> None:
    """A tenth of the gradient: as large a step, or a tenth of one."""
    moved = []
    for factor in (1.0, 0.1):
        variable = keras.Variable(np.zeros(3))
        optimizer = OPTIMIZERS[name].make(2.0**-9)
        optimizer.build([variable])
        optimizer.apply([keras.ops.convert_to_tensor(factor * np.array([1.0, -2.0, 4.0], "float32"))])
        moved.append(np.asarray(variable))
    expected = moved[0] * (1.0 if OPTIMIZERS[name].scale_invariant else 0.1)
    np.testing.assert_allclose(moved[1], expected, rtol=1e-4)
