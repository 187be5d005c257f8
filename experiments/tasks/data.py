"""Arrays in the one form that every task has: groups of identical rows, reduced images, a hash."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import ArrayLike

from experiments.records import Data


def as_data(x: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Data:
    """Return the rows as `Data`; without `groups`, identical rows of `x` share one.

    `x`: (n, features), kept as float64, or (n, height, width, channels), kept as float32 in its raw unit.
    `y`: (n,) classes 0 .. K-1, or (n, labels) of 0 and 1.
    Raises `ValueError` if `y` is not so, or if `x` holds a value that is not finite.
    """
    rows = np.asarray(x)
    rows = np.ascontiguousarray(rows, dtype=np.float64 if rows.ndim == 2 else np.float32)
    labels = np.asarray(y)
    classes = np.unique(labels)
    wanted = np.arange(len(classes) if labels.ndim == 1 else 2)
    if not np.array_equal(classes, wanted):
        raise ValueError(f"y must hold the whole numbers 0 .. K-1, each at least once, not {classes[:10].tolist()}")
    identity = identical_rows(rows) if groups is None else np.asarray(groups)
    return Data(x=rows, y=labels.astype(np.int64), groups=identity.astype(np.int64))


def identical_rows(x: np.ndarray) -> np.ndarray:
    """Number the distinct rows of `x`: (n,) integers, equal exactly where the rows are equal in every value.

    Whole rows are compared as bytes, which takes a seventh of the time of `np.unique(axis=0)`.
    """
    rows = np.ascontiguousarray(x.reshape(len(x), -1) + 0.0)  # + 0.0 turns -0.0, equal in value, into 0.0
    as_bytes = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
    return np.unique(as_bytes, return_inverse=True)[1].astype(np.int64)


def area_average(images: np.ndarray, side: int) -> np.ndarray:
    """Reduce square images to `side` × `side` by the exact mean over the area that each new pixel covers.

    `images`: (n, native, native). Images that are no wider than `side` are returned as they are.
    Returns (n, side, side, 1) float32 in the same unit.
    """
    native = images.shape[1]
    if side < native:
        weights = _overlap(native, side)
        images = weights @ images.astype(np.float64) @ weights.T
    return images[..., np.newaxis].astype(np.float32)


def _overlap(native: int, side: int) -> np.ndarray:
    """Share of each new pixel, a row, that each old pixel, a column, covers: (side, native), rows sum to 1."""
    edges = np.linspace(0, native, side + 1)
    old = np.arange(native)
    covered = np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old)
    return np.clip(covered, 0, None) * side / native


def data_hash(data: Data) -> str:
    """SHA-256, as 64 hexadecimal digits, over the values, dtypes and shapes of `x`, `y` and `groups`."""
    digest = hashlib.sha256()
    for array in (data.x, data.y, data.groups):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
