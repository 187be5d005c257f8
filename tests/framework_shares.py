"""Shares of arithmetic and gradients of paths, written by hand, for the claim that the framework is the cause."""

from __future__ import annotations

import numpy as np
import pandas as pd
from claim_tables import Tables

from experiments.tables import MAIN, SCHEMAS

MARGIN = 0.02


def share(
    share: float = 0.0,
    low: float = -1e-6,
    high: float = 1e-6,
    part: float = 0.5,
    *,
    quantity: str = "nll",
    cell: str = "moons/mlp/sgd",
    factor: str = "arithmetic",
) -> dict[str, object]:
    """A row of `attribution`."""
    names = dict(zip(("task", "network", "optimizer"), cell.split("/"), strict=True))
    return (
        dict.fromkeys(SCHEMAS["attribution"], np.nan)
        | names
        | {
            "framework": MAIN,
            "quantity": quantity,
            "factor": factor,
            "share": share,
            "low": low,
            "high": high,
            "part": part,
            "margin": MARGIN,
        }
    )


def path(
    framework: str = "keras-torch",
    z: tuple[float, ...] = (-20, 0, 20),
    off: dict[float, float] | None = None,
    **names: object,
) -> list[dict[str, object]]:
    """The gradients of a path over its logits; `off` is how far from the reference each wrong one is."""
    keys = {
        "framework": framework,
        "execution": "eager",
        "dtype": "float32",
        "form": "in_layer",
        "activation": "sigmoid",
        "loss": "binary_crossentropy",
        "units": 1,
    } | names
    return [
        dict.fromkeys(SCHEMAS["numerics"], np.nan)
        | keys
        | {"z": at, "grad_reference": 0.5, "grad": 0.5 + (off or {}).get(at, 0.0)}
        for at in z
    ]


def tables(exact: list[dict[str, object]], single: list[dict[str, object]], *paths: list[dict[str, object]]) -> Tables:
    rows = [row for each in (paths or (path(),)) for row in each]
    return {
        "attribution_float64": pd.DataFrame(exact),
        "attribution": pd.DataFrame(single),
        "numerics": pd.DataFrame(rows),
    }
