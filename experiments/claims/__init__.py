"""The article's claims, each judged from stored tables alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from experiments import tables as schemas
from experiments.claims.record import CLAIMS, OUTCOMES, Claim, NotMeasured, Part, Verdict, claim, decide
from experiments.claims.words import said

__all__ = ["CLAIMS", "MADE_BY", "OUTCOMES", "Claim", "Part", "Verdict", "claim", "decide", "verdicts"]

_RUN = "`headtohead run`"
# the command that makes a table, where it is not the usual one
MADE_BY: dict[str, str] = {"numerics": "`./run_all.sh --frameworks`"}


def verdicts(tables: Mapping[str, pd.DataFrame], only: Sequence[str] | None = None) -> pd.DataFrame:
    """The table `verdicts`: a row a registered claim (or one of `only`), in the order of the article's sections.

    `tables`: stored tables by name, those of `judgement.derived` among them. A judge gets them with the rows of the
    main framework alone; those of every framework stand under NAME_by_framework. A claim whose table is absent or has
    no row about it is `undecided`, and its evidence names the table and the command that makes it. Beside the fixed
    columns: `statement_zh`, `details` (every number behind the statement), `description`, `measure` (what `value` is),
    `unit`, and how many comparisons `hold`, `fail` or are `open`.
    """
    chosen = CLAIMS.values() if only is None else [CLAIMS[name] for name in only]
    known = sorted(chosen, key=lambda claim: claim.section)
    main = {name: schemas.of_main(name, table) for name, table in tables.items()}
    given = main | {f"{name}_by_framework": table for name, table in tables.items() if name in schemas.TRAINED}
    return schemas.validate("verdicts", pd.DataFrame([_row(claim, _judge(claim, given)) for claim in known]))


def _judge(known: Claim, tables: Mapping[str, pd.DataFrame]) -> Verdict:
    absent = [name for name in known.needs if name not in tables or not len(tables[name])]
    if absent:
        return _unmeasured(f"no table {' and no table '.join(absent)} is stored", absent)
    try:
        return known.judge(tables, known)
    except NotMeasured as lacking:
        return _unmeasured(str(lacking), known.needs)


def _unmeasured(reason: str, needs: Sequence[str]) -> Verdict:
    commands = dict.fromkeys(MADE_BY.get(table, _RUN) for table in needs)
    return Verdict(
        outcome="undecided",
        statement=lambda words: words("unmeasured.told"),
        details=f"Not measured: {reason}.",
        evidence=f"{reason}; made by {' and '.join(commands)}",
        measure="nothing",
        value=float("nan"),
        n_cells=0,
    )


def _row(known: Claim, found: Verdict) -> dict[str, object]:
    return {
        "claim": known.name,
        "section": known.section,
        "outcome": found.outcome,
        "statement": said(found.statement, "en"),
        "evidence": found.evidence,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "margin": known.margin,
        "n_cells": found.n_cells,
        "statement_zh": said(found.statement, "zh"),
        "details": found.details,
        "description": known.description,
        "measure": found.measure,
        "unit": known.unit,
        "hold": sum(part.holds is True for part in found.parts),
        "fail": sum(part.holds is False for part in found.parts),
        "open": sum(part.holds is None for part in found.parts),
    }
