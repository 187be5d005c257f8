"""The line of the user's file that a finding is about, and what to write there."""

from __future__ import annotations

from pathlib import Path

from experiments.check.record import Output
from experiments.check.source import Line, last_call
from experiments.check.sweep import Sweep

Change = tuple[Line | None, str]
_TORCH = "PyTorch"


def changes(name: str, output: Output, found: Sweep | None, file: Path | None, function: str) -> tuple[Change, ...]:
    """What to write for the finding `name`: each change with the last line that calls what is to be changed."""
    wanted = _torch(name, output) if output.framework == _TORCH else _keras(name, output, found)
    return tuple((None if file is None else _line(file, function, calls), text) for calls, text in wanted)


def _line(file: Path, function: str, calls: str) -> Line | None:
    for call in calls.split("|"):
        if line := last_call(file, function, call):
            return line
    return None


def _keras(name: str, output: Output, found: Sweep | None) -> list[tuple[str, str]]:
    head, fit = output.layer, "fit|train_on_batch|evaluate|compile"
    binary = output.units == 1 or (found is not None and found.meaning.name == "binary")
    sparse = found is not None and not found.encoding.onehot and output.units > 1
    loss = "BinaryCrossentropy" if binary else "SparseCategoricalCrossentropy" if sparse else "CategoricalCrossentropy"
    logits = ("compile", f"loss=keras.losses.{loss}(from_logits=True)")
    table: dict[str, list[tuple[str, str]]] = {
        "one_unit_softmax": [(head, 'activation="sigmoid"')],
        "one_unit_categorical": [("compile", 'loss="binary_crossentropy"')],
        "crossed_pair_swaps_the_objective": [
            ("compile", 'loss="categorical_crossentropy"') if found is not None and found.sums_to_one else
            (head, 'activation="softmax"')
        ],
        "probabilities_taken_for_logits": [("compile", f"loss=keras.losses.{loss}()")],
        "squashed_logits": [(head, "no activation")],
        "logits_taken_for_probabilities": [logits],
        "prediction_leaves_the_range": [
            (head, 'activation="sigmoid"' if binary else 'activation="softmax"'),
        ],
        "one_sided_saturation": [(head, 'dtype="float32"')],
        "logits_lost_to_a_layer": [(output.after, f"remove {output.after}, or put it before the activation")],
        "training_differs": [(output.after or "Dropout", f"put {output.after or 'Dropout'} before the last layer")],
        "metric_cuts_the_logit": [("compile", _metric_on_logits(output))],
        "metric_of_logits": [("compile", _metric_on_logits(output))],
        "metric_over_columns": [("compile", _metric_of_a_class(output))],
        "accuracy_of_other_labels": [("compile", f"metrics=[keras.metrics.{_accuracy(output, found)}()]")],
        "accuracy_of_a_regression": [("compile", 'metrics=["mae"]')],
        "integer_labels_for_one_hot": [
            ("compile", "a loss that fits the labels" if "binary" in output.loss.lower() else
             'loss="sparse_categorical_crossentropy"')
        ],
        "one_hot_labels_for_integers": [("compile", 'loss="categorical_crossentropy"')],
        "several_labels_for_one_class": [(head, 'activation="sigmoid"'), ("compile", 'loss="binary_crossentropy"')],
        "labels_are_no_probabilities": [(fit, "labels of 0 and 1")],
        "labels_out_of_reach": [(fit, "labels from 0 to 1")],
        "label_names_no_unit": [(fit, "classes numbered from 0, and a unit for each")],
        "labels_and_units_differ": [(fit, "labels with one column a unit")],
        "class_weight_names_no_class": [(fit, "class_weight with the labels as keys")],
        "weights_are_zero": [(fit, "weights above 0")],
        "weights_are_negative": [(fit, "weights of at least 0")],
        "gradient_dies": [logits] if found is not None and found.meaning.logarithmic else [],
        "loss_is_not_finite": [("compile", "a loss that takes logits")],
        "evaluate_disagrees": [("compile", "a loss of what predict() returns")],
        "rows_are_mixed": [("compile", "a loss whose labels and predictions have one shape")],
    }  # fmt: skip
    return table.get(name, [])


def _metric_on_logits(output: Output) -> str:
    parts = []
    for metric in output.metrics:
        kind = metric.kind.lower()
        if "auc" in kind:
            parts.append("keras.metrics.AUC(from_logits=True)")
        elif "crossentropy" in kind:
            parts.append("keras.metrics.BinaryCrossentropy(from_logits=True)")
        elif "precision" in kind:
            parts.append("keras.metrics.Precision(thresholds=0.0)")
        elif "recall" in kind:
            parts.append("keras.metrics.Recall(thresholds=0.0)")
        elif "accuracy" in kind:
            parts.append("keras.metrics.BinaryAccuracy(threshold=0.0)")
    return f"metrics=[{', '.join(parts or ['keras.metrics.BinaryAccuracy(threshold=0.0)'])}]"


def _metric_of_a_class(output: Output) -> str:
    parts = []
    for metric in output.metrics:
        kind = metric.kind.lower()
        if "auc" in kind:
            parts.append("keras.metrics.AUC(multi_label=True, label_weights=[0.0, 1.0])")
        elif "precision" in kind:
            parts.append("keras.metrics.Precision(class_id=1)")
        elif "recall" in kind:
            parts.append("keras.metrics.Recall(class_id=1)")
        else:
            parts.append('"accuracy"')
    return f"metrics=[{', '.join(dict.fromkeys(parts))}]"


def _accuracy(output: Output, found: Sweep | None) -> str:
    if found is not None and output.units > 1 and found.encoding.onehot:
        return "CategoricalAccuracy" if found.sums_to_one or found.meaning.name == "categorical" else "BinaryAccuracy"
    return "BinaryAccuracy" if output.units == 1 else "SparseCategoricalAccuracy"


def _torch(name: str, output: Output) -> list[tuple[str, str]]:
    head = output.layer
    table = {
        "one_unit_categorical": [("CrossEntropyLoss|cross_entropy", "nn.BCEWithLogitsLoss(), or two units")],
        "one_unit_softmax": [("Softmax|softmax", "a sigmoid, or two units")],
        "probabilities_taken_for_logits": [("Sigmoid|Softmax|sigmoid|softmax", "no activation: the loss has its own")],
        "squashed_logits": [(head, "no activation: the loss has its own")],
        "logits_taken_for_probabilities": [("BCELoss|binary_cross_entropy", "nn.BCEWithLogitsLoss()")],
        "not_a_log_probability": [("NLLLoss|nll_loss", "nn.CrossEntropyLoss(), on the logits")],
        "program_raises": [("BCELoss|CrossEntropyLoss|BCEWithLogitsLoss|NLLLoss", "labels and predictions that fit")],
        "rows_are_mixed": [("MSELoss|L1Loss|mse_loss", "labels.reshape(prediction.shape)")],
        "one_sided_saturation": [("half|to|bfloat16", "float32 from the logits on, or a loss that takes logits")],
    }
    return table.get(name, [])
