"""Parquet files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from experiments.records import UserError
from experiments.tasks.files.formatting import one_line, quoted_path
from experiments.tasks.files.memory import GIB, PARQUET_FACTOR, SHARE_OF_ROWS, VALUE_BYTES, TooLarge, require_memory
from experiments.tasks.files.sampled import sampled

BATCH = 65_536  # rows that are read at a time for a sample
INDEX = "__index_level_"  # pandas stores a frame's unnamed index as such a column


def read_parquet(path: Path, source: str, memory_gib: float, all_rows: bool = False) -> tuple[pd.DataFrame, str]:
    """Return the columns of a Parquet file without the unnamed index that pandas adds, and a notice.

    Of a file that is too large a sample of rows, as the notice says, unless `all_rows` are needed.
    Raises `UserError` if it is damaged or too large.
    """
    try:
        with pq.ParquetFile(path) as file:
            meta = file.metadata
            stored = sum(meta.row_group(number).total_byte_size for number in range(meta.num_row_groups))
            needed = PARQUET_FACTOR * stored + VALUE_BYTES * meta.num_rows * meta.num_columns
            names = file.schema_arrow.names
            columns = [name for name in names if not name.startswith(INDEX)]
            notice = ""
            try:
                require_memory(source, needed, memory_gib, "as columns")
                table = file.read(columns=columns)
            except TooLarge as error:
                if all_rows:
                    raise
                batches = file.iter_batches(batch_size=BATCH, columns=columns)
                budget = SHARE_OF_ROWS * memory_gib * GIB / PARQUET_FACTOR
                table, notice = sampled(batches, budget, error)
            return table.to_pandas(ignore_metadata=True, date_as_object=False), notice
    except UserError:
        raise
    except Exception as error:  # what a damaged file raises is of many kinds
        raise UserError(f"{quoted_path(source)} cannot be read as Parquet: {one_line(error)}.") from error
