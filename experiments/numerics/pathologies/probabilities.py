"""The loss is computed from a probability, which has lost what the logit still knew."""

from __future__ import annotations

from dataclasses import replace

from experiments.numerics.axes import EPSILON, Path
from experiments.numerics.measures import Measures
from experiments.numerics.pathologies.record import LOSS, pathology
from experiments.numerics.pathologies.traits import (
    from_probabilities,
    half,
    happens,
    with_logits,
)

# Keras clips probabilities at 1e-7: the logit beyond which nothing is left of one
EDGE = 16.0

@pathology(
    "logits_lost_to_a_layer",
    cause="A layer after the activation returns a new tensor without the logits, so Keras computes the loss from the "
    "probability clipped at 1e-7: a confident mistake has no gradient.",
    location="keras/src/backend/tensorflow/nn.py: _get_logits",
    remedy="Put the activation last (reshape the logits instead), or use a linear last layer with from_logits=True.",
    cured=lambda p: replace(p, form="in_layer"),
)
def _layer_after(path: Path, measures: Measures) -> bool:
    lost = path.framework == "keras-tensorflow" and path.form == "layer_after" and from_probabilities(path)
    return lost and happens(measures.dead_from, measures.loss_cap, measures.off_from)


@pathology(
    "logits_lost_to_a_cast",
    cause="The loss casts the prediction to floatx, and a cast returns a new tensor without the logits, so Keras "
    "computes the loss from the clipped probability: a confident mistake has no gradient.",
    location="keras/src/losses/loss.py: __call__",
    remedy='Give the last layer the dtype of the loss: dtype="float32", or set_floatx for all.',
    cured=lambda p: replace(p, dtype={"mixed_float16": "mixed_float16_float32_head",
                                      "mixed_bfloat16": "mixed_bfloat16_float32_head"}.get(p.dtype, "float64"),
                            form="in_layer"),
)
def _cast(path: Path, measures: Measures) -> bool:
    lost = path.framework == "keras-tensorflow" and path.precision != path.floatx and from_probabilities(path)
    return lost and happens(measures.dead_from, measures.loss_cap, measures.off_from)


@pathology(
    "probability_clipped",
    cause="Keras on this backend computes the loss from the probability clipped at 1e-7, so from a logit of 17 on a "
    "confident mistake has a gradient of exactly 0 and its loss stays near 16.",
    location=LOSS,
    remedy="Use a linear last layer and from_logits=True.",
    cured=with_logits,
)
def _clipped(path: Path, measures: Measures) -> bool:
    clips = path.framework in ("keras-torch", "keras-jax") and from_probabilities(path)
    return clips and happens(measures.dead_from, measures.loss_cap)


@pathology(
    "complement_rounds",
    cause="The loss needs 1 - p, which keeps few of p's digits when p is close to 1, so its gradient is off well "
    "before the clip acts.",
    location=LOSS,
    remedy="Use a linear last layer and from_logits=True.",
    cured=with_logits,
)
def _complement(path: Path, measures: Measures) -> bool:
    binary = path.loss in ("binary_crossentropy", "log_by_hand", "BCELoss")
    return binary and not half(path.precision) and from_probabilities(path) and measures.off_from <= EDGE


@pathology(
    "log_clamped",
    cause="BCELoss clamps the logarithm at -100 and divides the gradient by p(1 - p) or 1e-12, whichever is larger, "
    "so where the sigmoid before it has rounded to 0 or 1 the loss is 100 and the gradient fades to 0.",
    location=LOSS,
    remedy="Use BCEWithLogitsLoss without the sigmoid.",
    cured=with_logits,
)
def _clamped(path: Path, measures: Measures) -> bool:
    clamped = path.loss == "BCELoss" and from_probabilities(path)
    return clamped and (happens(measures.dead_from, measures.loss_cap) or measures.worst > 4 * EPSILON[path.precision])


@pathology(
    "log_of_zero",
    cause="The probability rounds to 0 or 1 and the logarithm is written by hand, so the loss is inf, and nan where "
    "inf meets a target of 0 or a slope of 0.",
    location=LOSS,
    remedy="Use the operation that takes logits (tf.nn.*_cross_entropy_with_logits, numpy.logaddexp).",
    cured=with_logits,
)
def _log_zero(path: Path, measures: Measures) -> bool:
    return path.loss == "log_by_hand" and from_probabilities(path) and happens(measures.inf_from, measures.nan_from)


@pathology(
    "clipped_at_machine_epsilon",
    cause="log_loss clips probabilities at the dtype's machine epsilon, so a loss stops at 36.04 (float64) or "
    "15.94 (float32), and float32 probabilities of one model score better than float64 ones.",
    location="sklearn/metrics/_classification.py: log_loss",
    remedy="Compute the loss from the logits (numpy.logaddexp) where |z| can pass 15.",
    cured=with_logits,
)
def _machine(path: Path, measures: Measures) -> bool:
    return path.loss == "log_loss" and happens(measures.loss_cap)
