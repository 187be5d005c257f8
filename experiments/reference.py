"""One network at a time with plain Keras `compile` and `fit`: the oracle, and the way for layers without a rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from experiments.callbacks import GradientNorms, Scope
from experiments.records import Head
from experiments.stacked.context import random_layers
from experiments.training.engine import layer_scopes
from experiments.training.layout import Replica
from experiments.training.objectives import encode, gradient_at_logits, loss_of, pitfall_expected, row_losses
from experiments.training.problem import CURVE_ROWS, FINAL_ROWS, Problem
from experiments.training.recorder import Record
from experiments.training.streams import weights_of

BLOCK = 1024  # rows of one evaluation


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

    def fit(self, problem: Problem, replica: Replica) -> Recording:
        """Train one network; the callback that is returned holds its record and, until the next fit, its model."""
        stream, setup, head = problem.streams[replica.seed], problem.setup, replica.head
        recording = self._start(problem, replica)
        rows = stream.order_of(head).ravel()
        x = stream.scaling.apply(problem.data.x[rows]).astype(setup.dtype)
        labels = problem.data.y.ndim == 2
        y = encode(head, tf.constant(problem.data.y[rows], tf.int32), tf.as_dtype(setup.dtype), labels=labels)
        with pitfall_expected():
            recording.model.fit(
                x,
                y.numpy(),
                sample_weight=None if problem.weights is None else problem.weights[rows],
                batch_size=setup.batch_size,
                shuffle=False,
                verbose=0,
                callbacks=[recording],
            )
        return recording

    def _start(self, problem: Problem, replica: Replica) -> Recording:
        """The compiled model of an arm at the first step of `replica`, with the callback that watches it."""
        head = replica.head
        graph = (head.units, head.activation, head.loss, head.decay_scale * problem.optimizer.l2, _is_scaled(head))
        recording = self._compiled.get(graph)
        if recording is None:
            model, trunk, last = assemble(problem, replica)
            model.compile(optimizer=scaled(problem, replica, last), loss=loss_of(head))
            # variables that are made inside the compiled step would have it traced twice
            model.optimizer.build(model.trainable_variables)
            recording = self._compiled[graph] = Recording(model, trunk, last)
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
    last.bias.assign(tf.zeros_like(last.bias))


def _is_scaled(head: Head) -> bool:
    return head.rate_scale != 1.0 or head.decay_scale != 1.0


def scaled(problem: Problem, replica: Replica, last: keras.layers.Dense) -> keras.optimizers.Optimizer:
    """The optimizer of one network; a plain one unless the arm scales its head's rate or decay."""
    optimizer = problem.optimizer.make(replica.learning_rate)
    head = replica.head
    if not _is_scaled(head):
        return optimizer
    mine = {id(variable) for variable in last.trainable_variables}

    class Scaled(type(optimizer)):  # type: ignore[misc]
        """Keras's rule, with the head's own rate and decay, which are variables as the learning rate is one."""

        def build(self, variables: Sequence[Any]) -> None:
            super().build(variables)
            self.head_rate = self._scale("head_rate", head.rate_scale)
            self.head_decay = self._scale("head_decay", head.decay_scale)

        def _scale(self, name: str, value: float) -> Any:
            initially = keras.initializers.Constant(value)
            return self.add_variable(shape=(), initializer=initially, dtype=problem.setup.dtype, name=name)

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            known = self._trainable_variables[self._get_variable_index(variable)]
            rate = learning_rate * self.head_rate if id(known) in mine else learning_rate
            super().update_step(gradient, variable, rate)

        def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
            if self.weight_decay is None:
                return
            for variable in variables:
                rate = tf.cast(self.learning_rate, variable.dtype)
                if id(variable) in mine:
                    rate = rate * self.head_rate * self.head_decay
                variable.assign(variable - variable * tf.cast(self.weight_decay, variable.dtype) * rate)

    return Scaled.from_config(optimizer.get_config())


class Recording(GradientNorms):
    """Measures one network after another on the way, as the stacked engine does; `record` holds what it saw last.

    `model`, `trunk` and `last_layer` stay at hand with their final weights.
    """

    record: Record

    def __init__(self, model: keras.Model, trunk: keras.Model, last: keras.layers.Dense) -> None:
        super().__init__(scopes(trunk, last))
        self.set_model(model)
        self.trunk, self.last_layer = trunk, last
        row = tf.TensorSpec([None, *trunk.input_shape[1:]], trunk.compute_dtype)
        self._evaluated = tf.function(self._evaluate, input_signature=[row], autograph=False)

    def follow(self, problem: Problem, replica: Replica) -> None:
        """Begin the record of `replica`, which is trained next."""
        trunk_hash, order_hash = problem.hashes(replica)
        self.record = Record(replica=replica, trunk_hash=trunk_hash, order_hash=order_hash, engine="reference")
        self.problem, self.replica = problem, replica
        self._recorded = set(problem.recorded)
        self._dead = 0.0
        self._summed = (0, 0.0)  # steps, and the sum of their objectives, at the last record
        self._stream = problem.streams[replica.seed]
        self._order = self._stream.order_of(replica.head)

    def on_train_begin(self, logs: Any = None) -> None:
        if self._hooked is None:  # else the step is compiled, and the hook is in it
            super().on_train_begin(logs)
        self._record(0)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if batch == 0 or batch + 1 in self._recorded:
            self._dead = self._dead_share(self._order[batch])

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        step = batch + 1
        if step == 1 or step in self._recorded:
            for name, norm in self.last.items():
                self.record.add(step, "train", "grad_norm", norm, scope=name)
            self.record.add(step, "train", "dead_share", self._dead)
            # Keras logs the mean since the epoch began
            steps, total = self._summed
            self._summed = (step, logs["loss"] * step)
            self.record.add(step, "train", "fit_loss", (self._summed[1] - total) / (step - steps))
        if step in self._recorded:
            self._record(step)

    def on_train_end(self, logs: Any = None) -> None:
        for part, most in FINAL_ROWS.items():
            values = self._measure(part, most)
            self.record.finals.update({(part, quantity): value for quantity, value in values.items()})
        self.record.finish()

    def _record(self, step: int) -> None:
        for part, most in CURVE_ROWS.items():
            for quantity, value in self._measure(part, most).items():
                self.record.add(step, part, quantity, value)

    def _inputs(self, rows: np.ndarray) -> tf.Tensor:
        return tf.constant(self._stream.scaling.apply(self.problem.data.x[rows]), self.problem.setup.dtype)

    def _logits(self, x: tf.Tensor, *, training: bool) -> tf.Tensor:
        features = self.trunk(x, training=training)
        return tf.matmul(features, self.last_layer.kernel) + self.last_layer.bias

    def _evaluate(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The logits of rows, and the sum of all penalties, those on what layers put out included: a scalar."""
        z = self._logits(x, training=False)
        return z, sum([*self.trunk.losses, *self.last_layer.losses], tf.zeros([], z.dtype))

    def _losses(self, z: tf.Tensor, rows: np.ndarray) -> tf.Tensor:
        """Each row's loss under the arm's own objective, times its weight."""
        losses = row_losses(self.replica.head, z, tf.constant(self.problem.data.y[rows], tf.int32))
        weights = self.problem.weights
        return losses if weights is None else losses * tf.constant(weights[rows], losses.dtype)

    def _measure(self, part: str, most: int) -> dict[str, float]:
        head, y = self.replica.head, self.problem.data.y
        rows = self.problem.rows(part, self.replica.seed, most)
        blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
        parts = [self._evaluated(self._inputs(block)) for block in blocks]
        z = tf.concat([z for z, _ in parts], axis=0)
        # Keras takes the penalty on outputs as a mean over the rows
        penalty = np.average([float(penalty) for _, penalty in parts], weights=[len(block) for block in blocks])
        loss = self._losses(z, rows).numpy() + penalty
        reader = self.problem.reader
        values = reader.measure(reader.read(head, z.numpy())[None], loss.astype(np.float64)[None], y[rows][None])
        return {quantity: float(value[0]) for quantity, value in values.items()}

    def _dead_share(self, rows: np.ndarray) -> float:
        """Share of the batch whose gradient at the logits is exactly 0, leaving no trace in the model's state."""
        states = list(self.model.non_trainable_variables)
        before = [v.numpy() for v in states]
        z = self._logits(self._inputs(rows), training=True)
        for variable, value in zip(states, before, strict=True):
            variable.assign(value)
        weights = np.ones(len(rows)) if self.problem.weights is None else self.problem.weights[rows]
        y = tf.constant(self.problem.data.y[rows], tf.int32)
        gradient = gradient_at_logits(self.replica.head)(z, y, tf.constant(weights, z.dtype))
        return float(np.mean((gradient.numpy() == 0).all(axis=1)))


def scopes(trunk: keras.Model, last: keras.layers.Dense) -> list[Scope]:
    """The scopes of `engine.scope_names`, for a network's own variables."""
    head = list(last.trainable_variables)
    # u = w1 - w0 at fixed w0 + w1
    along = (lambda g: (g[..., 1] - g[..., 0]) / 2) if last.units == 2 else None
    trunk_variables = list(trunk.trainable_variables)
    return [
        Scope(name="trunk", variables=trunk_variables),
        Scope(name="head", variables=head),
        Scope(name="total", variables=[*trunk_variables, *head]),
        Scope(name="effective_head", variables=head, along=along),
        *(
            Scope(name=name, variables=[trunk_variables[place] for place in places])
            for name, places in layer_scopes(trunk)
        ),
    ]
