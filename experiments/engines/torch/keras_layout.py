"""A network's weights in Keras's order and layout, and in PyTorch's: Keras itself is not needed for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from experiments.engines.torch.layers import layers_of

Arrays = list[np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How the arrays of one layer are laid out, which are as many in both frameworks but for an attention's.

    `channels`: of the image or sequence that was flattened before a Linear layer, else 1. Keras's flattened rows are
    (height, width, channels), PyTorch's (channels, height, width).
    """

    layer: nn.Module
    channels: int = 1

    @property
    def keras_arrays(self) -> int:
        """How many weights the layer has in Keras."""
        count = len(list(self.layer.parameters()))
        if isinstance(self.layer, nn.MultiheadAttention):
            return 4
        return 3 if isinstance(self.layer, nn.GRU) else count

    def to_torch(self, given: Arrays) -> Arrays:
        """Keras's arrays of the layer as PyTorch's."""
        layer = self.layer
        if isinstance(layer, nn.Linear):
            kernel, *bias = given
            by_channel = kernel.reshape(-1, self.channels, kernel.shape[1]).swapaxes(0, 1)
            return [by_channel.reshape(kernel.shape).T, *bias]
        if isinstance(layer, (nn.Conv1d, nn.Conv2d)):
            kernel, *bias = given
            return [np.moveaxis(kernel, (-1, -2), (0, 1)), *bias]
        if isinstance(layer, nn.LayerNorm):
            return given
        if isinstance(layer, nn.GRU):
            kernel, recurrent, biases = (_gates_swapped(array) for array in given)
            return [kernel.T, recurrent.T, *biases]
        if isinstance(layer, nn.MultiheadAttention):
            *projections, out = given
            width = layer.embed_dim
            return [np.concatenate([kernel.reshape(width, -1).T for kernel in projections]), out.reshape(-1, width).T]
        raise TypeError(f"No layout of Keras is known for {type(layer).__name__}")

    def to_keras(self, given: Arrays) -> Arrays:
        """PyTorch's arrays of the layer as Keras's."""
        layer = self.layer
        if isinstance(layer, nn.Linear):
            kernel, *bias = given
            by_channel = kernel.T.reshape(self.channels, -1, kernel.shape[0]).swapaxes(0, 1)
            return [by_channel.reshape(kernel.T.shape), *bias]
        if isinstance(layer, (nn.Conv1d, nn.Conv2d)):
            kernel, *bias = given
            return [np.moveaxis(kernel, (0, 1), (-1, -2)), *bias]
        if isinstance(layer, nn.LayerNorm):
            return given
        if isinstance(layer, nn.GRU):
            kernel, recurrent, *biases = given
            return [_gates_swapped(array) for array in (kernel.T, recurrent.T, np.stack(biases))]
        if isinstance(layer, nn.MultiheadAttention):
            projections, out = given
            width, heads, each = layer.embed_dim, layer.num_heads, layer.head_dim
            return [
                *(kernel.T.reshape(width, heads, each) for kernel in np.split(projections, 3)),
                out.T.reshape(heads, each, width),
            ]
        raise TypeError(f"No layout of Keras is known for {type(layer).__name__}")


def _gates_swapped(array: np.ndarray) -> np.ndarray:
    """Between Keras's order of a GRU's gates on the last axis, update first, and PyTorch's, reset first."""
    first, second, candidate = np.split(array, 3, axis=-1)
    return np.concatenate([second, first, candidate], axis=-1)


def _layouts(module: nn.Module) -> list[Layout]:
    layouts, channels = [], 1
    for layer in layers_of(module):
        layouts.append(Layout(layer=layer, channels=channels if isinstance(layer, nn.Linear) else 1))
        channels = layer.out_channels if isinstance(layer, (nn.Conv1d, nn.Conv2d)) else 1
    return layouts


def from_keras(module: nn.Module, weights: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Weights of the same network in Keras's order and layout, in those of `module`'s parameters."""
    rest, arrays = list(weights), []
    for layout in _layouts(module):
        part, rest = rest[: layout.keras_arrays], rest[layout.keras_arrays :]
        arrays += layout.to_torch(part)
    shapes = [tuple(parameter.shape) for parameter in module.parameters()]
    if rest or [array.shape for array in arrays] != shapes:
        raise ValueError(f"These are not the weights of this network, whose parameters have the shapes {shapes}")
    return tuple(np.ascontiguousarray(array) for array in arrays)


def to_keras(module: nn.Module, weights: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Weights in the order and layout of `module`'s parameters, in those of the same network in Keras."""
    rest, arrays = list(weights), []
    for layout in _layouts(module):
        count = len(list(layout.layer.parameters()))
        part, rest = rest[:count], rest[count:]
        arrays += layout.to_keras(part)
    if rest:
        raise ValueError(f"{len(rest)} weights are left over")
    return tuple(np.ascontiguousarray(array) for array in arrays)
