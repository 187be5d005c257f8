"""The line of the user's file that a finding is about, and what to write there: the registry's changes, filled in."""

from __future__ import annotations

from pathlib import Path

from experiments.check.record import Metric, Output
from experiments.check.registry import KINDS
from experiments.check.source import Line, last_call
from experiments.check.sweep import Sweep

Change = tuple[Line | None, str]
_TORCH = "PyTorch"


def changes(name: str, output: Output, sweep: Sweep | None, file: Path | None, function: str) -> tuple[Change, ...]:
    """What to write for the finding `name`: each change with the last line that calls what is to be changed."""
    kind = KINDS[name]
    placeholders = _placeholders(output, sweep)
    filled = [
        (calls.format_map(placeholders), text.format_map(placeholders))
        for calls, text in (kind.torch if output.framework == _TORCH else kind.keras)
    ]
    return tuple((None if file is None else _line(file, function, calls), text) for calls, text in filled if calls)


def _line(file: Path, function: str, calls: str) -> Line | None:
    for call in calls.split("|"):
        if line := last_call(file, function, call):
            return line
    return None


def _placeholders(output: Output, sweep: Sweep | None) -> dict[str, str]:
    """What stands in the changes for {head} and the like; a change whose call is "" is none."""
    formula_name = sweep.formula.name if sweep is not None else ""
    several, sums = output.units > 1, sweep is not None and sweep.sums_to_one
    onehot = sweep is not None and sweep.encoding.onehot
    binary = not several or formula_name == "binary"
    sparse = several and sweep is not None and not onehot
    of_probabilities = sweep is not None and sweep.predicts_probabilities
    by_class = "CategoricalAccuracy" if sums or formula_name == "categorical" else "BinaryAccuracy"
    pair = ("compile", 'loss="categorical_crossentropy"') if sums else (output.layer, 'activation="softmax"')
    return {
        "head": output.layer,
        "after": output.after or "Dropout",
        "fit": "fit|train_on_batch|evaluate|compile",
        "loss": "BinaryCrossentropy" if binary else "SparseCategoricalCrossentropy" if sparse else
                "CategoricalCrossentropy",
        "activation": "exponential" if sweep is not None and sweep.takes_rates else "sigmoid" if binary else "softmax",
        "crossed": pair[0],
        "pair": pair[1],
        "logarithmic": "compile" if sweep is not None and sweep.formula.logarithmic else "",
        "loss_of_integers": "a loss that fits the labels" if "binary" in output.loss.lower() else
                            'loss="sparse_categorical_crossentropy"',
        "accuracy": "BinaryAccuracy" if not several else by_class if onehot else "SparseCategoricalAccuracy",
        "metrics_of_logits": _metrics(output.metrics, _ON_LOGITS),
        "metrics_of_a_class": _metrics(output.metrics, _OF_A_CLASS if of_probabilities else _OF_A_CLASS_OF_LOGITS),
        "metrics_with_threshold": _metrics(output.metrics, _ON_LOGITS).replace(
            "=0.0", "=0.5" if of_probabilities else "=0.0"
        ),
    }  # fmt: skip


# what the class of a metric contains -> what to write in its place; the first that fits
_ON_LOGITS = {
    "specificity": "keras.metrics.AUC(from_logits=True)",  # the thresholds that these try are those of probabilities
    "sensitivity": "keras.metrics.AUC(from_logits=True)",
    "precisionat": "keras.metrics.AUC(from_logits=True)",
    "recallat": "keras.metrics.AUC(from_logits=True)",
    "truepositives": "keras.metrics.TruePositives(thresholds=0.0)",
    "truenegatives": "keras.metrics.TrueNegatives(thresholds=0.0)",
    "falsepositives": "keras.metrics.FalsePositives(thresholds=0.0)",
    "falsenegatives": "keras.metrics.FalseNegatives(thresholds=0.0)",
    "auc": "keras.metrics.AUC(from_logits=True)",
    "crossentropy": "keras.metrics.BinaryCrossentropy(from_logits=True)",
    "precision": "keras.metrics.Precision(thresholds=0.0)",
    "recall": "keras.metrics.Recall(thresholds=0.0)",
    "": "keras.metrics.BinaryAccuracy(threshold=0.0)",
}
_OF_A_CLASS = {
    "auc": "keras.metrics.AUC(multi_label=True, label_weights=[0.0, 1.0])",
    "precision": "keras.metrics.Precision(class_id=1)",
    "recall": "keras.metrics.Recall(class_id=1)",
    "": '"accuracy"',
}
_OF_A_CLASS_OF_LOGITS = {
    "auc": '"accuracy"',  # of several logits no line gives an area
    "precision": "keras.metrics.Precision(top_k=1, class_id=1)",
    "recall": "keras.metrics.Recall(top_k=1, class_id=1)",
    "": '"accuracy"',
}


def _metrics(metrics: tuple[Metric, ...], replacements: dict[str, str]) -> str:
    parts = [next(text for part, text in replacements.items() if part in metric.kind.lower()) for metric in metrics]
    return f"metrics=[{', '.join(dict.fromkeys(parts))}]"
