"""What a notebook found, in words: the first lines of it, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from experiments.judgement._attribution import LOSS_SCALE, SOFTMAX
from experiments.messages import Messages, figure
from experiments.stats import QUANTITIES

_MESSAGES = Messages()
_SOFTMAX, _MATCHED, _AGAIN = "softmax", "softmax_matched", "sigmoid_again"


def binary_answer(differences: pd.DataFrame, shares: pd.DataFrame, cell: Iterable[str]) -> str:
    """Whether the heads end at another test loss on one cell, what makes that, and what is left when all is matched.

    `differences`: rows for fresh rows; `shares`: the attribution; `cell`: its task, network and optimizer.
    """
    rows = differences[differences["quantity"] == "nll"].set_index("head")
    where = _MESSAGES.cell(cell)
    if _SOFTMAX not in rows.index:
        return f"**On {where} no softmax was trained, so there is nothing to compare.**"
    lines = [f"**On {where}, softmax's final test loss is {_gap(rows.loc[_SOFTMAX])}.**"]
    mine = shares[shares["quantity"] == "nll"]
    if len(mine):
        parts = [f"{_MESSAGES(f'factor.{row.factor}')} {figure(row.share, sign=True)}" for row in mine.itertuples()]
        lines.append(f"Of the difference, in nats: {', '.join(parts)}.")
    others = ((_MATCHED, "With start and head rate matched, it is"), (_AGAIN, "Sigmoid drawn again, it is"))
    for head, opening in others:
        if head in rows.index:
            lines.append(f"{opening} {_gap(rows.loc[head])}.")
    return " ".join(lines)


def rates_answer(shifts: pd.DataFrame, best: pd.DataFrame, cell: Iterable[str]) -> str:
    """By how much each arm's curve over the rates is moved, and what is left with each arm at its own best rate.

    `shifts`: the table of that name; `best`: rows of `gaps` at the best rates, for fresh rows.
    """
    moved = shifts.set_index("head")
    rows = best[best["quantity"] == "nll"].set_index("head")
    lines = [f"**On {_MESSAGES.cell(cell)},"]
    if _SOFTMAX in moved.index and np.isfinite(moved.loc[_SOFTMAX, "shift_fine"]):
        factor = figure(2 ** moved.loc[_SOFTMAX, "shift_fine"], 2)
        lines.append(f"softmax is most like sigmoid at {factor} times its rate;")
    lines.append(f"each at its own best rate, softmax's test loss is {_gap(rows.loc[_SOFTMAX])}.**"
                 if _SOFTMAX in rows.index else "no softmax was trained.**")  # fmt: skip
    return " ".join(lines)


def control_answer(shares: pd.DataFrame, cell: Iterable[str], dtype: str) -> str:
    """What is left of the difference once its causes are matched. `shares`: the attribution, in `dtype`."""
    left = shares[shares["factor"] == "arithmetic"].set_index("quantity")
    worst = figure(left["part"].max(), 2)
    lines = [
        f"**On {_MESSAGES.cell(cell)}, with start and head rate matched, arithmetic leaves at most {worst} of a "
        f"difference in {dtype}, or of the noise floor where that is larger.**"
    ]
    if "nll" in left.index:
        whole, rest = (figure(abs(left.loc["nll", name]), 2) for name in ("difference", "share"))
        lines.append(f"Of {whole} nats between the final test losses, {rest} are left.")
    return " ".join(lines)


def several_answer(
    best: pd.DataFrame, differences: pd.DataFrame, shares: pd.DataFrame, quantities: Sequence[str], cell: Iterable[str]
) -> str:
    """One softmax against a sigmoid each on several classes or labels: each at its own best rate, then at the usual.

    `best`: rows of `gaps` at the best rates, `differences`: at the optimizer's own rate, both for fresh rows;
    `shares`: what the scale of the loss makes there. `quantities`: in the order in which they are told.
    """
    first, *others = _listed(best, quantities) or ["not known, for no rate ended in numbers"]
    lines = [f"**On {_MESSAGES.cell(cell)}, each at its own best rate, one softmax minus a sigmoid each is {first}.**"]
    if others:
        lines.append(f"Beside it, {'; '.join(others)}.")
    usual = _listed(differences, quantities[:1])
    if usual:
        scale = shares[(shares["factor"] == LOSS_SCALE) & (shares["quantity"] == quantities[0])]["share"]
        part = f"; the scale of the loss makes {figure(scale.iloc[0], sign=True)} of it" if len(scale) else ""
        lines += ["", f"At the optimizer's own rate it is {usual[0]}{part}."]
    return "\n".join(lines)


def frameworks_answer(last: pd.DataFrame, cell: Iterable[str]) -> str:
    """How far frameworks, and the two heads, end apart. `last`: rows of `framework_distances` after the last step."""
    between = last["other"] != ""
    most = last[between].groupby("dtype")["distance"].max()
    heads = last.loc[~between, "distance"].median()
    listed = " and ".join(f"{figure(most[dtype], 2)} in {dtype}" for dtype in sorted(most.index, reverse=True))
    return (
        f"**On {_MESSAGES.cell(cell)}, from equal weights, the training losses of two frameworks end at most {listed} "
        f"apart, relative to their size; those of the two heads {figure(heads, 2)} in the median.**"
    )


def verdicts_answer(verdicts: pd.DataFrame) -> str:
    """How many claims came out how, and the statement of each."""
    counts = verdicts["outcome"].value_counts()
    heading = f"**Of {len(verdicts)} claims, {', '.join(f'{n} {outcome}' for outcome, n in counts.items())}.**"
    entries = [
        f"- **{row.outcome}**: {row.description} (§ {row.section}). {row.statement}" for row in verdicts.itertuples()
    ]
    return "\n".join([heading, "", *entries])


def _listed(rows: pd.DataFrame, quantities: Sequence[str]) -> list[str]:
    """One softmax minus a sigmoid each, a line a quantity."""
    mine = rows[rows["head"] == SOFTMAX].set_index("quantity")
    return [
        f"{figure(row['mean'], sign=True)}{unit} in {_MESSAGES.name('quantity', name)} (95 % interval "
        f"{_ends(row)}): {_MESSAGES('outcome.' + row['outcome'])}"
        for name in quantities if name in mine.index
        for row, unit in [(mine.loc[name], " nats" if QUANTITIES[name].unit == "nats" else "")]
    ]  # fmt: skip


def _gap(row: pd.Series) -> str:
    """How far an arm's loss is from sigmoid's: "0.055 nats lower than sigmoid's (95 % interval ...), equivalent"."""
    side = "lower" if row["mean"] < 0 else "higher"
    outcome = _MESSAGES(f"outcome.{row['outcome']}")
    return (
        f"{figure(abs(row['mean']))} nats {side} than sigmoid's "
        f"(95 % interval of the difference {_ends(row)}): {outcome}"
    )


def _ends(row: pd.Series) -> str:
    return f"{figure(row['low'], sign=True)} to {figure(row['high'], sign=True)}"
