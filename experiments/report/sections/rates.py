"""Learning rates: who wins on which side of the best one, the curves, their shift, and the gap at the best rates."""

from __future__ import annotations

import pandas as pd

from experiments.figures import Messages, for_fresh_rows, learning_rates, rate_map
from experiments.heads import BASELINE
from experiments.judgement import FRESH, THESE
from experiments.report.blocks import Block, Fold, Inline, Section, Span, Table, Text, number, ranged
from experiments.report.sections import headline
from experiments.report.sections.components import SOFTMAX, badge, compared, picture_of, source_links
from experiments.report.stored import Stored
from experiments.tables import CELL

_ESTIMANDS = {FRESH: "fresh", THESE: "these"}


def rates(stored: Stored, messages: Messages) -> Section | None:
    """The map of the rates with a row a cell, then the sweep, drawn, and the gaps at the best rates, a row a cell."""
    sweep = stored.read("learning_rates", quantity="nll", split="test", head=(BASELINE, SOFTMAX))
    shifts = compared(stored, "shifts")
    if sweep.empty or shifts.empty:
        return None
    gaps = compared(stored, "rate_gaps")
    blocks: list[Block] = [
        *_map(stored, messages),
        Text(body=messages("rates.read")),
        picture_of(stored.figure_cache, "learning_rates", learning_rates, sweep, shifts, messages=messages),
    ]
    if len(gaps):
        best = gaps.loc[(gaps["at"] == "best") & (gaps["quantity"] == "nll")]
        blocks.append(Fold(summary=messages("rates.best_summary"),
                           blocks=[Text(body=messages("rates.best")), _table(best, shifts, messages)]))  # fmt: skip
    return Section(id="rates", title=messages("rates.title"),
                   blocks=[*blocks, *source_links(stored, messages, "learning_rates")])  # fmt: skip


def _map(stored: Stored, messages: Messages) -> list[Block]:
    """The difference along the rate, drawn; where it passes 0 and its two sides in each cell; exceptions by name."""
    rows, law = stored.read("rate_map"), stored.read("rate_law")
    if rows.empty or law.empty:
        return []
    drawing = picture_of(stored.figure_cache, "rate_map", rate_map, rows, law, messages=messages)
    table = Fold(summary=messages("rates.law_summary"), blocks=[_law(law, messages)])
    return [
        *_sides(stored, messages),
        drawing,
        Text(body=messages("rates.map")),
        Text(body=_exceptions(law, messages)),
        table,
    ]


def _sides(stored: Stored, messages: Messages) -> list[Block]:
    """What happens below and above the best rate, where it is shown."""
    law = headline.sides(compared(stored, "overall"))
    if law is None:
        return []
    sentence = messages("rates.sides", below=number(-law.below).text, above=number(law.above).text, n=law.n_tasks)
    return [Text(body=sentence, lead=True)]


def _exceptions(law: pd.DataFrame, messages: Messages) -> str:
    """The cells that are decided on both sides and do not do as predicted, and what they do instead."""
    decided = law.loc[law["decided"].astype(bool)]
    if decided.empty:
        return messages("rates.no_decision")
    texts = []
    for _, row in decided.loc[~decided["predicted"].eq(True)].iterrows():
        signs = "".join("lower" if row[f"{side}_mean"] < 0 else "higher" for side in ("below", "above"))
        texts.append(messages(f"rates.exception.{signs}", cell=messages.cell(row[CELL]),
                              estimand=messages(f"rates.{_ESTIMANDS[str(row['estimand'])]}")))  # fmt: skip
    return (
        messages("rates.exceptions", cells=messages("sentence.list").join(texts))
        if texts
        else messages("rates.no_exception")
    )


def _law(law: pd.DataFrame, messages: Messages) -> Table:
    """A row a cell; its intervals are for fresh rows, its outcome is given for these too."""
    these = law.loc[law["estimand"] == THESE].set_index(CELL)
    rows: list[list[Inline]] = []
    for _, row in for_fresh_rows(law).iterrows():
        crossing = {"mean": row["crossing"], "low": row["crossing_low"], "high": row["crossing_high"]}
        rows.append([
            messages.cell(row[CELL]), number(row["best_rate"], 2), ranged(crossing),
            *(ranged({name: row[f"{side}_{name}"] for name in ("mean", "low", "high")}) for side in ("below", "above")),
            _outcome(row, messages), _outcome(these.loc[tuple(row[CELL])], messages),
        ])  # fmt: skip
    names = ("cell", "sigmoid", "crossing", "below", "above", "fresh", "these")
    return Table(caption=messages("rates.law"), columns=[messages(f"rates.{name}") for name in names], rows=rows)


def _outcome(row: pd.Series, messages: Messages) -> Span:
    if not row["decided"]:
        return badge("undecided", messages)
    name, mark = ("predicted", "supported") if row["predicted"] else ("unpredicted", "refuted")
    return Span(text=messages(f"rates.{name}"), mark=mark)


def _table(best: pd.DataFrame, shifts: pd.DataFrame, messages: Messages) -> Table:
    shifts_by_cell = shifts.set_index(CELL)
    rows: list[list[Inline]] = []
    for _, row in best.iterrows():
        shift = shifts_by_cell.loc[tuple(row[CELL])]
        rows.append([
            messages.cell(row[CELL]), ranged(shift, mean="shift_fine"),
            number(row["baseline_best_rate"], 2), number(row["best_rate"], 2), ranged(row),
            badge(str(row["outcome"]), messages), number(100 * row["at_edge"], unit=" %"),
        ])  # fmt: skip
    columns = [messages(f"rates.{name}") for name in ("cell", "shift", "sigmoid", "softmax", "gap", "outcome", "edge")]
    return Table(caption=messages("rates.caption"), columns=columns, rows=rows)
