"""The dtype holds less than the loss needs: 16-bit heads, and float64 that is none."""

from __future__ import annotations

from dataclasses import replace

from experiments.numerics.axes import EPSILON, Path
from experiments.numerics.measures import Measures
from experiments.numerics.pathologies.record import pathology
from experiments.numerics.pathologies.traits import (
    from_probabilities,
    half,
    happens,
    in_float32,
    is_keras,
    min_of,
)

# between these a loss in float64 carries float32's rounding
FINE, COARSE = 1e-12, 1e-4

@pathology(
    "one_sided_saturation",
    cause="Near 1 a 16-bit probability has steps of 0.0005 (float16) or 0.004 (bfloat16) and near 0 far finer ones, "
    "so the sigmoid reaches 1 at a logit of 6 to 9 and a mistake on label 0 dies where one on label 1 still learns.",
    location="keras/src/activations/activations.py: sigmoid",
    remedy='Keep the last layer in float32: dtype="float32".',
    cured=in_float32,
)
def _one_sided(path: Path, measures: Measures) -> bool:
    return half(path.precision) and from_probabilities(path) and happens(measures.asymmetric_from)


@pathology(
    "clip_vanishes",
    cause="With a 16-bit floatx, 1 - 1e-7 is 1, so the clip no longer keeps the probability from 1 and the logarithm "
    "of 0 makes the loss inf or nan.",
    location="keras/src/backend/config.py: epsilon",
    remedy="Leave floatx at float32, and use a mixed policy if the layers are to be in 16 bits.",
    cured=in_float32,
)
def _no_clip(path: Path, measures: Measures) -> bool:
    return is_keras(path) and half(path.floatx) and from_probabilities(path) and happens(measures.loss_breaks_from)


@pathology(
    "slope_overflows",
    cause="Back-propagation multiplies 1/p by p(1 - p); in 16 bits the first overflows or the second rounds away "
    "before they cancel, so the gradient is inf, nan or many times too large.",
    location="keras/src/losses/loss.py: __call__",
    remedy='Keep the last layer in float32: dtype="float32".',
    cured=in_float32,
)
def _overflow(path: Path, measures: Measures) -> bool:
    broken = happens(measures.explodes_from) or (
        happens(measures.inf_from, measures.nan_from)
        and not measures.loss_breaks_from <= min_of(measures.inf_from, measures.nan_from)
    )
    return half(path.precision) and from_probabilities(path) and broken


@pathology(
    "float64_demoted",
    cause="Except on TensorFlow, Keras's type promotion turns float64 into float32, so a float64 model's matrix "
    "products (PyTorch) and means (PyTorch and JAX, binary_crossentropy's among them) carry float32's rounding.",
    location="keras/src/backend/common/dtypes.py: _lattice_result_type",
    remedy="For float64 use the TensorFlow backend, or the framework's own layers and losses.",
    cured=lambda p: replace(
        p, units=2, form="from_logits", activation="linear",
        **({"framework": "torch", "loss": "CrossEntropyLoss"} if p.framework == "keras-torch" else
           {"loss": "categorical_crossentropy"}),
    ),
)
def _demoted(path: Path, measures: Measures) -> bool:
    demotes = path.framework in ("keras-torch", "keras-jax") and path.dtype == "float64"
    return demotes and FINE < measures.rounding < COARSE


@pathology(
    "float64_truncated",
    cause="JAX computes float64 in float32 unless it is told otherwise before the first array is made.",
    location="keras/src/backend/jax/core.py: convert_to_tensor",
    remedy='Call jax.config.update("jax_enable_x64", True) first.',
    cured=lambda p: replace(p, dtype="float64", form="from_logits", activation="linear", units=2,
                            loss="categorical_crossentropy"),
)
def _truncated(path: Path, measures: Measures) -> bool:
    return path.dtype == "float64_without_x64" and FINE < measures.rounding < COARSE


@pathology(
    "loss_follows_floatx",
    cause="The layers are float64 by their policy, but a Keras loss casts to floatx, which is still float32.",
    location="keras/src/losses/loss.py: __init__",
    remedy='Call keras.config.set_floatx("float64") instead of setting the policy alone.',
    cured=lambda p: replace(p, dtype="float64"),
)
def _floatx(path: Path, measures: Measures) -> bool:
    return path.dtype == "float64_layers_only" and FINE < measures.rounding < COARSE


@pathology(
    "coarse_dtype",
    cause="A gradient near 1 is stored in steps of 0.0005 (float16) or 0.004 (bfloat16): it is off by its rounding, "
    "and by nothing else.",
    location="",
    remedy="Nothing, or a float32 last layer where it matters.",
    cured=in_float32,
    harms=False,
)
def _coarse(path: Path, measures: Measures) -> bool:
    return half(path.precision) and happens(measures.off_from) and measures.worst <= 4 * EPSILON[path.precision]
