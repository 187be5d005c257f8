"""A compiled Keras model and the call that trains it, read into the neutral record by running them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from experiments import keras_internals
from experiments.check import keras_data
from experiments.check.checking import check_readings
from experiments.check.examine import Reading
from experiments.check.keras_data import FitCall
from experiments.check.keras_metrics import metrics_of
from experiments.check.keras_steps import bypass_reason, custom_step, execution, follow_custom_step
from experiments.check.labels import Encoding, encodings
from experiments.check.messages import one_line, warnings_ignored
from experiments.check.record import ROWS, Checked, Metric, Output, Tail
from experiments.records import UserError, require


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One resolved loss of a model: of which output, its name, its weight, and the labels that it was given."""

    output: int
    name: str
    loss: Any
    truth: Any
    raised: str
    weight: float


def check_keras(
    model: Any, x: Any = None, y: Any = None, sample_weight: Any = None, class_weight: Any = None, *,
    file: Path | None = None, function: str = "",
) -> Checked:  # fmt: skip
    """Check a compiled Keras model and what its `fit` is called with. Raises `UserError` if it cannot be read."""
    call = keras_data.fit_call(x, y, sample_weight, class_weight)
    return check_readings(read(model, call), file=file, function=function)


def read(model: Any, call: FitCall) -> list[Reading]:
    """The outputs of a model that have a loss, each under every encoding that its labels may have.

    Raises `UserError` if the model is neither compiled with a loss nor has a training step of its own with one, or
    cannot be applied to its rows.
    """
    import keras

    compiled = keras_internals.compiled_loss_of(model) is not None
    require(
        compiled or bool(custom_step(model)),
        "The model is not compiled with a loss, so there is nothing to check. Call model.compile(loss=...) first.",
    )
    if not compiled:
        return _of_custom_step(model, call)
    with warnings_ignored():
        structure, rows, predicted, layers = keras_data.apply_model(model, call.x)
        flat = keras.tree.flatten(predicted)
        pairs = _pairs(model, flat, predicted, call.y)
        last_layer = _last_weighted_layer(layers)
        labels = keras.tree.map_structure(keras.ops.zeros_like, predicted) if call.y is None else (
            keras_data.first_rows(call.y, len(flat[0]))
        )
        x = keras.tree.pack_sequence_as(structure, [keras.ops.convert_to_tensor(array) for array in rows])
        bypass = bypass_reason(model, x, labels)
        if bypass:
            try:
                return follow_custom_step(model, x, labels if call.y is not None else None)
            except Exception as error:  # the user's own step, or one that minimises nothing that is known
                bypass = f"{bypass}; it cannot be followed: {one_line(error)}"
        given_metrics = (
            metrics_of(model, predicted, keras_data.first_rows(call.y, len(flat[0]))) if call.y is not None else None
        )
    trained = any(pair.weight for pair in pairs)

    def reading(pair: Pair) -> Reading:
        truth = None if call.y is None else keras_data.array(pair.truth)
        shape = tuple(flat[pair.output].shape[1:])
        for encoding in encodings(shape, truth):
            with warnings_ignored():
                tail, after = (bypass, "") if bypass else _tail(model, structure, rows, pair, encoding)
                metrics, refused = given_metrics or _metrics(model, predicted, pair.output, encoding)
            output = Output(
                name=pair.name,
                framework=f"Keras on {keras.backend.backend()}",
                execution=execution(model),
                loss=getattr(pair.loss, "name", None) or type(pair.loss).__name__,
                layer=last_layer,
                shape=shape,
                tail=None if isinstance(tail, str) else tail,
                unmeasured=tail if isinstance(tail, str) else "",
                labels=truth,
                complete=call.complete,
                weights=_weights(call, truth),
                class_weight=call.class_weight,
                metrics=tuple(metrics.get(pair.output, ())),
                raised=call.refused or pair.raised or (refused if given_metrics else ""),
                after=after,
                loss_weight=pair.weight,
                trained=trained,
            )
            yield output, encoding

    return [reading(pair) for pair in pairs]


def _of_custom_step(model: Any, call: FitCall) -> list[Reading]:
    """The outputs of a model without a compiled loss, whose own training step tells what it minimises."""
    x, y = (None if data is None else keras_data.first_rows(data, ROWS) for data in (call.x, call.y))
    try:
        with warnings_ignored():
            return follow_custom_step(model, x, y)
    except Exception as error:  # the user's own step
        raise UserError(
            f"The model is not compiled with a loss, and {custom_step(model)}, which cannot be followed: "
            f"{one_line(error)}"
        ) from error


def _weights(call: FitCall, truth: np.ndarray | None) -> np.ndarray | None:
    """One weight a row; None if there are none, or several arrays of them."""
    if isinstance(call.sample_weight, (dict, list, tuple)):
        return None
    return keras_data.array(call.sample_weight)


def _metrics(model: Any, predicted: Any, output_index: int, encoding: Encoding) -> tuple[dict[int, list[Metric]], str]:
    """The metrics as Keras would resolve them for labels of this encoding."""
    import keras

    truth = [keras.ops.zeros_like(tensor) for tensor in keras.tree.flatten(predicted)]
    truth[output_index] = keras.ops.convert_to_tensor(encoding.all(0, len(truth[output_index])))
    return metrics_of(model, predicted, keras.tree.pack_sequence_as(predicted, truth))


def _pairs(model: Any, flat: list[Any], predicted: Any, y: Any) -> list[Pair]:
    """The losses as Keras itself pairs them with outputs and labels."""
    import keras

    pairs: list[Pair] = []

    def watch(entry: Any) -> Callable[..., Any]:
        def loss(truth: Any, prediction: Any, weights: Any = None) -> Any:
            output_index = next(index for index, tensor in enumerate(flat) if tensor is prediction)
            raised = ""
            if y is not None:
                try:
                    entry.loss(truth, prediction)
                except Exception as error:  # the user's own loss
                    raised = one_line(error)
            weight = 1.0 if entry.loss_weights is None else float(entry.loss_weights)
            pairs.append(
                Pair(
                    output=output_index, name=str(entry.name), loss=entry.loss, truth=truth, raised=raised,
                    weight=weight,
                )
            )  # fmt: skip
            return keras.ops.zeros(())

        return loss

    labels = (
        keras.tree.map_structure(keras.ops.zeros_like, predicted) if y is None else
        keras_data.first_rows(y, len(flat[0]))
    )  # fmt: skip
    watched = keras_internals.watched_losses(model, watch)
    try:
        watched(labels, predicted)
    except Exception as error:
        require(False, f"Keras cannot pair the model's losses with its outputs and labels: {one_line(error)}")
    if y is not None:  # the whole labels in the place of the first rows
        first_labels = keras.tree.flatten(labels)
        full_labels = keras.tree.flatten(y)
        pairs = [_with_full_labels(pair, first_labels, full_labels) for pair in pairs]
    return pairs


def _with_full_labels(pair: Pair, first_labels: list[Any], full_labels: list[Any]) -> Pair:
    index = next((at for at, head in enumerate(first_labels) if head is pair.truth), 0)
    return replace(pair, truth=full_labels[index])


def _tail(model: Any, structure: Any, rows: list[Any], pair: Pair, encoding: Encoding) -> tuple[Tail | str, str]:
    """The tail of one output under labels of one encoding, or why there is none; and what loses its logits."""
    losing_layers: list[str] = []

    def forward(tensors: list[Any], training: bool) -> Any:
        import keras

        x = keras.tree.pack_sequence_as(structure, tensors)
        if not training or losing_layers:
            return keras.tree.flatten(model(x, training=training))[pair.output]
        with keras_data.record_layers() as calls:
            predicted = model(x, training=True)
        losing_layers.append(_loses_logits(calls))
        return keras.tree.flatten(predicted)[pair.output]

    return _traced(model, structure, rows, pair, encoding, forward), "".join(losing_layers)


def _traced(
    model: Any, structure: Any, rows: list[Any], pair: Pair, encoding: Encoding,
    forward: Callable[[list[Any], bool], Any],
) -> Tail | str:  # fmt: skip
    import keras

    def objective(truth: Any, prediction: Any) -> Any:
        return pair.loss(truth, prediction)

    labels = encoding.all(1, len(rows[0]))
    backend = keras.backend.backend()
    try:
        with warnings_ignored():
            if backend == "tensorflow":
                return _of_tensorflow(model, forward, objective, rows, labels)
            if backend == "torch":
                from experiments.check.torch_tail import recorded_tail

                weights = [variable.value for variable in model.weights]
                return recorded_tail(lambda x: forward(x, True), objective, rows, labels, weights)
            from experiments.check.jax_tail import keras_tail

            compiled = execution(model) == "xla"
            return keras_tail(model, structure, pair.output, objective, rows, labels, compiled=compiled)
    except Exception as error:  # whatever the user's model does that cannot be traced
        return one_line(error)


def _of_tensorflow(model: Any, forward: Any, objective: Any, rows: list[Any], labels: Any) -> Tail:
    """The tail as `fit` would run it. What a pass in training changes, such as moving averages, is put back."""
    if execution(model) == "eager":
        from experiments.check.eager_tail import EagerTail

        before = [(variable, np.asarray(variable)) for variable in model.variables]
        try:
            return EagerTail(forward, objective, rows, labels, model.variables)
        finally:
            for variable, value in before:
                variable.assign(value)
    from experiments.check.tensorflow_tail import GraphTail

    return GraphTail(forward, objective, rows, labels, compiled=execution(model) == "xla")


def _last_weighted_layer(layers: list[Any]) -> str:
    """The class of the last layer with weights."""
    return next((_class(layer) for layer in reversed(layers) if getattr(layer, "weights", None)), "Dense")


def _loses_logits(calls: list[tuple[Any, Any, Any]]) -> str:
    """The class of the first layer that is given a prediction with its logits and returns one without, or ""."""
    return next(
        (_class(layer) for layer, inputs, result in calls if _has_logits(inputs) and not _has_logits(result)), ""
    )


def _has_logits(tensor: Any) -> bool:
    """Whether Keras's losses find the logits behind a prediction: in a note on it, or by what made it in a graph."""
    operation = getattr(getattr(tensor, "op", None), "type", "")
    return keras_internals.logits_of(tensor) is not None or operation in ("Sigmoid", "Softmax")


def _class(layer: Any) -> str:
    inner = getattr(layer, "layer", None)  # a wrapper
    return type(inner if inner is not None else layer).__name__
