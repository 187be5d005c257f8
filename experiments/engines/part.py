"""A layer that takes some of a row's numbers, for models of several inputs."""

from __future__ import annotations

import math
from typing import Any

import keras


class Part(keras.layers.Layer):
    """From rows of numbers (batch, numbers), those from `start` on that fill `shape`, as (batch, *shape)."""

    def __init__(self, start: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.start, self.shape = start, tuple(shape)

    def call(self, rows: Any) -> Any:
        """The part of the rows, in its own shape."""
        some = rows[:, self.start : self.start + math.prod(self.shape)]
        return keras.ops.reshape(some, (-1, *self.shape))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The part's shape, for Keras."""
        return (input_shape[0], *self.shape)
