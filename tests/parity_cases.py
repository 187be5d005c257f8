"""Both engines on one problem, compared; and networks that exist for one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
from training_cases import gap, relative

from experiments.engines import Problem, keras_fit, stacked
from experiments.engines.driver import Chunk, engine_for
from experiments.networks import NETWORKS, network
from experiments.problem.replicas import Replica, chunks
from experiments.problem.streams import weights_of

TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
COMPARED = ("loss", "fit_loss", "grad_norm", "dead_share")


def assert_same(problem: Problem, *, with_weights: bool = True, rounding: float = 0.0) -> None:
    """Train with both engines; compare what they report and, `with_weights`, where the weights end.

    `rounding`: as in `gap`. In float32 a pre-activation within rounding of a ReLU's kink may fall on either side of
    it, about once in a hundred networks, and the two part from there. So an arm that is off in one seed must agree in
    another, at the same tolerance: a fault of an engine is off in all of them.
    """
    assert stacked.unsupported(problem.trunk) == []
    seeds = range(problem.setup.seeds)
    replicas = next(chunks(problem.heads, problem.rates, seeds, 1000))
    chunk = Chunk(problem, engine_for(problem, replicas), replicas)
    records = chunk.train(None)
    trainer = keras_fit.Trainer()
    for number, head in enumerate(problem.heads):
        rate = problem.rates[-(number % 2)]
        tries = [(number + attempt) % len(seeds) for attempt in range(1 if problem.setup.dtype == "float64" else 3)]
        gaps = []
        for seed in tries:
            place = replicas.index(Replica(head=head, learning_rate=rate, seed=seed))
            theirs = trainer.fit(problem, replicas[place])
            assert records[place].trunk_hash == theirs.record.trunk_hash
            assert records[place].order_hash == theirs.record.order_hash
            weights = [*weights_of(theirs.trunk), theirs.last_layer.kernel, theirs.last_layer.bias]
            pairs = zip(chunk.weights(place), weights, strict=True) if with_weights else ()
            ends = [relative(mine, variable.numpy(), least=1e-3) for mine, variable in pairs]
            gaps.append(max([gap(records[place], theirs.record, COMPARED, rounding), *ends]))
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
