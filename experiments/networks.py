"""The trunks: everything between a row of the data and the last layer, as Keras and as PyTorch users write them.

Add a network with one decorated function for Keras, and one for PyTorch that it names. A framework is imported when a
trunk is built, not when it is listed. The two are the same network, but each framework has its own first weights.
Rows of images are (height, width, channels), and of sequences (steps, channels), in both.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from experiments.records import Kind, Network, Row
from experiments.registry import Registry
from experiments.tasks import VOCABULARY

if TYPE_CHECKING:
    import keras
    from torch import nn

NETWORKS: Registry[Network] = Registry(
    "network", texts={"network": lambda record: record.called, "network_long": lambda record: record.in_full}
)
Build = Callable[[tuple[int, ...]], "keras.Model"]
BuildTorch = Callable[[tuple[int, ...]], "nn.Module"]


def network(
    name: str,
    *,
    takes: tuple[Kind, ...],
    description: str,
    in_torch: BuildTorch | None = None,
    xla_from: float = math.inf,
    step_ms: float = 1.0,
    side_power: int = 0,
    colour: str = "",
    in_full: Mapping[str, str] | None = None,
    called: Mapping[str, str] | None = None,
    rows: tuple[Row, ...] = (),
) -> Callable[[Build], Build]:
    """Register a function from `input_shape` (one row, without the batch axis) to an uncompiled trunk."""

    def register(build: Build) -> Build:
        NETWORKS.add(Network(
            name=name, takes=takes, build=build, description=description, torch=in_torch, xla_from=xla_from,
            step_ms=step_ms, side_power=side_power, colour=colour, in_full=in_full or {}, called=called or {},
            rows=rows,
        ))  # fmt: skip
        return build

    return register


def torch_linear(input_shape: tuple[int, ...]) -> nn.Module:
    from torch import nn

    return nn.Flatten()


@network("linear", takes=("vector", "image", "sequence"),
         description="no hidden layer: logistic regression", in_torch=torch_linear,
         called={"en": "linear", "zh": "线性"}, in_full={"en": "Linear models", "zh": "线性模型"},
         colour="#7a9a01", step_ms=0.02)  # fmt: skip
def linear(input_shape: tuple[int, ...]) -> keras.Model:
    from keras import Sequential, layers

    return Sequential([layers.Input(input_shape), layers.Flatten()])


def torch_mlp(input_shape: tuple[int, ...]) -> nn.Module:
    from torch import nn

    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(math.prod(input_shape), 64),
        nn.ReLU(),
        nn.Linear(64, 32),
        nn.ReLU(),
    )


@network("mlp", takes=("vector", "image", "sequence"), description="two hidden layers of 64 and 32",
         in_torch=torch_mlp, called={"en": "MLP", "zh": "MLP"},
         in_full={"en": "Networks of two layers (MLP)", "zh": "两层网络（MLP）"}, colour="#2f9e9e",
         step_ms=0.08)  # fmt: skip
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


def torch_deep_mlp(input_shape: tuple[int, ...]) -> nn.Module:
    from torch import nn

    widths = [math.prod(input_shape), *[32] * 6]
    hidden = [part for i, o in itertools.pairwise(widths) for part in (nn.Linear(i, o), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), *hidden)


@network("deep_mlp", takes=("vector", "image", "sequence"), description="six hidden layers of 32",
         in_torch=torch_deep_mlp, called={"en": "deep MLP", "zh": "深层 MLP"},
         in_full={"en": "Networks of six layers (deep MLP)", "zh": "六层网络（深层 MLP）"},
         colour="#4f74d9", step_ms=0.1)  # fmt: skip
def deep_mlp(input_shape: tuple[int, ...]) -> keras.Model:
    from keras import Sequential, layers

    hidden = [layers.Dense(32, activation="relu") for _ in range(6)]
    return Sequential([layers.Input(input_shape), layers.Flatten(), *hidden])


def torch_cnn(input_shape: tuple[int, ...]) -> nn.Module:
    import torch
    from torch import nn

    class ChannelsFirst(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.movedim(-1, 1)

    def same(height: int, width: int) -> nn.Module:
        """Keras's "same" padding of a 3x3 kernel that moves by 2: one pixel less before an even side."""
        return nn.ZeroPad2d((width % 2, 1, height % 2, 1))

    if len(input_shape) == 2:
        steps, channels = input_shape
        halved = -(-steps // 2)
        return nn.Sequential(
            ChannelsFirst(),
            nn.ZeroPad1d((steps % 2, 1)),
            nn.Conv1d(channels, 8, 3, stride=2),
            nn.ReLU(),
            nn.ZeroPad1d((halved % 2, 1)),
            nn.Conv1d(8, 16, 3, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16 * -(-halved // 2), 32),
            nn.ReLU(),
        )
    height, width, channels = input_shape
    half = -(-height // 2), -(-width // 2)
    quarter = -(-half[0] // 2), -(-half[1] // 2)
    return nn.Sequential(
        ChannelsFirst(),
        same(height, width),
        nn.Conv2d(channels, 8, 3, stride=2),
        nn.ReLU(),
        same(*half),
        nn.Conv2d(8, 16, 3, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16 * math.prod(quarter), 32),
        nn.ReLU(),
    )


@network("cnn", takes=("image", "sequence"), in_torch=torch_cnn,
         description="two strided convolutions of size 3, of 8 and 16 channels, in one or two dimensions; "
         "one dense layer", called={"en": "CNN", "zh": "CNN"}, step_ms=0.45, side_power=2,
         in_full={"en": "Convolutional networks (CNN)", "zh": "卷积网络（CNN）"}, colour="#e0559b")  # fmt: skip
def cnn(input_shape: tuple[int, ...]) -> keras.Model:
    from keras import Sequential, layers

    convolution = layers.Conv2D if len(input_shape) == 3 else layers.Conv1D
    return Sequential(
        [
            layers.Input(input_shape),
            convolution(8, 3, strides=2, padding="same", activation="relu"),
            convolution(16, 3, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
        ]
    )


def _rows(input_shape: tuple[int, ...]) -> tuple[int, int]:
    """An image's (height, width, channels) read as a sequence of rows; a sequence as it is."""
    height, *rest = input_shape
    return height, math.prod(rest)


def torch_gru(input_shape: tuple[int, ...]) -> nn.Module:
    import torch
    from torch import nn

    class LastState(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(_rows(input_shape)[1], 16, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            _, state = self.gru(x.flatten(2))
            return state[-1]

    return LastState()


# One thread, 156 networks of 400 steps on 14 x 14 images: 0.20 ms a network and step instead of 0.65, after 6 s of
# compiling. The evaluation by XLA, and the other networks' steps, cost as much as before or more.
@network("gru", takes=("image", "sequence"),
         description="a GRU of 16 units over the steps, or over an image's rows", in_torch=torch_gru,
         xla_from=15_000, step_ms=0.4, side_power=1, called={"en": "GRU", "zh": "GRU"},
         in_full={"en": "Recurrent networks (GRU)", "zh": "循环网络（GRU）"}, colour="#a3785a")  # fmt: skip
def gru(input_shape: tuple[int, ...]) -> keras.Model:
    from keras import Sequential, layers

    return Sequential([layers.Input(input_shape), layers.Reshape(_rows(input_shape)), layers.GRU(16)])


def torch_attention(input_shape: tuple[int, ...]) -> nn.Module:
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rows = nn.Linear(_rows(input_shape)[1], 16)
            self.before_attention = nn.LayerNorm(16, eps=1e-3)
            self.attention = nn.MultiheadAttention(16, num_heads=2, bias=False, batch_first=True)
            self.before_hidden = nn.LayerNorm(16, eps=1e-3)
            self.hidden = nn.Linear(16, 32)
            self.out = nn.Linear(32, 16)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            rows = self.rows(x.flatten(2))
            normal = self.before_attention(rows)
            attended = rows + self.attention(normal, normal, normal, need_weights=False)[0]
            block = attended + self.out(torch.relu(self.hidden(self.before_hidden(attended))))
            return block.flatten(1)

    return Block()


@network("attention", takes=("image", "sequence"),
         description="one transformer block of width 16 over the steps, or over an image's rows",
         in_torch=torch_attention, called={"en": "attention", "zh": "注意力"},
         in_full={"en": "Attention networks", "zh": "注意力网络"}, colour="#9467bd",
         step_ms=0.65, side_power=2)  # fmt: skip
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


@network("text_mean", takes=("text",), description="the mean of embeddings of width 8, one dense layer",
         called={"en": "mean of embeddings", "zh": "词向量平均"},
         in_full={"en": "Means of embeddings", "zh": "词向量平均"})  # fmt: skip
def text_mean(input_shape: tuple[int, ...]) -> keras.Model:
    from keras import Sequential, layers

    return Sequential(
        [
            layers.Input(input_shape),
            layers.Embedding(VOCABULARY, 8, mask_zero=True),
            layers.GlobalAveragePooling1D(),
            layers.Dense(16, activation="relu"),
        ]
    )


READ = 20  # tokens of a row: a recurrence over more would cost a cell minutes, and XLA half a minute to compile it


@network("text_gru", takes=("text",),
         description=f"a GRU of 8 units over embeddings of width 8 of the first {READ} tokens",
         called={"en": "GRU on text", "zh": "文本 GRU"},
         in_full={"en": "Recurrent networks on text (GRU)", "zh": "文本循环网络（GRU）"})  # fmt: skip
def text_gru(input_shape: tuple[int, ...]) -> keras.Model:
    from keras import Sequential, layers

    (length,) = input_shape
    first = []
    if length > READ:
        first = [layers.Reshape((length, 1)), layers.Cropping1D((0, length - READ)), layers.Reshape((READ,))]
    tokens = layers.Embedding(VOCABULARY, 8, mask_zero=True)
    return Sequential([layers.Input(input_shape), *first, tokens, layers.GRU(8)])
