"""What a finding cost a trained network in the numerics atlas: costs.toml, written by `python -m experiments.check`."""

from __future__ import annotations

import math
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from experiments.code_hash import PACKAGE

FILE = PACKAGE / "check" / "costs.toml"
# of the atlas: whose figures are told where a program's own framework was not trained on the pathology
FRAMEWORKS = ("keras-tensorflow", "keras-torch", "keras-jax", "tensorflow", "torch")
_NEAREST = {
    "Keras on tensorflow": ("keras-tensorflow", "tensorflow"),
    "Keras on torch": ("keras-torch", "torch"),
    "Keras on jax": ("keras-jax", "keras-torch"),
    "PyTorch": ("torch", "keras-torch"),
}


def costs() -> dict[str, dict[str, dict[str, Any]]]:
    """For each pathology of the atlas that was trained on, and each framework, its fields in costs.toml."""
    return tomllib.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}


def cost(by_framework: dict[str, dict[str, Any]], framework: str = "") -> str:
    """The cost of one pathology in a sentence, in the framework of the program if that was trained; "" if none was.

    `by_framework`: by the framework of the atlas. Without a `framework`, one in which it made a difference.
    """
    order = [name for name in (*_NEAREST.get(framework, ()), *FRAMEWORKS) if name in by_framework]
    if not framework:
        order.sort(key=lambda name: _same(by_framework[name]))
    return sentence(order[0], by_framework[order[0]]) if order else ""


def sentence(framework: str, fields: dict[str, Any]) -> str:
    """A cost in words; `fields` are those of costs.toml."""
    path = f"{framework}, {fields['dtype']}, task {fields['task'].replace('_', ' ')}"
    nll, sound_nll, accuracy, sound = (
        _number(fields[name]) for name in ("nll", "sound_nll", "accuracy", "sound_accuracy")
    )
    start = f"Trained this way in the numerics atlas ({path}), the same network ended"
    medians = f"(medians of {fields['seeds']})"
    if _same(fields):
        return f"{start} as one that is written soundly, at a loss of {nll} and an accuracy of {accuracy} {medians}."
    diverged = f"; {fields['broken']} of {fields['seeds']} runs ended in infinite or undefined numbers"
    return (
        f"{start} at a loss of {nll} instead of {sound_nll} and an accuracy of {accuracy} instead of {sound} "
        f"{medians}{diverged if fields['broken'] else ''}."
    )


def _same(fields: dict[str, Any]) -> bool:
    """Whether both ends are the same in what is told."""
    pairs = (("nll", "sound_nll"), ("accuracy", "sound_accuracy"))
    return all(_number(fields[ours]) == _number(fields[sound]) for ours, sound in pairs)


def _number(value: float) -> str:
    return "infinity" if math.isinf(value) else f"{value:.3g}"


def collect_costs(folder: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """The costs that the result in `folder` holds, by the pathology and the framework."""
    import pandas as pd

    from experiments.report import consequence

    trained = pd.read_parquet(folder / "tables" / "consequences.parquet")
    trained["pathology"], trained["framework"] = trained["pathology"].astype(str), trained["framework"].astype(str)
    by_pathology: dict[str, dict[str, dict[str, Any]]] = {}
    for (name, framework), rows in trained.groupby(["pathology", "framework"], sort=True):
        fields = consequence(rows, str(name))
        assert fields is not None  # of at least one row
        dtype = str(rows.loc[rows["role"] == "pathology", "dtype"].iloc[0])
        by_pathology.setdefault(str(name), {})[str(framework)] = {"dtype": dtype, **asdict(fields)}
    return by_pathology
