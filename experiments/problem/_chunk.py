"""Networks that advance together, as the arrays that an engine starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.problem._problem import Problem
from experiments.problem._replicas import Replica


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Some networks of a problem: where they start, and what they see.

    `replicas`: those of one computation side by side, fewest units first. `rates`: (replicas,) learning rates.
    `trunks`: of each replica, its trunk's first weights. `kernels`, `biases`: of each replica, (features, units) and
    (units,). `random`: (replicas,) the seeds of their random layers.
    A replica's batches, split and scaling are those of its stream, and replicas that share one can share the gathering:
    `seeds`: (streams,) the seed of each. `of_replica`: (replicas,) the stream of each replica, by number.
    `order`: (streams, steps, batch) row numbers. `mean`, `scale`: (streams, *row) in float64: what a network sees of a
    row x is (x - mean) / scale, computed in float64 and cast afterwards, so that a column that is large beside its
    spread keeps it.
    """

    replicas: tuple[Replica, ...]
    rates: np.ndarray
    trunks: tuple[tuple[np.ndarray, ...], ...]
    kernels: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    random: np.ndarray
    seeds: tuple[int, ...]
    of_replica: np.ndarray
    order: np.ndarray
    mean: np.ndarray
    scale: np.ndarray


def chunk_of(problem: Problem, replicas: Sequence[Replica]) -> Chunk:
    """The arrays of some networks of a problem."""
    streams = [problem.streams[replica.seed] for replica in replicas]
    # one stream a (seed, order): the noise floor has the split and scaling of its seed, and an order of its own
    names = [(replica.seed, replica.head.order) for replica in replicas]
    unique = list(dict.fromkeys(names))
    orders = {name: stream.order_of(r.head) for name, stream, r in zip(names, streams, replicas, strict=True)}
    scalings = [problem.streams[seed].scaling for seed, _ in unique]
    row = problem.data.x.shape[1:]
    return Chunk(
        replicas=tuple(replicas),
        rates=np.array([replica.learning_rate for replica in replicas]),
        trunks=tuple(stream.trunk for stream in streams),
        kernels=tuple(problem.kernel(replica) for replica in replicas),
        biases=tuple(problem.bias(replica) for replica in replicas),
        random=np.array([stream.random for stream in streams]),
        seeds=tuple(seed for seed, _ in unique),
        of_replica=np.array([unique.index(name) for name in names]),
        order=np.stack([orders[name] for name in unique]),
        mean=np.stack([np.broadcast_to(scaling.mean, row) for scaling in scalings]).astype(np.float64),
        scale=np.stack([np.broadcast_to(scaling.scale, row) for scaling in scalings]).astype(np.float64),
    )
