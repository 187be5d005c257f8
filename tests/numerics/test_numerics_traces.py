"""Programs with the same trace are swept once: the trace tells apart what computes differently, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numerics_cases import KERAS_TF, SIGMOID, SOFTMAX, one, tensorflow

from experiments.keras_backend import use_backend
from experiments.numerics import Path, sweep
from experiments.numerics.atlas import bind
from experiments.numerics.axes import EXECUTIONS, LABELS
from experiments.numerics.engines import ENGINES
from experiments.numerics.programs import Program
from experiments.numerics.traces import Trace, jax_trace

WRITTEN = Path(**{**KERAS_TF, **SIGMOID, "execution": "any"})
OWN = replace(WRITTEN, framework="tensorflow", form="from_logits", activation="linear",
              loss="sigmoid_cross_entropy_with_logits")  # fmt: skip


@pytest.fixture(scope="module")
def trace() -> Trace:
    use_backend("tensorflow")
    return ENGINES["tensorflow"]().trace


@pytest.mark.parametrize("where", [{"form": "activation_layer"}, {"dtype": "mixed_float16_float32_head"}])
def test_what_adds_no_operation_leaves_the_trace(where: dict[str, Any], trace: Trace) -> None:
    assert trace(bind(replace(WRITTEN, **where))) == trace(bind(WRITTEN))


@pytest.mark.parametrize(
    "where",
    [
        {"form": "layer_after"},
        {"form": "from_logits", "activation": "linear"},
        {"units": 2},
        {"units": 2, "activation": "softmax"},
        {"units": 2, "loss": "categorical_crossentropy"},
        {"dtype": "float64"},
        {"dtype": "mixed_float16"},
        {"dtype": "float64_layers_only"},
    ],
)
def test_what_computes_differently_has_another_trace(where: dict[str, Any], trace: Trace) -> None:
    assert trace(bind(replace(WRITTEN, **where))) != trace(bind(WRITTEN))


def scaled(program: Program, factor: float) -> Program:
    return replace(program, objective=(program.objective, factor), loss=lambda q: program.loss(q) * factor)


def differ_in_their_constants(trace: Trace, path: Path) -> None:
    labels = bind(path, 1 - LABELS)
    programs = [bind(path), replace(labels, objective=(labels.objective, "other labels"))]
    programs += [scaled(programs[0], factor) for factor in (2.0, np.nextafter(np.float32(2), np.float32(3)).item())]
    traces: list[Hashable] = [trace(program) for program in programs]
    assert len(set(traces)) == len(traces)
    assert traces == [trace(program) for program in programs]


@pytest.mark.parametrize("path", [WRITTEN, OWN], ids=["Keras", "TensorFlow"])
def test_a_trace_holds_the_labels_and_the_constants_to_the_last_bit(path: Path, trace: Trace) -> None:
    differ_in_their_constants(trace, path)


def test_a_trace_of_jax_holds_them_too() -> None:
    """Of a program written in JAX, since Keras runs on TensorFlow here."""
    jax = pytest.importorskip("jax")

    def written(labels: np.ndarray, factor: float) -> Program:
        return replace(
            bind(WRITTEN),
            predict=lambda x, kernel: jax.nn.sigmoid(x @ kernel),
            loss=lambda q: -factor * jax.numpy.log(jax.numpy.where(labels == 1, q[:, 0], 1 - q[:, 0])),
            objective=(factor, labels.tobytes()),
        )

    trace = jax_trace()
    near = np.nextafter(np.float32(2), np.float32(3)).item()
    programs = [written(labels, factor) for labels in (LABELS, 1 - LABELS) for factor in (1.0, 2.0, near)]
    assert len({trace(program) for program in programs}) == len(programs)
    again = jax_trace()
    assert [trace(program) for program in programs] == [again(program) for program in programs]


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_programs_with_one_trace_give_the_same_numbers(execution: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Swept as one, and each in a sweep of its own: the same to the last bit, a refusal too."""
    among = tensorflow()
    monkeypatch.setattr(sys.modules["experiments.numerics.engines"], "tensorflow_trace", lambda: id)
    refused = {**SIGMOID, "loss": "sparse_categorical_crossentropy"}
    heads = [SIGMOID, SOFTMAX] if execution == "xla" else [SIGMOID, SOFTMAX, refused]
    for head in heads:
        # this form is the one that was given the numbers of another
        where = {**head, "form": "activation_layer"} if execution == "eager" else head
        path = Path(**{**KERAS_TF, **where, "execution": execution})
        alone = sweep("tensorflow", [path]).astype({"status": str})
        found = one(among, **vars(path)).astype({"status": str}).reset_index(drop=True)
        assert alone["status"].equals(found["status"])
        numbers = ["label", "z", "loss_value", "grad", "loss_of_prediction"]
        pd.testing.assert_frame_equal(alone[numbers], found[numbers], check_exact=True)
