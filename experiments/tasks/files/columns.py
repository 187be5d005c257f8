"""The columns of a frame as numbers, dates and categories, without those that carry nothing."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import numpy as np
import pandas as pd

from experiments.records import UserError
from experiments.tasks.files.formatting import counted, listed, quoted
from experiments.tasks.files.kinds import Categories, Column, Dates, Numbers, Unusable, read_column
from experiments.tasks.text import word_count

# of a column of categories, the values with rows of their own; the rarer ones share a column
MOST_LEVELS = 30
LEAST_ROWS = 5
# labels of which more than this share of the rows are different are names or ids, or, if they are sentences, text
NAMES, PROSE = 0.5, 0.1
PROSE_WORDS = 3
OTHER, MISSING = "(other)", "(missing)"
ID = re.compile(r"(?i:^|[\W_])(?i:id|ids|uuid|guid|index|key|row)$|(?<=[a-z])I[Dd]$")


def clean(frame: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, list[str]]:
    """Return the usable columns, the numbers of the distinct rows (n,), and the notices on what was dropped.

    Numbers are float64, dates datetime64, categories have levels of at least `LEAST_ROWS` rows each, one for all others
    and one for what is missing, and text is Python's, empty where missing.
    Two rows are identical if they are so in every column that is kept, before rare categories are pooled.
    Raises `UserError` if no column is left, or for what `read_column` refuses.
    """
    usable: dict[str, pd.Series] = {}
    identical = np.zeros(len(frame), dtype=np.int64)
    dropped: defaultdict[str, list[str]] = defaultdict(list)
    pooled: list[str] = []
    notices: list[str] = []
    for name, series in frame.items():
        column = read_column(str(name), series)
        values = _as_numbers(column)
        why = _useless(str(name), column, values)
        if not why and isinstance(column, Categories) and is_prose(column):
            usable[str(name)] = pd.Series([*column.levels, ""], dtype=object)[column.codes % (len(column.levels) + 1)]
            usable[str(name)].index = range(len(frame))
        elif not why and isinstance(column, Categories):
            usable[str(name)], has_rare = _pool(column)
            pooled += [str(name)] * has_rare
            if usable[str(name)].nunique() < 2:
                why = f"text of which no value occurs in {LEAST_ROWS} rows"
                del usable[str(name)]
        elif not why and isinstance(column, (Numbers, Dates)):
            usable[str(name)] = pd.Series(column.values)
            notices += [column.notice] if isinstance(column, Dates) and column.notice else []
        if why:
            dropped[why].append(str(name))
        else:
            identical = _and_in(identical, values)
    for why, names in dropped.items():
        notices.append(f"Dropped {counted(len(names), 'column')} ({why}): {listed(names)}.")
    if pooled:
        notices.append(
            f"In {counted(len(pooled), 'column')} of categories, the rare values (in fewer than {LEAST_ROWS} rows of a "
            f"training part, or not among its {MOST_LEVELS} most frequent) count as one: {listed(pooled)}."
        )
    if not usable:
        way_out = dropped["names or ids"][:1]
        raise UserError(" ".join([
            "No usable column is left to predict from.",
            *notices,
            *(f"If {quoted(name)} is text, name it with --text." for name in way_out),
        ]))  # fmt: skip
    return pd.DataFrame(usable, copy=False), identical, notices


def _and_in(identical: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Number the rows (n,) that are equal in `values`, too: column by column, it takes no copy of the whole table."""
    if identical.max() == len(identical) - 1:
        return identical  # no two are equal any more
    codes = pd.factorize(values, use_na_sentinel=False)[0]
    return pd.factorize(identical * (codes.max() + 1) + codes)[0]


def _as_numbers(column: Column) -> np.ndarray:
    """Return (n,) float64 that are equal where the column's values are, NaN where missing."""
    if isinstance(column, Numbers):
        return column.values
    if isinstance(column, Dates):
        missing = np.isnat(column.values)
        return np.where(missing, np.nan, column.values.astype(np.int64))
    if isinstance(column, Categories):
        return np.where(column.codes < 0, np.nan, column.codes)
    return np.empty(0)


def _useless(name: str, column: Column, values: np.ndarray) -> str:
    """Return why the column carries nothing that could be learnt from, or the empty text."""
    if isinstance(column, Unusable):
        return column.why
    present = values[~np.isnan(values)]
    if not len(present):
        return "all missing"
    if present.min() == present.max() and len(present) == len(values):
        return "constant"
    if isinstance(column, Numbers):
        if len(present) < len(values) or (present != np.floor(present)).any():
            return ""
        if (np.diff(present) == 1).all():
            return "row numbers"
        return "ids" if ID.search(name) and len(np.unique(present)) == len(present) else ""
    if isinstance(column, Categories):
        distinct = len(np.unique(present))
        return "names or ids" if distinct > max(MOST_LEVELS, NAMES * len(present)) and not is_prose(column) else ""
    return ""


def is_prose(column: Categories) -> bool:
    """Whether the labels are sentences: most have three words or more, and too many differ to be categories."""
    rows = np.bincount(column.codes[column.codes >= 0], minlength=len(column.levels))
    if (rows > 0).sum() <= max(MOST_LEVELS, PROSE * rows.sum()):
        return False
    some = np.random.default_rng(0).choice(len(rows), 500, p=rows / rows.sum())
    return bool(np.median([word_count(column.levels[level]) for level in some]) >= PROSE_WORDS)


def _pool(column: Categories) -> tuple[pd.Series, bool]:
    """Return the categories with those that are rare in any part pooled, the missing ones named, and whether some are.

    What is rare in the training part of a seed alone is found there.
    """
    levels = column.levels
    rows = np.bincount(column.codes[column.codes >= 0], minlength=len(levels))
    present = sorted(np.flatnonzero(rows), key=lambda at: levels[at])
    frequent = [level for level in present if rows[level] >= LEAST_ROWS]
    if len(present) - len(frequent) == 1 and len(present) <= MOST_LEVELS + 1:  # alone, it needs no other name
        frequent = present
    names = [levels[at] for at in frequent]
    has_rare = len(frequent) < len(present) or len(frequent) > MOST_LEVELS + 1
    new = np.full(len(levels) + 1, len(names))  # the place of the others
    new[frequent] = np.arange(len(frequent))
    names += [_unused(OTHER, names)] * has_rare
    if (column.codes < 0).any():
        new[-1] = len(names)
        names.append(_unused(MISSING, names))
    codes = new[column.codes]  # a code of -1 finds the last entry
    return pd.Series(pd.Categorical.from_codes(codes, categories=pd.Index(names, dtype=object))), has_rare


def _unused(name: str, existing: list[str]) -> str:
    while name in existing:
        name += "'"
    return name


def require_distinct(names: list[str]) -> None:
    """Raise `UserError` if two columns share a name."""
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise UserError(
            f"Several columns have the same name: {listed(twice)}. Give each a name of its own, such as "
            f"{quoted(twice[0] + '_2')}."
        )
