"""The stacked engine: every replica of a chunk takes its step in one compiled TensorFlow function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from experiments.engines.blocks import in_blocks
from experiments.engines.interface import Progressed
from experiments.engines.keras_draws import weights_of
from experiments.engines.keras_trunk import keras_trunk, layer_scopes
from experiments.engines.objectives import row_losses
from experiments.engines.stacked.context import Context, random_layers, tables
from experiments.engines.stacked.forward import evaluate
from experiments.engines.stacked.gradients import dead_shares, norms
from experiments.engines.stacked.updates import move
from experiments.problem import NORMS, Chunk, Problem, Slice, slices
from experiments.records import Head

EVALUATED_ROWS = 128  # rows of one evaluation: one shape for all parts, so that its graph is traced once


class StackedEngine:
    """Replicas of one chunk shape: variables, optimizer, and the compiled step and evaluation.

    All rows of the task are held, as they are; batches are gathered, scaled and encoded in the graph.
    """

    name = "stacked"

    def __init__(self, problem: Problem, heads: Sequence[Head]) -> None:
        trunk, optimizer, weights = keras_trunk(problem).model, problem.optimizer, problem.weights
        self.trunk, self.heads, self.replicas = trunk, tuple(heads), len(heads)
        self.dtype = tf.as_dtype(problem.setup.dtype)
        self.slices: list[Slice] = slices(heads)
        self.units = sorted({head.units for head in heads})
        self.counts = [sum(head.units == units for head in heads) for units in self.units]
        self.x = tf.constant(problem.data.x)
        self.y = tf.constant(problem.data.y, tf.int32)
        self.row_weights = None if weights is None else tf.constant(weights, self.dtype)
        self.l2 = optimizer.l2
        features = trunk.output_shape[-1]
        self._templates = weights_of(trunk)
        of_rows = tables(trunk)
        self._stack = [
            self._table(v) if id(v) in of_rows else self._variable(self.replicas, v.shape, v.name)
            for v in self._templates
        ]
        trains = {id(v) for v in trunk.trainable_variables}
        self._trains = [id(template) in trains for template in self._templates]
        self._kernels = [self._variable(n, (features, units), "kernel") for n, units in self._by_units()]
        self._biases = [self._variable(n, (units,), "bias") for n, units in self._by_units()]
        order = {id(v): index for index, v in enumerate(trunk.trainable_variables)}
        moving = [(order[id(t)], s) for t, s in zip(self._templates, self._stack, strict=True) if id(t) in order]
        self._trunk_variables = [variable for _, variable in sorted(moving, key=lambda pair: pair[0])]
        self._variables = [*self._trunk_variables, *self._kernels, *self._biases]
        self._optimizer = optimizer.make(1.0)
        self._optimizer.build(self._variables)
        self._first_state = [v.numpy() for v in self._optimizer.variables]
        self._scopes = layer_scopes(trunk)
        self._rate_scale = np.array([head.rate_scale for head in heads])
        self._decay_scale = np.array([head.decay_scale for head in heads])
        # XLA takes seconds to compile a function, which the evaluation never gains
        self._advance = tf.function(self._steps, autograph=False, jit_compile=problem.xla)
        self._evaluate = tf.function(self._block, autograph=False)

    def _by_units(self) -> list[tuple[int, int]]:
        return list(zip(self.counts, self.units, strict=True))

    def _variable(self, replicas: int, shape: Sequence[int], name: str) -> keras.Variable:
        return keras.Variable(np.zeros((replicas, *shape)), dtype=self.dtype.name, name=name)

    def _table(self, template: keras.Variable) -> keras.Variable:
        """The replicas' tables one below another: (replicas * rows, features).

        The gradient of a table is a list of rows, one for each token of the batch, and Keras's adaptive rules square
        each by itself: the second moment of a token that repeats is the sum of the squares, not the square of the sum.
        """
        rows, features = template.shape
        return self._variable(self.replicas * rows, (features,), template.name)

    def start(self, chunk: Chunk) -> None:
        """Set the first weights, what the chunk's streams see, and an optimizer that has taken no step."""
        for index, variable in enumerate(self._stack):
            variable.assign(np.stack([trunk[index] for trunk in chunk.trunks]).reshape(variable.shape))
        position = 0
        for kernel, bias, count in zip(self._kernels, self._biases, self.counts, strict=True):
            kernel.assign(np.stack(chunk.kernels[position : position + count]))
            bias.assign(np.stack(chunk.biases[position : position + count]))
            position += count
        for variable, value in zip(self._optimizer.variables, self._first_state, strict=True):
            variable.assign(value)
        self._stream = {
            "of_replica": tf.constant(chunk.of_replica, tf.int32),
            "mean": tf.constant(chunk.mean),
            "scale": tf.constant(chunk.scale),
            "seeds": tf.constant(chunk.random, tf.int32),
        }
        self._order = tf.constant(chunk.order, tf.int32)
        self._rates = tf.constant(chunk.rates, self.dtype)

    def advance(self, first: int, last: int) -> Progressed:
        """Take the steps first .. last-1 of all replicas in one call."""
        objective, norms, dead = self._advance(
            tf.constant(first), tf.constant(last), self._order, self._stream, self._rates
        )
        names = (*NORMS, *(name for name, _ in self._scopes))
        by_name = dict(zip(names, norms.numpy(), strict=True))
        return Progressed(objective=objective.numpy(), norms=by_name, dead=dead.numpy())

    def evaluate(self, rows: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Logits by units and losses of rows (streams, n), block after block."""

        def block(rows: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
            z, loss, penalty = self._evaluate(tf.constant(rows, tf.int32), self._stream)
            return [part.numpy() for part in z], loss.numpy().astype(np.float64) + penalty.numpy()[:, None]

        return in_blocks(rows, EVALUATED_ROWS, block)

    def weights(self) -> list[tuple[np.ndarray, ...]]:
        """Of each replica, the trunk's weights, and its head's kernel and bias."""
        pairs = zip(self._stack, self._templates, strict=True)
        trunk = [v.numpy().reshape(self.replicas, *template.shape) for v, template in pairs]
        kernels = [kernel for stack in self._kernels for kernel in stack.numpy()]
        biases = [bias for stack in self._biases for bias in stack.numpy()]
        of_heads = enumerate(zip(kernels, biases, strict=True))
        return [(*(stack[index] for stack in trunk), kernel, bias) for index, (kernel, bias) in of_heads]

    # The compiled part: everything below runs inside a tf.function.

    def _rows(self, rows: tf.Tensor, stream: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Rows (streams, batch) of the data, scaled; and they and their labels for each replica.

        A float32 of 1.7e9 is a multiple of 128: a column is centred in float64, and cast afterwards.
        """
        x = (tf.cast(tf.gather(self.x, rows), tf.float64) - stream["mean"][:, None]) / stream["scale"][:, None]
        x = tf.cast(x, self.dtype)
        return x, tf.gather(x, stream["of_replica"]), tf.gather(tf.gather(self.y, rows), stream["of_replica"])

    def _logits(self, x: tf.Tensor, context: Context) -> list[tf.Tensor]:
        """The heads' outputs before the activation, (replicas of as many units, batch, units)."""
        features = evaluate(self.trunk, context, x)
        parts = tf.split(features, self.counts, axis=0)
        return [
            tf.matmul(part, kernel.value) + bias.value[:, None, :]
            for part, kernel, bias in zip(parts, self._kernels, self._biases, strict=True)
        ]

    def _losses(self, z: list[tf.Tensor], y: tf.Tensor, rows: tf.Tensor, stream: dict[str, tf.Tensor]) -> tf.Tensor:
        """Each row's loss under its replica's own objective, times its weight: (replicas, batch)."""
        parts = []
        for units, logits, labels in zip(self.units, z, tf.split(y, self.counts, axis=0), strict=True):
            pieces = [piece for piece in self.slices if piece.units == units]
            # the gradient of a split is one concatenation; that of slices a sum of as many arrays, each mostly zeros
            sizes = [piece.stop - piece.start for piece in pieces]
            of_pieces = zip(pieces, tf.split(logits, sizes, axis=0), tf.split(labels, sizes, axis=0), strict=True)
            parts += [row_losses(piece.head, *given) for piece, *given in of_pieces]
        losses = tf.concat(parts, axis=0)
        if self.row_weights is None:
            return losses
        return losses * tf.gather(tf.gather(self.row_weights, rows), stream["of_replica"])

    def _penalty(self) -> tf.Tensor:
        """Each replica's own sum of the weights' regularisers: (replicas,)."""
        total = tf.zeros([self.replicas], self.dtype)
        for template, variable, trains in zip(self._templates, self._stack, self._trains, strict=True):
            regularizer = template.regularizer
            if regularizer is not None and trains:
                total += _penalties(regularizer, tf.reshape(variable.value, [self.replicas, -1]))
        if self.l2:
            squares = tf.concat([tf.reduce_sum(tf.square(k.value), axis=[1, 2]) for k in self._kernels], axis=0)
            total += self.l2 * tf.constant(self._decay_scale, self.dtype) * squares
        return total

    def _step(
        self, step: tf.Tensor, last: tf.Tensor, order: tf.Tensor, stream: dict[str, tf.Tensor], rates: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Take one step; of the last one, `last` - 1, also the norms and the shares of dead rows, else zeros."""
        rows = order[:, step]
        source, x, y = self._rows(rows, stream)
        context = Context(
            self._values(), replicas=self.replicas, training=True, random=random_layers(self.trunk),
            seeds=stream["seeds"], step=step, source=(source, stream["of_replica"]),
        )  # fmt: skip
        with tf.GradientTape() as tape:
            z = self._logits(x, context)
            objectives = tf.reduce_mean(self._losses(z, y, rows, stream), axis=1) + self._penalty()
            objective = tf.reduce_sum(objectives)
        # the gradient at the logits is on the way to the weights: asking for it costs nothing
        gradients, at_logits = tape.gradient(objective, [[v.value for v in self._variables], z])
        self._update(gradients, rates)
        for template, variable in zip(self._templates, self._stack, strict=True):
            if id(template) in context.updates:
                variable.assign(context.updates[id(template)])
        norms, dead = tf.cond(
            step + 1 == last, lambda: (self._norms(gradients), dead_shares(at_logits)), lambda: self._zeros()
        )
        return objectives, norms, dead

    def _zeros(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Norms and shares of dead rows before any step that is recorded."""
        scopes = len(NORMS) + len(self._scopes)
        return tf.zeros([scopes, self.replicas], self.dtype), tf.zeros([self.replicas], self.dtype)

    def _values(self) -> dict[int, tf.Tensor]:
        return {id(t): v.value for t, v in zip(self._templates, self._stack, strict=True)}

    def _update(self, gradients: list[tf.Tensor | None], rates: tf.Tensor) -> None:
        """Move every variable; the heads' rates and decays are scaled by arm."""
        trunk = len(self._trunk_variables)
        of_heads = tf.split(rates * tf.constant(self._rate_scale, self.dtype), self.counts)
        scales = tf.split(tf.constant(self._decay_scale, self.dtype), self.counts)
        each_rate = [*[rates] * trunk, *of_heads, *of_heads]
        each_scale = [*[tf.ones_like(rates)] * trunk, *scales, *scales]
        move(self._optimizer, list(zip(self._variables, gradients, each_rate, each_scale, strict=True)))

    def _norms(self, gradients: list[Any]) -> tf.Tensor:
        """The norms of the gradients that were applied, (scopes, replicas)."""
        trunk, groups = len(self._trunk_variables), len(self.units)
        of_heads = gradients[trunk:]
        return norms(gradients[:trunk], of_heads[:groups], of_heads[groups:], [indices for _, indices in self._scopes])

    def _steps(
        self, first: tf.Tensor, last: tf.Tensor, order: tf.Tensor, stream: dict[str, tf.Tensor], rates: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Take the steps first .. last-1.

        `order`: (streams, steps, batch). `rates`: (replicas,).
        Returns the mean objective of these steps (replicas,), and of the last one the norms (scopes, replicas) and
        the shares of dead rows (replicas,).
        """

        def body(step: tf.Tensor, total: tf.Tensor, *_: tf.Tensor) -> tuple[tf.Tensor, ...]:
            objective, norms, dead = self._step(step, last, order, stream, rates)
            return step + 1, total + objective, norms, dead

        zeros = tf.zeros([self.replicas], self.dtype)
        _, total, norms, dead = tf.while_loop(lambda step, *_: step < last, body, (first, zeros, *self._zeros()))
        return total / tf.cast(last - first, self.dtype), norms, dead

    def _block(self, rows: tf.Tensor, stream: dict[str, tf.Tensor]) -> tuple[list[tf.Tensor], tf.Tensor, tf.Tensor]:
        """Raw outputs, row losses and penalties of `rows` (streams, rows), in inference mode."""
        source, x, y = self._rows(rows, stream)
        context = Context(
            self._values(), replicas=self.replicas, training=False, source=(source, stream["of_replica"])
        )
        z = self._logits(x, context)
        return z, self._losses(z, y, rows, stream), self._penalty()


def _penalties(regularizer: Any, rows: tf.Tensor) -> tf.Tensor:
    """`regularizer` of each replica's weights, (replicas, entries); L1, L2 and L1L2 are sums over the entries."""
    l1, l2 = (tf.cast(getattr(regularizer, name, 0.0), rows.dtype) for name in ("l1", "l2"))
    return l1 * tf.reduce_sum(tf.abs(rows), axis=1) + l2 * tf.reduce_sum(tf.square(rows), axis=1)
