"""Convolutions as one matrix product: patches of every row, times each replica's own filters."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras import layers

from experiments.stacked.context import Context
from experiments.stacked.rules import rule


def _refuse(layer: Any) -> str | None:
    if layer.groups != 1:
        return f"groups={layer.groups}"
    return None if layer.data_format == "channels_last" else f"data_format={layer.data_format!r}"


def _padded(size: int, kernel: int, stride: int, dilation: int, padding: str) -> tuple[int, int, int]:
    """Zeros before, zeros after, and the output's size along one axis, as TensorFlow defines them."""
    reach = (kernel - 1) * dilation + 1
    if padding == "valid":
        return 0, 0, (size - reach) // stride + 1
    if padding == "causal":
        return reach - 1, 0, (size - 1) // stride + 1
    out = -(-size // stride)
    missing = max((out - 1) * stride + reach - size, 0)
    return missing // 2, missing - missing // 2, out


def _convolve(layer: Any, context: Context, x: tf.Tensor) -> tf.Tensor:
    """x: (replicas, batch, *space, channels); the patches are strided slices, whose gradient is a padding."""
    space = [
        _padded(size, kernel, stride, dilation, layer.padding)
        for size, kernel, stride, dilation in zip(
            x.shape[2:-1], layer.kernel_size, layer.strides, layer.dilation_rate, strict=True
        )
    ]
    x = tf.pad(x, [(0, 0), (0, 0), *[(before, after) for before, after, _ in space], (0, 0)])
    offsets: list[list[slice]] = [[]]
    for (_, _, out), kernel, stride, dilation in zip(
        space, layer.kernel_size, layer.strides, layer.dilation_rate, strict=True
    ):
        taps = [slice(k * dilation, k * dilation + (out - 1) * stride + 1, stride) for k in range(kernel)]
        offsets = [[*before, tap] for before in offsets for tap in taps]
    patches = tf.concat([x[(slice(None), slice(None), *taps)] for taps in offsets], axis=-1)
    rows = tf.reshape(patches, [x.shape[0], -1, patches.shape[-1]])
    kernel = tf.reshape(context.value(layer.kernel), [x.shape[0], patches.shape[-1], layer.filters])
    out = tf.matmul(rows, kernel)
    if layer.use_bias:
        out += context.value(layer.bias)[:, None, :]
    out = tf.reshape(out, [*patches.shape[:-1], layer.filters])
    return out if layer.activation is None else layer.activation(out)


@rule(layers.Conv1D, layers.Conv2D, refuse=_refuse)
def convolution(layer: Any, context: Context, x: tf.Tensor) -> tf.Tensor:
    return _convolve(layer, context, x)
