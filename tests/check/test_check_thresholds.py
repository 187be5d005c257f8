"""Where one verdict ends and the next begins: what was swept lies a little to either side of a threshold."""

from __future__ import annotations

from collections.abc import Callable
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
    bce,
    bce_of_logits,
    hinge,
    identity,
    of,
    output,
    soft,
    square,
    swept,
)
from scipy.special import expit, log_softmax

from experiments.check import judge
from experiments.check.formula_match import LossFormula
from experiments.check.sweep import FAR, GRID, MODERATE, Sweep

Array = np.ndarray
Change = Callable[[Sweep], dict[str, Any]]
LOGIT = of(identity, bce_of_logits)
SQUARE = of(identity, square)
PLACES = np.arange(len(GRID))


def changed(tail: NumpyTail, change: Change | dict[str, Any]) -> Sweep:
    found = swept(tail)
    return replace(found, **(change(found) if callable(change) else change))


def spread(values: Array, size: float, middle: float = 0.0) -> Array:
    """Scaled so that at logits from -3 to 3 they differ by `size`."""
    at = np.isin(GRID, MODERATE)
    range_ = np.ptp(values[:, at], axis=1).max()
    return middle + (values - values.mean()) * (size / range_)


def constant(size: float) -> Change:
    def change(found: Sweep) -> dict[str, Any]:
        prediction = spread(found.prediction, size, 0.5)
        return {"prediction": prediction, "trained": prediction}

    return change


def steady(*sizes: float) -> Change:
    """Losses that differ by so much over the logits, for either label."""

    def change(found: Sweep) -> dict[str, Any]:
        losses = np.stack([0.7 + size * GRID / 6 for size in sizes])
        return {"losses": losses, "scored": losses}

    return change


def exchanged(relative: float, absolute: float = 0.0) -> Change:
    """Losses of logits of one sign over those of the other; with numbers of classes."""

    def change(found: Sweep) -> dict[str, Any]:
        losses = np.abs(GRID) * (1 + relative * (GRID > 0)) + absolute * (GRID > 0)
        return {
            "losses": np.stack([losses, losses]), "scored": np.stack([losses, losses]),
            "encoding": replace(found.encoding, onehot=False),
        }  # fmt: skip

    return change


def at(field: str, value: float, where: Array, label: int | None = None) -> Change:
    def change(found: Sweep) -> dict[str, Any]:
        values = getattr(found, field).copy()
        values[slice(None) if label is None else label, where] = value
        return {field: values}

    return change


def both(*changes: Change | dict[str, Any]) -> Change:
    def change(found: Sweep) -> dict[str, Any]:
        wanted: dict[str, Any] = {}
        for one in changes:
            wanted |= one(replace(found, **wanted)) if callable(one) else one
        return wanted

    return change


def scored(relative: float) -> Change:
    """The loss of an array differs by so much of 1 and itself, at a logit of 2 and the label 0."""

    def change(found: Sweep) -> dict[str, Any]:
        values = found.losses.copy()
        values[0, GRID == 2] += relative * (1 + values[0, GRID == 2])
        return {"scored": values}

    return change


MIXED = {"batch_loss_gap": 0.5}
HALF = {"dtype": "float16"}
OWN = {"formula": LossFormula()}

OBJECTIVES: list[tuple[NumpyTail, Change | dict[str, Any], list[str], str]] = [
    (ONE, {}, [], ""),
    (ONE, constant(0.9e-6), ["one_unit_softmax"], "always 0.5."),
    (ONE, constant(1.5e-6), [], ""),
    (SOFTMAX, constant(0.9e-6), ["prediction_is_constant"], ""),
    (SOFTMAX, lambda found: {"prediction": np.zeros_like(found.prediction) + np.array([0.2, 0.8])},
     ["prediction_is_constant"], "always 0.8."),
    (ONE, {"no_finite_loss": np.array([True, True])}, ["loss_is_not_finite"], "infinite or nan"),
    (ONE, {"no_finite_loss": np.array([True, False])}, ["gradient_dies"], "label 0 has"),
    (ONE, {"no_finite_loss": np.array([False, True])}, ["gradient_dies"], "label 1 has"),
    (ONE, steady(0.9e-6, 0.9e-6), ["one_unit_categorical"], "always 0.7."),
    (ONE, steady(1.5e-6, 0.0), [], ""),
    (ONE, steady(0.0, 1.5e-6), [], ""),
    (SOFTMAX, steady(0.0, 0.0), [], ""),
    (SOFTMAX, both(steady(0.0, 0.0), exchanged(0.0)), ["integer_labels_for_one_hot"], "two units are exchanged"),
    (SOFTMAX, exchanged(0.9e-3), ["integer_labels_for_one_hot"], ""),
    (SOFTMAX, exchanged(1.5e-3), [], ""),
    (SOFTMAX, both(exchanged(0.9e-3), lambda found: {"losses": found.losses[::-1] * [[1], [1.1]]}),
     ["integer_labels_for_one_hot"], ""),
    (SOFTMAX, both(exchanged(0.0), lambda found: {"encoding": replace(found.encoding, onehot=True)}), [], ""),
    (ONE, exchanged(0.0), [], ""),
    (ONE, lambda found: {"trained": found.prediction + 0.9e-3}, [], ""),
    (ONE, lambda found: {"trained": found.prediction - 1.5e-3 * (GRID == 3)[:, None]}, ["training_differs"], "0.0015"),
    (ONE, lambda found: {"trained": found.prediction + (GRID == 4)[:, None]}, [], ""),
    (ONE, {"pairing_gap": 0.0, "batch_loss_gap": 0.009}, [], ""),
    (ONE, {"pairing_gap": 0.0, "batch_loss_gap": 0.015}, ["rows_are_mixed"],
     "The loss of a batch differs from that of its rows one "
     "by one by 0.015."),
    (ONE, {"pairing_gap": 0.0, "batch_loss_gap": 0.045, **HALF}, [], ""),
    (ONE, {"pairing_gap": 0.0, "batch_loss_gap": 0.055, **HALF}, ["rows_are_mixed"], "0.055"),
    (ONE, {**MIXED, "pairing_gap": 0.009}, ["rows_are_mixed"], ""),
    (ONE, {**MIXED, "pairing_gap": 0.015}, [], ""),
    (ONE, {"batch_prediction_gap": 0.9e-3}, [], ""),
    (ONE, {"batch_prediction_gap": 1.5e-3}, ["rows_are_mixed"],
     "The prediction of a batch differs from that of its rows one by one "
     "by 0.0015."),
    (ONE, {**MIXED, "pairing_gap": 0.5, "batch_prediction_gap": 0.25}, ["rows_are_mixed"], "The prediction"),
    # a loss that takes +-3.2 for logits never falls below 0.0399, more than 0.05 of 0.724 at logits of +-0.5
    (of(lambda z: 3.2 * np.tanh(z / 3.2), bce_of_logits), {}, ["squashed_logits"], "never falls below 0.04."),
    (of(lambda z: 3.4 * np.tanh(z / 3.4), bce_of_logits), {}, [], ""),
    (of(lambda z: np.clip(z, -1, 3), bce_of_logits), {}, ["squashed_logits"], "never falls below 0.05."),
    (of(lambda z: np.clip(z, -1, 200), bce_of_logits), {}, ["squashed_logits"], "below 0.31 for label 0."),
    (of(lambda z: np.clip(z, -200, 1), bce_of_logits), {}, ["squashed_logits"], "below 0.31 for label 1."),
    (of(lambda z: np.clip(z, -200, 200), bce_of_logits), {}, [], ""),
    (TWO, {"shifted_gradient_ratio": 1e-12}, [], ""),
    (TWO, {"shifted_gradient_ratio": 0.0}, ["gradient_dies"], "8 lower or higher"),
    (TWO, {"shifted_gradient_ratio": 0.0, "logits": None}, [], ""),
    (MULTI, {"shifted_gradient_ratio": 0.0}, [], ""),
    (of(lambda z: np.clip(z, -0.94, 200), hinge), {}, ["squashed_logits"], "stays between -0.94 and 120; a hinge"),
    (of(lambda z: np.clip(z, -0.96, 200), hinge), {}, [], ""),
    (of(lambda z: np.clip(z, -200, 0.94), hinge), {}, ["squashed_logits"], "between -120 and 0.94"),
    (of(lambda z: np.clip(z, -200, 0.96), hinge), {}, [], ""),
    (ONE, scored(0.009), [], ""),
    (ONE, scored(0.011), ["evaluate_disagrees"], "At a logit of 2 and label 0, fit() minimises 2.1269"),
    (ONE, scored(-0.011), ["evaluate_disagrees"], "is 2.0925."),
    (ONE, both(scored(0.045), HALF), [], ""),
    (ONE, both(scored(0.055), HALF), ["evaluate_disagrees"], ""),
    (ONE, both(scored(0.5), at("losses", np.nan, GRID == -1)), ["evaluate_disagrees"], "At a logit of 2 and label 0"),
    (SOFTMAX, both(scored(0.5), {"formula": LossFormula(name="categorical", of="logits", by_class=True)}),
     ["crossed_pair_swaps_the_objective"], "At logits 2 apart and label 0"),
    (SOFTMAX, both(scored(0.5), {"formula": LossFormula(name="categorical", of="prediction", by_class=True)}),
     ["evaluate_disagrees"], ""),
    (ONE, both(scored(0.5), {"formula": LossFormula(name="binary", of="logits")}), ["evaluate_disagrees"], ""),
    (THREE, {"sum_at_ones": 1.5}, ["crossed_pair_swaps_the_objective"], "of a row do not sum to 1."),
    (THREE, {"sum_at_ones": 1.5, "formula": LossFormula(name="likelihood", of="prediction", by_class=True)},
     ["not_a_log_probability"], ""),
    (MULTI, {"sum_at_ones": 1.5}, [], ""),
    (of(lambda z: log_softmax(z, axis=-1) + 0.009, lambda y, p: -(y * p).sum(axis=-1), units=2), {}, [], ""),
    (of(lambda z: log_softmax(z, axis=-1) + 0.012, lambda y, p: -(y * p).sum(axis=-1), units=2), {},
     ["not_a_log_probability"], "goes down to -0.012"),
    (of(soft, bce, units=3), {}, ["softmax_under_a_binary_loss"], "Predictions of 3 classes"),
    (of(soft, bce, units=2), {}, [], ""),
]  # fmt: skip


@pytest.mark.parametrize(("tail", "change", "expected", "seen"), OBJECTIVES)
def test_what_is_said_of_an_objective(
    tail: NumpyTail, change: Change | dict[str, Any], expected: list[str], seen: str
) -> None:
    findings = list(judge.objective(output(tail), changed(tail, change)))
    assert [name for name, _ in findings] == expected
    assert seen in " ".join(text for _, text in findings)


def fading(ratio: float, label: int) -> Change:
    """At a logit of 8 a wrong answer to the label has `ratio` of the largest gradient up to there."""

    def change(found: Sweep) -> dict[str, Any]:
        slope = np.abs(found.slope)
        size = np.abs(GRID)
        slope[label] = np.select([size == 8, size == 5, size > 8], [ratio, 1.0, 9.0], 0.5)
        return {"slope": slope}

    return change


def dead(start: float, label: int = 0) -> Change:
    """No gradient of wrong answers to the label from there on: above 0 for label 0, below for label 1."""
    return at("zero_gradient", True, (GRID if label == 0 else -GRID) >= start, label)


def away(size: float, *labels: int) -> Change:
    """At logits of 1, 2 and 3 a step makes wrong answers to these labels more wrong by `size`."""

    def change(found: Sweep) -> dict[str, Any]:
        slope = np.stack([np.ones(len(GRID)), -np.ones(len(GRID))])
        for label in labels:
            slope[label, np.isin(np.abs(GRID), (1, 2, 3))] *= -size
        return {"slope": slope}

    return change


TURNED = {"worsening": np.array([False, True])}
STILL = {"unmoved": np.array([True, False])}
SUNK = {"shifted_gradient_ratio": 0.009}
UNLEARNT = both(at("zero_gradient", True, np.abs(GRID) < 14, 0), STILL)

GRADIENTS: list[tuple[NumpyTail, Change | dict[str, Any], list[str], str]] = [
    (LOGIT, {}, [], ""),
    (LOGIT, at("losses", np.inf, GRID == 40), ["loss_is_not_finite"], "From a logit of 40 on, the loss"),
    (LOGIT, at("slope", np.nan, GRID == -40, 1), ["loss_is_not_finite"], "From a logit of 40"),
    (LOGIT, at("losses", np.inf, (GRID == 20) | (GRID == 30), 1), ["loss_is_not_finite"], "From a logit of 20"),
    (LOGIT, at("losses", np.inf, GRID == 60), [], ""),
    (ONE, at("losses", np.inf, (GRID == 60) | (GRID == 90)), ["probability_clipped"], "From a logit of 60 on, the"),
    (ONE, both(at("losses", np.inf, GRID == 20), HALF), ["one_sided_saturation"], "From a logit of 20"),
    (LOGIT, both(at("losses", np.inf, GRID == 20), HALF), ["loss_is_not_finite"], ""),
    (MULTI, at("losses", np.inf, GRID == 90), ["probability_clipped"], "From a logit of 45"),
    (MULTI, at("losses", np.inf, GRID == 60), ["loss_is_not_finite"], "From a logit of 30"),
    (TWO, at("losses", np.inf, GRID == 60), [], ""),
    (TWO, at("losses", np.inf, GRID == 40), ["loss_is_not_finite"], "From logits 40 apart"),
    (LOGIT, dead(16), ["probability_clipped"], "From a logit of 16 on, a wrong answer has a gradient of exactly 0."),
    (LOGIT, dead(16, label=1), ["probability_clipped"], "The loss never rises above 120.00."),
    (LOGIT, both(dead(16), at("losses", np.inf, GRID == 120)), ["probability_clipped"], "rises above 120.00."),
    (LOGIT, both(dead(16), at("losses", np.inf, np.abs(GRID) == 120)), ["probability_clipped"], "above 90.00."),
    (LOGIT, dead(120), ["probability_clipped"], ""),
    (LOGIT, at("zero_gradient", True, GRID <= -4, 0), [], ""),  # right answers
    (LOGIT, dead(14), ["probability_clipped"], ""),
    (LOGIT, dead(13), ["gradient_dies"], "From a logit of 13"),
    (LOGIT, both(dead(13), HALF), ["one_sided_saturation"], ""),
    (LOGIT, both(dead(14), HALF), ["probability_clipped"], ""),
    (LOGIT, both(dead(2), HALF), ["one_sided_saturation"], ""),
    (SQUARE, both(dead(4), HALF), ["one_sided_saturation"], ""),
    (SQUARE, both(dead(3), HALF), ["gradient_is_one_sided"], "From a logit of 3"),
    (SQUARE, dead(0.5), ["gradient_is_one_sided"], "From a logit of 0.5 on"),
    (SQUARE, dead(0.5, label=1), ["gradient_is_one_sided"], "From a logit of 0.5 on"),
    (SQUARE, both(dead(3), dead(2, label=1)), ["gradient_dies"], "From a logit of 2 on"),
    (SQUARE, both(dead(4), dead(4, label=1)), ["gradient_fades"], "From a logit of 4 on"),
    (SQUARE, both(dead(4), dead(3, label=1)), ["gradient_is_one_sided"], ""),
    (SQUARE, dead(13), ["gradient_fades"], ""),
    (SQUARE, dead(14), ["probability_clipped"], ""),
    (SQUARE, dead(30), ["probability_clipped"], ""),
    (SQUARE, dead(40), [], ""),
    (MULTI, at("unit_zero_gradient", True, GRID >= 20, 0), ["gradient_dies"], "From a logit of 10 on"),
    (MULTI, at("zero_gradient", True, GRID >= 20, 0), [], ""),
    (TWO, at("unit_zero_gradient", True, GRID >= 10, 0), [], ""),
    (TWO, dead(10), ["gradient_dies"], "From logits 10 apart"),
    (SQUARE, both(dead(3), OWN, {"batch_loss_gap": 0.009}), ["gradient_is_one_sided", "loss_of_its_own_formula"], ""),
    (SQUARE, both(dead(3), OWN, {"batch_loss_gap": 0.015}), ["loss_of_its_own_formula"], ""),
    (SQUARE, both(dead(3), OWN, {"batch_loss_gap": 0.015}, STILL),
     ["gradient_is_one_sided", "loss_of_its_own_formula"], ""),
    (SQUARE, both(dead(3, label=1), OWN, {"batch_loss_gap": 0.015}, STILL), ["loss_of_its_own_formula"], ""),
    (SQUARE, both(dead(3), {"batch_loss_gap": 0.015}), ["gradient_is_one_sided"], ""),
    (LOGIT, TURNED, ["gradient_points_away"], "each row with the label 1 worse"),
    (SQUARE, TURNED, [], ""),
    (LOGIT, at("zero_gradient", True, np.abs(GRID) <= 3), ["gradient_dies"], "at every logit"),
    (SQUARE, at("zero_gradient", True, np.abs(GRID) <= 3, 1), ["gradient_is_one_sided"], ""),
    (SQUARE, UNLEARNT, ["gradient_dies"], "Whatever the logit, a row with the label 0 has"),
    (SQUARE, both(UNLEARNT, {"unmoved": np.array([False, True])}), ["gradient_is_one_sided"], ""),
    (SQUARE, both(UNLEARNT, at("zero_gradient", False, GRID == -13, 0)), ["gradient_is_one_sided"], ""),
    (SQUARE, fading(0.009, 0), ["gradient_fades"], "At a logit of 8, a wrong answer has 0.009 of the largest"),
    (SQUARE, fading(0.009, 1), ["gradient_fades"], "has 0.009"),
    (SQUARE, fading(0.015, 0), [], ""),
    (SQUARE, lambda found: {"slope": np.zeros_like(found.slope)}, ["gradient_fades"], "has 0 of"),
    (LOGIT, fading(0.009, 0), [], ""),
    (TWO, SUNK, ["gradient_fades"], "has 0.009 of its gradient"),
    (TWO, {"shifted_gradient_ratio": 0.015}, [], ""),
    (MULTI, SUNK, [], ""),
    (TWO, {**SUNK, "formula": LossFormula(name="square", by_class=True)}, [], ""),
    (SQUARE, both(OWN, away(1e-5, 0, 1)), ["gradient_points_away"], "makes each wrong answer more wrong"),
    (SQUARE, both(OWN, away(1e-5, 1)), ["gradient_points_away"], "a wrong answer to label 1 more wrong"),
    (SQUARE, both(OWN, away(0.9e-6, 0, 1)), ["loss_of_its_own_formula"], "matches no"),
    (SQUARE, both(OWN, away(1.5e-6, 0, 1)), ["gradient_points_away"], ""),
    (SQUARE, away(1e-5, 0, 1), [], ""),
    (TWO, both(OWN, away(1e-5, 1)), ["gradient_points_away"], ""),
    (TWO, both(OWN, away(1e-5, 1), lambda found: {"encoding": replace(found.encoding, onehot=False)}),
     ["loss_of_its_own_formula"], ""),
    (TWO, both(OWN, away(1e-5, 0, 1), lambda found: {"encoding": replace(found.encoding, onehot=False)}),
     ["gradient_points_away"], ""),
    (SQUARE, both(OWN, away(1.0), at("slope", 9.0, GRID == -2, 1)), ["loss_of_its_own_formula"], ""),
    (SQUARE, both(OWN, at("zero_gradient", True, np.abs(GRID) <= 3)), ["gradient_dies"], "at every"),
    (SQUARE, both(OWN, dead(3), dead(3, label=1)), ["gradient_dies"], ""),
]  # fmt: skip


@pytest.mark.parametrize(("tail", "change", "expected", "seen"), GRADIENTS)
def test_what_is_said_of_a_gradient(
    tail: NumpyTail, change: Change | dict[str, Any], expected: list[str], seen: str
) -> None:
    findings = list(judge.gradient(output(tail), changed(tail, change)))
    assert [name for name, _ in findings] == expected
    assert seen in " ".join(text for _, text in findings)


def test_a_label_that_nothing_is_learnt_of_may_be_one_of_three() -> None:
    """Of two, it is a mistake; a third may stand for rows that are left out."""
    found = changed(SQUARE, UNLEARNT)
    for labels, expected in (([0, 1, 0], "gradient_dies"), ([0, 1, 2], "gradient_is_one_sided")):
        assert [name for name, _ in judge.gradient(output(SQUARE, np.array(labels)), found)] == [expected]
    three = changed(THREE, both(UNLEARNT, {"formula": LossFormula(name="square")}))
    assert [name for name, _ in judge.gradient(output(THREE), three)] == ["gradient_is_one_sided"]
    two = changed(SOFTMAX, both(UNLEARNT, {"formula": LossFormula(name="square")}))
    assert [name for name, _ in judge.gradient(output(SOFTMAX), two)] == ["gradient_dies"]


def test_a_layer_that_loses_logits_is_named_for_a_cross_entropy_alone() -> None:
    for tail, expected in ((LOGIT, "logits_lost_to_a_layer"), (SQUARE, "probability_clipped")):
        known = output(tail, after="Dropout")
        assert [name for name, _ in judge.gradient(known, changed(tail, dead(20)))] == [expected]


# what was swept -----------------------------------------------------------------------------------------------------


def test_the_grid_is_the_same_for_both_labels_and_reaches_beyond_every_clip() -> None:
    assert (np.diff(GRID) > 0).all()
    assert (np.flip(GRID) == -GRID).all()
    assert set(np.abs(GRID)) == {0.5, *range(1, 19), 20, 25, 30, 40, 60, 90, 120} - {15}
    assert (min(MODERATE), max(MODERATE), min(FAR)) == (-3, 3, 4)


def predicted(values: Callable[[Array], Array], tail: NumpyTail = LOGIT) -> Sweep:
    """A sweep whose predictions are these of z, in each unit."""
    found = swept(tail)
    units = found.prediction.shape[2]
    return replace(found, prediction=np.repeat(np.stack([values(GRID)] * 2)[:, :, None], units, axis=2))


@pytest.mark.parametrize(
    ("values", "of_what", "expected"),
    [
        (lambda z: z * 1.009, "predicts_logits", True),
        (lambda z: z * 1.015, "predicts_logits", False),
        (lambda z: np.clip(z, -40, 40), "predicts_logits", True),
        (lambda z: np.clip(z, -39, 39), "predicts_logits", False),
        (lambda z: np.clip(z, -5.5, 5.5), "unbounded", True),
        (lambda z: np.clip(z, -5, 5.5), "unbounded", False),
        (lambda z: np.clip(z, -5.5, 5), "unbounded", False),
        (lambda z: np.where(z > 90, np.nan, z), "unbounded", True),
        (lambda z: z * np.nan, "unbounded", False),
        (expit, "predicts_probabilities", True),
        (lambda z: expit(z) * 1.0009, "predicts_probabilities", True),
        (lambda z: expit(z) * 1.0015, "predicts_probabilities", False),
        (lambda z: expit(z) - 1e-9, "predicts_probabilities", False),
        (lambda z: 0.5 + 0.4 * expit(z), "predicts_probabilities", True),
        (lambda z: np.where(z > 90, np.nan, expit(z)), "predicts_probabilities", True),
        (lambda z: z * np.nan, "predicts_probabilities", False),
        (lambda z: np.clip(z, -40, 40) + 0.9e-3 * (np.abs(z) > 40) * np.sign(z), "prediction_range",
         (-40.0009, 40.0009)),
        (lambda z: np.clip(z, -40, 40) + 1.5e-3 * (z > 40), "prediction_range", (-40, np.inf)),
        (lambda z: np.clip(z, -40, 40) - 1.5e-3 * (z < -40), "prediction_range", (-np.inf, 40)),
        (lambda z: np.where(z > 40, np.nan, np.clip(z, 1, 2)), "prediction_range", (-np.inf, 2)),  # nan counts as 0
    ],
)
def test_what_a_prediction_is_like(values: Callable[[Array], Array], of_what: str, expected: Any) -> None:
    assert getattr(predicted(values), of_what) == pytest.approx(expected)


def test_logits_that_are_not_known_are_not_the_prediction() -> None:
    assert swept(LOGIT).predicts_logits
    assert not replace(swept(LOGIT), logits=None).predicts_logits


def test_predictions_of_units_that_sum_to_one() -> None:
    for sums, expected in ((1.0, True), (1.009, True), (0.991, True), (1.012, False), (0.988, False)):
        found = predicted(lambda z, s=sums: np.full_like(z, s / 2), SOFTMAX)
        assert found.sums_to_one == expected
        assert replace(swept(SOFTMAX), sum_at_ones=sums).sums_to_one == expected
    assert not replace(predicted(np.ones_like, ONE), sum_at_ones=1.0).sums_to_one  # one unit is no distribution
    three = swept(THREE).prediction.copy()
    three[..., 2] += 0.1
    assert not replace(swept(THREE), prediction=three).sums_to_one


@pytest.mark.parametrize(
    ("valued", "expected"),
    [
        (lambda p: p > 0, True),
        (lambda p: p > -0.5, True),  # what lies about 0 and 1 may be either
        (lambda p: (p > 1) & (p < 20), True),
        (lambda p: (p > 2) & (p < 20), False),
        (lambda p: (p > 0) & (p < 18), False),
        (lambda p: (p > 0) & (p != 3), False),
        (lambda p: p > -1, True),
        (lambda p: p > -2, False),
        (lambda p: p != -2, False),
    ],
)
def test_a_loss_of_rates_has_no_value_below_0(valued: Callable[[Array], Array], expected: bool) -> None:
    losses = np.where(valued(GRID), 1.0, np.nan)
    assert replace(swept(LOGIT), losses=np.stack([losses, losses])).takes_rates == expected


def test_predictions_that_are_never_below_0_are_no_rates_that_were_seen_to_be_refused() -> None:
    assert not predicted(np.abs).takes_rates
