"""Labels in the encoding of a program: what stands for class 0 and class 1 in the sweep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """The labels of one row: their shape, whether they are one-hot, their dtype and the values of the two classes."""

    shape: tuple[int, ...]
    onehot: bool
    dtype: str
    values: tuple[float, float] = (0, 1)

    def rows(self, classes: np.ndarray) -> np.ndarray:
        """Labels (n, *shape) of rows of these classes, (n,)."""
        if self.onehot:
            units = self.shape[-1]
            table = np.eye(units)[np.minimum(classes, units - 1)]
            spread = table.reshape(len(classes), *[1] * (len(self.shape) - 1), units)
        else:
            low, high = self.values
            spread = (low + (high - low) * classes).reshape(len(classes), *[1] * len(self.shape))
        return np.broadcast_to(spread, (len(classes), *self.shape)).astype(self.dtype)

    def all(self, label: int, count: int) -> np.ndarray:
        """`count` labels of one class."""
        return self.rows(np.full(count, label))


def one_hot(classes: np.ndarray, units: int) -> np.ndarray:
    """Classes (n,) as (n, units) of 0 and 1; of one unit, the class itself."""
    return classes[:, None].astype(float) if units == 1 else np.eye(units)[classes]


def encodings(prediction: tuple[int, ...], labels: np.ndarray | None) -> list[Encoding]:
    """The encodings that may be meant for a prediction (of one row) of this shape; one if there are labels."""
    units = prediction[-1] if prediction else 1
    if labels is not None:
        shape = labels.shape[1:]
        onehot = units > 1 and shape == prediction
        dtype = "float32" if labels.dtype == bool or labels.dtype.kind not in "iuf" else str(labels.dtype)
        dtype = "float32" if dtype == "float64" else dtype  # as Keras hands them on
        return [Encoding(shape=shape, onehot=onehot, dtype=dtype)]
    if units == 1:
        return [Encoding(shape=prediction, onehot=False, dtype="float32")] + (
            [Encoding(shape=prediction[:-1], onehot=False, dtype=dtype) for dtype in ("float32", "int32")]
        )
    return [
        Encoding(shape=prediction, onehot=True, dtype="float32"),
        Encoding(shape=prediction[:-1], onehot=False, dtype="int32"),
        Encoding(shape=(*prediction[:-1], 1), onehot=False, dtype="int32"),
        Encoding(shape=prediction[:-1], onehot=False, dtype="int64"),
    ]
