"""Both engines on one problem, compared; and networks that exist for one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
from training_cases import gap, relative

from experiments.engines import Problem, driver
from experiments.engines.interface import Factory
from experiments.engines.keras_fit import FitEngine, KerasFit
from experiments.engines.stacked import Stacked
from experiments.networks import NETWORKS, network
from experiments.problem import Record, Replica, chunks

TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
COMPARED = ("loss", "fit_loss", "grad_norm", "dead_share")


def fit(problem: Problem, replica: Replica, factory: KerasFit | None = None) -> tuple[Record, FitEngine]:
    """One network by plain Keras: its record, and the engine with its final weights."""
    engine = (factory or KerasFit()).engine(problem, [replica.head])
    (record,) = driver.train(problem, engine, [replica])
    return record, engine


def assert_same(
    problem: Problem, *, factory: Factory | None = None, with_weights: bool = True, rounding: float = 0.0
) -> None:
    """Train with an engine (the stacked one) and with plain Keras; compare what they report and where the weights end.

    `with_weights`: whether the weights count. `rounding`: as in `gap`. In float32 a pre-activation within rounding of a
    ReLU's kink may fall on either side of it, about once in a hundred networks, and the two part from there. So an arm
    that is off in one seed must agree in another, at the same tolerance: a fault of an engine is off in all of them.
    """
    factory, oracle = factory or Stacked(), KerasFit()
    assert factory.unsupported(problem) == []
    seeds = range(problem.setup.seeds)
    replicas = next(chunks(problem.heads, problem.rates, seeds, 1000))
    engine = factory.engine(problem, [replica.head for replica in replicas])
    records = driver.train(problem, engine, replicas)
    ends = engine.weights()
    for number, head in enumerate(problem.heads):
        rate = problem.rates[-(number % 2)]
        tries = [(number + attempt) % len(seeds) for attempt in range(1 if problem.setup.dtype == "float64" else 3)]
        gaps = []
        for seed in tries:
            place = replicas.index(Replica(head=head, learning_rate=rate, seed=seed))
            theirs, fitted = fit(problem, replicas[place], oracle)
            assert records[place].trunk_hash == theirs.trunk_hash
            assert records[place].order_hash == theirs.order_hash
            pairs = zip(ends[place], fitted.weights()[0], strict=True) if with_weights else ()
            apart = [relative(mine, its, least=1e-3) for mine, its in pairs]
            gaps.append(max([gap(records[place], theirs, COMPARED, rounding), *apart]))
            if gaps[-1] <= TOLERANCE[problem.setup.dtype]:
                break
        assert gaps[-1] <= TOLERANCE[problem.setup.dtype], (head.name, rate, gaps)


@contextmanager
def throwaway(build: Callable[[tuple[int, ...]], keras.Model]) -> Iterator[str]:
    """The name of a network that exists within."""
    network("throwaway", takes=("vector", "image"), description="of one test")(build)
    try:
        yield "throwaway"
    finally:
        NETWORKS.remove("throwaway")
