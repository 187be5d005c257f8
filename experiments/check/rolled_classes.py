"""A program whose first classes weigh nothing, read with other classes in front of them."""

from __future__ import annotations

import numpy as np

from experiments.check.labels import Encoding
from experiments.check.record import Output, Step, Tail
from experiments.check.sweep import Sweep


class RolledClasses:
    """A `Tail` whose class 0 is the class number `first` of another one, and so on around.

    For a loss that leaves out a class on purpose, such as the number of the padding in a sequence of words.
    """

    def __init__(self, inner: Tail, first: int, *, onehot: bool) -> None:
        self.rows, self.dtype, self.logits_suffice, self.shape = (
            inner.rows, inner.dtype, inner.logits_suffice, inner.shape
        )  # fmt: skip
        self._inner, self._first, self._onehot = inner, first, onehot

    @property
    def logits(self) -> np.ndarray:
        """As the inner one's, with the classes in their new order."""
        return np.roll(self._inner.logits, -self._first, axis=-1)

    def _labels(self, labels: np.ndarray, units: int) -> np.ndarray:
        if self._onehot:
            return np.roll(labels, self._first, axis=-1)
        return ((labels + self._first) % units).astype(labels.dtype)

    def __call__(self, logits: np.ndarray, labels: np.ndarray) -> Step:
        inner = self._inner(np.roll(logits, self._first, axis=-1), self._labels(labels, logits.shape[-1]))
        prediction, trained, gradient = (
            np.roll(array, -self._first, axis=-1) for array in (inner.prediction, inner.trained, inner.gradient)
        )
        return Step(prediction=prediction, trained=trained, loss=inner.loss, gradient=gradient)

    def score(self, labels: np.ndarray, prediction: np.ndarray) -> float:
        rolled = np.roll(prediction, self._first, axis=-1)
        return self._inner.score(self._labels(labels, prediction.shape[-1]), rolled)


def labels_without_loss(sweep: Sweep) -> np.ndarray:
    """(2,): whether rows of a label alone have no loss, whatever the logit: it is not finite, or 0 without a slope."""
    losses, zero_gradient = sweep.losses[:, sweep.moderate], sweep.zero_gradient[:, sweep.moderate]
    return sweep.no_finite_loss | ((losses == 0) & zero_gradient).all(axis=1)


def ignores_labels(output: Output, encoding: Encoding, values: list[float]) -> bool:
    """Whether the loss leaves out rows whose labels are numbers of no class, as PyTorch does with -100.

    In a batch of such rows and others it is finite, and only the others have a gradient.
    """
    tail = output.tail
    if tail is None:
        return False
    outside = np.arange(tail.rows) % 2 == 1
    logits = np.random.default_rng(0).normal(size=(tail.rows, *tail.shape))
    for value in values:
        labels = encoding.rows(np.arange(tail.rows) // 2 % output.units)
        labels[outside] = value
        try:
            step = tail(logits, labels)
        except Exception:  # the program refuses the label
            return False
        moves = (step.gradient.reshape(tail.rows, -1) != 0).any(axis=1)
        if not np.isfinite(step.loss) or moves[outside].any() or not moves[~outside].any():
            return False
    return True
