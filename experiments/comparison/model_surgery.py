"""A Keras model taken apart: its trunk, which every arm keeps, and its head, which the arms replace."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import keras

from experiments import keras_internals
from experiments.records import UserError, require
from experiments.tasks.files import kind_and_message

_ACTIVATIONS = ("sigmoid", "softmax", "linear")
# what may stand behind the head without changing what it says
_NEUTRAL = ("Identity", "ActivityRegularization")


@dataclass(frozen=True, kw_only=True)
class Head:
    """The end of a whole classifier: a Dense layer of one or two units and what follows it.

    `loss`: its name if the model is compiled, else "". `l2`: the penalty on the kernel.
    `notes`: what about it the arms do not carry over, a sentence each; `initialisers` says it of its first weights.
    """

    layer: keras.layers.Dense
    activation: str
    loss: str
    l2: float
    notes: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The arm that it is most like."""
        return "sigmoid" if self.layer.units == 1 else "softmax"

    @property
    def text(self) -> str:
        """The head as one would write it."""
        loss = f" under {self.loss}" if self.loss else ""
        return f"Dense({self.layer.units}, {self.activation}){loss}"


def functional(model: keras.Model, row: tuple[int, ...], name: str) -> keras.Model:
    """`model` with a graph for rows of shape `row`. Raises `UserError` if it does not take them."""
    if type(model) is keras.Sequential and not model.built:
        try:
            model.build((None, *row))
        except Exception as error:
            raise _unfit(name, row, error) from error
    inputs = getattr(model, "inputs", None) or []
    require(
        len(inputs) <= 1,
        f"{name} returned a model with {len(inputs)} inputs. A comparison gives it one array of rows, {row}.",
    )
    if inputs:
        expected = tuple(inputs[0].shape[1:])
        fits = len(expected) == len(row) and all(
            size is None or size == row_size for size, row_size in zip(expected, row, strict=True)
        )
        require(
            fits,
            f"{name} returned a model that takes rows of shape {expected}; the rows of the data, once encoded, have "
            f"the shape {row}. Let the function take the shape as its argument: `def build(input_shape)`.",
        )
        if all(size is not None for size in expected):
            return model
    try:
        rows = keras.Input(row)
        if keras_internals.graph_of(model) is None:
            return keras.Model(rows, model(rows))
        # layer after layer: seen from outside, a nested model hides its head
        return keras.Model(rows, keras_internals.run_graph(model, rows, lambda operation: operation))
    except Exception as error:
        raise _unfit(name, row, error) from error


def _unfit(name: str, row: tuple[int, ...], error: Exception) -> UserError:
    return UserError(
        f"The model that {name} returned cannot be applied to rows of the shape {row}, which the data has once "
        f"encoded: {kind_and_message(error)}"
    )


def check_precision(model: keras.Model, name: str) -> None:
    """Raise `UserError` if a layer computes in another precision than float32."""
    for layer in keras_internals.layers_within(model, itself=False):
        kind = getattr(layer, "compute_dtype", None)
        require(
            kind in (None, "float32"),
            f"{name} returned a model whose layer {layer.name!r} computes in {kind}. A comparison is made in float32: "
            "leave the dtype policy out.",
        )


def take_apart(model: keras.Model, compiled: keras.Model, name: str) -> tuple[keras.Model, Head | None]:
    """The trunk of a functional model, and its head if it has one.

    `compiled`: the user's model itself, which holds the loss. Raises `UserError` for a compiled model whose head
    cannot be found, and for a trunk whose output is not (features,).
    """
    require(
        len(model.outputs) == 1,
        f"{name} returned a model with {len(model.outputs)} outputs. A comparison needs one.",
    )
    last, after = _last(model.outputs[0])
    if last is None or not _is_head(last, after, compiled.compiled):
        require(
            not compiled.compiled,
            f"{name} returned a compiled model that does not end in a Dense layer of one or two units, seen from "
            "outside of nested models. Return a model that does, or the uncompiled trunk without its head.",
        )
        _check_ends_in_features(last, after, model.outputs[0], name)
        return _trunk(model, model.outputs[0], name), None
    activation = _activation(last, after)
    features = _input_of(last)
    return _trunk(model, features, name), Head(
        layer=last,
        activation=activation,
        loss=_loss(compiled) if compiled.compiled else "",
        l2=_l2(last),
        notes=tuple(_notes(last, after, activation, compiled)),
    )


def _trunk(model: keras.Model, features: Any, name: str) -> keras.Model:
    shape = tuple(features.shape[1:])
    require(
        len(shape) == 1 and shape[0] is not None,
        f"The trunk of {name} ends in the shape {shape}. It must end in one vector of features a row: add "
        "keras.layers.Flatten() or a pooling layer.",
    )
    rows = model.inputs[0]
    if features is rows:
        features = keras.layers.Identity()(features)  # a graph needs a layer
    trunk = keras.Model(rows, features)
    if not all(layer.built for layer in keras_internals.layers_within(trunk)):
        trunk(keras.ops.zeros((1, *rows.shape[1:])))  # an activation that is a layer has its weights when it has run
    return trunk


def _last(tensor: Any) -> tuple[Any, list[Any]]:
    """The last operation with weights before `tensor`, or None, and those behind it, the last one last."""
    after: list[Any] = []
    while True:
        layer, inputs = keras_internals.producer_of(tensor)
        if getattr(layer, "weights", None):
            return layer, after
        if len(inputs) != 1:
            return None, after
        after.insert(0, layer)
        tensor = inputs[0]


def _check_ends_in_features(last: Any, after: list[Any], output: Any, name: str) -> None:
    """Raise `UserError` for an uncompiled model that ends as a classifier does, but in no head that can be replaced.

    That is softmax over any number of values, and one or two values of sigmoid, of a nested model's last Dense layer,
    or of a class of the user's own.
    """
    nested = isinstance(last, keras.Model)
    while isinstance(last, keras.Model) and (graph := keras_internals.graph_of(last)) is not None:
        last, within = _last(graph.outputs[0])
        after = [*within, *after]
    activation, values = _activation(last, after), output.shape[-1]
    hidden = nested and isinstance(last, (keras.layers.Dense, keras.Model))
    require(
        activation != "softmax" and not (values in (1, 2) and (activation == "sigmoid" or hidden)),
        f"{name} returned an uncompiled model that ends in {activation} over {values} value{'s' * (values != 1)}, as a "
        "classifier does whose head cannot be replaced. End it in Dense(1, 'sigmoid') or Dense(2, 'softmax'), outside "
        "of nested models, or return what is in front of its head.",
    )


def _input_of(layer: Any) -> Any:
    return keras_internals.calls_of(layer)[-1].input_tensors[0]


def _is_head(layer: Any, after: list[Any], compiled: bool) -> bool:
    """Whether a layer is a classifier's last: Dense of one unit, or of two without an activation of hidden layers."""
    if type(layer) is not keras.layers.Dense or layer.units > 2:
        return False
    return compiled or layer.units == 1 or _activation(layer, after) in _ACTIVATIONS


def _activation(layer: Any, after: list[Any]) -> str:
    """The last activation that is not linear: of the layer itself or of what follows."""
    activation = "linear"
    for operation in (layer, *after):
        name = type(operation).__name__.lower()
        if name not in ("sigmoid", "softmax"):
            name = getattr(getattr(operation, "activation", None), "__name__", "linear")
        activation = name if name != "linear" else activation
    return activation


def _loss(model: keras.Model) -> str:
    loss = model.loss
    if isinstance(loss, (list, tuple, dict)):
        values = list(loss.values()) if isinstance(loss, dict) else list(loss)
        loss = values[0] if values else None
    if loss is None:
        return ""
    name, from_logits = loss_name(loss)
    return f"{name}(from_logits=True)" if from_logits else name


def loss_name(loss: Any) -> tuple[str, bool]:
    """What Keras calls a loss, and whether it takes logits. Raises `UserError` for a name that Keras does not know."""
    try:
        resolved = keras.losses.get(loss)
    except ValueError as error:
        raise UserError(f"Keras knows no loss {loss!r}.") from error
    if isinstance(resolved, keras.losses.Loss):
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(resolved).__name__).lower()
        return name, bool(resolved.get_config().get("from_logits", False))
    return getattr(resolved, "__name__", str(resolved)), False


def _l2(layer: Any) -> float:
    regularizer = layer.kernel_regularizer
    return float(regularizer.l2) if type(regularizer) is keras.regularizers.L2 else 0.0


def _notes(layer: Any, after: list[Any], activation: str, model: keras.Model) -> list[str]:
    notes = []
    if activation not in _ACTIVATIONS:
        notes.append(f"Its head applies {activation!r}; the arms apply sigmoid and softmax instead.")
    behind = [type(operation).__name__ for operation in after if type(operation).__name__ not in _NEUTRAL]
    behind = [name for name in behind if name.lower() not in ("activation", "sigmoid", "softmax")]
    if behind:
        notes.append(f"What follows its head is left out of the arms: {', '.join(behind)}.")
    if not layer.use_bias:
        notes.append("Its head has no bias; the arms have one.")
    for part in ("kernel", "bias"):
        regularizer = getattr(layer, f"{part}_regularizer")
        if regularizer is not None and not (part == "kernel" and type(regularizer) is keras.regularizers.L2):
            notes.append(f"The {type(regularizer).__name__} penalty on its head's {part} is left out of the arms.")
    loss = _loss(model).removesuffix("(from_logits=True)") if model.compiled else ""
    usual = ("binary_crossentropy",) if layer.units == 1 else ("categorical_crossentropy",
                                                               "sparse_categorical_crossentropy")  # fmt: skip
    if loss and loss not in usual:
        notes.append(
            f"Its loss is {loss}, with {layer.units} unit{'s' * (layer.units > 1)}; the arms use the cross-entropy of "
            "their own head. `headtohead check` says what such a pair computes."
        )
    smoothing = getattr(model.loss, "label_smoothing", 0) if model.compiled else 0
    if smoothing:
        notes.append(f"Its label smoothing of {smoothing:g} is left out of the arms.")
    return notes
