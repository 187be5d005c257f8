"""What is wrong with a random program, by training, evaluating and predicting it: no piece of the checker is used.

The model's last weights are set so that its logits are known. Each step of training then shows the loss and, by how
far the bias moves, the gradient at that logit; the right loss and the right metrics are worked out from what `predict`
returns, in NumPy and float64.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from check_random import BATCH, CROSS_ENTROPIES, FEATURES, Draw, build, encoded, rows
from scipy.special import log_expit, log_softmax
from scipy.stats import rankdata

MODERATE = (-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0)
REACHED = (4.0, 6.0, 8.0, 10.0, 12.0)  # a wrong answer must have a gradient here; at 13 to 17 both is right
FAR = (14.0, 15.0, 16.0, 20.0)  # but all has to be finite
GRID = np.array([*(-z for z in reversed(REACHED + FAR)), *MODERATE, *REACHED, *FAR])
NEAR = np.abs(GRID) <= 3
LOWEST = 0.05  # of the loss at a logit of 0: so low the loss of a right answer has to come
ROWS = 16 * BATCH


@dataclass
class Truth:
    """`wrong`: what is plainly wrong; `open`: what cannot be decided, so that either answer is right."""

    wrong: dict[str, str] = field(default_factory=dict)
    open: dict[str, str] = field(default_factory=dict)


def brute_force(one: Draw) -> Truth:
    """Judge one program."""
    truth = Truth()
    model, head = build(one)
    x, classes = data(one)
    y = encoded(one, classes)
    try:
        model.fit(rows(one, x[:BATCH]), y[:BATCH], verbose=0, batch_size=BATCH)
        _set_spread(head, one)
        told = model.evaluate(rows(one, x), y, verbose=0, batch_size=BATCH, return_dict=True)
    except Exception as error:
        truth.wrong["raises"] = str(error).strip().splitlines()[-1][:80] if str(error).strip() else repr(error)
        return truth
    if _mismatched(one):
        truth.open["labels"] = "of another encoding than the loss takes, and not refused"
    spread = _first(one, model.predict(rows(one, x), verbose=0, batch_size=BATCH))
    prediction, reported, right, slope, gradient = _sweep(model, head, one)
    _objective(truth, one, prediction, reported, right)
    if not np.isfinite(reported).all() or not np.isfinite(gradient).all():
        truth.wrong["not finite"] = "the loss or its gradient is infinite or nan"
    if _of_classes(one) and not one.logits and np.abs(spread.sum(axis=-1) - 1).max() > 0.02:
        truth.wrong["no distribution"] = "a loss of a distribution gets what does not sum to 1"
    _learning(truth, one, slope, gradient, reported)
    if _of_classes(one) and not truth.wrong and _cut_off(model, head, one):
        truth.wrong["cut off"] = "where the logits of all classes are low a wrong answer has no gradient"
    if one.metric != "none":
        value = next(value for name, value in told.items() if name != "loss")
        _metric(truth, one, float(value), spread, classes)
    return truth


def data(one: Draw) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, FEATURES) that tell their classes (n,), or their several labels (n, units), with noise."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(ROWS, FEATURES))
    if one.labels == "several":
        classes = rng.integers(0, 2, (ROWS, one.units))
        x[:, : one.units] += 2 * classes - 1
    elif one.units == 1:
        classes = np.arange(ROWS) % 2
        x[:, 0] += 2 * classes - 1
    else:
        classes = np.arange(ROWS) % one.units
        x[:, : one.units] += 1.5 * np.eye(one.units)[classes]
    return x, classes


def _mismatched(one: Draw) -> bool:
    hot = one.labels in ("one-hot", "several")
    return one.units > 1 and hot != (one.loss != "sparse")


def _of_classes(one: Draw) -> bool:
    """Whether the loss takes its units for one distribution."""
    return one.units > 1 and one.loss in CROSS_ENTROPIES and "binary" not in one.loss


def _direction(one: Draw) -> np.ndarray:
    """How z enters the units: for class 1, against class 0. A softmax sees the gap, other activations each unit."""
    if one.units == 1:
        return np.ones(1)
    paired = one.activation == "softmax" or (one.activation == "none" and one.loss not in ("binary", "binary focal"))
    return np.array([-1.0, 1.0, 0.0])[: one.units] * (0.5 if paired else 1.0)


def _rest(one: Draw) -> np.ndarray:
    """The logits of the units that z does not enter: under a loss of each unit the third says no."""
    alone = one.loss.startswith("binary") and one.activation != "softmax"
    return np.array([0.0, 0.0, -8.0 if alone else 0.0])[: one.units]


def _first(one: Draw, prediction: np.ndarray) -> np.ndarray:
    """(n, units): one position of each row."""
    return (prediction[:, 0] if one.steps else prediction).astype(np.float64)


def _set(head: Any, kernel: np.ndarray, bias: np.ndarray) -> None:
    head.set_weights([kernel.astype("float32"), bias.astype("float32")])


def _set_spread(head: Any, one: Draw) -> None:
    """Weights that make logits of both signs, in which one column is the larger."""
    kernel = (0.5 if one.units == 1 else 1.5) * np.eye(FEATURES)[:, : one.units]
    _set(head, kernel, np.array([0.0] if one.units == 1 else [0.0, 2.5, 0.0])[: one.units])


def _sweep(model: Any, head: Any, one: Draw) -> tuple[np.ndarray, ...]:
    """Over GRID: predictions (z, units); for each label reported and right loss, slope and gradient (2, z[, units])."""
    direction = _direction(one)
    kernel = np.zeros((FEATURES, one.units))
    kernel[0], kernel[1] = direction, _rest(one)
    _set(head, kernel, np.zeros(one.units))
    x = np.zeros((len(GRID), FEATURES))
    x[:, 0], x[:, 1] = GRID, 1
    prediction = _first(one, model.predict(rows(one, x), verbose=0, batch_size=BATCH))
    reported, right = np.zeros((2, len(GRID))), np.zeros((2, len(GRID)))
    gradient = np.zeros((2, len(GRID), one.units))
    same = np.zeros((BATCH, FEATURES))
    same[:, :2] = 1
    for label in (0, 1):
        y = encoded(one, np.full(BATCH, label))
        if one.labels == "several":
            y = encoded(one, np.tile(np.eye(one.units)[label], (BATCH, 1)).astype(int))
        for at, z in enumerate(GRID):
            kernel[0] = z * direction
            _set(head, kernel, np.zeros(one.units))
            reported[label, at] = float(model.train_on_batch(rows(one, same), y, return_dict=True)["loss"])
            gradient[label, at] = -head.get_weights()[1]  # the rate is 1 and the bias was 0
            right[label, at] = right_loss(one, prediction[at], label)
    return prediction, reported, right, gradient @ direction, gradient


def _cut_off(model: Any, head: Any, one: Draw) -> bool:
    """Whether a wrong answer has no gradient once all units are 8 lower."""
    same = np.zeros((BATCH, FEATURES))
    same[:, 0] = 1
    kernel, bias = np.zeros((FEATURES, one.units)), np.full(one.units, -8.0)
    moved = []
    for label in (0, 1):
        kernel[0] = (1 - 2 * label) * _direction(one)
        _set(head, kernel, bias)
        model.train_on_batch(rows(one, same), encoded(one, np.full(BATCH, label)))
        moved.append(np.abs(head.get_weights()[1] - bias).max())
    return min(moved) == 0


def target(one: Draw, label: int) -> np.ndarray:
    """The label of each unit, (units,), as a loss of units means it."""
    low, high = one.values
    if one.units == 1:
        return np.array([low + (high - low) * label], float)
    if one.labels in ("one-hot", "several"):
        return low + (high - low) * np.eye(one.units)[label]
    number = low + (high - low) * label if one.units == 2 else low + label
    if one.loss == "sparse":
        return np.eye(one.units)[number] if 0 <= number < one.units else np.full(one.units, np.nan)
    return np.full(one.units, float(number))


def right_loss(one: Draw, prediction: np.ndarray, label: int) -> float:
    """The loss that the program names, of what it predicts for one row, by its textbook formula; nan if it has none."""
    y, p = target(one, label), prediction
    if one.loss in ("binary", "categorical"):
        y = y * (1 - one.smoothed) + one.smoothed / (2 if one.loss == "binary" else one.units)
    with np.errstate(all="ignore"):
        if one.loss == "square":
            return float(((p - y) ** 2).mean())
        if one.loss == "absolute":
            return float(np.abs(p - y).mean())
        if one.loss == "huber":
            gap = np.abs(p - y)
            return float(np.where(gap <= 1, gap**2 / 2, gap - 0.5).mean())
        if one.loss == "hinge":
            sign = 2 * y - 1 if one.values == (0, 1) else y
            return float(np.maximum(0, 1 - sign * p).mean())
        if one.loss.startswith("binary"):
            yes = log_expit(p) if one.logits else np.log(p)
            no = log_expit(-p) if one.logits else np.log1p(-p)
            power = 2.0 if "focal" in one.loss else 0.0
            parts = np.where(y == 0, 0, y * yes * (-np.expm1(yes)) ** power)
            parts = parts + np.where(y == 1, 0, (1 - y) * no * (-np.expm1(no)) ** power)
            return float(-parts.mean())
        log = log_softmax(p) if one.logits else np.log(p)
        scale = 0.25 * (1 - np.exp(log)) ** 2 if "focal" in one.loss else 1.0
        return float(-np.where(y == 0, 0, y * log * scale).sum())


def _objective(truth: Truth, one: Draw, prediction: np.ndarray, reported: np.ndarray, right: np.ndarray) -> None:
    """Whether the loss that is minimised is that of the prediction, and can be met."""
    cross_entropy = one.loss in CROSS_ENTROPIES
    narrow = "16" in one.dtype
    if np.ptp(prediction, axis=0).max() < 1e-6:
        truth.wrong["constant"] = f"the prediction is always {prediction[0, -1]:.3g}"
    if cross_entropy and not one.logits:
        low, high = prediction[NEAR].min(), prediction[NEAR].max()
        if low < -1e-3 or high > 1 + 1e-3:
            truth.wrong["range"] = f"a loss of probabilities gets {low:.3g} to {high:.3g}"
    gap = np.abs(reported - right)[:, NEAR]
    room = (0.06 if narrow else 0.02) * (1 + np.abs(right[:, NEAR]))
    if (gap > room).any():
        truth.wrong["disagrees"] = f"what is minimised is not the loss of predict(), by {np.nanmax(gap):.3g}"
    if cross_entropy and reported.min() < -0.05:
        truth.wrong["negative"] = f"a cross-entropy goes down to {reported.min():.3g}"
    elif np.isfinite(right).any(axis=1).all():
        excess = right - _entropy(one)
        if not cross_entropy and one.units == 1:  # a label between two predictions can be met, if not on the grid
            low, high = prediction.min(), prediction.max()
            excess -= [[row.min() if low <= target(one, at)[0] <= high else 0.0] for at, row in enumerate(excess)]
        lowest = (np.nanmin(np.where(np.isfinite(excess), excess, np.nan), axis=1) / excess[:, GRID == 0][:, 0]).max()
        # of several units of an error no point of the grid may be the one that fits
        if lowest > (0.3 if one.smoothed else LOWEST) and (cross_entropy or (one.units == 1 and one.loss != "hinge")):
            truth.wrong["floor"] = f"the loss of a right answer never falls below {lowest:.0%} of that of no answer"
    reached = prediction.min() - 1e-3, prediction.max() + 1e-3
    if one.loss == "hinge" and (reached[0] > -0.95 or reached[1] < 0.95):
        truth.wrong["reach"] = f"a hinge loss wants -1 and 1, and gets {reached[0]:.3g} to {reached[1]:.3g}"
    met = reached[0] <= min(one.values) and max(one.values) <= reached[1]
    if one.loss in ("square", "absolute", "huber") and one.labels in ("one-hot", "several") and not met:
        truth.wrong["reach"] = f"labels {one.values}, and predictions from {reached[0]:.3g} to {reached[1]:.3g}"
    if one.loss.startswith("binary") and not set(one.values) <= {0, 1}:
        truth.wrong["labels"] = "a cross-entropy of units gets labels beyond 0 and 1, of which it has no floor"
    if one.labels == "several" and one.activation == "softmax":
        truth.wrong["labels"] = "what sums to 1 gets labels that do not"
    sums = encoded(one, np.arange(2)).sum(axis=-1)
    spread = one.labels == "several" or (one.labels == "one-hot" and np.abs(sums - 1).max() > 1e-6)
    if _of_classes(one) and one.loss != "sparse" and spread:
        truth.wrong["labels"] = "a loss of a distribution gets labels that do not sum to 1"


def _entropy(one: Draw) -> float:
    """The lowest cross-entropy with smoothed labels: their entropy."""
    if not one.smoothed:
        return 0.0
    s, k = one.smoothed, 2 if one.loss == "binary" else one.units
    rest = np.array([1 - s + s / k, *[s / k] * (k - 1)])
    return float(-(rest * np.log(rest)).sum())


def _learning(truth: Truth, one: Draw, slope: np.ndarray, gradient: np.ndarray, reported: np.ndarray) -> None:
    """Whether a wrong answer moves the weights, and towards its label."""
    flat = (gradient[..., :2] == 0).all(axis=-1)
    if flat.all(axis=1).any():
        truth.wrong["stuck"] = "no logit has a gradient"
        return
    if one.units > 1 and np.allclose(reported, reported[:, ::-1], rtol=0.02):
        truth.wrong["alike"] = "the loss does not tell one unit from another"
    if one.form == "reshaped" and one.loss in CROSS_ENTROPIES and one.activation != "none":
        truth.open["clipped"] = "a layer has lost the logits, which shows only where they are large, beyond the grid"
    for label in (0, 1):
        wrong = (GRID > 0) if label == 0 else (GRID < 0)
        reach = wrong & (np.abs(GRID) <= max(REACHED))
        if flat[label, reach].any():
            start = np.abs(GRID[reach & flat[label]]).min()
            text = f"label {label} is not learnt from a logit of {start:g} on"
            (truth.wrong if one.loss in CROSS_ENTROPIES else truth.open)["dead"] = text
        near = wrong & NEAR
        if (slope[label, near] * (1 if label == 0 else -1) < -1e-6).all():
            (truth.wrong if one.loss in CROSS_ENTROPIES else truth.open)["away"] = "a step makes wrong answers worse"


def _metric(truth: Truth, one: Draw, value: float, prediction: np.ndarray, classes: np.ndarray) -> None:
    """Whether the metric that is reported is the one of the classes that the program decides on."""
    if truth.wrong:
        return
    right = right_metric(one, prediction, classes)
    if not right or not np.isfinite(value):
        truth.open["metric"] = "which value is right is a matter of opinion"
        return
    gap = min(abs(value - each) for each in right)
    if gap > 0.03:
        truth.wrong["metric"] = f"{one.metric} is {value:.3f}; right is {right[0]:.3f}"
    elif gap > 0.008:
        truth.open["metric"] = f"{one.metric} is {value:.3f}; right is {right[0]:.3f}"


def right_metric(one: Draw, prediction: np.ndarray, classes: np.ndarray) -> list[float]:
    """The values that the program's metric may rightly have; none if that cannot be told."""
    hot = classes if one.labels == "several" else classes[:, None] if one.units == 1 else np.eye(one.units)[classes]
    if one.activation in ("relu", "softplus", "tanh") or one.values != (0, 1):
        return []
    squashed = one.activation in ("sigmoid", "hard_sigmoid", "softmax")  # all on one side of 0
    middle = 0.0 if one.logits or (one.loss == "hinge" and not squashed) else 0.5
    if one.metric == "threshold 0" and one.activation == "none" and not one.logits:
        return []  # a cut of one's own
    by_class = one.units > 1 and one.labels != "several"
    alone = by_class and one.loss.startswith("binary") and one.activation != "softmax"  # each unit by itself
    decided = np.eye(one.units)[prediction.argmax(axis=-1)] if by_class else (prediction > middle).astype(float)
    if "acc" in one.metric or "threshold" in one.metric:
        whole = float((decided == hot).all(axis=-1).mean())
        if not by_class:
            return [float((decided == hot).mean()), whole]
        if one.metric in ("binary_accuracy", "threshold 0", "threshold 0.5") and one.activation != "softmax":
            return [whole, float(((prediction > middle) == hot).mean())] if alone else []
        return [whole]
    if one.units != 1 and not (one.units == 2 and by_class and one.activation == "softmax"):
        return []
    yes, score, positive = hot[:, -1] == 1, prediction[:, -1], decided[:, -1]
    if one.metric == "Precision":
        return [float(positive[yes].sum() / max(positive.sum(), 1))]
    if one.metric == "Recall":
        return [float(positive[yes].mean())]
    ranks, count = rankdata(score), yes.sum()
    return [float((ranks[yes].sum() - count * (count + 1) / 2) / (count * (~yes).sum()))]
