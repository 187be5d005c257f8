"""A cell that needs another Keras backend than this process has, trained in a fresh one.

`python -m experiments.engines.fresh FOLDER`: reads a setup and first weights there, writes its tables there as Parquet,
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

_SETUP, _WEIGHTS = "setup.json", "first.npz"
_EVERY = 0.2  # seconds between two lines of progress


def train(
    setup: Setup, backend: str, progress: Progress | None, first: Mapping[int, Sequence[np.ndarray]] | None
) -> dict[str, pd.DataFrame]:
    """`engines.train` in a process whose Keras is on `backend`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / _SETUP).write_text(json.dumps(asdict(setup)), encoding="utf-8")
        if first is not None:
            arrays: dict[str, Any] = {"seeds": np.array(list(first))}
            arrays |= {f"{seed} {place}": w for seed, trunk in first.items() for place, w in enumerate(trunk)}
            np.savez(folder / _WEIGHTS, **arrays)
        run_fresh(__name__, [name], backend, progress)
        return {path.stem: pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}


def main(name: str) -> None:
    """Train here what the folder `name` asks for."""
    from experiments import engines  # here: it imports this module

    folder, last = Path(name), 0.0

    def tell(done: int, total: int) -> None:
        nonlocal last
        if (now := time.monotonic()) - last >= _EVERY or done == total:
            last = now
            print(done, total, flush=True)

    setup = Setup(**json.loads((folder / _SETUP).read_text(encoding="utf-8")))
    for table, rows in engines.train(setup, tell, _weights(folder / _WEIGHTS)).items():
        rows.to_parquet(folder / f"{table}.parquet")


def _weights(path: Path) -> dict[int, tuple[np.ndarray, ...]] | None:
    if not path.is_file():
        return None
    with np.load(path) as stored:
        count = len(stored.files) - 1
        seeds = stored["seeds"].tolist()
        return {seed: tuple(stored[f"{seed} {place}"] for place in range(count // len(seeds))) for seed in seeds}


if __name__ == "__main__":
    main(*sys.argv[1:])
