"""Examples about cross-entropy: §2 and §3 of the article."""

from __future__ import annotations

import numpy as np
from scipy.special import entr

from experiments.worked_examples.frameworks import DIFFERENTIATES, FRAMEWORKS, calls, places
from experiments.worked_examples.functions import relative
from experiments.worked_examples.record import Place, example

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
    places=places(tuple(FRAMEWORKS), BOTH),
    quantities=("loss_model_1", "loss_model_2", "accuracy_model_1", "accuracy_model_2"),
    article={"loss_model_1": 1.3783888522474517, "loss_model_2": 0.6391075640678003},
)
def log_loss_example(place: Place) -> dict[str, float]:
    """The mean cross-entropy of the two models of animals, and their accuracies."""
    loss = calls(place).cross_entropy
    right = [float((model.argmax(axis=1) == ANIMALS.argmax(axis=1)).mean()) for model in MODELS]
    return {
        **{f"loss_model_{number}": loss(ANIMALS, model).mean() for number, model in enumerate(MODELS, start=1)},
        **{f"accuracy_model_{number}": value for number, value in enumerate(right, start=1)},
    }


@example(
    "cross-entropy-is-kl-plus-entropy",
    section="3",
    places=places(DIFFERENTIATES, ("float64",)),
    quantities=("identity_error", "gradient_error"),
)
def cross_entropy_is_kl_plus_entropy(place: Place) -> dict[str, float]:
    """H(p, q) against H(p) + KL(p, q) on 500 random pairs over five classes, and their gradients in q's logits."""
    rng = np.random.default_rng(0)
    truth, z = rng.dirichlet(np.ones(5), size=500), rng.normal(scale=2.0, size=(500, 5))
    use = calls(place)
    cross, slope = use.categorical(z, truth)
    divergence, twin_slope = use.divergence(z, truth)
    whole = entr(truth).sum(axis=1) + divergence
    return {
        "identity_error": float(np.abs(cross / whole - 1).max()),
        "gradient_error": relative(slope, twin_slope),
    }


@example(
    "three-class-example",
    section="3",
    places=places(tuple(FRAMEWORKS), BOTH),
    quantities=("loss_model_1", "loss_model_2"),
)
def three_class_example(place: Place) -> dict[str, float]:
    """The loss of each prediction for the truth (1, 0, 0)."""
    loss, truth = calls(place).cross_entropy, np.array([[1.0, 0.0, 0.0]])
    return {f"loss_model_{number}": loss(truth, model)[0] for number, model in enumerate(THREE_CLASSES, start=1)}
