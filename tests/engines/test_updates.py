"""The updates of the stacked engine beside Keras's own rules: the same bits."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

from experiments.engines.stacked.updates import update_of

START = np.random.default_rng(0).normal(size=(4, 5, 3))
RATES = np.array([0.5, 0.01, 0.0, 1e-4]).reshape(4, 1, 1)


class Other(keras.optimizers.Adam):
    """A rule of the user's own may compute something else."""

    def update_step(self, gradient, variable, learning_rate):
        variable.assign_sub(gradient)


RULES: dict[str, Callable[[], keras.optimizers.Optimizer]] = {
    "Adam": lambda: keras.optimizers.Adam(1.0),
    "Adam of other settings": lambda: keras.optimizers.Adam(1.0, beta_1=0.7, beta_2=0.99, epsilon=1e-3),
    "AdamW": lambda: keras.optimizers.AdamW(1.0, weight_decay=0.1),
    "AMSGrad": lambda: keras.optimizers.Adam(1.0, amsgrad=True),
    "a subclass of Adam": lambda: Other(1.0),
    "momentum": lambda: keras.optimizers.SGD(1.0, momentum=0.9),
}


def moved(optimizer: keras.optimizers.Optimizer, dtype: str, *, by_keras: bool, sparse: bool) -> list[np.ndarray]:
    """The variable and all that the optimizer keeps, after six steps of gradients of many sizes."""
    variable = keras.Variable(START, dtype=dtype)
    optimizer.build([variable])
    rates = tf.constant(RATES, dtype)

    @tf.function(autograph=False)
    def step(gradient: tf.Tensor) -> None:
        given = tf.IndexedSlices(gradient[:2], tf.constant([1, 3]), START.shape) if sparse else gradient
        rate = tf.reshape(rates[0], []) if sparse else rates
        update = optimizer.update_step if by_keras else update_of(optimizer, tf.as_dtype(dtype))
        update(given, variable, rate)
        optimizer.iterations.assign_add(1)

    rng = np.random.default_rng(1)
    for _ in range(6):
        gradient = rng.normal(size=START.shape) * 10.0 ** rng.integers(-6, 3, size=(4, 1, 1))
        step(tf.constant(gradient.astype(dtype)))
    return [np.asarray(variable), *(np.asarray(one) for one in optimizer.variables)]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", RULES)
def test_an_update_has_the_bits_of_keras(name: str, dtype: str, sparse: bool) -> None:
    before = keras.config.floatx()
    keras.config.set_floatx(dtype)
    try:
        theirs = moved(RULES[name](), dtype, by_keras=True, sparse=sparse)
        mine = moved(RULES[name](), dtype, by_keras=False, sparse=sparse)
    finally:
        keras.config.set_floatx(before)
    assert len(mine) == len(theirs)
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(mine[0], START.astype(dtype))
