"""The end of a Keras model, read as a path of the atlas: its last activation, its loss, its dtypes."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.numerics.axes import LOSSES, Path, backend_in_use
from experiments.records import UserError, require

_ACTIVATIONS = ("sigmoid", "softmax")
_KNOWN = ", ".join(LOSSES)
# what returns the very tensor that it is given
_NEUTRAL = ("ActivityRegularization", "Identity")
_REST = -200.0  # the logit of every further class: its probability is 0 in every dtype


@dataclass(frozen=True, kw_only=True)
class Program:
    """One output of a model, from its logits to its loss.

    `head`: the layer that squashes the logits, or the last one if none does; `after`: the layers behind it;
    `shape`: of the logits of one sample, the classes last; `objective`: Keras's loss, one value a row.
    """

    output: str
    path: Path
    head: Any
    after: tuple[Any, ...]
    shape: tuple[int, ...]
    objective: Any

    @property
    def units(self) -> int:
        """How many units the output really has; the path has 1 or 2."""
        return self.shape[-1]


def programs(model: Any) -> list[Program]:
    """The programs of a compiled model, one an output. Raises `UserError` for a model that cannot be read."""
    outputs = getattr(model, "outputs", None) or []
    require(
        len(outputs) > 0,
        "The model's layers cannot be read: it is a subclass of keras.Model, or not built. Return a Sequential "
        "model with an Input, or a functional one, that ends in the same layers.",
    )
    names = list(getattr(model, "output_names", ["output"]))  # a Sequential model has one output, and no name for it
    return [
        _program(name, tensor, loss)
        for name, tensor, loss in zip(names, outputs, _losses(model, names), strict=True)
        if loss is not None
    ]


def _losses(model: Any, names: list[str]) -> list[Any]:
    if isinstance(model.loss, dict):
        return [model.loss.get(name) for name in names]
    if isinstance(model.loss, (list, tuple)):
        return list(model.loss)
    return [model.loss] * len(names)


def _program(output: str, tensor: Any, given: Any) -> Program:
    import keras

    made = _made(tensor)
    active = [place for place, (layer, _) in enumerate(made) if _activation(layer) != "linear"]
    place = active[-1] if active else len(made) - 1
    head, result = made[place]
    after = tuple(layer for layer, _ in made[place + 1 :])
    kind, from_logits = _loss(given)
    objective = getattr(keras.losses, "".join(part.capitalize() for part in kind.split("_")))(
        from_logits=from_logits, reduction=None, dtype=getattr(given, "dtype", None)
    )
    # an activation keeps the shape, so that of its result is that of the logits
    shape = tuple(size or 1 for size in result.shape[1:])
    require(
        kind == "binary_crossentropy" or tensor.shape[-1] == shape[-1],
        f"The activation is over {shape[-1]} units and {kind} sums over {tensor.shape[-1]}: these are not the classes.",
    )
    if any(type(layer).__name__ not in _NEUTRAL for layer in after):
        form = "layer_after"
    else:
        form = "in_layer" if not active or getattr(head, "weights", None) else "activation_layer"
    path = Path(
        framework=f"keras-{backend_in_use()}",
        execution="eager",
        dtype=_dtype(_compute(head), objective.dtype),
        form="from_logits" if from_logits else form,
        activation=_activation(head),
        units=min(shape[-1], 2),
        loss=kind,
    )
    return Program(output=output, path=path, head=head, after=after, shape=shape, objective=objective)


def _made(tensor: Any) -> list[tuple[Any, Any]]:
    """The operations from the last one that has weights to the output, each with the tensor that it returns."""
    made: list[tuple[Any, Any]] = []
    while True:
        layer, node = tensor._keras_history[:2]
        made.insert(0, (layer, tensor))
        node = layer._inbound_nodes[node]
        if getattr(layer, "weights", None) or len(node.input_tensors) != 1:
            return made
        tensor = node.input_tensors[0]


def _activation(layer: Any) -> str:
    """The activation that a layer applies; an activation that is none of the two known is refused."""
    name = type(layer).__name__.lower()
    if name in _ACTIVATIONS:  # keras.layers.Softmax, keras.ops.sigmoid
        return name
    function = getattr(layer, "activation", None)
    name = getattr(function, "__name__", "linear")
    require(
        name in (*_ACTIVATIONS, "linear"),
        f"The last layers apply {name!r}, which is neither sigmoid nor softmax: there is no cross-entropy to check.",
    )
    return name


def _loss(given: Any) -> tuple[str, bool]:
    """The name of a loss in `axes.LOSSES`, and whether it takes logits."""
    name, from_logits = loss_name(given)
    require(name in LOSSES, f"The loss {name!r} is no cross-entropy that this can check. Known: {_KNOWN}.")
    return name, from_logits


def loss_name(given: Any) -> tuple[str, bool]:
    """What Keras calls the loss that a model is compiled with, and whether it takes logits.

    Raises `UserError` for a name that Keras does not know.
    """
    import keras

    try:
        found = keras.losses.get(given)
    except ValueError as error:
        raise UserError(f"Keras knows no loss {given!r}.") from error
    if isinstance(found, keras.losses.Loss):
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(found).__name__).lower()
        return name, bool(found.get_config().get("from_logits", False))
    return getattr(found, "__name__", str(found)), False


def _compute(layer: Any) -> str:
    return str(getattr(layer, "compute_dtype", None) or sys.modules["keras"].config.floatx())


def _dtype(head: str, loss: str) -> str:
    """The name in `axes.DTYPES` of a last layer in `head` under a loss in `loss`."""
    if head == loss:
        return "float64_without_x64" if head == "float64" and _truncates() else head
    if head in ("float16", "bfloat16"):
        return f"mixed_{head}"
    return "float64_layers_only" if head == "float64" else loss


def _truncates() -> bool:
    """Whether this process runs on a JAX that turns float64 into float32."""
    return backend_in_use() == "jax" and not sys.modules["jax"].config.jax_enable_x64


def directions(program: Program) -> tuple[np.ndarray, np.ndarray]:
    """How z enters the logits of one sample: slope and offset, each of `program.shape`.

    The first two classes get -z/2 and z/2, as in the atlas, every further one a logit that rules it out.
    """
    slope, offset = np.zeros(program.shape), np.zeros(program.shape)
    if program.units == 1:
        slope[...] = 1.0
    else:
        slope[..., 0], slope[..., 1] = -0.5, 0.5
        offset[..., 2:] = _REST
    return slope, offset
