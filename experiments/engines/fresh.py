"""Cells that need another Keras backend than this process has, trained in a fresh one, one after another."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.keras_backend import run_fresh
from experiments.progress import Progress
from experiments.records import Setup

SETUPS, WEIGHTS = "setups.json", "{}.first.npz"

First = Mapping[int, Sequence[np.ndarray]]


def train_each(
    setups: Sequence[Setup], backend: str, progress: Progress | None, firsts: Sequence[First | None]
) -> list[dict[str, pd.DataFrame]]:
    """`engines.train_each` in a process whose Keras is on `backend`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / SETUPS).write_text(json.dumps([asdict(setup) for setup in setups]), encoding="utf-8")
        for number, first in enumerate(firsts):
            if first is not None:
                arrays: dict[str, Any] = {"seeds": np.array(list(first))}
                arrays |= {f"{seed} {index}": w for seed, trunk in first.items() for index, w in enumerate(trunk)}
                np.savez(folder / WEIGHTS.format(number), **arrays)
        run_fresh(__package__, [name], backend, progress)
        return [
            {path.name.split(".")[1]: pd.read_parquet(path) for path in sorted(folder.glob(f"{number}.*.parquet"))}
            for number in range(len(setups))
        ]
