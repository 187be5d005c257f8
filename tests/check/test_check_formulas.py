"""The formulas of losses, row by row and unit by unit with Python's own mathematics."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from experiments.check import formulas
from experiments.check.formulas import LossFunction

EPSILON = 1e-7  # Keras's
Row = Sequence[float]
# of the numbers and the labels of one row
ByHand = Callable[[Row, Row], float]

# rows of labels: one-hot, with several labels, and with none
HOT = np.array([[0, 1, 0], [1, 0, 0], [1, 0, 1], [0, 0, 0], [0, 0, 1]], float)
CHANCES = np.array([[0.2, 0.7, 0.1], [0.0, 1.0, 0.5], [1.0, 0.3, 0.0], [0.25, 0.125, 1.0], [0.0, 0.0, 0.0]])
NUMBERS = np.array([[-2.0, 0.5, 3.0], [0.3, -0.4, 0.0], [1.5, -1.2, 2.5], [1.25, -3.0, 0.2], [0.7, 0.9, 1.1]])


def clipped(p: float) -> float:
    return min(max(p, EPSILON), 1 - EPSILON)


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def by_unit(of: Callable[[float, float], float]) -> ByHand:
    return lambda row, hot: mean([of(one, label) for one, label in zip(row, hot, strict=True)])


def of_the_label(of: Callable[[Row, int], float]) -> ByHand:
    """A sum over classes, of which a row has one."""
    return lambda row, hot: sum(label * of(row, place) for place, label in enumerate(hot))


def logarithm_of_softmax(row: Row, place: int) -> float:
    return row[place] - math.log(sum(math.exp(one) for one in row))


def cross_entropy(p: float, label: float) -> float:
    return -(label * math.log(clipped(p)) + (1 - label) * math.log(1 - clipped(p)))


def cross_entropy_of_logit(z: float, label: float) -> float:
    return label * math.log(1 + math.exp(-z)) + (1 - label) * math.log(1 + math.exp(z))


def cross_entropy_of_logarithms(p: float, label: float) -> float:
    """No logarithm is below -100, nor above 0."""
    yes, no = (min(max(math.log(one), -100), 0) if one > 0 else -100 for one in (p, 1 - p))
    return -(label * yes + (1 - label) * no)


def focal(gamma: float, weight: Callable[[float], float]) -> Callable[[float, float], float]:
    """`weight`: what is made of a probability before a wrong answer is weighed with it."""

    def of(p: float, label: float) -> float:
        right = p if label == 1 else 1 - p
        return -((1 - weight(right)) ** gamma) * math.log(clipped(right))

    return of


def share(row: Row, place: int) -> float:
    return row[place] / sum(row) if sum(row) != 0 else 0.0


def hinge(power: int) -> Callable[[float, float], float]:
    return lambda z, label: max(0, 1 - (1 if label == 1 else -1) * z) ** power


def huber(p: float, label: float) -> float:
    gap = abs(p - label)
    return gap * gap / 2 if gap <= 1 else gap - 1 / 2


def margin(row: Row, hot: Row) -> float:
    """As much as the highest of the other classes comes within 1 of that of the label, or above it."""
    right = sum(one * label for one, label in zip(row, hot, strict=True))
    return max(0, 1 + max(one for one, label in zip(row, hot, strict=True) if label != 1) - right)


def margins(row: Row, hot: Row) -> float:
    right = sum(one * label for one, label in zip(row, hot, strict=True))
    return sum(max(0, 1 + one - right) for one, label in zip(row, hot, strict=True) if label != 1)


@pytest.mark.parametrize(
    ("formula", "values", "by_hand"),
    [
        (formulas.binary_of_probabilities, CHANCES, by_unit(cross_entropy)),
        (formulas.binary_of_logits, NUMBERS, by_unit(cross_entropy_of_logit)),
        (formulas.binary_of_clipped_logarithms, CHANCES, by_unit(cross_entropy_of_logarithms)),
        (formulas.binary_of_clipped_logarithms, NUMBERS, by_unit(cross_entropy_of_logarithms)),
        (formulas.categorical_of_logits, NUMBERS, of_the_label(lambda row, at: -logarithm_of_softmax(row, at))),
        (formulas.categorical_unnormalised, CHANCES, of_the_label(lambda row, at: -math.log(clipped(row[at])))),
        (formulas.categorical_of_probabilities, CHANCES,
         of_the_label(lambda row, at: -math.log(clipped(share(row, at))))),
        (formulas.categorical_of_clipped, CHANCES,
         of_the_label(lambda row, at: -math.log(clipped(row[at]) / sum(clipped(one) for one in row)))),
        (formulas.focal(3, by_class=False), CHANCES, by_unit(focal(3, clipped))),
        (formulas.focal(3, by_class=True), CHANCES, of_the_label(lambda row, at: focal(3, clipped)(row[at], 1))),
        (formulas.focal_of_clipped(3), CHANCES, by_unit(focal(3, lambda p: p))),
        (formulas.focal_of_clipped(3), NUMBERS, by_unit(focal(3, lambda p: p))),
        (formulas.square, NUMBERS, by_unit(lambda p, label: (p - label) * (p - label))),
        (formulas.absolute, NUMBERS, by_unit(lambda p, label: abs(p - label))),
        (formulas.huber, NUMBERS, by_unit(huber)),
        (formulas.hinge(1), NUMBERS, by_unit(hinge(1))),
        (formulas.hinge(2), NUMBERS, by_unit(hinge(2))),
        (formulas.logcosh, NUMBERS, by_unit(lambda p, label: math.log(math.cosh(p - label)))),
        (formulas.poisson, CHANCES, by_unit(lambda p, label: p - label * math.log(max(p, EPSILON)))),
        (formulas.poisson_of_logarithms, NUMBERS, by_unit(lambda z, label: math.exp(z) - label * z)),
        (formulas.margin, NUMBERS, margin),
        (formulas.margins, NUMBERS, margins),
        (formulas.binary_of_labels, CHANCES, by_unit(lambda p, label: cross_entropy(label, p))),
        (formulas.binary_of_label_logits, CHANCES, by_unit(lambda p, label: cross_entropy_of_logit(label, p))),
        (formulas.categorical_of_labels, CHANCES,
         lambda row, hot: -sum(p * math.log(clipped(label)) for p, label in zip(row, hot, strict=True))),
        (formulas.categorical_of_label_logits, CHANCES,
         lambda row, hot: -sum(p * logarithm_of_softmax(hot, at) for at, p in enumerate(row))),
        (formulas.likelihood, NUMBERS, of_the_label(lambda row, at: -row[at])),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_a_loss_is_what_its_formula_says(formula: LossFunction, values: np.ndarray, by_hand: ByHand) -> None:
    wanted = [by_hand(list(row), list(hot)) for row, hot in zip(values, HOT, strict=True)]
    np.testing.assert_allclose(formula(values, HOT), wanted, rtol=1e-9, atol=1e-12)


def test_what_the_units_hold_is_made_to_sum_to_1() -> None:
    np.testing.assert_allclose(formulas.shares(np.array([[1.0, 3.0], [0.0, 0.0]])), [[0.25, 0.75], [0.0, 0.0]])
