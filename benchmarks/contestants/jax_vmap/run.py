"""All networks of a cell with the JAX step: the engine's draws in, the engine's tables out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from experiments.engines.scopes import layer_scopes, scope_names

from benchmarks.contestants import Timing
from benchmarks.contestants.jax_vmap.step import Block, Step
from benchmarks.contestants.jax_vmap.trunks import TRUNKS
from experiments.engines import Problem, precision, prepare
from experiments.problem.problem import CURVE_ROWS, FINAL_ROWS
from experiments.problem.records import Record, tabulate
from experiments.problem.replicas import Replica
from experiments.records import Head, Setup

BLOCK = 128  # rows of one evaluation


def kind_of(head: Head) -> tuple[int, bool]:
    """What makes two arms one computation, on TensorFlow: units, and whether the loss is a softmax's."""
    return head.units, head.loss != "binary_crossentropy"


def train(setup: Setup, timing: Timing, *, evaluating: bool) -> dict[str, Any]:
    """Train all networks together; the tables of `experiments.engines.train`, or the losses alone."""
    with precision(setup.dtype):
        with timing.clock("drawing"):
            problem = prepare(setup)
        with timing.clock("training"):
            heads = sorted(problem.heads, key=kind_of)
            pairs = [(rate, seed) for rate in problem.rates for seed in range(setup.seeds)]
            replicas = [Replica(head=head, learning_rate=rate, seed=seed) for head in heads for rate, seed in pairs]
            records = Run(problem, step_for(problem, replicas), replicas).train(evaluating)
        with timing.clock("tables"):
            if not evaluating:
                return {"curves": curves_alone(setup, records)}
            return tabulate(problem, records)


def step_for(problem: Problem, replicas: Sequence[Replica]) -> Step:
    """The step of these networks, of which those of one kind are neighbours."""
    blocks = [
        Block(units=units, exclusive=exclusive, replicas=len(list(members)))
        for (units, exclusive), members in groupby(replicas, key=lambda replica: kind_of(replica.head))
    ]
    return Step(TRUNKS[problem.setup.network], blocks, [places for _, places in layer_scopes(problem.trunk)])


def curves_alone(setup: Setup, records: Sequence[Record]) -> Any:
    """The training losses as a table, when no split was evaluated."""
    import pandas as pd

    parts = []
    for record in records:
        key = ("train", "fit_loss", "")
        table = pd.DataFrame({"step": record.steps[key], "value": record.curves[key]})
        replica = record.replica
        parts.append(table.assign(head=replica.head.name, seed=replica.seed, learning_rate=replica.learning_rate))
    return pd.concat(parts, ignore_index=True).assign(quantity="fit_loss")


class Run:
    """The networks: their weights and data on the device, and their records."""

    def __init__(self, problem: Problem, step: Step, replicas: Sequence[Replica]) -> None:
        self.problem, self.step, self.replicas = problem, step, replicas
        names = [(replica.seed, replica.head.order == "again") for replica in replicas]
        self.names = list(dict.fromkeys(names))
        self.of_replica = np.array([self.names.index(name) for name in names])
        scalings = [problem.streams[seed].scaling for seed, _ in self.names]
        row = problem.data.x.shape[1:]
        self.data = {
            "x": jnp.asarray(problem.data.x, jnp.float32),
            "y": jnp.asarray(problem.data.y, jnp.int32),
            "of_replica": jnp.asarray(self.of_replica),
            "mean": jnp.asarray(np.stack([np.broadcast_to(s.mean, row) for s in scalings]), jnp.float32),
            "scale": jnp.asarray(np.stack([np.broadcast_to(s.scale, row) for s in scalings]), jnp.float32),
        }
        self.order = jnp.asarray(
            np.stack(
                [problem.streams[s].order_again if again else problem.streams[s].order for s, again in self.names]
            ),
            jnp.int32,
        )
        hashes = [problem.hashes(replica) for replica in replicas]
        self.records = [
            Record(replica=replica, trunk_hash=trunk, order_hash=order, engine="jax")
            for replica, (trunk, order) in zip(replicas, hashes, strict=True)
        ]

    def start(self) -> tuple[Any, Any]:
        """The first weights with two empty moments, and a rate for each replica in the same form."""
        trunks = [self.problem.streams[replica.seed].trunk for replica in self.replicas]
        state: dict[str, Any] = {"trunk": [jnp.asarray(np.stack(v), jnp.float32) for v in zip(*trunks, strict=True)]}
        rates: dict[str, Any] = {"trunk": [self._rates(self.replicas, scaled=False)] * len(state["trunk"])}
        state["heads"], rates["heads"], first = [], [], 0
        for block in self.step.blocks:
            members = self.replicas[first : first + block.replicas]
            kernel = jnp.asarray(np.stack([self.problem.kernel(replica) for replica in members]), jnp.float32)
            bias = jnp.asarray(np.stack([self.problem.bias(replica) for replica in members]), jnp.float32)
            state["heads"].append((kernel, bias))
            rates["heads"].append((self._rates(members, scaled=True),) * 2)
            first += block.replicas
        return (state, *(jax.tree.map(jnp.zeros_like, state) for _ in range(2))), rates

    def _rates(self, replicas: Sequence[Replica], *, scaled: bool) -> Any:
        return jnp.asarray([r.learning_rate * (r.head.rate_scale if scaled else 1.0) for r in replicas], jnp.float32)

    def train(self, evaluating: bool) -> list[Record]:
        """Take all steps, recording on the way."""
        carry, rates = self.start()
        scopes = scope_names(self.problem.trunk)
        if evaluating:
            self._record(carry[0], 0)
        step = 0
        for target in sorted({1, *self.problem.recorded} - {0}):
            carry, seen = self.step.advance(carry, jnp.int32(step), jnp.int32(target), self.data, self.order, rates)
            own, norms, dead = (np.asarray(values) for values in seen)
            step = target
            for place, record in enumerate(self.records):
                for name, norm in zip(scopes, norms[:, place], strict=True):
                    record.add(step, "train", "grad_norm", float(norm), scope=name)
                record.add(step, "train", "dead_share", float(dead[place]))
                record.add(step, "train", "fit_loss", float(own[place]))
            if evaluating and step in self.problem.recorded:
                self._record(carry[0], step)
        if evaluating:
            for part, most in FINAL_ROWS.items():
                for record, values in zip(self.records, self._measure(carry[0], part, most), strict=True):
                    record.finals.update({(part, quantity): value for quantity, value in values.items()})
            for record in self.records:
                record.finish()
        return self.records

    def _record(self, state: Any, step: int) -> None:
        for part, most in CURVE_ROWS.items():
            for record, values in zip(self.records, self._measure(state, part, most, along=True), strict=True):
                for quantity, value in values.items():
                    record.add(step, part, quantity, value)

    def _measure(self, state: Any, part: str, most: int, along: bool = False) -> list[dict[str, float]]:
        rows = [self.problem.rows(part, seed, most) for seed, _ in self.names]
        longest = max(map(len, rows))
        filled = np.stack([np.resize(own, -(-longest // BLOCK) * BLOCK) for own in rows])
        read, losses = [], []
        for start in range(0, longest, BLOCK):
            z, loss = self.step.evaluate(state, self.data, jnp.asarray(filled[:, start : start + BLOCK], jnp.int32))
            by_units = {units: np.concatenate(list(parts)) for units, parts in self._by_units(z)}
            read.append(self._read(by_units))
            losses.append(np.asarray(loss, np.float64))
        outputs, loss = np.concatenate(read, axis=1), np.concatenate(losses, axis=1)
        labels = [self.problem.data.y[rows[stream]] for stream in self.of_replica]
        return self.problem.reader.each(outputs, loss, labels, along)

    def _by_units(self, z: Sequence[Any]) -> Any:
        pairs = zip(self.step.blocks, [np.asarray(part) for part in z], strict=True)
        return ((units, [p for _, p in parts]) for units, parts in groupby(pairs, key=lambda pair: pair[0].units))

    def _read(self, by_units: dict[int, np.ndarray]) -> np.ndarray:
        """Each network's reading of its own raw outputs, arm after arm."""
        parts, starts = [], dict.fromkeys(by_units, 0)
        for head, members in groupby(self.replicas, key=lambda replica: replica.head):
            count, start = len(list(members)), starts[head.units]
            parts.append(self.problem.reader.read(head, by_units[head.units][start : start + count]))
            starts[head.units] += count
        return np.concatenate(parts)
