"""Everything about one backend: its atlas, its pathologies and their consequences, in whichever process that takes."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from experiments.keras_backend import backend_in_use, run_fresh
from experiments.numerics.atlas import Progress, atlas, tidy
from experiments.numerics.axes import installed
from experiments.numerics.consequences import COLUMNS, consequences
from experiments.numerics.pathologies import pathologies

TABLES = ("numerics", "pathologies", "consequences")


def study(backend: str, progress: Progress | None = None, dtypes: Sequence[str] = ()) -> dict[str, pd.DataFrame]:
    """The tables `numerics`, `pathologies` and `consequences` of `backend`; `progress(done, of)` as it goes.

    `dtypes`: only the paths of these dtypes; empty means all.

    A process has one Keras backend. Where this one runs on another already, a fresh process does the work.
    A backend that is not installed gives rows that say so, and no pathologies.
    Raises `UserError` for an unknown backend or dtype.
    """
    if installed(backend) and backend_in_use() not in (None, backend):
        return _elsewhere(backend, progress, dtypes)
    swept = atlas(backend, progress, dtypes)
    diagnosed = pathologies(swept)
    trained = consequences(backend, diagnosed) if installed(backend) else pd.DataFrame(columns=COLUMNS)
    return {"numerics": swept, "pathologies": diagnosed, "consequences": trained}


def _elsewhere(backend: str, progress: Progress | None, dtypes: Sequence[str]) -> dict[str, pd.DataFrame]:
    with tempfile.TemporaryDirectory() as folder:
        run_fresh("experiments.numerics", [backend, folder, *dtypes], backend, progress)
        tables = {name: pd.read_parquet(Path(folder) / f"{name}.parquet") for name in TABLES}
        return {**tables, "numerics": tidy(tables["numerics"])}
