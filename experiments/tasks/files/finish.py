"""From what a reader found to a checked table; the same for files and for arrays from Python."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.records import UserError, require
from experiments.tasks.data import identical_rows
from experiments.tasks.files import columns, groups, labels
from experiments.tasks.files.kinds import LARGEST
from experiments.tasks.files.memory import require_memory
from experiments.tasks.files.table import Raw, Table
from experiments.tasks.files.text_columns import WIDTH
from experiments.tasks.files.words import counted, listed, one_line, plain, quoted, shown, unknown


def from_frame(frame: pd.DataFrame, source: str, *, target: str | None, group: str | None, weight: str | None) -> Raw:
    """Return the columns of `frame` by their part; raises `UserError` for one that is not there or is named twice."""
    names = [plain(name) for name in frame.columns]
    columns.require_distinct(names)
    frame = frame.set_axis(names, axis=1)
    if target is None:
        raise UserError(f"Which column of {shown(source)} is to be predicted? Name it with --target: {listed(names)}.")
    parts = {"--target": target, "--group": group, "--weight": weight}
    used = {option: name for option, name in parts.items() if name is not None}
    for option, name in used.items():
        if name not in names:
            numbers = pd.to_numeric(pd.Series(names, dtype=object), errors="coerce").notna().all()
            header = " The first line looks like data: put the names of the columns there." if numbers else ""
            raise unknown("column", f"{name}", names, f" Give one of them to {option}.{header}")
        same = [other for other, its_name in used.items() if its_name == name]
        require(len(same) == 1, f"The column {quoted(name)} cannot be both {' and '.join(same)}. Name another one.")
    x = frame.drop(columns=list(used.values()))
    return Raw(
        x=x,
        y=frame[target],
        groups=None if group is None else frame[group],
        weights=None if weight is None else frame[weight],
        source=source,
        target=f"The target {quoted(target)}",
        group=f"The column {quoted(group)} (--group)",
        weight=f"The column {quoted(weight)} (--weight)",
    )


def finish(raw: Raw, positive: str | None, memory_gib: float) -> Table:
    """Check and convert `raw`; the `UserError` of each mistake says the way out."""
    require(len(raw.y) > 0, f"{shown(raw.source)} has no rows.")
    gone = labels.missing(raw.y)
    require(not gone.all(), f"{raw.target} is missing in every row. Name another target, or fill it in.")
    notices = list(raw.notices)
    if gone.any():
        notices.append(f"Left out {counted(int(gone.sum()), 'row')} without a target.")
    kept = ~gone
    y, names = labels.binary(raw.y[kept], positive, raw.target)
    weights = None if raw.weights is None else _weights(raw.weights[kept], raw.weight)
    grouping = None if raw.groups is None else raw.groups[kept]
    x: pd.DataFrame | np.ndarray
    if isinstance(raw.x, pd.DataFrame):
        x, identical, said = columns.clean(raw.x if kept.all() else raw.x[kept].reset_index(drop=True))
        notices += said
        width = sum(map(_width, x.dtypes))
    else:
        x = _numeric(raw.x if kept.all() else raw.x[kept])
        identical, width = identical_rows(x), x[0].size
    # the table, its copies within scikit-learn, and the float32 of three parts
    require_memory(raw.source, len(x) * width * 8 * 3, memory_gib, "as numbers")
    together, said = groups.together(identical, grouping, raw.group)
    notices += said
    groups.require_enough(y, together, names, grouped=grouping is not None)
    return Table(x=x, y=y, groups=together, weights=weights, labels=names, source=raw.source, notices=tuple(notices))


def _width(kind: object) -> int:
    """How many features a column of a checked frame becomes, at the most."""
    if isinstance(kind, pd.CategoricalDtype):
        return len(kind.categories)
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


def _numeric(x: np.ndarray) -> np.ndarray:
    """Return finite numbers (n, features) as float64, or images (n, height, width, channels) as float32."""
    require(x.size > 0, f"x has the shape {x.shape}, so it holds no values.")
    with np.errstate(invalid="ignore"):  # some NaN warn when they are cast
        rows = np.ascontiguousarray(x, dtype=np.float64)
    bad = int((~np.isfinite(rows)).sum())
    require(bad == 0, f"x holds {counted(bad, 'value')} that are missing or infinite. Replace them.")
    limit = LARGEST if rows.ndim == 2 else float(np.finfo(np.float32).max)
    require(bool((np.abs(rows) <= limit).all()), f"x holds values beyond ±{limit:.3g}. Give it another unit.")
    require(bool((rows != rows[:1]).any()), "x is the same in every row: there is nothing to predict from.")
    return rows if rows.ndim == 2 else rows.astype(np.float32)
