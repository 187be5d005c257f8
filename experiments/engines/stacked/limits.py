"""What in a model no rule covers: plain Keras has to train it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from experiments.engines.stacked.context import random_layers
from experiments.engines.stacked.rules import REFUSALS, RULES
from experiments.keras_internals import calls_within, graph_of, layers_within, mask_of

_PENALTIES = (keras.regularizers.L1, keras.regularizers.L2, keras.regularizers.L1L2)


def unsupported(model: keras.Model) -> list[str]:
    """What in `model` no rule covers, each as a few words that name the layer; empty when all is supported."""
    graph = graph_of(model)
    if graph is None:
        return [f"{model.name} ({type(model).__name__}: not a functional or sequential model)"]
    reasons = []
    for operation in graph.operations:
        if isinstance(operation, keras.layers.InputLayer):
            continue
        name, calls = f"{operation.name} ({type(operation).__name__}", calls_within(model, operation)
        if isinstance(operation, keras.Model):
            reasons += unsupported(operation)
            reasons += [f"{name} {request})" for request in _calls(calls, ["inputs"])]
            if any(mask_of(tensor) is not None for node in calls for tensor in node.input_tensors):
                reasons.append(f"{name} with a mask)")
            if len(calls) > 1 and random_layers(operation):
                reasons.append(f"{name} with random layers, called twice)")
        elif type(operation) not in RULES:
            reasons.append(f"{name})")
        else:
            takes = list(inspect.signature(RULES[type(operation)]).parameters)[2:]
            requests = [*_settings(operation), *_calls(calls, takes)]
            if len(calls) > 1 and isinstance(operation, keras.layers.Dropout):
                requests.append("with two calls")
            reasons += [f"{name} {request})" for request in requests]
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        reasons.append(f"{model.name} (it has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs)")
    if any(mask_of(output) is not None for output in graph.outputs):
        reasons.append(f"{model.name} (its output has a mask)")
    return reasons


def _settings(layer: Any) -> Iterator[str]:
    """What a layer that has a rule is asked for beyond it."""
    refusal = REFUSALS.get(type(layer), lambda _: None)(layer)
    if refusal is not None:
        yield f"with {refusal}"
    if not isinstance(layer, keras.layers.Layer):
        return
    if any(getattr(part, "activity_regularizer", None) is not None for part in layers_within(layer)):
        yield "with a penalty on its output"
    for variable in layer.variables:
        if variable.constraint is not None:
            yield f"with a {type(variable.constraint).__name__} constraint"
        if variable.regularizer is not None and type(variable.regularizer) not in _PENALTIES:
            yield f"with a {type(variable.regularizer).__name__} penalty"
    if isinstance(layer, keras.layers.Bidirectional):
        yield from (*_settings(layer.forward_layer), *_settings(layer.backward_layer))
        return
    for setting in ("activation", "recurrent_activation"):
        activation = getattr(getattr(layer, "cell", layer), setting, None)
        if activation is not None and not _keeps_rows_apart(activation, layer):
            yield f"whose {setting} mixes rows or has weights"


def _calls(calls: Sequence[Any], takes: list[str]) -> Iterator[str]:
    """What calls ask for beyond the inputs that `takes` names."""
    for node in calls:
        requests = [name for name, value in node.arguments.kwargs.items() if _asks(name, value, takes)]
        if len(node.arguments.args) > len([name for name in takes if name != "mask"]):
            requests.append("more inputs")
        if requests:
            yield f"called with {', '.join(requests)}"


def _asks(name: str, value: Any, takes: list[str]) -> bool:
    if keras.backend.is_keras_tensor(value):
        return name not in takes
    # whether a model trains overrides what its layers were called with, as Keras has it
    return value is not None and value is not False and name != "training"


def _keeps_rows_apart(activation: Callable[[Any], Any], layer: Any) -> bool:
    """Whether an activation computes each row from that row alone, and has no weights of its own."""
    if activation is getattr(keras.activations, getattr(activation, "__name__", ""), None):
        return True
    if getattr(activation, "variables", ()):
        return False
    shape = (layer.units,) if hasattr(layer, "cell") else layer.output.shape[1:]
    x = np.random.default_rng(0).normal(size=(3, 2, *(size or 2 for size in shape))).astype("float32")
    try:
        together = keras.ops.convert_to_numpy(activation(keras.ops.convert_to_tensor(x)))
        alone = [keras.ops.convert_to_numpy(activation(keras.ops.convert_to_tensor(part))) for part in x]
    except Exception:  # a function of the user's own, which need not take another axis
        return False
    return together.shape[0] == len(alone) and np.allclose(together, np.stack(alone), rtol=1e-5, atol=1e-6)
