"""The labels and weights of a program against the loss that takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from experiments.check.formula_match import ERRORS
from experiments.check.judge import Observation
from experiments.check.record import Output
from experiments.check.rolled_classes import ignores_labels
from experiments.check.sweep import Sweep

MIN_ROWS = 8  # rows of one class alone that say something
MAX_OUTLIERS = 0.05  # of the labels: so many may lie beyond what can be predicted, as outliers of a regression do


def continuous(labels: np.ndarray | None) -> bool:
    """Whether the labels are those of a regression: not whole numbers, and not within 0 and 1."""
    if labels is None or labels.dtype.kind not in "fiu" or not labels.size:
        return False
    finite = labels[np.isfinite(labels)].astype(float)
    outside = finite.size > 0 and bool(finite.min() < 0 or finite.max() > 1)
    return outside and (bool((finite != np.round(finite)).any()) or len(np.unique(finite)) > max(20, len(finite) / 2))


def labels(output: Output, sweep: Sweep | None) -> Iterator[Observation]:
    """What is wrong with the labels of an output."""
    truth = output.labels
    if truth is None or not truth.size:
        return
    if truth.dtype.kind not in "biuf":
        yield "program_raises", f"The labels are no numbers but of the type {truth.dtype}."
        return
    values = truth.astype(float)
    if not np.isfinite(values).all():
        yield "labels_not_finite", f"{int((~np.isfinite(values)).sum())} of {values.size} labels are nan or infinite."
        return
    low, high = values.min(), values.max()
    span = f"The labels go from {low:g} to {high:g}"
    shape = " x ".join(map(str, truth.shape))
    if not _shape_fits(output, truth):
        units = f"{output.units} unit{'s' * (output.units > 1)}"
        yield "labels_and_units_differ", f"The labels are {shape}; the prediction of a row has {units}."
        return
    onehot = output.units > 1 and truth.shape[1:] == output.shape
    sparse = output.units > 1 and not onehot
    numbers = np.unique(values)
    outside = [float(number) for number in numbers if number < 0 or number >= output.units]
    no_class = bool(outside) or bool((values != np.round(values)).any())
    if sparse and sweep and 0 < len(outside) < min(len(numbers), 4) and ignores_labels(output, sweep.encoding, outside):
        no_class = bool((values != np.round(values)).any())
    if output.raised and not (output.refused and sweep):
        yield _raised(output, truth, span if sparse and no_class else "")
        return
    formula_name = sweep.formula.name if sweep else ""
    by_class = sweep is not None and sweep.formula.by_class and formula_name != "likelihood"
    if sparse and no_class:
        yield "label_names_no_unit", f"{span}; the units of the last layer from 0 to {output.units - 1}."
    elif formula_name in ("binary", "focal") and not by_class and not sparse and not _takes(sweep, low, high):
        yield "labels_are_no_probabilities", f"{span}; the loss takes numbers from 0 to 1."
    elif onehot and (by_class or (sweep is not None and sweep.sums_to_one)):
        total = values.sum(axis=-1)
        if np.abs(total - 1).max() > 1e-3:
            yield "several_labels_for_one_class", f"The labels of a row sum to {total.min():g} to {total.max():g}."
    elif sweep and formula_name in ERRORS and not sparse:
        lowest, highest = sweep.prediction_range
        if ((values < lowest - 1e-3) | (values > highest + 1e-3)).mean() > MAX_OUTLIERS:
            yield "labels_out_of_reach", f"{span}; the prediction from {lowest:.3g} to {highest:.3g}."
    classes = values.argmax(axis=-1) if onehot else values
    single = onehot and not (values.sum(axis=-1) == 1).all()
    if output.complete and not single and len(truth) >= MIN_ROWS and len(np.unique(classes)) == 1:
        yield "one_class_only", f"All {len(truth)} labels are {np.unique(classes)[0]:g}."


def _takes(sweep: Sweep | None, low: float, high: float) -> bool:
    """Whether a loss of probabilities takes labels from `low` to `high`: such as it was measured with."""
    values = (0.0, 1.0) if sweep is None else sweep.encoding.values
    return min(values) <= low and high <= max(values)


def _raised(output: Output, truth: np.ndarray, span: str) -> Observation:
    """The name of what a framework refuses; `span`: the span of labels that are numbers of no unit."""
    message = f"On its own first rows: {output.raised}."
    shape = " x ".join(map(str, truth.shape))
    if output.raised.startswith("its metrics"):
        return "program_raises", message
    if "target should be between 0 and 1" in output.raised:  # PyTorch's BCELoss
        return "labels_are_no_probabilities", message
    if output.units == 1 and any(text in output.raised for text in ("out of bounds", "outside the valid range")):
        return "one_unit_categorical", message
    if span:
        return "label_names_no_unit", f"{span}; the units of the last layer from 0 to {output.units - 1}."
    if output.units > 1 and truth.shape[1:] == output.shape:
        return "one_hot_labels_for_integers", f"The labels are {shape}, and the loss refuses them: {output.raised}."
    if output.units > 1:
        return "integer_labels_for_one_hot", f"The labels are {shape}, and the loss refuses them: {output.raised}."
    return "program_raises", message


def _shape_fits(output: Output, truth: np.ndarray) -> bool:
    """Whether labels have a shape that can belong to the predictions."""
    shape, row = truth.shape[1:], output.shape
    allowed = [row, row[:-1]] + ([(*row[:-1], 1)] if row else [(1,)])
    return shape in allowed


def weights(output: Output) -> Iterator[Observation]:
    """What is wrong with class_weight, sample_weight and loss_weights."""
    if not output.trained:
        yield "weights_are_zero", "Every loss is weighted with 0 in loss_weights."
    elif output.loss_weight == 0:
        yield "output_is_not_trained", "Its loss is weighted with 0 in loss_weights, and another's is not."
    if output.weights is not None and output.weights.size:
        if not (output.weights != 0).any():
            yield "weights_are_zero", f"All {len(output.weights)} weights of rows are 0."
        elif (output.weights < 0).any():
            yield "weights_are_negative", f"{int((output.weights < 0).sum())} weights of rows are negative."
    class_weight = output.class_weight
    if not class_weight:
        return
    if all(weight == 0 for weight in class_weight.values()):
        yield "weights_are_zero", "Every weight of class_weight is 0."
    elif any(weight < 0 for weight in class_weight.values()):
        yield "weights_are_negative", "A weight of class_weight is negative."
    if output.labels is None or not output.complete:
        return
    classes = _classes(output)
    unknown_keys = [key for key in class_weight if not _is_in(key, classes)]
    if unknown_keys:
        keys = ", ".join(map(repr, unknown_keys))
        listed = ", ".join(f"{value:g}" for value in classes[:10])
        yield "class_weight_names_no_class", f"class_weight has the key {keys}; the labels are {listed}."


def _classes(output: Output) -> list[float]:
    assert output.labels is not None
    values = output.labels
    if values.ndim > 1 and values.shape[-1] > 1:
        return [float(column) for column in range(values.shape[-1])]
    return [float(value) for value in np.unique(values)]


def _is_in(key: Any, classes: list[float]) -> bool:
    return not isinstance(key, str) and float(key) in classes
