"""The references of the atlas against two independent evaluations: closed forms in `decimal`, and differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext

import mpmath
import numpy as np
import pytest

from experiments.numerics import BACKENDS, paths, references
from experiments.numerics.axes import LABELS, SWEEP, Z

POINTS = [-120.0, -40.0, -17.0, -3.0, -0.5, 0.0, 0.5, 2.0, 16.0, 37.0, 120.0]


def softplus(x: Decimal) -> Decimal:
    return (1 + x.exp()).ln()


def sigmoid(x: Decimal) -> Decimal:
    return 1 / (1 + (-x).exp())


def close(value: float, exact: Decimal) -> bool:
    """To 1e-15 of the exact value; below the smallest double nothing can be."""
    if abs(exact) < Decimal("1e-300"):
        return abs(value) < 1e-300
    return abs(Decimal(value) - exact) <= Decimal("1e-15") * abs(exact)


# programs whose loss has a closed form: (activation, units, meaning) -> loss and slope, s = +1 for label 1, -1 for 0
CLOSED: dict[tuple[str, int, str], Callable[[Decimal, int], tuple[Decimal, Decimal]]] = {
    ("sigmoid", 1, "binary"): lambda z, s: (softplus(-s * z), -s * sigmoid(-s * z)),
    ("linear", 1, "binary_from_logits"): lambda z, s: (softplus(-s * z), -s * sigmoid(-s * z)),
    ("softmax", 2, "categorical"): lambda z, s: (softplus(-s * z), -s * sigmoid(-s * z)),
    ("linear", 2, "sparse_from_logits"): lambda z, s: (softplus(-s * z), -s * sigmoid(-s * z)),
    ("log_softmax", 2, "nll"): lambda z, s: (softplus(-s * z), -s * sigmoid(-s * z)),
    # softmax's second probability is 1 minus the first, so the mean of its two binary losses is one of them
    ("softmax", 2, "binary"): lambda z, s: (softplus(-s * z), -s * sigmoid(-s * z)),
    ("sigmoid", 2, "binary"): lambda z, s: (softplus(-s * z / 2), -s * sigmoid(-s * z / 2) / 2),
    # sigmoid(-x) + sigmoid(x) = 1, so dividing by the sum changes nothing
    ("sigmoid", 2, "categorical"): lambda z, s: (softplus(-s * z / 2), -s * sigmoid(-s * z / 2) / 2),
    ("sigmoid", 1, "binary_from_logits"): lambda z, s: (
        softplus(-s * sigmoid(z)),
        -s * sigmoid(-s * sigmoid(z)) * sigmoid(z) * sigmoid(-z),
    ),
    ("softmax", 2, "categorical_from_logits"): lambda z, s: (
        softplus(-s * (sigmoid(z) - sigmoid(-z))),
        -2 * s * sigmoid(-s * (sigmoid(z) - sigmoid(-z))) * sigmoid(z) * sigmoid(-z),
    ),
    ("softmax", 2, "nll"): lambda z, s: (-sigmoid(s * z), -s * sigmoid(z) * sigmoid(-z)),
}


@pytest.mark.parametrize("program", CLOSED, ids=lambda program: "-".join(map(str, program)))
@pytest.mark.parametrize("label", [0, 1])
def test_references_are_the_closed_forms_to_1e_15(program: tuple[str, int, str], label: int) -> None:
    with localcontext() as context:
        context.prec = 150
        for z in Z.tolist():
            loss, slope = CLOSED[program](Decimal(z), 2 * label - 1)
            found_loss, found_slope = references.reference(*program, z, label)
            assert close(found_loss, loss), (z, found_loss, loss)
            assert close(found_slope, slope), (z, found_slope, slope)


PROGRAMS = sorted({(p.activation, p.units, references.meaning(p)) for b in BACKENDS for p in paths(b)})


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: "-".join(map(str, program)))
def test_every_slope_is_the_derivative_of_its_loss(program: tuple[str, int, str]) -> None:
    """dL/dz against a central difference of the loss in 130 digits; nan where the loss has no value."""
    activation, units, kind = program

    def exact(z: mpmath.mpf, label: int) -> mpmath.mpf:
        logits = [(z, 1)] if units == 1 else [(-z / 2, -0.5), (z / 2, 0.5)]
        return references.MEANINGS[kind](references.ACTIVATIONS[activation](logits), label)[0]

    with mpmath.workdps(references.DIGITS):
        h = mpmath.mpf(10) ** -40
        for label in (0, 1):
            for z in POINTS:
                slope = references.reference(*program, z, label)[1]
                ahead, behind = exact(mpmath.mpf(z) + h, label), exact(mpmath.mpf(z) - h, label)
                inside = mpmath.isfinite(ahead) and mpmath.isfinite(behind)
                assert not (inside and math.isnan(slope)), z
                if inside:
                    assert mpmath.almosteq((ahead - behind) / (2 * h), slope, rel_eps=1e-15, abs_eps=1e-60), z


def test_a_loss_of_what_is_no_probability_has_no_meaning() -> None:
    assert math.isnan(references.reference("linear", 1, "binary", 2.0, 1)[0])
    assert math.isnan(references.reference("linear", 2, "categorical", 2.0, 1)[0])
    for kind in ("binary", "categorical", "plain"):
        for z in (-0.25, 1.5):
            assert math.isnan(references.reference("linear", 1, kind, z, 1)[0]), (kind, z)
    assert references.reference("linear", 1, "plain", 0.5, 1)[0] == pytest.approx(math.log(2), rel=1e-15)
    assert references.reference("linear", 1, "binary", 0.5, 1)[0] == pytest.approx(math.log(2), rel=1e-15)
    assert references.reference("softmax", 1, "binary", 3.0, 0)[0] == math.inf
    assert references.reference("softmax", 1, "sparse", 3.0, 0) == (0.0, 0.0)
    assert math.isnan(references.reference("softmax", 1, "sparse", 3.0, 1)[0])


def test_every_swept_logit_and_its_half_is_exact_in_every_dtype() -> None:
    """To 8 significant bits, bfloat16's: so that no path is blamed for the rounding of its input."""
    for value in np.concatenate([Z, Z / 2]):
        mantissa, _ = math.frexp(value)
        assert (mantissa * 2**8).is_integer(), value
    assert len(SWEEP) == len(LABELS) == 2 * len(Z)
    assert (np.diff(Z) > 0).all()
    assert Z.min() == -120
    assert Z.max() == 120
