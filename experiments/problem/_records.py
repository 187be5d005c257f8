"""Collects what the engines report into the tidy tables `curves`, `finals` and `runs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from experiments.problem._problem import Problem
from experiments.problem._replicas import Replica
from experiments.problem._samples import shares
from experiments.records import Setup
from experiments.tables import RUN, validate

NORMS = ("trunk", "head", "total", "effective_head")


@dataclass(kw_only=True)
class Record:
    """One network's values as they come: every list has one entry a recorded step.

    `curves`: by (split, quantity, scope). `finals`: by (split, quantity).
    """

    replica: Replica
    trunk_hash: str
    order_hash: str
    engine: str
    steps: dict[tuple[str, str, str], list[int]] = field(default_factory=dict)
    curves: dict[tuple[str, str, str], list[float]] = field(default_factory=dict)
    finals: dict[tuple[str, str], float] = field(default_factory=dict)

    def add(self, step: int, split: str, quantity: str, value: float, scope: str = "") -> None:
        """Append one recorded value."""
        key = (split, quantity, scope)
        self.steps.setdefault(key, []).append(step)
        self.curves.setdefault(key, []).append(value)

    def finish(self) -> None:
        """Add the finals that sum up the curves."""
        for scope in NORMS:
            self.finals["train", f"grad_norm_{scope}"] = _mean(self.curves["train", "grad_norm", scope])
        self.finals["train", "dead_share"] = _mean(self.curves["train", "dead_share", ""])
        self.finals["test", "nll_curve"] = _mean(self.curves["test", "nll", ""])
        losses = self.curves["train", "loss", ""]
        self.finals["train", "diverged"] = float(not np.isfinite(losses).all() or losses[-1] > losses[0])

    @property
    def finite(self) -> bool:
        """Whether every value but the pitfall's own infinities is finite: what the network itself reports."""
        recorded = [
            v for (_, quantity, _), values in self.curves.items() if quantity in ("loss", "grad_norm") for v in values
        ]
        return bool(np.isfinite(recorded).all())


def _mean(values: Sequence[float]) -> float:
    with np.errstate(all="ignore"):
        return float(np.mean(values))


def tabulate(problem: Problem, records: Sequence[Record]) -> dict[str, pd.DataFrame]:
    """The tables of all networks of a cell, in one order whatever order they were trained in."""
    setup, samples = problem.setup, problem.samples
    shared = shares(problem.used, samples, problem.available)
    rank = {name: number for number, name in enumerate(setup.heads)}
    ordered = sorted(records, key=lambda r: (rank[r.replica.head.name], r.replica.learning_rate, r.replica.seed))
    curves = _long(setup, ordered, {id(r): r.curves for r in ordered}, ("split", "quantity", "scope"))
    curves.insert(
        curves.columns.get_loc("split"), "step", np.concatenate([s for r in ordered for s in r.steps.values()])
    )
    finals = _long(
        setup, ordered, {id(r): {k: [v] for k, v in r.finals.items()} for r in ordered}, ("split", "quantity")
    )
    runs = pd.DataFrame(
        [
            {
                **_keys(setup, record),
                "trunk_hash": record.trunk_hash,
                "order_hash": record.order_hash,
                "paired": record.replica.head.order == "shared",
                "sample": samples[record.replica.seed],
                "shared": shared[record.replica.seed],
                "finite": record.finite,
                "engine": record.engine,
            }
            for record in ordered
        ]
    )
    return {name: validate(name, table) for name, table in (("curves", curves), ("finals", finals), ("runs", runs))}


def _keys(setup: Setup, record: Record) -> dict[str, object]:
    replica = record.replica
    cell = (setup.framework, setup.task, setup.network, setup.optimizer)
    values = (*cell, replica.learning_rate, replica.head.name, replica.seed)
    return dict(zip(RUN, values, strict=True))


def _long(
    setup: Setup,
    records: Sequence[Record],
    series: Mapping[int, Mapping[Any, Sequence[float]]],
    names: tuple[str, ...],
) -> pd.DataFrame:
    """One row a value; what repeats is stored once, as a category."""
    rows = [(record, key, values) for record in records for key, values in series[id(record)].items()]
    lengths = [len(values) for _, _, values in rows]
    keys = {id(record): _keys(setup, record) for record in records}
    columns: dict[str, object] = {}
    for name in RUN:
        columns[name] = _repeat([keys[id(record)][name] for record, _, _ in rows], lengths)
    for position, name in enumerate(names):
        columns[name] = _repeat([key[position] for _, key, _ in rows], lengths)
    columns["value"] = np.concatenate([np.asarray(values, dtype=np.float64) for _, _, values in rows])
    return pd.DataFrame(columns)


def _repeat(values: Sequence[object], lengths: Sequence[int]) -> object:
    if isinstance(values[0], str):
        categories = list(dict.fromkeys(values))
        code = {value: number for number, value in enumerate(categories)}
        return pd.Categorical.from_codes(np.repeat([code[v] for v in values], lengths), categories=categories)
    return np.repeat(np.asarray(values), lengths)
