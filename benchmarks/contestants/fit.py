"""A loop over plain Keras `compile` and `fit`: as people write it, at its cheapest, and with all that is recorded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from benchmarks.contestants import Timing, contestant, name_of
from experiments.engines import Problem, driver, keras_fit, prepare
from experiments.engines.keras_trunk import precision
from experiments.engines.objectives import encode, loss_of
from experiments.problem import Replica, chunk_of
from experiments.records import Setup

One = Callable[[Problem, Replica, Timing], float | None]  # times one network; the mean training loss over all steps


def loop(setup: Setup, timed: int, one: One) -> Timing:
    """Time `timed` of the networks, of arms spread over all; one more goes before them, as a long loop starts but once.

    Everything is drawn, and its rows scaled and encoded, before the clock starts.
    """
    timing = Timing(networks=timed)
    with precision(setup.dtype):
        problem = prepare(setup)
        for number in range(timed + 1):
            head = problem.heads[number * len(problem.heads) // (timed + 1)]
            replica = Replica(head=head, learning_rate=problem.rates[0], seed=number % setup.seeds)
            own = Timing(networks=1)
            loss = one(problem, replica, own)
            if number > 0:
                timing.seconds += own.seconds
                timing.cpu += own.cpu
                if loss is not None:
                    timing.losses[name_of(head.name, replica.seed, replica.learning_rate)] = loss, None
    return timing


def arrays(problem: Problem, replica: Replica, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows as `fit` takes them: scaled, with the labels as the arm's loss wants them."""
    dtype = problem.setup.dtype
    x = problem.streams[replica.seed].scaling.apply(problem.data.x[rows]).astype(dtype)
    y = encode(replica.head, tf.constant(problem.data.y[rows], tf.int32), dtype)
    return x, y.numpy()


@contestant("fit_epochs")
def fit_epochs(setup: Setup, *, timed: int) -> Timing:
    """Epochs over the shuffled training rows, as many as come nearest to the steps: plain `fit`.

    No gradient norm is recorded and no split is evaluated.
    """

    def one(problem: Problem, replica: Replica, timing: Timing) -> None:
        rows = problem.streams[replica.seed].split.train
        x, y = arrays(problem, replica, rows)
        epochs = max(1, round(setup.steps / -(-len(rows) // setup.batch_size)))
        with timing.clock():
            model, _, last = keras_fit.assemble(problem, chunk_of(problem, [replica]))
            model.compile(optimizer=keras_fit.scaled(problem, replica, last), loss=loss_of(replica.head))
            model.fit(x, y, batch_size=setup.batch_size, epochs=epochs, verbose=0)

    return loop(setup, timed, one)


@contestant("fit")
def fit(setup: Setup, *, timed: int, **settings: object) -> Timing:
    """All steps as one epoch over the engine's own batches, gathered beforehand; `settings` are those of `compile`.

    The least that `fit` can cost: no epoch ends, no batch is of another shape, and there is no loss curve.
    """

    def one(problem: Problem, replica: Replica, timing: Timing) -> float:
        x, y = arrays(problem, replica, problem.streams[replica.seed].order_of(replica.head).ravel())
        with timing.clock():
            model, _, last = keras_fit.assemble(problem, chunk_of(problem, [replica]))
            model.compile(optimizer=keras_fit.scaled(problem, replica, last), loss=loss_of(replica.head), **settings)
            history = model.fit(x, y, batch_size=setup.batch_size, shuffle=False, verbose=0)
        return float(history.history["loss"][-1])

    return loop(setup, timed, one)


@contestant("fit_recording")
def fit_recording(setup: Setup, *, timed: int) -> Timing:
    """What the engine records, recorded by callbacks of `fit`: the reference engine."""

    def one(problem: Problem, replica: Replica, timing: Timing) -> None:
        with timing.clock():
            driver.train(problem, keras_fit.KerasFit().engine(problem, [replica.head]), [replica])

    return loop(setup, timed, one)
