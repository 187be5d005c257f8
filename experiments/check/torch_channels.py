"""Predictions of PyTorch whose classes are the second axis, (n, classes, ...): seen with the classes last."""

from __future__ import annotations

import numpy as np

from experiments.check.record import Step, Tail


def classes_second(prediction: tuple[int, ...], labels: tuple[int, ...] | None, kind: str) -> bool:
    """Whether labels are the numbers of classes along the second axis of a prediction, as in CrossEntropyLoss.

    `prediction`, `labels`: shapes with the rows; `kind`: of the labels' dtype, as NumPy names it.
    """
    return (
        labels is not None and kind in "iu" and len(prediction) > 2 and labels == (prediction[0], *prediction[2:])
    )


class ClassesLast:
    """A `Tail` over another one whose predictions have their `classes` along the second axis."""

    def __init__(self, inner: Tail, classes: int) -> None:
        self.rows, self.dtype, self.logits_suffice = inner.rows, inner.dtype, inner.logits_suffice
        # the logits are laid out as the prediction is, if with other places
        self._inner, self._channels_first = inner, len(inner.shape) > 1 and inner.shape[0] == classes
        self.shape = (*inner.shape[1:], inner.shape[0]) if self._channels_first else inner.shape

    @property
    def logits(self) -> np.ndarray:
        """As the inner one's, with the classes last."""
        return np.moveaxis(self._inner.logits, 2, -1) if self._channels_first else self._inner.logits

    def __call__(self, logits: np.ndarray, labels: np.ndarray) -> Step:
        step = self._inner(np.moveaxis(logits, -1, 1) if self._channels_first else logits, labels)
        return Step(
            prediction=np.moveaxis(step.prediction, 1, -1), trained=np.moveaxis(step.trained, 1, -1), loss=step.loss,
            gradient=np.moveaxis(step.gradient, 1, -1) if self._channels_first else step.gradient,
        )  # fmt: skip

    def score(self, labels: np.ndarray, prediction: np.ndarray) -> float:
        return self._inner.score(labels, np.moveaxis(prediction, -1, 1))
