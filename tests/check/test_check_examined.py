"""Which reading of an output is taken, which labels it is swept with, and what is asked of it in which order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy_tails import (
    NUMBERS,
    ONE,
    NumpyTail,
    Y,
    bce,
    bce_of_logits,
    cce_of_logits,
    expit,
    identity,
    of,
    output,
    square,
    swept,
)

from experiments.check import examine
from experiments.check.formula_match import LossFormula
from experiments.check.labels import Encoding
from experiments.check.record import Metric, Output
from experiments.check.sweep import Sweep

Array = np.ndarray
OWN = LossFormula()
KNOWN = LossFormula(name="square")


@pytest.mark.parametrize(
    ("readings", "taken", "asked"),
    [
        # (meaning, mixed) of each reading; which is taken, and how many are swept
        ([(KNOWN, 0.009), (KNOWN, 0.0)], 0, 1),
        ([(KNOWN, 0.015), (KNOWN, 0.0)], 1, 2),
        ([(KNOWN, 0.015), (OWN, 0.0)], 0, 2),
        ([(OWN, 0.0), (KNOWN, 0.5)], 1, 2),
        ([(OWN, 0.015), (OWN, 0.009)], 1, 2),
        ([(OWN, 0.009), (OWN, 0.0)], 0, 2),
        ([(OWN, 0.5), (OWN, 0.015)], 0, 2),
        ([(OWN, 0.5), (KNOWN, 0.0), (KNOWN, 0.0)], 1, 2),
        (["no tail", (OWN, 0.0)], 1, 1),
        ([ValueError("no"), (OWN, 0.0)], 1, 2),
    ],
)
def test_the_reading_that_fits_is_taken(
    readings: list[Any], taken: int, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [replace(output(ONE, name=str(at)), **({"tail": None} if one == "no tail" else {}))
             for at, one in enumerate(readings)]  # fmt: skip
    calls: list[str] = []

    def sweep(known: Output, encoding: Encoding) -> Sweep:
        calls.append(known.name)
        one = readings[int(known.name)]
        if isinstance(one, Exception):
            raise one
        return replace(swept(ONE), formula=one[0], batch_loss_gap=one[1])

    monkeypatch.setattr(examine, "_sweep", sweep)
    known, found, error = examine._best((one, swept(ONE).encoding) for one in given)
    assert (known.name, found is None, error) == (str(taken), False, "")
    assert len(calls) == asked


def test_the_first_reason_why_nothing_could_be_swept_is_told() -> None:
    first, then = (replace(output(ONE, name=name), tail=None, unmeasured=f"no {name}") for name in ("one", "two"))
    known, found, error = examine._best([(first, NUMBERS), (then, NUMBERS)])
    assert (known.name, found, error) == ("one", None, "no one")

    def fails(y: Array, z: Array) -> Array:
        raise ValueError("shapes")

    raises = output(of(identity, fails), name="raises")
    assert examine._best([(raises, NUMBERS), (first, NUMBERS)]) == (raises, None, "ValueError: shapes")
    assert examine._best([(first, NUMBERS), (raises, NUMBERS)])[2] == "no one"


def own(y: Array, z: Array) -> Array:
    return np.abs(z - y)[:, 0] ** 1.5


@pytest.mark.parametrize(
    ("loss", "labels", "values"),
    [
        (own, 2 * Y[:, None] - 1, (-1, 1)),
        (own, 3.0 * Y[:, None] + 2, (2, 5)),
        (own, (Y[:, None] * 4).astype("uint8"), (0, 4)),
        (own, Y[:, None], (0, 1)),
        (own, np.array([[0.0], [1.0], [2.0]]), (0, 1)),
        (own, np.zeros((9, 1)), (0, 1)),
        (own, None, (0, 1)),
        (own, np.array([["a"], ["b"]]), (0, 1)),
        (lambda y, z: square(y, z), 2 * Y[:, None] - 1, (0, 1)),  # known
    ],
)
def test_a_loss_of_its_own_is_swept_with_the_two_labels_of_the_program(
    loss: Callable[..., Array], labels: Array | None, values: tuple[float, float]
) -> None:
    encoding = Encoding(shape=(1,), onehot=False, dtype="float32")
    assert examine._sweep(output(of(identity, loss), labels), encoding).encoding.values == values


def test_two_units_are_swept_with_their_own_labels() -> None:
    encoding = Encoding(shape=(2,), onehot=True, dtype="float32")
    known = output(of(identity, lambda y, z: np.abs(z - y).sum(axis=1) ** 1.5, units=2), 2 * np.eye(2)[Y] - 1)
    assert examine._sweep(known, encoding).encoding.values == (0, 1)


@pytest.mark.parametrize(("out", "expected"), [((), 0), ((0,), 0), ((0, 1), 0), ((0, 1, 2), 2), ((1,), 0)])
def test_classes_that_are_left_out_are_passed_over(out: tuple[int, ...], expected: int) -> None:
    """Of four classes these have no loss: two neighbours that have one are swept, if there are any."""
    some = np.isin(np.arange(4), out)
    tail = of(identity, lambda y, z: np.where((y * some).sum(axis=1) > 0, 0.0, cce_of_logits(y, z)), units=4)
    found = examine._sweep(output(tail), Encoding(shape=(4,), onehot=True, dtype="float32"))
    labels_without_loss = ((found.losses == 0) & found.zero_gradient)[:, found.moderate].all(axis=1)
    assert labels_without_loss.sum() == expected
    # of two units both are swept as they are
    two = of(identity, lambda y, z: np.where(y[:, 0] == 1, 0.0, cce_of_logits(y, z)), units=2)
    found = examine._sweep(output(two), Encoding(shape=(2,), onehot=True, dtype="float32"))
    assert found.zero_gradient[0].all()


def told(known: Output, found: Sweep | None, error: str = "") -> list[str]:
    return [name for name, _ in examine._observations(known, found, error)]


BAD = {"labels": 3 * Y[:, None]}
LOGIT = of(identity, bce_of_logits)
WRONG_METRIC = Metric(
    name="a", kind="BinaryAccuracy", threshold=None, value=lambda y, p: float(((p > 0.5) == y).mean())
)


@pytest.mark.parametrize(
    ("tail", "options", "swept_", "expected"),
    [
        (ONE, {}, True, []),
        (ONE, BAD, True, ["labels_are_no_probabilities"]),
        (ONE, {**BAD, "raised": "no"}, True, ["program_raises"]),
        (ONE, {"labels": np.zeros((9, 1)), "raised": ""}, False, ["one_class_only"]),
        (ONE, {"labels": np.eye(3)[Y]}, False, ["labels_and_units_differ"]),
        (ONE, {"labels": np.eye(3)[Y]}, True, ["labels_and_units_differ"]),
        (ONE, {"raised": "no"}, True, ["program_raises"]),
        (ONE, {"raised": "no", "refused": "no"}, True, []),
        (ONE, {}, False, ["not_measured"]),
        (ONE, {"class_weight": {0: 0.0}}, False, ["weights_are_zero", "not_measured"]),
        (LOGIT, {"metrics": (WRONG_METRIC,)}, True, ["metric_cuts_the_logit"]),
        (of(identity, bce), {"metrics": (WRONG_METRIC,)}, True, ["logits_taken_for_probabilities"]),
        # labels of a regression: a gradient that fades is none of its own
        (of(expit, square), {"labels": np.linspace(0.01, 0.99, 32)[:, None]}, True, ["gradient_fades"]),
        (of(identity, own), {"labels": np.linspace(0, 9, 32)[:, None]}, True, []),
        (of(identity, own), {}, True, ["loss_of_its_own_formula"]),
    ],
)
def test_what_is_asked_of_an_output_in_which_order(
    tail: NumpyTail, options: dict[str, Any], swept_: bool, expected: list[str]
) -> None:
    assert told(output(tail, **options), swept(tail) if swept_ else None, "no graph") == expected


def test_findings_are_told_once_and_problems_first() -> None:
    """Two metrics are one finding that was seen twice."""
    metrics = [Metric(name=name, kind="AUC", threshold=None, value=lambda y, p: 0.0) for name in "ab"]
    tail = of(expit, square)
    known = output(tail, Y[:, None], metrics=tuple(metrics))
    assert told(known, swept(tail)) == ["gradient_fades", "metric_is_constant", "metric_is_constant"]
    _, _, findings = examine.examine([(known, swept(tail).encoding)], None, "")
    assert [(one.name, one.level) for one in findings] == [
        ("metric_is_constant", "problem"), ("gradient_fades", "note"),
    ]  # fmt: skip
    assert [text[:3] for text in findings[0].seen] == ["'a'", "'b'"]
    assert len(findings[1].seen) == 1


def test_parts_that_meet_behind_an_activation_are_not_measured() -> None:
    for values, whole, expected in (
        (np.array([[0.0], [1.0]]), False, ["not_measured"]), (np.array([[0.0], [1.1]]), False, []),
        (np.array([[-0.1], [1.0]]), False, []), (np.array([[0.0], [1.0]]), True, []),
    ):  # fmt: skip

        class Given(NumpyTail):
            given = values

            @property
            def logits(self) -> Array:
                return self.given

        tail = Given(predict=ONE.predict, loss=ONE.loss, scored=ONE.scored, logits_suffice=whole)
        assert told(output(tail), swept(ONE)) == expected
