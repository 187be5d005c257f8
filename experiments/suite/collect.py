"""The tables of all stored cells as one table each, in an order that no schedule decides; and the check of all that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from experiments.atomic import replacing, write_file
from experiments.store import write_parquet
from experiments.suite.cells import NOTEBOOK, PAGE, Cells, Manifest
from experiments.tables import SCHEMAS

TABLES = "tables"
INDEX = "index.json"  # what the tables were made from, and their hashes
_NO_CSV = {"curves"}  # millions of rows


def collect(root: Path, cells: Sequence[Manifest] | None = None) -> list[Path]:
    """Merge the tables of the stored cells into `root`/tables, sorted by cell; returns the Parquet files.

    `cells`: those known to be whole; by default all stored ones that are. A table that is already made of exactly
    their parts is left alone. Each is also written as .csv, but curves.
    """
    store = Cells(root)
    cells = sorted(store.valid() if cells is None else cells, key=lambda stored: stored.cell)
    folder = root / TABLES
    made_of: dict[str, dict[str, str]] = {}  # table -> cell -> the hash of its part
    for stored in cells:
        for name in sorted(stored.files):
            if name.endswith(".parquet"):
                made_of.setdefault(name, {})[stored.cell] = stored.files[name]
    before = _index(folder)
    damaged = {path.stem for path in _damaged(folder)}
    current = {
        name
        for name, parts in made_of.items()
        if before.get("made_of", {}).get(name) == parts and Path(name).stem not in damaged
    }
    if current == set(before.get("made_of", ())) == set(made_of):
        return [folder / name for name in sorted(made_of)]
    folder.mkdir(exist_ok=True)
    (folder / INDEX).unlink(missing_ok=True)  # from here to the end the tables answer to no index
    for name in sorted(set(made_of) - current):
        _merge([store.finished / cell / name for cell in made_of[name]], folder / name)
    written = [folder / name for name in sorted(made_of)]
    files = [file for path in written for file in (path, path.with_suffix(".csv")) if file.exists()]
    for path in {*folder.glob("*.parquet"), *folder.glob("*.csv")} - {*files}:
        if path.stem != "cells":
            path.unlink()
    index = {"made_of": made_of, "files": {path.name: _sha256(path) for path in files}}
    write_file(folder / INDEX, (json.dumps(index, indent=1) + "\n").encode())
    return written


def save_cells(root: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write the table `cells`: one row a planned cell, done, cached or failed."""
    folder = root / TABLES
    folder.mkdir(parents=True, exist_ok=True)
    types = {"seconds": pa.float64(), "networks_trained": pa.int64(), "attempts": pa.int64()}
    names = [*SCHEMAS["cells"], "attempts"]
    schema = pa.schema([(name, types.get(name, pa.string())) for name in names])
    table = pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows], schema)
    write_parquet(folder / "cells.parquet", [table])
    pa_csv.write_csv(table, folder / "cells.csv")


def copy_notebooks(root: Path, cells: Sequence[Manifest]) -> None:
    """Put the executed notebooks and their pages, of failed cells too, into `root`/notebooks under their cell's id."""
    store, folder = Cells(root), root / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    sources = {stored.cell: store.finished / stored.cell for stored in cells}
    sources |= {failure.cell: store.failed / failure.cell for failure in store.failures()}
    current = set()
    for cell, source in sources.items():
        for name in (NOTEBOOK, PAGE):
            target = folder / f"{cell}{Path(name).suffix}"
            if (source / name).is_file():
                current.add(target)
                content = (source / name).read_bytes()
                # a copy, so that a reader who edits it does not alter the cache
                if not (target.is_file() and target.read_bytes() == content):
                    write_file(target, content)
    for path in folder.iterdir():
        if path.suffix in (".ipynb", ".html") and path not in current:
            path.unlink()


def verify(root: Path) -> list[str]:
    """Hash everything that is stored again: one line for each file that is missing, altered or too much."""
    store = Cells(root)
    return [*(line for cell in store.names() for line in store.problems(cell)), *table_problems(root)]


def table_problems(root: Path) -> list[str]:
    """One line for each merged table that is missing or is not the one that was written."""
    return [f"{path} {what}" for path, what in _damaged(root / TABLES).items()]


def _damaged(folder: Path) -> dict[Path, str]:
    damaged = {}
    for name, digest in _index(folder).get("files", {}).items():
        path = folder / name
        if not path.is_file():
            damaged[path] = "is missing"
        elif _sha256(path) != digest:
            damaged[path] = "was altered"
    return damaged


def _index(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _merge(paths: Sequence[Path], target: Path) -> Path:
    """Concatenate Parquet files without holding more than one of them in memory."""
    schema = pa.unify_schemas([pq.read_schema(path) for path in paths], promote_options="permissive")
    # what a killed process leaves there is written over by the next one
    with replacing(target, target.with_name(f".{target.name}")) as beside:
        write_parquet(beside, (_with_all_columns(pq.read_table(path), schema) for path in paths), schema)
        if target.stem not in _NO_CSV:
            with (
                replacing(target.with_suffix(".csv"), beside.with_suffix(".csv")) as beside_csv,
                pa_csv.CSVWriter(beside_csv, schema) as csv,
            ):
                for path in paths:
                    csv.write_table(_with_all_columns(pq.read_table(path), schema).cast(schema))
    return target


def _with_all_columns(table: pa.Table, schema: pa.Schema) -> pa.Table:
    for field in schema:
        if field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(len(table), field.type))
    return table.select(schema.names)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
