"""Which formula a loss follows, recognised by its values: no name is read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import nnls
from scipy.special import expit, log_softmax

from experiments.check import formulas
from experiments.check.formulas import LossFunction
from experiments.check.labels import one_hot

TOLERANCE = 2e-3  # of a loss in a dtype of 32 bits; 16 bits get thirty times that
GAMMAS = (1.0, 2.0, 3.0, 5.0)
ERRORS = ("square", "absolute", "huber", "logcosh")  # losses of numbers: how far a prediction is from its label


@dataclass(frozen=True, kw_only=True)
class LossFormula:
    """A formula that a loss follows.

    `name`: "binary", "categorical", "focal", "square", "absolute", "huber", "logcosh", "poisson", "hinge", "margin",
    "likelihood", or "" for none.
    `of`: what it takes for what: "logits" (the program's), "prediction" (as probabilities), "prediction as logits",
    "prediction clipped", "squashed logits" (as logits, what it has squashed itself), "labels" (with the predictions for
    labels). `by_class`: whether it takes its units for one distribution over classes. `smoothed`: whether
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
        names = {"binary": "binary cross-entropy", "categorical": "categorical cross-entropy", "focal": "focal loss",
                 "square": "squared error", "absolute": "absolute error", "huber": "Huber loss",
                 "logcosh": "log-cosh loss", "poisson": "Poisson loss", "hinge": "hinge loss",
                 "margin": "margin loss over classes", "likelihood": "negated likelihood"}  # fmt: skip
        return ("smoothed " if self.smoothed else "") + names.get(self.name, "a loss of its own formula")


def candidates(logits: np.ndarray | None, prediction: np.ndarray) -> list[tuple[LossFormula, LossFunction, np.ndarray]]:
    """The formulas that a loss may follow, each with its function and what that takes; the first that fits counts."""
    several = prediction.shape[1] > 1
    listed: list[tuple[LossFormula, LossFunction, np.ndarray]] = []

    def add(name: str, of: str, row_loss: LossFunction, values: np.ndarray | None, *, by_class: bool = False) -> None:
        by_class = by_class or name in ("categorical", "likelihood", "margin")
        if values is not None and (several or not by_class):  # one unit is no distribution over classes
            listed.append((LossFormula(name=name, of=of, by_class=by_class), row_loss, values))

    def add_of_probabilities(of: str, values: np.ndarray | None) -> None:
        add("binary", of, formulas.binary_of_probabilities, values)
        add("binary", of, formulas.binary_of_clipped_logarithms, values)
        add("categorical", of, formulas.categorical_of_probabilities, values)
        add("categorical", of, formulas.categorical_of_clipped, values)
        add("categorical", of, formulas.categorical_unnormalised, values)

    def add_of_logits(of: str, values: np.ndarray | None) -> None:
        add("binary", of, formulas.binary_of_logits, values)
        add("categorical", of, formulas.categorical_of_logits, values)

    def add_focal(of: str, gamma: float, values: np.ndarray | None, classes: np.ndarray | None) -> None:
        """`values` are those of each unit by itself, `classes` those of the units as one distribution."""
        add("focal", of, formulas.focal(gamma, by_class=False), values)
        add("focal", of, formulas.focal(gamma, by_class=True), classes, by_class=True)

    inside = _inside(prediction)
    p = prediction if inside else None
    add_of_probabilities("prediction", p)
    add_of_logits("logits", logits)
    add_of_logits("prediction as logits", prediction)
    if not inside:
        add_of_probabilities("prediction clipped", prediction)
        for gamma in GAMMAS:
            add("focal", "prediction clipped", formulas.focal_of_clipped(gamma), prediction)
            of_class = formulas.focal(gamma, by_class=True)
            add("focal", "prediction clipped", of_class, formulas.shares(prediction), by_class=True)
    for gamma in GAMMAS:
        add_focal("prediction", gamma, p, p)
        of_shares = formulas.shares(prediction) if inside else None
        add("focal", "prediction", formulas.focal(gamma, by_class=True), of_shares, by_class=True)
        if logits is not None:
            add_focal("logits", gamma, expit(logits), np.exp(log_softmax(logits, axis=1)))
        add_focal("prediction as logits", gamma, expit(prediction), np.exp(log_softmax(prediction, axis=1)))
    add("binary", "labels", formulas.binary_of_labels, prediction)
    add("binary", "labels", formulas.binary_of_label_logits, prediction)
    add("categorical", "labels", formulas.categorical_of_labels, prediction)
    add("categorical", "labels", formulas.categorical_of_label_logits, prediction)
    add("likelihood", "prediction", formulas.likelihood, prediction)
    add("square", "prediction", formulas.square, prediction)
    add("absolute", "prediction", formulas.absolute, prediction)
    add("huber", "prediction", formulas.huber, prediction)
    add("hinge", "prediction", formulas.hinge(1), prediction)
    add("hinge", "prediction", formulas.hinge(2), prediction)
    add("logcosh", "prediction", formulas.logcosh, prediction)
    add("poisson", "prediction", formulas.poisson, prediction if prediction.min() >= 0 else None)
    add("poisson", "prediction", formulas.poisson_of_logarithms, prediction)
    add("margin", "prediction", formulas.margin, prediction)
    add("margin", "prediction", formulas.margins, prediction)
    for values in (prediction, logits):
        if values is not None:
            add("binary", "squashed logits", formulas.binary_of_logits, expit(values))
            soft = np.exp(log_softmax(values, axis=1))
            add("categorical", "squashed logits", formulas.categorical_of_logits, soft)
            add("likelihood", "squashed logits", formulas.likelihood, soft)
    return listed


def _inside(prediction: np.ndarray) -> bool:
    """Whether predictions are probabilities, but for a rounding."""
    return bool(prediction.min() >= 0 and prediction.max() <= 1 + 1e-6)


def match_formula(
    losses: np.ndarray, logits: np.ndarray | None, prediction: np.ndarray, classes: np.ndarray, dtype: str
) -> LossFormula:
    """The first formula that `losses` (n,) follow at moderate `logits` (n, K); the `prediction` is (n, K) too.

    Weights of a class, and a sum in the place of a mean, change a loss by a factor for each class; smoothing mixes in
    the loss of the other labels; a binary cross-entropy may weigh each of its units. All are allowed for.
    """
    if not np.isfinite(losses).all():
        return LossFormula()
    tolerance = TOLERANCE * (30 if "16" in dtype else 1)
    units = prediction.shape[1]
    hot = one_hot(classes, units)
    masks = [mask for label in (0, 1) if (mask := classes == label).any()]
    fits: list[tuple[float, LossFormula]] = []
    for mixed in (False, True):
        for formula, row_loss, values in candidates(logits, prediction):
            other_labels = (1 - hot) / (units - 1 if formula.by_class else 1)  # one class, or each unit by itself
            label_losses, other_losses = row_loss(values, hot), row_loss(values, other_labels)
            # a formula without a value has none of the loss
            if (mixed and not formula.logarithmic) or not np.isfinite(label_losses).all():
                continue
            # at another scale some of labels are absolute errors; that of a clip in 32 bits is 1 % off
            if formula.of == "labels" and (
                mixed or not 0.97 < np.abs(losses).sum() / np.abs(label_losses).sum() < 1.03
            ):
                continue
            misfit = max(
                _misfit(losses[mask], label_losses[mask], other_losses[mask] if mixed else None) for mask in masks
            )
            if misfit <= tolerance:
                fits.append((misfit, replace(formula, smoothed=mixed)))
    # where 16 bits allow for much, what fits far worse than another is not meant
    best = min((misfit for misfit, _ in fits), default=0.0)
    formula = next((formula for misfit, formula in fits if misfit <= max(TOLERANCE, 3 * best)), LossFormula())
    if formula.name or units == 1:
        return formula
    for of, row_loss, values in _of_units(logits, prediction):
        if max(_misfit_of_units(losses[mask], row_loss, values[mask], hot[mask]) for mask in masks) <= tolerance:
            return LossFormula(name="binary", of=of)
    return formula


def _of_units(logits: np.ndarray | None, prediction: np.ndarray) -> list[tuple[str, LossFunction, np.ndarray]]:
    """The binary cross-entropies whose units may have weights of their own."""
    return [
        ("prediction" if _inside(prediction) else "prediction clipped", formulas.binary_of_probabilities, prediction),
        *([] if logits is None else [("logits", formulas.binary_of_logits, logits)]),
        ("prediction as logits", formulas.binary_of_logits, prediction),
    ]


def _misfit_of_units(losses: np.ndarray, row_loss: LossFunction, values: np.ndarray, hot: np.ndarray) -> float:
    """How far the losses are from a positive sum of the first unit's loss, the second's, and that of all the others."""
    columns = [row_loss(values[:, part], hot[:, part]) for part in (slice(0, 1), slice(1, 2), slice(2, None))
               if values[:, part].size]  # fmt: skip
    scale = np.abs(losses).max()
    factors, residual = nnls(np.stack(columns, axis=1), losses)
    return float(residual / np.sqrt(len(losses)) / scale) if scale > 0 and (factors > 0).all() else np.inf


def _misfit(losses: np.ndarray, label_losses: np.ndarray, other_losses: np.ndarray | None) -> float:
    """How far the losses are from a positive multiple of `label_losses`, plus a smaller one of `other_losses` if given.

    Relative to the largest loss; infinite if there is no such multiple.
    """
    basis = label_losses[:, None] if other_losses is None else np.stack([label_losses, other_losses], axis=1)
    scale = np.abs(losses).max()
    factors, residual = nnls(basis, losses)
    mixes = len(factors) < 2 or factors[1] < factors[0]
    fits = scale > 0 and factors[0] > 0 and mixes
    return float(residual / np.sqrt(len(losses)) / scale) if fits else np.inf
