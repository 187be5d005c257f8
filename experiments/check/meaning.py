"""What a loss means, told by its values: no name is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import nnls
from scipy.special import expit, log_expit, log_softmax

TOLERANCE = 2e-3  # of a loss in a dtype of 32 bits; 16 bits get thirty times that
GAMMAS = (1.0, 2.0, 3.0, 5.0)
CLIP = 1e-7
ERRORS = ("square", "absolute", "huber")  # losses of numbers: how far a prediction is from its label


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """A formula that a loss follows.

    `name`: "binary", "categorical", "focal", "square", "absolute", "huber", "hinge", "likelihood", or "" for none.
    `of`: what it takes for what: "logits" (the program's), "prediction" (as probabilities), "prediction as logits",
    "prediction clipped". `by_class`: whether it takes its units for one distribution over classes. `smoothed`: whether
    it mixes in the other label.
    """

    name: str = ""
    of: str = ""
    by_class: bool = False
    smoothed: bool = False

    @property
    def logarithmic(self) -> bool:
        """Whether it is a cross-entropy, so that a wrong answer must always have a gradient."""
        return self.name in ("binary", "categorical", "focal", "likelihood")

    @property
    def text(self) -> str:
        """In words."""
        words = {"binary": "binary cross-entropy", "categorical": "categorical cross-entropy", "focal": "focal loss",
                 "square": "squared error", "absolute": "absolute error", "huber": "Huber loss", "hinge": "hinge loss",
                 "likelihood": "negated likelihood"}  # fmt: skip
        return ("smoothed " if self.smoothed else "") + words.get(self.name, "a loss of its own formula")


# of logits or probabilities (n, K) and classes (n,) a loss a row
Formula = Callable[[np.ndarray, np.ndarray], np.ndarray]


def binary_of_logits(z: np.ndarray, hot: np.ndarray) -> np.ndarray:
    return -(hot * log_expit(z) + (1 - hot) * log_expit(-z)).mean(axis=-1)


def categorical_of_logits(z: np.ndarray, hot: np.ndarray) -> np.ndarray:
    return -(hot * log_softmax(z, axis=-1)).sum(axis=-1)


def binary_of_chances(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    p = np.clip(p, CLIP, 1 - CLIP)
    return -(hot * np.log(p) + (1 - hot) * np.log(1 - p)).mean(axis=-1)


def shares(p: np.ndarray) -> np.ndarray:
    """Made to sum to 1; 0 where nothing does."""
    total = p.sum(axis=-1, keepdims=True)
    return np.divide(p, total, out=np.zeros_like(p), where=total != 0)


def categorical_of_chances(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    return categorical_as_given(shares(p), hot)


def categorical_as_given(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """As people write it: whatever the others are, the chance of the one class counts."""
    return -(hot * np.log(np.clip(p, CLIP, 1 - CLIP))).sum(axis=-1)


def categorical_of_clipped(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """As Keras does it for integer labels: clipped first, then made to sum to 1."""
    p = np.clip(p, CLIP, 1 - CLIP)
    return -(hot * np.log(p / p.sum(axis=-1, keepdims=True))).sum(axis=-1)


def focal(gamma: float, *, by_class: bool) -> Formula:
    """The focal loss of probabilities (Lin et al. 2017), over units or over classes."""

    def loss(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
        p = np.clip(p, CLIP, 1 - CLIP)
        if by_class:
            return -(hot * (1 - p) ** gamma * np.log(p)).sum(axis=-1)
        right = np.where(hot == 1, p, 1 - p)
        return -((1 - right) ** gamma * np.log(right)).mean(axis=-1)

    return loss


def focal_of_clipped(gamma: float) -> Formula:
    """As Keras computes it of units that are no probabilities: clipped in the logarithm, not in the weight."""

    def loss(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
        right, chance = (np.where(hot == 1, one, 1 - one) for one in (p, np.clip(p, CLIP, 1 - CLIP)))
        return -((1 - right) ** gamma * np.log(chance)).mean(axis=-1)

    return loss


def _square(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    return ((p - hot) ** 2).mean(axis=-1)


def _absolute(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    return np.abs(p - hot).mean(axis=-1)


def _huber(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    gap = np.abs(p - hot)
    return np.where(gap <= 1, gap**2 / 2, gap - 0.5).mean(axis=-1)


def _hinge(power: int) -> Formula:
    return lambda p, hot: (np.maximum(0, 1 - (2 * hot - 1) * p) ** power).mean(axis=-1)


def _likelihood(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    return -(p * hot).sum(axis=-1)


def formulas(logits: np.ndarray | None, prediction: np.ndarray) -> list[tuple[Meaning, Formula, np.ndarray]]:
    """What a loss may be: a meaning, its formula and what it is of; the first that fits is the one."""
    several = prediction.shape[-1] > 1
    listed: list[tuple[Meaning, Formula, np.ndarray]] = []

    def add(name: str, of: str, formula: Formula, values: np.ndarray | None, *, by_class: bool = False) -> None:
        if values is not None:
            by_class = by_class or name in ("categorical", "likelihood")
            listed.append((Meaning(name=name, of=of, by_class=by_class), formula, values))

    inside = prediction.min() >= 0 and prediction.max() <= 1 + 1e-6
    chances = prediction if inside else None
    add("binary", "prediction", binary_of_chances, chances)
    add("categorical", "prediction", categorical_of_chances, chances if several else None)
    add("categorical", "prediction", categorical_of_clipped, chances if several else None)
    add("categorical", "prediction", categorical_as_given, chances if several else None)
    add("binary", "logits", binary_of_logits, logits)
    add("categorical", "logits", categorical_of_logits, logits if several else None)
    add("binary", "prediction as logits", binary_of_logits, prediction)
    add("categorical", "prediction as logits", categorical_of_logits, prediction if several else None)
    if not inside:
        add("binary", "prediction clipped", binary_of_chances, prediction)
        add("categorical", "prediction clipped", categorical_of_chances, prediction if several else None)
        add("categorical", "prediction clipped", categorical_of_clipped, prediction if several else None)
        add("categorical", "prediction clipped", categorical_as_given, prediction if several else None)
        for gamma in GAMMAS:
            add("focal", "prediction clipped", focal_of_clipped(gamma), prediction)
            of_class, values = focal(gamma, by_class=True), shares(prediction) if several else None
            add("focal", "prediction clipped", of_class, values, by_class=True)
    for gamma in GAMMAS:
        add("focal", "prediction", focal(gamma, by_class=False), chances)
        add("focal", "prediction", focal(gamma, by_class=True), chances if several else None, by_class=True)
        add("focal", "logits", focal(gamma, by_class=False), None if logits is None else expit(logits))
        soft = None if logits is None or not several else np.exp(log_softmax(logits, axis=-1))
        add("focal", "logits", focal(gamma, by_class=True), soft, by_class=True)
        add("focal", "prediction as logits", focal(gamma, by_class=False), expit(prediction))
        squashed = np.exp(log_softmax(prediction, axis=-1)) if several else None
        add("focal", "prediction as logits", focal(gamma, by_class=True), squashed, by_class=True)
    add("likelihood", "prediction", _likelihood, prediction if several else None)
    add("square", "prediction", _square, prediction)
    add("absolute", "prediction", _absolute, prediction)
    add("huber", "prediction", _huber, prediction)
    add("hinge", "prediction", _hinge(1), prediction)
    add("hinge", "prediction", _hinge(2), prediction)
    return listed


def meaning(
    losses: np.ndarray, logits: np.ndarray | None, prediction: np.ndarray, classes: np.ndarray, dtype: str
) -> Meaning:
    """The first formula that `losses` (n,) follow at moderate `logits` (n, K); the `prediction` is (n, K) too.

    Weights of a class, and a sum in the place of a mean, change a loss by a factor for each class; smoothing mixes in
    the loss of the other labels. Both are allowed for.
    """
    if not np.isfinite(losses).all():
        return Meaning()
    tolerance = TOLERANCE * (30 if "16" in dtype else 1)
    units = prediction.shape[-1]
    hot = classes[:, None].astype(float) if units == 1 else np.eye(units)[classes]
    fits: list[tuple[float, Meaning]] = []
    for mixed in (False, True):
        for known, formula, values in formulas(logits, prediction):
            rest = (1 - hot) / (units - 1 if known.by_class else 1)  # one class, or each unit by itself
            right, wrong = formula(values, hot), formula(values, rest)
            if mixed and not known.logarithmic:
                continue
            misfit = max(_misfit(losses[of], right[of], wrong[of] if mixed else None)
                         for label in (0, 1) if (of := classes == label).any())  # fmt: skip
            if misfit <= tolerance:
                fits.append((misfit, replace(known, smoothed=mixed)))
    # where 16 bits allow for much, what fits far worse than another is not meant
    best = min((misfit for misfit, _ in fits), default=0.0)
    return next((known for misfit, known in fits if misfit <= max(TOLERANCE, 3 * best)), Meaning())


def _misfit(losses: np.ndarray, right: np.ndarray, wrong: np.ndarray | None) -> float:
    """How far the losses are from a positive multiple of `right`, with a smaller one of `wrong` if there is one.

    Relative to the largest loss; infinite if there is no such multiple.
    """
    basis = right[:, None] if wrong is None else np.stack([right, wrong], axis=1)
    scale = np.abs(losses).max()
    factors, residual = nnls(basis, losses)
    mixes = len(factors) < 2 or factors[1] < factors[0]
    fits = scale > 0 and factors[0] > 0 and mixes
    return float(residual / np.sqrt(len(losses)) / scale) if fits else np.inf
