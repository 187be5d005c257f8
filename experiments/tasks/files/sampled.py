"""Rows drawn while a large file is read: those that are not kept are gone at once."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from experiments.tasks.files.memory import TooLarge

LEAST = 2_000  # rows: with fewer the file is refused instead


def sampled(batches: Iterable[pa.RecordBatch], budget: float, refusal: TooLarge) -> tuple[pa.Table, str]:
    """About as many rows as `budget` bytes hold, each kept with the same chance, in their order; and a notice.

    Every row draws a number, and those below a threshold are kept, which is halved whenever they have become too large:
    so neither the size nor the number of rows need be known. The draw is the same for the same file. Raises `refusal`
    where fewer than `LEAST` rows would be kept.
    """
    rng = np.random.default_rng(0)
    chosen: list[tuple[pa.RecordBatch, np.ndarray]] = []
    threshold, size, rows_read = 1.0, 0, 0
    for batch in batches:
        rows_read += batch.num_rows
        part = _below(batch, rng.random(batch.num_rows), threshold)
        chosen.append(part)
        size += part[0].nbytes
        while size > budget:
            threshold /= 2
            chosen = [_below(*part, threshold) for part in chosen]
            size = sum(batch.nbytes for batch, _ in chosen)
            if sum(batch.num_rows for batch, _ in chosen) < LEAST:
                raise refusal
    table = pa.Table.from_batches([batch for batch, _ in chosen])
    if table.num_rows == rows_read:
        return table, ""
    return table, (
        f"Of {rows_read:,} rows {table.num_rows:,}, drawn at random, are kept: as many as the memory holds (--memory)."
    )


def _below(batch: pa.RecordBatch, drawn: np.ndarray, threshold: float) -> tuple[pa.RecordBatch, np.ndarray]:
    chosen = np.flatnonzero(drawn < threshold)
    if len(chosen) == len(drawn):
        return batch, drawn
    return batch.take(pa.array(chosen)), drawn[chosen]  # a copy, which lets the rest of the batch go
