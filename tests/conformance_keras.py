"""Keras on the backend of this process: the engines on it, and a hand-written loop as its guides have it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
from conformance import Trained

from experiments.engines.keras_draws import weights_of
from experiments.engines.keras_trunk import keras_trunk, layer_scopes, precision, trunk_of
from experiments.problem import Chunk, Problem
from experiments.problem import _problem as problems
from experiments.records import Head, Setup

__all__ = ["engines", "forget", "layers", "plain", "precision", "prepare"]

ON_JAX = keras.backend.backend() == "jax"
if ON_JAX:
    import jax

    from experiments.engines.keras_jax import KerasJax
    from experiments.engines.keras_jax.engine import quick_to_compile

    engines: dict[str, Callable[[], Any]] = {"keras-jax": KerasJax}
else:
    import tensorflow as tf

    from experiments.engines.keras_fit import KerasFit
    from experiments.engines.stacked import Stacked

    engines = {"stacked": Stacked, "keras_fit": KerasFit}


def with_layers(*made: Callable[[], Any]) -> Callable[[tuple[int, ...]], keras.Model]:
    """What builds a network of layers that are made anew each time."""
    return lambda row: keras.Sequential([keras.Input(row), *(make() for make in made), keras.layers.Flatten()])


of = keras.layers
tokens = (lambda: of.Flatten(), lambda: of.ReLU(max_value=7))
layers = {
    "statistics": with_layers(
        lambda: of.Flatten(), lambda: of.Dense(6), lambda: of.BatchNormalization(momentum=0.8), lambda: of.ReLU()
    ),
    "dropout": with_layers(
        lambda: of.Dropout(0.2), lambda: of.Flatten(), lambda: of.Dense(6, activation="relu"), lambda: of.Dropout(0.4)
    ),
    "lstm": with_layers(lambda: of.Reshape((-1, 8)), lambda: of.LSTM(5)),
    "separable": with_layers(lambda: of.SeparableConv2D(4, 3, activation="tanh")),
    "convolved": with_layers(
        lambda: of.Reshape((-1, 8)),
        lambda: of.Conv1D(4, 3, padding="causal", dilation_rate=2),
        lambda: of.Conv1D(4, 2, strides=3, padding="same", groups=2, activation="swish"),
    ),
    "table": with_layers(*tokens, lambda: of.Embedding(8, 3)),
    "penalised": with_layers(
        lambda: of.Flatten(),
        lambda: of.Dense(5, activation="tanh", kernel_regularizer="l1", bias_constraint="non_neg"),
        lambda: of.ActivityRegularization(l2=0.1),
    ),
}


def prepare(setup: Setup) -> Problem:
    """The problem with trunks by Keras."""
    return problems.prepare(setup, trunk_of)


def forget() -> None:
    """Leave what was compiled."""
    programs.clear()
    keras.backend.clear_session()
    if ON_JAX:
        jax.clear_caches()


class Program:
    """A classifier, its last layer, and the step of a hand-written loop, for arms of one graph."""

    def __init__(self, problem: Problem, head: Head) -> None:
        self.trunk = keras_trunk(problem).fresh()
        l2 = problem.optimizer.l2 * head.decay_scale
        self.last = keras.layers.Dense(
            head.units, activation=head.activation, kernel_regularizer=keras.regularizers.L2(l2) if l2 else None
        )
        self.model = keras.Model(self.trunk.inputs[0], self.last(self.trunk.outputs[0]))
        # the whole trunk at its rate, the head at its own with a decay of its own: two of Keras's optimizers
        self.optimizers = [problem.optimizer.make(1.0) for _ in range(2)]
        if self.optimizers[1].weight_decay:
            self.optimizers[1].weight_decay *= head.decay_scale
        for optimizer, part in zip(self.optimizers, (self.trunk, self.last), strict=True):
            optimizer.build(part.trainable_variables)
        self._first = [[np.array(variable) for variable in optimizer.variables] for optimizer in self.optimizers]
        self.step = (jax_step if ON_JAX else tensorflow_step)(self.model, loss_of(head), self.optimizers)

    def start(self, chunk: Chunk) -> None:
        """The first weights and states of a chunk's one network, and optimizers that have taken no step."""
        (replica,) = chunk.replicas
        for variable, value in zip(weights_of(self.trunk), chunk.trunks[0], strict=True):
            variable.assign(value)
        dropouts = [layer for layer in self.trunk.layers if isinstance(layer, keras.layers.Dropout)]
        for place, layer in enumerate(dropouts):
            layer.seed_generator.state.assign([int(chunk.random[0]) + place, 0])
        self.last.kernel.assign(chunk.kernels[0])
        self.last.bias.assign(chunk.biases[0])
        rates = (replica.learning_rate, replica.learning_rate * replica.head.rate_scale)
        for optimizer, first, rate in zip(self.optimizers, self._first, rates, strict=True):
            for variable, value in zip(optimizer.variables, first, strict=True):
                variable.assign(value)
            optimizer.learning_rate = rate


programs: dict[tuple[object, ...], Program] = {}


def plain(problem: Problem, chunk: Chunk, rows: np.ndarray) -> Trained:
    """One network by a loop over batches: Keras's model, loss and optimizers, and the backend's own derivative."""
    head = chunk.replicas[0].head
    graph = (id(problem.trunk), head.units, head.activation, head.loss, head.decay_scale)
    program = programs.get(graph) or programs.setdefault(graph, Program(problem, head))
    program.start(chunk)
    seen = [program.step(*batch(problem, chunk, order, head)) for order in chunk.order[0]]
    gradients = [np.asarray(gradient) for gradient in seen[-1][1]]
    x, y = batch(problem, chunk, rows, head)
    held_out = float(loss_of(head)(y, program.model(x, training=False))) + sum(map(float, program.model.losses))
    losses = {"fit_loss": float(np.mean([float(loss) for loss, _ in seen])), "loss": held_out}
    weights = (*weights_of(program.trunk), program.last.kernel, program.last.bias)
    return Trained(
        numbers={**losses, **norms(program.trunk, gradients, head.units)},
        weights=tuple(np.array(variable) for variable in weights),
    )


def batch(problem: Problem, chunk: Chunk, rows: np.ndarray, head: Head) -> tuple[np.ndarray, np.ndarray]:
    """Rows as a user scales them, and their labels as the loss takes them."""
    dtype, y = problem.setup.dtype, problem.data.y[rows]
    x = ((problem.data.x[rows] - chunk.mean[0]) / chunk.scale[0]).astype(dtype)
    if head.loss.startswith("sparse"):
        return x, y
    return x, (y[:, None] if head.units == 1 else np.eye(head.units)[y]).astype(dtype)


def loss_of(head: Head) -> keras.losses.Loss:
    """Keras's loss under the name that the arm gives."""
    losses = {
        "binary_crossentropy": keras.losses.BinaryCrossentropy,
        "categorical_crossentropy": keras.losses.CategoricalCrossentropy,
        "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
    }
    return losses[head.loss](from_logits=head.activation == "linear", dtype=keras.config.floatx())


def norms(trunk: keras.Model, gradients: list[np.ndarray], units: int) -> dict[str, float]:
    """Euclidean norms of parts of the gradient; of a head of two units also along w1 - w0."""
    *inner, kernel, bias = gradients
    head = [kernel, bias]
    along = [(g[..., 1] - g[..., 0]) / 2 for g in head] if units == 2 else head

    def norm(parts: list[np.ndarray]) -> float:
        return float(np.sqrt(sum(np.sum(np.square(part, dtype=np.float64)) for part in parts)))

    layers = {name: norm([inner[place] for place in places]) for name, places in layer_scopes(trunk)}
    return {"trunk": norm(inner), "head": norm(head), "total": norm(gradients), "effective_head": norm(along), **layers}


def tensorflow_step(model: keras.Model, loss: keras.losses.Loss, optimizers: list[Any]) -> Callable[..., Any]:
    """A step with a gradient tape."""
    variables = model.trainable_variables

    @tf.function(autograph=False)
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            objective = loss(y, model(x, training=True)) + sum(model.losses)
        # a table's gradient stays the list of rows that it is: Keras's rules treat that as such
        gradients = tape.gradient(objective, variables)
        for optimizer, own in zip(optimizers, (slice(-2), slice(-2, None)), strict=True):
            if variables[own]:
                optimizer.apply(gradients[own], variables[own])
        return objective, [tf.convert_to_tensor(gradient) for gradient in gradients]

    return step


def jax_step(model: keras.Model, loss: keras.losses.Loss, optimizers: list[Any]) -> Callable[..., Any]:
    """A step with `jax.grad`; the state is passed on, and put back into the model at each step."""

    def objective(trainable: Any, others: Any, x: Any, y: Any) -> Any:
        prediction, others, penalties = model.stateless_call(trainable, others, x, training=True, return_losses=True)
        return loss(y, prediction) + sum(penalties), others

    # in float32 as JAX compiles by itself, so that the options are compared too
    @partial(jax.jit, compiler_options=quick_to_compile() if keras.config.floatx() == "float64" else None)
    def pure(trainable: Any, others: Any, states: Any, x: Any, y: Any) -> Any:
        (value, others), gradients = jax.value_and_grad(objective, has_aux=True)(trainable, others, x, y)
        moved = [
            optimizer.stateless_apply(state, gradients[own], trainable[own])
            for optimizer, state, own in zip(optimizers, states, (slice(-2), slice(-2, None)), strict=True)
        ]
        return value, gradients, [*moved[0][0], *moved[1][0]], others, [state for _, state in moved]

    def step(x: Any, y: Any) -> Any:
        owners = [model.trainable_variables, model.non_trainable_variables]
        trainable, others = ([variable.value for variable in own] for own in owners)
        states = [[variable.value for variable in optimizer.variables] for optimizer in optimizers]
        value, gradients, *new = pure(trainable, others, states, x, y)
        moved = zip([*owners, *(optimizer.variables for optimizer in optimizers)], [*new[:2], *new[2]], strict=True)
        for variables, values in moved:
            for variable, its in zip(variables, values, strict=True):
                variable.assign(its)
        return value, gradients

    return step
