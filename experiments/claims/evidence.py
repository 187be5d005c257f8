"""Rows of the stored comparisons, and what one of them says for or against a claim."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from experiments.claims.record import NotMeasured, Part, Tables
from experiments.claims.words import interval, signed
from experiments.stats import QUANTITIES

CELL = ["task", "network", "optimizer"]
SAME = ("equivalent", "different but negligible")


def cell_name(row: pd.Series) -> str:
    """Name the cell of a row: "moons/mlp/adam"."""
    return "/".join(str(row[key]) for key in CELL)


def comparisons(
    tables: Tables, table: str, head: str, baseline: str, quantities: Sequence[str] | None = None, at: str | None = None
) -> pd.DataFrame:
    """Rows of `differences` or `rate_gaps` for one arm; raises `NotMeasured` if there are none."""
    rows = tables[table]
    rows = rows[(rows["head"] == head) & (rows["baseline"] == baseline)]
    if quantities is not None:
        rows = rows[rows["quantity"].isin(quantities)]
    if at is not None:
        rows = rows[rows["at"] == at]
    if rows.empty:
        raise NotMeasured(f"the table {table} has no row of {head} against {baseline}")
    return rows


def primary() -> list[str]:
    """The quantities registered as primary."""
    return [q.name for q in QUANTITIES.values() if q.primary]


def differ(rows: pd.DataFrame) -> list[Part]:
    """A part a row: True where a difference that matters was shown, False where one was ruled out, else open."""
    return [
        Part(
            name=_name(row), holds=True if row["outcome"] == "different" else False if row["outcome"] in SAME else None
        )
        for _, row in rows.iterrows()
    ]


def favours(rows: pd.DataFrame, side: int) -> list[Part]:
    """A part a row: True where the arm (`side` +1) or the baseline (-1) is shown to be better by the margin or more.

    False where such an advantage is ruled out or the other side is better; else open.
    """
    return [
        Part(name=_name(row), holds=winner(row) == side if row["outcome"] != "undecided" else None)
        for _, row in rows.iterrows()
    ]


def no_worse(rows: pd.DataFrame) -> list[Part]:
    """A part a row: False where the arm is shown to be better than the baseline by the margin or more."""
    return [
        Part(name=_name(row), holds=winner(row) != 1 if row["outcome"] != "undecided" else None)
        for _, row in rows.iterrows()
    ]


def larger(rows: pd.DataFrame) -> list[Part]:
    """A part a row: True where the arm's value is shown to be larger by the margin or more."""
    return [
        Part(
            name=_name(row),
            holds=None if row["outcome"] == "undecided" else row["outcome"] == "different" and row["mean"] > 0,
        )
        for _, row in rows.iterrows()
    ]


def winner(row: pd.Series) -> int:
    """+1 if the arm is shown to be better than the baseline by the margin or more, -1 if it is worse, else 0."""
    better = QUANTITIES[row["quantity"]].better
    if row["outcome"] != "different" or better == 0:
        return 0
    return better if row["mean"] > 0 else -better


def outcomes(rows: pd.DataFrame) -> str:
    """How the comparisons of each quantity came out, in words: "nll: 12 different, 3 equivalent, 25 undecided"."""
    texts = []
    for quantity, part in rows.groupby("quantity", sort=False):
        found = part["outcome"].value_counts()
        texts.append(f"{quantity}: {', '.join(f'{count} {name}' for name, count in found.items())}")
    return "; ".join(texts)


def n_cells(rows: pd.DataFrame) -> int:
    """The trained cells behind these rows."""
    return len(rows[CELL].drop_duplicates())


def means(tables: Tables, head: str, baseline: str, kind: str, quantities: Sequence[str]) -> pd.DataFrame:
    """Rows of `overall`, in the order of `quantities`; raises `NotMeasured` if there are none."""
    rows = tables["overall"]
    rows = rows[(rows["head"] == head) & (rows["baseline"] == baseline) & (rows["kind"] == kind)]
    found = [rows[rows["quantity"] == quantity] for quantity in quantities]
    rows = pd.concat(found, ignore_index=True)
    if rows.empty:
        raise NotMeasured(f"the table overall has no row of {head} against {baseline} on {kind}")
    return rows


def in_words(rows: pd.DataFrame) -> str:
    """Rows of `overall` of one arm: "softmax - sigmoid, mean over 9 tasks: nll +0.1 nats (...): different; ..."."""
    texts = []
    for _, row in rows.iterrows():
        quantity = QUANTITIES[str(row["quantity"])]
        unit = " of the baseline's" if quantity.relative else f" {quantity.unit}" if quantity.unit == "nats" else ""
        ends = interval(row["low"], row["high"])
        texts.append(f"{quantity.name} {signed(row['mean'])}{unit}{ends}: {row['outcome']}")
    first = rows.iloc[0]
    tasks = "task" if first["n_tasks"] == 1 else "tasks"
    return f"{first['head']} - {first['baseline']}, mean over {int(first['n_tasks'])} {tasks}: {'; '.join(texts)}"


def seeds_clause(rows: pd.DataFrame) -> str:
    """What it would take to decide the comparisons that are open; empty if there are none."""
    still = rows[rows["outcome"] == "undecided"]
    needed = still["seeds_needed"].dropna() if "seeds_needed" in still else pd.Series(dtype=float)
    if needed.empty:
        return ""
    finite = needed[needed < float("inf")]
    never = f"{len(needed) - len(finite)} by no number of seeds on these rows (it takes more data)"
    more = f"{len(finite)} would probably be decided by {finite.max():.0f} seeds or fewer"
    if finite.empty:
        texts = [f"{len(needed)} would probably be decided by no number of seeds on these rows (it takes more data)"]
    else:
        texts = [more, never] if len(finite) < len(needed) else [more]
    return f" Of the {len(still)} undecided, {' and '.join(texts)}."


def _name(row: pd.Series) -> str:
    if "task" not in row:
        return f"{row['quantity']}, mean over tasks"
    at = " at its own best rate" if row.get("at") == "best" else ""
    return f"{row['quantity']} of {cell_name(row)}{at}"
