"""Rows of text: a folder of files by class, a column of a table, or texts from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.records import UserError, require
from experiments.tasks.files.formatting import counted, listed, one_line, plain, quoted, quoted_path
from experiments.tasks.files.memory import require_memory
from experiments.tasks.files.table import Raw
from experiments.tasks.text import LONGEST, length_of, split, unit_of

SUFFIX = ".txt"


def holds_texts(folder: Path) -> bool:
    """Whether a folder has sub-folders with files of text in them."""
    return any(folder.glob(f"*/*{SUFFIX}"))


def read_texts(folder: Path, source: str, *, memory_gib: float) -> Raw:
    """Return the text of every file `*.txt` of every sub-folder, and the sub-folder's name as target.

    Raises `UserError` if there are no two sub-folders with such files, or if one is not in UTF-8.
    """
    try:
        files = sorted(file for file in folder.glob(f"*/*{SUFFIX}") if file.is_file() and file.name[0] != ".")
        size = sum(file.stat().st_size for file in files)
        require_memory(source, 6.0 * size, memory_gib, "as text")
        read = [(file.parent.name, file.read_text(encoding="utf-8")) for file in files]
    except UnicodeDecodeError as error:
        raise UserError(
            f"A file in {quoted_path(source)} is not in UTF-8: {one_line(error)}. Save it again as UTF-8."
        ) from error
    except OSError as error:
        raise UserError(f"The folder {quoted_path(source)} cannot be read: {one_line(error)}.") from error
    names = sorted({name for name, _ in read})
    require(
        len(names) > 1,
        f"The folder {quoted_path(source)} has files of text in {counted(len(names), 'sub-folder')} ({listed(names)}). "
        "There must be one a class, two at least.",
    )
    return Raw(
        x=as_texts(pd.Series([text for _, text in read], dtype=object)),
        y=pd.Series([name for name, _ in read], dtype=object),
        groups=None,
        weights=None,
        source=source,
        target=f"The folder {quoted_path(source)}",
    )


def as_texts(column: pd.Series) -> np.ndarray:
    """The values (n,) as Python's text, empty where missing."""
    missing = column.isna().to_numpy(dtype=bool)
    return np.array(
        ["" if empty else plain(value) for value, empty in zip(column, missing, strict=True)] or [], dtype=object
    )


def checked_texts(x: np.ndarray, source: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The texts, the numbers of the distinct ones (n,), and notices. Raises `UserError` if there is nothing in them."""
    texts = x.tolist()
    blank = sum(not text.strip() for text in texts)
    numbers: dict[str, int] = {}
    identical = np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)
    require(
        len(numbers) > 1 and blank < len(texts),
        f"The text of {quoted_path(source)} is {'empty' if blank else 'the same'} in every row: there is nothing to "
        "predict from.",
    )
    unit, length = unit_of(texts), length_of(texts)
    notices = [
        f"The text is of {unit}s, of which this project's networks read the first {length} at most; at most 5 % of the "
        "rows have more."
    ]
    if length == LONGEST:
        more = counted(sum(len(split(text, unit)) > LONGEST for text in texts), "row")
        notices = [
            f"The text is of {unit}s, of which this project's networks read the first {LONGEST} at most; {more} of "
            f"{len(x):,} have more."
        ]
    if blank:
        notices.append(f"The text is empty in {counted(blank, 'row')}.")
    return x, identical, notices


def is_texts(array: Any) -> bool:
    """Whether an array (n,) holds text and nothing else but what is missing."""
    if array.ndim != 1 or array.dtype.kind not in "UTO":
        return False
    return all(isinstance(value, str) for value in array[~pd.isna(array)])


def text_column(frame: pd.DataFrame, text: str) -> tuple[np.ndarray, list[str]]:
    """The column of texts, and a notice on those beside it that are left out."""
    others = [str(name) for name in frame.columns if name != text]
    notices = [f"Left out what stands beside the text: {listed(others)}."] if others else []
    column = frame[text]
    require(
        not pd.api.types.is_numeric_dtype(column.dtype),
        f"The column {quoted(text)} (--text) holds numbers, not text. Leave out --text: they are read as a column of "
        "numbers.",
    )
    odd = next((value for value in column if not isinstance(value, (str, float, int)) and not pd.isna(value)), None)
    require(odd is None, f"The column {quoted(text)} (--text) holds values of type {type(odd).__name__}, not text.")
    return as_texts(column), notices
