"""The JAX step as an engine: the suite's driver trains with it, from the same draws and into the same tables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.contestants import Timing
from benchmarks.contestants.jax_vmap.step import Block, Step
from benchmarks.contestants.jax_vmap.trunks import TRUNKS
from experiments.engines import Problem, driver, prepare
from experiments.engines.blocks import in_blocks
from experiments.engines.interface import Progressed
from experiments.engines.keras_trunk import keras_trunk, layer_scopes, precision
from experiments.problem import NORMS, Chunk, chunk_of, chunks, tabulate
from experiments.records import Head, Setup

BLOCK = 128  # rows of one evaluation


def train(setup: Setup, timing: Timing, *, evaluating: bool) -> dict[str, Any]:
    """Train all networks together; the tables of `experiments.engines.train`, or the losses alone."""
    with precision(setup.dtype):
        with timing.clock("drawing"):
            problem = prepare(setup)
        with timing.clock("training"):
            (replicas,) = chunks(problem.heads, problem.rates, problem.seeds, setup.networks)
            engine = JaxEngine(problem, [replica.head for replica in replicas])
            if evaluating:
                records = driver.train(problem, engine, replicas)
            else:
                engine.start(chunk_of(problem, replicas))
                seen = [(step, shown.objective) for step, shown in driver.steps(problem, engine)]
        with timing.clock("tables"):
            if evaluating:
                return tabulate(problem, records)
            return {"curves": curves_alone(engine.chunk, seen)}


def curves_alone(chunk: Chunk, seen: Sequence[tuple[int, np.ndarray]]) -> Any:
    """The training losses as a table, when no split was evaluated."""
    import pandas as pd

    parts = []
    for place, replica in enumerate(chunk.replicas):
        table = pd.DataFrame({"step": [step for step, _ in seen], "value": [float(own[place]) for _, own in seen]})
        parts.append(table.assign(head=replica.head.name, seed=replica.seed, learning_rate=replica.learning_rate))
    return pd.concat(parts, ignore_index=True).assign(quantity="fit_loss")


class JaxEngine:
    """Networks whose weights and rows lie on JAX's device, under Adam, in float32."""

    name = "jax"

    def __init__(self, problem: Problem, heads: Sequence[Head]) -> None:
        kinds = groupby(heads, key=lambda head: (head.units, head.loss != "binary_crossentropy"))
        blocks = [Block(units=u, exclusive=exclusive, replicas=len(list(own))) for (u, exclusive), own in kinds]
        self._layers = layer_scopes(keras_trunk(problem).model)
        self.step = Step(TRUNKS[problem.setup.network], blocks, [places for _, places in self._layers])
        # float32 alone is at hand: what is large beside its spread is taken off before
        self._centre = problem.data.x.mean(axis=0, dtype=np.float64)
        self._rows = {"x": _single(problem.data.x - self._centre), "y": jnp.asarray(problem.data.y, jnp.int32)}

    def start(self, chunk: Chunk) -> None:
        """Set the first weights with two empty moments, and a rate for each replica in the same form."""
        self.chunk = chunk
        self.data = self._rows | {
            "of_replica": jnp.asarray(chunk.of_replica),
            "mean": _single(chunk.mean - self._centre),
            "scale": _single(chunk.scale),
        }
        self.order = jnp.asarray(chunk.order, jnp.int32)
        state: dict[str, Any] = {"trunk": [_single(np.stack(v)) for v in zip(*chunk.trunks, strict=True)], "heads": []}
        self.rates: dict[str, Any] = {"trunk": [_single(chunk.rates)] * len(state["trunk"]), "heads": []}
        scaled = chunk.rates * [replica.head.rate_scale for replica in chunk.replicas]
        first = 0
        for block in self.step.blocks:
            own = slice(first, first + block.replicas)
            state["heads"].append((_single(np.stack(chunk.kernels[own])), _single(np.stack(chunk.biases[own]))))
            self.rates["heads"].append((_single(scaled[own]),) * 2)
            first += block.replicas
        self.carry = (state, *(jax.tree.map(jnp.zeros_like, state) for _ in range(2)))

    def advance(self, first: int, last: int) -> Progressed:
        """The steps first .. last-1 in one compiled call."""
        self.carry, seen = self.step.advance(
            self.carry, jnp.int32(first), jnp.int32(last), self.data, self.order, self.rates
        )
        own, norms, dead = (np.asarray(values) for values in seen)
        names = (*NORMS, *(name for name, _ in self._layers))
        return Progressed(objective=own, norms=dict(zip(names, norms, strict=True)), dead=dead)

    def evaluate(self, rows: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Logits by units and losses of rows (streams, n), block after block."""

        def block(rows: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
            z, loss = self.step.evaluate(self.carry[0], self.data, jnp.asarray(rows, jnp.int32))
            pairs = groupby(zip(self.step.blocks, z, strict=True), key=lambda pair: pair[0].units)
            by_units = [np.concatenate([np.asarray(part) for _, part in own]) for _, own in pairs]
            return by_units, np.asarray(loss, np.float64)

        return in_blocks(rows, BLOCK, block)

    def weights(self) -> list[tuple[np.ndarray, ...]]:
        """Of each replica, the trunk's weights, and its head's kernel and bias."""
        state = jax.tree.map(np.asarray, self.carry[0])
        heads = [pair for kernels, biases in state["heads"] for pair in zip(kernels, biases, strict=True)]
        return [(*(stack[place] for stack in state["trunk"]), *pair) for place, pair in enumerate(heads)]


def _single(values: np.ndarray) -> jax.Array:
    return jnp.asarray(values, jnp.float32)
