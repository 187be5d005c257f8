"""What a path's program means, evaluated with mpmath: the loss and its derivative, right to a double's last bit.

The reference of a path is the mathematical loss of the program *as written*: its activation, then the textbook
formula of its loss, in exact arithmetic. So two sigmoids under a binary cross-entropy have another reference
than a softmax under a categorical one, and a framework that computes something else is off from it.
Where the formula has no meaning (the logarithm of what is no probability) the reference is nan.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from mpmath import mp, mpf

from experiments.numerics.axes import LABELS, SWEEP, Path

# 1 - sigmoid(120) is 1e-52: it takes 53 digits to see it, and the rest is for what follows
DIGITS = 130

Number = Any  # an mpf; mpmath ships no types
Dual = tuple[Number, Number]  # a value and its derivative with respect to z
Reference = tuple[float, float]

NOWHERE: Dual = (mpf("nan"), mpf("nan"))


@cache
def _at(function: Callable[[Number], Number], x: Number, precision: int) -> Number:
    return function(x)


def _exp_of(x: Number) -> Number:
    """exp(x), once for all the programs that need it: they share their logits."""
    return _at(mp.exp, x, mp.prec)


def _log_of(x: Number) -> Number:
    return _at(mp.log, x, mp.prec)


def _log(x: Dual) -> Dual:
    value, slope = x
    if value == 0:
        return (mpf("-inf"), mpf("nan"))
    return (_log_of(value), slope / value) if value > 0 else NOWHERE


def _sigmoid(x: Dual) -> Dual:
    value = 1 / (1 + _exp_of(-x[0]))
    return (value, value * (1 - value) * x[1])


def _softplus(x: Dual) -> Dual:
    """log(1 + exp(x)): its derivative is the sigmoid."""
    return (mp.log1p(_exp_of(x[0])), _sigmoid(x)[0] * x[1])


def _logsumexp(xs: list[Dual]) -> Dual:
    if len(xs) == 1:  # exactly: what is left of rounding would be taken for a probability
        return xs[0]
    total = mp.fsum(_exp_of(value) for value, _ in xs)
    return (_log_of(total), mp.fsum(_exp_of(value) * slope for value, slope in xs) / total)


def _minus(a: Dual, b: Dual) -> Dual:
    return (a[0] - b[0], a[1] - b[1])


def _sum(xs: list[Dual]) -> Dual:
    return (mp.fsum(x[0] for x in xs), mp.fsum(x[1] for x in xs))


def _times(factor: float, x: Dual) -> Dual:
    """`factor` x, with 0 x = 0 even where x is infinite: a class that is not the label adds nothing."""
    return (mpf(0), mpf(0)) if factor == 0 else (factor * x[0], factor * x[1])


def _softmax(xs: list[Dual]) -> list[Dual]:
    norm = _logsumexp(xs)
    logs = [_minus(x, norm) for x in xs]
    return [(_exp_of(value), _exp_of(value) * slope) for value, slope in logs]


ACTIVATIONS: dict[str, Callable[[list[Dual]], list[Dual]]] = {
    "linear": lambda xs: xs,
    "sigmoid": lambda xs: [_sigmoid(x) for x in xs],
    "softmax": _softmax,
    "log_softmax": lambda xs: [_minus(x, _logsumexp(xs)) for x in xs],
}


def _targets(label: int, units: int) -> list[int]:
    return [label] if units == 1 else [int(k == label) for k in range(units)]


def _binary(q: list[Dual], label: int) -> Dual:
    """Mean over the units of -y log q - (1 - y) log(1 - q)."""
    if any(not 0 <= value <= 1 for value, _ in q):
        return NOWHERE
    terms = [
        _times(-1, _log(x if y else (1 - x[0], -x[1]))) for x, y in zip(q, _targets(label, len(q)), strict=True)
    ]
    return _times(1 / mpf(len(q)), _sum(terms))


def _binary_from_logits(q: list[Dual], label: int) -> Dual:
    terms = [_minus(_softplus(x), _times(y, x)) for x, y in zip(q, _targets(label, len(q)), strict=True)]
    return _times(1 / mpf(len(q)), _sum(terms))


def _plain(q: list[Dual], label: int) -> Dual:
    """-sum y log q."""
    if any(not 0 <= value <= 1 for value, _ in q):
        return NOWHERE
    return _sum([_times(-y, _log(x)) for x, y in zip(q, _targets(label, len(q)), strict=True)])


def _categorical(q: list[Dual], label: int) -> Dual:
    """-sum y log(q / sum q): Keras divides by the sum, and says so where it does."""
    total = _sum(q)
    if total[0] == 0 or any(not 0 <= value <= 1 for value, _ in q):
        return NOWHERE
    return _plain([(v / total[0], (s * total[0] - v * total[1]) / total[0] ** 2) for v, s in q], label)


def _categorical_from_logits(q: list[Dual], label: int) -> Dual:
    norm = _logsumexp(q)
    return _sum([_times(-y, _minus(x, norm)) for x, y in zip(q, _targets(label, len(q)), strict=True)])


def _nll(q: list[Dual], label: int) -> Dual:
    return _times(-1, q[label]) if label < len(q) else NOWHERE


def _by_index(loss: Callable[[list[Dual], int], Dual]) -> Callable[[list[Dual], int], Dual]:
    """The loss with an integer label, which names a unit: with one unit there is no class 1."""

    def indexed(q: list[Dual], label: int) -> Dual:
        if label >= len(q):
            return NOWHERE
        return loss(q, label) if len(q) > 1 else loss(q, 1)

    return indexed


MEANINGS: dict[str, Callable[[list[Dual], int], Dual]] = {
    "binary": _binary,
    "binary_from_logits": _binary_from_logits,
    "categorical": _categorical,
    "categorical_from_logits": _categorical_from_logits,
    "sparse": _by_index(_categorical),
    "sparse_from_logits": _by_index(_categorical_from_logits),
    "plain": _plain,
    "nll": _nll,
}

_OF_LOSS = {
    "binary_crossentropy": "binary",
    "categorical_crossentropy": "categorical",
    "sparse_categorical_crossentropy": "sparse",
    "CrossEntropyLoss": "sparse_from_logits",
    "BCEWithLogitsLoss": "binary_from_logits",
    "BCELoss": "binary",
    "NLLLoss": "nll",
    "sigmoid_cross_entropy_with_logits": "binary_from_logits",
    "softmax_cross_entropy_with_logits": "categorical_from_logits",
    "sparse_softmax_cross_entropy_with_logits": "sparse_from_logits",
    "log_by_hand": "binary",
    "logaddexp_by_hand": "binary_from_logits",
    "log_loss": "plain",
}


def meaning(path: Path) -> str:
    """The name in `MEANINGS` of the loss that the path's program asks for."""
    kind = _OF_LOSS[path.loss]
    if path.loss in ("log_by_hand", "log_loss"):
        return "binary" if path.units == 1 else "plain"
    if path.loss == "logaddexp_by_hand":
        return kind if path.units == 1 else "categorical_from_logits"
    return f"{kind}_from_logits" if path.framework.startswith("keras") and path.form == "from_logits" else kind


def reference(activation: str, units: int, kind: str, z: float, label: int) -> Reference:
    """Loss and dL/dz at the effective logit `z`, each the double nearest to the true value.

    `activation`: a key of `ACTIVATIONS`; `kind`: a key of `MEANINGS`; nan where the program has no meaning.
    """
    with mp.workdps(DIGITS):
        exact = mpf(z)
        logits = [(exact, mpf(1))] if units == 1 else [(-exact / 2, mpf(-1) / 2), (exact / 2, mpf(1) / 2)]
        loss, slope = MEANINGS[kind](ACTIVATIONS[activation](logits), label)
        return float(loss), float(slope)


def sweep(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """References of a path at every row of the sweep: losses and gradients, each of the shape of `axes.SWEEP`."""
    return _sweep(path.activation, path.units, meaning(path))


@cache
def _sweep(activation: str, units: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    points = zip(SWEEP.tolist(), LABELS.tolist(), strict=True)
    losses, gradients = np.array([reference(activation, units, kind, z, label) for z, label in points]).T
    return losses, gradients
