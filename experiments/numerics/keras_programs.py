"""Keras's own layers and losses, bound to a path: what `model.fit` evaluates, with one sample a row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from experiments.numerics.axes import DTYPES, LABELS, Path, one_hot, split
from experiments.numerics.programs import Program

_LOSS = {
    "binary_crossentropy": "BinaryCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
}


@contextmanager
def floatx(dtype: str) -> Iterator[None]:
    """Set Keras's `floatx` for a while: the dtype of inputs, of losses and of the clipping constant."""
    import keras

    before = keras.config.floatx()
    # Keras fixes its default policy, after floatx, when it is first read: not to this dtype
    keras.config.dtype_policy()
    keras.config.set_floatx(dtype)
    try:
        yield
    finally:
        keras.config.set_floatx(before)


def model(path: Path) -> Any:
    """The path's Keras model: its input (n, 1) is the effective logit."""
    return _model(path.dtype, path.form, path.activation, path.units)


@cache
def _model(dtype: str, form: str, activation: str, units: int) -> Any:
    import keras
    from keras import layers

    policy = DTYPES[dtype].head
    in_layer = form != "activation_layer"
    inside = activation if in_layer else None
    tail = [layers.Dense(units, use_bias=False, activation=inside, kernel_initializer="zeros", dtype=policy)]
    if not in_layer:
        tail.append(layers.Activation(activation, dtype=policy))
    if form == "layer_after":
        tail.append(layers.Reshape((units,), dtype=policy))
    built = keras.Sequential([keras.Input((1,)), *tail])
    built.layers[0].set_weights([split(np.ones(1), units)])
    return built


def loss(path: Path, reduction: str | None = None) -> Any:
    """The path's Keras loss."""
    import keras

    return getattr(keras.losses, _LOSS[path.loss])(from_logits=path.form == "from_logits", reduction=reduction)


def targets(path: Path, labels: np.ndarray) -> np.ndarray:
    """`labels` (n,) as the path's loss takes them."""
    if path.loss == "sparse_categorical_crossentropy":
        return labels[:, None].astype("int32")
    return one_hot(labels, path.units).astype("float32")


def bind(path: Path, labels: np.ndarray = LABELS) -> Program:
    """The program of `path`, for rows with these labels; it sets Keras's `floatx` to the path's while it runs."""
    y = targets(path, labels)
    with floatx(path.floatx):
        network, objective = model(path), loss(path)

    def predict(x: Any, kernel: Any) -> Any:
        with floatx(path.floatx):
            prediction, _ = network.stateless_call([kernel], [], x)
        return prediction

    def rows(prediction: Any) -> Any:
        with floatx(path.floatx):
            return objective(y, prediction)

    return Program(
        path=path,
        head=(path.dtype, path.form, path.activation, path.units),
        objective=(path.floatx, path.form == "from_logits", path.loss, path.units),
        kernel=network.layers[0].variable_dtype,
        predict=predict,
        loss=rows,
        loss_of_prediction=rows,
    )
