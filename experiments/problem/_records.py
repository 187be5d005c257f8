"""Collects what the engines report into the tidy tables `curves`, `finals` and `runs`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from experiments.problem._problem import Problem
from experiments.problem._replicas import Replica
from experiments.problem._samples import shares
from experiments.records import Setup
from experiments.tables import RUN, validate

NORMS = ("trunk", "head", "total", "effective_head")

# of a curve: split, quantity, scope
Key = tuple[str, str, str]


class Curves:
    """The curves of networks that advance together, as they come: at each step that is recorded, a value a network."""

    def __init__(self) -> None:
        self._looks: dict[Key, list[tuple[int, np.ndarray]]] = {}

    def add(self, step: int, split: str, quantity: str, values: np.ndarray, scope: str = "") -> None:
        """Append what is seen at one step: `values` (networks,)."""
        self._looks.setdefault((split, quantity, scope), []).append((step, values))

    @property
    def steps(self) -> dict[Key, tuple[int, ...]]:
        """The steps of each curve."""
        return {key: tuple(step for step, _ in looks) for key, looks in self._looks.items()}

    def each(self) -> Iterator[dict[Key, np.ndarray]]:
        """The curves of each network, (looks,) in float64."""
        stacked = {
            key: np.stack([values for _, values in looks], axis=1).astype(np.float64)
            for key, looks in self._looks.items()
        }
        for curves in zip(*stacked.values(), strict=True):
            yield dict(zip(stacked, curves, strict=True))


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one network showed: its curves, (looks,), the steps of each, and its finals by (split, quantity)."""

    replica: Replica
    trunk_hash: str
    order_hash: str
    engine: str
    steps: Mapping[Key, tuple[int, ...]]
    curves: Mapping[Key, np.ndarray]
    finals: Mapping[tuple[str, str], float]

    @property
    def finite(self) -> bool:
        """Whether every value but the pitfall's own infinities is finite: what the network itself reports."""
        return all(
            np.isfinite(values).all()
            for (_, quantity, _), values in self.curves.items()
            if quantity in ("loss", "grad_norm")
        )


def summary(curves: Mapping[Key, np.ndarray]) -> dict[tuple[str, str], float]:
    """The finals that sum up a network's curves: means over what was recorded, and whether it diverged."""
    losses = curves["train", "loss", ""]
    return {
        **{("train", f"grad_norm_{scope}"): _mean(curves["train", "grad_norm", scope]) for scope in NORMS},
        ("train", "dead_share"): _mean(curves["train", "dead_share", ""]),
        ("test", "nll_curve"): _mean(curves["test", "nll", ""]),
        ("train", "diverged"): float(not np.isfinite(losses).all() or losses[-1] > losses[0]),
    }


def _mean(values: np.ndarray) -> float:
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
    series: Mapping[int, Mapping[Any, Sequence[float] | np.ndarray]],
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
