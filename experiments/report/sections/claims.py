"""The article's claims, each with its verdict and the number that decided it."""

from __future__ import annotations

import math
import re
from collections.abc import Collection

import pandas as pd

from experiments.claims.phrasing import PHRASES
from experiments.figures import Words
from experiments.report.blocks import Block, Fold, Inline, Item, Items, Section, Span, Table, Text, marked, number
from experiments.report.sections.common import made_by
from experiments.report.stored import Stored
from experiments.tables import SCHEMAS


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
            overview(table, words),
            Items(entries=entries),
            *made_by(stored, words, "verdicts", "worked_examples"),
        ],
    )


def overview(table: pd.DataFrame, words: Words) -> Table:
    """A row a claim: what it says, its verdict, and the number that decided it."""
    rows: list[list[Inline]] = [
        [
            Span(text=words.or_key("verdict", str(row["outcome"])), mark=str(row["outcome"])),
            [Span(text=_restated(row, words), href=f"#{row['claim']}"), " ",
             Span(text=f"§ {row['section']}", mark="quiet")],
            "–" if math.isnan(float(row["value"])) else words(
                "claims.short", measure=_measure(row, words), value=number(row["value"]).text + _behind(row, words)),
        ]
        for _, row in table.iterrows()
    ]  # fmt: skip
    columns = [words(f"claims.{name}") for name in ("verdict", "claim", "value")]
    return Table(caption=words("claims.overview"), columns=columns, rows=rows, prose=True)


def _entry(row: pd.Series, words: Words) -> Item:
    claim, outcome = str(row["claim"]), str(row["outcome"])
    statement = str(row["statement" if words.lang == "en" else f"statement_{words.lang}"])
    behind: list[Block] = []
    if not math.isnan(float(row["value"])):
        behind.append(Text(body=_deciding(row, words)))
    if row["details"]:
        details = named(PHRASES.told(str(row["details"]), words), words)
        behind.append(Text(body=[words("claims.details"), *marked(as_code(details))]))
    names = (*_KEPT, str(row["claim"]))  # an example has the name of its claim
    evidence = as_code(PHRASES.told(str(row["evidence"]), words), names)
    behind.append(Text(body=[words("claims.evidence"), *marked(evidence)]))
    title: list[str | Span] = [
        _restated(row, words), " ", Span(text=f"§ {row['section']}", mark="quiet"),
    ]  # fmt: skip
    return Item(title=title, badge=words.or_key("verdict", outcome), mark=outcome, body=[marked(statement)],
                anchor=claim, folded=Fold(summary=words("claims.behind"), blocks=behind))  # fmt: skip


# a Chinese letter ends a name as well as a space does
_CELL = re.compile(r"\b[a-z]\w*/[a-z]\w*/[a-z]\w*\b", flags=re.ASCII)
_ABBREVIATIONS = ("nll", "ece", "auc")
_KEPT = (*SCHEMAS, *_ABBREVIATIONS)  # what evidence names as tables have it
_ID = re.compile(r"(?<![\w-])[a-z][a-z0-9]*(?:_[a-z0-9]+)*(?![\w-])", flags=re.ASCII)
_HYPHENATED = re.compile(_ID.pattern.replace("_[", "[_-]["), flags=re.ASCII)


# none of these is a word of a sentence
_FRAMEWORK = re.compile(r"(?<![\w-])(?:keras-tensorflow|keras-jax|keras-torch|torch)(?![\w-])", flags=re.ASCII)


def named(text: str, words: Words) -> str:
    """`text` with names of cells, quantities, arms and frameworks in the place of the identifiers that tables have."""
    text = _CELL.sub(lambda cell: words.cell(cell[0].split("/")), text)

    def name(found: re.Match[str]) -> str:
        kinds = [kind for kind in ("quantity", "arm") if f"{kind}.{found[0]}" in words]
        # in English what has no underscore is a word as well, but for abbreviations
        known = bool(kinds) and (words.lang != "en" or "_" in found[0] or found[0] in _ABBREVIATIONS)
        return words.name(kinds[0], found[0]) if known else found[0]

    return _FRAMEWORK.sub(lambda found: words.name("framework", found[0]), _ID.sub(name, text))


def as_code(text: str, names: Collection[str] = ()) -> str:
    """`text` with identifiers between backticks: what has an underscore, and `names`, which may have hyphens."""
    return _HYPHENATED.sub(lambda found: f"`{found[0]}`" if "_" in found[0] or found[0] in names else found[0], text)


def _restated(row: pd.Series, words: Words) -> str:
    text = words.translated("claim", str(row["claim"]), str(row.get("description", row["claim"])))
    return text[:1].upper() + text[1:]


def _measure(row: pd.Series, words: Words) -> str:
    return words.translated("measure", str(row["claim"]), named(str(row.get("measure", "")), words))


def _behind(row: pd.Series, words: Words) -> str:
    """The unit to set behind the value; nothing where the measure names it: "share of runs that diverged: 0.02"."""
    unit, measure = _unit(row, words), re.findall(r"[^\W_]+", _measure(row, words).lower())
    return "" if unit.startswith(("（", "(")) or set(unit.lower().split()) & set(measure) - {"logit"} else f" {unit}"


def _unit(row: pd.Series, words: Words) -> str:
    return words.translated("claim_unit", str(row.get("unit", "")), str(row.get("unit", "")))


def _deciding(row: pd.Series, words: Words) -> str:
    """The number, its interval, its margin, and the comparisons behind the verdict."""
    text = words("claims.number", measure=_measure(row, words), value=number(row["value"]).text,
                 margin=number(row["margin"]).text, unit=_unit(row, words))  # fmt: skip
    if math.isfinite(float(row["low"])) and math.isfinite(float(row["high"])):
        text += words("claims.interval", low=number(row["low"]).text, high=number(row["high"]).text)
    if {"hold", "fail", "open"} <= set(row.index):
        text += words("claims.parts", hold=int(row["hold"]), fail=int(row["fail"]), open=int(row["open"]))
    return text + words("claims.cells", n=int(row["n_cells"]))
