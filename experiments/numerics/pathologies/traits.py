"""What the pathologies ask of a path, and the paths that their remedies lead to."""

from __future__ import annotations

from dataclasses import replace

from experiments.numerics.axes import Path

_WITH_LOGITS = ("CrossEntropyLoss", "BCEWithLogitsLoss")


def is_keras(path: Path) -> bool:
    """Whether the path is Keras's, on whichever backend."""
    return path.framework.startswith("keras-")


def takes_logits(path: Path) -> bool:
    """Whether the path's loss is told that it receives logits."""
    if is_keras(path):
        return path.form == "from_logits"
    return path.loss in _WITH_LOGITS or path.loss.endswith("_with_logits") or path.loss == "logaddexp_by_hand"


def keeps_logits(path: Path) -> bool:
    """Whether Keras on TensorFlow still has the logits of a probability when it computes the loss."""
    activated = path.activation != "linear" and path.form != "layer_after"
    return path.framework == "keras-tensorflow" and activated and path.precision == path.floatx


def from_probabilities(path: Path) -> bool:
    """Whether the loss is really computed from a probability."""
    return not takes_logits(path) and path.activation in ("sigmoid", "softmax") and not keeps_logits(path)


def half(dtype: str) -> bool:
    """Whether the dtype has 16 bits."""
    return dtype in ("float16", "bfloat16")


def happens(*thresholds: float) -> bool:
    """Whether any of the thresholds was met in the sweep."""
    return any(threshold == threshold for threshold in thresholds)


def with_logits(path: Path) -> Path:
    """The same head and loss in the form that every framework recommends: linear, the loss told so."""
    if is_keras(path):
        return replace(path, form="from_logits", activation="linear")
    loss = {
        "BCELoss": "BCEWithLogitsLoss",
        "NLLLoss": "CrossEntropyLoss",
        "log_by_hand": "sigmoid_cross_entropy_with_logits" if path.units == 1 else "softmax_cross_entropy_with_logits",
    }.get(path.loss, path.loss)
    if path.framework in ("numpy", "scikit-learn"):
        return replace(path, framework="numpy", form="from_logits", activation="linear", loss="logaddexp_by_hand")
    return replace(path, form="from_logits", activation="linear", loss=loss)


def in_float32(path: Path) -> Path:
    """The same path with the whole head in float32."""
    return replace(path, dtype="float32")


def one_unit_binary(path: Path) -> Path:
    """One linear unit under the binary loss from logits."""
    losses = {"torch": "BCEWithLogitsLoss", "tensorflow": "sigmoid_cross_entropy_with_logits"}
    return replace(path, units=1, activation="linear", form="from_logits",
                   loss=losses.get(path.framework, "binary_crossentropy"))


def min_of(*values: float) -> float:
    """The smallest of the values that are not nan."""
    return min((value for value in values if value == value), default=float("nan"))
