"""What one column is - numbers, dates or categories - and its values in that form."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from experiments.records import UserError
from experiments.tasks.files.dates import in_calendar, parse_dates
from experiments.tasks.files.formatting import counted, plain, quoted

# text that stands for a missing number; "?" alone in a column of words stays a category of its own
MARKERS = frozenset({"?", "-", "--", ".", "..", "*", "na", "n/a", "<na>", "nan", "null", "none", "nil", "missing"})
MARKERS |= {"unknown", "#n/a", "#value!", "#div/0!", "#ref!", "#null!", "#num!"}  # the latter are a spreadsheet's
# a column is of numbers when so many of its rows are; below that, or with few different ones, of categories
NUMERIC_SHARE = 0.9
FEW_NUMBERS = 20
# beyond it the squares that a standard deviation needs overflow; such values are marks, not measures
LARGEST = 1e100


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """A column of numbers: float64 (n,), NaN where missing."""

    values: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Dates:
    """A column of dates: datetime64[us] (n,), NaT where missing; `notice` says what was doubtful."""

    values: np.ndarray
    notice: str = ""


@dataclass(frozen=True, kw_only=True)
class Categories:
    """A column of labels: `codes` (n,) index `levels`, -1 where missing."""

    codes: np.ndarray
    levels: list[str]


@dataclass(frozen=True, kw_only=True)
class Unusable:
    """A column of values that are none of these, and what they are."""

    why: str


Column = Numbers | Dates | Categories | Unusable


def read_column(name: str, column: pd.Series) -> Column:
    """Return the values of `column` in the form that suits them.

    Raises `UserError` for a column of numbers that holds stray text or values that are infinite.
    """
    dtype = column.dtype
    if isinstance(dtype, pd.SparseDtype):
        column, dtype = column.sparse.to_dense(), column.dtype.subtype  # type: ignore[union-attr]
    if isinstance(dtype, pd.CategoricalDtype):
        return _labels(column.cat.codes.to_numpy(), list(column.cat.categories))
    if types.is_bool_dtype(dtype):
        return _factorized(column)
    if types.is_numeric_dtype(dtype):
        if types.is_complex_dtype(dtype):
            return Unusable(why="complex numbers")
        return _numbers(name, column)
    if types.is_datetime64_any_dtype(dtype):
        return _dates(column)
    if types.is_timedelta64_dtype(dtype):
        return _numbers(name, column.dt.total_seconds())
    if isinstance(dtype, pd.StringDtype):
        return _text(name, column)
    return _objects(name, column.astype(object))


def _objects(name: str, column: pd.Series) -> Column:
    kind = types.infer_dtype(column, skipna=True)
    if kind in ("string", "empty"):
        return _text(name, column)
    if kind == "boolean":
        return _factorized(column)
    if kind in ("integer", "floating", "mixed-integer-float", "decimal"):
        return _numbers(name, column)
    if kind in ("datetime64", "datetime", "date"):
        return _dates(column)
    if kind in ("timedelta64", "timedelta"):
        return _numbers(name, pd.to_timedelta(column, errors="coerce").dt.total_seconds())
    if kind == "time":
        return Numbers(values=np.array([_seconds(value) for value in column], dtype=np.float64))
    odd = next((value for value in column if isinstance(value, (list, dict, set, tuple, np.ndarray, bytes))), None)
    if odd is not None or kind in ("bytes", "complex"):
        return Unusable(why="complex numbers" if kind == "complex" else f"values of type {type(odd).__name__}")
    present = column.notna()
    return _text(name, column.where(~present, column[present].map(plain)))


def _seconds(value: object) -> float:
    if not isinstance(value, datetime.time):
        return np.nan
    return value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6


def _factorized(column: pd.Series) -> Categories:
    codes, levels = pd.factorize(column)
    return Categories(codes=codes, levels=[str(level) for level in levels])


def _labels(codes: np.ndarray, names: list[Any]) -> Categories:
    """Return the categories with those that are the same text merged; blank text is missing."""
    stripped = [plain(name).strip() for name in names]
    levels = [text for text in dict.fromkeys(stripped) if text]
    number = {level: position for position, level in enumerate(levels)}
    new = np.array([*(number.get(text, -1) for text in stripped), -1], dtype=np.int64)
    return Categories(codes=new[codes], levels=levels)  # a code of -1 finds the last entry


def _numbers(name: str, column: pd.Series) -> Numbers:
    return Numbers(values=checked(name, to_float(column)))


def to_float(values: Any) -> np.ndarray:
    """Return float64 (n,), NaN where missing; a Python integer too large for it becomes infinite."""
    try:
        return pd.Series(values).to_numpy(dtype=np.float64, na_value=np.nan)
    except (OverflowError, TypeError, ValueError):
        return np.array([_float(value) for value in values], dtype=np.float64)


def _float(value: Any) -> float:
    try:
        return np.nan if pd.isna(value) else float(value)
    except OverflowError:
        return np.inf


def checked(name: str, values: np.ndarray) -> np.ndarray:
    """Return `values` with a quiet NaN in place of those that raise warnings.

    Raises `UserError` if a value is infinite, or so large that its square is.
    """
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise UserError(
            f"The column {quoted(name)} holds {counted(infinite, 'infinite value')}. Correct them, leave them empty "
            "(then they count as missing), or leave the column out."
        )
    huge = np.abs(values, where=~np.isnan(values), out=np.zeros_like(values)) > LARGEST
    if huge.any():
        raise UserError(
            f"The column {quoted(name)} holds {counted(int(huge.sum()), 'value')} beyond ±{LARGEST:g}, such as "
            f"{values[huge][0]:g}. If they mark what is missing, leave them empty; else give the column another unit."
        )
    missing = np.isnan(values)
    return np.where(missing, np.nan, values) if missing.any() else values


def _dates(column: pd.Series) -> Dates:
    return Dates(values=in_calendar(pd.to_datetime(column, errors="coerce", utc=True)))


def _text(name: str, column: pd.Series) -> Column:
    """Return numbers or dates when nearly all of the text is, else categories."""
    # as an array of objects where it is one: pandas would make text of it, which refuses half a surrogate pair
    raw, texts = pd.factorize(column.to_numpy() if column.dtype == object else column)
    labels = _labels(raw, list(texts))
    codes, levels = labels.codes, pd.Series(labels.levels, dtype=object)
    rows = np.bincount(codes[codes >= 0], minlength=len(levels))
    is_marker = levels.str.lower().isin(MARKERS).to_numpy(dtype=bool)
    numbers = pd.to_numeric(levels, errors="coerce").to_numpy(dtype=np.float64)
    is_number = ~np.isnan(numbers)
    stray = ~is_number & ~is_marker
    if is_number.any() and not stray.any():
        return Numbers(values=checked(name, np.append(np.where(is_number, numbers, np.nan), np.nan)[codes]))
    share = rows[is_number].sum() / max(rows[~is_marker].sum(), 1)
    if share >= NUMERIC_SHARE and is_number.sum() > FEW_NUMBERS:
        first = int(np.flatnonzero(stray)[0])
        raise UserError(
            f"The column {quoted(name)} holds numbers, but also text in {counted(int(rows[stray].sum()), 'row')}, such "
            f"as {quoted(levels[first])}. Correct it, leave it empty (then it counts as missing), or leave the column "
            "out."
        )
    dates = parse_dates(name, levels.where(~is_marker), rows)
    if dates is not None:
        values, notice = dates
        return Dates(values=np.append(values, np.datetime64("NaT", "us"))[codes], notice=notice)
    return labels
