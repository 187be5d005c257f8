"""Claims about the two functions, decided by computing them: no network is trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from experiments.claims.phrasing import figure, size
from experiments.claims.record import Claim, NotMeasured, Part, Statement, Tables, Verdict, claim, decide

EXAMPLES = ("worked_examples",)
ROUNDING = 1e-12  # relative error that float64 arithmetic on these inputs may leave
_KEYS = ["framework", "dtype"]


def measured(tables: Tables, example: str) -> pd.DataFrame:
    """The rows of an example, wide: index (framework, dtype), a column a quantity."""
    rows = tables["worked_examples"]
    rows = rows[(rows["example"] == example) & (rows["status"] == "measured")]
    if rows.empty:
        raise NotMeasured(f"the table worked_examples has no measured row of {example}")
    return rows.pivot(index=_KEYS, columns="quantity", values="value")


def column(wide: pd.DataFrame, quantity: str, example: str) -> pd.Series:
    """One quantity of `measured`; raises `NotMeasured` if it is not there."""
    if quantity not in wide:
        raise NotMeasured(f"the table worked_examples has no {quantity} of {example}")
    return wide[quantity]


def names_of(index: pd.Index) -> list[str]:
    """Readable (framework, dtype) of each row."""
    return [" ".join(str(level) for level in key if level) for key in index]


def parts_of(wide: pd.DataFrame, holds: Iterable[bool | None]) -> list[Part]:
    """A part a row of `measured`: whether the claim holds there, None where that is open."""
    return [
        Part(name=name, holds=None if held is None else bool(held))
        for name, held in zip(names_of(wide.index), holds, strict=True)
    ]


def verdict_of(
    claim: Claim, wide: pd.DataFrame, parts: Sequence[Part], *, statement: Statement, details: str, measure: str,
    value: float,
) -> Verdict:  # fmt: skip
    """The verdict that `parts`, one a row of `measured`, make together."""
    return Verdict(
        outcome=decide(parts),
        statement=statement,
        details=details,
        evidence=f"worked_examples, example {claim.name}: {', '.join(names_of(wide.index))}",
        measure=measure,
        value=float(value),
        n_cells=len(wide),
        parts=tuple(parts),
    )


def by_outcome(key: str, parts: Sequence[Part], **values: str) -> Statement:
    """The statement `key.supported` where `parts` support the claim, else `key.other`."""
    outcome = decide(parts)
    return lambda messages: messages(f"{key}.{outcome if outcome == 'supported' else 'other'}", **values)


@claim(
    "sigmoid-range",
    section="1.1",
    description="every sigmoid output lies strictly between 0 and 1, whatever the other outputs are",
    margin=120.0,
    unit="logit",
    needs=EXAMPLES,
    called={"zh": "sigmoid 的每个输出都严格位于 (0, 1) 之内，且互不影响"},
    measured={"zh": "输出恰为 0 或 1 的最小 |logit|"},
)
def sigmoid_range(tables: Tables, claim: Claim) -> Verdict:
    """False in each dtype whose output becomes exactly 0 or 1 at a swept logit, or moves with another unit's logit."""
    wide = measured(tables, claim.name)
    reached = column(wide, "saturates_at", claim.name)
    coupling = column(wide, "coupling", claim.name)
    parts = []
    for name, logit, moved in zip(names_of(wide.index), reached, coupling, strict=True):
        saturates = bool(logit <= claim.margin)
        independent = None if np.isnan(moved) else bool(moved == 0)
        at = f" from |z| = {figure(logit)}" if saturates else ""
        parts.append(Part(name=f"{name}{at}", holds=False if saturates else independent))
    first = reached.groupby(level="dtype").min().dropna().sort_values()
    limits = "; ".join(f"{dtype} from |z| = {figure(logit)}" for dtype, logit in first.items())
    details = (
        f"Strictly inside (0, 1) until rounding takes over: the output is exactly 0 or 1 in {limits}."
        if len(first)
        else f"No output was exactly 0 or 1 up to |z| = {figure(claim.margin)}."
    )
    details += f" Moving another unit's logit moved it by {figure(coupling.max())}."
    return verdict_of(
        claim, wide, parts,
        statement=lambda messages: (
            messages("range.reached", dtype=first.index[0], z=size(first.iloc[0])) if len(first) else
            messages("range.never", z=figure(claim.margin))
        ),
        details=details,
        measure="smallest |logit| whose output is exactly 0 or 1",
        value=reached.min(),
    )  # fmt: skip


@claim(
    "softmax-sums-to-one",
    section="1.2",
    description="softmax outputs are coupled and sum to 1; the logits (3, 1, -3) become a distribution",
    margin=4.0,
    unit="ulps",
    needs=EXAMPLES,
    called={"zh": "softmax 的输出相互关联、和为 1；logit (3, 1, -3) 变成一个概率分布"},
    measured={"zh": "总和的最大误差"},
)
def softmax_sums_to_one(tables: Tables, claim: Claim) -> Verdict:
    """The sum is 1 to within a few units in the last place, and moving one logit moves the other outputs."""
    wide = measured(tables, claim.name)
    error = column(wide, "sum_error_ulps", claim.name)
    coupling = column(wide, "coupling", claim.name)
    parts = parts_of(wide, (error <= claim.margin) & (coupling > 0))
    top = [name for name in ("probability_1", "probability_2", "probability_3") if name in wide]
    example = ", ".join(f"{wide[name].iloc[0]:.4f}" for name in top)
    return verdict_of(
        claim, wide, parts,
        statement=lambda messages: messages(
            f"sums.{'told' if all(part.holds for part in parts) else 'wrong'}", ulps=size(error.max())
        ),
        details=f"The sum misses 1 by at most {figure(error.max())} units in the last place; (3, 1, -3) becomes "
        f"({example}). Moving one logit moved another output by up to {figure(coupling.max())}.",
        measure="largest error of the sum",
        value=error.max(),
    )  # fmt: skip


def identity(tables: Tables, claim: Claim, quantities: tuple[str, ...], what: str) -> Verdict:
    """A claim that quantities which are errors, all of them, are rounding."""
    wide = measured(tables, claim.name)
    errors = pd.concat([column(wide, quantity, claim.name) for quantity in quantities], axis=1)
    worst = errors.max(axis=1, skipna=False)
    if worst.isna().all():
        raise NotMeasured(f"the table worked_examples has no number for {' and '.join(quantities)} of {claim.name}")
    parts = parts_of(wide, (None if np.isnan(error) else error <= claim.margin for error in worst))
    return verdict_of(
        claim, wide, parts,
        statement=by_outcome("identity", parts, error=size(worst.max())),
        details=f"{what}: the largest relative error is {figure(worst.max())} "
        f"({names_of(worst.index)[int(worst.argmax())]}).",
        measure="largest relative error",
        value=worst.max(),
    )  # fmt: skip


@claim(
    "binary-identity",
    section="1.3",
    description="for two classes, softmax(z0, z1)[1] is sigmoid(z1 - z0) in value, loss and gradient",
    margin=ROUNDING,
    unit="relative error",
    needs=EXAMPLES,
    called={"zh": "对于两个类别，softmax(z0, z1)[1] 与 sigmoid(z1 - z0) 在取值、损失和梯度上相同"},
    measured={"zh": "最大相对误差"},
)
def binary_identity(tables: Tables, claim: Claim) -> Verdict:
    """To rounding, in float64."""
    quantities = ("value_error", "loss_error", "gradient_error")
    return identity(tables, claim, quantities, "softmax(z0, z1)[1] against sigmoid(z1 - z0) in float64")
