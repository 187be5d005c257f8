"""What a notebook found, in words: the first lines of it, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from experiments.words import Words, figure

_WORDS = Words()
_SOFTMAX, _MATCHED, _AGAIN = "softmax", "softmax_matched", "sigmoid_again"


def binary_answer(differences: pd.DataFrame, shares: pd.DataFrame, cell: Iterable[str]) -> str:
    """Whether the heads end at another test loss on one cell, what makes that, and what is left when all is matched.

    `differences`: rows for fresh rows; `shares`: the attribution; `cell`: its task, network and optimizer.
    """
    rows = differences[differences["quantity"] == "nll"].set_index("head")
    where = _WORDS.cell(cell)
    if _SOFTMAX not in rows.index:
        return f"**On {where} no softmax was trained, so there is nothing to compare.**"
    lines = [f"**On {where}, softmax's final test loss is {_gap(rows.loc[_SOFTMAX])}.**"]
    mine = shares[shares["quantity"] == "nll"]
    if len(mine):
        parts = [f"{_WORDS(f'factor.{row.factor}')} {figure(row.share, sign=True)}" for row in mine.itertuples()]
        lines.append(f"Of the difference, in nats: {', '.join(parts)}.")
    for head, said in ((_MATCHED, "With start and head rate matched, it is"), (_AGAIN, "Sigmoid drawn again, it is")):
        if head in rows.index:
            lines.append(f"{said} {_gap(rows.loc[head])}.")
    return " ".join(lines)


def rates_answer(shifts: pd.DataFrame, best: pd.DataFrame, cell: Iterable[str]) -> str:
    """By how much each arm's curve over the rates is moved, and what is left with each arm at its own best rate.

    `shifts`: the table of that name; `best`: rows of `gaps` at the best rates, for fresh rows.
    """
    moved = shifts.set_index("head")
    rows = best[best["quantity"] == "nll"].set_index("head")
    lines = [f"**On {_WORDS.cell(cell)},"]
    if _SOFTMAX in moved.index and np.isfinite(moved.loc[_SOFTMAX, "shift_fine"]):
        factor = figure(2 ** moved.loc[_SOFTMAX, "shift_fine"], 2)
        lines.append(f"softmax is most like sigmoid at {factor} times its rate;")
    lines.append(f"each at its own best rate, softmax's test loss is {_gap(rows.loc[_SOFTMAX])}.**"
                 if _SOFTMAX in rows.index else "no softmax was trained.**")  # fmt: skip
    return " ".join(lines)


def verdicts_answer(verdicts: pd.DataFrame) -> str:
    """How many claims came out how, and the statement of each."""
    counts = verdicts["outcome"].value_counts()
    heading = f"**Of {len(verdicts)} claims, {', '.join(f'{n} {outcome}' for outcome, n in counts.items())}.**"
    entries = [
        f"- **{row.outcome}**: {row.description} (§ {row.section}). {row.statement}" for row in verdicts.itertuples()
    ]
    return "\n".join([heading, "", *entries])


def _gap(row: pd.Series) -> str:
    """How far an arm's loss is from sigmoid's: "0.055 nats lower than sigmoid's (95 % interval ...), equivalent"."""
    side = "lower" if row["mean"] < 0 else "higher"
    ends = f"95 % interval of the difference {figure(row['low'], sign=True)} to {figure(row['high'], sign=True)}"
    outcome = _WORDS(f"outcome.{row['outcome']}")
    return f"{figure(abs(row['mean']))} nats {side} than sigmoid's ({ends}): {outcome}"
