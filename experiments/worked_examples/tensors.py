"""The examples in the frameworks that differentiate: each one's own functions, by the same names.

Arrays go in and come out in float64. `z` are logits; where there are classes they are the last axis. `truth` and
`predicted` are distributions over it. Losses are in nats, one a row; a gradient is that of their sum, with
respect to z.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from experiments.keras_backend import beside_tensorflow

Array = np.ndarray
WithGradient = tuple[Array, Array]


class TensorFlow:
    """The functions of `tf.nn` and `tf.math`."""

    def __init__(self, dtype: str) -> None:
        import tensorflow as tf

        self.tf, self.dtype = tf, tf.as_dtype(dtype)

    def sigmoid(self, z: Array) -> Array:
        """`tf.nn.sigmoid`."""
        return _numpy(self.tf.nn.sigmoid(self._of(z)))

    def softmax(self, z: Array) -> Array:
        """`tf.nn.softmax`."""
        return _numpy(self.tf.nn.softmax(self._of(z)))

    def cross_entropy(self, truth: Array, predicted: Array) -> Array:
        """By `tf.math.xlogy`: TensorFlow has a loss of probabilities only through Keras."""
        return _numpy(-self.tf.reduce_sum(self.tf.math.xlogy(self._of(truth), self._of(predicted)), axis=-1))

    def binary(self, z: Array, y: Array) -> WithGradient:
        """`tf.nn.sigmoid_cross_entropy_with_logits`."""
        return self.differentiated(lambda z: self.tf.nn.sigmoid_cross_entropy_with_logits(self._of(y), z), z)

    def categorical(self, z: Array, truth: Array) -> WithGradient:
        """`tf.nn.softmax_cross_entropy_with_logits`."""
        return self.differentiated(lambda z: self.tf.nn.softmax_cross_entropy_with_logits(self._of(truth), z), z)

    def divergence(self, z: Array, truth: Array) -> WithGradient:
        """From `tf.nn.log_softmax`."""
        p = self._of(truth)
        return self.differentiated(
            lambda z: self.tf.reduce_sum(p * (self.tf.math.log(p) - self.tf.nn.log_softmax(z)), axis=-1), z
        )

    def largest(self, values: Sequence[int]) -> Array:
        """`tf.reduce_max`."""
        return _numpy(self.tf.reduce_max(values))

    def one_hot_of_largest(self, values: Sequence[int]) -> Array:
        """A hardmax."""
        return _numpy(self.tf.one_hot(self.tf.argmax(values), len(values)))

    def _of(self, values: Array) -> Any:
        return self.tf.constant(values, self.dtype)

    def differentiated(self, loss: Callable[[Any], Any], z: Array) -> WithGradient:
        """The value of a loss of these logits, and its gradient."""
        variable = self._of(z)
        with self.tf.GradientTape() as tape:
            tape.watch(variable)
            value = loss(variable)
        return _numpy(value), _numpy(tape.gradient(value, variable))


class Keras(TensorFlow):
    """`keras.ops` and `keras.losses`, on the TensorFlow backend."""

    def __init__(self, dtype: str) -> None:
        super().__init__(dtype)
        import keras

        self.keras = keras

    def sigmoid(self, z: Array) -> Array:
        """`keras.ops.sigmoid`."""
        return _numpy(self.keras.ops.sigmoid(self._of(z)))

    def softmax(self, z: Array) -> Array:
        """`keras.ops.softmax`."""
        return _numpy(self.keras.ops.softmax(self._of(z)))

    def cross_entropy(self, truth: Array, predicted: Array) -> Array:
        """`keras.losses.categorical_crossentropy`."""
        return _numpy(self.keras.losses.categorical_crossentropy(self._of(truth), self._of(predicted)))

    def binary(self, z: Array, y: Array) -> WithGradient:
        """`keras.losses.binary_crossentropy`; it takes the mean over the last axis, so each row is an axis of one."""
        loss = self.keras.losses.binary_crossentropy
        return self.differentiated(lambda z: loss(self._of(y)[:, None], z[:, None], from_logits=True), z)

    def categorical(self, z: Array, truth: Array) -> WithGradient:
        """`keras.losses.categorical_crossentropy`."""
        loss = self.keras.losses.categorical_crossentropy
        return self.differentiated(lambda z: loss(self._of(truth), z, from_logits=True), z)

    def divergence(self, z: Array, truth: Array) -> WithGradient:
        """`keras.losses.kl_divergence`."""
        return self.differentiated(
            lambda z: self.keras.losses.kl_divergence(self._of(truth), self.keras.ops.softmax(z)), z
        )

    def largest(self, values: Sequence[int]) -> Array:
        """`keras.ops.max`."""
        return _numpy(self.keras.ops.max(self.keras.ops.array(values)))

    def one_hot_of_largest(self, values: Sequence[int]) -> Array:
        """A hardmax."""
        ops = self.keras.ops
        return _numpy(ops.one_hot(ops.argmax(ops.array(values)), len(values)))


class Torch:
    """`torch` and `torch.nn.functional`."""

    def __init__(self, dtype: str) -> None:
        import torch

        beside_tensorflow()
        self.torch, self.dtype = torch, getattr(torch, dtype)

    def sigmoid(self, z: Array) -> Array:
        """`torch.sigmoid`."""
        return self._out(self.torch.sigmoid(self._of(z)))

    def softmax(self, z: Array) -> Array:
        """`torch.softmax`."""
        return self._out(self.torch.softmax(self._of(z), dim=-1))

    def cross_entropy(self, truth: Array, predicted: Array) -> Array:
        """`torch.nn.CrossEntropyLoss` on log-probabilities, which are logits of themselves."""
        loss = self.torch.nn.CrossEntropyLoss(reduction="none")
        return self._out(loss(self._of(predicted).log(), self._of(truth)))

    def binary(self, z: Array, y: Array) -> WithGradient:
        """`torch.nn.BCEWithLogitsLoss`."""
        loss = self.torch.nn.BCEWithLogitsLoss(reduction="none")
        return self.differentiated(lambda z: loss(z, self._of(y)), z)

    def categorical(self, z: Array, truth: Array) -> WithGradient:
        """`torch.nn.CrossEntropyLoss`."""
        loss = self.torch.nn.CrossEntropyLoss(reduction="none")
        return self.differentiated(lambda z: loss(z, self._of(truth)), z)

    def divergence(self, z: Array, truth: Array) -> WithGradient:
        """`torch.nn.KLDivLoss`."""
        loss = self.torch.nn.KLDivLoss(reduction="none")
        return self.differentiated(lambda z: loss(self.torch.log_softmax(z, dim=-1), self._of(truth)).sum(dim=-1), z)

    def largest(self, values: Sequence[int]) -> Array:
        """`torch.max`."""
        return self._out(self.torch.max(self.torch.tensor(values)))

    def one_hot_of_largest(self, values: Sequence[int]) -> Array:
        """A hardmax."""
        index = self.torch.tensor(values).argmax()
        return self._out(self.torch.nn.functional.one_hot(index, len(values)))

    def _of(self, values: Array) -> Any:
        return self.torch.tensor(values, dtype=self.dtype)

    def _out(self, tensor: Any) -> Array:
        return tensor.detach().to(self.torch.float64).numpy()

    def differentiated(self, loss: Callable[[Any], Any], z: Array) -> WithGradient:
        """The value of a loss of these logits, and its gradient."""
        variable = self._of(z).requires_grad_(True)
        value = loss(variable)
        (slope,) = self.torch.autograd.grad(value.sum(), variable)
        return self._out(value), self._out(slope)


def _numpy(tensor: Any) -> Array:
    return np.asarray(tensor).astype(float)
