"""The metrics of a compiled Keras model, resolved as Keras resolves them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from experiments import keras_internals
from experiments.check.messages import one_line
from experiments.check.record import Metric


def metrics_of(model: Any, predicted: Any, truth: Any) -> tuple[dict[int, list[Metric]], str]:
    """The metrics of each output, by its index, and what Keras says if it cannot apply them to these labels.

    `truth`: labels of as many rows as were `predicted`.
    """
    fresh = keras_internals.compiled_metrics_of(model)
    if fresh is None:
        return {}, ""
    try:
        fresh.build(truth, predicted)
        with restored(fresh):
            fresh.update_state(truth, predicted)
    except Exception as error:  # as `fit` would raise
        return {}, f"its metrics: {one_line(error)}"
    by_output: dict[int, list[Metric]] = {}
    for output_index, metric in keras_internals.metrics_by_output(fresh):
        by_output.setdefault(output_index, []).append(_metric(metric))
    return by_output, ""


@contextmanager
def restored(metric: Any) -> Iterator[None]:
    """Afterwards, a metric has the values that it had before; one that was made within starts from 0."""
    import keras

    saved = [keras.ops.convert_to_numpy(variable) for variable in metric.variables]
    try:
        yield
    finally:
        if [before.shape for before in saved] == [tuple(variable.shape) for variable in metric.variables]:
            for variable, before in zip(metric.variables, saved, strict=True):
                variable.assign(before)
        else:
            metric.reset_state()


def _metric(metric: Any) -> Metric:
    import keras

    def value(truth: np.ndarray, prediction: np.ndarray) -> float:
        with restored(metric):
            metric.reset_state()
            metric.update_state(keras.ops.convert_to_tensor(truth), keras.ops.convert_to_tensor(prediction))
            return float(np.mean(keras.ops.convert_to_numpy(metric.result())))

    return Metric(name=str(metric.name), kind=_kind(metric), threshold=_threshold(metric), value=value)


def _kind(metric: Any) -> str:
    function = keras_internals.function_of(metric)
    generic = type(metric).__name__ == "MeanMetricWrapper"
    return getattr(function, "__name__", "metric") if generic and function is not None else type(metric).__name__


def _threshold(metric: Any) -> float | None:
    options = keras_internals.options_of(metric)
    default = getattr(metric, "init_thresholds", getattr(metric, "threshold", None))
    value = options.get("threshold", default)
    return float(value) if isinstance(value, (int, float)) else None
