"""Parquet files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from experiments.records import UserError
from experiments.tasks.files.memory import PARQUET_FACTOR, VALUE_BYTES, require_memory
from experiments.tasks.files.words import one_line, shown

INDEX = "__index_level_"  # pandas stores a frame's unnamed index as such a column


def read_parquet(path: Path, source: str, memory_gib: float) -> pd.DataFrame:
    """Return the columns of a Parquet file without the unnamed index that pandas adds.

    Raises `UserError` if it is damaged or too large.
    """
    try:
        with pq.ParquetFile(path) as file:
            meta = file.metadata
            stored = sum(meta.row_group(number).total_byte_size for number in range(meta.num_row_groups))
            needed = PARQUET_FACTOR * stored + VALUE_BYTES * meta.num_rows * meta.num_columns
            require_memory(source, needed, memory_gib, "as columns")
            names = file.schema_arrow.names
            kept = [name for name in names if not name.startswith(INDEX)]
            return file.read(columns=kept).to_pandas(ignore_metadata=True, date_as_object=False)
    except UserError:
        raise
    except Exception as error:  # what a damaged file raises is of many kinds
        raise UserError(f"{shown(source)} cannot be read as Parquet: {one_line(error)}.") from error
