"""What a rule sees of the replicas: their weights, their random streams, and whether they are training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from experiments.keras_internals import layers_within


class Context:
    """One evaluation of a model for `replicas` replicas at once.

    `values`: the stacked value, (replicas, *variable.shape), of each of the model's variables by `id(variable)`; of
    one in `tables` also (replicas * rows, features).
    `random`: the layers that draw, see `random_layers`. `seeds`: (replicas,) integers and `step`: a scalar; what a
    replica draws depends on its seed, the step and the layer, and on nothing else.
    `source`: what the replicas' input was gathered from, (streams, batch, *row), and the stream of each, (replicas,).
    After the evaluation `updates` holds the new stacked values of variables that training moves
    (the moving statistics of BatchNormalization), by `id(variable)`.
    """

    def __init__(
        self,
        values: Mapping[int, tf.Tensor],
        *,
        replicas: int,
        training: bool,
        random: Mapping[int, int] | None = None,
        seeds: tf.Tensor | None = None,
        step: tf.Tensor | None = None,
        source: tuple[tf.Tensor, tf.Tensor] | None = None,
    ) -> None:
        self._values = values
        self.replicas = replicas
        self.training = training
        self._random = random or {}
        self._seeds = seeds
        self._step = step
        self._source = source
        self.input: tf.Tensor | None = None  # `evaluate` notes it
        self.updates: dict[int, tf.Tensor] = {}

    def value(self, variable: Any) -> tf.Tensor:
        """The stacked value of `variable`, (replicas, *variable.shape), after the updates that were noted."""
        return self.updates.get(id(variable), self._values[id(variable)])

    def update(self, variable: Any, value: tf.Tensor) -> None:
        """Note the value, (replicas, *variable.shape), that `variable` takes after this step."""
        self.updates[id(variable)] = value

    def once_a_stream(self, x: tf.Tensor, compute: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
        """`compute(x)` of what has no weights and treats rows alone; of the model's input, once for each stream.

        `x` and the result: (replicas, batch, ...). Replicas of a stream have the same rows, and gathering a result is
        a copy.
        """
        if self._source is None or x is not self.input:
            return compute(x)
        rows, of_replica = self._source
        return tf.gather(compute(rows), of_replica)

    def per_replica(self, layer: Any, draw: Callable[[tf.Tensor], tf.Tensor], dtype: tf.DType) -> tf.Tensor:
        """`draw(seed)` for the (2,) seed that Keras's own generator of `layer` has in each replica at this step."""
        if self._seeds is None or self._step is None:
            raise ValueError("This evaluation has no random streams: pass random, seeds and step")
        seeds = tf.cast(self._seeds, tf.int32) + self._random[id(layer)]
        step = tf.fill([self.replicas], tf.cast(self._step, tf.int32))
        return tf.map_fn(draw, tf.stack([seeds, step], axis=1), fn_output_signature=dtype)


def random_layers(model: keras.Model) -> dict[int, int]:
    """The layers of `model` that draw random numbers, by `id`, with what each adds to its replica's seed."""
    drawing = [layer for layer in layers_within(model) if isinstance(layer, keras.layers.Dropout) and layer.rate > 0]
    return {id(layer): index for index, layer in enumerate(drawing)}


def tables(model: keras.Model) -> set[int]:
    """The variables of `model`, by `id`, of which a step uses some rows: the tables of its Embedding layers."""
    layers = layers_within(model)
    return {id(layer.embeddings) for layer in layers if isinstance(layer, keras.layers.Embedding)}


def fold(x: tf.Tensor) -> tf.Tensor:
    """(replicas, batch, ...) to (replicas * batch, ...)."""
    return tf.reshape(x, [x.shape[0] * x.shape[1], *x.shape[2:]])


def unfold(x: tf.Tensor, replicas: int) -> tf.Tensor:
    """(replicas * batch, ...) to (replicas, batch, ...)."""
    return tf.reshape(x, [replicas, x.shape[0] // replicas, *x.shape[1:]])


def over_batch(parameter: tf.Tensor, rank: int) -> tf.Tensor:
    """(replicas, n) with axes of size 1 between, so that it broadcasts against (replicas, ..., n) of `rank` axes."""
    return tf.reshape(parameter, [parameter.shape[0], *[1] * (rank - 2), parameter.shape[1]])
