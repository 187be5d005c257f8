"""All that this package uses of Keras and that its documentation does not promise: what to look at in a new release.

Keras is imported within, when it is used: the program that is looked at chooses its backend.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

# its part on JAX
from experiments.keras_internals.on_jax import convolving as convolving
from experiments.keras_internals.on_jax import float64_kept as float64_kept
from experiments.keras_internals.on_jax import seed_off_tensorflow as seed_off_tensorflow
from experiments.keras_internals.on_jax import small_programs as small_programs

# the modules of the trainers that a model may be, each with the class that has `fit`
TRAINERS = {
    "keras.src.backend.tensorflow.trainer": "TensorFlowTrainer",
    "keras.src.backend.torch.trainer": "TorchTrainer",
    "keras.src.backend.jax.trainer": "JAXTrainer",
}
# a module of Keras that loads JAX, wherever that is installed, to mend a version of it
MENDS_JAX = "keras.src.callbacks.orbax_checkpoint"


# seeds


def default_seeds(seed: int, count: int) -> list[int]:
    """The seeds that initialisers get which are given none: the first `count` after Python's generator is seeded."""
    from keras.src.random.seed_generator import make_default_seed

    random.seed(seed)
    return [make_default_seed() for _ in range(count)]


# models and layers


def layers_within(layer: Any, *, itself: bool = True, nested: bool = True) -> list[Any]:
    """The layers of a model or of a layer, in the order of their making; `nested`: those within layers as well."""
    return list(layer._flatten_layers(include_self=itself, recursive=nested))


def seed_states(model: Any) -> list[Any]:
    """The states, (2,) each, of the random generators that the layers of `model` have, in the order of their making."""
    generators = [generator for layer in layers_within(model) for generator in layer._seed_generators]
    return list({id(generator): generator.state for generator in generators}.values())


def takes_training(model: Any) -> bool:
    """Whether a model's `call` can be told that it trains."""
    return bool(model._call_has_training_arg)


def graph_of(model: Any) -> Any:
    """The functional graph of `model`, or None when it has none (a subclass with its own `call`)."""
    import keras

    if type(model) is keras.Sequential:
        return model._functional
    return model if type(model) is keras.src.models.functional.Functional else None


def run_graph(model: Any, x: Any, of_operation: Callable[[Any], Callable[..., Any]]) -> Any:
    """What the graph of `model` makes of `x` if each operation computes what `of_operation` gives for it."""
    return graph_of(model)._run_through_graph(x, operation_fn=of_operation)


def calls_of(operation: Any) -> Sequence[Any]:
    """The calls of an operation in graphs, each with `arguments` and `input_tensors`."""
    calls: Sequence[Any] = operation._inbound_nodes
    return calls


def calls_within(model: Any, operation: Any) -> Sequence[Any]:
    """The calls of an operation that are part of a model's graph, and not of another that shares it."""
    graph_nodes = {id(node) for nodes in graph_of(model)._nodes_by_depth.values() for node in nodes}
    return [node for node in calls_of(operation) if id(node) in graph_nodes]


def producer_of(tensor: Any) -> tuple[Any, Sequence[Any]]:
    """The operation that a symbolic tensor comes from, and the tensors that it was given in that call."""
    operation, number = tensor._keras_history[:2]
    return operation, operation._inbound_nodes[number].input_tensors


def inputs_of(model: Any) -> Any:
    """The symbolic inputs of a model in the structure that it takes, or None if it has not been built as a graph."""
    inputs = getattr(model, "inputs", None)
    return getattr(model, "_inputs_struct", inputs[0] if len(inputs) == 1 else inputs) if inputs else None


def built_for(layer: Any) -> tuple[int | None, ...]:
    """The shape of the input that a layer was built for."""
    shape: tuple[int | None, ...] = layer._build_shapes_dict["input_shape"]
    return shape


def mask_of(tensor: Any) -> Any:
    """The mask that a layer has left on its result, symbolic or not, or None."""
    return getattr(tensor, "_keras_mask", None)


def operations_of_masks() -> tuple[type, type]:
    """The operations that make masks in a graph: whether two differ, and whether any along an axis is true."""
    from keras.src.ops.numpy import Any as AnyOf
    from keras.src.ops.numpy import NotEqual

    return NotEqual, AnyOf


def logits_of(prediction: Any) -> Any:
    """The logits that an activation left on what it returned, or None."""
    return getattr(prediction, "_keras_logits", None)


def with_logits(prediction: Any, logits: Any) -> Any:
    """The prediction, with these logits left on it."""
    prediction._keras_logits = logits
    return prediction


@dataclass(frozen=True, kw_only=True)
class Attention:
    """The parts of a MultiHeadAttention layer: four EinsumDense layers and its settings."""

    query: Any
    key: Any
    value: Any
    output: Any
    scale: float
    dropout: float
    axes: tuple[int, ...]


def attention_of(layer: Any) -> Attention:
    """The parts of a layer that has been built."""
    return Attention(
        query=layer._query_dense,
        key=layer._key_dense,
        value=layer._value_dense,
        output=layer._output_dense,
        scale=layer._inverse_sqrt_key_dim,
        dropout=layer._dropout,
        axes=tuple(layer._attention_axes),
    )


def operation_class() -> Any:
    """The class whose `__call__` every layer's call passes through."""
    from keras.src.ops.operation import Operation

    return Operation


# optimizers


def trained_by(optimizer: Any) -> Sequence[Any]:
    """The variables that an optimizer was built for."""
    variables: Sequence[Any] = optimizer._trainable_variables
    return variables


def schedule_of(optimizer: Any) -> Any:
    """The learning rate as it was given: a schedule, or a variable."""
    return getattr(optimizer, "_learning_rate", None)


def excludes_from_decay(optimizer: Any) -> bool:
    """Whether weights were excluded from the optimizer's decay."""
    return bool(getattr(optimizer, "_exclude_from_weight_decay", None))


def scaled_optimizer(optimizer: Any, variables: Sequence[Any], *, rate: float, decay: float, dtype: str) -> Any:
    """The same optimizer, but the learning rate of `variables` is multiplied by `rate`, their decay by `decay`.

    Both are variables in `dtype`, as the learning rate is one.
    """
    import keras

    scaled_ids = {id(variable) for variable in variables}

    class Scaled(type(optimizer)):  # type: ignore[misc]
        """Keras's rule, with some variables' own rate and decay."""

        def build(self, variables: Sequence[Any]) -> None:
            super().build(variables)
            self.own_rate = self._scale("own_rate", rate)
            self.own_decay = self._scale("own_decay", decay)

        def _scale(self, name: str, value: float) -> Any:
            initially = keras.initializers.Constant(value)
            return self.add_variable(shape=(), initializer=initially, dtype=dtype, name=name)

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            trainable = self._trainable_variables[self._get_variable_index(variable)]
            rate = learning_rate * self.own_rate if id(trainable) in scaled_ids else learning_rate
            super().update_step(gradient, variable, rate)

        def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
            if self.weight_decay is None:
                return
            for variable in variables:
                rate = keras.ops.cast(self.learning_rate, variable.dtype)
                if id(variable) in scaled_ids:
                    rate = rate * self.own_rate * self.own_decay
                variable.assign(variable - variable * keras.ops.cast(self.weight_decay, variable.dtype) * rate)

    return Scaled.from_config(optimizer.get_config())


def moments_of(optimizer: Any, variable: Any) -> tuple[Any, Any]:
    """What Adam keeps of a variable: the running means of its gradient and of the gradient's square."""
    index = optimizer._get_variable_index(variable)
    return optimizer._momentums[index], optimizer._velocities[index]


# compiled losses and metrics


def compiled_loss_of(model: Any) -> Any:
    """What `compile(loss=...)` made of the losses, or None."""
    return getattr(model, "_compile_loss", None)


def cross_entropies() -> tuple[Any, tuple[str, ...]]:
    """The module and the names of the functions that find the logits behind a prediction, on TensorFlow."""
    from keras.src.backend.tensorflow import nn

    return nn, ("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy")


def compiled_loss_class() -> Any:
    """The class of what `compile` makes of the losses."""
    from keras.src.trainers.compile_utils import CompileLoss

    return CompileLoss


def watched_losses(model: Any, watch: Callable[[Any], Callable[..., Any]]) -> Callable[[Any, Any], Any]:
    """The compiled losses of a model, with `watch(entry)` in the place of each: a function of labels and predictions.

    An entry has a `name`, a `loss`, and in `loss_weights` the weight that it was compiled with, or None.
    """

    class Watched(compiled_loss_class()):  # type: ignore[misc]
        def build(self, y_true: Any, y_pred: Any) -> None:
            super().build(y_true, y_pred)
            watched = [entry._replace(loss=watch(entry)) for entry in self._flat_losses]  # type: ignore[has-type]
            self._flat_losses = watched

    losses: Callable[[Any, Any], Any] = Watched(
        model.loss, compiled_loss_of(model)._user_loss_weights, output_names=getattr(model, "output_names", None)
    )
    return losses


def compiled_metrics_of(model: Any) -> Any:
    """The metrics that a model was compiled with, made anew, or None if there are none."""
    from keras.src.trainers.compile_utils import CompileMetrics

    compiled = getattr(model, "_compile_metrics", None)
    if compiled is None:
        return None
    names = getattr(model, "output_names", None)
    return CompileMetrics(compiled._user_metrics, compiled._user_weighted_metrics, output_names=names)


def metrics_by_output(compiled: Any) -> list[tuple[int, Any]]:
    """Each metric of compiled ones that have been built, with the index of its output."""
    return [
        (output_index, metric)
        for listed in (compiled._flat_metrics, compiled._flat_weighted_metrics)
        for output_index, of_output in enumerate(listed)
        for metric in getattr(of_output, "metrics", ())
    ]


def function_of(metric: Any) -> Any:
    """The function that a metric takes the mean of, or None."""
    return getattr(metric, "_fn", None)


def options_of(metric: Any) -> dict[str, Any]:
    """What a metric gives to its function."""
    return getattr(metric, "_fn_kwargs", None) or {}
