"""Convolutions as one matrix product: patches of every row, times each replica's own filters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from keras import layers

from experiments.engines.stacked.context import Context
from experiments.engines.stacked.rules import rule


def _refuse(layer: Any) -> str | None:
    if layer.groups != 1:
        return f"groups={layer.groups}"
    return None if layer.data_format == "channels_last" else f"data_format={layer.data_format!r}"


def _taps(size: int, kernel: int, stride: int, dilation: int, padding: str) -> np.ndarray:
    """What each output reads along one axis: (out, kernel) positions, -1 for the padding, as TensorFlow defines it."""
    reach = (kernel - 1) * dilation + 1
    if padding == "valid":
        before, out = 0, (size - reach) // stride + 1
    elif padding == "causal":
        before, out = reach - 1, (size - 1) // stride + 1
    else:
        out = -(-size // stride)
        before = max((out - 1) * stride + reach - size, 0) // 2
    read = np.arange(out)[:, None] * stride + np.arange(kernel) * dilation - before
    return np.where((read >= 0) & (read < size), read, -1)


def _joint(space: Sequence[int], axes: Sequence[np.ndarray]) -> np.ndarray:
    """The taps of all axes together: (outputs, kernel) flat positions; the padding is the position past the last."""
    flat = np.zeros((1, 1), dtype=np.int64)
    outside = np.zeros((1, 1), dtype=bool)
    for size, taps in zip(space, axes, strict=True):
        # outputs × outputs of this axis, kernel × kernel of this axis
        flat = (flat[:, None, :, None] * size + taps[None, :, None, :]).reshape(len(flat) * len(taps), -1)
        outside = (outside[:, None, :, None] | (taps < 0)[None, :, None, :]).reshape(flat.shape)
    return np.where(outside, math.prod(space), flat)


def _readers(taps: np.ndarray, positions: int) -> np.ndarray:
    """The inverse: which entries of `taps` read each position, (positions, most), filled up with `taps.size`."""
    flat = taps.ravel()
    order = np.argsort(flat, kind="stable")
    order = order[flat[order] < positions]
    counts = np.bincount(flat[order], minlength=positions)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    readers = np.full((positions, max(counts.max(), 1)), taps.size)
    readers[flat[order], np.arange(len(order)) - starts[flat[order]]] = order
    return readers


def _gather(x: tf.Tensor, indices: np.ndarray) -> tf.Tensor:
    """x (rows, positions, channels) at `indices`, with zeros at the position past the last."""
    padded = tf.pad(x, [(0, 0), (0, 1), (0, 0)])
    return tf.gather(padded, tf.constant(indices.ravel(), tf.int32), axis=1)


def _patches(x: tf.Tensor, taps: np.ndarray) -> tf.Tensor:
    """x (rows, positions, channels) to (rows, outputs, kernel * channels).

    The gradient is a gather as well, over the readers of each position: several times faster on a CPU than the
    gradients of slices or of `tf.image.extract_patches`.
    """
    rows, positions, channels = x.shape
    readers = _readers(taps, positions)

    @tf.custom_gradient
    def gather(x: tf.Tensor) -> Any:
        def gradient(g: tf.Tensor) -> tf.Tensor:
            read = _gather(tf.reshape(g, [rows, taps.size, channels]), readers)
            return tf.reduce_sum(tf.reshape(read, [rows, *readers.shape, channels]), axis=2)

        return tf.reshape(_gather(x, taps), [rows, len(taps), -1]), gradient

    return gather(x)


@rule(layers.Conv1D, layers.Conv2D, refuse=_refuse)
def convolution(layer: Any, context: Context, x: tf.Tensor) -> tf.Tensor:
    """x: (replicas, batch, *space, channels)."""
    replicas, batch, *space, channels = x.shape
    settings = zip(space, layer.kernel_size, layer.strides, layer.dilation_rate, strict=True)
    axes = [_taps(size, kernel, stride, dilation, layer.padding) for size, kernel, stride, dilation in settings]
    taps = _joint(space, axes)

    def patches_of(rows: tf.Tensor) -> tf.Tensor:
        flat = tf.reshape(rows, [-1, math.prod(space), channels])
        return tf.reshape(_patches(flat, taps), [rows.shape[0], batch * len(taps), taps.shape[1] * channels])

    patches = context.once_a_stream(x, patches_of)
    kernel = tf.reshape(context.value(layer.kernel), [replicas, patches.shape[-1], layer.filters])
    out = tf.matmul(patches, kernel)
    if layer.use_bias:
        out += context.value(layer.bias)[:, None, :]
    out = tf.reshape(out, [replicas, batch, *(len(taps) for taps in axes), layer.filters])
    return out if layer.activation is None else layer.activation(out)
