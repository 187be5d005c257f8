"""The examples in NumPy, and what scikit-learn has of them.

Arrays go in and come out in float64. `z` are logits; where there are classes they are the last axis. `truth` and
`predicted` are distributions over it. Losses are in nats, one a row; a gradient is that of their sum, with
respect to z.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import xlogy

Array = np.ndarray
WithGradient = tuple[Array, Array]
_STEP = 1e-20  # of the complex step: nothing is subtracted, so it may be as small as one likes


class Numpy:
    """The textbook's formulas in NumPy; gradients by the complex step (Squire & Trapp 1998), exact to rounding."""

    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)

    def sigmoid(self, z: Array) -> Array:
        """Each output of `z`."""
        with np.errstate(over="ignore"):  # exp(-z) of a large negative z is inf, and the output 0
            return (1 / (1 + np.exp(-z.astype(self.dtype)))).astype(float)

    def softmax(self, z: Array) -> Array:
        """Probabilities along the last axis."""
        z = z.astype(self.dtype)
        powers = np.exp(z - z.max(axis=-1, keepdims=True))
        return (powers / powers.sum(axis=-1, keepdims=True)).astype(float)

    def cross_entropy(self, truth: Array, predicted: Array) -> Array:
        """The cross-entropy of distributions, a row each."""
        return -xlogy(truth.astype(self.dtype), predicted.astype(self.dtype)).sum(axis=-1).astype(float)

    def binary(self, z: Array, y: Array) -> WithGradient:
        """The loss of a sigmoid: z, y (n,)."""

        def loss(z: Array) -> Array:
            large = z.real > 0
            return np.where(large, z, 0) + np.log1p(np.exp(np.where(large, -z, z))) - y * z

        return self.differentiated(loss, z)

    def categorical(self, z: Array, truth: Array) -> WithGradient:
        """The loss of a softmax: z, truth (n, classes)."""
        return self.differentiated(lambda z: -(truth * _log_softmax(z)).sum(axis=-1), z)

    def divergence(self, z: Array, truth: Array) -> WithGradient:
        """KL(truth, softmax(z))."""
        return self.differentiated(lambda z: (truth * (np.log(truth) - _log_softmax(z))).sum(axis=-1), z)

    def largest(self, values: Sequence[int]) -> Array:
        """What the call that the article names returns."""
        return np.asarray(np.max(values))

    def one_hot_of_largest(self, values: Sequence[int]) -> Array:
        """A hardmax."""
        return np.eye(len(values))[np.argmax(values)]

    def differentiated(self, loss: Callable[[Array], Array], z: Array) -> WithGradient:
        """The value of a loss of these logits, and its gradient."""
        z = z.astype(self.dtype)
        wide = z if z.ndim == 2 else z[:, None]
        slopes = []
        for column in range(wide.shape[1]):
            moved = wide.astype(complex)
            moved[:, column] += 1j * _STEP
            slopes.append(loss(moved.reshape(z.shape)).imag / _STEP)
        return loss(z).real.astype(float), np.stack(slopes, axis=-1).reshape(z.shape)


class ScikitLearn:
    """What scikit-learn has of it: a softmax and the log loss."""

    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)

    def softmax(self, z: Array) -> Array:
        """`sklearn.utils.extmath.softmax`."""
        from sklearn.utils.extmath import softmax

        return softmax(z.astype(self.dtype)).astype(float)

    def cross_entropy(self, truth: Array, predicted: Array) -> Array:
        """`sklearn.metrics.log_loss`, row by row: it returns a mean."""
        from sklearn.metrics import log_loss

        labels = list(range(truth.shape[-1]))
        rows = zip(truth.argmax(axis=-1), predicted.astype(self.dtype), strict=True)
        return np.array([log_loss([label], row[None], labels=labels) for label, row in rows])


def _log_softmax(z: Array) -> Array:
    shifted = z - z.real.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
