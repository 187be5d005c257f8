"""What is wrong with a path, in numbers: from the rows of the atlas to one row a path.

Distances are in |z|, so that smaller is worse; nan means that it never happens within the sweep.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.numerics.axes import EPSILON, MEASURED, PATH, Path

# a gradient is off when it differs by more than this from its reference (gradients are at most 1 here)
OFF = 1e-3
# a loss this much below its reference, and flat where the reference still grows, is capped
CAPPED = 1.0
LAST = 20.0  # how near the end of the sweep a capped loss must have stopped growing


@dataclass(frozen=True, kw_only=True)
class Measures:
    """The numbers of one path.

    `off_from`, `dead_from`, `explodes_from`, `inf_from`, `nan_from`, `evaluate_differs_from`: the smallest |z|
    at which it happens; `dead_label_0` and `dead_label_1` are `dead_from` of the one label only;
    `loss_breaks_from` is the smallest |z| at which the loss itself is inf or nan, `wrong_from` that at which the
    gradient is off by more than the rounding of its dtype explains.
    `worst`: the largest error of a gradient. `loss_cap`: the value at which the loss stops growing.
    `asymmetric_from`: the smallest |z| at which (z, label 0) and (-z, label 1) differ in their gradient's size,
    where the references do not.
    `rounding`: where |z| is at most 4, the median relative error of the loss or, if larger, the gradient's error.
    `defined`: the share of the rows at which the written program has a mathematical meaning.
    """

    off_from: float
    wrong_from: float
    worst: float
    dead_from: float
    dead_label_0: float
    dead_label_1: float
    explodes_from: float
    inf_from: float
    nan_from: float
    loss_breaks_from: float
    loss_cap: float
    asymmetric_from: float
    evaluate_differs_from: float
    rounding: float
    defined: float


def _first(z: np.ndarray, happens: np.ndarray) -> float:
    """The smallest |z| of the rows at which it happens, or nan."""
    return float(np.abs(z[happens]).min()) if happens.any() else np.nan


def _unlike(size: np.ndarray) -> np.ndarray:
    """Whether (z, label 0) and (-z, label 1) differ, for each z of the first half of the rows."""
    half = len(size) // 2
    here, there = size[:half], size[half:][::-1]
    return (np.abs(here - there) > OFF) | (np.isfinite(here) != np.isfinite(there))


def measure(rows: pd.DataFrame, precision: str) -> Measures:
    """The measures of one path.

    `rows`: its measured rows of the atlas, both labels over the same z. `precision`: a key of `EPSILON`, the
    dtype that its last layer computes in.
    """
    rows = rows.sort_values(["label", "z"])
    z, label = rows["z"].to_numpy(), rows["label"].to_numpy()
    loss, true_loss = rows["loss_value"].to_numpy(), rows["loss_reference"].to_numpy()
    grad, true_grad = rows["grad"].to_numpy(), rows["grad_reference"].to_numpy()
    reevaluated = rows["loss_of_prediction"].to_numpy()
    coarse = max(OFF, 4 * EPSILON[precision])
    differentiates = not np.isnan(grad).all() or np.isnan(loss).all()
    with np.errstate(all="ignore"):
        comparable = np.isfinite(true_grad) & differentiates
        error = np.abs(grad - true_grad)
        dead = comparable & (grad == 0) & (np.abs(true_grad) > coarse)
        broken = np.isinf(loss) & ~np.isinf(true_loss)
        same = np.isclose(loss, reevaluated, rtol=coarse, atol=coarse, equal_nan=True) | np.isnan(reevaluated)
        near = np.isfinite(true_loss) & (true_loss > 0) & (np.abs(z) <= 4)
        rounding = [np.median(np.abs(loss / true_loss - 1)[near]) if near.any() else np.nan]
        rounding += [error[comparable & (np.abs(z) <= 4)].max(initial=0.0)] if differentiates else []
        lopsided = _unlike(np.abs(grad)) & ~_unlike(np.abs(true_grad))
        return Measures(
            off_from=_first(z, comparable & ~(error <= OFF)),
            wrong_from=_first(z, comparable & ~(error <= coarse)),
            worst=float(np.max(np.where(np.isnan(grad), np.inf, error)[comparable], initial=0.0)),
            dead_from=_first(z, dead),
            dead_label_0=_first(z, dead & (label == 0)),
            dead_label_1=_first(z, dead & (label == 1)),
            explodes_from=_first(z, comparable & np.isfinite(grad) & (np.abs(grad) > np.abs(true_grad) + 1)),
            inf_from=_first(z, broken | np.isinf(grad)),
            nan_from=_first(z, np.isnan(loss) | (np.isnan(grad) & differentiates)),
            loss_breaks_from=_first(z, broken | np.isnan(loss)),
            loss_cap=_cap(z, loss, true_loss),
            asymmetric_from=_first(z[: len(z) // 2], lopsided & differentiates),
            evaluate_differs_from=_first(z, ~same),
            rounding=float(np.max(rounding)),
            defined=float(np.isfinite(true_loss).mean()),
        )


def _cap(z: np.ndarray, loss: np.ndarray, reference: np.ndarray) -> float:
    """The value at which the loss stays, at a far end of the sweep, while its reference is above; or nan."""
    caps = []
    for far in (z >= z.max() - LAST, z <= z.min() + LAST):
        values = loss[far & (reference > loss + CAPPED)]
        if len(values) > 2 and np.ptp(values) == 0 and values[0] > CAPPED:
            caps.append(float(values[0]))
    return max(caps, default=np.nan)


def measures(atlas: pd.DataFrame) -> pd.DataFrame:
    """One row a measured path: its keys and the fields of `Measures`."""
    measured = atlas[atlas["status"] == MEASURED]
    records = []
    for keys, rows in measured.groupby(PATH, observed=True, sort=False):
        path_fields = dict(zip(PATH, keys, strict=True))
        records.append({**path_fields, **vars(measure(rows, Path(**path_fields).precision))})
    return pd.DataFrame(records, columns=[*PATH, *Measures.__dataclass_fields__])
