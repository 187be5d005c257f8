"""The atlas on PyTorch and JAX, each swept in a process of its own: the facts that TensorFlow does not share."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path as File
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numerics_cases import SIGMOID, SOFTMAX, gradient, one, other

from experiments.numerics import PATHOLOGIES, SOUND, UNEXPLAINED, Path, pathologies, study
from experiments.numerics.axes import MEASURED, PATH

CAP = -np.log(1e-7)
HEADS = pytest.mark.parametrize("head", [SIGMOID, SOFTMAX], ids=["sigmoid", "softmax"])


@pytest.fixture(scope="module", params=["torch", "jax"])
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def atlas(backend: str, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return other(backend, tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def torch_atlas(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return other("torch", tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def table(atlas: pd.DataFrame) -> pd.DataFrame:
    return pathologies(atlas)


def keras_on(backend: str, **where: Any) -> dict[str, Any]:
    return {"framework": f"keras-{backend}", "execution": "eager", "dtype": "float32", "form": "in_layer", **where}


@HEADS
def test_a_confident_mistake_has_no_gradient_from_17_on(
    head: dict[str, Any], backend: str, atlas: pd.DataFrame, table: pd.DataFrame
) -> None:
    where = keras_on(backend, **head)
    assert gradient(atlas, 17, 0, **where) == 0
    assert gradient(atlas, -17, 1, **where) == 0
    assert gradient(atlas, 15, 0, **where) == pytest.approx(1, abs=0.05)
    rows = one(table, **where, pathology="probability_clipped")
    assert set(rows["dead_from"]) == {17}
    assert rows["loss_cap"].to_numpy() == pytest.approx(CAP, rel=1e-4)


@pytest.mark.parametrize(
    ("activation", "loss"), [("softmax", "binary_crossentropy"), ("sigmoid", "categorical_crossentropy")]
)
def test_crossed_pairs_are_computed_as_they_are_written(
    activation: str, loss: str, backend: str, atlas: pd.DataFrame
) -> None:
    """The same Keras program that trains another loss on TensorFlow: here the formula is that of the probabilities."""
    rows = one(atlas, **keras_on(backend, activation=activation, units=2, loss=loss))
    near = rows.loc[rows["z"].abs() <= 8]
    assert np.abs(near["grad"] - near["grad_reference"]).max() < 1e-3
    assert near["loss_value"].to_numpy() == pytest.approx(near["loss_reference"].to_numpy(), rel=1e-3)


def test_from_logits_is_sound_in_float32(backend: str, table: pd.DataFrame) -> None:
    for units, loss in ((1, "binary"), (2, "binary"), (2, "categorical"), (2, "sparse_categorical")):
        where = keras_on(backend, form="from_logits", activation="linear", units=units, loss=f"{loss}_crossentropy")
        assert set(one(table, **where)["pathology"]) == {SOUND}


def test_a_float16_head_is_lopsided_here_too(backend: str, atlas: pd.DataFrame) -> None:
    where = keras_on(backend, **SIGMOID, dtype="mixed_float16")
    assert gradient(atlas, 10, 0, **where) == 0
    assert gradient(atlas, -10, 1, **where) == pytest.approx(-1, abs=1e-3)


def test_float64_is_demoted_to_float32(backend: str, table: pd.DataFrame) -> None:
    where = keras_on(backend, dtype="float64", form="from_logits", activation="linear", units=1)
    (row,) = one(table, **where, loss="binary_crossentropy").to_dict("records")
    assert row["pathology"] == "float64_demoted"
    assert 1e-10 < row["rounding"] < 1e-6


def test_jax_truncates_float64_without_its_switch(backend: str, table: pd.DataFrame) -> None:
    rows = table.loc[table["dtype"] == "float64_without_x64"]
    assert rows["pathology"].eq("float64_truncated").any() == (backend == "jax")


def test_everything_that_is_wrong_has_a_name_and_a_place(table: pd.DataFrame) -> None:
    assert not (table["pathology"] == UNEXPLAINED).any()
    keras = find_spec("keras")
    assert keras is not None
    root = File(str(keras.origin)).parents[1]
    for location in set(table["place"]) - {"", "the program itself"}:
        file, _, function = location.partition(": ")
        text = (root / file).read_text(encoding="utf-8")
        assert f"def {function}" in text or f"{function} = " in text, location


def test_remedies_are_remedies(table: pd.DataFrame) -> None:
    by_path = table.groupby(PATH, observed=True)["pathology"].agg(set)
    swept = {Path(**dict(zip(PATH, keys, strict=True))): names for keys, names in by_path.items()}
    checked = set()
    for path, names in swept.items():
        for name in names - {SOUND}:
            cured = PATHOLOGIES[name].cured(path)
            if cured in swept:
                assert name not in swept[cured], (name, path, cured)
                checked.add(name)
    assert {"probability_clipped", "one_unit_softmax", "one_sided_saturation", "float64_demoted"} <= checked


def test_the_executions_that_are_lacking_say_so(backend: str, atlas: pd.DataFrame) -> None:
    if backend == "torch":
        lacking = atlas.loc[atlas["execution"] != "eager", "status"]
        assert lacking.str.startswith("does not exist: PyTorch runs op by op").all()
    assert (atlas["status"] == MEASURED).any()


# PyTorch's own losses -----------------------------------------------------------------------------------------------


def own(atlas: pd.DataFrame, loss: str, activation: str, units: int) -> pd.DataFrame:
    return one(pathologies(one(atlas, framework="torch", dtype="float32", execution="eager", loss=loss,
                               activation=activation, units=units, status=MEASURED)))  # fmt: skip


@pytest.mark.parametrize(
    ("loss", "activation", "units"),
    [("BCEWithLogitsLoss", "linear", 1), ("CrossEntropyLoss", "linear", 2), ("NLLLoss", "log_softmax", 2)],
)
def test_the_losses_of_logits_are_sound(loss: str, activation: str, units: int, torch_atlas: pd.DataFrame) -> None:
    rows = own(torch_atlas, loss, activation, units)
    assert set(rows["pathology"]) == {SOUND}
    assert rows["worst"].max() < 1e-6


def test_bce_loss_jumps_to_100_and_dies(torch_atlas: pd.DataFrame) -> None:
    (row,) = own(torch_atlas, "BCELoss", "sigmoid", 1).to_dict("records")
    assert row["pathology"] == "log_clamped"
    assert row["loss_cap"] == 100
    assert row["dead_label_0"] == 17


def test_activations_before_the_losses_of_logits_are_named(torch_atlas: pd.DataFrame) -> None:
    assert "probabilities_taken_for_logits" in set(own(torch_atlas, "CrossEntropyLoss", "softmax", 2)["pathology"])
    assert "not_a_log_probability" in set(own(torch_atlas, "NLLLoss", "softmax", 2)["pathology"])


# the whole ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_whole_study_of_another_backend(backend: str) -> None:
    """In a child process, since TensorFlow is in use here."""
    import keras

    assert keras.backend.backend() == "tensorflow"
    told: list[int] = []
    whole = study(backend, lambda done, of: told.append(done))
    assert told == sorted(told)
    assert (whole["pathologies"]["pathology"] != UNEXPLAINED).all()
    harmful = set(whole["pathologies"].loc[whole["pathologies"]["harms"], "pathology"])
    assert set(whole["consequences"]["pathology"]) == harmful
