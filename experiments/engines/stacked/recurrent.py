"""GRU and LSTM: the input's products for all steps at once, then the recurrence over stacked states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from keras import layers

from experiments.engines.stacked.context import Context
from experiments.engines.stacked.rules import rule

UNROLLED = 32  # sequences up to this length become straight code; longer ones a loop, whose graph stays small


def _refuse(layer: Any) -> str | None:
    for name in ("stateful", "return_state"):
        if getattr(layer, name):
            return f"{name}=True"
    for name in ("dropout", "recurrent_dropout"):
        if getattr(layer, name):
            return f"{name}={getattr(layer, name)}"
    return None


def _recur(layer: Any, inputs: tf.Tensor, state: Any, step: Callable[[tf.Tensor, Any], Any]) -> tf.Tensor:
    """Run `step(input, state) -> state` over axis 2 of `inputs`; the output is the first part of the state."""
    length = inputs.shape[2]
    if layer.go_backwards:
        inputs = tf.reverse(inputs, axis=[2])
    if length <= UNROLLED:
        outputs = []
        for x in tf.unstack(inputs, axis=2):
            state = step(x, state)
            outputs.append(state[0])
        return tf.stack(outputs, axis=2) if layer.return_sequences else outputs[-1]
    states = tf.scan(lambda s, x: step(x, s), tf.transpose(inputs, [2, 0, 1, 3]), initializer=state)
    return tf.transpose(states[0], [1, 2, 0, 3]) if layer.return_sequences else states[0][-1]


def _products(context: Context, x: tf.Tensor, kernel: Any, bias: tf.Tensor | None) -> tf.Tensor:
    """(replicas, batch, time, features) times (replicas, features, gates)."""
    rows = tf.matmul(tf.reshape(x, [x.shape[0], -1, x.shape[-1]]), context.value(kernel))
    if bias is not None:
        rows += bias[:, None, :]
    return tf.reshape(rows, [*x.shape[:-1], rows.shape[-1]])


@rule(layers.GRU, refuse=_refuse)
def gru(layer: Any, context: Context, x: tf.Tensor) -> tf.Tensor:
    cell, units = layer.cell, layer.units
    bias = context.value(cell.bias) if cell.use_bias else None
    recurrent = context.value(cell.recurrent_kernel)
    before = None if bias is None else (bias[:, 0] if cell.reset_after else bias)
    after = bias[:, 1][:, None, :] if bias is not None and cell.reset_after else 0.0
    products = _products(context, x, cell.kernel, before)

    def step(p: tf.Tensor, state: tuple[tf.Tensor]) -> tuple[tf.Tensor]:
        h = state[0]
        if cell.reset_after:
            inner = tf.matmul(h, recurrent) + after
            gates = cell.recurrent_activation(p[..., : 2 * units] + inner[..., : 2 * units])
            update, reset = gates[..., :units], gates[..., units:]
            candidate = cell.activation(p[..., 2 * units :] + reset * inner[..., 2 * units :])
        else:
            gates = cell.recurrent_activation(p[..., : 2 * units] + tf.matmul(h, recurrent[..., : 2 * units]))
            update, reset = gates[..., :units], gates[..., units:]
            candidate = cell.activation(p[..., 2 * units :] + tf.matmul(reset * h, recurrent[..., 2 * units :]))
        return (candidate + update * (h - candidate),)

    return _recur(layer, products, (tf.zeros([x.shape[0], x.shape[1], units], x.dtype),), step)


@rule(layers.LSTM, refuse=_refuse)
def lstm(layer: Any, context: Context, x: tf.Tensor) -> tf.Tensor:
    cell, units = layer.cell, layer.units
    products = _products(context, x, cell.kernel, context.value(cell.bias) if cell.use_bias else None)
    recurrent = context.value(cell.recurrent_kernel)

    def step(p: tf.Tensor, state: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        h, c = state
        gates = tf.split(p + tf.matmul(h, recurrent), 4, axis=-1)
        let_in, forget, out = (cell.recurrent_activation(gates[k]) for k in (0, 1, 3))
        c = forget * c + let_in * cell.activation(gates[2])
        return out * cell.activation(c), c

    zeros = tf.zeros([x.shape[0], x.shape[1], units], x.dtype)
    return _recur(layer, products, (zeros, zeros), step)
