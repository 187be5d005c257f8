"""Learning rates: the curves, the shift between them, and the gap with each arm at its own best."""

from __future__ import annotations

import pandas as pd

from experiments.figures import Words, learning_rates
from experiments.figures.panels import CELL
from experiments.heads import BASELINE
from experiments.report.blocks import Block, Inline, Section, Table, Text, number, ranged
from experiments.report.sections.common import SOFTMAX, badge, compared, drawn, made_by
from experiments.report.stored import Stored


def rates(stored: Stored, words: Words) -> Section | None:
    """The sweep, drawn, and a row a cell with the gap at the best rates."""
    sweep = stored.read("learning_rates", quantity="nll", split="test", head=(BASELINE, SOFTMAX))
    shifts = compared(stored, "shifts")
    if sweep.empty or shifts.empty:
        return None
    gaps = compared(stored, "rate_gaps")
    blocks: list[Block] = [
        Text(body=words("rates.read")),
        drawn(stored.kept, "learning_rates", learning_rates, sweep, shifts, words=words),
    ]
    if len(gaps):
        best = gaps.loc[(gaps["at"] == "best") & (gaps["quantity"] == "nll")]
        blocks += [Text(body=words("rates.best")), _table(best, shifts, words)]
    return Section(id="rates", title=words("rates.title"),
                   blocks=[*blocks, *made_by(stored, words, "learning_rates")])  # fmt: skip


def _table(best: pd.DataFrame, shifts: pd.DataFrame, words: Words) -> Table:
    moved = shifts.set_index(CELL)
    rows: list[list[Inline]] = []
    for _, row in best.iterrows():
        shift = moved.loc[tuple(row[CELL])]
        rows.append([
            "/".join(row[CELL]), ranged(shift, mean="shift_fine"),
            number(row["baseline_best_rate"], 2), number(row["best_rate"], 2), ranged(row),
            badge(str(row["outcome"]), words), number(100 * row["at_edge"], unit=" %"),
        ])  # fmt: skip
    columns = [words(f"rates.{name}") for name in ("cell", "shift", "sigmoid", "softmax", "gap", "outcome", "edge")]
    return Table(caption=words("rates.caption"), columns=columns, rows=rows)
