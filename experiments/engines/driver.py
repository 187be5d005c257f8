"""All networks of a cell with the stacked engine, chunk after chunk."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from experiments.engines.scopes import scope_names
from experiments.engines.stacked.budget import EVALUATED_ROWS as BLOCK
from experiments.engines.stacked.engine import Engine
from experiments.problem.problem import CURVE_ROWS, FINAL_ROWS, Problem
from experiments.problem.records import Record
from experiments.problem.replicas import Replica, chunks
from experiments.problem.streams import hash_of

Progress = Callable[[int, int], None]


def run(problem: Problem, *, at_once: int, progress: Progress | None = None) -> list[Record]:
    """Train every network of `problem`, at most `at_once` together; `progress(network steps done, of all)`."""
    setup = problem.setup
    planned = list(chunks(problem.heads, problem.rates, problem.seeds, at_once, problem.beside))
    total = sum(len(chunk) for chunk in planned) * setup.steps
    records: list[Record] = []
    engines: dict[tuple[str, ...], Engine] = {}
    for chunk in planned:
        shape = tuple(replica.head.name for replica in chunk)
        if shape not in engines:
            engines[shape] = engine_for(problem, chunk)
        report = None if progress is None else _after(progress, len(records) * setup.steps, len(chunk), total)
        records += Chunk(problem, engines[shape], chunk).train(report)
    return records


def engine_for(problem: Problem, replicas: Sequence[Replica]) -> Engine:
    """The engine that trains `replicas`, and any others with the same arms in the same places."""
    heads = [replica.head for replica in replicas]
    return Engine(
        problem.trunk,
        heads,
        problem.optimizer,
        problem.data.x,
        problem.data.y,
        dtype=problem.setup.dtype,
        weights=problem.weights,
        xla=problem.xla,
    )


def _after(progress: Progress, done: int, networks: int, total: int) -> Callable[[int], None]:
    """Turn a chunk's steps into the cell's network steps."""
    return lambda steps: progress(done + networks * steps, total)


class Chunk:
    """Replicas that advance together: their streams as tensors, and their records."""

    def __init__(self, problem: Problem, engine: Engine, replicas: Sequence[Replica]) -> None:
        self.problem, self.engine, self.replicas = problem, engine, replicas
        # one stream a (seed, order): the noise floor has the split and scaling of its seed, and an order of its own
        orders = [problem.streams[replica.seed].order_of(replica.head) for replica in replicas]
        names = [(replica.seed, id(order)) for replica, order in zip(replicas, orders, strict=True)]
        self.names = list(dict.fromkeys(names))
        dtype = engine.dtype
        scalings = [problem.streams[seed].scaling for seed, _ in self.names]
        row = problem.data.x.shape[1:]
        self.stream = {
            "of_replica": tf.constant([self.names.index(name) for name in names], tf.int32),
            "mean": tf.constant(np.stack([np.broadcast_to(s.mean, row) for s in scalings]), dtype),
            "scale": tf.constant(np.stack([np.broadcast_to(s.scale, row) for s in scalings]), dtype),
            "seeds": tf.constant([problem.streams[replica.seed].random for replica in replicas], tf.int32),
        }
        self.order = tf.constant(np.stack(list(dict(zip(names, orders, strict=True)).values())), tf.int32)
        self.rates = tf.constant([replica.learning_rate for replica in replicas], dtype)

    def train(self, progress: Callable[[int], None] | None) -> list[Record]:
        """Take all steps, recording on the way."""
        problem, engine = self.problem, self.engine
        engine.start(
            [problem.streams[replica.seed].trunk for replica in self.replicas],
            [problem.kernel(replica) for replica in self.replicas],
            [problem.bias(replica) for replica in self.replicas],
        )
        # hashes of what the engine has, not of what it should have
        trunk = engine.weights()[0]
        orders = [hash_of((order,)) for order in self.order.numpy().astype(np.int64)]
        self.records = [
            Record(
                replica=replica,
                trunk_hash=hash_of(tuple(stack[place] for stack in trunk)),
                order_hash=orders[self.stream["of_replica"][place]],
                engine="stacked",
            )
            for place, replica in enumerate(self.replicas)
        ]
        self._record(0)
        step = 0
        for target in sorted({1, *problem.recorded} - {0}):
            seen = engine.advance(tf.constant(step), tf.constant(target), self.order, self.stream, self.rates)
            step = target
            self._record_steps(step, *(values.numpy() for values in seen))
            if step in problem.recorded:
                self._record(step)
            if progress is not None:
                progress(step)
        for part, most in FINAL_ROWS.items():
            for record, values in zip(self.records, self._measure(part, most), strict=True):
                record.finals.update({(part, quantity): value for quantity, value in values.items()})
        for record in self.records:
            record.finish()
        return self.records

    def weights(self, place: int) -> list[np.ndarray]:
        """The weights of one replica now: the trunk's, then its head's kernel and bias."""
        trunk, kernels, biases = self.engine.weights()
        position = place
        for kernel, bias in zip(kernels, biases, strict=True):
            if position < len(kernel):
                return [*(stack[place] for stack in trunk), kernel[position], bias[position]]
            position -= len(kernel)
        raise IndexError(f"{place} of {len(self.replicas)} replicas")

    def _record(self, step: int) -> None:
        for part, most in CURVE_ROWS.items():
            for record, values in zip(self.records, self._measure(part, most, along=True), strict=True):
                for quantity, value in values.items():
                    record.add(step, part, quantity, value)

    def _record_steps(self, step: int, own: np.ndarray, norms: np.ndarray, dead: np.ndarray) -> None:
        names = scope_names(self.problem.trunk)
        for place, record in enumerate(self.records):
            for name, norm in zip(names, norms[:, place], strict=True):
                record.add(step, "train", "grad_norm", float(norm), scope=name)
            record.add(step, "train", "dead_share", float(dead[place]))
            record.add(step, "train", "fit_loss", float(own[place]))

    def _measure(self, part: str, most: int, along: bool = False) -> list[dict[str, float]]:
        """Every measure of each replica on at most `most` rows of a part of its split; `along`: those of curves."""
        rows = [self.problem.rows(part, seed, most) for seed, _ in self.names]
        longest = max(map(len, rows))
        # shorter parts are filled up with their own rows, which are cut off again below
        filled = np.stack([np.resize(part_rows, -(-longest // BLOCK) * BLOCK) for part_rows in rows])
        read, losses = [], []
        for start in range(0, longest, BLOCK):
            block = tf.constant(filled[:, start : start + BLOCK], tf.int32)
            z, loss, penalty = self.engine.evaluate(block, self.stream)
            read.append(self._read(z))
            losses.append(loss.numpy().astype(np.float64) + penalty.numpy()[:, None])
        outputs, loss = np.concatenate(read, axis=1), np.concatenate(losses, axis=1)
        labels = [self.problem.data.y[rows[stream]] for stream in self.stream["of_replica"].numpy()]
        return self.problem.reader.each(outputs, loss, labels, along)

    def _read(self, z: Sequence[tf.Tensor]) -> np.ndarray:
        by_units = dict(zip(self.engine.units, [part.numpy() for part in z], strict=True))
        return np.concatenate(
            [self.problem.reader.read(p.head, by_units[p.units][p.start : p.stop]) for p in self.engine.slices]
        )
