"""Rows as float32 for a network, by what the training rows alone say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from experiments.tasks.files.columns import LEAST_ROWS, MISSING, OTHER
from experiments.tasks.files.table import KIND_OF_RANK, Table
from experiments.tasks.files.text_columns import WIDTH, TextColumn
from experiments.tasks.splits import fit_scaling
from experiments.tasks.text import VOCABULARY, length_of, tokens_of

Scale = Literal["standard", "none"]
# standardised values are cut here, so that one that is far from all training rows stays finite in float32 products
FARTHEST = 1e6
FARTHEST_OF: dict[Scale, float] = {"standard": FARTHEST, "none": 1e30}
DAY = 86_400_000_000  # microseconds, the unit of a table's dates
FITTED_TEXTS = 20_000  # training rows that a vocabulary is taken from; it hardly changes with more


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """Turns row numbers of a table into what a network takes; fitted on some rows of it.

    Calling it with (k,) row numbers returns finite float32 (k, *row). `row`: (features,) for columns, (height, width,
    channels) for images, (steps, channels) for sequences, and (length,) token numbers for text.
    `columns`: a name for each feature, the same whatever rows it was fitted on; none for what is no table of columns.
    """

    row: tuple[int, ...]
    columns: tuple[str, ...]
    transform: Callable[[np.ndarray], np.ndarray]
    farthest: float = FARTHEST

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        rows = np.asarray(rows, dtype=np.int64)
        if not len(rows):
            return np.empty((0, *self.row), dtype=np.float32)
        return np.clip(self.transform(rows), -self.farthest, self.farthest).astype(np.float32)


def encoder(
    table: Table,
    train: np.ndarray,
    *,
    scale: Scale = "standard",
    length: int | None = None,
    vocabulary: int = VOCABULARY,
) -> Encoder:
    """Return an encoder of `table` fitted on its rows `train` alone.

    Numbers: missing ones become the median, then all are standardised; where the table misses any, a further feature
    says so. Dates: days since 1970, month and weekday, each treated as a number. Categories: one feature a level of
    the table; in a column that has a feature for rare values, a level of fewer than `LEAST_ROWS` training rows counts
    as one; all zeros for a level that no training row has. Columns of text: `TextColumn`. Arrays: standardised by
    feature, sequences by channel, where what is missing becomes the mean, images as a whole. Text: `Tokens`.
    What is constant over `train` becomes finite; nothing lies beyond ±1e6.
    `scale`: "none" leaves numbers as they are, and only fills in what is missing.
    `length`, `vocabulary`: of text, how many tokens of a row, `length_of` the table unless told, and how many numbers.
    """
    if not len(train):
        raise ValueError("an encoder needs at least one training row")
    if table.kind == "text":
        return _of_text(table.x, train, length, vocabulary)
    if isinstance(table.x, np.ndarray):
        return _of_array(table, train, scale)
    return _of_frame(table.x, train, scale)


def _of_text(x: np.ndarray, train: np.ndarray, length: int | None, vocabulary: int) -> Encoder:
    texts = x.tolist()
    length = length or length_of(texts)  # of the table: a network has one shape for all seeds
    some = train[:: -(-len(train) // FITTED_TEXTS)]
    tokens = tokens_of([texts[row] for row in some], length, vocabulary)
    return Encoder(row=(length,), columns=(), transform=lambda rows: tokens(texts[row] for row in rows))


def _of_array(table: Table, train: np.ndarray, scaled: Scale) -> Encoder:
    """Each part of the rows by its own kind: of most tables there is one."""
    x = np.asarray(table.x)
    names = tuple(f"x{number}" for number in range(x.shape[1])) if table.kind == "vector" else ()
    means, scales = np.zeros(x.shape[1:]), np.ones(x.shape[1:])
    with np.errstate(under="ignore"):
        for _, place, shape in table.parts:
            values = x[:, place] if table.arrays else x
            fitted = fit_scaling(values.reshape(len(x), *shape), train, KIND_OF_RANK[len(shape)])
            where = place if table.arrays else ...
            means[where] = np.broadcast_to(fitted.mean, shape).reshape(means[where].shape)
            if scaled == "standard":  # a spread below 1e-160 has the square 0
                scale = np.broadcast_to(np.where(fitted.scale > 0, fitted.scale, 1.0), shape)
                scales[where] = scale.reshape(scales[where].shape)
    fill = 0.0 if scaled == "standard" else means
    shift = means if scaled == "standard" else 0.0

    def transform(rows: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            found = (x[rows] - shift) / scales
        return np.where(np.isnan(found), fill, found)

    return Encoder(row=x.shape[1:], columns=names, transform=transform, farthest=FARTHEST_OF[scaled])


def _of_frame(x: pd.DataFrame, train: np.ndarray, scaled: Scale) -> Encoder:
    at: dict[str, list[int]] = {name: [] for name in ("numbers", "dates", "missing", "categories", "text")}
    gaps = x.isna().to_numpy().any(axis=0)
    for number, kind in enumerate(x.dtypes):
        if isinstance(kind, pd.CategoricalDtype):
            at["categories"].append(number)
            continue
        if not (kind == np.float64 or pd.api.types.is_datetime64_dtype(kind)):
            at["text"].append(number)
            continue
        at["numbers" if kind == np.float64 else "dates"].append(number)
        at["missing"] += [number] if gaps[number] else []
    merged = [_merged(x.iloc[train, number]) for number in at["categories"]]
    standardise = [SimpleImputer(strategy="median", keep_empty_features=True)]
    standardise += [StandardScaler()] if scaled == "standard" else []
    one_hot = OneHotEncoder(
        categories=[range(len(codes)) for codes in merged], sparse_output=False, dtype=np.float64
    )
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(*standardise), at["numbers"]),
            ("dates", make_pipeline(FunctionTransformer(_parts_of_dates), *standardise), at["dates"]),
            ("missing", FunctionTransformer(_missing), at["missing"]),
            ("categories", make_pipeline(FunctionTransformer(_codes, kw_args={"merged": merged}), one_hot),
             at["categories"]),
        ]
    )  # fmt: skip
    seen = columns.fit_transform(x.iloc[train])
    flags = seen.shape[1] - sum(map(len, merged)) - len(at["missing"])
    known = np.ones(seen.shape[1])
    known[flags:] = seen[:, flags:].any(axis=0)  # weights of what no training row has are never trained
    texts = [TextColumn.fitted(x.iloc[train, number]) for number in at["text"]]

    def transform(rows: np.ndarray) -> np.ndarray:
        some = x.iloc[rows]
        parts = (texts[place](some.iloc[:, number]) for place, number in enumerate(at["text"]))
        return np.concatenate([columns.transform(some) * known, *parts], axis=1)

    names = _names(x, at)
    return Encoder(row=(len(names),), columns=names, transform=transform, farthest=FARTHEST_OF[scaled])


def _merged(column: pd.Series) -> np.ndarray:
    """The level that each one counts as, where those that are rare in these rows share one: (levels,) places."""
    levels = list(column.cat.categories)
    places = np.arange(len(levels))
    others = [place for place, level in enumerate(levels) if level.rstrip("'") == OTHER]
    if others:
        rows = np.bincount(column.cat.codes, minlength=len(levels))
        rare = (rows < LEAST_ROWS) & np.array([level.rstrip("'") != MISSING for level in levels])
        places[rare] = others[-1]
    return places


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


def _codes(categories: pd.DataFrame, merged: list[np.ndarray]) -> np.ndarray:
    columns = (column.cat.codes.to_numpy() for _, column in categories.items())
    return np.column_stack([levels[codes] for levels, codes in zip(merged, columns, strict=True)])


def _names(x: pd.DataFrame, at: dict[str, list[int]]) -> tuple[str, ...]:
    name = x.columns
    return (
        *(name[number] for number in at["numbers"]),
        *(f"{name[number]}: {part}" for number in at["dates"] for part in ("days", "month", "weekday")),
        *(f"{name[number]}: missing" for number in at["missing"]),
        *(f"{name[number]}={level}" for number in at["categories"] for level in x.dtypes.iloc[number].categories),
        *(f"{name[number]}: text {part}" for number in at["text"] for part in range(1, WIDTH + 1)),
    )
