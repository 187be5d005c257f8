"""Training, validation and test rows of a task, samples of them, and the scaling that the training rows alone decide.

A split depends on (task, seed) and never on the arm. Groups stay whole; classes are stratified as far as groups
allow. scikit-learn's `StratifiedGroupKFold` does the same in a Python loop over the groups: 10 s a seed on the 49,097
rows of `shuttle`, where the one sort here takes 0.02 s. Its `GroupShuffleSplit` is quick but does not stratify.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.records import Data, Kind, require

SHARES = (0.6, 0.2, 0.2)
PARTS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class Split:
    """Row numbers of each part, ascending: disjoint, and together all rows."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """What standardises a row: float64 `mean` and `scale` that broadcast against one row."""

    mean: np.ndarray
    scale: np.ndarray

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Return (x - mean) / scale in float64; `x` is one row or many."""
        return (x - self.mean) / self.scale


def split(data: Data, seed: int, task: str) -> Split:
    """Divide the rows about 60/20/20 into whole groups, every class in every part; equal for equal (task, seed).

    Each group belongs to the stratum of the rarest class it holds. The groups of a stratum are shuffled and laid end
    to end, and a group goes to the part in which its middle row falls.
    Raises `UserError` if a class is held by too few groups to be in every part.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, *f"split/{task}".encode()]))
    group_of_row, sizes, group_classes = _groups(data)
    counts = _indicators(data.y).sum(axis=0)
    stratum = np.where(group_classes, counts, np.inf).argmin(axis=1)

    order = np.lexsort((rng.random(len(sizes)), stratum))
    size, kind = sizes[order], stratum[order]
    rows = np.bincount(kind, weights=size, minlength=len(counts))
    before = np.cumsum(size) - size - (np.cumsum(rows) - rows)[kind]
    middle = (before + size / 2) / rows[kind]
    part = np.empty(len(sizes), dtype=np.int64)
    part[order] = np.searchsorted(np.cumsum(SHARES)[:-1], middle, side="right")

    _give_every_part_every_class(part, group_classes, sizes, task)
    part_of_row = part[group_of_row]
    return Split(**{name: np.flatnonzero(part_of_row == number) for number, name in enumerate(PARTS)})


def _indicators(y: np.ndarray) -> np.ndarray:
    """Which class each row is of: (n, classes), or (n, 2 × labels) for a label given and not given."""
    if y.ndim == 2:
        return np.concatenate([y == 1, y == 0], axis=1)
    return y[:, None] == np.unique(y)


def _groups(data: Data) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each row's group number (n,), each group's row count (groups,), and the classes it holds (groups, classes)."""
    _, group_of_row, sizes = np.unique(data.groups, return_inverse=True, return_counts=True)
    indicators = _indicators(data.y)
    group_classes = np.zeros((len(sizes), indicators.shape[1]), dtype=bool)
    row, column = np.nonzero(indicators)
    group_classes[group_of_row[row], column] = True
    return group_of_row, sizes, group_classes


def _give_every_part_every_class(part: np.ndarray, group_classes: np.ndarray, sizes: np.ndarray, task: str) -> None:
    """Where large groups left a part without a class, move there the smallest group that its own part can spare."""
    for column in np.argsort(group_classes.sum(axis=0)):
        holders = np.flatnonzero(group_classes[:, column])
        require(
            len(holders) >= len(PARTS),
            f"Task {task!r} has a class that only {len(holders)} distinct groups of rows hold. "
            f"A split into {', '.join(PARTS)} needs at least {len(PARTS)}: give more rows of it or leave it out.",
        )
        for number in range(len(PARTS)):
            if not (part[holders] == number).any():
                in_part = _holders_by_part(part, group_classes)
                can_spare = (~group_classes[holders] | (in_part[part[holders]] > 1)).all(axis=1)
                donors = holders[can_spare]
                if len(donors):
                    part[donors[sizes[donors].argmin()]] = number
    require(
        bool(_holders_by_part(part, group_classes).all()),
        f"Task {task!r} cannot be split so that {', '.join(PARTS)} each hold every class: "
        "its groups are too few or hold too many classes each. Give more groups.",
    )


def _holders_by_part(part: np.ndarray, group_classes: np.ndarray) -> np.ndarray:
    """How many groups of each part hold each class: (parts, classes)."""
    return np.stack([group_classes[part == number].sum(axis=0) for number in range(len(PARTS))])


def fit_scaling(x: np.ndarray, train: np.ndarray, kind: Kind) -> Scaling:
    """Mean and standard deviation of the rows `train` of `x`, and of no other row.

    Vectors: one a feature, (features,). Sequences: one a channel, (channels,), of the steps without a missing value.
    Images: one for all pixels, (1, 1, 1), so that neighbours stay comparable. Text stays as it is.
    What is constant has the scale 1.
    """
    if kind == "text":
        return Scaling(mean=np.zeros(()), scale=np.ones(()))
    rows = x[train]
    if kind == "sequence":
        rows = rows.reshape(-1, x.shape[-1])
        rows = rows[~np.isnan(rows).any(axis=1)]
        if not len(rows):
            return Scaling(mean=np.zeros(x.shape[-1:]), scale=np.ones(x.shape[-1:]))
    axes = tuple(range(x.ndim)) if kind == "image" else (0,)
    mean = rows.mean(axis=axes, dtype=np.float64, keepdims=True)[0]
    spread = rows.std(axis=axes, dtype=np.float64, keepdims=True)[0]
    # equality, not a spread of 0: rounding of the mean gives a constant column a spread of about 1e-17
    constant = (rows.max(axis=axes, keepdims=True) == rows.min(axis=axes, keepdims=True))[0]
    # the squares of differences below about 1e-160 vanish: such a column is as good as constant
    return Scaling(mean=mean, scale=np.where(constant | (spread == 0), 1.0, spread))


def rows_rng(task: str, seed: int) -> np.random.Generator:
    """What draws the rows of one (task, seed), and nothing else."""
    return np.random.default_rng(np.random.SeedSequence([seed, *f"rows/{task}".encode()]))


def sample(data: Data, size: int, seed: int, task: str) -> np.ndarray:
    """About `size` row numbers of `data`, ascending, drawn without replacement; equal for equal (task, seed).

    Classes keep their shares, and groups stay whole: those of each class, shuffled and laid end to end, are taken as
    long as their middle row falls within the class's share. A group counts as of the class of its first row. With
    several labels a row, groups are drawn as they come. All rows, if there are no more than `size`.
    """
    n = len(data.y)
    if size >= n:
        return np.arange(n)
    _, first, group_of_row, sizes = np.unique(data.groups, return_index=True, return_inverse=True, return_counts=True)
    stratum = data.y[first] if data.y.ndim == 1 else np.zeros(len(first), dtype=np.int64)
    order = np.lexsort((rows_rng(task, seed).random(len(sizes)), stratum))
    ordered_sizes, kind = sizes[order], stratum[order]
    rows = np.bincount(kind, weights=ordered_sizes)
    before = np.cumsum(ordered_sizes) - ordered_sizes - (np.cumsum(rows) - rows)[kind]
    is_sampled = np.zeros(len(sizes), dtype=bool)
    is_sampled[order] = before + ordered_sizes / 2 < rows[kind] * size / n
    return np.flatnonzero(is_sampled[group_of_row])
