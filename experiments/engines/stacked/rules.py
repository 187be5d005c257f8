"""One rule a Keras layer class: the layer's own computation, with a leading axis of replicas.

A rule is `rule(layer, context, *inputs, **kwargs)`; tensors are (replicas, batch, ...). In a graph
Keras's masks are tensors like any other: an operation makes them, and a layer that reads one has it as `mask`.
Rules are found by the exact class: a subclass may compute something else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from experiments.engines.part import Part
from experiments.engines.stacked.context import Context, fold, over_batch, unfold
from experiments.keras_internals import built_for, operations_of_masks

Rule = Callable[..., Any]
Refusal = Callable[[Any], str | None]

_DIFFERS, _ANY = operations_of_masks()
RULES: dict[type, Rule] = {}
REFUSALS: dict[type, Refusal] = {}


def rule(*classes: type, refuse: Refusal | None = None) -> Callable[[Rule], Rule]:
    """Register a rule for `classes`; `refuse(layer)` names a setting that the rule cannot do, or returns None."""

    def register(function: Rule) -> Rule:
        for cls in classes:
            RULES[cls] = function
            if refuse is not None:
                REFUSALS[cls] = refuse
        return function

    return register


@rule(
    layers.Flatten, layers.Reshape, layers.Permute, layers.RepeatVector,
    layers.MaxPooling1D, layers.MaxPooling2D, layers.AveragePooling1D, layers.AveragePooling2D,
    layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D,
    layers.GlobalAveragePooling2D,
    layers.ZeroPadding1D, layers.ZeroPadding2D, layers.Cropping1D, layers.Cropping2D,
    layers.UpSampling1D, layers.UpSampling2D, layers.Rescaling,
    layers.ReLU, layers.LeakyReLU, layers.ELU,
    Part,
    layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum, layers.Concatenate,
)  # fmt: skip
def row_by_row(layer: Any, context: Context, inputs: Any) -> tf.Tensor:
    """Layers without weights that treat every row alone: replicas are just more rows."""
    return unfold(layer.call(keras.tree.map_structure(fold, inputs)), context.replicas)


@rule(
    layers.GlobalAveragePooling1D,
    refuse=lambda layer: None if layer.data_format == "channels_last" else f"data_format={layer.data_format!r}",
)
def average_over_steps(layer: Any, context: Context, x: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
    """x: (replicas, batch, time, features); the mean over the steps that the mask keeps."""
    if mask is None:
        return tf.reduce_mean(x, axis=2, keepdims=layer.keepdims)
    weights = tf.cast(mask, x.dtype)[..., None]
    total = tf.reduce_sum(tf.where(mask[..., None], x, tf.zeros_like(x)), axis=2, keepdims=layer.keepdims)
    return total / tf.reduce_sum(weights, axis=2, keepdims=layer.keepdims)


@rule(layers.Masking)
def masking(layer: Any, context: Context, x: tf.Tensor) -> tf.Tensor:
    """Steps of which every value is the mark become zeros."""
    return x * tf.cast(tf.reduce_any(x != tf.cast(layer.mask_value, x.dtype), axis=-1, keepdims=True), x.dtype)


@rule(_DIFFERS)
def differs(operation: Any, context: Context, x: Any, other: Any) -> tf.Tensor:
    """Embedding's mask of tokens, and the first part of Masking's."""
    return keras.ops.not_equal(x, other)


@rule(_ANY, refuse=lambda operation: None if operation.axis == [-1] else f"axis={operation.axis}")
def any_of(operation: Any, context: Context, x: tf.Tensor) -> tf.Tensor:
    """The second part of Masking's mask."""
    return tf.reduce_any(x, axis=-1, keepdims=operation.keepdims)


@rule(layers.Activation)
def activation(layer: Any, context: Context, x: tf.Tensor) -> tf.Tensor:
    return layer.activation(x)


@rule(layers.Softmax, refuse=lambda layer: None if layer.axis == -1 else f"axis={layer.axis}")
def softmax(layer: Any, context: Context, x: tf.Tensor) -> tf.Tensor:
    return keras.activations.softmax(x)


@rule(layers.Identity)
def identity(layer: Any, context: Context, x: tf.Tensor) -> tf.Tensor:
    return x


@rule(layers.Dense)
def dense(layer: Any, context: Context, x: tf.Tensor) -> tf.Tensor:
    """x: (replicas, batch, ..., features)."""
    rows = tf.reshape(x, [x.shape[0], -1, x.shape[-1]])
    out = tf.matmul(rows, context.value(layer.kernel))
    if layer.use_bias:
        out += context.value(layer.bias)[:, None, :]
    out = tf.reshape(out, [*x.shape[:-1], layer.units])
    return out if layer.activation is None else layer.activation(out)


@rule(layers.Embedding)
def embedding(layer: Any, context: Context, x: tf.Tensor) -> tf.Tensor:
    """Looked up in the replicas' tables one below another, so that the gradient is a list of rows as in Keras."""
    tables = context.value(layer.embeddings)
    if len(tables.shape) == 3:
        tables = tf.reshape(tables, [-1, layer.output_dim])
    tokens = tf.cast(x, tf.int32)
    tokens = tf.where(tokens < 0, tokens + layer.input_dim, tokens)
    first = tf.reshape(tf.range(context.replicas) * layer.input_dim, [-1, *[1] * (len(x.shape) - 1)])
    valid = (tokens >= 0) & (tokens < layer.input_dim)
    return tf.gather(tables, tf.where(valid, first + tokens, -1))  # -1: TensorFlow says that there is no such row


@rule(layers.Dropout)
def dropout(layer: Any, context: Context, x: tf.Tensor) -> tf.Tensor:
    """Draws exactly what Keras's own layer draws when its generator starts from the replica's seed."""
    if not context.training or layer.rate == 0:
        return x
    row = [x.shape[1], *x.shape[2:]]
    noise = (
        row
        if layer.noise_shape is None
        else [r if n is None else n for n, r in zip(layer.noise_shape, row, strict=True)]
    )
    uniform = context.per_replica(layer, lambda seed: tf.random.stateless_uniform(noise, seed, dtype=x.dtype), x.dtype)
    mask = tf.cast(uniform >= layer.rate, x.dtype)
    return x * (1.0 / (1.0 - layer.rate)) * mask


def _last_axes(layer: Any) -> str | None:
    axis = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    rank = len(built_for(layer))
    if [a % rank for a in axis] != [rank - 1]:
        return f"axis={layer.axis}"
    enabled = [name for name in ("rms_scaling", "renorm", "synchronized") if getattr(layer, name, False)]
    return f"{enabled[0]}=True" if enabled else None


@rule(layers.LayerNormalization, refuse=_last_axes)
def layer_normalization(layer: Any, context: Context, x: tf.Tensor) -> tf.Tensor:
    mean, variance = tf.nn.moments(x, axes=[-1], keepdims=True)
    out = (x - mean) * tf.math.rsqrt(variance + layer.epsilon)
    if layer.scale:
        out *= over_batch(context.value(layer.gamma), len(x.shape))
    if layer.center:
        out += over_batch(context.value(layer.beta), len(x.shape))
    return out


@rule(layers.BatchNormalization, refuse=_last_axes)
def batch_normalization(layer: Any, context: Context, x: tf.Tensor) -> tf.Tensor:
    """Statistics over the batch and all inner axes of each replica alone."""
    rank = len(x.shape)
    if context.training and layer.trainable:
        mean, variance = tf.nn.moments(x, axes=list(range(1, rank - 1)))
        for moving, now in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
            old = context.value(moving)
            context.update(moving, old * layer.momentum + now * (1.0 - layer.momentum))
    else:
        mean, variance = context.value(layer.moving_mean), context.value(layer.moving_variance)
    scale = tf.math.rsqrt(variance + layer.epsilon)
    if layer.scale:
        scale *= context.value(layer.gamma)
    shift = -mean * scale
    if layer.center:
        shift += context.value(layer.beta)
    return x * over_batch(scale, rank) + over_batch(shift, rank)
