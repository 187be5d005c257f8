"""The right values of metrics: against scikit-learn, on rows whose classes are known, and how far a metric may miss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
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
    Y,
    absolute,
    bce_of_logits,
    identity,
    of,
    output,
    soft,
    square,
    swept,
)
from scipy.special import expit, logit, softmax
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    jaccard_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from experiments.check import judge_metrics
from experiments.check.formula_match import LossFormula
from experiments.check.judge_metrics import Trial
from experiments.check.labels import Encoding
from experiments.check.record import Metric, Output
from experiments.check.sweep import Sweep

Array = np.ndarray
LOGIT = of(identity, bce_of_logits)
SQUARE = of(identity, square)


@cache
def trial_of(tail: NumpyTail, noise: float = 1.5, tilt: float = 2.0) -> Trial:
    made = judge_metrics._trial(output(tail), tail, swept(tail), noise, tilt)
    assert made is not None
    return made


# the rows -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [1.5, 0.7])
def test_rows_of_two_classes(noise: float) -> None:
    """Logits are 1 and -1 apart from noise, and what is predicted of them are the right probabilities."""
    made = trial_of(ONE, noise)
    assert (made.by_class, made.per_unit) == (False, True)
    assert made.truth.shape == made.hot.shape == made.positive.shape == made.prediction.shape == (480, 1)
    np.testing.assert_array_equal(made.truth, made.hot)
    np.testing.assert_allclose(made.prediction, made.probabilities, rtol=1e-6)
    np.testing.assert_array_equal(made.positive, made.prediction > 0.5)
    assert set(np.unique(made.hot)) == {0, 1}
    assert abs(made.hot.mean() - 0.5) < 0.07
    off = logit(made.probabilities) - (2 * made.hot - 1)
    assert abs(off.mean()) < 4 * noise / np.sqrt(480)
    assert off.std() == pytest.approx(noise, rel=0.1)


def test_logits_are_no_probabilities_of_the_same_rows() -> None:
    made, plain = trial_of(LOGIT), trial_of(ONE)
    np.testing.assert_allclose(expit(made.prediction), made.probabilities, rtol=1e-5)
    np.testing.assert_allclose(made.probabilities, plain.probabilities, rtol=1e-5)


@pytest.mark.parametrize("tilt", [2.0, -1.0])
def test_rows_of_classes_of_which_the_second_is_tilted(tilt: float) -> None:
    made = trial_of(THREE, 1.0, tilt)
    assert (made.by_class, made.per_unit) == (True, False)
    assert made.prediction.shape == (480, 3)
    np.testing.assert_array_equal(made.hot.sum(axis=1), np.ones(480))
    assert made.hot.mean(axis=0) == pytest.approx(np.full(3, 1 / 3), abs=0.08)
    np.testing.assert_array_equal(made.truth, made.hot)
    np.testing.assert_allclose(made.prediction, made.probabilities, rtol=1e-5)
    np.testing.assert_array_equal(made.positive.argmax(axis=1), made.prediction.argmax(axis=1))
    np.testing.assert_array_equal(made.positive.sum(axis=1), np.ones(480))
    first = made.hot[:, 2] == 1  # neither of the two that are compared
    gap = np.log(made.probabilities[first, 1] / made.probabilities[first, 0])
    assert gap.mean() == pytest.approx(tilt, abs=0.4)


def test_rows_with_several_labels() -> None:
    made = trial_of(MULTI)
    assert (made.by_class, made.per_unit) == (False, True)
    assert made.hot.shape == (480, 3)
    assert set(made.hot.sum(axis=1)) == {0, 1, 2, 3}
    np.testing.assert_array_equal(made.positive, made.prediction > 0.5)
    np.testing.assert_allclose(made.prediction, made.probabilities, rtol=1e-5)


class Places(NumpyTail):
    """Logits (rows, *layout) and a prediction of each place."""

    layout: tuple[int, ...] = (5, 3)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.layout

    def _gradient(self, z: Array, labels: Array, step: float = 1e-4) -> Array:
        return np.zeros_like(z)


class Pooled(Places):
    """Places of which a row has the mean."""


def of_places(kind: type[Places], tail: NumpyTail, layout: tuple[int, ...], **options: Any) -> Places:
    made = kind(predict=tail.predict, loss=tail.loss, scored=tail.scored, units=tail.units, **options)
    object.__setattr__(made, "layout", layout)
    return made


def test_each_place_of_a_row_has_a_label() -> None:
    """Twelve calls of eight rows of five places are as many places as sixty calls of eight rows."""
    tail = of_places(Places, THREE, (5, 3))
    found = replace(swept(THREE), encoding=Encoding(shape=(5, 3), onehot=True, dtype="float32"))
    made = judge_metrics._trial(output(THREE, shape=(5, 3)), tail, found, 1.0, 2.0)
    assert made is not None
    assert made.prediction.shape == made.truth.shape == made.probabilities.shape == (96, 5, 3)
    assert made.hot.shape == (480, 3)
    np.testing.assert_array_equal(made.truth.reshape(-1, 3), made.hot)
    np.testing.assert_allclose(made.prediction, made.probabilities, rtol=1e-5)
    assert len(np.unique(made.hot.reshape(96, 5, 3).argmax(axis=2), axis=0)) > 50  # places of a row differ
    many = of_places(Places, THREE, (100, 3))
    found = replace(found, encoding=replace(found.encoding, shape=(100, 3)))
    made = judge_metrics._trial(output(THREE, shape=(100, 3)), many, found, 1.0, 2.0)
    assert made is not None
    assert made.prediction.shape == (16, 100, 3)  # two calls at least


def test_places_that_are_pooled_share_their_logits() -> None:
    """Logits (rows, 4, 3) under the mean over the four places: each has the logits of the row."""
    tail = of_places(
        Pooled, replace(THREE, predict=lambda z: soft(z.mean(axis=1)), loss=lambda y, z: z[:, 0, 0]), (4, 3)
    )
    made = judge_metrics._trial(output(THREE), tail, replace(swept(THREE), logits=None), 1.0, 2.0)
    assert made is not None
    assert made.prediction.shape == (480, 3)
    np.testing.assert_allclose(made.prediction, made.probabilities, rtol=1e-5)


def test_places_that_are_made_of_one() -> None:
    """Logits (rows, 3) that are handed to two places: both have the class of the row."""
    tail = of_places(Places, replace(THREE, predict=lambda z: np.repeat(soft(z)[:, None], 2, axis=1),
                                     loss=lambda y, z: z[:, 0]), (3,))  # fmt: skip
    found = replace(swept(THREE), encoding=Encoding(shape=(2,), onehot=False, dtype="int32"))
    made = judge_metrics._trial(output(THREE, shape=(2, 3)), tail, found, 1.0, 2.0)
    assert made is not None
    assert made.truth.shape == (480, 2)
    np.testing.assert_array_equal(made.truth[:, 0], made.truth[:, 1])
    np.testing.assert_array_equal(made.truth.reshape(-1), made.hot.argmax(axis=1))
    np.testing.assert_allclose(made.prediction, made.probabilities, rtol=1e-5)


def test_rows_whose_logits_do_not_tell_their_classes() -> None:
    known = output(THREE)
    assert judge_metrics._trial(known, ONE, replace(swept(THREE), logits=None), 1.0, 2.0) is None
    assert judge_metrics._trial(known, THREE, replace(swept(THREE), logits=None), 1.0, 2.0) is not None
    two_a_row = replace(swept(THREE), encoding=Encoding(shape=(2,), onehot=False, dtype="int32"))
    assert judge_metrics._trial(known, THREE, two_a_row, 1.0, 2.0) is None


def test_the_two_samples_are_unlike() -> None:
    """A wrong value may be right of one of them by chance."""
    (noise, _), (less, _) = judge_metrics.SAMPLES
    right = [float((made.hot == made.positive).mean()) for made in (trial_of(ONE, noise), trial_of(ONE, less))]
    assert 0.7 < right[0] < 0.8
    assert 0.9 < right[1] < 0.97
    shares = [trial_of(SOFTMAX, *turn).positive[:, 1].mean() for turn in judge_metrics.SAMPLES]
    assert 0.75 < shares[0] < 0.85
    assert 0.35 < shares[1] < 0.5


# where the classes meet ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        (ONE, 0.0),
        (LOGIT, 0.0),
        (SQUARE, 0.5),
        (of(lambda z: 2 * z, square), 0.25),
        (of(lambda z: z - 2, absolute), 2.5),
        (of(lambda z: 0.25 - z, square), -0.25),  # the other way around
        (of(lambda z: z - 5, square), 0.0),  # beyond what is tried
        (of(lambda z: z - 2.6, square), 0.0),
        (of(lambda z: z + 3.4, square), -2.9),
        (of(expit, square), 0.0),
        (of(identity, square, units=2), 0.5),
        (of(lambda z: 2 * z, square, units=2), 0.0),
    ],
)
def test_the_logit_where_the_classes_meet(tail: NumpyTail, expected: float) -> None:
    assert judge_metrics._decision_logit(tail, swept(tail)) == pytest.approx(expected, abs=2e-3)


def test_rows_lie_around_the_logit_where_the_classes_meet() -> None:
    made = trial_of(of(lambda z: 2 * z, square))
    z = logit(made.probabilities.astype(float))
    np.testing.assert_allclose(made.prediction, 2 * (z + 0.25), rtol=1e-2, atol=1e-2)


# kinds of programs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tail", "labels", "options", "expected"),
    [
        (SQUARE, None, {}, True),
        (SQUARE, Y[:, None], {}, False),
        (SQUARE, np.linspace(0, 9, 32)[:, None], {}, True),
        (ONE, np.linspace(0, 9, 32)[:, None], {}, True),
        (of(expit, square), None, {}, False),
        (LOGIT, None, {}, False),
        (of(identity, square, units=2), None, {}, False),
    ],
)
def test_what_is_a_regression(tail: NumpyTail, labels: Array | None, options: dict[str, Any], expected: bool) -> None:
    assert judge_metrics._regression(output(tail, labels, **options), swept(tail)) == expected


@pytest.mark.parametrize(
    ("tail", "labels", "expected"),
    [
        (ONE, None, False),
        (MULTI, None, True),
        (MULTI, np.eye(3)[Y], False),
        (MULTI, np.r_[np.eye(3), [[1, 1, 0]]], True),
        (THREE, np.ones((4, 3)), False),
        (TWO, None, False),
        (of(identity, bce_of_logits, units=3), None, True),
        (of(identity, square, units=3), None, False),
        (of(identity, square, units=3), np.ones((4, 3)), True),
    ],
)
def test_what_has_several_labels(tail: NumpyTail, labels: Array | None, expected: bool) -> None:
    assert judge_metrics._multilabel(output(tail, labels), swept(tail)) == expected
    numbers = replace(swept(tail), encoding=replace(swept(tail).encoding, onehot=False))
    assert not judge_metrics._multilabel(output(tail, labels), numbers)


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        (Encoding(shape=(3,), onehot=True, dtype="float32"), [[0, 1, 0], [0, 0, 1]]),
        (Encoding(shape=(), onehot=False, dtype="int32"), [1, 2]),
        (Encoding(shape=(1,), onehot=False, dtype="float32"), [[1], [2]]),
        (Encoding(shape=(1,), onehot=False, dtype="float32", values=(-1, 1)), [[1], [3]]),
        (Encoding(shape=(2,), onehot=False, dtype="int32"), None),
        (Encoding(shape=(2, 3), onehot=True, dtype="int32"), None),
    ],
)
def test_labels_of_classes(encoding: Encoding, expected: Any) -> None:
    classes = np.array([1, 2])
    labels = judge_metrics._encoded(encoding, np.eye(3)[classes], classes, 2)
    if expected is None:
        assert labels is None
    else:
        assert labels is not None
        assert labels.dtype == encoding.dtype
        assert labels.tolist() == expected


# right values -------------------------------------------------------------------------------------------------------

RNG = np.random.default_rng(5)
CHANCES = softmax(RNG.normal(size=(40, 3)), axis=1)
CLASSES = RNG.integers(0, 3, 40)


def by_hand(hot: Array, positive: Array, chances: Array, prediction: Array | None = None, **options: Any) -> Trial:
    known = {"by_class": False, "per_unit": False} | options
    return Trial(truth=hot, prediction=chances if prediction is None else prediction, probabilities=chances, hot=hot,
                 positive=positive, **known)  # fmt: skip


def right(trial: Trial, family: str) -> list[float]:
    return judge_metrics._expected_values(trial)[family]()


OF_ONE = by_hand((CLASSES == 1)[:, None] * 1.0, (CHANCES[:, [1]] > 0.4) * 1.0, CHANCES[:, [1]])
OF_CLASSES = by_hand(np.eye(3)[CLASSES], np.eye(3)[CHANCES.argmax(axis=1)], CHANCES, by_class=True)
OF_SEVERAL = by_hand((RNG.random((40, 3)) < CHANCES) * 1.0, (CHANCES > 0.4) * 1.0, CHANCES)
COLUMNS = {
    # of classes the last column first, since that of the positive class is meant; of several labels all together first
    "one": (OF_ONE, [(OF_ONE.hot[:, 0], OF_ONE.positive[:, 0], OF_ONE.probabilities[:, 0])]),
    "classes": (OF_CLASSES, [(OF_CLASSES.hot[:, k], OF_CLASSES.positive[:, k], CHANCES[:, k]) for k in (2, 1, 0)]),
    "several": (OF_SEVERAL, [
        (OF_SEVERAL.hot.ravel(), OF_SEVERAL.positive.ravel(), CHANCES.ravel()),
        *((OF_SEVERAL.hot[:, k], OF_SEVERAL.positive[:, k], CHANCES[:, k]) for k in (0, 1, 2)),
    ]),
}  # fmt: skip


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize(
    ("family", "of_column", "mean"),
    [
        ("precision", lambda y, p, _: precision_score(y, p), False),
        ("recall", lambda y, p, _: recall_score(y, p), False),
        ("f1", lambda y, p, _: f1_score(y, p), True),
        ("fbeta", lambda y, p, _: f1_score(y, p), True),
        ("auc", lambda y, _, c: roc_auc_score(y, c), True),
        ("truepositives", lambda y, p, _: ((y == 1) & (p == 1)).sum(), False),
        ("truenegatives", lambda y, p, _: ((y == 0) & (p == 0)).sum(), False),
        ("falsepositives", lambda y, p, _: ((y == 0) & (p == 1)).sum(), False),
        ("falsenegatives", lambda y, p, _: ((y == 1) & (p == 0)).sum(), False),
    ],
)
def test_metrics_of_a_column(name: str, family: str, of_column: Callable[..., float], mean: bool) -> None:
    trial, columns = COLUMNS[name]
    values = [of_column(*column) for column in columns]
    assert right(trial, family) == pytest.approx([*values, np.mean(values)] if mean else values)


@pytest.mark.parametrize("name", COLUMNS)
def test_intersection_over_union(name: str) -> None:
    trial, columns = COLUMNS[name]
    both = [[jaccard_score(y, p, pos_label=label) for label in (0, 1)] for y, p, _ in columns]
    values = [*(np.mean(one) for one in both), *np.ravel(both)]
    assert right(trial, "iou") == pytest.approx([*values, np.mean(values)])


def test_accuracies_and_cross_entropies() -> None:
    assert right(OF_ONE, "accuracy") == pytest.approx([accuracy_score(OF_ONE.hot, OF_ONE.positive)])
    assert right(OF_CLASSES, "accuracy") == pytest.approx([accuracy_score(CLASSES, CHANCES.argmax(axis=1))])
    each, rows = (OF_SEVERAL.hot == OF_SEVERAL.positive), accuracy_score(OF_SEVERAL.hot, OF_SEVERAL.positive)
    assert right(OF_SEVERAL, "accuracy") == pytest.approx([each.mean(), rows])
    counted = right(replace(OF_CLASSES, per_unit=True), "accuracy")
    of_units = ((CHANCES > 0.5) == OF_CLASSES.hot).mean()
    assert counted == pytest.approx([accuracy_score(CLASSES, CHANCES.argmax(axis=1)), of_units])
    binary = [log_loss(OF_CLASSES.hot[:, k], CHANCES[:, k]) for k in range(3)]
    assert right(OF_CLASSES, "crossentropy") == pytest.approx([log_loss(CLASSES, CHANCES), np.mean(binary)])
    assert right(OF_ONE, "crossentropy") == pytest.approx([log_loss(OF_ONE.hot, OF_ONE.probabilities)])
    sure = by_hand(np.array([[1.0], [0.0]]), np.array([[1.0], [0.0]]), np.array([[1.0], [0.0]]))
    assert right(sure, "crossentropy") == pytest.approx([-np.log(1 - 1e-7)], rel=1e-6)
    wrong = replace(sure, probabilities=1 - sure.probabilities)
    assert right(wrong, "crossentropy") == pytest.approx([-np.log(1e-7)], rel=1e-6)


def test_nothing_that_is_called_positive() -> None:
    none = by_hand(np.array([[1.0], [0.0]]), np.zeros((2, 1)), np.array([[0.2], [0.1]]))
    assert right(none, "precision") == [0]
    assert right(none, "recall") == [0]
    assert right(none, "f1") == [0, 0]
    assert right(replace(none, hot=np.zeros((2, 1))), "iou") == [0.5, 1, 0, 0.5]
    assert right(replace(none, hot=np.zeros((2, 1))), "auc") == [0, 0]


# how a metric is judged ---------------------------------------------------------------------------------------------


def metric(kind: str, value: Callable[[Array, Array], float], threshold: float | None = None) -> Metric:
    return Metric(name="own", kind=kind, threshold=threshold, value=value)


def judged(
    tail: NumpyTail, one: Metric, family: str, labels: Array | None = None, found: Sweep | None = None
) -> tuple[str, str]:
    known = output(tail, labels)
    said = judge_metrics._judge(one, family, trial_of(tail), known, found or swept(tail))
    return said or ("", "")


def offset(trial: Trial, family: str, by: float, which: int = 0) -> Callable[[Array, Array], float]:
    """A metric that misses a right value by so much of what the program predicts, and more with other predictions."""
    rightly = right(trial, family)[which] + by
    return lambda truth, prediction: rightly + float((prediction[:1] != trial.prediction[:1]).any())


@pytest.mark.parametrize(
    ("family", "room"),
    [("accuracy", 0.01), ("precision", 0.01), ("recall", 0.01), ("f1", 0.01), ("auc", 0.02), ("crossentropy", 0.01),
     ("truepositives", 0.5), ("falsenegatives", 0.5)],
)  # fmt: skip
def test_by_how_much_a_metric_may_miss_its_right_value(family: str, room: float) -> None:
    trial = trial_of(SOFTMAX)
    for sign in (1, -1):
        for which in range(len(right(trial, family))):
            near = metric("Own", offset(trial, family, 0.9 * sign * room, which))
            assert judged(SOFTMAX, near, family) == ("", "")
    far = metric("Own", offset(trial, family, 40 * room))
    name, text = judged(SOFTMAX, far, family)
    assert name == ("accuracy_of_other_labels" if family == "accuracy" else "metric_over_columns")
    value = right(trial, family)[0]
    assert text == f"On 480 rows whose classes are known 'own' gives {value + 40 * room:.3f}; right is {value:.3f}."
    lone = trial_of(ONE)
    missed = "accuracy_of_other_labels" if family == "accuracy" else "metric_is_constant"
    for by, wanted in ((1.1 * room, missed), (-1.1 * room, missed), (0.9 * room, "")):
        constant = right(lone, family)[0] + by
        assert judged(ONE, metric("Own", lambda y, p, of=constant: of), family)[0] == wanted


def test_a_value_that_is_none_is_not_judged() -> None:
    assert judged(SOFTMAX, metric("Precision", lambda y, p: float("nan")), "precision") == ("", "")


def of_logits(family: str) -> Callable[[Array, Array], float]:
    """A metric that is right of the right probabilities alone."""
    trial = trial_of(LOGIT)
    value = right(trial, family)[0]
    return lambda truth, prediction: value if prediction.min() >= 0 else value + 3 + float(prediction[0, 0])


@pytest.mark.parametrize(
    ("family", "expected"),
    [("accuracy", "metric_cuts_the_logit"), ("precision", "metric_cuts_the_logit"), ("f1", "metric_cuts_the_logit"),
     ("recall", "metric_cuts_the_logit"), ("truenegatives", "metric_cuts_the_logit"), ("iou", "metric_cuts_the_logit"),
     ("auc", "metric_of_logits"), ("crossentropy", "metric_of_logits")],
)  # fmt: skip
def test_what_is_right_of_probabilities_alone(family: str, expected: str) -> None:
    assert judged(LOGIT, metric("Own", of_logits(family)), family)[0] == expected
    if family in ("accuracy", "auc"):  # of a kind that is not known
        assert judged(LOGIT, metric("Own", of_logits(family)), "")[0] == "metric_cuts_the_logit"
    trial = trial_of(LOGIT)
    if family == "accuracy":  # neither
        assert judged(LOGIT, metric("Own", offset(trial, family, 0.3)), family)[0] == "accuracy_of_other_labels"
        assert judged(LOGIT, metric("Own", offset(trial, family, 0.3)), "") == ("", "")


def test_metrics_over_columns() -> None:
    def wrong(kind: str, family: str, tail: NumpyTail, **changes: Any) -> str:
        found = replace(swept(tail), **changes)
        return judged(tail, metric(kind, offset(trial_of(tail), family, 9.0)), family, found=found)[0]

    assert wrong("BinaryAccuracy", "accuracy", THREE) == "metric_over_columns"
    assert wrong("CategoricalAccuracy", "accuracy", THREE) == "accuracy_of_other_labels"
    assert wrong("BinaryAccuracy", "accuracy", MULTI) == "accuracy_of_other_labels"
    assert wrong("Precision", "precision", SOFTMAX) == "metric_over_columns"
    assert wrong("BinaryIoU", "iou", SOFTMAX) == ""
    assert wrong("Precision", "precision", THREE) == ""
    assert wrong("Precision", "precision", ONE) == ""
    assert wrong("Precision", "precision", TWO) == "metric_over_columns"  # by its loss, not by its sum
    assert wrong("Precision", "precision", TWO, formula=LossFormula(name="square")) == ""
    assert wrong("Precision", "precision", SOFTMAX, formula=LossFormula(name="square")) == "metric_over_columns"


def test_a_cut_of_ones_own_is_judged_only_if_nothing_depends_on_the_prediction() -> None:
    assert judged(ONE, metric("Precision", lambda y, p: 0.0, 0.9), "precision") == (
        "metric_is_constant", "'own' with the threshold 0.9 is 0.000 whatever is predicted.",
    )  # fmt: skip
    assert judged(ONE, metric("Own", lambda y, p: 0.0, 0.9), "") == ("", "")
    assert judged(ONE, metric("Precision", lambda y, p: float(p[0, 0]), 0.9), "precision") == ("", "")
    # 0.5 is nobody's own
    assert (
        judged(ONE, metric("Precision", lambda y, p: 0.0, 0.5), "precision")[1]
        == "'own' is 0.000 whatever is predicted."
    )


def test_values_that_are_tried_over_all_thresholds() -> None:
    """Their right value is that of the right probabilities."""

    def best(truth: Array, prediction: Array) -> float:
        return float(prediction.max())

    for name in judge_metrics.OPERATING_POINT:
        assert judged(ONE, metric(name, best), name) == ("", "")
        assert judged(LOGIT, metric(name, best), name)[0] == "metric_of_logits"
    trial = trial_of(ONE)
    assert judged(LOGIT, metric("Own", lambda y, p: 99.0), "") == ("", "")
    assert judged(ONE, metric("Own", lambda y, p: right(trial, "recall")[0]), "") == ("", "")


def listed(tail: NumpyTail, *kinds: str, labels: Array | None = None, value: Callable[..., float] | None = None,
           **changes: Any) -> list[tuple[str, str]]:  # fmt: skip
    known: Output = output(tail, labels, metrics=tuple(
        Metric(name=kind.lower(), kind=kind, threshold=None, value=value or (lambda y, p: -9.0)) for kind in kinds
    ))  # fmt: skip
    return list(judge_metrics.metrics(known, tail, replace(swept(tail), **changes)))


def test_each_metric_of_an_output_is_judged() -> None:
    assert listed(ONE) == []
    said = listed(ONE, "Precision", "Own", "AUC")
    assert [(name, text.split("'")[1]) for name, text in said] == [
        ("metric_is_constant", "precision"), ("metric_is_constant", "auc"),
    ]  # fmt: skip
    assert listed(SQUARE, "BinaryAccuracy", "MeanAbsoluteError", labels=None) == [
        ("accuracy_of_a_regression", "'binaryaccuracy' is an accuracy, and the program predicts a number.")
    ]
    assert listed(THREE, "TopKCategoricalAccuracy", "top_k_accuracy") == []
    two_a_row = Encoding(shape=(2,), onehot=False, dtype="int32")
    assert listed(THREE, "Precision", "Own", "AUC", encoding=two_a_row) == [
        ("not_measured", "The right value of precision, auc is not known for a prediction of this layout.")
    ]
    assert listed(THREE, "Own", encoding=two_a_row) == []


def test_a_value_that_is_right_of_one_sample_alone_is_wrong() -> None:
    once = right(trial_of(ONE, *judge_metrics.SAMPLES[0]), "accuracy")[0]
    then = right(trial_of(ONE, *judge_metrics.SAMPLES[1]), "accuracy")[0]
    for value in (once, then):
        ((name, _),) = listed(ONE, "BinaryAccuracy", value=lambda y, p, of=value: of)
        assert name == "accuracy_of_other_labels"
