"""Which rows must stay together: identical ones, and those of one value of the user's group column."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from experiments.records import UserError, require
from experiments.tasks.data import effective_groups, leaves_few
from experiments.tasks.files.formatting import counted, quoted

# with ten, a fifth of the groups holds two of each class: the least that a curve over held-out rows can mean
LEAST = 10


def together(identical: np.ndarray, groups: pd.Series | None, name: str) -> tuple[np.ndarray, list[str]]:
    """Number the groups, (n,) int64: the union of being identical and of sharing a value of `groups`.

    Where that leaves too few groups (`leaves_few`), identical rows may part: the groups are those of `groups`, or the
    single rows, and a notice says so. `identical`: (n,) numbers of the distinct rows. `name` is how messages call
    `groups`. Raises `UserError` if a row has no group.
    """
    alone = np.arange(len(identical)) if groups is None else _named(groups, name)
    joined = identical if groups is None else _joined(identical, alone)
    if not leaves_few(joined, alone):
        return joined, []
    effective = effective_groups(joined)
    notice = (
        f"Keeping identical rows together would leave {counted(len(np.unique(joined)), 'group')} of {len(joined):,} "
        f"rows, worth {effective:.1f} of equal size, and a fifth of that in a test part: "
        f"identical rows may be in different parts{'' if groups is None else '; the given groups stay whole'}."
    )
    return alone, [notice]


def _named(groups: pd.Series, name: str) -> np.ndarray:
    """Number the values of the user's group column: (n,) int64."""
    empty = int(groups.isna().sum())
    require(
        empty == 0,
        f"{name} is missing in {counted(empty, 'row')}. Every row needs a group: fill it in, or leave the rows out.",
    )
    try:
        return pd.factorize(groups)[0].astype(np.int64)
    except TypeError as error:
        raise UserError(f"{name} holds values that are no names, such as {quoted(groups.iloc[0])}.") from error


def _joined(identical: np.ndarray, named: np.ndarray) -> np.ndarray:
    """The union of two groupings: (n,) int64, equal where a chain of shared numbers leads from row to row."""
    # a bipartite graph of distinct rows and of names, one edge a row of the file
    offset = int(identical.max()) + 1
    nodes = offset + int(named.max()) + 1
    edges = coo_array((np.ones(len(named)), (identical, named + offset)), shape=(nodes, nodes))
    return connected_components(edges, directed=False)[1][identical].astype(np.int64)


def require_enough(y: np.ndarray, groups: np.ndarray, labels: tuple[str, str], grouped: bool) -> None:
    """Raise `UserError` unless each class is held by enough groups for training, validation and test parts."""
    for number, label in enumerate(labels):
        rows = int((y == number).sum())
        count = len(np.unique(groups[y == number]))
        what = "group" if grouped else "different row"
        size = counted(rows, "row") if rows == count else f"{counted(rows, 'row')}, but only {counted(count, what)}"
        require(
            count >= LEAST,
            f"Class {quoted(label)} has {size} (of {len(y):,} rows). Training, validation and test parts that each "
            f"hold both classes need {LEAST} {what}s of each, so {2 * LEAST} rows at the least: give more rows.",
        )
