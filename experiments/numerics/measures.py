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
LAST = 20.0  # how far before the end of the sweep a capped loss must have stopped growing


@dataclass(frozen=True, kw_only=True)
class Measures:
    """The numbers of one path.

    `off_from`, `dead_from`, `explodes_from`, `inf_from`, `nan_from`, `evaluate_differs_from`: the smallest |z|
    at which it happens; `dead_label_0` and `dead_label_1` are `dead_from` of the one label only.
    `worst`: the largest error of a gradient; `loss_cap`: the value at which the loss stops growing.
    `asymmetric_from`: the smallest |z| at which (z, label 0) and (-z, label 1) differ in their gradient's size.
    `defined`: share of the rows at which the written program has a mathematical meaning.
    `dead_share`, `correct_share`: share of the defined rows whose gradient is dead, or right.
    """

    off_from: float
    worst: float
    dead_from: float
    dead_label_0: float
    dead_label_1: float
    explodes_from: float
    inf_from: float
    nan_from: float
    loss_cap: float
    asymmetric_from: float
    evaluate_differs_from: float
    defined: float
    gradients: bool


def _first(z: np.ndarray, happens: np.ndarray) -> float:
    """The smallest |z| of the rows at which it happens, or nan."""
    return float(np.abs(z[happens]).min()) if happens.any() else np.nan


def measure(rows: pd.DataFrame, precision: str) -> Measures:
    """The measures of one path.

    `rows`: its measured rows of the atlas, both labels over the same z. `precision`: a key of `EPSILON`, the
    dtype whose rounding two evaluations of one loss may differ by.
    """
    rows = rows.sort_values(["label", "z"])
    z, label = rows["z"].to_numpy(), rows["label"].to_numpy()
    loss, true_loss = rows["loss_value"].to_numpy(), rows["loss_reference"].to_numpy()
    grad, true_grad = rows["grad"].to_numpy(), rows["grad_reference"].to_numpy()
    again = rows["loss_of_prediction"].to_numpy()
    half = len(z) // 2
    with np.errstate(all="ignore"):
        known = np.isfinite(true_grad)
        gradients = bool(np.isfinite(true_loss).any() and not np.isnan(grad).all())
        error = np.abs(grad - true_grad)
        off = known & ~(error <= OFF)
        dead = (grad == 0) & (np.abs(true_grad) > OFF)
        mirrored = np.abs(np.abs(grad[:half]) - np.abs(grad[half:][::-1]))
        one_sided = np.isfinite(grad[:half]) != np.isfinite(grad[half:][::-1])
        coarse = 4 * EPSILON[precision]
        same = np.isclose(loss, again, rtol=max(OFF, coarse), atol=max(OFF, coarse), equal_nan=True)
        return Measures(
            off_from=_first(z, off & gradients),
            worst=float(np.nanmax(np.where(known, error, np.nan))) if gradients and known.any() else np.nan,
            dead_from=_first(z, dead),
            dead_label_0=_first(z, dead & (label == 0)),
            dead_label_1=_first(z, dead & (label == 1)),
            explodes_from=_first(z, known & np.isfinite(grad) & (np.abs(grad) > np.abs(true_grad) + 1)),
            inf_from=_first(z, (np.isinf(loss) & ~np.isinf(true_loss)) | np.isinf(grad)),
            nan_from=_first(z, np.isnan(loss) | (np.isnan(grad) & gradients)),
            loss_cap=_cap(z, loss, true_loss),
            asymmetric_from=_first(z[:half], (mirrored > OFF) | (one_sided & gradients)),
            evaluate_differs_from=_first(z, ~same),
            defined=float(np.isfinite(true_loss).mean()),
            gradients=gradients,
        )


def _cap(z: np.ndarray, loss: np.ndarray, reference: np.ndarray) -> float:
    """The value at which the loss stays, at the far ends of the sweep, while its reference grows; or nan."""
    capped = []
    for far in (z >= z.max() - LAST, z <= z.min() + LAST):
        for grows in (reference[far].max() - reference[far].min(),):
            values = loss[far & (reference > CAPPED + loss)]
            if grows > CAPPED and len(values) > 2 and np.ptp(values) == 0:
                capped.append(float(values[0]))
    return max(capped, default=np.nan)


def measures(atlas: pd.DataFrame) -> pd.DataFrame:
    """One row a measured path: its keys and the fields of `Measures`."""
    measured = atlas[atlas["status"] == MEASURED]
    found = []
    for keys, rows in measured.groupby(PATH, observed=True, sort=False):
        named = dict(zip(PATH, keys, strict=True))
        found.append({**named, **vars(measure(rows, Path(**named).precision))})
    return pd.DataFrame(found, columns=[*PATH, *Measures.__dataclass_fields__])
