"""Networks trained by plain Keras `compile` and `fit`, from the weights and batches that the streams say."""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf

from experiments.engines.keras_fit.optimizer import is_scaled, scaled
from experiments.engines.keras_fit.recording import Mirror, Recording
from experiments.engines.objectives import encode, loss_of, pitfall_expected
from experiments.engines.stacked.context import random_layers
from experiments.problem.problem import Problem
from experiments.problem.records import Record
from experiments.problem.replicas import Replica
from experiments.problem.streams import weights_of


def run(
    problem: Problem, progress: Callable[[int, int], None] | None = None, trainer: Trainer | None = None
) -> list[Record]:
    """Train every network of `problem`, one after another; `progress(network steps done, of all)`.

    `trainer`: that of a problem before, which has the arms compiled.
    """
    replicas = [
        Replica(head=head, learning_rate=rate, seed=seed)
        for head in problem.heads
        for rate in problem.rates
        for seed in problem.seeds
    ]
    trainer = trainer or Trainer()
    records = []
    for replica in replicas:
        records.append(trainer.fit(problem, replica).record)
        if progress is not None:
            progress(len(records) * problem.setup.steps, len(replicas) * problem.setup.steps)
    return records


class Trainer:
    """Fits networks as a user would: those of one problem, or of several that differ in their rows and seeds alone.

    Arms with the same layers and loss share one compiled model, which starts anew for each network: compiling costs
    as much as hundreds of steps. What a network becomes does not depend on what the model was before.
    """

    def __init__(self) -> None:
        self._compiled: dict[tuple[object, ...], Recording] = {}
        self._mirror: Mirror | None = None

    def fit(self, problem: Problem, replica: Replica) -> Recording:
        """Train one network; the callback that is returned holds its record and, until the next fit, its model."""
        stream, setup, head = problem.streams[replica.seed], problem.setup, replica.head
        recording = self._start(problem, replica)
        rows = stream.order_of(head).ravel()
        x = stream.scaling.apply(problem.data.x[rows]).astype(setup.dtype)
        labels = problem.data.y.ndim == 2
        y = encode(head, tf.constant(problem.data.y[rows], tf.int32), tf.as_dtype(setup.dtype), labels=labels)
        given = (x, y) if problem.weights is None else (x, y, problem.weights[rows])
        # arrays would do as well, but Keras makes a longer pipeline of them, with functions that it traces each time
        batches = tf.data.Dataset.from_tensor_slices(given).batch(setup.batch_size)
        with pitfall_expected():
            recording.model.fit(batches, shuffle=False, verbose=0, callbacks=[recording])
        return recording

    def _start(self, problem: Problem, replica: Replica) -> Recording:
        """The compiled model of an arm at the first step of `replica`, with the callback that watches it."""
        head = replica.head
        graph = (head.units, head.activation, head.loss, head.decay_scale * problem.optimizer.l2, is_scaled(head))
        recording = self._compiled.get(graph)
        if recording is None:
            model, trunk, last = assemble(problem, replica)
            model.compile(optimizer=scaled(problem, replica, last), loss=loss_of(head))
            # variables that are made inside the compiled step would have it traced twice
            model.optimizer.build(model.trainable_variables)
            self._mirror = self._mirror or Mirror(problem.build(problem.data.x.shape[1:]))
            recording = self._compiled[graph] = Recording(model, trunk, last, self._mirror)
        else:
            set_weights(problem, replica, recording.trunk, recording.last_layer)
            fresh = scaled(problem, replica, recording.last_layer)
            fresh.build(recording.model.trainable_variables)
            for variable, value in zip(recording.model.optimizer.variables, fresh.variables, strict=True):
                variable.assign(value)
        recording.follow(problem, replica)
        return recording


def assemble(problem: Problem, replica: Replica) -> tuple[keras.Model, keras.Model, keras.layers.Dense]:
    """The whole classifier, its trunk and its last layer, at the weights that the streams say."""
    head = replica.head
    trunk = problem.build(problem.data.x.shape[1:])
    l2 = problem.optimizer.l2 * head.decay_scale
    last = keras.layers.Dense(
        head.units, activation=head.activation, kernel_regularizer=keras.regularizers.L2(l2) if l2 else None
    )
    model = keras.Model(trunk.inputs, last(trunk.outputs[0]))
    set_weights(problem, replica, trunk, last)
    return model, trunk, last


def set_weights(problem: Problem, replica: Replica, trunk: keras.Model, last: keras.layers.Dense) -> None:
    """Give a classifier the weights and the states that a network starts from."""
    stream = problem.streams[replica.seed]
    for variable, value in zip(weights_of(trunk), stream.trunk, strict=True):
        variable.assign(value)
    places = random_layers(trunk)
    for layer in trunk._flatten_layers():
        if id(layer) in places:
            layer.seed_generator.state.assign([stream.random + places[id(layer)], 0])
    last.kernel.assign(problem.kernel(replica))
    last.bias.assign(problem.bias(replica))
