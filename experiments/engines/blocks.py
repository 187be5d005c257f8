"""Rows evaluated block after block, for engines whose compiled evaluation takes as many rows each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

# from (streams, size) row numbers: the logits of each number of units, (replicas, size, units), and the losses,
# (replicas, size)
Evaluate = Callable[[np.ndarray], tuple[Sequence[np.ndarray], np.ndarray]]


def in_blocks(rows: np.ndarray, size: int, evaluate: Evaluate) -> tuple[list[np.ndarray], np.ndarray]:
    """What `evaluate` gives for (streams, n) row numbers, `size` at a time: as `Engine.evaluate` returns it.

    The last block is filled up with the first rows again, which are cut off from what is returned.
    """
    n = rows.shape[1]
    blocks = -(-n // size)
    filled = np.take(rows, np.arange(blocks * size), axis=1, mode="wrap")
    logits, losses = zip(*map(evaluate, np.split(filled, blocks, axis=1)), strict=True)
    by_units = [np.concatenate(parts, axis=1)[:, :n] for parts in zip(*logits, strict=True)]
    return by_units, np.concatenate(losses, axis=1)[:, :n]
