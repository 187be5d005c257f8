"""What is measured and judged, on programs of NumPy whose formulas stand here: no framework has a part in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy_tails import (
    ALONE,
    MULTI,
    ONE,
    ROWS,
    SOFTMAX,
    SPARSE,
    THREE,
    TWO,
    Array,
    NumpyTail,
    Sparse,
    Y,
    absolute,
    bce,
    bce_of_logits,
    behind,
    cce,
    cce_as_given,
    cce_of_logits,
    clipped_first,
    focal,
    focal_as_given,
    focal_of_classes,
    found,
    half,
    hinge,
    huber,
    identity,
    margins,
    measured,
    names,
    of,
    output,
    plain_bce,
    smoothed,
    soft,
    square,
)
from scipy.special import expit, log_expit, log_softmax

from experiments.check import judge, judge_labels, judge_metrics
from experiments.check.examine import examine
from experiments.check.labels import Encoding, encodings
from experiments.check.record import Metric
from experiments.check.sweep import GRID

# objectives and gradients -------------------------------------------------------------------------------------------

CASES: dict[str, tuple[NumpyTail, list[str], str]] = {
    # name: (program, findings, what is seen in numbers)
    "sigmoid": (behind(expit, bce_of_logits, bce), [], ""),
    "logits": (of(identity, bce_of_logits), [], ""),
    "softmax": (behind(soft, cce_of_logits, cce, units=2), [], ""),
    "three logits": (of(identity, cce_of_logits, units=3), [], ""),
    "several sigmoids": (behind(expit, bce_of_logits, bce, units=3), [], ""),
    "weights of classes": (of(identity, lambda y, z: (1 + 4 * y[:, 0]) * bce_of_logits(y, z)), [], ""),
    "smoothed": (of(identity, smoothed(bce_of_logits)), [], ""),
    "square of a linear unit": (of(identity, square), [], ""),
    "absolute": (of(identity, absolute), [], ""),
    "hinge": (of(identity, hinge), [], ""),
    "log-softmax": (of(lambda z: log_softmax(z, axis=-1), lambda y, p: -(y * p).sum(axis=-1), units=2), [], ""),
    "logits clipped": (of(identity, bce), ["logits_taken_for_probabilities"], "Predictions run from -120 to 120"),
    "three logits clipped": (
        of(identity, cce, units=3), ["logits_taken_for_probabilities"], "to 60; the loss has no value for some",
    ),
    "three logits clipped, then divided by their sum": (
        of(identity, clipped_first, units=3), ["logits_taken_for_probabilities"], "of them clipped to (0, 1)",
    ),
    "logits into a logarithm": (of(identity, plain_bce), ["logits_taken_for_probabilities"], "has no value for some"),
    "sigmoid twice": (of(expit, bce_of_logits), ["probabilities_taken_for_logits"], "never falls below 0.31"),
    "softmax twice": (of(soft, cce_of_logits, units=2), ["probabilities_taken_for_logits"], "below 0.31"),
    "tanh": (of(np.tanh, bce_of_logits), ["squashed_logits"], "between -1 and 1, and its loss as a binary"),
    "no logit below 0": (
        of(lambda z: np.logaddexp(0, z), bce_of_logits, units=2), ["squashed_logits"], "falls below 0.35 for label 0",
    ),
    "classes by logits above 0": (
        of(lambda z: np.logaddexp(0, z), cce_of_logits, units=2), ["gradient_fades"], "has 0.0007 of its gradient",
    ),
    "classes by rectified logits": (
        of(lambda z: np.maximum(z, 0), cce_of_logits, units=3), ["squashed_logits"], "all classes 8 lower or higher",
    ),
    "classes by leaky logits": (of(lambda z: np.where(z > 0, z, 0.1 * z), cce_of_logits, units=3), [], ""),
    "logits squashed by the loss": (
        of(identity, lambda y, z: bce_of_logits(y, expit(z))), ["probabilities_taken_for_logits"], "falls below 0.31",
    ),
    "classes squashed by the loss": (
        of(identity, lambda y, z: cce_of_logits(y, soft(z)), units=3), ["probabilities_taken_for_logits"], "below 0.55",
    ),
    "labels for logits": (
        of(identity, lambda y, z: bce_of_logits(z, y)), ["arguments_swapped"], "of the labels, for which it takes",
    ),
    "labels for the chances of classes": (
        of(soft, lambda y, p: cce_as_given(p, y), units=3), ["arguments_swapped"], "a categorical cross-entropy of the",
    ),
    "labels for the chances of units": (
        of(expit, lambda y, p: bce(p, y)), ["arguments_swapped"], "a binary cross-entropy of the labels",
    ),
    "labels for logits of classes": (
        of(identity, lambda y, z: cce_of_logits(z, y), units=3), ["arguments_swapped"], "a categorical cross-entropy",
    ),
    "each unit weighs another amount": (
        of(identity, lambda y, z: -(np.array([1, 5, 2]) * y * log_expit(z) + (1 - y) * log_expit(-z)).mean(axis=-1),
           units=3), [], "",
    ),
    "a formula of its own that is cut off": (
        of(lambda z: np.clip(z / 4 + 0.5, 0, 1), lambda y, p: (np.abs(y - p) ** 1.5).mean(axis=-1)),
        ["gradient_dies"], "From a logit of 3 on",
    ),
    "two rectified units": (of(lambda z: np.maximum(z, 0), square, units=2), [], ""),
    "a rate that may be below 0": (
        of(identity, lambda y, z: (z - y * np.log(z))[:, 0]), ["prediction_leaves_the_range"], "no value for some",
    ),
    "no loss at all": (
        of(identity, lambda y, z: bce_of_logits(y, z) * np.nan), ["loss_is_not_finite"], "Whatever the logit",
    ),
    "no loss of one label": (
        of(identity, lambda y, z: np.where(y[:, 0] == 0, np.nan, bce_of_logits(y, z))), ["gradient_dies"],
        "the label 0 has no finite loss",
    ),
    "no loss of the first class": (
        of(identity, lambda y, z: np.where(y[:, 0] == 1, np.nan, cce_of_logits(y, z)), units=4), [], "",
    ),
    "a class that weighs less than nothing": (
        of(identity, bce_of_logits, whole_loss=lambda y, z: np.average(bce_of_logits(y, z), weights=3 * y[:, 0] - 1)),
        ["gradient_points_away"], "each row with the label 0 worse",
    ),
    "logits kept within 10": (of(lambda z: 10 * np.tanh(z / 10), bce_of_logits), [], ""),
    "logits cut at 30": (of(lambda z: np.clip(z, -30, 30), bce_of_logits), ["probability_clipped"], "logit of 40"),
    "relu": (of(lambda z: np.maximum(z, 0), bce), ["prediction_leaves_the_range"], "Predictions run from 0 to 120"),
    "focal loss of logits": (
        of(identity, focal_as_given, units=3), ["logits_taken_for_probabilities"], "focal loss of them clipped",
    ),
    "focal loss of a rectified unit": (
        of(lambda z: np.maximum(z, 0), focal_as_given), ["prediction_leaves_the_range"], "from 0 to 120",
    ),
    "smoothed, of three tanh": (
        of(np.tanh, lambda y, p: bce(0.9 * y + 0.05, p), units=3), ["prediction_leaves_the_range"],
        "smoothed binary cross-entropy of them",
    ),
    "one softmax": (of(soft, bce), ["one_unit_softmax"], "the prediction is always 1."),
    "constant": (of(lambda z: 0 * z + 0.5, cce, units=2), ["prediction_is_constant"], "is always 0.5."),
    "categorical of one": (of(identity, lambda y, z: 0 * z[:, 0]), ["one_unit_categorical"], "the loss is always 0."),
    "sigmoids under cce": (
        behind(expit, cce_of_logits, cce, units=2), ["crossed_pair_swaps_the_objective"], "At logits 3 apart",
    ),
    "softmax under bce": (
        behind(soft, bce_of_logits, bce, units=2), ["crossed_pair_swaps_the_objective"],
        "(a binary cross-entropy); loss(y, predict(x)) is",
    ),
    "cce of sigmoids' values": (of(expit, cce, units=3), ["crossed_pair_swaps_the_objective"], "do not sum"),
    "another scale in training": (
        behind(expit, lambda y, z: bce_of_logits(y, 2 * z), bce), ["evaluate_disagrees"],
        "At a logit of -3 and label 1, fit() minimises 6.0025",
    ),
    "the chance of one of three sigmoids": (
        of(expit, cce_as_given, units=3), ["crossed_pair_swaps_the_objective"], "do not sum",
    ),
    "half of the prediction in training": (
        of(expit, bce, trained=lambda z: expit(z) / 2), ["training_differs"], "differs by up to 0.48",
    ),
    "a likelihood of probabilities": (
        of(soft, lambda y, p: -(y * p).sum(axis=-1), units=2), ["not_a_log_probability"], "goes down to -1.",
    ),
    "three of a softmax under bce": (
        of(soft, bce, units=3), ["softmax_under_a_binary_loss"], "Predictions of 3 classes",
    ),
    "clipped": (of(expit, bce), ["probability_clipped"], "From a logit of 17 on, a wrong answer"),
    "clipped softmax": (of(soft, cce, units=2), ["probability_clipped"], "From logits 17 apart on"),
    "focal": (of(expit, focal), ["probability_clipped"], "never rises above 16.12"),
    "not clipped": (of(expit, plain_bce), ["loss_is_not_finite"], "From a logit of 40 on"),
    "clipped early": (of(lambda z: np.clip(0.2 * z + 0.5, 0, 1), bce), ["gradient_dies"], "From a logit of 3 on"),
    "a step": (of(lambda z: (z > 0).astype(float), bce), ["gradient_dies"], "0 at every logit"),
    "16 bits": (of(half, bce, dtype="float16"), ["one_sided_saturation"], "gradient of exactly 0"),
    "16 bits, not clipped": (of(half, plain_bce, dtype="float16"), ["one_sided_saturation"], "infinite or nan"),
    "square of a sigmoid": (of(expit, square), ["gradient_fades"], "At a logit of 8, a wrong answer has 0.002"),
    "square of a rectified unit": (
        of(lambda z: np.maximum(z, 0), square), ["gradient_is_one_sided"], "From a logit of 0.5 on",
    ),
    "square of a unit that is rectified at -3.5": (
        of(lambda z: np.maximum(z + 3.5, 0), square), ["gradient_fades"], "From a logit of 4 on",
    ),
    # at a logit of 8 a wrong answer has 0.015 of the largest gradient, above the hundredth that counts as none
    "square of an algebraic sigmoid": (of(lambda z: 0.5 + 0.3 * z / np.sqrt(1 + 0.36 * z**2), square), [], ""),
    "own formula": (of(identity, lambda y, z: np.abs(z - 4 * y)[:, 0] ** 1.5), ["loss_of_its_own_formula"], "no cross"),
    "backwards": (of(identity, lambda y, z: -np.sqrt(1 + (z - y)[:, 0] ** 2)), ["gradient_points_away"], "more wrong"),
    "one unit of a categorical loss": (
        of(expit, lambda y, p: (1 + y[:, 0]) * cce_as_given(np.ones_like(y), p)),
        ["gradient_points_away", "gradient_fades"],
        "a wrong answer to label 0 more wrong",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_programs_of_known_formulas(name: str) -> None:
    tail, expected, seen = CASES[name]
    findings = found(tail)
    assert names(findings) == expected
    assert seen in " ".join(text for one in findings for text in one.seen)


def test_the_rows_of_a_batch_are_apart() -> None:
    def broadcast(y: Array, z: Array) -> float:
        return float(((y[:, 0] - z) ** 2).mean())  # (n,) against (n, 1)

    mixed = replace(of(identity, square), whole_loss=broadcast)
    (finding,) = found(mixed)
    assert finding.name == "rows_are_mixed"
    # of logits -0.5, 1.5, 0.25 and 2: 1.328 of all pairs, 0.391 of the rows; the largest mean over a label is 2.281
    assert finding.seen[0] == "The loss of a batch differs from that of its rows one by one by 0.41."
    # a mean that is weighted by class, as PyTorch's, is none of this
    weighted = replace(of(identity, bce_of_logits), whole_loss=lambda y, z: float(
        np.average(bce_of_logits(y, z), weights=1 + 3 * y[:, 0])
    ))  # fmt: skip
    assert found(weighted) == []
    leaking = behind(lambda z: expit(z - 0.1 * z.mean(axis=0)), bce_of_logits, bce)
    (finding,) = found(leaking)
    # of logits -0.5, 1.5, 0.25 and 2 the mean is 0.8125: expit(-0.5 - 0.08125) instead of expit(-0.5 + 0.05)
    assert finding.seen[0] == "The prediction of a batch differs from that of its rows one by one by 0.031."


def test_the_sweep_is_what_the_formulas_give() -> None:
    swept = measured(behind(expit, bce_of_logits, bce))
    wrong = np.stack([log_expit(-GRID), log_expit(GRID)]) * -1
    np.testing.assert_allclose(swept.losses, wrong, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(swept.slope, np.stack([expit(GRID), -expit(-GRID)]), atol=1e-6)
    np.testing.assert_allclose(swept.prediction[:, :, 0], np.stack([expit(GRID)] * 2))
    assert (swept.formula.name, swept.formula.of, swept.formula.smoothed) == ("binary", "prediction", False)
    assert (swept.batch_loss_gap < 1e-9, swept.batch_prediction_gap < 1e-9) == (True, True)
    two = measured(of(identity, cce_of_logits, units=2))
    np.testing.assert_allclose(two.losses, wrong, rtol=1e-9, atol=1e-13)  # softmax(-z/2, z/2) is sigmoid(z)
    np.testing.assert_allclose(two.logits, np.stack([-GRID / 2, GRID / 2], axis=1))
    assert (two.predicts_logits, two.unbounded) == (True, True)
    assert (two.predicts_probabilities, two.sums_to_one) == (False, False)


@pytest.mark.parametrize(
    ("tail", "text"),
    [
        (of(identity, bce_of_logits), "binary cross-entropy"),
        (of(identity, smoothed(bce_of_logits)), "smoothed binary cross-entropy"),
        (of(identity, smoothed(bce_of_logits, 0.001)), "binary cross-entropy"),  # the simpler one that fits
        (of(identity, smoothed(cce_of_logits), units=3), "smoothed categorical cross-entropy"),
        (of(identity, smoothed(cce_of_logits, 0.6), units=3), "smoothed categorical cross-entropy"),
        # the label's own class, 0.2 + 0.8 / 3, has less than the others together
        (of(identity, smoothed(cce_of_logits, 0.8), units=3), "a loss of its own formula"),
        (of(identity, lambda y, z: focal(y, expit(z))), "focal loss"),
        (of(soft, focal, units=3), "focal loss"),
        (of(identity, lambda y, z: 7 * square(y, z)), "squared error"),
        (of(identity, absolute), "absolute error"),
        (of(identity, hinge), "hinge loss"),
        (of(identity, lambda y, z: hinge(y, z) ** 2), "hinge loss"),
        (of(soft, lambda y, p: -(y * p).sum(axis=-1), units=2), "negated likelihood"),
        (of(identity, huber), "Huber loss"),
        (of(identity, lambda y, z: 1.05 * bce_of_logits(y, z) + 0.05), "a loss of its own formula"),
        (of(identity, lambda y, z: np.log(np.cosh(z - y))[:, 0]), "log-cosh loss"),
        (of(identity, lambda y, z: (np.exp(z) - y * z)[:, 0]), "Poisson loss"),
        (of(np.exp, lambda y, p: (p - y * np.log(p))[:, 0]), "Poisson loss"),
        (of(identity, lambda y, z: margins(y, z).max(axis=-1), units=3), "margin loss over classes"),
        (of(identity, lambda y, z: margins(y, z).mean(axis=-1), units=3), "margin loss over classes"),
        (of(identity, lambda y, z: ((z - y) ** 4)[:, 0]), "a loss of its own formula"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_loss_is_told_by_its_values(tail: NumpyTail, text: str) -> None:
    assert measured(tail).formula.text == text


@pytest.mark.parametrize(
    ("tail", "name", "of_what"),
    [
        (of(soft, focal_of_classes, units=3), "focal", "prediction"),
        (of(identity, lambda y, z: focal_of_classes(y, soft(z)), units=3), "focal", "logits"),
        (of(soft, lambda y, p: focal_of_classes(y, soft(p)), units=3), "focal", "prediction as logits"),
        (of(identity, clipped_first, units=3), "categorical", "prediction clipped"),
    ],
)
def test_a_loss_over_classes_is_told_with_what_it_is_of(tail: NumpyTail, name: str, of_what: str) -> None:
    found = measured(tail).formula
    assert (found.name, found.of, found.by_class, found.smoothed) == (name, of_what, True, False)


def test_predictions_that_miss_a_sum_of_one_by_a_hundredth_are_no_softmax() -> None:
    for factor, wanted in ((1.0, True), (1.008, True), (1.012, False), (0.988, False)):
        swept = measured(of(lambda z, factor=factor: factor * soft(z), cce, units=2))
        assert swept.sums_to_one == wanted


def test_the_reach_of_a_prediction_that_grows_no_more() -> None:
    """From a logit of 40 on by less than a thousandth, or by more."""
    for growth, wanted in ((0.0008, 40.0008), (0.0015, np.inf)):
        swept = measured(of(lambda z, g=growth: np.clip(z, -40, 40) + g * (np.abs(z) > 40) * np.sign(z), square))
        assert swept.prediction_range == pytest.approx((-wanted, wanted))


# labels and weights -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(
    ("tail", "labels", "expected", "seen"),
    [
        (ONE, Y[:, None], [], ""),
        (ONE, Y[:, None] + 1, ["labels_are_no_probabilities"], "The labels go from 1 to 2"),
        (ONE, 2 * Y[:, None] - 1, ["labels_are_no_probabilities"], "from -1 to 1"),
        (ONE, np.full((32, 1), 0.5), ["one_class_only"], "All 32 labels are 0.5"),
        (ONE, np.ones((8, 1)), ["one_class_only"], "All 8 labels are 1"),
        (ONE, np.ones((7, 1)), [], ""),  # too few to say
        (ONE, np.where(Y == 1, np.nan, 0.0)[:, None], ["labels_not_finite"], "16 of 32 labels"),
        (ONE, np.array(["a", "b"] * 16)[:, None], ["program_raises"], "no numbers"),
        (ONE, np.eye(3)[Y], ["labels_and_units_differ"], "The labels are 32 x 3; the prediction of a row has 1 unit."),
        (TWO, np.eye(3)[Y], ["labels_and_units_differ"], "2 units."),
        (TWO, np.eye(2)[Y], [], ""),
        (replace(TWO, predict=soft, loss=lambda y, z: square(y, soft(z)), scored=square), np.eye(4)[2 * Y + 1, :2] + 1,
         ["several_labels_for_one_class", "gradient_fades"], "sum to 2 to 3"),
        (TWO, np.ones((32, 2)), ["several_labels_for_one_class"], "sum to 2 to 2"),
        (TWO, np.c_[np.ones(32), Y], ["several_labels_for_one_class"], "sum to 1 to 2"),
        (ALONE, Y[:, None], ["gradient_dies", "loss_of_its_own_formula"], "the label 0 has a gradient of"),
        (ALONE, (np.arange(32) % 3)[:, None], ["gradient_is_one_sided", "loss_of_its_own_formula"], "0.5 on"),  # masked
        (TWO, np.eye(2)[0 * Y], ["one_class_only"], "are 0"),
        (SPARSE, Y, [], ""),
        (SPARSE, 0 * Y, ["one_class_only"], "are 0"),
        (of(expit, square), 5 * Y[:, None], ["labels_out_of_reach", "gradient_fades"], "from 0 to 5"),
        (of(identity, square), 5 * Y[:, None], [], ""),
        (of(identity, square), 500 * Y[:, None], [], ""),  # a linear unit reaches them, though the sweep does not
    ],
)  # fmt: skip
def test_labels(tail: NumpyTail, labels: Array, expected: list[str], seen: str) -> None:
    findings = found(tail, labels)
    assert names(findings) == expected
    assert seen in " ".join(text for one in findings for text in one.seen)


@pytest.mark.parametrize(
    ("options", "expected", "seen"),
    [
        ({"weights": np.ones(32)}, [], ""),
        ({"weights": np.r_[np.zeros(31), 1]}, [], ""),
        ({"weights": np.zeros(32)}, ["weights_are_zero"], "All 32 weights"),
        ({"weights": np.r_[np.ones(30), -1, -2]}, ["weights_are_negative"], "2 weights of rows"),
        ({"class_weight": {0: 1.0, 1: 2.0}}, [], ""),
        ({"class_weight": {0: 0.0, 1: 2.0}}, [], ""),
        ({"class_weight": {0: 0.0, 1: 0.0}}, ["weights_are_zero"], "Every weight"),
        ({"class_weight": {0: 1.0, 1: -2.0}}, ["weights_are_negative"], "A weight of class_weight"),
        ({"class_weight": {0: 1.0, 2: 2.0}}, ["class_weight_names_no_class"], "has the key 2; the labels are 0, 1."),
        ({"class_weight": {1: 1.0, 0: 2.0, 5: 1.0}}, ["class_weight_names_no_class"], "has the key 5"),
        ({"class_weight": {"0": 1.0}}, ["class_weight_names_no_class"], "has the key '0'"),
        ({"class_weight": {0: 1.0, 2: 2.0}, "complete": False}, [], ""),  # other batches may have it
    ],
)
def test_weights(options: dict[str, Any], expected: list[str], seen: str) -> None:
    findings = found(ONE, Y[:, None], **options)
    assert names(findings) == expected
    assert seen in " ".join(text for one in findings for text in one.seen)


def test_the_classes_of_one_hot_labels_are_their_columns() -> None:
    three, hot = behind(soft, cce_of_logits, cce, units=3), np.eye(3)[np.arange(33) % 3]
    assert found(three, hot, class_weight={0: 1.0, 1: 2.0, 2: 3.0}) == []
    (finding,) = found(three, hot, class_weight={0: 1.0, 3: 2.0})
    assert finding.seen == ("class_weight has the key 3; the labels are 0, 1, 2.",)
    places = output(three, np.eye(3)[np.arange(160).reshape(32, 5) % 3], class_weight={0: 1.0, 4: 2.0})
    assert list(judge_labels.weights(places)) == [
        ("class_weight_names_no_class", "class_weight has the key 4; the labels are 0, 1, 2.")
    ]


@pytest.mark.parametrize(
    ("options", "labels", "expected"),
    [
        ({"raised": "ValueError: no"}, Y[:, None], ["program_raises"]),
        ({"raised": "all elements of target should be between 0 and 1"}, Y[:, None], ["labels_are_no_probabilities"]),
        ({"raised": "Target 1 is out of bounds."}, Y, ["one_unit_categorical"]),
    ],
)
def test_what_a_framework_refuses(options: dict[str, Any], labels: Array, expected: list[str]) -> None:
    findings = found(ONE, labels, **options)
    assert names(findings) == expected


def test_what_could_not_be_traced_says_why() -> None:
    known = replace(output(ONE), tail=None, unmeasured="no graph")
    _, swept, findings = examine([(known, one) for one in encodings((1,), None)], None, "")
    assert (swept, names(findings), findings[0].seen) == (None, ["not_measured"], ("The framework says: no graph.",))


def test_the_encoding_whose_loss_is_known_is_taken() -> None:
    """Without labels each one is tried: this loss refuses one-hot rows."""

    class Refuses(Sparse):
        def _rows(self, z: Array, labels: Array) -> Array:
            if labels.ndim > 1:
                raise ValueError("not one-hot")
            return super()._rows(z, labels)

    known = output(Refuses(predict=identity, loss=cce_of_logits, scored=SPARSE.scored, units=2))
    _, swept, findings = examine([(known, one) for one in encodings((2,), None)], None, "")
    assert swept is not None
    assert (swept.encoding.shape, swept.encoding.onehot, findings) == ((), False, [])


def test_the_encodings_of_a_prediction_without_an_axis_of_units() -> None:
    """A prediction (n,) is one unit: its label is one number a row."""
    number = Encoding(shape=(), onehot=False, dtype="float32")
    assert encodings((), np.zeros(8)) == [number]
    assert encodings((), None) == [number, number, replace(number, dtype="int32")]


def test_parts_that_are_joined_behind_their_squashing_are_not_measured() -> None:
    class Inside(NumpyTail):
        @property
        def logits(self) -> Array:
            return np.linspace(0, 1, ROWS)[:, None]

    joined = Inside(predict=expit, loss=bce_of_logits, scored=bce, logits_suffice=False)
    assert names(found(joined)) == ["not_measured"]
    assert names(found(replace(joined, logits_suffice=True))) == []
    assert names(found(replace(behind(expit, bce_of_logits, bce), logits_suffice=False))) == []


# metrics ------------------------------------------------------------------------------------------------------------


def cut(at: float) -> Callable[[Array, Array], float]:
    return lambda y, p: float(((p > at) == (y > 0.5)).mean())


def area(y: Array, p: Array) -> float:
    p = np.clip(p, 0, 1).reshape(-1)
    yes, no = p[y.reshape(-1) == 1], p[y.reshape(-1) == 0]
    above = (yes[:, None] > no).mean()
    return float(above + (yes[:, None] == no).mean() / 2)


def most(y: Array, p: Array) -> float:
    return float((y.argmax(axis=-1) == p.argmax(axis=-1)).mean())


def precision(at: float) -> Callable[[Array, Array], float]:
    return lambda y, p: float(((p > at) & (y == 1)).sum() / (p > at).sum())


def recall(at: float) -> Callable[[Array, Array], float]:
    return lambda y, p: float((p > at)[y == 1].mean())


def f1(at: float) -> Callable[[Array, Array], float]:
    def value(y: Array, p: Array) -> float:
        a, b = precision(at)(y, p), recall(at)(y, p)
        return 2 * a * b / (a + b)

    return value


MANY = np.random.default_rng(0).integers(0, 2, (32, 3))


@pytest.mark.parametrize(
    ("tail", "labels", "kind", "value", "expected"),
    [
        (ONE, Y[:, None], "BinaryAccuracy", cut(0.5), []),
        (of(identity, bce_of_logits), Y[:, None], "BinaryAccuracy", cut(0.5), ["metric_cuts_the_logit"]),
        (of(identity, bce_of_logits), Y[:, None], "BinaryAccuracy", cut(0.0), []),
        (of(identity, bce_of_logits), Y[:, None], "Precision", precision(0.5), ["metric_cuts_the_logit"]),
        (of(identity, bce_of_logits), Y[:, None], "Precision", precision(0.0), []),
        (of(identity, bce_of_logits), Y[:, None], "Recall", recall(0.5), ["metric_cuts_the_logit"]),
        (of(identity, bce_of_logits), Y[:, None], "Recall", recall(0.0), []),
        (of(identity, bce_of_logits), Y[:, None], "F1Score", f1(0.5), ["metric_cuts_the_logit"]),
        (of(identity, bce_of_logits), Y[:, None], "F1Score", f1(0.0), []),
        (of(identity, bce_of_logits), Y[:, None], "AUC", area, ["metric_of_logits"]),
        (of(identity, bce_of_logits), Y[:, None], "AUC", lambda y, p: area(y, expit(p)), []),
        (ONE, Y[:, None], "AUC", area, []),
        (ONE, Y[:, None], "BinaryCrossentropy", lambda y, p: float(bce(y, p).mean()), []),
        (of(identity, bce_of_logits), Y[:, None], "BinaryCrossentropy", lambda y, p: float(bce(y, p).mean()),
         ["metric_of_logits"]),
        (SOFTMAX, np.eye(2)[Y], "CategoricalAccuracy", most, []),
        (SOFTMAX, np.eye(2)[Y], "CategoricalCrossentropy", lambda y, p: float(cce(y, p).mean()), []),
        (of(identity, cce_of_logits, units=3), np.eye(3)[np.arange(32) % 3], "CategoricalCrossentropy",
         lambda y, p: float(cce(y, p).mean()), ["metric_of_logits"]),
        (TWO, np.eye(2)[Y], "CategoricalCrossentropy", lambda y, p: float(cce(y, p).mean()), ["metric_of_logits"]),
        (of(identity, square), Y[:, None], "BinaryAccuracy", cut(0.5), []),  # there both labels are as far
        (of(lambda z: 2 * z, square), Y[:, None], "BinaryAccuracy", cut(0.5), []),
        (of(identity, square, units=3), MANY, "BinaryAccuracy", cut(0.5), []),
        (SOFTMAX, np.eye(2)[Y], "AUC", area, ["metric_over_columns"]),
        (SOFTMAX, np.eye(2)[Y], "AUC", lambda y, p: area(y[:, 1], p[:, 1]), []),
        (SOFTMAX, np.eye(2)[Y], "Precision", precision(0.5), ["metric_over_columns"]),
        (SOFTMAX, np.eye(2)[Y], "Precision", lambda y, p: precision(0.5)(y[:, 1], p[:, 1]), []),
        (THREE, np.eye(3)[np.arange(32) % 3], "BinaryAccuracy", cut(0.5), ["metric_over_columns"]),
        (THREE, np.eye(3)[np.arange(32) % 3], "CategoricalAccuracy", most, []),
        (THREE, np.eye(3)[np.arange(32) % 3], "SparseCategoricalAccuracy", lambda y, p: 0.25,
         ["accuracy_of_other_labels"]),
        (MULTI, MANY, "BinaryAccuracy", cut(0.5), []),
        (MULTI, MANY, "CategoricalAccuracy", most, ["accuracy_of_other_labels"]),
        (of(identity, square), np.linspace(0, 9, 32)[:, None], "BinaryAccuracy", cut(0.5),
         ["accuracy_of_a_regression"]),
        (of(identity, square), np.linspace(0, 9, 32)[:, None], "MeanAbsoluteError", lambda y, p: 1.0, []),
    ],
)  # fmt: skip
def test_metrics(
    tail: NumpyTail, labels: Array, kind: str, value: Callable[[Array, Array], float], expected: list[str]
) -> None:
    metric = Metric(name=kind.lower(), kind=kind, threshold=None, value=value)
    assert names(found(tail, labels, metrics=(metric,))) == expected


def test_the_area_under_the_curve_by_hand() -> None:
    """Of the four pairs of a 1 and a 0 three are in order; a tie counts half."""
    assert judge_metrics._area(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])) == 0.75
    assert judge_metrics._area(np.array([0, 1, 1]), np.array([0.5, 0.5, 0.7])) == 0.75


def test_a_cut_that_somebody_chose_is_not_judged() -> None:
    for threshold, expected in ((0.7, []), (0.5, ["metric_cuts_the_logit"])):
        metric = Metric(name="accuracy", kind="BinaryAccuracy", threshold=threshold, value=cut(threshold))
        assert names(found(of(identity, bce_of_logits), Y[:, None], metrics=(metric,))) == expected


def test_a_metric_that_raises_is_a_program_that_raises() -> None:
    def fails(y: Array, p: Array) -> float:
        raise ValueError("shapes")

    metric = Metric(name="own", kind="Own", threshold=None, value=fails)
    (finding,) = found(ONE, Y[:, None], metrics=(metric,))
    assert (finding.name, finding.level) == ("program_raises", "problem")
    assert "'own' raises ValueError: shapes" in finding.seen[0]


def test_the_constants_of_the_judge() -> None:
    """Networks reach logits of 13; a clip at 1e-7 acts from 16 on, and that is a note."""
    assert judge.REACHABLE_LOGIT == 14.0
    assert -np.log(1e-7) == pytest.approx(16.118, abs=1e-3)
