"""The trunks, as ordinary Keras layers: everything between a row of the data and the last layer.

Add a network with one decorated function. Keras is imported when a trunk is built, not when it is listed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from experiments.records import Kind, Network
from experiments.registry import Registry

if TYPE_CHECKING:
    import keras

NETWORKS: Registry[Network] = Registry("network")
Build = Callable[[tuple[int, ...]], "keras.Model"]


def network(
    name: str, *, takes: tuple[Kind, ...], description: str, xla_from: float = math.inf
) -> Callable[[Build], Build]:
    """Register a function from `input_shape` (one row, without the batch axis) to an uncompiled trunk."""

    def register(build: Build) -> Build:
        NETWORKS.add(Network(name=name, takes=takes, build=build, description=description, xla_from=xla_from))
        return build

    return register


@network("linear", takes=("vector", "image"), description="no hidden layer: logistic regression")
def linear(input_shape: tuple[int, ...]) -> keras.Model:
    from keras import Sequential, layers

    return Sequential([layers.Input(input_shape), layers.Flatten()])


@network("mlp", takes=("vector", "image"), description="two hidden layers of 64 and 32")
def mlp(input_shape: tuple[int, ...]) -> keras.Model:
    from keras import Sequential, layers

    return Sequential(
        [
            layers.Input(input_shape),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(32, activation="relu"),
        ]
    )


@network("deep_mlp", takes=("vector", "image"), description="six hidden layers of 32")
def deep_mlp(input_shape: tuple[int, ...]) -> keras.Model:
    from keras import Sequential, layers

    hidden = [layers.Dense(32, activation="relu") for _ in range(6)]
    return Sequential([layers.Input(input_shape), layers.Flatten(), *hidden])


@network("cnn", takes=("image",), description="two strided 3x3 convolutions of 8 and 16 channels, one dense layer")
def cnn(input_shape: tuple[int, ...]) -> keras.Model:
    from keras import Sequential, layers

    return Sequential(
        [
            layers.Input(input_shape),
            layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
        ]
    )


def _rows(input_shape: tuple[int, ...]) -> tuple[int, int]:
    """An image's (height, width, channels) read as a sequence of rows."""
    height, *rest = input_shape
    width = 1
    for size in rest:
        width *= size
    return height, width


# One thread, 156 networks of 400 steps on 14 x 14 images: 0.20 ms a network and step instead of 0.65, after 6 s of
# compiling. The evaluation by XLA, and the other networks' steps, cost as much as before or more.
@network("gru", takes=("image",), description="a GRU of 16 units over the image's rows", xla_from=15_000)
def gru(input_shape: tuple[int, ...]) -> keras.Model:
    from keras import Sequential, layers

    return Sequential([layers.Input(input_shape), layers.Reshape(_rows(input_shape)), layers.GRU(16)])


@network("attention", takes=("image",), description="one transformer block of width 16 over the image's rows")
def attention(input_shape: tuple[int, ...]) -> keras.Model:
    from keras import Model, layers

    image = layers.Input(input_shape)
    rows = layers.Dense(16)(layers.Reshape(_rows(input_shape))(image))
    normal = layers.LayerNormalization()(rows)
    # without biases: softmax cancels the key's, so its gradient is rounding, which Adam would make steps of
    attention = layers.MultiHeadAttention(num_heads=2, key_dim=8, use_bias=False)
    attended = layers.Add()([rows, attention(normal, normal)])
    hidden = layers.Dense(32, activation="relu")(layers.LayerNormalization()(attended))
    block = layers.Add()([attended, layers.Dense(16)(hidden)])
    return Model(image, layers.Flatten()(block))
