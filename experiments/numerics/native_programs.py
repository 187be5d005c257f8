"""The losses of PyTorch and of TensorFlow themselves, bound to a path as their users write them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from experiments.numerics.axes import EXECUTIONS, LABELS, PLAIN, Path, one_hot
from experiments.numerics.programs import Program

Tensor = Any

# one unit or two, plain or after an activation: the form says which
TORCH_HEADS = tuple(product(("linear", "sigmoid", "softmax", "log_softmax"), (1, 2)))
TORCH_LOSSES = ("CrossEntropyLoss", "BCEWithLogitsLoss", "BCELoss", "NLLLoss")
# autocast is PyTorch's mixed precision
TORCH_DTYPES = (*PLAIN, "mixed_float16", "mixed_bfloat16")

TENSORFLOW_HEADS = tuple(product(("linear", "sigmoid", "softmax"), (1, 2)))
TENSORFLOW_LOSSES = (
    "sigmoid_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits",
    "sparse_softmax_cross_entropy_with_logits",
    "log_by_hand",
)


def form(activation: str) -> str:
    """A loss that is handed a layer's output takes logits, or what an activation of its own made of them."""
    return "from_logits" if activation == "linear" else "activation_layer"


def torch_paths() -> list[Path]:
    """PyTorch's modules crossed: every activation with every loss."""
    return [
        Path(framework="torch", execution=execution, dtype=dtype, form=form(activation),
             activation=activation, units=units, loss=loss)
        for dtype, execution, (activation, units), loss in product(TORCH_DTYPES, EXECUTIONS, TORCH_HEADS, TORCH_LOSSES)
    ]


def tensorflow_paths() -> list[Path]:
    """TensorFlow's operations crossed, and the logarithm written by hand."""
    return [
        Path(framework="tensorflow", execution=execution, dtype=dtype, form=form(activation),
             activation=activation, units=units, loss=loss)
        for dtype, execution in product(PLAIN, EXECUTIONS)
        for (activation, units), loss in product(TENSORFLOW_HEADS, TENSORFLOW_LOSSES)
    ]


def bind_torch(path: Path, labels: np.ndarray = LABELS) -> Program:
    """A path of `torch_paths`, for rows with these labels."""
    import torch
    from torch import nn

    mixed = path.dtype.startswith("mixed_")
    head = getattr(torch, path.floatx)
    activation: Callable[[Tensor], Tensor] = {
        "linear": nn.Identity(),
        "sigmoid": nn.Sigmoid(),
        "softmax": nn.Softmax(dim=-1),
        "log_softmax": nn.LogSoftmax(dim=-1),
    }[path.activation]
    objective = getattr(nn, path.loss)(reduction="none")
    indexed = path.loss in ("CrossEntropyLoss", "NLLLoss")
    y = torch.tensor(labels if indexed else one_hot(labels, path.units), dtype=torch.int64 if indexed else head)

    def autocast() -> Any:
        return torch.autocast("cpu", dtype=getattr(torch, path.precision), enabled=mixed)

    def rows(prediction: Tensor) -> Tensor:
        loss = objective(prediction, y if indexed else y.to(prediction.dtype))
        return loss if loss.ndim == 1 else loss.mean(dim=-1)

    def predict(x: Tensor, kernel: Tensor) -> Tensor:
        with autocast():
            return activation(nn.functional.linear(x, kernel.T))

    def loss(prediction: Tensor) -> Tensor:
        with autocast():
            return rows(prediction)

    def loss_of_prediction(prediction: np.ndarray) -> Tensor:
        # bfloat16 left the framework as float32
        return rows(torch.tensor(prediction).to(getattr(torch, path.precision)))

    return Program(
        path=path,
        head=("torch", path.dtype, path.activation, path.units),
        objective=("torch", path.dtype, path.loss, path.units),
        kernel=path.floatx,
        predict=predict,
        loss=loss,
        loss_of_prediction=loss_of_prediction,
    )


def bind_tensorflow(path: Path, labels: np.ndarray = LABELS) -> Program:
    """A path of `tensorflow_paths`, for rows with these labels."""
    import tensorflow as tf

    activation = {"linear": tf.identity, "sigmoid": tf.sigmoid, "softmax": tf.nn.softmax}[path.activation]
    y = tf.constant(one_hot(labels, path.units), path.floatx)
    index = tf.constant(labels, tf.int32)

    def by_hand(p: Tensor) -> Tensor:
        if path.units == 1:
            return tf.squeeze(-(y * tf.math.log(p) + (1 - y) * tf.math.log(1 - p)), -1)
        return -tf.reduce_sum(y * tf.math.log(p), -1)

    rows: Callable[[Tensor], Tensor] = {
        "sigmoid_cross_entropy_with_logits": lambda q: tf.reduce_mean(
            tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=q), -1
        ),
        "softmax_cross_entropy_with_logits": lambda q: tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=q),
        "sparse_softmax_cross_entropy_with_logits": lambda q: tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=index, logits=q
        ),
        "log_by_hand": by_hand,
    }[path.loss]

    def predict(x: Tensor, kernel: Tensor) -> Tensor:
        return activation(tf.matmul(x, kernel))

    def loss_of_prediction(prediction: np.ndarray) -> Tensor:
        return rows(tf.constant(prediction))

    return Program(
        path=path,
        head=("tensorflow", path.dtype, path.activation, path.units),
        objective=("tensorflow", path.dtype, path.loss, path.units),
        kernel=path.floatx,
        predict=predict,
        loss=rows,
        loss_of_prediction=loss_of_prediction,
    )
