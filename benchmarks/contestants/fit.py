"""A loop over plain Keras `compile` and `fit`, with and without what Keras offers to make it faster."""

from __future__ import annotations

import tensorflow as tf

from benchmarks.contestants import Timing, contestant, name_of
from experiments.records import Setup
from experiments.reference import assemble, scaled
from experiments.training import Problem, precision, prepare
from experiments.training.layout import Replica
from experiments.training.objectives import encode, loss_of


@contestant("fit")
def fit(setup: Setup, *, timed: int, **settings: object) -> Timing:
    """Build, compile and fit `timed` of the networks, of arms spread over all; `settings` are those of `compile`.

    One more goes before them, untimed, as a long loop starts but once. The networks are drawn, and their batches
    gathered, scaled and encoded, before the clock starts; `fit` records no gradient norm and evaluates no split.
    All steps are one epoch, so that no epoch's end costs anything.
    """
    timing = Timing(networks=timed)
    with precision(setup.dtype):
        problem = prepare(setup)
        seconds = []
        for number in range(timed + 1):
            head = problem.heads[number * len(problem.heads) // (timed + 1)]
            replica = Replica(head=head, learning_rate=problem.rates[0], seed=number % setup.seeds)
            own = Timing(networks=1)
            loss = one(problem, replica, own, settings)
            if number > 0:
                seconds.append(own.seconds)
                timing.seconds += own.seconds
                timing.cpu += own.cpu
                timing.losses[name_of(head.name, replica.seed, replica.learning_rate)] = loss, None
    timing.values["each"] = seconds
    return timing


def one(problem: Problem, replica: Replica, timing: Timing, settings: dict[str, object]) -> float:
    """Fit one network; the mean training loss over all steps."""
    setup, stream, head = problem.setup, problem.streams[replica.seed], replica.head
    rows = stream.order_of(head).ravel()
    x = stream.scaling.apply(problem.data.x[rows]).astype(setup.dtype)
    y = encode(head, tf.constant(problem.data.y[rows], tf.int32), tf.as_dtype(setup.dtype)).numpy()
    with timing.clock():
        model, _, last = assemble(problem, replica)
        model.compile(optimizer=scaled(problem, replica, last), loss=loss_of(head), **settings)
        history = model.fit(x, y, batch_size=setup.batch_size, shuffle=False, verbose=0)
    return float(history.history["loss"][-1])
