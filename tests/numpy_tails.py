"""Programs of NumPy whose formulas stand here, for what is measured and judged: no framework has a part in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax

from experiments.check.examine import examine
from experiments.check.labels import Encoding, encodings
from experiments.check.record import Finding, Output, Step
from experiments.check.sweep import Sweep, run_sweep

ROWS = 8
Array = np.ndarray
# of labels and logits or predictions, row by row
Loss = Callable[[Array, Array], Array]


@dataclass(frozen=True, kw_only=True)
class NumpyTail:
    """A program: `predict` of logits (rows, K), and a loss of labels and logits; `scored`: of labels and predictions.

    `whole_loss`: of a batch, in the place of the mean over its rows.
    """

    predict: Callable[[Array], Array]
    loss: Loss
    scored: Loss
    units: int = 1
    dtype: str = "float64"
    rows: int = ROWS
    logits_suffice: bool = True
    trained: Callable[[Array], Array] | None = None
    whole_loss: Callable[[Array, Array], float] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.units,)

    @property
    def logits(self) -> Array:
        return np.linspace(-2, 2, ROWS * self.units).reshape(ROWS, self.units)

    def _rows(self, z: Array, labels: Array) -> Array:
        return self.loss(labels, z)

    def _mean(self, z: Array, labels: Array) -> float:
        return float(self._rows(z, labels).mean()) if self.whole_loss is None else self.whole_loss(labels, z)

    def __call__(self, logits: Array, labels: Array) -> Step:
        z = np.array(logits, float)
        with np.errstate(all="ignore"):
            gradient = self._gradient(z, labels)
            return Step(
                prediction=self.predict(z), trained=(self.trained or self.predict)(z), loss=self._mean(z, labels),
                gradient=gradient,
            )  # fmt: skip

    def _gradient(self, z: Array, labels: Array, step: float = 1e-4) -> Array:
        """Of the mean loss, by central differences."""
        gradient = np.zeros_like(z)
        if self.whole_loss is None:  # each row's loss is its own
            for unit in range(self.units):
                moved = step * np.eye(self.units)[unit]
                gradient[:, unit] = (self._rows(z + moved, labels) - self._rows(z - moved, labels)) / (2 * step * ROWS)
            return gradient
        for place in np.ndindex(z.shape):
            moved = np.zeros_like(z)
            moved[place] = step
            gradient[place] = (self.whole_loss(labels, z + moved) - self.whole_loss(labels, z - moved)) / (2 * step)
        return gradient

    def score(self, labels: Array, prediction: Array) -> float:
        with np.errstate(all="ignore"):
            return float(self.scored(labels, prediction).mean())


# formulas -----------------------------------------------------------------------------------------------------------


def bce_of_logits(y: Array, z: Array) -> Array:
    return -(y * log_expit(z) + (1 - y) * log_expit(-z)).mean(axis=-1)


def bce(y: Array, p: Array) -> Array:
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(axis=-1)


def plain_bce(y: Array, p: Array) -> Array:
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(axis=-1)


def cce_of_logits(y: Array, z: Array) -> Array:
    return -(y * log_softmax(z, axis=-1)).sum(axis=-1)


def cce(y: Array, p: Array) -> Array:
    return -(y * np.log(np.clip(p / p.sum(axis=-1, keepdims=True), 1e-7, 1 - 1e-7))).sum(axis=-1)


def cce_as_given(y: Array, p: Array) -> Array:
    return -(y * np.log(np.clip(p, 1e-7, 1))).sum(axis=-1)


def focal_as_given(y: Array, p: Array) -> Array:
    """As Keras computes it: clipped in the cross-entropy alone."""
    chance = np.clip(np.where(y == 1, p, 1 - p), 1e-7, 1 - 1e-7)
    return -(np.where(y == 1, 1 - p, p) ** 2 * np.log(chance)).mean(axis=-1)


def square(y: Array, p: Array) -> Array:
    return ((y - p) ** 2).mean(axis=-1)


def absolute(y: Array, p: Array) -> Array:
    return np.abs(y - p).mean(axis=-1)


def hinge(y: Array, p: Array) -> Array:
    return np.maximum(0, 1 - (2 * y - 1) * p).mean(axis=-1)


def focal(y: Array, p: Array) -> Array:
    right = np.clip(np.where(y == 1, p, 1 - p), 1e-7, 1 - 1e-7)
    return -((1 - right) ** 2 * np.log(right)).mean(axis=-1)


def focal_of_classes(y: Array, p: Array) -> Array:
    return -(y * (1 - p) ** 2 * np.log(np.clip(p, 1e-7, 1))).sum(axis=-1)


def clipped_first(y: Array, p: Array) -> Array:
    """As Keras has it for labels that are numbers of classes."""
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return -(y * np.log(p / p.sum(axis=-1, keepdims=True))).sum(axis=-1)


def huber(y: Array, p: Array) -> Array:
    gap = np.abs(y - p)
    return np.where(gap < 1, gap**2 / 2, gap - 1 / 2).mean(axis=-1)


def margins(y: Array, z: Array) -> Array:
    return np.maximum(0, 1 + z - (y * z).sum(axis=-1, keepdims=True)) * (1 - y)


def identity(z: Array) -> Array:
    return z


def soft(z: Array) -> Array:
    return softmax(z, axis=-1)


def half(z: Array) -> Array:
    """A sigmoid whose result has 16 bits."""
    return expit(z).astype(np.float16).astype(float)


def of(predict: Callable[[Array], Array], loss: Loss, **options: Any) -> NumpyTail:
    """A program whose loss is one of its prediction."""
    return NumpyTail(predict=predict, loss=lambda y, z: loss(y, predict(z)), scored=loss, **options)


def behind(predict: Callable[[Array], Array], loss: Loss, scored: Loss, **options: Any) -> NumpyTail:
    """A program whose loss is one of its logits, as Keras on TensorFlow finds them behind the prediction."""
    return NumpyTail(predict=predict, loss=loss, scored=scored, **options)


def smoothed(loss: Loss, amount: float = 0.1) -> Loss:
    return lambda y, z: loss(y * (1 - amount) + amount / (2 if y.shape[-1] == 1 else y.shape[-1]), z)


def output(tail: NumpyTail, labels: Array | None = None, **options: Any) -> Output:
    known = Output(
        name="output", framework="Keras on numpy", execution="graph", loss="loss", layer="Dense", shape=(tail.units,),
        tail=tail, unmeasured="", labels=labels, complete=True, weights=None, class_weight=None, metrics=(), raised="",
        after="",
    )  # fmt: skip
    return replace(known, **options)


def found(tail: NumpyTail, labels: Array | None = None, **options: Any) -> list[Finding]:
    known = output(tail, labels, **options)
    return examine([(known, one) for one in encodings(known.shape, labels)][:1], None, "")[2]


def names(findings: list[Finding]) -> list[str]:
    return [one.name for one in findings]


def measured(tail: NumpyTail) -> Sweep:
    onehot = tail.units > 1
    return run_sweep(tail, (tail.units,), Encoding(shape=(tail.units,), onehot=onehot, dtype="float32"))


@cache
def swept(tail: NumpyTail) -> Sweep:
    """`measured`, once a program."""
    return measured(tail)


Y = np.arange(32) % 2
ONE, TWO = behind(expit, bce_of_logits, bce), of(identity, cce_of_logits, units=2)
SOFTMAX = behind(soft, cce_of_logits, cce, units=2)
THREE = behind(soft, cce_of_logits, cce, units=3)
MULTI = behind(expit, bce_of_logits, bce, units=3)


class Sparse(NumpyTail):
    """Labels are the numbers of the classes."""

    def _rows(self, z: Array, labels: Array) -> Array:
        return super()._rows(z, np.eye(self.units)[labels.astype(int)])


def by_number(y: Array, z: Array) -> Array:
    return cce_of_logits(np.eye(2)[y.astype(int)], z)


# a chance of one class alone
ALONE = of(lambda z: np.logaddexp(0, z), lambda y, p: -(y * np.log(np.clip(p, 1e-7, 1))).sum(axis=-1))
SPARSE = Sparse(predict=identity, loss=cce_of_logits, scored=by_number, units=2)
NUMBERS = Encoding(shape=(), onehot=False, dtype="int32")
