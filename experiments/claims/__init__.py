"""The article's claims, each judged from stored tables alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from experiments import tables as schemas
from experiments.claims.phrasing import PHRASES, statement_in
from experiments.claims.record import CLAIMS, OUTCOMES, Claim, NotMeasured, Part, Verdict, claim, decide

__all__ = ["CLAIMS", "COMMAND_OF", "OUTCOMES", "PHRASES", "Claim", "Part", "Verdict", "claim", "decide", "verdicts"]

_RUN = "`headtohead run`"
# the command that makes a table, where it is not the usual one
COMMAND_OF: dict[str, str] = {"numerics": "`./run_all.sh --frameworks`"}


def verdicts(tables: Mapping[str, pd.DataFrame], only: Sequence[str] | None = None) -> pd.DataFrame:
    """The table `verdicts`: a row a registered claim (or one of `only`), in the order of the article's sections.

    `tables`: stored tables by name, those of `judgement.derived` among them. A judge gets them with the rows of the
    main framework alone; those of every framework stand under NAME_by_framework. A claim whose table is absent or has
    no row about it is `undecided`, and its evidence names the table and the command that makes it. Beside the fixed
    columns: `statement_zh`, `details` (every number behind the statement), `description`, `measure` (what `value` is),
    `unit`, and how many comparisons `hold`, `fail` or are `open`.
    """
    chosen = CLAIMS.values() if only is None else [CLAIMS[name] for name in only]
    ordered = sorted(chosen, key=lambda claim: claim.section)
    main = {name: schemas.of_main(name, table) for name, table in tables.items()}
    available = main | {f"{name}_by_framework": table for name, table in tables.items() if name in schemas.TRAINED}
    return schemas.validate("verdicts", pd.DataFrame([_row(claim, _judge(claim, available)) for claim in ordered]))


def _judge(claim: Claim, tables: Mapping[str, pd.DataFrame]) -> Verdict:
    absent = [name for name in claim.needs if name not in tables or not len(tables[name])]
    if absent:
        return _unmeasured(f"no table {' and no table '.join(absent)} is stored", absent)
    try:
        return claim.judge(tables, claim)
    except NotMeasured as lacking:
        return _unmeasured(str(lacking), claim.needs)


def _unmeasured(reason: str, needs: Sequence[str]) -> Verdict:
    commands = dict.fromkeys(COMMAND_OF.get(table, _RUN) for table in needs)
    return Verdict(
        outcome="undecided",
        statement=lambda messages: messages("unmeasured.told"),
        details=f"Not measured: {reason}.",
        evidence=f"{reason}; made by {' and '.join(commands)}",
        measure="nothing",
        value=float("nan"),
        n_cells=0,
    )


def _row(claim: Claim, verdict: Verdict) -> dict[str, object]:
    return {
        "claim": claim.name,
        "section": claim.section,
        "outcome": verdict.outcome,
        "statement": statement_in(verdict.statement, "en"),
        "evidence": verdict.evidence,
        "value": verdict.value,
        "low": verdict.low,
        "high": verdict.high,
        "margin": claim.margin,
        "n_cells": verdict.n_cells,
        "statement_zh": statement_in(verdict.statement, "zh"),
        "details": verdict.details,
        "description": claim.description,
        "measure": verdict.measure,
        "unit": claim.unit,
        "hold": sum(part.holds is True for part in verdict.parts),
        "fail": sum(part.holds is False for part in verdict.parts),
        "open": sum(part.holds is None for part in verdict.parts),
    }
