"""The losses that the article recommends, each over the atlas's sweep of logits beside the exact loss and gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit

from experiments.numerics.axes import LABELS, SWEEP, one_hot, split
from experiments.worked_examples.arrays import ScikitLearn
from experiments.worked_examples.record import Place, example
from experiments.worked_examples.tensors import TensorFlow, Torch

Array = np.ndarray
WRONG = 1e-3
LABEL = LABELS.astype(float)
_PAIR = split(SWEEP, 2)
_TRUTH = one_hot(LABELS, 2)

# (losses, gradient with respect to the effective logit) at every swept row; None where nothing differentiates
Measured = tuple[Array, Array | None]
Recipe = Callable[[str], Measured]


def _torch_binary(dtype: str) -> Measured:
    return Torch(dtype).binary(SWEEP, LABEL)


def _torch_categorical(dtype: str) -> Measured:
    loss, slope = Torch(dtype).categorical(_PAIR, _TRUTH)
    return loss, _effective(slope)


def _tensorflow(softmax: Callable[[Any, Any], Any]) -> Recipe:
    """`tf.keras.losses.categorical_crossentropy` of the prediction, and with the options, that `softmax` returns."""

    def recipe(dtype: str) -> Measured:
        import tensorflow as tf

        use = TensorFlow(dtype)
        truth = tf.constant(_TRUTH, dtype)

        def loss(z: Any) -> Any:
            predicted, options = softmax(tf, z)
            return tf.keras.losses.categorical_crossentropy(truth, predicted, **options)

        value, slope = use.differentiated(loss, _PAIR)
        return value, _effective(slope)

    return recipe


def _scikit_learn(dtype: str) -> Measured:
    use = ScikitLearn(dtype)
    return use.cross_entropy(_TRUTH, use.softmax(_PAIR)), None


def _effective(slope: Array) -> Array:
    return (slope[:, 1] - slope[:, 0]) / 2


RECIPES: dict[str, tuple[str, Recipe]] = {
    "PyTorch CrossEntropyLoss": ("torch", _torch_categorical),
    "PyTorch BCEWithLogitsLoss": ("torch", _torch_binary),
    "TensorFlow categorical_crossentropy on tf.nn.softmax": (
        "tensorflow", _tensorflow(lambda tf, z: (tf.nn.softmax(z), {})),
    ),
    "TensorFlow categorical_crossentropy on a Keras softmax": (
        "tensorflow", _tensorflow(lambda tf, z: (tf.keras.activations.softmax(z), {})),
    ),
    "TensorFlow categorical_crossentropy on logits": (
        "tensorflow", _tensorflow(lambda tf, z: (z, {"from_logits": True})),
    ),
    "scikit-learn log_loss on its softmax": ("sklearn", _scikit_learn),
}  # fmt: skip


@example(
    "loss-recipes",
    section="1.4",
    places=[
        Place(framework=name, package=package, dtype=dtype)
        for dtype in ("float64", "float32")
        for name, (package, _) in RECIPES.items()
    ],
    quantities=("largest_error", "first_wrong_logit", "largest_loss"),
)
def loss_recipes(place: Place) -> dict[str, float]:
    """The largest error of losses and gradients over the sweep, and the smallest |z| whose error is above 0.001.

    An error is relative where the exact value is above 1 and absolute below: a loss of 1e-9 that comes out as 0 is
    rounding. `largest_loss` is what the recipe makes of |z| = 120 with the wrong label, exactly 120.
    """
    loss, slope = RECIPES[place.framework][1](place.dtype)
    side = np.where(LABEL == 1, -SWEEP, SWEEP)
    errors = _error(loss, np.logaddexp(0.0, side))
    if slope is not None:
        errors = np.maximum(errors, _error(slope, np.where(LABEL == 1, -1, 1) * expit(side)))
    wrong = np.abs(SWEEP)[~(errors <= WRONG)]
    return {
        "largest_error": float(errors.max()),
        "first_wrong_logit": float(wrong.min()) if len(wrong) else float("nan"),
        "largest_loss": float(loss.max()),
    }


def _error(value: Array, exact: Array) -> Array:
    return np.abs(value - exact) / np.maximum(1.0, np.abs(exact))
