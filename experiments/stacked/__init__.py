"""A Keras model evaluated for many replicas at once: every weight has a leading axis of replicas.

`evaluate` walks the graph of any functional or sequential model and applies to each layer the rule of its class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from experiments.stacked import attention, convolution, recurrent  # noqa: F401  (they register their rules)
from experiments.stacked.context import Context
from experiments.stacked.rules import REFUSALS, RULES

__all__ = ["Context", "evaluate", "unsupported"]


def _graph(model: keras.Model) -> Any:
    """The functional graph of `model`, or None when it has none (a subclass with its own `call`)."""
    if type(model) is keras.Sequential:
        return model._functional
    return model if type(model) is keras.src.models.functional.Functional else None


def unsupported(model: keras.Model) -> list[str]:
    """What in `model` no rule covers, each as a few words that name the layer; empty when all is supported."""
    graph = _graph(model)
    if graph is None:
        return [f"{model.name} ({type(model).__name__}: not a functional or sequential model)"]
    reasons = []
    for operation in graph.operations:
        if isinstance(operation, keras.layers.InputLayer):
            continue
        name = f"{operation.name} ({type(operation).__name__}"
        if isinstance(operation, keras.Model):
            reasons += unsupported(operation)
        elif type(operation) not in RULES:
            reasons.append(f"{name})")
        else:
            refusal = REFUSALS.get(type(operation), lambda layer: None)(operation)
            if refusal is not None:
                reasons.append(f"{name} with {refusal})")
            reasons += [
                f"{name} with a {type(v.constraint).__name__} constraint)"
                for v in operation.trainable_variables
                if v.constraint is not None
            ]
        reasons += [
            f"{name} called with {', '.join(_asked(node.arguments.kwargs))})"
            for node in operation._inbound_nodes
            if not isinstance(operation, keras.Model) and _asked(node.arguments.kwargs)
        ]
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        reasons.append(f"{model.name} (it has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs)")
    return reasons


def _asked(settings: dict[str, Any]) -> dict[str, Any]:
    """The call's keyword arguments that change what the layer computes; tensors are inputs, not settings."""
    return {
        name: value
        for name, value in settings.items()
        if value is not None and value is not False and not keras.backend.is_keras_tensor(value)
    }


def _operation(operation: Any, context: Context) -> Callable[..., Any]:
    """What `operation` does to stacked tensors; its call settings are those of `unsupported`: none."""
    if isinstance(operation, keras.Model):
        return lambda x, **_: evaluate(operation, context, x)
    compute = RULES[type(operation)]
    return lambda *inputs, **settings: compute(
        operation, context, *inputs, **{k: v for k, v in settings.items() if isinstance(v, tf.Tensor)}
    )


def evaluate(model: keras.Model, context: Context, x: tf.Tensor) -> tf.Tensor:
    """The output of every replica: x (replicas, batch, *row) to (replicas, batch, *out).

    Shapes must be static. Raises `KeyError` for a layer without a rule: ask `unsupported` first.
    """
    return _graph(model)._run_through_graph(x, operation_fn=lambda operation: _operation(operation, context))
