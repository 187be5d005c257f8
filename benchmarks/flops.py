"""Floating-point operations of a network's matrix products, counted from its layers."""

from __future__ import annotations

import math
import statistics
from typing import Any

import keras

from experiments.engines import Problem
from experiments.engines.keras_trunk import keras_trunk


def products_of(layer: Any) -> tuple[int, int]:
    """Multiply-adds of one row in one forward pass: those that read the layer's input, and those that read its state.

    Dense, Conv1D, Conv2D, GRU and MultiHeadAttention; raises `NotImplementedError` for another layer that has weights.
    """
    if isinstance(layer, keras.layers.Dense):
        return math.prod(layer.input.shape[1:]) * layer.units, 0
    if isinstance(layer, keras.layers.Conv1D | keras.layers.Conv2D):
        return math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape), 0
    if isinstance(layer, keras.layers.GRU):
        cell, length = layer.cell, layer.input.shape[1]
        return length * math.prod(cell.kernel.shape), length * math.prod(cell.recurrent_kernel.shape)
    if isinstance(layer, keras.layers.MultiHeadAttention):
        length = layer.output.shape[1]
        between = 2 * length**2 * layer.num_heads * layer.key_dim  # of queries and keys, and of scores and values
        return length * sum(math.prod(v.shape) for v in layer.weights if len(v.shape) == 3) + between, 0
    if layer.weights and not isinstance(layer, keras.layers.LayerNormalization):
        raise NotImplementedError(f"No count of the products of {type(layer).__name__}")
    return 0, 0


def flops_of_step(trunk: keras.Model, units: int, batch: int) -> int:
    """Operations of one training step: 2 a multiply-add, forward, for the weights' and for the inputs' gradient.

    Nothing asks for the gradient of the data, so the first layer with weights has no product for it.
    """
    total, first = 0, True
    for layer in trunk.layers:
        of_input, of_state = products_of(layer)
        total += of_input * (2 if first else 3) + of_state * 3
        first = first and of_input == 0
    head = trunk.output_shape[-1] * units
    return 2 * batch * (total + head * (2 if first else 3))


def mean_mflop(problem: Problem) -> float:
    """Millions of operations of one training step of one network, the mean over the arms."""
    trunk = keras_trunk(problem).model
    each = [flops_of_step(trunk, head.units, problem.setup.batch_size) for head in problem.heads]
    return statistics.mean(each) / 1e6
