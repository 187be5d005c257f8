"""Small comparisons of drawn rows, planned as a user's own would be."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.comparison import Options
from experiments.comparison.model import of_function
from experiments.comparison.seed_data import Plan
from experiments.tasks.files import Table, from_arrays

SMALL = {"seeds": 2, "steps": 12, "batch_size": 8}


def table_of(row: tuple[int, ...], n: int = 90, **more: Any) -> Table:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, *row)).astype(np.float32)
    y = (x.reshape(n, -1)[:, :2].sum(axis=1) + 0.5 * rng.normal(size=n) > 0).astype(int)
    return from_arrays(x, y, **more)


def plan_of(build: Any, row: tuple[int, ...], table: Table | None = None, **options: Any) -> Plan:
    chosen = Options(**{**SMALL, **options})
    model = of_function(build, row, chosen.optimizer, chosen.learning_rate)
    return Plan(table=table or table_of(row), model=model, options=chosen, task="data")
