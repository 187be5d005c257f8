"""Examples about the two functions: §1.1 to §1.4 of the article."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from experiments.worked_examples.record import (
    DIFFERENTIATES,
    FRAMEWORKS,
    HALF,
    TENSORS,
    Variant,
    calls,
    example,
    variants,
)

Array = np.ndarray

LOGITS = (3.0, 1.0, -3.0)  # the article's
VALUES = (1, 2, 3, 4, 5)  # the article's
FURTHEST = 120.0
FINENESS = 64  # logits swept in each unit
EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
PRECISIONS = ("float64", "float32", *HALF)


@example(
    "sigmoid-range",
    section="1.1",
    variants=variants(DIFFERENTIATES, PRECISIONS),
    quantities=("saturates_at", "one_from", "zero_from", "coupling"),
)
def sigmoid_range(variant: Variant) -> dict[str, float]:
    """The smallest |logit|, up to 120, whose output is exactly 1 or exactly 0; NaN if there is none.

    `coupling`: how far the first of two outputs moves when the second one's logit does.
    """
    size = np.arange(1, FURTHEST * FINENESS + 1) / FINENESS
    if variant.dtype == "bfloat16":  # eight bits: what is finer would be rounded to another logit
        size = np.unique((size.astype(np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32).astype(float))
    sigmoid = calls(variant).sigmoid
    one, zero = (_first(size, sigmoid(side * size) == end) for side, end in ((1, 1.0), (-1, 0.0)))
    moved = sigmoid(np.array([LOGITS[0], 8.0])) - sigmoid(np.array([LOGITS[0], -8.0]))
    return {"saturates_at": float(np.fmin(one, zero)), "one_from": one, "zero_from": zero, "coupling": abs(moved[0])}


@example(
    "softmax-sums-to-one",
    section="1.2",
    variants=variants(tuple(FRAMEWORKS), PRECISIONS),
    quantities=("probability_1", "probability_2", "probability_3", "sum_error_ulps", "coupling"),
)
def softmax_sums_to_one(variant: Variant) -> dict[str, float]:
    """The article's logits, the worst sum over random ones, and how far p1 moves when z3 goes from -3 to 3."""
    softmax = calls(variant).softmax
    p = softmax(np.array([LOGITS]))[0]
    moved = softmax(np.array([[*LOGITS[:2], 3.0]]))[0]
    # summed exactly, so that the error is the framework's alone
    worst = max(abs(math.fsum(row) - 1) for z in random_logits() for row in softmax(z))
    return {
        **{f"probability_{number}": value for number, value in enumerate(p, start=1)},
        "sum_error_ulps": worst / EPSILON[variant.dtype],
        "coupling": abs(moved[0] - p[0]),
    }


@example(
    "softmax-sharpens",
    section="1.2",
    variants=variants(tuple(FRAMEWORKS), ("float64", "float32")),
    quantities=("softmax_top", "plain_top"),
)
def softmax_sharpens(variant: Variant) -> dict[str, float]:
    """The top probability of the article's logits; plainly normalised they are (6, 4, 0) / 10."""
    z = np.array(LOGITS)
    plain = (z - z.min()) / (z - z.min()).sum()
    return {"softmax_top": calls(variant).softmax(z[None]).max(), "plain_top": plain.max()}


@example(
    "binary-identity",
    section="1.3",
    variants=variants(DIFFERENTIATES, ("float64",)),
    quantities=("value_error", "loss_error", "gradient_error", "loss_error_rowwise", "gradient_error_rowwise"),
)
def binary_identity(variant: Variant) -> dict[str, float]:
    """softmax(z0, z1)[1] against sigmoid(z1 - z0), and their losses, on 2,000 random pairs of logits and labels.

    The value's error is relative, row by row. Those of loss and gradient are the largest error over the largest
    value: where a prediction is right, the frameworks form them as a difference of nearly equal numbers, so that row
    by row (`..._rowwise`) they lose as many digits as the logit is large, each head in its own way.
    """
    rng = np.random.default_rng(0)
    z, y = rng.normal(scale=4.0, size=(2000, 2)), rng.integers(0, 2, size=2000)
    effective = z[:, 1] - z[:, 0]
    use = calls(variant)
    value, sigmoid_value = use.softmax(z)[:, 1], use.sigmoid(effective)
    loss, slope = use.categorical(z, np.eye(2)[y])
    sigmoid_loss, sigmoid_slope = use.binary(effective, y.astype(float))
    # z1 raises the effective logit and z0 lowers it
    sigmoid_slope = np.stack([-sigmoid_slope, sigmoid_slope], axis=1)
    return {
        "value_error": rowwise(value, sigmoid_value),
        "loss_error": relative(loss, sigmoid_loss),
        "gradient_error": relative(slope, sigmoid_slope),
        "loss_error_rowwise": rowwise(loss, sigmoid_loss),
        "gradient_error_rowwise": rowwise(slope, sigmoid_slope),
    }


@example(
    "hardmax",
    section="1.4",
    variants=variants(("NumPy", *TENSORS), ("int64",)),
    quantities=("maximum", "numbers_returned", "numbers_of_hardmax"),
)
def hardmax(variant: Variant) -> dict[str, float]:
    """What the article's call returns for (1, 2, 3, 4, 5), and how many numbers a hardmax of them has."""
    use = FRAMEWORKS[variant.framework][0]("float64")
    largest, expected = use.largest(VALUES), use.one_hot_of_largest(VALUES)
    return {"maximum": float(largest), "numbers_returned": largest.size, "numbers_of_hardmax": expected.size}


def random_logits() -> list[Array]:
    """Batches of 200 rows of 2, 3, 10 and 100 logits, small ones and large ones."""
    rng = np.random.default_rng(0)
    return [rng.normal(scale=scale, size=(200, classes)) for classes in (2, 3, 10, 100) for scale in (1.0, 10.0, 50.0)]


def relative(value: Array, reference: Array) -> float:
    """Largest error over the largest value."""
    return float(np.abs(value - reference).max() / np.abs(reference).max())


def rowwise(value: Array, reference: Array) -> float:
    """Largest relative error of an entry."""
    return float(np.abs(value / reference - 1).max())


def _first(size: Array, reached: Sequence[bool] | Array) -> float:
    return float(size[np.argmax(reached)]) if np.any(reached) else float("nan")
