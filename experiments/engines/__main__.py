"""`python -m experiments.engines FOLDER`: trains what `fresh` stored in a folder, on this process's Keras backend.

It reads setups and first weights there, writes its tables there as Parquet, and prints a line of progress now and then.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from experiments import engines
from experiments.engines.fresh import SETUPS, WEIGHTS, First
from experiments.progress import throttled
from experiments.records import Setup


def main(name: str) -> None:
    """Train here what the folder `name` asks for."""
    folder = Path(name)
    tell = throttled(lambda done, total: print(done, total, flush=True))
    setups = [Setup(**given) for given in json.loads((folder / SETUPS).read_text(encoding="utf-8"))]
    firsts = [_weights(folder / WEIGHTS.format(number)) for number in range(len(setups))]
    for number, tables in enumerate(engines.train_each(setups, tell, firsts)):
        for table, rows in tables.items():
            rows.to_parquet(folder / f"{number}.{table}.parquet")


def _weights(path: Path) -> First | None:
    if not path.is_file():
        return None
    with np.load(path) as stored:
        count = len(stored.files) - 1
        seeds = stored["seeds"].tolist()
        return {seed: tuple(stored[f"{seed} {index}"] for index in range(count // len(seeds))) for seed in seeds}


if __name__ == "__main__":
    main(*sys.argv[1:])
