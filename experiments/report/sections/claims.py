"""The article's claims, each with its verdict and the number that decided it."""

from __future__ import annotations

import math
import re
from collections.abc import Collection

import pandas as pd

from experiments.claims import PHRASES
from experiments.figures import Messages
from experiments.report.blocks import Block, Fold, Inline, Item, Items, Section, Span, Table, Text, marked, number
from experiments.report.sections.components import source_links
from experiments.report.stored import Stored
from experiments.tables import SCHEMAS


def claims(stored: Stored, messages: Messages) -> Section | None:
    """An entry a claim: restated, judged, with what was found, the deciding number against its margin, the evidence."""
    table = stored.read("verdicts")
    if table.empty:
        return None
    counts = table["outcome"].value_counts()
    tally = messages("sentence.list").join(
        messages("claims.tally", n=int(counts[outcome]), outcome=messages.or_key("verdict", str(outcome)))
        for outcome in ("supported", "refuted", "depends", "undecided")
        if outcome in counts
    )
    entries = [_entry(row, messages) for _, row in table.iterrows()]
    return Section(
        id="claims",
        title=messages("claims.title"),
        blocks=[
            Text(body=messages("claims.read", n=len(table), tally=tally)),
            overview(table, messages),
            Items(entries=entries),
            *source_links(stored, messages, "verdicts", "worked_examples"),
        ],
    )


def overview(table: pd.DataFrame, messages: Messages) -> Table:
    """A row a claim: what it says, its verdict, and the number that decided it."""
    rows: list[list[Inline]] = [
        [
            Span(text=messages.or_key("verdict", str(row["outcome"])), mark=str(row["outcome"])),
            [Span(text=_restatement(row, messages), href=f"#{row['claim']}"), " ",
             Span(text=f"§\N{NO-BREAK SPACE}{row['section']}", mark="quiet")],
            "–" if math.isnan(float(row["value"])) else messages(
                "claims.short", measure=_measure(row, messages),
                value=number(row["value"]).text + _unit_suffix(row, messages)),
        ]
        for _, row in table.iterrows()
    ]  # fmt: skip
    columns = [messages(f"claims.{name}") for name in ("verdict", "claim", "value")]
    return Table(caption=messages("claims.overview"), columns=columns, rows=rows, prose=True)


def _entry(row: pd.Series, messages: Messages) -> Item:
    claim, outcome = str(row["claim"]), str(row["outcome"])
    statement = str(row["statement" if messages.lang == "en" else f"statement_{messages.lang}"])
    details_blocks: list[Block] = []
    if not math.isnan(float(row["value"])):
        details_blocks.append(Text(body=_deciding(row, messages)))
    if row["details"]:
        details = with_display_names(PHRASES.translate(str(row["details"]), messages), messages)
        details_blocks.append(Text(body=[messages("claims.details"), *marked(as_code(details))]))
    names = (*_TABLE_NAMES, str(row["claim"]))  # an example has the name of its claim
    evidence = as_code(PHRASES.translate(str(row["evidence"]), messages), names)
    details_blocks.append(Text(body=[messages("claims.evidence"), *marked(evidence)]))
    title: list[str | Span] = [
        _restatement(row, messages), " ", Span(text=f"§\N{NO-BREAK SPACE}{row['section']}", mark="quiet"),
    ]  # fmt: skip
    return Item(title=title, badge=messages.or_key("verdict", outcome), mark=outcome, body=[marked(statement)],
                anchor=claim, folded=Fold(summary=messages("claims.behind"), blocks=details_blocks))  # fmt: skip


# a Chinese letter ends a name as well as a space does
_CELL = re.compile(r"\b[a-z]\w*/[a-z]\w*/[a-z]\w*\b", flags=re.ASCII)
_ABBREVIATIONS = ("nll", "ece", "auc")
_TABLE_NAMES = (*SCHEMAS, *_ABBREVIATIONS)  # what evidence names as tables have it
_ID = re.compile(r"(?<![\w-])[a-z][a-z0-9]*(?:_[a-z0-9]+)*(?![\w-])", flags=re.ASCII)
_HYPHENATED = re.compile(_ID.pattern.replace("_[", "[_-]["), flags=re.ASCII)


# none of these is a word of a sentence
_FRAMEWORK = re.compile(r"(?<![\w-])(?:keras-tensorflow|keras-jax|keras-torch|torch)(?![\w-])", flags=re.ASCII)


def with_display_names(text: str, messages: Messages) -> str:
    """`text` with names of cells, quantities, arms and frameworks in the place of the identifiers that tables have."""
    text = _CELL.sub(lambda cell: messages.cell(cell[0].split("/")), text)

    def name(match: re.Match[str]) -> str:
        kinds = [kind for kind in ("quantity", "arm") if f"{kind}.{match[0]}" in messages]
        # in English what has no underscore is a word as well, but for abbreviations
        is_identifier = bool(kinds) and (messages.lang != "en" or "_" in match[0] or match[0] in _ABBREVIATIONS)
        return messages.name(kinds[0], match[0]) if is_identifier else match[0]

    return _FRAMEWORK.sub(lambda match: messages.name("framework", match[0]), _ID.sub(name, text))


def as_code(text: str, names: Collection[str] = ()) -> str:
    """`text` with identifiers between backticks: what has an underscore, and `names`, which may have hyphens."""
    return _HYPHENATED.sub(lambda match: f"`{match[0]}`" if "_" in match[0] or match[0] in names else match[0], text)


def _restatement(row: pd.Series, messages: Messages) -> str:
    text = messages.translated("claim", str(row["claim"]), str(row.get("description", row["claim"])))
    return text[:1].upper() + text[1:]


def _measure(row: pd.Series, messages: Messages) -> str:
    return messages.translated("measure", str(row["claim"]), with_display_names(str(row.get("measure", "")), messages))


def _unit_suffix(row: pd.Series, messages: Messages) -> str:
    """The unit to set behind the value; nothing where the measure names it: "share of runs that diverged: 0.02"."""
    unit, measure = _unit(row, messages), re.findall(r"[^\W_]+", _measure(row, messages).lower())
    return "" if unit.startswith(("（", "(")) or set(unit.lower().split()) & set(measure) - {"logit"} else f" {unit}"


def _unit(row: pd.Series, messages: Messages) -> str:
    return messages.translated("claim_unit", str(row.get("unit", "")), str(row.get("unit", "")))


def _deciding(row: pd.Series, messages: Messages) -> str:
    """The number, its interval, its margin, and the comparisons behind the verdict."""
    text = messages("claims.number", measure=_measure(row, messages), value=number(row["value"]).text,
                    margin=number(row["margin"]).text, unit=_unit(row, messages))  # fmt: skip
    if math.isfinite(float(row["low"])) and math.isfinite(float(row["high"])):
        text += messages("claims.interval", low=number(row["low"]).text, high=number(row["high"]).text)
    if {"hold", "fail", "open"} <= set(row.index):
        text += messages("claims.parts", hold=int(row["hold"]), fail=int(row["fail"]), open=int(row["open"]))
    return text + messages("claims.cells", n=int(row["n_cells"]))
