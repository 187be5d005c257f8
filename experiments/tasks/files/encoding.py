"""Rows as float32 for a network, by what the training rows alone say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from experiments.tasks.files.columns import LEAST_ROWS, MISSING, MOST_LEVELS, OTHER
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
        """The numbers of rows, given by their indices: (n, ...) float32."""
        rows = np.asarray(rows, dtype=np.int64)
        if not len(rows):
            return np.empty((0, *self.row), dtype=np.float32)
        with np.errstate(over="ignore", under="ignore"):
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
    says so. Dates: days since 1970, month and weekday, each treated as a number. Categories: one feature a level, and
    one for those that are rare in `train` (`_levels`). Columns of text: `TextColumn`. Of a column, what no row of
    `train` has, a level, a gap or a second value, becomes 0. Arrays: standardised by feature, sequences by channel,
    where what is missing becomes the mean, images as a whole. Text: `Tokens`. Nothing lies beyond ±1e6.
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
        for _, columns, shape in table.parts:
            values = x[:, columns] if table.arrays else x
            fitted = fit_scaling(values.reshape(len(x), *shape), train, KIND_OF_RANK[len(shape)])
            where = columns if table.arrays else ...
            means[where] = np.broadcast_to(fitted.mean, shape).reshape(means[where].shape)
            if scaled == "standard":  # a spread below 1e-160 has the square 0
                scale = np.broadcast_to(np.where(fitted.scale > 0, fitted.scale, 1.0), shape)
                scales[where] = scale.reshape(scales[where].shape)
    fill = 0.0 if scaled == "standard" else means
    shift = means if scaled == "standard" else 0.0

    def transform(rows: np.ndarray) -> np.ndarray:
        shifted = (x[rows] - shift) / scales
        return np.where(np.isnan(shifted), fill, shifted)

    return Encoder(row=x.shape[1:], columns=names, transform=transform, farthest=FARTHEST_OF[scaled])


@dataclass(frozen=True, kw_only=True)
class _Features:
    """What one column becomes: `names`, and `values(rows)`, (k, len(names)). `turn`: its place among the kinds."""

    turn: int
    names: list[str]
    values: Callable[[np.ndarray], np.ndarray]


def _of_frame(x: pd.DataFrame, train: np.ndarray, scaled: Scale) -> Encoder:
    features = [part for name, column in x.items() for part in _features(str(name), column, train, scaled)]
    features.sort(key=lambda part: part.turn)
    names = tuple(name for part in features for name in part.names)

    def transform(rows: np.ndarray) -> np.ndarray:
        return np.concatenate([part.values(rows) for part in features], axis=1)

    return Encoder(row=(len(names),), columns=names, transform=transform, farthest=FARTHEST_OF[scaled])


def _features(name: str, column: pd.Series, train: np.ndarray, scaled: Scale) -> Iterator[_Features]:
    """The features of a column, fitted on its rows `train`. What no training row has is 0: its weights never train."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        feature_of, names = _levels(column, train)
        codes = column.cat.codes.to_numpy()
        trained = np.bincount(feature_of[codes[train]], minlength=len(names)) > 0
        labels = [f"{name}={level}" for level in names]
        every = np.arange(len(names))
        yield _Features(turn=3, names=labels, values=lambda rows: (feature_of[codes[rows]][:, None] == every) & trained)
        return
    dates = pd.api.types.is_datetime64_dtype(column.dtype)
    if not dates and column.dtype != np.float64:
        encode = TextColumn.fitted(column.iloc[train])
        labels = [f"{name}: text {part}" for part in range(1, WIDTH + 1)]
        yield _Features(turn=4, names=labels, values=lambda rows: encode(column.iloc[rows]))
        return
    if dates:
        labels = [f"{name}: {part}" for part in ("days", "month", "weekday")]
        measured = _measured(lambda rows: _parts_of_dates(column.iloc[rows]), train, scaled)
    else:
        labels, numbers = [name], column.to_numpy()
        measured = _measured(lambda rows: numbers[rows, None], train, scaled)
    yield _Features(turn=int(dates), names=labels, values=measured)
    if column.hasnans:
        gap = column.isna().to_numpy()
        missing_in_training = gap[train].any()
        yield _Features(turn=2, names=[f"{name}: missing"], values=lambda rows: gap[rows, None] & missing_in_training)


def _measured(
    numbers: Callable[[np.ndarray], np.ndarray], train: np.ndarray, scaled: Scale
) -> Callable[[np.ndarray], np.ndarray]:
    """`numbers(rows)`, (k, columns), with the median of `train` where missing, and standardised by `train`."""
    train_values = numbers(train)
    median = pd.DataFrame(train_values).median().fillna(0.0).to_numpy()

    def filled(values: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(values), median, values)

    if scaled == "none":
        return lambda rows: filled(numbers(rows))
    train_values = filled(train_values)
    scaling = fit_scaling(train_values, np.arange(len(train_values)), "vector")
    varies = (train_values != train_values[0]).any(axis=0)
    return lambda rows: np.where(varies, scaling.apply(filled(numbers(rows))), 0.0)


def _levels(column: pd.Series, train: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Which feature each level of a column of categories is: (levels,) places, and the features' names.

    Where the column has a level for the others, a level has a feature of its own if it is among the `MOST_LEVELS` most
    frequent of the rows `train` and at least `LEAST_ROWS` of them have it. How many features there are follows from
    the table alone.
    """
    names = list(column.cat.categories)
    feature_of = np.arange(len(names))
    shared = [number for number, name in enumerate(names) if name.rstrip("'") in (OTHER, MISSING)][-2:]
    others = [number for number in shared if names[number].rstrip("'") == OTHER]
    if not others:
        return feature_of, names
    rows = np.bincount(column.cat.codes.to_numpy()[train], minlength=len(names))
    unshared = np.setdiff1d(feature_of, shared)
    ranked = unshared[np.argsort(-rows[unshared], kind="stable")][:MOST_LEVELS]
    frequent = np.sort(ranked[rows[ranked] >= LEAST_ROWS])
    if len(unshared) <= MOST_LEVELS:  # each has its place, whether its training rows fill it or not
        feature_of[np.setdiff1d(unshared, frequent)] = others[-1]
        return feature_of, names
    feature_of[unshared] = MOST_LEVELS
    feature_of[frequent] = np.arange(len(frequent))
    feature_of[shared] = MOST_LEVELS + np.arange(len(shared))
    return feature_of, [*(f"frequent {number}" for number in range(1, MOST_LEVELS + 1)), *(names[at] for at in shared)]


def _parts_of_dates(dates: pd.Series) -> np.ndarray:
    """Days since 1970, month and weekday, (k, 3), NaN where missing."""
    days = np.where(dates.isna(), np.nan, dates.to_numpy().astype(np.int64) / DAY)
    parts = (part.to_numpy(np.float64, na_value=np.nan) for part in (dates.dt.month, dates.dt.day_of_week))
    return np.column_stack([days, *parts])
