"""All networks of a problem, chunk after chunk, on any engine; and the record of what they show on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from experiments.engines.interface import Engine, Factory, Progressed
from experiments.problem import (
    CURVE_ROWS,
    FINAL_ROWS,
    Chunk,
    Problem,
    Record,
    Replica,
    chunk_of,
    chunks,
    hash_of,
    slices,
)
from experiments.progress import Progress


def run(
    problem: Problem, factory: Factory, *, at_once: int | None = None, progress: Progress | None = None
) -> list[Record]:
    """Train every network of `problem`; `progress(network steps done, of all)`.

    `at_once`: how many advance together at most; without it, as many as the factory says.
    """
    most = factory.at_once(problem) if at_once is None else at_once
    planned = list(chunks(problem.heads, problem.rates, problem.seeds, most, problem.beside))
    total = sum(len(chunk) for chunk in planned) * problem.setup.steps
    records: list[Record] = []
    engines: dict[tuple[str, ...], Engine] = {}
    for replicas in planned:
        shape = tuple(replica.head.name for replica in replicas)
        if shape not in engines:
            engines[shape] = factory.engine(problem, [replica.head for replica in replicas])
        done, networks = len(records) * problem.setup.steps, len(replicas)

        def on_step(steps: int, done: int = done, networks: int = networks) -> None:
            if progress is not None:
                progress(done + networks * steps, total)

        records += train(problem, engines[shape], replicas, on_step)
    return records


def train(
    problem: Problem, engine: Engine, replicas: Sequence[Replica], on_step: Callable[[int], None] | None = None
) -> list[Record]:
    """Take all steps of networks that the engine was made for, and record on the way; `on_step(steps done)`."""
    chunk = chunk_of(problem, replicas)
    engine.start(chunk)
    records = _begun(engine, chunk)
    _record(problem, engine, chunk, records, 0)
    for step, seen in steps(problem, engine):
        _record_steps(records, step, seen)
        if step in problem.recorded:
            _record(problem, engine, chunk, records, step)
        if on_step is not None:
            on_step(step)
    for part, most in FINAL_ROWS.items():
        for record, values in zip(records, _measure(problem, engine, chunk, part, most), strict=True):
            record.finals.update({(part, quantity): value for quantity, value in values.items()})
    for record in records:
        record.finish()
    return records


def steps(problem: Problem, engine: Engine) -> Iterator[tuple[int, Progressed]]:
    """Take all steps of the chunk that the engine has started: each step that is recorded, and what led there."""
    first = 0
    for last in sorted({1, *problem.recorded} - {0}):
        yield last, engine.advance(first, last)
        first = last


def _begun(engine: Engine, chunk: Chunk) -> list[Record]:
    """Empty records, with hashes of what the engine has, not of what it should have."""
    orders = [hash_of((order.astype(np.int64),)) for order in chunk.order]
    return [
        Record(
            replica=replica,
            trunk_hash=hash_of(tuple(weights[:-2])),
            order_hash=orders[stream],
            engine=engine.name,
        )
        for replica, weights, stream in zip(chunk.replicas, engine.weights(), chunk.of_replica, strict=True)
    ]


def _record(problem: Problem, engine: Engine, chunk: Chunk, records: Sequence[Record], step: int) -> None:
    for part, most in CURVE_ROWS.items():
        for record, values in zip(records, _measure(problem, engine, chunk, part, most, along=True), strict=True):
            for quantity, value in values.items():
                record.add(step, part, quantity, value)


def _record_steps(records: Sequence[Record], step: int, seen: Progressed) -> None:
    for index, record in enumerate(records):
        for name, norms in seen.norms.items():
            record.add(step, "train", "grad_norm", float(norms[index]), scope=name)
        record.add(step, "train", "dead_share", float(seen.dead[index]))
        record.add(step, "train", "fit_loss", float(seen.objective[index]))


def _measure(
    problem: Problem, engine: Engine, chunk: Chunk, part: str, most: int, along: bool = False
) -> list[dict[str, float]]:
    """Every measure of each replica on at most `most` rows of a part of its split; `along`: those of curves."""
    rows = [problem.rows(part, seed, most) for seed in chunk.seeds]
    longest = max(map(len, rows))
    # shorter parts are filled up with their own rows, which `each` cuts off again
    logits, losses = engine.evaluate(np.stack([np.resize(part_rows, longest) for part_rows in rows]))
    heads = [replica.head for replica in chunk.replicas]
    by_units = dict(zip(sorted({head.units for head in heads}), logits, strict=True))
    read = [problem.reader.read(p.head, by_units[p.units][p.start : p.stop]) for p in slices(heads)]
    labels = [problem.data.y[rows[stream]] for stream in chunk.of_replica]
    return problem.reader.each(np.concatenate(read), losses, labels, along)
