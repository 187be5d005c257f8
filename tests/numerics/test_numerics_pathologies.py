"""What needs no framework: which pathologies a path's numbers mean, and the paths of NumPy and of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from experiments.numerics import Path, numpy_sweeps, references
from experiments.numerics.axes import EPSILON, SWEEP
from experiments.numerics.measures import Measures
from experiments.numerics.pathologies import diagnose
from experiments.numerics.sweeps import SweepResult

USUAL = {"framework": "keras-tensorflow", "execution": "eager", "dtype": "float32", "form": "in_layer",
         "activation": "sigmoid", "units": 1, "loss": "binary_crossentropy"}  # fmt: skip
JAX = {"framework": "keras-jax"}
TORCH = {"framework": "torch", "form": "activation_layer"}
SOFTMAX = {"activation": "softmax", "units": 2, "loss": "categorical_crossentropy"}
FROM_LOGITS = {"form": "from_logits", "activation": "linear"}
BY_HAND = {"framework": "numpy", "form": "activation_layer", "loss": "log_by_hand"}
# a confident mistake has no gradient, and its loss grows no more
DIES = {"off_from": 17.0, "dead_from": 17.0, "loss_cap": 16.0, "worst": 1.0}


def measures(**numbers: float) -> Measures:
    """Those of a sound path, but for some."""
    sound = dict.fromkeys(Measures.__dataclass_fields__, np.nan)
    return Measures(**{**sound, "worst": 0.0, "rounding": 0.0, "defined": 1.0, **numbers})


@pytest.mark.parametrize(
    ("path", "numbers", "names"),
    [
        ({}, {}, []),
        ({}, DIES, []),  # which no entry explains
        # the loss is computed from a probability
        (JAX, {}, []),
        (JAX, DIES, ["probability_clipped"]),
        (JAX, {"off_from": 16.0, "worst": 0.01}, ["complement_rounds"]),
        (JAX, {"off_from": 17.0, "worst": 0.01}, []),
        ({**JAX, **SOFTMAX}, {"off_from": 16.0, "worst": 0.01}, []),
        ({"form": "layer_after"}, {}, []),
        ({"form": "layer_after"}, DIES, ["logits_lost_to_a_layer"]),
        ({"dtype": "float64_layers_only"}, {}, []),
        ({"dtype": "float64_layers_only"}, DIES, ["logits_lost_to_a_cast"]),
        ({**TORCH, "loss": "BCELoss"}, {"worst": 4 * EPSILON["float32"]}, []),
        ({**TORCH, "loss": "BCELoss"}, {"worst": 5 * EPSILON["float32"]}, ["log_clamped"]),
        ({**TORCH, "loss": "BCELoss"}, {"dead_from": 40.0}, ["log_clamped"]),
        (BY_HAND, {}, []),
        (BY_HAND, {"inf_from": 37.0}, ["log_of_zero"]),
        ({**BY_HAND, "loss": "log_loss", "framework": "scikit-learn"}, {}, []),
        ({**BY_HAND, "loss": "log_loss", "framework": "scikit-learn"}, {"loss_cap": 36.0},
         ["clipped_at_machine_epsilon"]),
        # the program means another loss
        ({**SOFTMAX, "loss": "binary_crossentropy"}, {"off_from": 1.0}, ["crossed_pair_swaps_the_objective"]),
        ({**SOFTMAX, "loss": "binary_crossentropy"}, {"off_from": 2.0}, []),
        ({**SOFTMAX, "loss": "binary_crossentropy", "form": "from_logits"}, {"off_from": 1.0},
         ["probabilities_taken_for_logits"]),
        ({**SOFTMAX, "activation": "sigmoid"}, {"off_from": 0.5}, ["crossed_pair_swaps_the_objective"]),
        (SOFTMAX, {"off_from": 0.5}, []),
        ({"units": 2}, {"off_from": 0.5}, []),
        ({"activation": "softmax"}, {}, ["one_unit_softmax"]),
        ({"loss": "categorical_crossentropy"}, {}, ["one_unit_categorical"]),
        ({"activation": "linear"}, {}, ["logits_taken_for_probabilities"]),
        (FROM_LOGITS, {}, []),
        ({**TORCH, **FROM_LOGITS, "units": 2, "loss": "NLLLoss"}, {}, ["not_a_log_probability"]),
        ({**TORCH, "activation": "softmax", "units": 2, "loss": "NLLLoss"}, {}, ["not_a_log_probability"]),
        ({**TORCH, "activation": "log_softmax", "units": 2, "loss": "NLLLoss"}, {}, []),
        ({**TORCH, "activation": "log_softmax", "units": 2, "loss": "CrossEntropyLoss"}, {}, []),
        ({**TORCH, "activation": "softmax", "units": 2, "loss": "CrossEntropyLoss"}, {},
         ["probabilities_taken_for_logits"]),
        # the dtype holds less than the loss needs
        ({"dtype": "mixed_float16"}, {"asymmetric_from": 8.0}, ["one_sided_saturation"]),
        ({"dtype": "float16"}, {"asymmetric_from": 8.0}, []),  # one dtype throughout: Keras has the logits
        ({**JAX, "dtype": "bfloat16"}, {"asymmetric_from": 8.0}, ["one_sided_saturation"]),
        (JAX, {"asymmetric_from": 8.0}, []),
        ({**JAX, "dtype": "float16"}, {"loss_breaks_from": 9.0, "inf_from": 9.0}, ["clip_vanishes"]),
        ({**JAX, "dtype": "float16"}, {"loss_breaks_from": 9.0, "inf_from": 8.0}, ["clip_vanishes", "slope_overflows"]),
        ({**JAX, "dtype": "float16"}, {"explodes_from": 7.0}, ["slope_overflows"]),
        ({**JAX, "dtype": "mixed_float16"}, {"loss_breaks_from": 9.0, "inf_from": 9.0}, []),
        ({**JAX, "dtype": "float64"}, {"rounding": 1e-8}, ["float64_demoted"]),
        ({**JAX, "dtype": "float64"}, {"rounding": 1e-13}, []),
        ({**JAX, "dtype": "float64"}, {"rounding": 1e-3}, []),
        ({"dtype": "float64"}, {"rounding": 1e-8}, []),
        (JAX, {"rounding": 1e-8}, []),
        ({**JAX, "dtype": "float64_without_x64"}, {"rounding": 1e-8}, ["float64_truncated"]),
        ({**JAX, "dtype": "float64_without_x64"}, {"rounding": 1e-13}, []),
        ({"dtype": "float64_layers_only"}, {"rounding": 1e-8}, ["loss_follows_floatx"]),
        ({**JAX, **FROM_LOGITS, "dtype": "float16"}, {"off_from": 2.0, "worst": 4 * EPSILON["float16"]},
         ["coarse_dtype"]),
        ({**JAX, **FROM_LOGITS, "dtype": "float16"}, {"off_from": 2.0, "worst": 5 * EPSILON["float16"]}, []),
        ({**JAX, **FROM_LOGITS}, {"off_from": 2.0, "worst": 1e-9}, []),
    ],
)  # fmt: skip
def test_a_path_has_the_pathologies_that_its_numbers_mean(
    path: dict[str, Any], numbers: dict[str, float], names: list[str]
) -> None:
    diagnoses = diagnose(Path(**{**USUAL, **path}), measures(**numbers))
    assert sorted(pathology.name for pathology in diagnoses) == names


def test_rounding_is_the_distance_from_one_to_the_next_number() -> None:
    """Of bfloat16, which NumPy lacks: 7 bits follow the first."""
    finfo = {dtype: np.finfo(dtype).eps for dtype in ("float64", "float32", "float16")}
    assert {**finfo, "bfloat16": 1 / 128} == EPSILON


EAGER = [path for path in numpy_sweeps.paths() if path.execution == "eager" and path.dtype != "bfloat16"]


@pytest.mark.parametrize("path", EAGER, ids=lambda path: f"{path.loss}-{path.units}-{path.dtype}")
def test_what_is_written_by_hand_is_its_reference_where_no_logit_is_large(path: Path) -> None:
    """Where |z| is at most 4, to a few times the rounding of 1 - p, whose p is 0.98 there."""
    swept = numpy_sweeps.sweep(path)
    assert isinstance(swept, SweepResult)
    loss, grad = references.sweep(path)
    small, few = np.abs(SWEEP) <= 4, 100 * EPSILON[path.dtype]
    np.testing.assert_allclose(swept.loss[small], loss[small], rtol=few)
    np.testing.assert_array_equal(swept.loss_of_prediction, swept.loss)
    if path.framework == "scikit-learn":
        assert np.isnan(swept.grad).all()
    else:
        np.testing.assert_allclose(swept.grad[small], grad[small], atol=few)


@pytest.mark.parametrize("path", [path for path in EAGER if path.loss == "logaddexp_by_hand"], ids=lambda p: p.dtype)
def test_the_logarithm_of_a_sum_of_exponentials_is_its_reference_at_every_logit(path: Path) -> None:
    swept, (loss, grad) = numpy_sweeps.sweep(path), references.sweep(path)
    assert isinstance(swept, SweepResult)
    large = loss > 1
    np.testing.assert_allclose(swept.loss[large], loss[large], rtol=4 * EPSILON[path.dtype])
    np.testing.assert_allclose(swept.grad, grad, atol=4 * EPSILON[path.dtype])


def test_what_numpy_lacks_is_said() -> None:
    for path in numpy_sweeps.paths():
        swept = numpy_sweeps.sweep(path)
        if path.execution != "eager":
            assert swept == "does not exist: it runs eagerly"
        elif path.dtype == "bfloat16":
            assert swept == "does not exist: NumPy has no bfloat16 of its own"
        else:
            assert isinstance(swept, SweepResult)
