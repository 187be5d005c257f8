"""Rows as float32 for a network, by what the training rows alone say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from experiments.tasks.files.table import Table
from experiments.tasks.splits import fit_scaling

# standardised values are cut here, so that one that is far from all training rows stays finite in float32 products
FARTHEST = 1e6
DAY = 86_400_000_000  # microseconds, the unit of a table's dates


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """Turns row numbers of a table into what a network takes; fitted on some rows of it.

    Calling it with (k,) row numbers returns finite float32 (k, features), or (k, height, width, channels) for images.
    `columns`: a name for each feature, the same whatever rows it was fitted on; none for images.
    """

    table: Table
    columns: tuple[str, ...]
    transform: Callable[[np.ndarray], np.ndarray]

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        rows = np.asarray(rows, dtype=np.int64)
        if not len(rows):
            shape = (len(self.columns),) if self.table.kind == "vector" else self.table.x.shape[1:]
            return np.empty((0, *shape), dtype=np.float32)
        return np.clip(self.transform(rows), -FARTHEST, FARTHEST).astype(np.float32)


def encoder(table: Table, train: np.ndarray) -> Encoder:
    """Return an encoder of `table` fitted on its rows `train` alone.

    Numbers: missing ones become the median, then all are standardised; where the table misses any, a further feature
    says so. Dates: days since 1970, month and weekday, each treated as a number. Categories: one feature a level of
    the table, all zeros for a level that no training row has. Arrays: standardised by feature, images as a whole.
    What is constant over `train` becomes finite; nothing lies beyond ±1e6.
    """
    if not len(train):
        raise ValueError("an encoder needs at least one training row")
    if isinstance(table.x, np.ndarray):
        return _of_array(table, table.x, train)
    return _of_frame(table, table.x, train)


def _of_array(table: Table, x: np.ndarray, train: np.ndarray) -> Encoder:
    with np.errstate(under="ignore"):
        fitted = fit_scaling(x, train, table.kind)
    scale = np.where(fitted.scale > 0, fitted.scale, 1.0)  # a spread below 1e-160 has the square 0
    names = tuple(f"x{number}" for number in range(x.shape[1])) if table.kind == "vector" else ()

    def transform(rows: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return (x[rows] - fitted.mean) / scale

    return Encoder(table=table, columns=names, transform=transform)


def _of_frame(table: Table, x: pd.DataFrame, train: np.ndarray) -> Encoder:
    at: dict[str, list[int]] = {name: [] for name in ("numbers", "dates", "missing", "categories")}
    gaps = x.isna().to_numpy().any(axis=0)
    for number, kind in enumerate(x.dtypes):
        if isinstance(kind, pd.CategoricalDtype):
            at["categories"].append(number)
            continue
        at["numbers" if kind == np.float64 else "dates"].append(number)
        at["missing"] += [number] if gaps[number] else []
    levels = [x.dtypes.iloc[number].categories for number in at["categories"]]
    standardise = (SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    one_hot = OneHotEncoder(categories=[range(len(level)) for level in levels], sparse_output=False, dtype=np.float64)
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(*standardise), at["numbers"]),
            ("dates", make_pipeline(FunctionTransformer(_parts_of_dates), *standardise), at["dates"]),
            ("missing", FunctionTransformer(_missing), at["missing"]),
            ("categories", make_pipeline(FunctionTransformer(_codes), one_hot), at["categories"]),
        ]
    )
    seen = columns.fit_transform(x.iloc[train])
    width = sum(len(level) for level in levels)
    known = np.ones(seen.shape[1])
    known[seen.shape[1] - width :] = seen[:, seen.shape[1] - width :].any(axis=0)

    def transform(rows: np.ndarray) -> np.ndarray:
        return columns.transform(x.iloc[rows]) * known

    return Encoder(table=table, columns=_names(x, at), transform=transform)


def _parts_of_dates(dates: pd.DataFrame) -> np.ndarray:
    """Return days since 1970, month and weekday of each column, side by side, NaN where missing."""
    parts: list[np.ndarray] = []
    for _, column in dates.items():
        days = np.where(column.isna(), np.nan, column.to_numpy().astype(np.int64) / DAY)
        parts += [
            days,
            *(part.to_numpy(np.float64, na_value=np.nan) for part in (column.dt.month, column.dt.day_of_week)),
        ]
    return np.column_stack(parts)


def _missing(columns: pd.DataFrame) -> np.ndarray:
    return columns.isna().to_numpy(dtype=np.float64)


def _codes(categories: pd.DataFrame) -> np.ndarray:
    return np.column_stack([column.cat.codes for _, column in categories.items()])


def _names(x: pd.DataFrame, at: dict[str, list[int]]) -> tuple[str, ...]:
    name = x.columns
    return (
        *(name[number] for number in at["numbers"]),
        *(f"{name[number]}: {part}" for number in at["dates"] for part in ("days", "month", "weekday")),
        *(f"{name[number]}: missing" for number in at["missing"]),
        *(f"{name[number]}={level}" for number in at["categories"] for level in x.dtypes.iloc[number].categories),
    )
