"""From a head's raw outputs to its loss, with Keras's own activations and losses."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial

import keras
import tensorflow as tf

from experiments.records import Head


class SummedBinaryCrossentropy(keras.losses.BinaryCrossentropy):
    """The sum of the units' binary cross-entropies, where Keras takes their mean: (batch, units) to (batch,)."""

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """As many times Keras's mean as there are units."""
        return y_pred.shape[-1] * super().call(y_true, y_pred)


LOSSES = {
    "binary_crossentropy": keras.losses.BinaryCrossentropy,
    "binary_crossentropy_sum": SummedBinaryCrossentropy,
    "categorical_crossentropy": keras.losses.CategoricalCrossentropy,
    "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
}


@contextmanager
def pitfall_expected() -> Iterator[None]:
    """Keras warns of a softmax over one unit: what the pitfall arm is there to show is no news within."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"(?s).*You are using a softmax over axis")
        yield


def loss_of(head: Head) -> keras.losses.Loss:
    """The Keras loss that this arm is compiled with."""
    return LOSSES[head.loss](from_logits=head.from_logits)


def encode(head: Head, y: tf.Tensor, dtype: tf.DType, *, labels: bool = False) -> tf.Tensor:
    """Classes (..., batch) of 0 .. units-1 as this arm's loss takes them.

    With `labels`, y is (..., batch, units) of 0 and 1, and a softmax's targets are divided by their sum.
    """
    if labels:
        given = tf.cast(y, dtype)
        if head.activation == "sigmoid":
            return given
        return given / tf.maximum(tf.reduce_sum(given, axis=-1, keepdims=True), 1)
    if head.encoding == "sparse":
        return y
    if head.encoding == "binary":
        return tf.cast(y, dtype)[..., None]
    return tf.one_hot(y, head.units, dtype=dtype)


def row_losses(head: Head, z: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The loss of every row: z (..., batch, units) before the activation, y as `encode` takes it, to (..., batch)."""
    with pitfall_expected():
        prediction = keras.activations.get(head.activation)(z)
    return loss_of(head).call(encode(head, y, z.dtype, labels=len(y.shape) == len(z.shape)), prediction)


@cache
def gradient_at_logits(head: Head) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]:
    """The gradient of an arm's loss at its logits, compiled as its steps are.

    Eagerly TensorFlow adds the terms of the sigmoid's gradient in another order: 1e-18 of it is left at z = 40 where a
    compiled step has exactly 0.
    """

    @partial(tf.function, autograph=False)
    def gradient(z: tf.Tensor, y: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(z)
            objective = tf.reduce_mean(row_losses(head, z, y) * weights)
        return tape.gradient(objective, z)

    return gradient
