"""The rows that a seed draws: its own from a population, or a small sample of its own from a large table."""

from __future__ import annotations

import numpy as np

from experiments.records import Data


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
    laid, kind = sizes[order], stratum[order]
    rows = np.bincount(kind, weights=laid)
    before = np.cumsum(laid) - laid - (np.cumsum(rows) - rows)[kind]
    taken = np.zeros(len(sizes), dtype=bool)
    taken[order] = before + laid / 2 < rows[kind] * size / n
    return np.flatnonzero(taken[group_of_row])
