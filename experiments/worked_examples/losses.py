"""The losses that the article recommends and those of its examples: §1.4, §2 and §3 of the article."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import entr, expit

from experiments.numerics.axes import LABELS, SWEEP, one_hot, split
from experiments.worked_examples.arrays import ScikitLearn
from experiments.worked_examples.functions import relative
from experiments.worked_examples.record import DIFFERENTIATES, FRAMEWORKS, Variant, calls, example, variants
from experiments.worked_examples.tensors import TensorFlow, Torch

BOTH = ("float64", "float32")

# cat, dog, pig: the article's table
ANIMALS = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], dtype=float)
MODELS = (
    np.array([[0.3, 0.3, 0.4], [0.3, 0.4, 0.3], [0.1, 0.2, 0.7]]),
    np.array([[0.1, 0.2, 0.7], [0.1, 0.7, 0.2], [0.3, 0.4, 0.3]]),
)
THREE_CLASSES = (np.array([[0.5, 0.2, 0.3]]), np.array([[0.7, 0.1, 0.2]]))


@example(
    "log-loss-example",
    section="2",
    variants=variants(tuple(FRAMEWORKS), BOTH),
    quantities=("loss_model_1", "loss_model_2", "accuracy_model_1", "accuracy_model_2"),
    article={"loss_model_1": 1.3783888522474517, "loss_model_2": 0.6391075640678003},
)
def log_loss_example(variant: Variant) -> dict[str, float]:
    """The mean cross-entropy of the two models of animals, and their accuracies."""
    loss = calls(variant).cross_entropy
    right = [float((model.argmax(axis=1) == ANIMALS.argmax(axis=1)).mean()) for model in MODELS]
    return {
        **{f"loss_model_{number}": loss(ANIMALS, model).mean() for number, model in enumerate(MODELS, start=1)},
        **{f"accuracy_model_{number}": value for number, value in enumerate(right, start=1)},
    }


@example(
    "cross-entropy-is-kl-plus-entropy",
    section="3",
    variants=variants(DIFFERENTIATES, ("float64",)),
    quantities=("identity_error", "gradient_error"),
)
def cross_entropy_is_kl_plus_entropy(variant: Variant) -> dict[str, float]:
    """H(p, q) against H(p) + KL(p, q) on 500 random pairs over five classes, and their gradients in q's logits."""
    rng = np.random.default_rng(0)
    truth, z = rng.dirichlet(np.ones(5), size=500), rng.normal(scale=2.0, size=(500, 5))
    use = calls(variant)
    cross, slope = use.categorical(z, truth)
    divergence, divergence_slope = use.divergence(z, truth)
    whole = entr(truth).sum(axis=1) + divergence
    return {
        "identity_error": float(np.abs(cross / whole - 1).max()),
        "gradient_error": relative(slope, divergence_slope),
    }


@example(
    "three-class-example",
    section="3",
    variants=variants(tuple(FRAMEWORKS), BOTH),
    quantities=("loss_model_1", "loss_model_2"),
)
def three_class_example(variant: Variant) -> dict[str, float]:
    """The loss of each prediction for the truth (1, 0, 0)."""
    loss, truth = calls(variant).cross_entropy, np.array([[1.0, 0.0, 0.0]])
    return {f"loss_model_{number}": loss(truth, model)[0] for number, model in enumerate(THREE_CLASSES, start=1)}


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
    variants=[
        Variant(framework=name, package=package, dtype=dtype)
        for dtype in ("float64", "float32")
        for name, (package, _) in RECIPES.items()
    ],
    quantities=("largest_error", "first_wrong_logit", "largest_loss"),
)
def loss_recipes(variant: Variant) -> dict[str, float]:
    """The largest error of losses and gradients over the sweep, and the smallest |z| whose error is above 0.001.

    An error is relative where the exact value is above 1 and absolute below: a loss of 1e-9 that comes out as 0 is
    rounding. `largest_loss` is what the recipe makes of |z| = 120 with the wrong label, exactly 120.
    """
    loss, slope = RECIPES[variant.framework][1](variant.dtype)
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
