"""From a head's raw outputs to its loss, with Keras's own activations and losses."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf

from experiments.records import Head

LOSSES = {
    "binary_crossentropy": keras.losses.BinaryCrossentropy,
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


def encode(head: Head, y: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Labels (..., batch) of 0 and 1 as this arm's loss takes them."""
    if head.encoding == "sparse":
        return y
    if head.encoding == "binary":
        return tf.cast(y, dtype)[..., None]
    return tf.one_hot(y, head.units, dtype=dtype)


def row_losses(head: Head, z: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The loss of every row: z (..., batch, units) before the activation, y (..., batch), to (..., batch)."""
    with pitfall_expected():
        prediction = keras.activations.get(head.activation)(z)
    return loss_of(head).call(encode(head, y, z.dtype), prediction)
