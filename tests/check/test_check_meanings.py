"""What a loss is taken for, and how a tail is driven: on arrays and programs that are made for one question each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy_tails import (
    MULTI,
    ONE,
    SOFTMAX,
    THREE,
    TWO,
    NumpyTail,
    bce_of_logits,
    cce_as_given,
    cce_of_logits,
    identity,
    measured,
    of,
    soft,
    square,
)
from scipy.special import expit, log_softmax, softmax

from experiments.check import formulas
from experiments.check.formula_match import candidates, match_formula
from experiments.check.labels import Encoding
from experiments.check.record import Step
from experiments.check.sweep import GRID, directions, run_sweep

Array = np.ndarray
LABELS = np.array([0, 0, 0, 1, 1, 1, 1])
Z = np.array([[-2.0], [0.5], [1.0], [-1.5], [0.25], [1.0], [3.0]])
P = expit(Z)
HOT = LABELS[:, None].astype(float)
MANY = np.array([[0.1, -1, 2], [1, 0.5, 0], [-2, 0.3, 0.4], [1, 2, 3], [0, -1, 1], [0.5, 0.2, -0.1], [2, 0, 1.0]])
HOT3 = np.eye(3)[LABELS]


def meant(losses: Array, logits: Array | None = Z, prediction: Array = P, dtype: str = "float32") -> tuple[Any, ...]:
    found = match_formula(losses, logits, prediction, LABELS, dtype)
    return found.name, found.of, found.by_class, found.smoothed


CHANCES = softmax(MANY, axis=1)
SIGMOIDS = expit(MANY)
FOCAL = {gamma: formulas.focal(gamma, by_class=False) for gamma in (1, 2, 3, 5)}
BY_CLASS = {gamma: formulas.focal(gamma, by_class=True) for gamma in (1, 2, 3, 5)}
TWICE = formulas.binary_of_logits(P, HOT)


@pytest.mark.parametrize(
    ("losses", "logits", "prediction", "expected"),
    [
        (formulas.binary_of_probabilities(P, HOT), None, P, ("binary", "prediction", False, False)),
        (formulas.binary_of_logits(Z, HOT), Z, Z, ("binary", "logits", False, False)),
        (formulas.binary_of_logits(Z, HOT), None, Z, ("binary", "prediction as logits", False, False)),
        (TWICE, Z, P, ("binary", "prediction as logits", False, False)),
        (formulas.binary_of_logits(expit(Z), HOT), Z, Z, ("binary", "squashed logits", False, False)),
        (formulas.binary_of_logits(expit(P), HOT), None, P, ("binary", "squashed logits", False, False)),
        (formulas.binary_of_probabilities(Z, HOT), Z, Z, ("binary", "prediction clipped", False, False)),
        (formulas.binary_of_clipped_logarithms(Z, HOT), Z, Z, ("binary", "prediction clipped", False, False)),
        (formulas.binary_of_labels(P, HOT), Z, P, ("binary", "labels", False, False)),
        (formulas.binary_of_label_logits(P, HOT), Z, P, ("binary", "labels", False, False)),
        (formulas.categorical_of_logits(MANY, HOT3), MANY, CHANCES, ("categorical", "prediction", True, False)),
        (formulas.categorical_unnormalised(SIGMOIDS, HOT3), None, SIGMOIDS, ("categorical", "prediction", True, False)),
        (formulas.categorical_of_probabilities(SIGMOIDS, HOT3), None, SIGMOIDS,
         ("categorical", "prediction", True, False)),
        (formulas.categorical_of_logits(MANY, HOT3), MANY, MANY, ("categorical", "logits", True, False)),
        (formulas.categorical_of_logits(CHANCES, HOT3), MANY, CHANCES,
         ("categorical", "prediction as logits", True, False)),
        (formulas.categorical_unnormalised(MANY, HOT3), MANY, MANY, ("categorical", "prediction clipped", True, False)),
        (formulas.categorical_of_probabilities(MANY, HOT3), MANY, MANY,
         ("categorical", "prediction clipped", True, False)),
        (formulas.categorical_of_clipped(MANY, HOT3), MANY, MANY, ("categorical", "prediction clipped", True, False)),
        (formulas.categorical_of_logits(CHANCES, HOT3), MANY, MANY, ("categorical", "squashed logits", True, False)),
        (formulas.categorical_of_labels(CHANCES, HOT3), MANY, CHANCES, ("categorical", "labels", True, False)),
        (formulas.categorical_of_label_logits(CHANCES, HOT3), MANY, CHANCES,
         ("categorical", "labels", True, False)),
        (formulas.likelihood(MANY, HOT3), MANY, MANY, ("likelihood", "prediction", True, False)),
        (formulas.likelihood(CHANCES, HOT3), MANY, MANY, ("likelihood", "squashed logits", True, False)),
        *((FOCAL[gamma](P, HOT), Z, P, ("focal", "prediction", False, False)) for gamma in FOCAL),
        *((FOCAL[gamma](P, HOT), Z, Z, ("focal", "logits", False, False)) for gamma in FOCAL),
        *((FOCAL[gamma](P, HOT), None, Z, ("focal", "prediction as logits", False, False)) for gamma in FOCAL),
        *((formulas.focal_of_clipped(gamma)(Z, HOT), Z, Z, ("focal", "prediction clipped", False, False))
          for gamma in FOCAL),
        *((BY_CLASS[gamma](SIGMOIDS, HOT3), None, SIGMOIDS, ("focal", "prediction", True, False)) for gamma in FOCAL),
        *((BY_CLASS[gamma](formulas.shares(SIGMOIDS), HOT3), None, SIGMOIDS, ("focal", "prediction", True, False))
          for gamma in FOCAL),
        *((BY_CLASS[gamma](CHANCES, HOT3), MANY, MANY, ("focal", "logits", True, False)) for gamma in FOCAL),
        *((BY_CLASS[gamma](CHANCES, HOT3), None, MANY, ("focal", "prediction as logits", True, False))
          for gamma in FOCAL),
        *((BY_CLASS[gamma](formulas.shares(MANY + 3), HOT3), None, MANY + 3,
           ("focal", "prediction clipped", True, False))
          for gamma in FOCAL),
        (np.arange(7.0), Z, P, ("", "", False, False)),
        (formulas.square(P, HOT), Z, P, ("square", "prediction", False, False)),
        (formulas.absolute(P, HOT), Z, P, ("absolute", "prediction", False, False)),
        (formulas.huber(3 * Z, HOT), 3 * Z, 3 * Z, ("huber", "prediction", False, False)),
        (formulas.hinge(1)(Z, HOT), Z, Z, ("hinge", "prediction", False, False)),
        (formulas.hinge(2)(Z, HOT), Z, Z, ("hinge", "prediction", False, False)),
        (formulas.hinge(3)(Z, HOT), Z, Z, ("", "", False, False)),
        (formulas.logcosh(Z, HOT), Z, Z, ("logcosh", "prediction", False, False)),
        (formulas.poisson(np.exp(Z), HOT), Z, np.exp(Z), ("poisson", "prediction", False, False)),
        (formulas.poisson(np.maximum(Z, 0), HOT), Z, np.maximum(Z, 0), ("poisson", "prediction", False, False)),
        (formulas.poisson(Z, HOT), Z, Z, ("", "", False, False)),
        (formulas.poisson_of_logarithms(Z, HOT), Z, Z, ("poisson", "prediction", False, False)),
        (formulas.margin(MANY, HOT3), MANY, MANY, ("margin", "prediction", True, False)),
        (formulas.margins(MANY, HOT3), MANY, MANY, ("margin", "prediction", True, False)),
        (np.r_[formulas.square(P, HOT)[:-1], np.inf], Z, P, ("", "", False, False)),
    ],
)  # fmt: skip
def test_losses_are_known_by_their_values(
    losses: Array, logits: Array | None, prediction: Array, expected: tuple[Any, ...]
) -> None:
    assert meant(losses, logits, prediction) == expected


def test_probabilities_are_within_0_and_1_but_for_a_rounding() -> None:
    for most, least, expected in ((1, 0, True), (1 + 0.9e-6, 0, True), (1 + 1.5e-6, 0, False), (1, -1e-9, False)):
        for listed in ("prediction", "prediction clipped"):
            values = np.array([[least], [0.5], [most]])
            known = {(one.name, one.of) for one, _, _ in candidates(None, values)}
            assert (("binary", listed) in known) == (expected == (listed == "prediction"))


def test_one_unit_is_no_distribution_over_classes() -> None:
    listed = [one for one, _, _ in candidates(Z, P)]
    assert not any(one.by_class for one in listed)
    assert {one.name for one in listed}.isdisjoint({"categorical", "likelihood", "margin"})
    two = [one for one, _, _ in candidates(MANY[:, :2], MANY[:, :2])]
    assert {"categorical", "likelihood", "margin"} <= {one.name for one in two if one.by_class}
    assert {one.name for one in two if not one.by_class}.isdisjoint({"categorical", "likelihood", "margin"})


@pytest.mark.parametrize(
    ("losses", "dtype", "expected"),
    [
        # each label may have a weight of its own
        ((1 + 4 * LABELS) * formulas.square(P, HOT), "float32", "square"),
        (-formulas.square(P, HOT), "float32", ""),
        (np.where(LABELS == 1, -1, 1) * formulas.square(P, HOT), "float32", ""),
        (0 * formulas.square(P, HOT), "float32", ""),
        (LABELS * formulas.square(P, HOT), "float32", ""),
        (formulas.square(P, HOT) * (1 + 0.008 * (-1) ** np.arange(7)), "float32", ""),
        (formulas.square(P, HOT) * (1 + 0.008 * (-1) ** np.arange(7)), "float16", "square"),
        (formulas.square(P, HOT) * (1 + 0.008 * (-1) ** np.arange(7)), "bfloat16", "square"),
    ],
)
def test_a_loss_is_a_multiple_of_its_formula(losses: Array, dtype: str, expected: str) -> None:
    assert meant(losses, dtype=dtype)[0] == expected


def alone(losses: Array, formula: Array) -> float:
    """How far losses are from a multiple of a formula, relative to the largest of them."""
    factor = (losses * formula).sum() / (formula**2).sum()
    return float(np.sqrt(((losses - factor * formula) ** 2).mean()) / losses.max())


def test_how_far_a_loss_may_be_from_its_formula() -> None:
    """Of the worse label: by 0.002 of the largest loss."""
    exact, turn = formulas.square(P, HOT), np.array([1, -1, 1, 1, -1, 1, -1])
    for target, expected in ((0.0019, "square"), (0.0021, ""), (0.0039, "")):
        for label in (0, 1):
            of_label = label == LABELS
            low, high = 0.0, 0.2
            for _ in range(50):  # the size of the turn that is as far off
                size = (low + high) / 2
                bent = exact * (1 + size * turn * of_label)
                low, high = (size, high) if alone(bent[of_label], exact[of_label]) < target else (low, size)
            assert meant(bent)[0] == expected
            assert meant(bent, dtype="float16")[0] == "square"
    bent = exact * (1 + 0.3 * turn)
    assert max(alone(bent[one == LABELS], exact[one == LABELS]) for one in (0, 1)) > 0.06
    assert meant(bent, dtype="float16")[0] == ""


def test_the_first_formula_that_fits_is_taken_unless_another_fits_far_better() -> None:
    """In 16 bits much fits; what fits more than three times as far as the best one is not meant."""
    square_, absolute_ = formulas.square(P, HOT), formulas.absolute(P, HOT)
    assert meant(square_, dtype="float16")[0] == "square"
    assert meant(absolute_, dtype="float16")[0] == "absolute"


@pytest.mark.parametrize(("amount", "expected"), [(0.1, True), (0.45, True), (0.55, None)])
def test_a_smoothed_loss_mixes_in_less_of_the_other_labels(amount: float, expected: bool | None) -> None:
    right, wrong = formulas.binary_of_probabilities(P, HOT), formulas.binary_of_probabilities(P, 1 - HOT)
    name, _, _, smoothed = meant((1 - amount) * right + amount * wrong)
    assert (name, smoothed) == (("binary", True) if expected else ("", False))
    only = formulas.square(P, HOT) * (1 - amount) + formulas.square(P, 1 - HOT) * amount
    assert meant(only)[0] == ""  # of cross-entropies alone


def test_smoothing_over_classes_is_spread_over_the_others() -> None:
    smooth = 0.9 * HOT3 + 0.1 / 3
    losses = formulas.categorical_of_logits(MANY, smooth)
    assert meant(losses, MANY, MANY) == ("categorical", "logits", True, True)
    by_unit = formulas.binary_of_logits(MANY, 0.9 * HOT3 + 0.05)
    assert meant(by_unit, MANY, MANY) == ("binary", "logits", False, True)


@pytest.mark.parametrize(("scale", "expected"), [(1.0, "labels"), (0.98, "labels"), (1.02, "labels"), (0.96, ""),
                                                 (1.04, ""), (2.0, "")])  # fmt: skip
def test_labels_taken_for_predictions_are_known_at_their_own_scale_alone(scale: float, expected: str) -> None:
    assert meant(scale * formulas.binary_of_label_logits(P, HOT))[1] == expected


@pytest.mark.parametrize(
    ("of_what", "formula", "values", "logits", "prediction"),
    [
        ("prediction", formulas.binary_of_probabilities, SIGMOIDS, None, SIGMOIDS),
        ("logits", formulas.binary_of_logits, MANY, MANY, 2 * MANY),
        ("prediction as logits", formulas.binary_of_logits, MANY, None, MANY),
        ("prediction clipped", formulas.binary_of_probabilities, MANY, None, MANY),
    ],
)
def test_units_may_weigh_each_another_amount(
    of_what: str, formula: formulas.LossFunction, values: Array, logits: Array | None, prediction: Array
) -> None:
    """The first, the second, and all the others: z moves the first two alone."""
    columns = np.stack([formula(values[:, [unit]], HOT3[:, [unit]]) for unit in range(3)])
    for weights in ((4, 1, 1), (1, 4, 1), (1, 1, 4), (1, 2, 7)):
        assert meant(np.array(weights) @ columns, logits, prediction) == ("binary", of_what, False, False)
    for weights in ((0, 1, 1), (1, -1, 1)):
        assert meant(np.array(weights) @ columns, logits, prediction)[0] == ""
    turn = np.where(LABELS == 1, (-1) ** np.arange(7), 0)
    for size, dtype, expected in ((0.5, "float32", ""), (0.02, "float32", ""), (0.02, "float16", "binary")):
        bent = np.array([1, 2, 7]) @ columns * (1 + size * turn)
        assert meant(1000 * bent, logits, prediction, dtype)[0] == expected


# how a tail is driven -----------------------------------------------------------------------------------------------


def test_z_enters_one_unit_or_is_the_difference_of_two() -> None:
    def of_shape(*shape: int, prediction: tuple[int, ...]) -> tuple[Any, bool]:
        class Shaped(NumpyTail):
            @property
            def shape(self) -> tuple[int, ...]:
                return shape

        direction, fits = directions(Shaped(predict=identity, loss=square, scored=square), prediction)
        return direction.tolist(), fits

    assert of_shape(prediction=()) == (1.0, True)
    assert of_shape(1, prediction=(1,)) == ([1.0], True)
    assert of_shape(prediction=(1,)) == (1.0, True)
    assert of_shape(1, prediction=()) == ([1.0], True)
    assert of_shape(2, prediction=(2,)) == ([-0.5, 0.5], True)
    assert of_shape(4, prediction=(4,)) == ([-0.5, 0.5, 0, 0], True)
    assert of_shape(3, prediction=(1,)) == ([-0.5, 0.5, 0], False)
    assert of_shape(2, 3, prediction=(2, 3)) == ([[-0.5, 0.5, 0]] * 2, True)
    assert of_shape(4, prediction=(2, 2)) == ([-0.5, 0.5, -0.5, 0.5], True)  # laid out as the prediction is
    assert of_shape(2, 1, prediction=(2,)) == ([[-0.5], [0.5]], True)
    assert of_shape(5, 1, prediction=(1,)) == ([[1.0]] * 5, False)


class Watched(NumpyTail):
    """Keeps the logits and labels of each call."""

    calls: list[tuple[Array, Array]]

    def __call__(self, logits: Array, labels: Array) -> Step:
        self.calls.append((np.array(logits), np.array(labels)))
        return super().__call__(logits, labels)


def watched(tail: NumpyTail) -> tuple[Any, list[tuple[Array, Array]]]:
    kept = Watched(**{name: getattr(tail, name) for name in tail.__dataclass_fields__})
    object.__setattr__(kept, "calls", [])
    return measured(kept), kept.calls


def test_batches_of_both_labels_have_moderate_logits() -> None:
    """Labels 0 and 1 in turns, with a logit on either side for each label over the batches."""
    _, calls = watched(ONE)
    batches = [(z[:, 0], labels[:, 0]) for z, labels in calls if len(np.unique(labels)) == 2]
    assert len(batches) == 4
    for z, labels in batches:
        assert labels.tolist() == [0, 1] * 4
        assert np.abs(z).max() <= 2
    # what the values of other tests are of
    assert [z[:4].tolist() for z, _ in batches[:2]] == [[-0.5, 1.5, 0.25, 2.0], [2.0, -1.0, 0.5, 0.25]]
    for label in (0, 1):
        seen = np.concatenate([z[labels == label] for z, labels in batches[:2]])
        assert seen.min() < 0 < seen.max()
    # the same numbers once more, each with the neighbour's label
    for (z, _), (other, _) in zip(batches[:2], batches[2:], strict=True):
        assert other.tolist() == np.roll(z, 1).tolist()


def test_all_units_are_raised_together_too() -> None:
    _, calls = watched(THREE)
    rows = {
        (round(float(z[0].mean()), 6), int(labels[0].argmax())) for z, labels in calls if np.ptp(z, axis=0).max() == 0
    }
    assert {(0.75, 0), (0.75, 1), (8.0, 0), (8.0, 1), (-8.0, 0), (-8.0, 1), (1.0, 0)} <= rows
    raised = [(z[0] - 0.75, labels[0].argmax()) for z, labels in calls if abs(z.mean() - 0.75) < 1e-9]
    assert [(list(z), label) for z, label in raised] == [
        ([1, -1, 0], 0), ([-0.5, 0.5, 0], 0), ([1, -1, 0], 1), ([-0.5, 0.5, 0], 1),
    ]  # fmt: skip


def test_a_program_of_one_row_is_swept_as_one_of_eight() -> None:
    for tail in (ONE, SOFTMAX, THREE):

        class OneRow(NumpyTail):
            def _gradient(self, z: Array, labels: Array, step: float = 1e-4) -> Array:
                return np.asarray(super()._gradient(z, labels, step) * 8)  # it divides by eight rows

        few = measured(OneRow(predict=tail.predict, loss=tail.loss, scored=tail.scored, units=tail.units, rows=1))
        many = measured(tail)
        np.testing.assert_allclose(few.losses, many.losses)
        np.testing.assert_allclose(few.slope, many.slope, atol=1e-6)
        np.testing.assert_allclose(few.prediction, many.prediction)
        np.testing.assert_allclose(few.trained, many.trained)
        assert (few.formula, few.scored_formula, few.shifted_gradient_ratio) == (
            many.formula,
            many.scored_formula,
            pytest.approx(many.shifted_gradient_ratio),
        )
        assert few.sum_at_ones == pytest.approx(many.sum_at_ones)


def test_the_scores_are_those_of_predictions_at_moderate_logits() -> None:
    found = measured(THREE)
    at = found.moderate
    z = GRID[at][:, None] * np.array([-0.5, 0.5, 0.0])
    np.testing.assert_allclose(found.scored[:, at], [-log_softmax(z, axis=1)[:, label] for label in (0, 1)], rtol=1e-6)
    np.testing.assert_allclose(found.prediction[0][at], softmax(z, axis=1))
    assert not found.scored[:, ~at].any()


def test_the_sum_of_predictions_at_logits_of_1() -> None:
    assert measured(ONE).sum_at_ones == pytest.approx(expit(1))
    assert measured(MULTI).sum_at_ones == pytest.approx(3 * expit(1))
    assert measured(THREE).sum_at_ones == pytest.approx(1)


def test_a_gradient_that_is_0_for_one_unit_or_for_all() -> None:
    """Of a loss of the first unit alone: the second has no gradient, and both have none below a logit of 0."""
    found = measured(of(lambda z: np.maximum(z, 0), lambda y, p: (p[:, 0] - 2) ** 2 + 0 * y[:, 0], units=2))
    for label in (0, 1):
        assert found.unit_zero_gradient[label].all()
        np.testing.assert_array_equal(found.zero_gradient[label], GRID > 0)
    both = measured(TWO)
    assert not both.zero_gradient[:, np.abs(GRID) < 30].any()
    assert not both.unit_zero_gradient[:, np.abs(GRID) < 30].any()
    # the third unit is not what z enters
    third = measured(of(identity, lambda y, z: z[:, 2] ** 2 + z[:, 2] + 0 * y[:, 0], units=3))
    assert third.zero_gradient.all()


def test_losses_that_are_not_finite_at_any_moderate_logit() -> None:
    for label in (0, 1):
        none = measured(of(identity, lambda y, z, of=label: np.where(y[:, 0] == of, np.nan, bce_of_logits(y, z))))
        assert none.no_finite_loss.tolist() == [label == 0, label == 1]
    some = measured(of(identity, lambda y, z: np.where(z[:, 0] < 2, np.nan, bce_of_logits(y, z))))
    assert some.no_finite_loss.tolist() == [False, False]


def test_what_a_wrong_answer_learns_with_all_logits_high_or_low() -> None:
    """Of a softmax as much as with none moved; of what is cut off below -5, nothing."""
    assert measured(THREE).shifted_gradient_ratio == pytest.approx(1, rel=1e-3)
    low = measured(of(lambda z: np.maximum(z, -5), cce_of_logits, units=3))
    high = measured(of(lambda z: np.minimum(z, 5), cce_of_logits, units=3))
    assert (low.shifted_gradient_ratio, high.shifted_gradient_ratio) == (0, 0)
    half = measured(of(lambda z: np.where(z > 4, z / 2, z), cce_of_logits, units=3))

    # of logits 8.5, 7.5 and 8 the half: a slope of a half for softmax(4.25, 3.75, 4) without the one of the label
    def size(z: Array, label: int) -> float:
        return float(np.linalg.norm(softmax(z) - np.eye(3)[label]))

    assert half.shifted_gradient_ratio == pytest.approx(
        size(np.array([3.75, 4.25, 4]), 0) / 2 / size(np.array([-0.5, 0.5, 0]), 0), rel=1e-3
    )
    assert measured(ONE).shifted_gradient_ratio == 1
    # nothing is learnt in any case
    assert measured(of(identity, lambda y, z: 0 * z[:, 0], units=2)).shifted_gradient_ratio == 1


BATCHES = [np.array([-0.5, 1.5, 0.25, 2.0]), np.array([2.0, -1.0, 0.5, 0.25])]
TURNS = np.array([0, 1, 0, 1])  # labels


@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e-8])
def test_rows_of_a_batch_by_hand(scale: float) -> None:
    """By how much a loss of the batch's largest prediction differs from those of its rows, and of other pairs.

    Relative to the larger mean over a label, or to a millionth.
    """
    tail = replace(
        of(identity, lambda y, z: scale * square(y, z)), whole_loss=lambda y, z: scale * float(((y - z) ** 2).max())
    )
    found = measured(tail)
    rows = [scale * (TURNS - one) ** 2 for one in BATCHES]
    means = [(row[TURNS == 0].mean(), row[TURNS == 1].mean()) for row in rows]
    size = max(max(map(max, means)), 1e-6)
    apart = max(abs(row.max() - np.mean(mean)) for row, mean in zip(rows, means, strict=True)) / size
    shares = [(row.max() - zero) / (one - zero) for row, (zero, one) in zip(rows, means, strict=True)]
    assert not all(0 <= share <= 1 for share in shares)  # so it is no mean that is weighted by class
    assert found.batch_loss_gap == pytest.approx(apart)
    swapped = [scale * ((TURNS - np.roll(one, 1)) ** 2).max() for one in BATCHES]
    pairs = max(abs(row.max() - other) for row, other in zip(rows, swapped, strict=True))
    assert found.pairing_gap == pytest.approx(pairs / size)


def test_losses_of_labels_that_hardly_differ_tell_no_weights_of_classes() -> None:
    """Where the means over the labels differ by less than a millionth, the share of a class is not known."""
    means = [
        [square(np.full((4, 1), label), one[:, None])[label == TURNS].mean() for label in (0, 1)] for one in BATCHES
    ]
    gaps = [abs(one - zero) for zero, one in means]
    for scale, known in ((1.5e-6 / min(gaps), True), (0.9e-6 / max(gaps), False)):

        def weighed(y: Array, z: Array, scale: float = scale) -> float:
            return scale * float(np.average(square(y, z), weights=1 + 3 * y[:, 0]))

        found = measured(replace(of(identity, lambda y, z, scale=scale: scale * square(y, z)), whole_loss=weighed))
        assert (found.batch_loss_gap < 1e-9) == known


def test_a_mean_that_is_weighted_by_class_mixes_no_rows() -> None:
    def weighed(labels: Array, z: Array) -> float:
        return float(np.average(bce_of_logits(labels, z), weights=1 + 4 * labels[:, 0]))

    found = measured(replace(of(identity, bce_of_logits), whole_loss=weighed))
    assert found.batch_loss_gap == pytest.approx(0, abs=1e-9)
    half = measured(replace(of(identity, bce_of_logits), whole_loss=lambda y, z: weighed(y, z) + 0.01 * z.max()))
    assert half.batch_loss_gap > 1e-3


@pytest.mark.parametrize("label", [0, 1])
def test_in_a_batch_a_label_may_be_turned_or_left_still(label: int) -> None:
    for weight, turned, still in ((-1.0, True, False), (0.0, False, True), (1.0, False, False)):

        def whole(y: Array, z: Array, weight: float = weight) -> float:
            return float((bce_of_logits(y, z) * np.where(y[:, 0] == label, weight, 1.0)).mean())

        found = measured(replace(of(identity, bce_of_logits), whole_loss=whole))
        assert found.worsening.tolist() == [turned and label == 0, turned and label == 1]
        assert found.unmoved.tolist() == [still and label == 0, still and label == 1]


@pytest.mark.parametrize(
    ("encoding", "units"),
    [(Encoding(shape=(), onehot=False, dtype="int32"), 3), (Encoding(shape=(1,), onehot=False, dtype="int32"), 3)],
)
def test_labels_that_are_numbers_of_classes_are_swept_alike(encoding: Encoding, units: int) -> None:
    class ByNumber(NumpyTail):
        def _rows(self, z: Array, labels: Array) -> Array:
            return super()._rows(z, np.eye(units)[labels.reshape(-1)])

    known = run_sweep(ByNumber(predict=soft, loss=cce_of_logits, scored=lambda y, p: cce_as_given(
        np.eye(units)[y.reshape(-1)], p), units=units), (units,), encoding)  # fmt: skip
    np.testing.assert_allclose(known.losses, measured(THREE).losses)
    assert known.formula.name == "categorical"


def test_one_row_that_sees_another_is_enough() -> None:
    """The second row's prediction has a tenth of the first one's: of logits -0.5 and 2, where both are 1.5 and -1."""

    def leaking(z: Array) -> Array:
        return z + 0.1 * (np.arange(len(z)) == 1)[:, None] * z[:1]

    assert measured(of(leaking, square)).batch_prediction_gap == pytest.approx(0.1 * max(1.5 + 0.5, 1 + 2))
    assert measured(of(identity, square)).batch_prediction_gap == 0
