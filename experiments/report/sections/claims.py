"""The article's claims, each with its verdict and the number that decided it."""

from __future__ import annotations

import math

import pandas as pd

from experiments.figures import Words
from experiments.report.blocks import Inline, Item, Items, Section, Span, Text, marked, number
from experiments.report.sections.common import made_by
from experiments.report.stored import Stored


def claims(stored: Stored, words: Words) -> Section | None:
    """An entry a claim: restated, judged, with what was found, the deciding number against its margin, the evidence."""
    table = stored.read("verdicts")
    if table.empty:
        return None
    counts = table["outcome"].value_counts()
    tally = words("sentence.list").join(
        words("claims.tally", n=int(counts[outcome]), outcome=words.or_key("verdict", str(outcome)))
        for outcome in ("supported", "refuted", "depends", "undecided")
        if outcome in counts
    )
    entries = [_entry(row, words) for _, row in table.iterrows()]
    return Section(
        id="claims",
        title=words("claims.title"),
        blocks=[
            Text(body=words("claims.read", n=len(table), tally=tally)),
            Items(entries=entries),
            *made_by(stored, words, "verdicts", "worked_examples"),
        ],
    )


def _entry(row: pd.Series, words: Words) -> Item:
    claim, outcome = str(row["claim"]), str(row["outcome"])
    restated = words.translated("claim", claim, str(row.get("description", claim)))
    body: list[Inline] = [marked(str(row["statement"]), english=True)]
    if not math.isnan(float(row["value"])):
        body.append(_deciding(row, words))
    body.append([words("claims.evidence"), *marked(str(row["evidence"]), english=True)])
    title: list[str | Span] = [
        restated[:1].upper() + restated[1:], " ", Span(text=f"§ {row['section']} · {claim}", mark="quiet"),
    ]  # fmt: skip
    return Item(title=title, badge=words.or_key("verdict", outcome), mark=outcome, body=body)


def _deciding(row: pd.Series, words: Words) -> str:
    """The number, its interval, its margin, and the comparisons behind the verdict."""
    claim = str(row["claim"])
    unit = words.translated("claim_unit", str(row.get("unit", "")), str(row.get("unit", "")))
    measure = words.translated("measure", claim, str(row.get("measure", "")))
    text = words("claims.number", measure=measure, value=number(row["value"]).text,
                 margin=number(row["margin"]).text, unit=unit)  # fmt: skip
    if math.isfinite(float(row["low"])) and math.isfinite(float(row["high"])):
        text += words("claims.interval", low=number(row["low"]).text, high=number(row["high"]).text)
    if {"hold", "fail", "open"} <= set(row.index):
        text += words("claims.parts", hold=int(row["hold"]), fail=int(row["fail"]), open=int(row["open"]))
    return text + words("claims.cells", n=int(row["n_cells"]))
