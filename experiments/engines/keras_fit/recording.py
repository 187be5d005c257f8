"""What plain Keras's training shows of itself on the way."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from experiments.callbacks import GradientNorms, Scope, difference
from experiments.engines.objectives import gradient_at_logits, row_losses
from experiments.engines.scopes import layer_scopes
from experiments.problem.problem import CURVE_ROWS, FINAL_ROWS, Problem
from experiments.problem.records import Record
from experiments.problem.replicas import Replica

BLOCK = 1024  # rows of one evaluation


class Mirror:
    """A trunk that computes at the weights of another, so that looking leaves no trace in the one that trains.

    It serves all arms of a problem in turn, so its two passes are compiled once.
    """

    def __init__(self, trunk: keras.Model) -> None:
        self._trunk = trunk
        row = tf.TensorSpec([None, *trunk.input_shape[1:]], trunk.compute_dtype)
        self.evaluated = tf.function(self._evaluated, input_signature=[row], autograph=False)
        self.trained = tf.function(self._trained, input_signature=[row], autograph=False)

    def at(self, trunk: keras.Model) -> None:
        """Take the weights, and the states of random layers, that `trunk` has now."""
        for mine, theirs in zip(self._trunk.variables, trunk.variables, strict=True):
            mine.assign(theirs)

    def _evaluated(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The features of rows, and the sum of all penalties, those on what layers put out included: a scalar."""
        features = self._trunk(x, training=False)
        return features, sum(self._trunk.losses, tf.zeros([], features.dtype))

    def _trained(self, x: tf.Tensor) -> tf.Tensor:
        """The features of a batch as the next step computes them."""
        return self._trunk(x, training=True)


class Recording(GradientNorms):
    """Measures one network after another on the way, as the stacked engine does; `record` holds what it saw last.

    `model`, `trunk` and `last_layer` stay at hand with their final weights.
    """

    record: Record

    def __init__(self, model: keras.Model, trunk: keras.Model, last: keras.layers.Dense, mirror: Mirror) -> None:
        super().__init__(scopes(trunk, last))
        self.set_model(model)
        self.trunk, self.last_layer, self._mirror = trunk, last, mirror

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
        self._mirror.at(self.trunk)
        for part, most in FINAL_ROWS.items():
            values = self._measure(part, most)
            self.record.finals.update({(part, quantity): value for quantity, value in values.items()})
        self.record.finish()

    def _record(self, step: int) -> None:
        self._mirror.at(self.trunk)
        for part, most in CURVE_ROWS.items():
            for quantity, value in self._measure(part, most, along=True).items():
                self.record.add(step, part, quantity, value)

    def _inputs(self, rows: np.ndarray) -> tf.Tensor:
        return tf.constant(self._stream.scaling.apply(self.problem.data.x[rows]), self.problem.setup.dtype)

    def _logits(self, features: tf.Tensor) -> tf.Tensor:
        return tf.matmul(features, self.last_layer.kernel) + self.last_layer.bias

    def _losses(self, z: tf.Tensor, rows: np.ndarray) -> tf.Tensor:
        """Each row's loss under the arm's own objective, times its weight."""
        losses = row_losses(self.replica.head, z, tf.constant(self.problem.data.y[rows], tf.int32))
        weights = self.problem.weights
        return losses if weights is None else losses * tf.constant(weights[rows], losses.dtype)

    def _measure(self, part: str, most: int, along: bool = False) -> dict[str, float]:
        head, y = self.replica.head, self.problem.data.y
        rows = self.problem.rows(part, self.replica.seed, most)
        blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
        parts = [self._mirror.evaluated(self._inputs(block)) for block in blocks]
        z = self._logits(tf.concat([features for features, _ in parts], axis=0))
        # Keras takes the penalty on outputs as a mean over the rows
        penalty = np.average([float(penalty) for _, penalty in parts], weights=[len(block) for block in blocks])
        penalty += float(sum(self.last_layer.losses))
        loss = self._losses(z, rows).numpy() + penalty
        reader = self.problem.reader
        read = reader.read(head, z.numpy())[None]
        values = reader.measure(read, loss.astype(np.float64)[None], y[rows][None], along)
        return {quantity: float(value[0]) for quantity, value in values.items()}

    def _dead_share(self, rows: np.ndarray) -> float:
        """Share of the batch whose gradient at the logits is exactly 0."""
        self._mirror.at(self.trunk)
        z = self._logits(self._mirror.trained(self._inputs(rows)))
        weights = np.ones(len(rows)) if self.problem.weights is None else self.problem.weights[rows]
        y = tf.constant(self.problem.data.y[rows], tf.int32)
        gradient = gradient_at_logits(self.replica.head)(z, y, tf.constant(weights, z.dtype))
        return float(np.mean((gradient.numpy() == 0).all(axis=1)))


def scopes(trunk: keras.Model, last: keras.layers.Dense) -> list[Scope]:
    """The scopes of `engines.scopes.scope_names`, for a network's own variables."""
    head = list(last.trainable_variables)
    trunk_variables = list(trunk.trainable_variables)
    return [
        Scope(name="trunk", variables=trunk_variables),
        Scope(name="head", variables=head),
        Scope(name="total", variables=[*trunk_variables, *head]),
        Scope(name="effective_head", variables=head, along=difference if last.units == 2 else None),
        *(
            Scope(name=name, variables=[trunk_variables[place] for place in places])
            for name, places in layer_scopes(trunk)
        ),
    ]
