"""`python -m experiments.numerics BACKEND FOLDER [DTYPE ...]`: a backend's tables as Parquet, a line a path."""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.numerics.study import study


def main(backend: str, folder: str, *dtypes: str) -> None:
    """Write the tables of `backend` into `folder`."""
    for name, table in study(backend, lambda done, of: print(done, of, flush=True), dtypes).items():
        table.to_parquet(Path(folder) / f"{name}.parquet")


if __name__ == "__main__":
    main(*sys.argv[1:])
