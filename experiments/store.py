"""What a notebook hands to the suite: its tables, as Parquet files that equal tables make equal, and its progress."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.atomic import write_file
from experiments.progress import Progress, throttled
from experiments.tables import RUN, SCHEMAS, validate

PROGRESS = ".progress"
ROWS_A_GROUP = 1 << 16
# within a table's part of one cell, so that a reader who wants one quantity can skip the other row groups
_FIRST = ("quantity", "scope", "split")


def save_tables(out: str | Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write each table as `out`/<name>.parquet; nothing at all when `out` is "" (a notebook run by hand).

    Equal tables give equal bytes: no index, no pandas metadata, no time stamp, rows of the tables that hold runs in
    the order of their keys. Raises `ValueError` if a table of `tables.SCHEMAS` lacks a column.
    """
    if not str(out):
        return
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        if name in SCHEMAS:
            table = validate(name, table)
        write_parquet(folder / f"{name}.parquet", [_sorted(_plain(table))])


def progress(out: str | Path) -> Progress | None:
    """A function of (steps done, steps in all) that tells the suite how far a notebook is; None when `out` is ""."""
    if not str(out):
        return None
    note = Path(out) / PROGRESS
    return throttled(lambda done, total: write_file(note, f"{done} {total}".encode(), durable=False))


def write_parquet(path: Path, parts: Iterable[pa.Table], schema: pa.Schema | None = None) -> None:
    """Write `parts`, one after another, as one file; `schema` defaults to that of the first part."""
    writer: pq.ParquetWriter | None = None
    try:
        for part in parts:
            schema = schema or part.schema
            if writer is None:
                writer = pq.ParquetWriter(
                    path,
                    schema,
                    compression="zstd",
                    use_dictionary=[field.name for field in schema if field.name != "value"],
                    store_schema=False,
                )
            writer.write_table(part.cast(schema), row_group_size=ROWS_A_GROUP)
    finally:
        if writer is not None:
            writer.close()


def _plain(table: pd.DataFrame) -> pa.Table:
    """Columns of plain types only, so that a category and a text of the same values are stored alike."""
    arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    fields = []
    for field in arrow.schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        kind = pa.string() if pa.types.is_large_string(kind) or pa.types.is_null(kind) else kind
        fields.append(pa.field(field.name, kind))
    return arrow.cast(pa.schema(fields))


def _sorted(table: pa.Table) -> pa.Table:
    names = table.column_names
    if not set(RUN) <= set(names):
        return table
    keys = [*(name for name in _FIRST if name in names), *(n for n in names if n not in (*_FIRST, "value"))]
    return table.sort_by([(name, "ascending") for name in keys])
