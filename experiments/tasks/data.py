"""Arrays in the one form that every task has: groups of identical rows, reduced images, a hash."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import ArrayLike

from experiments.records import Data

# A test part holds a fifth of the groups, so 20 effective ones. Simulated tables of coarse columns (916 of 300 to 2,000
# rows, 12 seeds each) show what fewer cost: over seeds, the accuracy of a linear model on the test part varies 1.4 to
# 1.5 times as much as with parts of single rows where 40 to 100 groups are effective, 1.9 times at 20 to 40 and 6 times
# below 5; a test part is up to 19 %, 40 % and 99 % larger or smaller than a fifth. From 100 on it is 1.3 times and 9 %.
LEAST_GROUPS = 100


def as_data(x: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Data:
    """Return the rows as `Data`; without `groups`, identical rows of `x` share one unless `leaves_few` such groups.

    `x`: (n, features), kept as float64; (n, height, width, channels), kept as float32 in its raw unit; or (n,) texts.
    `y`: (n,) classes 0 .. K-1, or (n, labels) of 0 and 1.
    Raises `ValueError` if `y` is not so, or if `x` holds a value that is not finite.
    """
    rows = np.asarray(x)
    kinds: dict[int, type] = {1: object, 2: np.float64}
    rows = np.ascontiguousarray(rows, dtype=kinds.get(rows.ndim, np.float32))
    labels = np.asarray(y)
    classes = np.unique(labels)
    expected = np.arange(len(classes) if labels.ndim == 1 else 2)
    if not np.array_equal(classes, expected):
        raise ValueError(f"y must hold the whole numbers 0 .. K-1, each at least once, not {classes[:10].tolist()}")
    if groups is None:
        identical, alone = identical_rows(rows), np.arange(len(rows))
        groups = alone if leaves_few(identical, alone) else identical
    return Data(x=rows, y=labels.astype(np.int64), groups=np.asarray(groups).astype(np.int64))


def effective_groups(groups: np.ndarray) -> float:
    """How many groups of equal size vary as much as these, (sum of sizes)^2 / sum of squared sizes.

    `groups`: (n,) a number a row. Between 1 and the number of groups. Source: Kish 1965, Survey Sampling.
    """
    sizes = np.unique(groups, return_counts=True)[1].astype(np.float64)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def leaves_few(together: np.ndarray, alone: np.ndarray) -> bool:
    """Whether keeping identical rows together would leave so few groups that parts are no fair shares of the table.

    `together`: (n,) the groups that hold identical rows too; `alone`: (n,) those that would be kept without them. A
    small table whose rows are mostly different has few groups either way: fewer than half of those alone must remain.
    """
    return effective_groups(together) < min(LEAST_GROUPS, effective_groups(alone) / 2)


def identical_rows(x: np.ndarray) -> np.ndarray:
    """Number the distinct rows of `x`: (n,) integers, equal exactly where the rows are equal in every value.

    Whole rows are compared as bytes, which takes a seventh of the time of `np.unique(axis=0)`.
    """
    if x.dtype == object:
        numbers: dict[str, int] = {}
        return np.array([numbers.setdefault(text, len(numbers)) for text in x], dtype=np.int64)
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
        if array.dtype == object:
            digest.update("\0".join(array).encode())
            continue
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
