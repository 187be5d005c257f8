"""Labels and weights against what a program predicts, and programs that leave out labels on purpose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy_tails import (
    MULTI,
    NUMBERS,
    ONE,
    SOFTMAX,
    THREE,
    NumpyTail,
    Y,
    cce_of_logits,
    expit,
    identity,
    of,
    output,
    square,
    swept,
)

from experiments.check import judge_labels
from experiments.check.labels import Encoding, encodings
from experiments.check.record import Output, Step
from experiments.check.rolled_classes import RolledClasses, ignores_labels, labels_without_loss
from experiments.check.sweep import Sweep, run_sweep

Array = np.ndarray


# whether labels are those of a regression ---------------------------------------------------------------------------


def several(distinct: int, rows: int) -> Array:
    """So many whole numbers, from 0 on, over so many rows."""
    return np.arange(rows) % distinct


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (None, False),
        (np.array(["a", "2.5"]), False),
        (np.zeros(0), False),
        (np.array([np.nan, np.inf]), False),
        (np.array([0.0, 0.5, 0.7, 1.0]), False),
        (np.array([0.0, 1.5, 1.0]), True),
        (np.array([-0.5, 1.0, 0.0]), True),
        (np.array([np.nan, 1.0, 2.5]), True),
        (np.array([0.0, 2.0, -1.0]), False),  # numbers of classes
        (several(20, 30), False),
        (several(21, 30), True),
        (several(21, 30).astype("uint8"), True),
        (several(22, 44), False),  # half of the rows
        (several(23, 45), True),
    ],
)
def test_labels_of_a_regression_are_not_whole_numbers_or_too_many(labels: Array | None, expected: bool) -> None:
    assert judge_labels.continuous(labels) == expected


# labels -------------------------------------------------------------------------------------------------------------


def number(of_classes: int, rows: int = 12) -> Array:
    return np.arange(rows) % of_classes


def sparse(tail: NumpyTail) -> Sweep:
    """The sweep of a program whose labels are the numbers of classes."""
    return replace(swept(tail), encoding=Encoding(shape=(), onehot=False, dtype="int32"))


def one_hot(classes: Array, units: int) -> Array:
    return np.eye(units)[classes]


def told(known: Output, found: Sweep | None) -> list[str]:
    return [name for name, _ in judge_labels.labels(known, found)]


RAISES = "ValueError: shapes"
THREE_CLASSES = one_hot(number(3), 3)
SQUARED = of(expit, square)


def outliers(value: float, count: int = 1, rows: int = 19) -> Array:
    return np.r_[np.full(count, value), np.arange(rows - count) % 2][:, None]


@pytest.mark.parametrize(
    ("tail", "found", "labels", "options", "expected", "seen"),
    [
        (ONE, ONE, Y[:, None] == 1, {}, [], ""),  # bool
        (ONE, ONE, Y[:, None].astype("uint8"), {}, [], ""),
        (ONE, ONE, np.zeros((0, 1)), {}, [], ""),
        (ONE, ONE, Y, {}, [], ""),
        (ONE, None, Y[:, None], {}, [], ""),
        (ONE, ONE, np.array([[0.0], [np.nan], [np.inf], [1.0]]), {}, ["labels_not_finite"], "2 of 4 labels"),
        (ONE, ONE, THREE_CLASSES, {}, ["labels_and_units_differ"], "12 x 3; the prediction of a row has 1 unit."),
        (THREE, THREE, Y[:, None, None], {}, ["labels_and_units_differ"],
         "32 x 1 x 1; the prediction of a row has 3 units."),
        (THREE, THREE, one_hot(Y, 2), {}, ["labels_and_units_differ"], ""),
        (THREE, sparse(THREE), number(3), {}, [], ""),
        (THREE, sparse(THREE), number(3)[:, None], {}, [], ""),
        (THREE, sparse(THREE), number(4), {}, ["label_names_no_unit"],
         "The labels go from 0 to 3; the units of the last layer from 0 to 2."),
        (THREE, sparse(THREE), number(3) - 1, {}, ["label_names_no_unit"], "from -1 to 1"),
        (THREE, sparse(THREE), number(3) / 2, {}, ["label_names_no_unit"], "from 0 to 1;"),
        (THREE, None, number(4), {}, ["label_names_no_unit"], ""),
        (THREE, THREE, 3 * THREE_CLASSES, {}, ["several_labels_for_one_class"], "sum to 3 to 3"),
        # one-hot rows of three classes with a number that is none of a class
        (THREE, THREE, 1.0009 * THREE_CLASSES, {}, [], ""),
        (THREE, THREE, 1.0015 * THREE_CLASSES, {}, ["several_labels_for_one_class"], ""),
        (THREE, THREE, np.r_[THREE_CLASSES, [[0, 0, 0]]], {}, ["several_labels_for_one_class"], "sum to 0 to 1"),
        (MULTI, MULTI, np.ones((12, 3)), {}, [], ""),
        (MULTI, MULTI, 1.5 * THREE_CLASSES, {}, ["labels_are_no_probabilities"], "from 0 to 1.5"),
        (MULTI, MULTI, THREE_CLASSES - 0.5, {}, ["labels_are_no_probabilities"], "from -0.5 to 0.5"),
        (MULTI, MULTI, 0.25 + THREE_CLASSES / 2, {}, [], ""),
        (SQUARED, SQUARED, outliers(1.5), {}, ["labels_out_of_reach"], "from 0 to 1.5; the prediction from"),
        (SQUARED, SQUARED, outliers(-0.5), {}, ["labels_out_of_reach"], ""),
        (SQUARED, SQUARED, outliers(1.5, rows=20), {}, [], ""),  # a twentieth
        (SQUARED, SQUARED, outliers(1.0009), {}, [], ""),
        (SQUARED, SQUARED, outliers(1.0015), {}, ["labels_out_of_reach"], ""),
        (SQUARED, SQUARED, outliers(-0.0009), {}, [], ""),
        (SQUARED, SQUARED, outliers(-0.0015), {}, ["labels_out_of_reach"], ""),
        (ONE, ONE, np.zeros((8, 1)), {}, ["one_class_only"], "All 8 labels are 0."),
        (ONE, ONE, np.zeros((7, 1)), {}, [], ""),
        (ONE, ONE, np.zeros((8, 1)), {"complete": False}, [], ""),
        (THREE, THREE, one_hot(np.full(9, 2), 3), {}, ["one_class_only"], "All 9 labels are 2."),
        (MULTI, MULTI, np.ones((9, 3)), {}, [], ""),  # not one label, but all of them
        (MULTI, MULTI, np.r_[np.ones((1, 3)), one_hot(np.zeros(8, int), 3)], {}, [], ""),
        # what a framework refuses
        (ONE, ONE, Y[:, None], {"raised": RAISES}, ["program_raises"], "On its own first rows: ValueError: shapes."),
        (ONE, ONE, Y[:, None], {"raised": RAISES, "refused": RAISES}, [], ""),
        (ONE, None, Y[:, None], {"raised": RAISES, "refused": RAISES}, ["program_raises"], ""),
        (THREE, THREE, THREE_CLASSES, {"raised": RAISES}, ["one_hot_labels_for_integers"], "12 x 3, and the loss"),
        (THREE, sparse(THREE), number(3), {"raised": RAISES}, ["integer_labels_for_one_hot"], "The labels are 12, and"),
        (SOFTMAX, sparse(SOFTMAX), number(2), {"raised": RAISES}, ["integer_labels_for_one_hot"], ""),
        (SOFTMAX, SOFTMAX, one_hot(number(2), 2), {"raised": RAISES}, ["one_hot_labels_for_integers"], ""),
        (THREE, sparse(THREE), number(4), {"raised": RAISES}, ["label_names_no_unit"],
         "from 0 to 3; the units of the last layer from 0 to 2."),
        (THREE, THREE, 5 * THREE_CLASSES, {"raised": RAISES}, ["one_hot_labels_for_integers"], ""),
        (THREE, THREE, THREE_CLASSES, {"raised": "its metrics: no"}, ["program_raises"], "its metrics: no"),
        (ONE, ONE, 2 * Y[:, None], {"raised": "all elements of target should be between 0 and 1"},
         ["labels_are_no_probabilities"], "target should be"),
        (ONE, ONE, Y[:, None], {"raised": "Target 1 is out of bounds."}, ["one_unit_categorical"], "out of bounds"),
        (ONE, ONE, Y[:, None], {"raised": "1 is outside the valid range"}, ["one_unit_categorical"], ""),
        (THREE, sparse(THREE), number(4), {"raised": "Target 3 is out of bounds."}, ["label_names_no_unit"], ""),
    ],
)  # fmt: skip
def test_what_is_said_of_labels(
    tail: NumpyTail, found: NumpyTail | Sweep | None, labels: Array, options: dict[str, Any], expected: list[str],
    seen: str,
) -> None:  # fmt: skip
    known = output(tail, labels, **options)
    findings = list(judge_labels.labels(known, swept(found) if isinstance(found, NumpyTail) else found))
    assert [name for name, _ in findings] == expected
    assert seen in " ".join(text for _, text in findings)


def test_labels_between_the_two_that_a_loss_was_measured_with_are_meant() -> None:
    """Such as those of a hinge loss, -1 and 1."""
    signs = replace(swept(ONE), encoding=replace(swept(ONE).encoding, values=(-1, 1)))
    for labels, expected in ((2 * Y - 1, []), (Y, []), (3 * Y - 1, "labels_are_no_probabilities")):
        assert told(output(ONE, labels[:, None]), signs) == ([expected] if expected else [])
    assert told(output(ONE, Y[:, None] - 2), signs) == ["labels_are_no_probabilities"]


def test_one_class_at_every_place() -> None:
    known = output(THREE, np.tile(one_hot(np.array([2]), 3), (8, 5, 1)), shape=(5, 3))
    ((name, text),) = judge_labels.labels(known, swept(THREE))
    assert (name, text) == ("one_class_only", "All 8 labels are 2.")


def test_labels_of_places_belong_to_predictions_of_places() -> None:
    """Predictions (rows, 5, 3): a class, or one-hot classes, for each of five places."""
    places = output(THREE, shape=(5, 3))
    for shape, fits in (((5, 3), True), ((5,), True), ((5, 1), True), ((3,), False), ((5, 2), False), ((4,), False)):
        assert judge_labels._shape_fits(places, np.zeros((8, *shape))) == fits
    for shape, fits in (((), True), ((1,), True), ((2,), False)):
        assert judge_labels._shape_fits(output(ONE, shape=()), np.zeros((8, *shape))) == fits


# weights ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"trained": False, "loss_weight": 0.0}, ["weights_are_zero"]),
        ({"loss_weight": 0.0}, ["output_is_not_trained"]),
        ({"loss_weight": 0.5}, []),
        ({"loss_weight": 1.0}, []),
        ({"weights": np.zeros(0)}, []),
        ({"weights": np.array([0.0, 0.5, 1.0])}, []),
        ({"weights": np.array([0.0, -1.0])}, ["weights_are_negative"]),
        ({"class_weight": {}}, []),
        ({"class_weight": {0: 0.0, 1: 0.0}}, ["weights_are_zero"]),
        ({"class_weight": {0: 0.5, 1: 0.0}}, []),
        ({"class_weight": {0: 0.5, 1: 1.0}}, []),
        ({"class_weight": {0: 0.0, 1: -1.0}}, ["weights_are_negative"]),
        ({"class_weight": {0: 1.0, 7: 1.0}, "labels": None}, []),
        ({"class_weight": {0: 1.0, 7: 1.0}}, ["class_weight_names_no_class"]),
        ({"class_weight": {"1": 1.0}}, ["class_weight_names_no_class"]),
        ({"class_weight": {0.0: 1.0, np.int64(1): 1.0}}, []),
        ({"class_weight": {0: 1.0, 1: 1.0}, "labels": Y}, []),
        ({"class_weight": {0: 1.0, 1: 1.0}, "labels": 2 * Y[:, None]}, ["class_weight_names_no_class"]),
        # the columns of one-hot labels are classes, whether or not there is a row of each
        ({"class_weight": {0: 1.0, 2: 1.0}, "labels": one_hot(Y, 3)}, []),
        ({"class_weight": {3: 1.0}, "labels": one_hot(Y, 3)}, ["class_weight_names_no_class"]),
        ({"class_weight": {2: 1.0}, "labels": one_hot(Y, 2)}, ["class_weight_names_no_class"]),
        ({"class_weight": {2: 1.0}, "labels": np.zeros((4, 5, 3))}, []),
        ({"class_weight": {4: 1.0}, "labels": np.zeros((4, 5, 3))}, ["class_weight_names_no_class"]),
    ],
)
def test_what_is_said_of_weights(options: dict[str, Any], expected: list[str]) -> None:
    known = output(ONE, **{"labels": Y[:, None], **options})
    assert [name for name, _ in judge_labels.weights(known)] == expected


def test_ten_classes_are_listed_at_most() -> None:
    known = output(ONE, np.arange(12)[:, None], class_weight={12: 1.0})
    ((_, text),) = judge_labels.weights(known)
    assert text == "class_weight has the key 12; the labels are 0, 1, 2, 3, 4, 5, 6, 7, 8, 9."


# labels that a program leaves out -----------------------------------------------------------------------------------


class LeavesOut(NumpyTail):
    """A cross-entropy over numbers of classes that rows whose label is below 0, or 9, have no part in; 8 is refused."""

    def _rows(self, z: Array, labels: Array) -> Array:
        labels = labels.astype(int)
        if (labels == 8).any():
            raise ValueError("Target 8 is out of bounds.")
        out = (labels < 0) | (labels == 9)
        return np.where(out, 0.0, cce_of_logits(np.eye(self.units)[np.where(out, 0, labels) % self.units], z))


LEAVES_OUT = LeavesOut(predict=identity, loss=cce_of_logits, scored=lambda y, p: np.zeros(len(p)), units=3)
@pytest.mark.parametrize(
    ("values", "expected"),
    [([-100], True), ([-1, -2], True), ([9], True), ([8], False), ([4], False), ([-1, 4], False), ([], True)],
)
def test_numbers_of_no_class_may_be_left_out_of_a_loss(values: list[float], expected: bool) -> None:
    assert ignores_labels(output(LEAVES_OUT), NUMBERS, values) == expected


def test_what_is_left_out_of_a_loss_is_measured() -> None:
    def of_one(loss: float, moves: slice) -> NumpyTail:
        class Fixed(NumpyTail):
            def __call__(self, logits: Array, labels: Array) -> Step:
                gradient = np.zeros(logits.shape)
                gradient[moves, 1] = 1.0  # of one unit
                return Step(prediction=logits, trained=logits, loss=loss, gradient=gradient)

        return Fixed(predict=identity, loss=cce_of_logits, scored=cce_of_logits, units=3)

    others, all_, none, strange = slice(0, None, 2), slice(None), slice(0, 0), slice(1, None, 2)
    for loss, moves, expected in (
        (1.0, others, True), (1.0, slice(2, 3), True), (np.nan, others, False), (1.0, all_, False),
        (1.0, none, False), (1.0, strange, False), (1.0, slice(0, 2), False),
    ):  # fmt: skip
        assert ignores_labels(output(of_one(loss, moves)), NUMBERS, [-1.0]) == expected
    assert not ignores_labels(replace(output(ONE), tail=None), NUMBERS, [-1.0])


def test_a_class_that_is_left_out_too_hides_no_mark() -> None:
    class WithoutFirst(LeavesOut):
        def _rows(self, z: Array, labels: Array) -> Array:
            return np.where(labels == 0, 0.0, super()._rows(z, labels))

    tail = WithoutFirst(predict=identity, loss=cce_of_logits, scored=lambda y, p: np.zeros(len(p)), units=2)
    assert ignores_labels(output(tail), NUMBERS, [-1.0])


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.r_[number(3), -1], []),
        (np.r_[number(3), -1, -2, -100], []),
        (np.r_[number(3), -1, -2, -3, -100], ["label_names_no_unit"]),  # more than three are no mark
        (np.full(12, -1), ["label_names_no_unit", "one_class_only"]),
        (np.r_[number(3), -1.5], ["label_names_no_unit"]),
        (np.r_[number(3), 0.5, -1], ["label_names_no_unit"]),
        (np.r_[number(3), 8], ["label_names_no_unit"]),
    ],
)
def test_marks_of_what_is_left_out_are_no_wrong_labels(labels: Array, expected: list[str]) -> None:
    found = run_sweep(LEAVES_OUT, (3,), NUMBERS)
    assert told(output(LEAVES_OUT, labels), found) == expected


def test_a_label_without_a_loss_is_left_out() -> None:
    found = swept(THREE)
    zero = np.zeros_like(found.losses)
    at = found.moderate
    assert labels_without_loss(found).tolist() == [False, False]
    assert labels_without_loss(replace(found, no_finite_loss=np.array([True, False]))).tolist() == [True, False]
    for label in (0, 1):
        losses, flat = found.losses.copy(), found.zero_gradient.copy()
        losses[label, at], flat[label, at] = 0.0, True
        none = labels_without_loss(replace(found, losses=losses, zero_gradient=flat))
        assert none.tolist() == [label == 0, label == 1]
        assert not labels_without_loss(replace(found, zero_gradient=flat)).any()
        assert not labels_without_loss(replace(found, losses=zero, zero_gradient=zero > 0)).any()
        flat[label, np.flatnonzero(at)[0]] = False  # one slope is enough
        assert not labels_without_loss(replace(found, losses=losses, zero_gradient=flat)).any()


def test_classes_in_other_places_are_the_same_program() -> None:
    """Class 0 is the inner class 2, class 1 the inner class 0, class 2 the inner class 1."""
    z = np.arange(24.0).reshape(8, 3) / 10
    inner = replace(THREE, predict=lambda z: z + np.array([0.0, 0.1, 0.2]), trained=lambda z: z * [1, 2, 3])
    plain = inner(z, one_hot(np.full(8, 2), 3))
    around = [2, 0, 1]
    for onehot, labels in ((True, one_hot(np.zeros(8, int), 3)), (False, np.zeros(8, "int32"))):
        tail = inner if onehot else ByNumber(predict=inner.predict, loss=inner.loss, scored=inner.loss, units=3,
                                             trained=inner.trained)  # fmt: skip
        others = RolledClasses(tail, 2, onehot=onehot)
        assert (others.rows, others.shape, others.dtype, others.logits_suffice) == (8, (3,), "float64", True)
        np.testing.assert_array_equal(others.logits, tail.logits[:, around])
        step = others(z[:, around], labels)
        assert step.loss == pytest.approx(plain.loss)
        np.testing.assert_allclose(step.prediction, plain.prediction[:, around])
        np.testing.assert_allclose(step.trained, plain.trained[:, around])
        np.testing.assert_allclose(step.gradient, plain.gradient[:, around])
        assert others.score(labels, z[:, around]) == pytest.approx(tail.score(
            one_hot(np.full(8, 2), 3) if onehot else np.full(8, 2, "int32"), z
        ))  # fmt: skip


class ByNumber(NumpyTail):
    """Labels are the numbers of the classes, (rows,), as whole numbers."""

    def _rows(self, z: Array, labels: Array) -> Array:
        assert labels.dtype == np.int32
        return super()._rows(z, np.eye(self.units)[labels])

    def score(self, labels: Array, prediction: Array) -> float:
        return float(self._rows(prediction, labels).mean())


# encodings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        (Encoding(shape=(), onehot=False, dtype="int32"), [0, 1, 1]),
        (Encoding(shape=(1,), onehot=False, dtype="float32"), [[0], [1], [1]]),
        (Encoding(shape=(1,), onehot=False, dtype="float32", values=(-1, 1)), [[-1], [1], [1]]),
        (Encoding(shape=(2,), onehot=False, dtype="float32", values=(2, 5)), [[2, 2], [5, 5], [5, 5]]),
        (Encoding(shape=(3,), onehot=True, dtype="float32"), [[1, 0, 0], [0, 1, 0], [0, 1, 0]]),
        (Encoding(shape=(1,), onehot=True, dtype="float32"), [[1], [1], [1]]),
        (Encoding(shape=(2, 2), onehot=True, dtype="float32"), [[[1, 0]] * 2, [[0, 1]] * 2, [[0, 1]] * 2]),
    ],
)
def test_rows_of_labels(encoding: Encoding, expected: list[Any]) -> None:
    rows = encoding.rows(np.array([0, 1, 1]))
    assert rows.dtype == encoding.dtype
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_array_equal(encoding.all(1, 2), expected[1:])


def test_the_encodings_of_labels_that_nobody_has_given() -> None:
    def listed(shape: tuple[int, ...]) -> list[tuple[Any, ...]]:
        return [(one.shape, one.onehot, one.dtype) for one in encodings(shape, None)]

    assert listed((1,)) == [((1,), False, "float32"), ((), False, "float32"), ((), False, "int32")]
    assert listed((5, 3)) == [
        ((5, 3), True, "float32"), ((5,), False, "int32"), ((5, 1), False, "int32"), ((5,), False, "int64"),
    ]  # fmt: skip
    for labels, expected in (
        (np.zeros((4, 2), "float64"), ((2,), True, "float32")), (np.zeros(4, "int64"), ((), False, "int64")),
        (np.zeros((4, 1), bool), ((1,), False, "float32")), (np.array(["a"] * 4), ((), False, "float32")),
        (np.zeros(4, "uint8"), ((), False, "uint8")),
    ):  # fmt: skip
        (one,) = encodings((2,), labels)
        assert (one.shape, one.onehot, one.dtype) == expected
    (one,) = encodings((1,), np.zeros((4, 1)))
    assert not one.onehot
