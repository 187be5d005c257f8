"""Multi-head attention, from the weights of Keras's own layer."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf
from keras import layers

from experiments.engines.stacked.context import Context
from experiments.engines.stacked.rules import rule
from experiments.keras_internals import attention_of


def _refuse(layer: Any) -> str | None:
    parts = attention_of(layer)
    if parts.dropout:
        return f"dropout={parts.dropout}"
    return None if parts.axes == (1,) else f"attention_axes={parts.axes}"


def _project(dense: Any, context: Context, x: tf.Tensor, inputs: int) -> tf.Tensor:
    """An EinsumDense whose last `inputs` axes of x meet the first of its kernel: (replicas, batch, time, *out)."""
    kernel = context.value(dense.kernel)
    out = kernel.shape[1 + inputs :]
    width = math.prod(x.shape[-inputs:])
    rows = tf.reshape(x, [x.shape[0], -1, width])
    result = tf.matmul(rows, tf.reshape(kernel, [x.shape[0], width, math.prod(out)]))
    if dense.bias is not None:
        result += tf.reshape(context.value(dense.bias), [x.shape[0], 1, math.prod(out)])
    return tf.reshape(result, [*x.shape[:-inputs], *out])


@rule(layers.MultiHeadAttention, refuse=_refuse)
def multi_head_attention(
    layer: Any, context: Context, query: tf.Tensor, value: tf.Tensor, key: tf.Tensor | None = None
) -> tf.Tensor:
    """query, value, key: (replicas, batch, time, features)."""
    parts, heads_first = attention_of(layer), [0, 1, 3, 2, 4]
    q = tf.transpose(_project(parts.query, context, query, 1), heads_first)
    k = tf.transpose(_project(parts.key, context, value if key is None else key, 1), heads_first)
    v = tf.transpose(_project(parts.value, context, value, 1), heads_first)
    scores = tf.matmul(q, k, transpose_b=True)
    # a cast of a Python number passes through float32, in Keras as here: in float64 the scale is rounded
    scores *= tf.cast(parts.scale, scores.dtype)
    mixed = tf.matmul(tf.nn.softmax(scores), v)
    return _project(parts.output, context, tf.transpose(mixed, heads_first), 2)
