"""Networks trained by plain Keras `compile` and `fit`, from the weights and batches that a chunk says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

import keras
import numpy as np
import tensorflow as tf

from experiments import keras_internals
from experiments.engines.interface import Progressed
from experiments.engines.keras_draws import weights_of
from experiments.engines.keras_fit.watching import Mirror, Watch, scopes
from experiments.engines.keras_trunk import keras_trunk
from experiments.engines.objectives import encode, loss_of, pitfall_expected, row_losses
from experiments.engines.stacked.context import random_layers
from experiments.problem import Chunk, Problem, Replica
from experiments.records import Head

BLOCK = 1024  # rows of one evaluation


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """A classifier that `compile` has seen, its trunk and its last layer, and the callback that watches it."""

    model: keras.Model
    trunk: keras.Model
    last: keras.layers.Dense
    watch: Watch


class KerasFit:
    """Makes engines that fit one network at a time as a user would, for any layer and any optimizer of Keras.

    Arms with the same layers and loss share one compiled model, which starts anew for each network: compiling costs
    as much as hundreds of steps. What a network becomes does not depend on what the model was before. The problems that
    one factory serves differ in their rows and seeds alone.
    """

    def __init__(self) -> None:
        self._compiled: dict[tuple[object, ...], Compiled] = {}
        self._mirror: Mirror | None = None

    def unsupported(self, problem: Problem) -> list[str]:
        """Nothing."""
        return []

    def at_once(self, problem: Problem) -> int:
        """One network."""
        return 1

    def engine(self, problem: Problem, heads: Sequence[Head]) -> FitEngine:
        """An engine for the one head."""
        (head,) = heads
        return FitEngine(problem, head, self)

    def mirror(self, problem: Problem) -> Mirror:
        """The one that all arms share."""
        if self._mirror is None:
            self._mirror = Mirror(keras_trunk(problem).fresh())
        return self._mirror

    def compiled(self, problem: Problem, chunk: Chunk) -> Compiled:
        """The compiled model of a chunk's one network, which has taken no step."""
        (replica,) = chunk.replicas
        head = replica.head
        graph = (head.units, head.activation, head.loss, head.decay_scale * problem.optimizer.l2, is_scaled(head))
        compiled = self._compiled.get(graph)
        if compiled is None:
            model, trunk, last = assemble(problem, chunk)
            model.compile(optimizer=scaled(problem, replica, last), loss=loss_of(head))
            # variables that are made inside the compiled step would have it traced twice
            model.optimizer.build(model.trainable_variables)
            watch = Watch(model, scopes(trunk, last))
            compiled = self._compiled[graph] = Compiled(model=model, trunk=trunk, last=last, watch=watch)
            return compiled
        set_weights(chunk, compiled.trunk, compiled.last)
        fresh = scaled(problem, replica, compiled.last)
        fresh.build(compiled.model.trainable_variables)
        for variable, value in zip(compiled.model.optimizer.variables, fresh.variables, strict=True):
            variable.assign(value)
        return compiled


class FitEngine:
    """One network, whose steps are calls of `fit`."""

    name = "reference"

    def __init__(self, problem: Problem, head: Head, factory: KerasFit) -> None:
        self.problem, self.head, self._factory = problem, head, factory
        self._mirror = factory.mirror(problem)

    def start(self, chunk: Chunk) -> None:
        """Set the first weights, and gather all batches of the one network."""
        self._chunk, self.compiled = chunk, self._factory.compiled(self.problem, chunk)
        rows = chunk.order[0].ravel()
        dtype, y = self.problem.setup.dtype, tf.constant(self.problem.data.y[rows], tf.int32)
        labels = encode(self.head, y, dtype, labels=len(y.shape) == 2).numpy()
        given = (self._inputs(rows), labels)
        self._given = given if self.problem.weights is None else (*given, self.problem.weights[rows])
        self._mirror.at(self.compiled.trunk)

    def advance(self, first: int, last: int) -> Progressed:
        """One `fit` over the batches of the steps."""
        size, watch = self.problem.setup.batch_size, self.compiled.watch
        # arrays would do as well, but Keras makes a longer pipeline of them, with functions that it traces each time
        given = tuple(values[first * size : last * size] for values in self._given)
        batches = tf.data.Dataset.from_tensor_slices(given).batch(size)
        watch.follow(last - first, lambda: self._dead_share(self._chunk.order[0, last - 1]))
        with pitfall_expected():
            self.compiled.model.fit(batches, shuffle=False, verbose=0, callbacks=[watch])
        self._mirror.at(self.compiled.trunk)
        return Progressed(
            objective=np.array([watch.objective]),
            norms={name: np.array([norm]) for name, norm in watch.last.items()},
            dead=np.array([watch.dead]),
        )

    def evaluate(self, rows: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Logits and losses of rows (1, n), by a mirror of the model; penalties on what layers put out included."""
        (row_numbers,) = rows
        blocks = [row_numbers[start : start + BLOCK] for start in range(0, len(row_numbers), BLOCK)]
        parts = [self._mirror.evaluated(tf.constant(self._inputs(block))) for block in blocks]
        z = self._logits(tf.concat([features for features, _ in parts], axis=0))
        # Keras takes the penalty on outputs as a mean over the rows
        penalty = np.average([float(penalty) for _, penalty in parts], weights=[len(block) for block in blocks])
        penalty += float(sum(self.compiled.last.losses))
        losses = row_losses(self.head, z, tf.constant(self.problem.data.y[row_numbers], tf.int32))
        if self.problem.weights is not None:
            losses = losses * tf.constant(self.problem.weights[row_numbers], losses.dtype)
        return [z.numpy()[None]], losses.numpy().astype(np.float64)[None] + penalty

    def weights(self) -> list[tuple[np.ndarray, ...]]:
        """The trunk's weights, and the head's kernel and bias."""
        variables = [*weights_of(self.compiled.trunk), self.compiled.last.kernel, self.compiled.last.bias]
        return [tuple(variable.numpy() for variable in variables)]

    def _inputs(self, rows: np.ndarray) -> np.ndarray:
        scaled_rows = (self.problem.data.x[rows] - self._chunk.mean[0]) / self._chunk.scale[0]
        return scaled_rows.astype(self.problem.setup.dtype)

    def _logits(self, features: tf.Tensor) -> tf.Tensor:
        return tf.matmul(features, self.compiled.last.kernel) + self.compiled.last.bias

    def _dead_share(self, rows: np.ndarray) -> float:
        """Share of the batch whose gradient at the logits is exactly 0."""
        self._mirror.at(self.compiled.trunk)
        z = self._logits(self._mirror.trained(tf.constant(self._inputs(rows))))
        weights = np.ones(len(rows)) if self.problem.weights is None else self.problem.weights[rows]
        y = tf.constant(self.problem.data.y[rows], tf.int32)
        gradient = gradient_at_logits(self.head)(z, y, tf.constant(weights, z.dtype))
        return float(np.mean((gradient.numpy() == 0).all(axis=1)))


@cache
def gradient_at_logits(head: Head) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]:
    """The gradient of an arm's loss at its logits, compiled as its steps are.

    Eagerly TensorFlow adds the terms of the sigmoid's gradient in another order: 1e-18 of it is left at z = 40 where a
    compiled step has exactly 0.
    """

    @partial(tf.function, autograph=False)
    def gradient(z: tf.Tensor, y: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(z)
            objective = tf.reduce_mean(row_losses(head, z, y) * weights)
        return tape.gradient(objective, z)

    return gradient


def assemble(problem: Problem, chunk: Chunk) -> tuple[keras.Model, keras.Model, keras.layers.Dense]:
    """The whole classifier of a chunk's one network, its trunk and its last layer, at its first weights."""
    head = chunk.replicas[0].head
    trunk = keras_trunk(problem).fresh()
    l2 = problem.optimizer.l2 * head.decay_scale
    last = keras.layers.Dense(
        head.units, activation=head.activation, kernel_regularizer=keras.regularizers.L2(l2) if l2 else None
    )
    model = keras.Model(trunk.inputs, last(trunk.outputs[0]))
    set_weights(chunk, trunk, last)
    return model, trunk, last


def set_weights(chunk: Chunk, trunk: keras.Model, last: keras.layers.Dense) -> None:
    """Give a classifier the weights and the states that a chunk's one network starts from."""
    for variable, value in zip(weights_of(trunk), chunk.trunks[0], strict=True):
        variable.assign(value)
    indices = random_layers(trunk)
    for layer in keras_internals.layers_within(trunk):
        if id(layer) in indices:
            layer.seed_generator.state.assign([int(chunk.random[0]) + indices[id(layer)], 0])
    last.kernel.assign(chunk.kernels[0])
    last.bias.assign(chunk.biases[0])


def is_scaled(head: Head) -> bool:
    """Whether the arm has a rate or a decay of its own."""
    return head.rate_scale != 1.0 or head.decay_scale != 1.0


def scaled(problem: Problem, replica: Replica, last: keras.layers.Dense) -> keras.optimizers.Optimizer:
    """The optimizer of one network; a plain one unless the arm scales its head's rate or decay."""
    optimizer = problem.optimizer.make(replica.learning_rate)
    head = replica.head
    if not is_scaled(head):
        return optimizer
    return keras_internals.scaled_optimizer(
        optimizer, last.trainable_variables, rate=head.rate_scale, decay=head.decay_scale, dtype=problem.setup.dtype
    )
