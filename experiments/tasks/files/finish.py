"""From what a reader found to a checked table; the same for files and for arrays from Python."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd

from experiments.records import UserError, require
from experiments.tasks.data import identical_rows
from experiments.tasks.files import columns, groups, labels
from experiments.tasks.files.formatting import counted, listed, one_line, plain, quoted, quoted_path, unknown
from experiments.tasks.files.kinds import LARGEST
from experiments.tasks.files.memory import GIB, require_memory
from experiments.tasks.files.sequences import sequences_of
from experiments.tasks.files.table import Raw, Table
from experiments.tasks.files.text_columns import WIDTH
from experiments.tasks.files.texts import checked_texts, text_column
from experiments.tasks.text import LONGEST


def from_frame(
    frame: pd.DataFrame,
    source: str,
    *,
    target: str | None,
    group: str | None,
    weight: str | None,
    text: str | None = None,
    sequence_id: str | None = None,
    time: str | None = None,
    memory_gib: float = math.inf,
) -> Raw:
    """Return the columns of `frame` by their part; raises `UserError` for one that is not there or is named twice.

    `text`: the column that is read, as text, and alone. `sequence_id`: each of its values is one row, whose steps are
    lines of the file in the order of `time`.
    """
    names = [plain(name) for name in frame.columns]
    columns.require_distinct(names)
    frame = frame.set_axis(names, axis=1)
    if target is None:
        raise UserError(
            f"Which column of {quoted_path(source)} is to be predicted? Name it with --target: {listed(names)}."
        )
    require(
        time is None or sequence_id is not None, "--time orders the steps of sequences: name them by --sequence-id."
    )
    require(text is None or sequence_id is None, "--text and --sequence-id are given. Rows are texts or sequences.")
    parts = {"--target": target, "--group": group, "--weight": weight, "--text": text, "--sequence-id": sequence_id,
             "--time": time}  # fmt: skip
    named_columns = {option: name for option, name in parts.items() if name is not None}
    for option, name in named_columns.items():
        if name not in names:
            numbers = pd.to_numeric(pd.Series(names, dtype=object), errors="coerce").notna().all()
            header = " The first line looks like data: put the names of the columns there." if numbers else ""
            raise unknown("column", f"{name}", names, f" Give one of them to {option}.{header}")
        same = [other for other, its_name in named_columns.items() if its_name == name]
        require(len(same) == 1, f"The column {quoted(name)} cannot be both {' and '.join(same)}. Name another one.")
    x: pd.DataFrame | np.ndarray = frame.drop(columns=[name for name in named_columns.values() if name != text])
    notices: list[str] = []
    if text is not None:
        assert isinstance(x, pd.DataFrame)
        x, notices = text_column(x, text)
    raw = Raw(
        x=x,
        y=frame[target],
        groups=None if group is None else frame[group],
        weights=None if weight is None else frame[weight],
        source=source,
        target=f"The target {quoted(target)}",
        group=f"The column {quoted(group)} (--group)",
        weight=f"The column {quoted(weight)} (--weight)",
        notices=tuple(notices),
    )
    if sequence_id is None:
        return raw
    return sequences_of(raw, frame[sequence_id], None if time is None else frame[time], memory_gib)


def finish(raw: Raw, positive: str | None, memory_gib: float, *, sampled: bool = False) -> Table:
    """Check and convert `raw`; the `UserError` of each mistake says the way out.

    `sampled`: its rows are a sample, of which fewer do as well if they take too much memory as numbers.
    """
    require(len(raw.y) > 0, f"{quoted_path(raw.source)} has no rows.")
    unlabelled = labels.missing(raw.y)
    require(not unlabelled.all(), f"{raw.target} is missing in every row. Name another target, or fill it in.")
    notices = list(raw.notices)
    if unlabelled.any():
        notices.append(f"Left out {counted(int(unlabelled.sum()), 'row')} without a target.")
    labelled = ~unlabelled
    y, names = labels.binary(raw.y[labelled], positive, raw.target)
    weights = None if raw.weights is None else _weights(raw.weights[labelled], raw.weight)
    grouping = None if raw.groups is None else raw.groups[labelled]
    x: pd.DataFrame | np.ndarray
    rows = raw.x
    arrays: tuple[tuple[str, tuple[int, ...]], ...] = ()
    if isinstance(rows, dict):
        arrays = tuple((name, tuple(part.shape[1:])) for name, part in rows.items())
        rows = np.concatenate([part.reshape(len(raw.y), -1).astype(np.float64) for part in rows.values()], axis=1)
        notices.append(f"A row is made of {listed(name for name, _ in arrays)}.")
    if isinstance(rows, pd.DataFrame):
        x, identical, remarks = columns.clean(rows if labelled.all() else rows[labelled].reset_index(drop=True))
        notices += remarks
        width = sum(map(_width, x.dtypes))
        only = x.iloc[:, 0] if len(x.columns) == 1 else None
        if only is not None and pd.api.types.is_object_dtype(only.dtype):
            x, _, remarks = checked_texts(only.to_numpy(), raw.source)
            notices += remarks
    elif rows.dtype == object:
        x, identical, remarks = checked_texts(rows[labelled], raw.source)
        notices, width = notices + remarks, LONGEST
    else:
        x = _numeric(rows if labelled.all() else rows[labelled], gaps=raw.gaps)
        identical, width = identical_rows(x), x[0].size
    # the table, its copies within scikit-learn, and the float32 of three parts
    needed = len(x) * width * 8 * 3
    if sampled and needed > memory_gib * GIB and isinstance(raw.x, pd.DataFrame):
        return finish(_thinned(raw, memory_gib * GIB / needed), positive, memory_gib)
    require_memory(raw.source, needed, memory_gib, "as numbers")
    together, remarks = groups.together(identical, grouping, raw.group)
    notices += remarks
    groups.require_enough(y, together, names, grouped=grouping is not None)
    return Table(x=x, y=y, groups=together, weights=weights, labels=names, source=raw.source, notices=tuple(notices),
                 arrays=arrays)  # fmt: skip


def _thinned(raw: Raw, share: float) -> Raw:
    """A part of a sample's rows, in their order."""
    assert isinstance(raw.x, pd.DataFrame)
    n = len(raw.y)
    rows = np.sort(np.random.default_rng(0).choice(n, int(0.9 * share * n), replace=False))

    def some(values: pd.Series | None) -> pd.Series | None:
        return None if values is None else values.iloc[rows].reset_index(drop=True)

    return replace(
        raw,
        x=raw.x.iloc[rows].reset_index(drop=True),
        y=raw.y.iloc[rows].reset_index(drop=True),
        groups=some(raw.groups),
        weights=some(raw.weights),
        notices=(*raw.notices, f"Of these {len(rows):,} are used, which is what the memory holds of them as numbers."),
    )


def _width(kind: object) -> int:
    """How many features a column of a checked frame becomes, at the most."""
    if isinstance(kind, pd.CategoricalDtype):
        return min(len(kind.categories), columns.MOST_LEVELS + 2)
    return WIDTH if pd.api.types.is_object_dtype(kind) else 3


def _weights(values: pd.Series, name: str) -> np.ndarray:
    try:
        weights = pd.to_numeric(values).to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError, OverflowError) as error:
        raise UserError(f"{name} must be numbers: {one_line(error)}.") from error
    for bad, what in (
        (np.isnan(weights), "missing"),
        (np.isinf(weights), "infinite"),
        (weights < 0, "negative"),
    ):
        require(
            not bad.any(),
            f"{name} is {what} in {counted(int(bad.sum()), 'row')}. Every weight must be a number of 0 or more.",
        )
    require(bool((weights > 0).any()), f"{name} is 0 in every row. At least one weight must be above 0.")
    return weights


def _numeric(x: np.ndarray, *, gaps: bool) -> np.ndarray:
    """Return finite numbers as float64, or images (n, height, width, channels) as float32; with `gaps`, NaN stays."""
    require(x.size > 0, f"x has the shape {x.shape}, so it holds no values.")
    with np.errstate(invalid="ignore"):  # some NaN warn when they are cast
        rows = np.ascontiguousarray(x, dtype=np.float64)
    bad = int((np.isinf(rows) if gaps else ~np.isfinite(rows)).sum())
    require(bad == 0, f"x holds {counted(bad, 'value')} that are missing or infinite. Replace them.")
    limit = float(np.finfo(np.float32).max) if rows.ndim == 4 else LARGEST
    require(not (np.abs(rows) > limit).any(), f"x holds values beyond ±{limit:.3g}. Give it another unit.")
    require(bool((rows != rows[:1]).any()), "x is the same in every row: there is nothing to predict from.")
    return rows.astype(np.float32) if rows.ndim == 4 else rows
