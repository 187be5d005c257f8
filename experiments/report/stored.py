"""The stored tables of one result, read only as far as the report needs them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.records import require
from experiments.tables import MAIN, SCHEMAS, TRAINED

Conditions = tuple[tuple[str, tuple[str, ...]], ...]  # columns with the values that they may have


@dataclass(frozen=True)
class Stored:
    """`results/<name>`: its tables, its provenance and its notebooks.

    `into`: the folder that the report is written to; only what lies in it is linked.
    """

    out: Path
    into: Path
    # sections that read the same rows share them; none changes them
    _cache: dict[Any, pd.DataFrame] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require(
            (self.out / "tables").is_dir(),
            f"{self.out} holds no tables. Make some with `headtohead run --out {self.out}`.",
        )

    def has(self, name: str) -> bool:
        """Whether the table is stored and holds a row."""
        path = self._path(name)
        return path.is_file() and pq.read_metadata(path).num_rows > 0

    def read(self, name: str, **equals: str | tuple[str, ...]) -> pd.DataFrame:
        """The rows of a table whose columns equal (or are among) what is given; an empty one if it is not stored.

        Of trained networks the main framework's, unless `framework` says which.
        """
        if name in TRAINED:
            equals = {"framework": MAIN, **equals}
        conditions = tuple(
            (column, tuple(sorted([value] if isinstance(value, str) else value))) for column, value in equals.items()
        )
        if (name, conditions) not in self._cache:
            wider = [part for (of, given), part in self._cache.items() if of == name and _within(conditions, given)]
            rows = _chosen(wider[0], conditions) if wider else _read(self._path(name), conditions)
            self._cache[name, conditions] = rows
        return self._cache[name, conditions]

    def _path(self, name: str) -> Path:
        return self.out / "tables" / f"{name}.parquet"

    @property
    def figure_cache(self) -> Path:
        """The folder of figures that were drawn before; it may be deleted at any time."""
        return self.out / ".figures"

    @cached_property
    def run(self) -> dict[str, Any]:
        """What `run.json` says, beside the report or else beside the tables: versions, commit, machine, command, ..."""
        files = [path for folder in (self.into, self.out) if (path := folder / "run.json").is_file()]
        return json.loads(files[0].read_text(encoding="utf-8")) if files else {}

    @cached_property
    def cells(self) -> pd.DataFrame:
        """The table `cells`, its texts never missing."""
        return self.read("cells").fillna({"error": "", "notebook": ""})

    def link(self, relative: str) -> str:
        """The address of the rendered notebook of `relative`, or of the notebook, or nothing: what exists is linked."""
        for suffix in (".html", ".ipynb") if relative else ():
            path = Path(relative).with_suffix(suffix)
            if (self.into / path).is_file():
                return quote(path.as_posix())
        return ""

    def notebooks(self, kind: str) -> list[tuple[str, str]]:
        """(cell, link) of every notebook of a kind that is there."""
        rows = self.cells.loc[self.cells["kind"] == kind]
        links = [(str(row.cell), self.link(str(row.notebook))) for row in rows.itertuples()]
        return [(cell, link) for cell, link in links if link]


def _within(conditions: Conditions, given: Conditions) -> bool:
    """Whether all rows that fulfil `conditions` are among those that fulfil `given`."""
    values = dict(conditions)
    return all(column in values and set(values[column]) <= set(allowed) for column, allowed in given)


def _chosen(rows: pd.DataFrame, conditions: Conditions) -> pd.DataFrame:
    """The rows that fulfil `conditions`, numbered anew: to look through a whole file takes ten times as long."""
    chosen = np.logical_and.reduce([rows[column].isin(values) for column, values in conditions])
    return rows[chosen].reset_index(drop=True)


def _read(path: Path, equals: Conditions) -> pd.DataFrame:
    name = path.stem
    if not path.is_file():
        return pd.DataFrame(columns=SCHEMAS.get(name, SCHEMAS["curves"]))
    schema = pq.read_schema(path)
    missing_columns = [column for column in SCHEMAS.get(name, ()) if column not in schema.names]
    require(
        not missing_columns,
        f"{path} has no column {', '.join(missing_columns[:3])}: an earlier version wrote it. Make it again with "
        f"`headtohead run --out {path.parents[1]}`.",
    )
    # the names in the millions of rows of curves as categories: read and compared several times as fast
    text = (pa.string(), pa.large_string())
    names = [field.name for field in schema if field.type in text and name.startswith("curves")]
    # `partitioning` off: a result may well lie under a folder called a=b, which is no column
    filters = [(column, "in", list(values)) for column, values in equals] or None
    return pq.read_table(path, filters=filters, partitioning=None, read_dictionary=names).to_pandas()
