"""A Keras model evaluated for many replicas at once: every weight has a leading axis of replicas.

`evaluate` walks the graph of any functional or sequential model and applies to each layer the rule of its class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from experiments.engines.stacked import attention, convolution, recurrent  # noqa: F401  (they register their rules)
from experiments.engines.stacked.context import Context
from experiments.engines.stacked.rules import RULES
from experiments.keras_internals import run_graph


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

    Shapes must be static. The model that is evaluated first is the one whose input `context` knows the source of.
    Raises `KeyError` for a layer without a rule: ask `unsupported` first.
    """
    if context.input is None:
        context.input = x
    return run_graph(model, x, lambda operation: _operation(operation, context))
