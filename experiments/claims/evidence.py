"""Rows of the stored comparisons, and what one of them says for or against a claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from experiments.claims.phrasing import OUTCOME_PHRASES, figure, interval, over_tasks, signed
from experiments.claims.record import NotMeasured, Part, Tables
from experiments.judgement import APART, FRESH, OUTCOMES, better, missing
from experiments.stats import QUANTITIES
from experiments.tables import CELL


def cell_name(row: pd.Series) -> str:
    """Name the cell of a row: "moons/mlp/adam"."""
    return "/".join(cell_of(row))


def cell_of(row: pd.Series) -> tuple[str, ...]:
    """The task, network and optimizer of a row."""
    return tuple(str(row[key]) for key in CELL)


def comparisons(
    tables: Tables, table: str, head: str, baseline: str, quantities: Sequence[str] | None = None, at: str | None = None
) -> pd.DataFrame:
    """Rows of `differences` or `rate_gaps` for one arm, as they hold for fresh rows, in the order of `quantities`.

    Raises `NotMeasured` if there are none.
    """
    rows = tables[table]
    rows = rows[(rows["head"] == head) & (rows["baseline"] == baseline) & (rows["estimand"] == FRESH)]
    if quantities is not None:
        ranks = {name: rank for rank, name in enumerate(quantities)}
        rows = rows[rows["quantity"].isin(quantities)]
        rows = rows.sort_values("quantity", key=lambda names: names.map(ranks), kind="stable")
    if at is not None:
        rows = rows[rows["at"] == at]
    if rows.empty:
        where = {"best": ", each at its own best rate", "rate": ", rate by rate"}.get(str(at), "")
        raise NotMeasured(f"the table {table} has no row of {head} against {baseline}{where}")
    return rows


def primary() -> list[str]:
    """The quantities registered as primary."""
    return [q.name for q in QUANTITIES.values() if q.primary]


def differ(rows: pd.DataFrame) -> list[Part]:
    """A part a row: True where the two are shown to differ, False where it is by less than the margin, else open."""
    return [
        _part(row, None if row["outcome"] == "undecided" else row["outcome"] in APART)
        for _, row in rows.iterrows()
    ]


def favours(rows: pd.DataFrame, side: int) -> list[Part]:
    """A part a row: True where the arm (`side` +1) or the baseline (-1) is shown to be better by the margin or more.

    False where such an advantage is ruled out or the other side is better; else open.
    """
    return [
        _part(row, _by_the_margin(str(row["outcome"]), ahead))
        for (_, row), ahead in zip(rows.iterrows(), better(rows) == side, strict=True)
    ]


def no_worse(rows: pd.DataFrame) -> list[Part]:
    """A part a row: False where the arm is shown to be better than the baseline by the margin or more."""
    return [
        replace(part, holds=None if part.holds is None else not part.holds) for part in favours(rows, side=1)
    ]


def larger(rows: pd.DataFrame) -> list[Part]:
    """A part a row: True where the arm's value is shown to be larger by the margin or more."""
    return [
        _part(row, _by_the_margin(str(row["outcome"]), row["mean"] > 0)) for _, row in rows.iterrows()
    ]


def _by_the_margin(outcome: str, ahead: bool) -> bool | None:
    """Whether an advantage of at least the margin is shown (True), ruled out (False), or open (None)."""
    if outcome == "undecided" or (outcome == "different" and ahead):
        return None  # the sign may be known while the size is open
    return outcome == "larger" and bool(ahead)


def outcomes(rows: pd.DataFrame) -> str:
    """How the comparisons of each quantity came out: "nll: 12 larger than the margin, 3 equivalent, 25 undecided"."""
    texts = []
    for quantity, part in rows.groupby("quantity", sort=False):
        counts = part["outcome"].value_counts()
        named = ", ".join(f"{counts[name]} {OUTCOME_PHRASES[name]}" for name in OUTCOMES if name in counts)
        texts.append(f"{quantity}: {named}")
    return "; ".join(texts)


def n_cells(rows: pd.DataFrame) -> int:
    """The trained cells behind these rows."""
    return len(rows[CELL].drop_duplicates())


def means(
    tables: Tables, head: str, baseline: str, kind: str, quantities: Sequence[str], at: str = "default"
) -> pd.DataFrame:
    """Rows of `overall` for fresh rows, in the order of `quantities`; raises `NotMeasured` if there are none."""
    rows = tables["overall"]
    rows = rows[(rows["head"] == head) & (rows["baseline"] == baseline) & (rows["kind"] == kind)]
    rows = rows[(rows["estimand"] == FRESH) & (rows["at"] == at)]
    by_quantity = [rows[rows["quantity"] == quantity] for quantity in quantities]
    rows = pd.concat(by_quantity, ignore_index=True)
    if rows.empty:
        raise NotMeasured(f"the table overall has no row of {head} against {baseline} on {kind} at the {at} rate")
    return rows


def in_words(rows: pd.DataFrame) -> str:
    """Rows of `overall` of one arm: "softmax - sigmoid, mean over 9 tasks: nll +0.1 nats (...): equivalent; ..."."""
    texts = []
    for _, row in rows.iterrows():
        quantity = QUANTITIES[str(row["quantity"])]
        unit = " of the baseline's" if quantity.relative else f" {quantity.unit}" if quantity.unit == "nats" else ""
        ends = interval(row["low"], row["high"])
        texts.append(f"{quantity.name} {signed(row['mean'])}{unit}{ends}: {OUTCOME_PHRASES[row['outcome']]}")
    first = rows.iloc[0]
    return f"{first['head']} - {first['baseline']}, {over_tasks(first['n_tasks'])}: {'; '.join(texts)}"


def seeds_clause(rows: pd.DataFrame) -> str:
    """What is still possible in the comparisons that are open, and what would decide them; empty if there are none."""
    still = missing(rows)
    if still is None:
        return ""
    ways = [
        f"{count} would {how}"
        for count, how in (
            (still.by_seeds, f"probably be decided by {still.seeds} seeds or fewer"),
            (still.by_rows, f"probably be decided by {still.fresh_seeds} seeds or fewer with rows of their own"),
            (still.never, "be decided by no number of seeds"),
        )
        if count
    ]
    bound = f"; none differs by more than {figure(still.bound)} margins either way" if np.isfinite(still.bound) else ""
    return f" Of the {still.n} undecided, {', '.join(ways)}{bound}."


def _part(row: pd.Series, holds: bool | None) -> Part:
    return Part(name=_name(row), holds=holds, cell=cell_of(row) if "task" in row else ())


def _name(row: pd.Series) -> str:
    if "task" not in row:
        return f"{row['quantity']}, mean over tasks"
    at = " at its own best rate" if row.get("at") == "best" else ""
    return f"{row['quantity']} of {cell_name(row)}{at}"
