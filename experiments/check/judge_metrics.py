"""The metrics of a program against the right values, on predictions whose classes are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, softmax

from experiments.check.formula_match import ERRORS
from experiments.check.judge import Observation
from experiments.check.judge_labels import continuous
from experiments.check.labels import Encoding, one_hot
from experiments.check.messages import one_line
from experiments.check.record import Metric, Output, Tail
from experiments.check.sweep import Sweep

CALLS = 60  # of the tail: so many times its rows are predicted
SAMPLES = ((1.5, 2.0), (0.7, -1.0))  # two samples: a wrong value may be the right one of one of them by chance
# an area, or a best threshold, of probabilities: the right value is that of the right probabilities
OPERATING_POINT = ("sensitivityatspecificity", "specificityatsensitivity", "precisionatrecall", "recallatprecision")
COUNTS = ("truepositives", "truenegatives", "falsepositives", "falsenegatives")
FAMILIES = (*OPERATING_POINT, *COUNTS, "accuracy", "precision", "recall", "auc", "crossentropy", "f1", "fbeta", "iou")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Rows whose classes and probabilities are known.

    `truth`: in the program's encoding; `prediction`: the program's; `probabilities`: the right ones, laid out like the
    prediction; `hot`: (positions, units), 0 or 1; `positive`: (positions, units), what each unit is decided to be. A
    row has one position, or as many as a sequence or a map has. `by_class`: whether one unit of a position is right;
    `per_unit`: whether the loss counts them one by one all the same.
    """

    truth: np.ndarray
    prediction: np.ndarray
    probabilities: np.ndarray
    hot: np.ndarray
    positive: np.ndarray
    by_class: bool
    per_unit: bool


def metrics(output: Output, tail: Tail, sweep: Sweep) -> Iterator[Observation]:
    """What is wrong with the metrics of an output: once for each finding and metric."""
    if not output.metrics:
        return
    regression = _regression(output, sweep)
    trials = [] if regression else [
        trial for sample in SAMPLES if (trial := _trial(output, tail, sweep, *sample)) is not None
    ]
    unjudged = []
    for metric in output.metrics:
        family = next((name for name in FAMILIES if name in metric.kind.lower()), "")
        # of the k most probable classes: the right value is not the accuracy
        family = "" if "topk" in metric.kind.lower().replace("_", "") else family
        if regression:
            if family == "accuracy":
                yield "accuracy_of_a_regression", f"{metric.name!r} is an accuracy, and the program predicts a number."
        elif verdict := next(
            (verdict for trial in trials if (verdict := _judge(metric, family, trial, output, sweep))), None
        ):
            yield verdict
        elif family and not trials:
            unjudged.append(metric.name)
    if unjudged:
        yield "not_measured", f"The right value of {', '.join(unjudged)} is not known for a prediction of this layout."


def _regression(output: Output, sweep: Sweep) -> bool:
    if continuous(output.labels):
        return True
    fits_numbers = sweep.formula.name in ERRORS and not sweep.predicts_probabilities
    return output.labels is None and fits_numbers and output.units == 1


def _trial(output: Output, tail: Tail, sweep: Sweep, noise: float, tilt: float) -> Trial | None:
    """Predictions of rows of known classes; None where logits have another number of units than the prediction.

    Where they have other positions than the prediction, as before a pooling, all positions of a row share their logits.

    `noise`: the standard deviation of the logits; `tilt`: what is added to those of the second of several classes.
    """
    if sweep.logits is None and tail.shape[-1:] != output.shape[-1:]:
        return None
    rng = np.random.default_rng(0)
    units, positions = output.units, int(np.prod(output.shape[:-1], dtype=int))
    size = int(np.prod(tail.shape, dtype=int))
    shared_logits = size == units or sweep.logits is None  # the positions of a row share their logits
    calls = CALLS if shared_logits else max(2, -(-CALLS // positions))
    rows = calls * tail.rows
    multi = _multilabel(output, sweep)
    by_class = units > 1 and not multi
    classes: np.ndarray = rng.integers(0, max(units, 2), rows if shared_logits else rows * positions)
    hot: np.ndarray = rng.integers(0, 2, (len(classes), units)) if multi else one_hot(classes, units)
    z: np.ndarray = 2.0 * hot - 1 + rng.normal(scale=noise, size=hot.shape)
    if by_class:
        z[:, 1] += tilt  # classes that are alike in all would hide that their columns are counted together
    each = z
    if shared_logits:
        classes, hot, z = (np.repeat(np.asarray(array), positions, axis=0) for array in (classes, hot, z))
    truth = _encoded(sweep.encoding, hot, classes, rows)
    if truth is None:
        return None
    logits = each + _decision_logit(tail, sweep)
    if shared_logits and size > units:
        logits = np.broadcast_to(logits.reshape(rows, *[1] * (len(tail.shape) - 1), units), (rows, *tail.shape))
    parts = np.split(logits.reshape(rows, *tail.shape), calls)
    label = sweep.encoding.all(1, tail.rows)
    prediction = np.concatenate([tail(part, label).prediction for part in parts]).astype(np.float32)
    probabilities = softmax(z, axis=1) if by_class else expit(z)
    positive = np.eye(units)[prediction.reshape(hot.shape).argmax(axis=1)] if by_class else z > 0
    return Trial(
        truth=truth, prediction=prediction,
        probabilities=probabilities.reshape(prediction.shape).astype(np.float32), hot=hot,
        positive=positive.astype(float), by_class=by_class,
        per_unit=not sweep.sums_to_one and sweep.formula.name in ("binary", "focal") and not sweep.formula.by_class,
    )  # fmt: skip


def _decision_logit(tail: Tail, sweep: Sweep) -> float:
    """The logit where the classes meet: 0; of an error, where it is as large for the one label as for the other."""
    if sweep.formula.name not in ERRORS:
        return 0.0
    if sweep.prediction.shape[-1] > 1:
        return 0.5 if sweep.predicts_logits else 0.0

    def gap(z: float) -> float:
        logits = np.full((tail.rows, *tail.shape), z)
        return tail(logits, sweep.encoding.all(0, tail.rows)).loss - tail(logits, sweep.encoding.all(1, tail.rows)).loss

    least, most = sorted((gap(-3), gap(3)))
    return float(brentq(gap, -3, 3, xtol=1e-3)) if least < 0 < most else 0.0


def _encoded(encoding: Encoding, hot: np.ndarray, classes: np.ndarray, rows: int) -> np.ndarray | None:
    """Labels of rows whose positions have these classes; None if a row has not one label a position."""
    low, high = encoding.values
    values = hot if encoding.onehot else low + (high - low) * classes
    size = rows * int(np.prod(encoding.shape, dtype=int))
    return values.reshape(rows, *encoding.shape).astype(encoding.dtype) if values.size == size else None


def _multilabel(output: Output, sweep: Sweep) -> bool:
    """Whether each unit has a label of its own: rows of the labels do not sum to 1, or the loss counts units alone."""
    if output.units == 1 or not sweep.encoding.onehot or sweep.sums_to_one:
        return False
    if output.labels is not None:
        return bool((output.labels.sum(axis=-1) != 1).any())
    return sweep.formula.name in ("binary", "focal") and not sweep.formula.by_class


def _judge(metric: Metric, family: str, trial: Trial, output: Output, sweep: Sweep) -> Observation | None:
    expected = _expected_values(trial) | dict.fromkeys(
        OPERATING_POINT, lambda: [metric.value(trial.truth, trial.probabilities)]
    )
    names = [family] if family else [name for name in expected if name not in OPERATING_POINT]
    allowed = [value for name in names for value in expected[name]()]
    try:
        value = metric.value(trial.truth, trial.prediction)
        if metric.threshold not in (None, 0.5):  # the user's own cut
            permuted = metric.value(trial.truth, np.roll(trial.prediction, 1, axis=0))  # predictions of other rows
            message = f"{metric.name!r} with the threshold {metric.threshold:g} is {value:.3f} whatever is predicted."
            return ("metric_is_constant", message) if family and value == permuted else None
    except Exception as error:  # as `fit` would raise
        return "program_raises", f"The metric {metric.name!r} raises {one_line(error)}"
    tolerance = 0.5 if family in COUNTS else 0.02 if family == "auc" or not family else 0.01
    if any(abs(value - candidate) <= tolerance for candidate in allowed) or not np.isfinite(value):
        return None
    message = f"On {len(trial.truth)} rows whose classes are known {metric.name!r} gives {value:.3f}; right is " + (
        f"{allowed[0]:.3f}."
    )
    if not sweep.predicts_probabilities:
        of_probabilities = metric.value(trial.truth, trial.probabilities)
        if any(abs(of_probabilities - candidate) <= tolerance for candidate in allowed):
            thresholded = family in (*COUNTS, "accuracy", "precision", "recall", "f1", "fbeta", "iou")
            return ("metric_cuts_the_logit" if thresholded or not family else "metric_of_logits"), message
    if not family:
        return None
    if family == "accuracy":
        over_columns = trial.by_class and "binary" in metric.kind.lower()
        return "metric_over_columns" if over_columns else "accuracy_of_other_labels", message
    if trial.by_class and output.units == 2 and family != "iou" and (sweep.sums_to_one or sweep.formula.by_class):
        return "metric_over_columns", message
    permuted = metric.value(trial.truth, np.roll(trial.prediction, 1, axis=0))  # predictions of other rows
    return (
        ("metric_is_constant", f"{metric.name!r} is {value:.3f} whatever is predicted.") if value == permuted else None
    )


def _expected_values(trial: Trial) -> dict[str, Callable[[], list[float]]]:
    """The values that a metric of each family may rightly have; the first is the one to name."""
    hot, positive, probabilities = trial.hot, trial.positive, trial.probabilities.reshape(trial.hot.shape)
    columns = list(reversed(range(hot.shape[1]))) if trial.by_class else list(range(hot.shape[1]))
    pairs = [(hot[:, column], positive[:, column], probabilities[:, column]) for column in columns]
    if not trial.by_class and len(columns) > 1:
        pairs.insert(0, (hot.ravel(), positive.ravel(), probabilities.ravel()))
    clipped = np.clip(probabilities, 1e-7, 1 - 1e-7)

    def accuracy() -> list[float]:
        if trial.by_class:
            of_columns = [float((hot == (trial.prediction.reshape(hot.shape) > 0.5)).mean())] if trial.per_unit else []
            return [float((hot.argmax(axis=1) == positive.argmax(axis=1)).mean()), *of_columns]
        each = float((hot == positive).mean())
        return [each, float((hot == positive).all(axis=1).mean())] if hot.shape[1] > 1 else [each]

    def precision() -> list[float]:
        return [float(p[h == 1].sum() / max(p.sum(), 1)) for h, p, _ in pairs]

    def recall() -> list[float]:
        return [float(p[h == 1].mean()) for h, p, _ in pairs]

    def f1() -> list[float]:
        values = [2 * a * b / max(a + b, 1e-9) for a, b in zip(precision(), recall(), strict=True)]
        return [*values, float(np.mean(values))]

    def iou() -> list[float]:
        parts = [[(h * p).sum() / max((h + p > 0).sum(), 1) for h, p in ((1 - h, 1 - p), (h, p))] for h, p, _ in pairs]
        values = [float(np.mean(part)) for part in (*parts, *np.ravel(parts))]
        return [*values, float(np.mean(values))]

    def auc() -> list[float]:
        values = [_area(h, c) for h, _, c in pairs]
        return [*values, float(np.mean(values))]

    def crossentropy() -> list[float]:
        likelihood = float(-(hot * np.log(clipped)).sum(axis=1).mean())
        binary = float(-(hot * np.log(clipped) + (1 - hot) * np.log(1 - clipped)).mean())
        return [likelihood, binary] if trial.by_class else [binary]

    def count(true: int, yes: int) -> Callable[[], list[float]]:
        return lambda: [float(((h == true) & (p == yes)).sum()) for h, p, _ in pairs]

    return {
        "truepositives": count(1, 1), "truenegatives": count(0, 0), "falsepositives": count(0, 1),
        "falsenegatives": count(1, 0), "accuracy": accuracy, "precision": precision, "recall": recall, "f1": f1,
        "fbeta": f1, "auc": auc, "iou": iou, "crossentropy": crossentropy,
    }  # fmt: skip


def _area(hot: np.ndarray, probabilities: np.ndarray) -> float:
    """The area under the ROC curve, from ranks (Mann and Whitney 1947)."""
    from scipy.stats import rankdata  # half a second, for areas alone

    ranks, yes = rankdata(probabilities), hot == 1
    count = yes.sum()
    return float((ranks[yes].sum() - count * (count + 1) / 2) / max(count * (len(hot) - count), 1))
