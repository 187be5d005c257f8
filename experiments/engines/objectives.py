"""From a head's raw outputs to its loss, with Keras's own activations and losses, on whatever backend Keras is."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from experiments.records import Head


class SummedBinaryCrossentropy(keras.losses.BinaryCrossentropy):
    """The sum of the units' binary cross-entropies, where Keras takes their mean: (batch, units) to (batch,)."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
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


def encode(head: Head, y: Any, dtype: str, *, labels: bool = False) -> Any:
    """Classes (..., batch) of 0 .. units-1 as this arm's loss takes them.

    With `labels`, y is (..., batch, units) of 0 and 1, and a softmax's targets are divided by their sum.
    """
    if labels:
        given = keras.ops.cast(y, dtype)
        if head.activation == "sigmoid":
            return given
        return given / keras.ops.maximum(keras.ops.sum(given, axis=-1, keepdims=True), 1)
    if head.encoding == "sparse":
        return y
    if head.encoding == "binary":
        return keras.ops.cast(y, dtype)[..., None]
    return keras.ops.one_hot(y, head.units, dtype=dtype)


def row_losses(head: Head, z: Any, y: Any) -> Any:
    """The loss of every row: z (..., batch, units) before the activation, y as `encode` takes it, to (..., batch)."""
    with pitfall_expected():
        prediction = keras.activations.get(head.activation)(z)
    dtype = keras.backend.standardize_dtype(z.dtype)
    return loss_of(head).call(encode(head, y, dtype, labels=len(y.shape) == len(z.shape)), prediction)

