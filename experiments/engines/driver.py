"""All networks of a problem, chunk after chunk, on any engine; and the record of what they show on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from experiments.engines.interface import Engine, Factory, Progressed
from experiments.problem import (
    CURVE_ROWS,
    FINAL_ROWS,
    Chunk,
    Curves,
    Problem,
    Record,
    Replica,
    chunk_of,
    chunks,
    hash_of,
    slices,
    summary,
)
from experiments.progress import Progress


def planned_chunks(problem: Problem, factory: Factory, at_once: int | None = None) -> list[list[Replica]]:
    """The networks of `problem` as they advance together.

    `at_once`: how many do at most; without it, as many as the factory says.
    """
    most = factory.at_once(problem) if at_once is None else at_once
    return list(chunks(problem.heads, problem.rates, problem.seeds, most, problem.beside))


def run(
    problem: Problem,
    factory: Factory,
    *,
    at_once: int | None = None,
    progress: Progress | None = None,
    part: tuple[int, int] = (1, 1),
) -> list[Record]:
    """Train the networks of `problem`; `progress(network steps done, of all)`.

    `at_once`: see `planned_chunks`. `part`: (I, N) trains the chunks I, I + N, I + 2N, ... alone, the first being 1.
    """
    first, every = part
    planned = planned_chunks(problem, factory, at_once)[first - 1 :: every]
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
    hashes = _hashes(engine, chunk)
    curves = Curves()
    _look(problem, engine, chunk, curves, 0)
    for step, seen in steps(problem, engine):
        _look_back(curves, step, seen)
        if step in problem.recorded:
            _look(problem, engine, chunk, curves, step)
        if on_step is not None:
            on_step(step)
    measured = {
        (part, quantity): values
        for part, most in FINAL_ROWS.items()
        for quantity, values in _measure(problem, engine, chunk, part, most).items()
    }
    taken = curves.steps
    return [
        Record(
            replica=replica,
            trunk_hash=trunk,
            order_hash=order,
            engine=engine.name,
            steps=taken,
            curves=its,
            finals={**{key: float(values[index]) for key, values in measured.items()}, **summary(its)},
        )
        for index, (replica, (trunk, order), its) in enumerate(zip(chunk.replicas, hashes, curves.each(), strict=True))
    ]


def steps(problem: Problem, engine: Engine) -> Iterator[tuple[int, Progressed]]:
    """Take all steps of the chunk that the engine has started: each step that is recorded, and what led there."""
    first = 0
    for last in sorted({1, *problem.recorded} - {0}):
        yield last, engine.advance(first, last)
        first = last


def _hashes(engine: Engine, chunk: Chunk) -> list[tuple[str, str]]:
    """Of each network, hashes of its trunk's first weights and of the order of its rows: of what the engine has, not of
    what it should have.
    """
    orders = [hash_of((order.astype(np.int64),)) for order in chunk.order]
    weights = zip(engine.weights(), chunk.of_replica, strict=True)
    return [(hash_of(tuple(one[:-2])), orders[stream]) for one, stream in weights]


def _look(problem: Problem, engine: Engine, chunk: Chunk, curves: Curves, step: int) -> None:
    for part, most in CURVE_ROWS.items():
        for quantity, values in _measure(problem, engine, chunk, part, most, along=True).items():
            curves.add(step, part, quantity, values)


def _look_back(curves: Curves, step: int, seen: Progressed) -> None:
    for name, norms in seen.norms.items():
        curves.add(step, "train", "grad_norm", norms, scope=name)
    curves.add(step, "train", "dead_share", seen.dead)
    curves.add(step, "train", "fit_loss", seen.objective)


def _measure(
    problem: Problem, engine: Engine, chunk: Chunk, part: str, most: int, along: bool = False
) -> dict[str, np.ndarray]:
    """Every measure, (networks,), on at most `most` rows of a part of its split; `along`: those of curves."""
    rows = [problem.rows(part, seed, most) for seed in chunk.seeds]
    longest = max(map(len, rows))
    # shorter parts are filled up with their own rows, which `each` cuts off again
    logits, losses = engine.evaluate(np.stack([np.resize(part_rows, longest) for part_rows in rows]))
    heads = [replica.head for replica in chunk.replicas]
    by_units = dict(zip(sorted({head.units for head in heads}), logits, strict=True))
    read = [problem.reader.read(p.head, by_units[p.units][p.start : p.stop]) for p in slices(heads)]
    labels = [problem.data.y[rows[stream]] for stream in chunk.of_replica]
    return problem.reader.each(np.concatenate(read), losses, labels, along)
