"""GRU, LSTM and both ways at once: the input's products for all steps, then the recurrence over stacked states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from keras import layers

from experiments.engines.stacked.context import Context
from experiments.engines.stacked.rules import RULES, rule

UNROLLED = 32  # sequences up to this length become straight code; longer ones a loop, whose graph stays small


def _refuse(layer: Any) -> str | None:
    for name in ("stateful", "return_state"):
        if getattr(layer, name):
            return f"{name}=True"
    for name in ("dropout", "recurrent_dropout"):
        if getattr(layer, name):
            return f"{name}={getattr(layer, name)}"
    return None


def _recur(
    layer: Any, inputs: tf.Tensor, state: Any, step: Callable[[tf.Tensor, Any], Any], mask: tf.Tensor | None
) -> tf.Tensor:
    """Run `step(input, state) -> state` over axis 2 of `inputs`; the output is the first part of the state.

    `mask`: (replicas, batch, time), False at the steps that leave the state as it is.
    """
    length = inputs.shape[2]
    if layer.go_backwards:
        inputs = tf.reverse(inputs, axis=[2])
        mask = None if mask is None else tf.reverse(mask, axis=[2])

    def masked_step(state: Any, given: tuple[tf.Tensor, ...]) -> Any:
        new = step(given[0], state)
        if mask is None:
            return new
        return tuple(tf.where(given[1][..., None], now, old) for now, old in zip(new, state, strict=True))

    if length <= UNROLLED:
        outputs = []
        for given in zip(*(tf.unstack(part, axis=2) for part in (inputs, mask) if part is not None), strict=True):
            state = masked_step(state, given)
            outputs.append(state[0])
        output = tf.stack(outputs, axis=2) if layer.return_sequences else outputs[-1]
    else:
        given = (tf.transpose(inputs, [2, 0, 1, 3]),)
        if mask is not None:
            given += (tf.transpose(mask, [2, 0, 1]),)
        states = tf.scan(masked_step, given, initializer=state)
        output = tf.transpose(states[0], [1, 2, 0, 3]) if layer.return_sequences else states[0][-1]
    if mask is not None and layer.zero_output_for_mask:
        output = tf.where(
            (mask if layer.return_sequences else mask[:, :, -1])[..., None], output, tf.zeros_like(output)
        )
    return output


def _products(context: Context, x: tf.Tensor, kernel: Any, bias: tf.Tensor | None) -> tf.Tensor:
    """(replicas, batch, time, features) times (replicas, features, gates)."""
    rows = tf.matmul(tf.reshape(x, [x.shape[0], -1, x.shape[-1]]), context.value(kernel))
    if bias is not None:
        rows += bias[:, None, :]
    return tf.reshape(rows, [*x.shape[:-1], rows.shape[-1]])


@rule(layers.GRU, refuse=_refuse)
def gru(layer: Any, context: Context, x: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
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

    return _recur(layer, products, (tf.zeros([x.shape[0], x.shape[1], units], x.dtype),), step, mask)


@rule(layers.LSTM, refuse=_refuse)
def lstm(layer: Any, context: Context, x: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
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
    return _recur(layer, products, (zeros, zeros), step, mask)


def _refuse_both(layer: Any) -> str | None:
    for part in (layer.forward_layer, layer.backward_layer):
        if type(part) not in (layers.GRU, layers.LSTM):
            return f"a {type(part).__name__} inside"
        if _refuse(part):
            return _refuse(part)
    return "merge_mode=None" if layer.merge_mode is None else None


_MERGED: dict[str, Callable[[tf.Tensor, tf.Tensor], tf.Tensor]] = {
    "concat": lambda ahead, back: tf.concat([ahead, back], axis=-1),
    "sum": lambda ahead, back: ahead + back,
    "ave": lambda ahead, back: (ahead + back) / 2,
    "mul": lambda ahead, back: ahead * back,
}


@rule(layers.Bidirectional, refuse=_refuse_both)
def bidirectional(layer: Any, context: Context, x: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
    ahead, back = (RULES[type(part)](part, context, x, mask) for part in (layer.forward_layer, layer.backward_layer))
    return _MERGED[layer.merge_mode](ahead, tf.reverse(back, axis=[2]) if layer.return_sequences else back)
