"""The program means another loss than its writer does: pairs, units and forms that do not fit."""

from __future__ import annotations

from dataclasses import replace

from experiments.numerics.axes import Path
from experiments.numerics.measures import Measures
from experiments.numerics.pathologies.record import LOSS, pathology
from experiments.numerics.pathologies.traits import keeps_logits, one_unit_binary, takes_logits, with_logits

_BY_CLASS = (
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "CrossEntropyLoss",
    "NLLLoss",
    "softmax_cross_entropy_with_logits",
    "sparse_softmax_cross_entropy_with_logits",
)

@pathology(
    "crossed_pair_swaps_the_objective",
    cause="Keras on TensorFlow takes the logits off the prediction whichever activation left them, so the loss "
    "applies its own activation: softmax with binary_crossentropy trains independent sigmoids, sigmoids with "
    "categorical_crossentropy train a softmax, and predict() answers with the other one.",
    location="keras/src/backend/tensorflow/nn.py: _get_logits",
    remedy="Pair softmax with categorical_crossentropy (or its sparse form) and sigmoid with binary_crossentropy.",
    cured=lambda p: replace(p, loss="categorical_crossentropy")
    if p.loss == "binary_crossentropy"
    else replace(p, activation="softmax"),
)
def _crossed(path: Path, measures: Measures) -> bool:
    crossed = (path.activation == "softmax") == (path.loss == "binary_crossentropy")
    return crossed and path.units > 1 and keeps_logits(path) and not takes_logits(path) and measures.off_from <= 1


@pathology(
    "one_unit_softmax",
    cause="A softmax over one unit is 1 whatever the logit: the model predicts class 1 for every row, and it learns "
    "nothing from probabilities or (Keras on TensorFlow, which uses the logits) something that predict() never shows.",
    location="keras/src/activations/activations.py: softmax",
    remedy="Use one sigmoid unit with binary_crossentropy, or two softmax units with categorical_crossentropy.",
    cured=one_unit_binary,
)
def _one_softmax(path: Path, measures: Measures) -> bool:
    return path.units == 1 and path.activation in ("softmax", "log_softmax")


@pathology(
    "one_unit_categorical",
    cause="A categorical loss of one unit divides the probability by itself, so the loss is 0 for every logit; an "
    "all-zero target still pulls the logit down on TensorFlow, and an integer label 1 names no unit.",
    location=LOSS,
    remedy="Use binary_crossentropy for one unit, or give the categorical loss one unit a class.",
    cured=one_unit_binary,
)
def _one_categorical(path: Path, measures: Measures) -> bool:
    return path.units == 1 and path.loss in _BY_CLASS


@pathology(
    "logits_taken_for_probabilities",
    cause="The loss takes the logarithm of its input as if it were a probability, and is handed a linear unit: what "
    "lies outside (0, 1) is clipped away, has no gradient, or is nan.",
    location=LOSS,
    remedy="Tell the loss from_logits=True (in PyTorch: BCEWithLogitsLoss, CrossEntropyLoss).",
    cured=with_logits,
)
def _no_probability(path: Path, measures: Measures) -> bool:
    return path.activation == "linear" and not takes_logits(path) and path.loss != "NLLLoss"


@pathology(
    "probabilities_taken_for_logits",
    cause="The loss applies its activation to what is a probability already: the squashed logit spans only (0, 1), "
    "so the loss cannot reach 0 and the gradient of a confident mistake fades out. (Keras on TensorFlow warns, and "
    "uses the logits after all: there the program trains well and is not the one that is written.)",
    location=LOSS,
    remedy="Drop the activation of the last layer, or the from_logits=True of the loss.",
    cured=with_logits,
)
def _squashed_twice(path: Path, measures: Measures) -> bool:
    # the log_softmax of a log_softmax is itself: that one does no harm
    return takes_logits(path) and path.activation != "linear" and (path.activation, path.loss) != (
        "log_softmax", "CrossEntropyLoss",
    )


@pathology(
    "not_a_log_probability",
    cause="NLLLoss picks its input at the label and negates it, so it means a likelihood only of log-probabilities; "
    "of a probability it is bounded and of a logit it has no floor.",
    location=LOSS,
    remedy="Use CrossEntropyLoss on the logits, or LogSoftmax before NLLLoss.",
    cured=with_logits,
)
def _no_log(path: Path, measures: Measures) -> bool:
    return path.loss == "NLLLoss" and path.activation != "log_softmax"
