"""The metrics of a program against the right values, on predictions whose classes are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax
from scipy.stats import rankdata

from experiments.check.judge import Seen
from experiments.check.judge_labels import continuous
from experiments.check.record import Metric, Output, Tail
from experiments.check.sweep import Sweep

CALLS = 60  # of the tail: so many times its rows are predicted
FAMILIES = ("accuracy", "precision", "recall", "auc", "crossentropy", "f1", "fbeta")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Rows whose classes and probabilities are known.

    `truth`: in the program's encoding; `prediction`: the program's; `chances`: the right probabilities, laid out like
    the prediction; `hot`: (n, units), 0 or 1; `positive`: (n, units), what each unit is decided to be.
    """

    truth: np.ndarray
    prediction: np.ndarray
    chances: np.ndarray
    hot: np.ndarray
    positive: np.ndarray
    by_class: bool


def metrics(output: Output, tail: Tail, found: Sweep) -> Iterator[Seen]:
    """What is wrong with the metrics of an output: once for each finding and metric."""
    if not output.metrics:
        return
    regression = _regression(output, found)
    trial = _trial(output, tail, found)
    for metric in output.metrics:
        family = next((name for name in FAMILIES if name in metric.kind.lower()), "")
        if regression:
            if family == "accuracy":
                yield "accuracy_of_a_regression", f"{metric.name!r} is an accuracy, and the program predicts a number."
        elif trial is not None and (seen := _judge(metric, family, trial, output, found)):
            yield seen


def _regression(output: Output, found: Sweep) -> bool:
    if continuous(output.labels):
        return True
    fits_numbers = found.meaning.name in ("square", "absolute") and not found.probabilities
    return output.labels is None and fits_numbers and output.units == 1


def _trial(output: Output, tail: Tail, found: Sweep) -> Trial | None:
    """Predictions of rows of known classes; None where logits are not laid out as the prediction is."""
    if found.logits is None or len(output.shape) > 1:
        return None
    rng = np.random.default_rng(0)
    units, rows = output.units, CALLS * tail.rows
    multi = _multilabel(output, found)
    by_class = units > 1 and not multi
    classes = rng.integers(0, max(units, 2), rows)
    hot = rng.integers(0, 2, (rows, units)) if multi else classes[:, None] if units == 1 else np.eye(units)[classes]
    z = 2.0 * hot - 1 + rng.normal(scale=1.5, size=hot.shape)
    if by_class:
        z[:, 1] += 2.0  # classes that are alike in all would hide that their columns are counted together
    # under a squared error on a linear unit the classes meet at 0.5
    middle = 0.5 if found.identical and found.meaning.name in ("square", "absolute") else 0.0
    parts = np.split((z + middle).reshape(rows, *tail.shape), CALLS)
    label = found.encoding.all(1, tail.rows)
    prediction = np.concatenate([tail(part, label).prediction for part in parts]).astype(np.float32)
    chances = softmax(z, axis=-1) if by_class else expit(z)
    positive = np.eye(units)[z.argmax(axis=-1)] if by_class else z > 0
    truth = hot.reshape(rows, *found.encoding.shape).astype(found.encoding.dtype) if multi else (
        found.encoding.rows(classes)
    )
    return Trial(
        truth=truth, prediction=prediction, chances=chances.reshape(prediction.shape).astype(np.float32), hot=hot,
        positive=positive.astype(float), by_class=by_class,
    )  # fmt: skip


def _multilabel(output: Output, found: Sweep) -> bool:
    """Whether each unit has a label of its own: rows of the labels do not sum to 1, or the loss counts units alone."""
    if output.units == 1 or not found.encoding.onehot or found.sums_to_one:
        return False
    if output.labels is not None:
        return bool((output.labels.sum(axis=-1) != 1).any())
    return found.meaning.name in ("binary", "focal")


def _judge(metric: Metric, family: str, trial: Trial, output: Output, found: Sweep) -> Seen | None:
    if metric.threshold not in (None, 0.5):  # the user's own cut
        return None
    right = _right(trial)
    allowed = right[family] if family in right else [value for values in right.values() for value in values]
    try:
        value = metric.value(trial.truth, trial.prediction)
    except Exception as error:  # as `fit` would raise
        return "program_raises", f"The metric {metric.name!r} raises {type(error).__name__}: {str(error)[:150]}"
    room = 0.02 if family == "auc" or not family else 0.01
    if any(abs(value - one) <= room for one in allowed) or not np.isfinite(value):
        return None
    told = f"On {len(trial.truth)} rows whose classes are known {metric.name!r} gives {value:.3f}; right is " + (
        f"{allowed[0]:.3f}."
    )
    if not found.probabilities:
        of_chances = metric.value(trial.truth, trial.chances)
        if any(abs(of_chances - one) <= room for one in allowed):
            cut = family in ("accuracy", "precision", "recall", "f1", "fbeta")
            return ("metric_cuts_the_logit" if cut or not family else "metric_of_logits"), told
    if not family:
        return None
    columns = output.units > 1 and trial.by_class
    if family == "accuracy":
        over_columns = columns and "binary" in metric.kind.lower()
        return "metric_over_columns" if over_columns else "accuracy_of_other_labels", told
    if columns and output.units == 2 and found.sums_to_one:
        return "metric_over_columns", told
    return None


def _right(trial: Trial) -> dict[str, list[float]]:
    """The values that a metric of each family may rightly have; the first is the one to name."""
    hot, positive, chances = trial.hot, trial.positive, trial.chances.reshape(trial.hot.shape)
    if trial.by_class:
        accuracy = [float((hot.argmax(-1) == positive.argmax(-1)).mean())]
        columns = list(reversed(range(hot.shape[-1])))
    else:
        accuracy = [float((hot == positive).mean()), float((hot == positive).all(axis=-1).mean())]
        accuracy = accuracy[: hot.shape[-1]] if hot.shape[-1] == 1 else accuracy
        columns = list(range(hot.shape[-1]))
    pairs = [(hot[:, one], positive[:, one], chances[:, one]) for one in columns]
    if not trial.by_class and len(columns) > 1:
        pairs.insert(0, (hot.reshape(-1), positive.reshape(-1), chances.reshape(-1)))
    precision = [float(p[h == 1].sum() / max(p.sum(), 1)) for h, p, _ in pairs]
    recall = [float(p[h == 1].mean()) for h, p, _ in pairs]
    f1 = [2 * a * b / max(a + b, 1e-9) for a, b in zip(precision, recall, strict=True)]
    area = [_area(h, c) for h, _, c in pairs]
    clipped = np.clip(chances, 1e-7, 1 - 1e-7)
    likelihood = -(hot * np.log(clipped)).sum(-1).mean()
    binary = -(hot * np.log(clipped) + (1 - hot) * np.log(1 - clipped)).mean()
    return {
        "accuracy": accuracy, "precision": precision, "recall": recall, "f1": [*f1, float(np.mean(f1))],
        "fbeta": [*f1, float(np.mean(f1))], "auc": [*area, float(np.mean(area))],
        "crossentropy": [float(likelihood), float(binary)] if trial.by_class else [float(binary)],
    }  # fmt: skip


def _area(hot: np.ndarray, chances: np.ndarray) -> float:
    """The area under the ROC curve, from ranks (Mann and Whitney 1947)."""
    ranks, yes = rankdata(chances), hot == 1
    count = yes.sum()
    return float((ranks[yes].sum() - count * (count + 1) / 2) / max(count * (len(hot) - count), 1))
