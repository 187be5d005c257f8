"""Cells that need another Keras backend than this process has, trained in a fresh one, one after another.

`python -m experiments.engines.fresh FOLDER`: reads setups and first weights there, writes its tables there as Parquet,
and prints a line of progress now and then.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.keras_backend import Progress, run_fresh
from experiments.records import Setup

_SETUPS, _WEIGHTS = "setups.json", "{}.first.npz"
_EVERY = 0.2  # seconds between two lines of progress

First = Mapping[int, Sequence[np.ndarray]]


def train_each(
    setups: Sequence[Setup], backend: str, progress: Progress | None, firsts: Sequence[First | None]
) -> list[dict[str, pd.DataFrame]]:
    """`engines.train_each` in a process whose Keras is on `backend`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / _SETUPS).write_text(json.dumps([asdict(setup) for setup in setups]), encoding="utf-8")
        for number, first in enumerate(firsts):
            if first is not None:
                arrays: dict[str, Any] = {"seeds": np.array(list(first))}
                arrays |= {f"{seed} {place}": w for seed, trunk in first.items() for place, w in enumerate(trunk)}
                np.savez(folder / _WEIGHTS.format(number), **arrays)
        run_fresh(__name__, [name], backend, progress)
        return [
            {path.name.split(".")[1]: pd.read_parquet(path) for path in sorted(folder.glob(f"{number}.*.parquet"))}
            for number in range(len(setups))
        ]


def main(name: str) -> None:
    """Train here what the folder `name` asks for."""
    from experiments import engines  # here: it imports this module

    folder, last = Path(name), 0.0

    def tell(done: int, total: int) -> None:
        nonlocal last
        if (now := time.monotonic()) - last >= _EVERY or done == total:
            last = now
            print(done, total, flush=True)

    setups = [Setup(**given) for given in json.loads((folder / _SETUPS).read_text(encoding="utf-8"))]
    firsts = [_weights(folder / _WEIGHTS.format(number)) for number in range(len(setups))]
    for number, tables in enumerate(engines.train_each(setups, tell, firsts)):
        for table, rows in tables.items():
            rows.to_parquet(folder / f"{number}.{table}.parquet")


def _weights(path: Path) -> First | None:
    if not path.is_file():
        return None
    with np.load(path) as stored:
        count = len(stored.files) - 1
        seeds = stored["seeds"].tolist()
        return {seed: tuple(stored[f"{seed} {place}"] for place in range(count // len(seeds))) for seed in seeds}


if __name__ == "__main__":
    main(*sys.argv[1:])
