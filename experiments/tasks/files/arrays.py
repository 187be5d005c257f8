"""Arrays: NPZ files, and what a Python program hands over."""

from __future__ import annotations

import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.records import UserError, require
from experiments.tasks.files.columns import require_distinct
from experiments.tasks.files.formatting import counted, listed, one_line, plain, quoted, quoted_path, unknown
from experiments.tasks.files.memory import require_memory
from experiments.tasks.files.table import Raw
from experiments.tasks.files.texts import as_texts, is_texts

SHAPES = "(rows, features), (rows, steps, channels), (rows, height, width, channels), or (rows,) texts"


def read_npz(
    path: Path, source: str, *, target: str | None, group: str | None, weight: str | None, memory_gib: float
) -> Raw:
    """Return x and y of an NPZ file; `group` and `weight` name further arrays in it. Nothing is ever unpickled."""
    try:
        with zipfile.ZipFile(path) as archive:
            needed = 3 * sum(entry.file_size for entry in archive.infolist())
    except Exception as error:  # what a damaged archive raises is of many kinds
        raise UserError(
            f"{quoted_path(source)} cannot be read as NPZ: {one_line(error)}. Save it with numpy.savez."
        ) from error
    require_memory(source, needed, memory_gib, "as arrays")
    array_names = {"x": "x", "y": target or "y", "groups": group, "weights": weight}
    others = [name for name in _names(path, source) if name not in array_names.values()]
    arrays: dict[str, Any] = {}
    for part, name in array_names.items():
        if name is not None and not (part == "x" and len(others) > 1 and "x" not in _names(path, source)):
            arrays[part] = _array(path, source, name)
    if "x" not in arrays:
        arrays["x"] = {name: _array(path, source, name) for name in others}
        return from_parts(arrays.pop("x"), arrays.pop("y"), **arrays, source=source)
    kind = arrays["x"].dtype
    require(
        kind.kind in "biuf" or (kind.kind == "U" and arrays["x"].ndim == 1),
        f"The array 'x' of {quoted_path(source)} is of type {quoted(kind)}. It must be numbers, or (rows,) texts; "
        "mixed columns go into a CSV or Parquet file.",
    )
    return from_parts(
        arrays["x"], arrays["y"], groups=arrays.get("groups"), weights=arrays.get("weights"), source=source
    )


def _names(path: Path, source: str) -> list[str]:
    """The arrays of an NPZ file; none if it is damaged, which reading one of them tells."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return list(arrays.files)
    except Exception:  # what a damaged archive raises is of many kinds
        return []


def _array(path: Path, source: str, name: str) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if name not in arrays.files:
                way_out = " Save the rows as x and the target as y: numpy.savez(file, x=x, y=y)."
                raise unknown(f"array in {quoted_path(source)} called", name, arrays.files, way_out)
            array = arrays[name]
    except UserError:
        raise
    except Exception as error:  # what a damaged archive raises is of many kinds
        if "allow_pickle" in str(error):
            raise UserError(
                f"The array {quoted(name)} of {quoted_path(source)} holds Python objects, which are not read: they "
                "could run any code. Save it as numbers or text."
            ) from error
        raise UserError(
            f"The array {quoted(name)} of {quoted_path(source)} cannot be read: {one_line(error)}."
        ) from error
    require(isinstance(array, np.ndarray), f"{quoted(name)} of {quoted_path(source)} is no array.")
    return array


def from_parts(x: Any, y: Any, *, groups: Any = None, weights: Any = None, source: str = "arrays") -> Raw:
    """Return `x`, a frame or an array, and its companions, each of one value a row, as they are."""
    rows, notices = _rows(x)
    n = len(next(iter(rows.values()))) if isinstance(rows, dict) else len(rows)
    parts = {name: _vector(name, part) for name, part in (("y", y), ("groups", groups), ("weights", weights))}
    for name, part in parts.items():
        require(
            part is None or len(part) == n,
            f"x has {n:,} rows and {name} has {0 if part is None else len(part):,}. They must be as many.",
        )
    target = parts["y"]
    require(target is not None, "y is None. Give the class of each row.")
    assert target is not None
    return Raw(x=rows, y=target, groups=parts["groups"], weights=parts["weights"], source=source, notices=notices)


def _rows(x: Any) -> tuple[pd.DataFrame | np.ndarray | dict[str, np.ndarray], tuple[str, ...]]:
    if isinstance(x, dict):
        return _arrays_by_name(x), ()
    if isinstance(x, pd.DataFrame):
        names = [plain(name) for name in x.columns]
        require_distinct(names)
        columns = {name: _quiet_nan(x.iloc[:, number]) for number, name in enumerate(names)}
        return pd.DataFrame(columns, index=range(len(x))), ()
    array = _plain(x, "x")
    if is_texts(array):
        return as_texts(pd.Series(array.astype(object), dtype=object)), ()
    require(array.ndim in (2, 3, 4), f"x has the shape {array.shape}. It must be {SHAPES}.")
    require(array.size > 0, f"x has the shape {array.shape}, so it holds no values.")
    numeric = array.dtype.kind in "buif"
    if array.ndim > 2:
        require(numeric, f"x is of type {quoted(array.dtype)}. Images and sequences must be numbers.")
        if array.ndim == 4:
            return array, ()
        _, steps, channels = array.shape
        axes = f"x has three axes: a row is a sequence of {counted(steps, 'step')} of {counted(channels, 'channel')}. "
        return array, (f"{axes}An image has four, its channels last.",)
    if numeric and not np.isnan(array).any():
        return array, ()
    require(
        array.dtype.kind in "fOUT",
        f"x is of type {quoted(array.dtype)}, which is no array of numbers or text. Convert it to float32.",
    )
    frame = pd.DataFrame({f"x{number}": _series(array[:, number]) for number in range(array.shape[1])})
    return frame, ("x holds missing values: it is read column by column, as a file is.",) if numeric else ()


def _arrays_by_name(x: dict[Any, Any]) -> dict[str, np.ndarray]:
    """The arrays that a row is made of, (n, ...) of numbers each, in the order in which they are given."""
    require(len(x) > 0, "x is a dictionary without an array.")
    arrays = {plain(name): _plain(values, plain(name)) for name, values in x.items()}
    lengths = {len(array) if array.ndim else 0 for array in arrays.values()}
    require(len(lengths) == 1, f"The arrays {listed(arrays)} have different numbers of rows: {sorted(lengths)}.")
    for name, array in arrays.items():
        require(
            array.dtype.kind in "biuf" and 1 <= array.ndim <= 4,
            f"The array {quoted(name)} is of type {quoted(array.dtype)} and shape {array.shape}. One of several must "
            "be numbers, (rows,), (rows, features), (rows, steps, channels) or (rows, height, width, channels).",
        )
    return {name: array[:, None] if array.ndim == 1 else array for name, array in arrays.items()}


def _vector(name: str, values: Any) -> pd.Series | None:
    if values is None:
        return None
    if isinstance(values, pd.Series):
        return _quiet_nan(values)
    array = _plain(values, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    require(array.ndim == 1, f"{name} has the shape {array.shape}. It must be (rows,): one value a row.")
    require(array.dtype.kind in "biufOUTSM", f"{name} is of type {quoted(array.dtype)}. It must be numbers or text.")
    return _series(np.char.decode(array, "utf-8", "replace") if array.dtype.kind == "S" else array)


def _series(array: np.ndarray) -> pd.Series:
    if array.dtype.kind not in "UTO":
        return pd.Series(array)
    return _quiet_nan(pd.Series(array.astype(object), dtype=object))  # a string type refuses half a surrogate pair


def _quiet_nan(column: pd.Series) -> pd.Series:
    """Return the values, numbered from 0, without signalling NaN, which raise as soon as they are looked at."""
    column = column.reset_index(drop=True)
    if column.dtype != object:
        return column
    loud = [isinstance(value, Decimal) and value.is_snan() for value in column]
    return column.where(~np.array(loud, dtype=bool), None)


def _plain(values: Any, name: str) -> np.ndarray:
    try:
        if hasattr(values, "toarray"):  # a sparse matrix
            values = values.toarray()
        if isinstance(values, np.ma.MaskedArray):
            numeric = values.dtype.kind in "biuf"
            values = np.ma.filled(values.astype(np.float64 if numeric else object), np.nan if numeric else None)
        return np.asarray(values)
    except Exception as error:  # whatever the object's own conversion raises
        raise UserError(f"{name} is no array: {one_line(error)}.") from error
