"""The atlas on TensorFlow, in this process: what it covers, what it finds, and that Keras's training does the same."""

from __future__ import annotations

import re
import sys
from pathlib import Path as File
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lettering_cases import DRAWN
from numerics_cases import (
    KERAS_TF,
    SIGMOID,
    SOFTMAX,
    gradient,
    one,
    tensorflow,
    tensorflow_pathologies,
)

from experiments import numerics, tables
from experiments.figures.lettering import messages_in
from experiments.figures.numerics import consequences as figure_of_consequences
from experiments.figures.numerics import gradient_states, thresholds
from experiments.keras_backend import use_backend
from experiments.numerics import PATHOLOGIES, SOUND, UNEXPLAINED, Path, pathologies, paths, sweep
from experiments.numerics.atlas import bind
from experiments.numerics.axes import (
    DTYPES,
    EXECUTIONS,
    FORMS,
    HEADS,
    LABELS,
    LOSSES,
    MEASURED,
    PATH,
    SWEEP,
    VARIANTS,
)
from experiments.numerics.consequences import ROWS, TASKS, Task, data, probability, train, train_on, weights
from experiments.numerics.engines import ENGINES
from experiments.numerics.keras_programs import loss as keras_loss
from experiments.numerics.keras_programs import model, targets
from experiments.numerics.measures import Measures, measure
from experiments.numerics.pathologies import pathology
from experiments.records import UserError

EDGE = -np.log(1e-7)  # where Keras's clip caps a loss


def found(name: str, **where: object) -> pd.DataFrame:
    """The rows of TensorFlow's pathologies with this name."""
    return one(tensorflow_pathologies(), pathology=name, **where)


# what is covered ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", numerics.BACKENDS)
def test_paths_are_the_whole_cross_product_once(backend: str) -> None:
    named = paths(backend)
    assert len(named) == len(set(named))
    keras = [path for path in named if path.framework == f"keras-{backend}"]
    plain = [name for name in DTYPES if name not in VARIANTS]
    shapes = {(dtype, form) for dtype in plain for form in FORMS} | {(dtype, "in_layer") for dtype in VARIANTS}
    heads = {(execution, *head, loss) for execution in EXECUTIONS for head in HEADS for loss in LOSSES}
    assert {(p.dtype, p.form, p.execution, p.activation, p.units, p.loss) for p in keras} == {
        (*shape, *head) for shape in shapes for head in heads
    }


def test_every_path_is_measured_or_says_why_not() -> None:
    atlas = tables.validate("numerics", tensorflow())
    counts = atlas.groupby(PATH, observed=True)["status"].agg(["size", "nunique", "first"])
    assert (counts["nunique"] == 1).all()
    measured = counts["first"] == MEASURED
    assert (counts.loc[measured, "size"] == len(SWEEP)).all()
    assert (counts.loc[~measured, "size"] == 1).all()
    assert counts.loc[~measured, "first"].str.match(r"raises |does not exist: ").all()
    assert atlas.loc[atlas["status"] == MEASURED, "loss_value"].notna().any()


def test_a_label_that_names_no_unit_is_refused_in_one_line() -> None:
    (status,) = one(tensorflow(), **{**KERAS_TF, **SIGMOID, "loss": "sparse_categorical_crossentropy"})["status"]
    assert status.startswith("raises InvalidArgumentError: Received a label value of 1")
    assert "\n" not in status


def test_a_label_that_names_no_unit_passes_xla_which_checks_none() -> None:
    where = {**KERAS_TF, **SIGMOID, "loss": "sparse_categorical_crossentropy"}
    assert set(one(tensorflow(), **{**where, "execution": "xla"})["status"]) == {MEASURED}


def test_a_backend_that_is_not_installed_says_so_in_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("atlas", "study"):
        monkeypatch.setattr(sys.modules[f"experiments.numerics.{module}"], "installed", lambda package: False)
    study = numerics.study("torch")
    assert set(study["numerics"]["status"]) == {"not installed"}
    assert len(study["numerics"]) == len(paths("torch"))
    assert set(study["numerics"]["label"]) == {-1}
    assert study["numerics"]["z"].isna().all()
    assert study["pathologies"].empty
    assert study["consequences"].empty
    assert "not installed" in numerics.summary(study)
    assert gradient_states(study["numerics"]).finding.startswith("Nothing was measured")
    assert thresholds(study["pathologies"], framework="keras-torch").finding.startswith("Nothing was measured")
    assert figure_of_consequences(study["consequences"]).finding.startswith("Nothing was measured")


def test_a_process_keeps_its_backend() -> None:
    tensorflow()
    with pytest.raises(UserError, match="fresh kernel"):
        use_backend("jax")
    with pytest.raises(UserError, match="Known: tensorflow, torch, jax"):
        paths("mxnet")


def test_the_atlas_of_some_dtypes_is_part_of_the_whole() -> None:
    some = paths("tensorflow", ["float32"])
    assert some == [path for path in paths("tensorflow") if path.dtype == "float32"]
    with pytest.raises(UserError, match=r"Unknown dtype .float8.\. Known: float64, float32"):
        paths("tensorflow", ["float8"])


def test_a_study_of_another_backend_runs_in_a_process_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: File
) -> None:
    """The child is a stand-in that tells its progress and writes tables: a real one takes half a minute."""
    tensorflow()
    monkeypatch.setattr(sys.modules["experiments.numerics.study"], "installed", lambda package: True)
    written = tmp_path / "tables"
    written.mkdir()
    tensorflow().head(3).to_parquet(written / "numerics.parquet")
    for name in ("pathologies", "consequences"):
        pd.DataFrame({"backend": ["jax"]}).to_parquet(written / f"{name}.parquet")
    stand_in = tmp_path / "python"
    stand_in.write_text(f'#!/bin/sh\n[ "$KERAS_BACKEND" = "$4" ] || exit 3\necho 1 2; echo 2 2; cp {written}/* "$5"\n')
    stand_in.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    told: list[tuple[int, int]] = []
    study = numerics.study("jax", lambda done, of: told.append((done, of)))
    assert told == [(1, 2), (2, 2)]
    assert len(study["numerics"]) == 3
    assert set(study["consequences"]["backend"]) == {"jax"}
    stand_in.write_text("#!/bin/sh\necho broken >&2; exit 1\n")
    with pytest.raises(RuntimeError, match="broken"):
        numerics.study("jax")


# what TensorFlow computes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("head", [SIGMOID, SOFTMAX], ids=["sigmoid", "softmax"])
def test_both_heads_have_the_exact_gradient_at_120_in_float32(head: dict[str, Any], execution: str) -> None:
    where = {**KERAS_TF, **head, "execution": execution}
    assert gradient(tensorflow(), 120, 0, **where) == 1
    assert gradient(tensorflow(), -120, 1, **where) == -1
    rows = one(tensorflow(), **where)
    assert np.abs(rows["grad"] - rows["grad_reference"]).max() < 1e-6
    assert set(one(tensorflow_pathologies(), **where)["pathology"]) == {SOUND}


def test_softmax_with_the_binary_loss_trains_two_sigmoids() -> None:
    """At logits (-z/2, z/2) and label 0 both sigmoids' losses are softplus(z / 2); as written, both are softplus(z)."""
    rows = one(tensorflow(), **{**KERAS_TF, **SOFTMAX, "loss": "binary_crossentropy"}, label=0)
    z = rows["z"].to_numpy()
    assert rows["loss_value"].to_numpy() == pytest.approx(np.logaddexp(0, z / 2), rel=1e-6)
    assert rows["loss_reference"].to_numpy() == pytest.approx(np.logaddexp(0, z), rel=1e-12)


def test_sigmoids_with_the_categorical_loss_train_a_softmax() -> None:
    for loss in ("categorical_crossentropy", "sparse_categorical_crossentropy"):
        where = {**KERAS_TF, "activation": "sigmoid", "units": 2, "loss": loss}
        rows = one(tensorflow(), **where, label=0)
        z = rows["z"].to_numpy()
        assert rows["loss_value"].to_numpy() == pytest.approx(np.logaddexp(0, z), rel=1e-6, abs=1e-7)
        assert rows["loss_reference"].to_numpy() == pytest.approx(np.logaddexp(0, z / 2), rel=1e-12)
        assert set(found("crossed_pair_swaps_the_objective", **where)["evaluate_differs_from"]) == {0.5}


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_a_path_computes_alone_what_it_computes_among_others(execution: str) -> None:
    """They share heads, inputs and a compilation; a row's numbers are its own."""
    for head in (SIGMOID, SOFTMAX, {**SOFTMAX, "loss": "binary_crossentropy"}):
        path = Path(**{**KERAS_TF, **head, "execution": execution})
        alone = sweep("tensorflow", [path])[["loss_value", "grad", "loss_of_prediction"]]
        among = one(tensorflow(), **vars(path))[list(alone)]
        pd.testing.assert_frame_equal(alone, among.reset_index(drop=True), check_exact=True)


def test_programs_of_pytorch_that_share_a_head_have_each_its_own_gradient() -> None:
    """dL/dz of the losses from a sigmoid is (p - y) p (1 - p) from logits, and p - y from probabilities."""
    pytest.importorskip("torch")
    engine = ENGINES["torch"]()
    paths_of_head = [
        Path(framework="torch", execution="eager", dtype="float64", form="activation_layer", activation="sigmoid",
             units=1, loss=loss)
        for loss in ("BCEWithLogitsLoss", "BCELoss")
    ]  # fmt: skip
    of_logits, of_probabilities = engine.compiled([[bind(path) for path in paths_of_head]], "eager")([SWEEP])
    p, small = 1 / (1 + np.exp(-SWEEP)), np.abs(SWEEP) <= 8
    squashed = (1 / (1 + np.exp(-p)) - LABELS) * p * (1 - p)
    assert engine.numpy(of_logits.grad)[:, 0] == pytest.approx(squashed, abs=1e-12)
    assert engine.numpy(of_probabilities.grad)[small, 0] == pytest.approx((p - LABELS)[small], abs=1e-12)


def test_the_loss_of_what_was_predicted_is_that_of_its_own_objective() -> None:
    """Equal predictions share that loss, and only where loss, units, dtype and `from_logits` are the same."""
    for head in (SIGMOID, SOFTMAX, {**SIGMOID, "activation": "linear"}):
        for form in ("in_layer", "from_logits"):
            path = Path(**{**KERAS_TF, **head, "form": form})
            predicted = model(path)(SWEEP[:, None].astype("float32")).numpy()  # leaves its logits behind
            expected = keras_loss(path)(targets(path, LABELS), predicted).numpy()
            assert (one(tensorflow(), **vars(path))["loss_of_prediction"].to_numpy() == expected).all()


def test_evaluate_and_the_loss_of_the_prediction_disagree_on_a_crossed_pair() -> None:
    """With Keras's own compile, evaluate and predict, at logits that are not symmetric."""
    import keras

    network = keras.Sequential([keras.Input((2,)), keras.layers.Softmax()])
    network.compile(loss="binary_crossentropy")
    logits = np.array([[0.3, -0.4], [1.2, 0.1]], dtype="float32")
    y = np.array([[1.0, 0.0], [0.0, 1.0]], dtype="float32")
    evaluated = network.evaluate(logits, y, verbose=0)
    predicted = network.predict(logits, verbose=0)
    assert evaluated == pytest.approx((np.logaddexp(0, logits) - y * logits).mean(), rel=1e-6)
    written = -(y * np.log(predicted) + (1 - y) * np.log(1 - predicted)).mean()
    assert float(keras.losses.BinaryCrossentropy()(y, predicted)) == pytest.approx(written, rel=1e-5)
    assert abs(evaluated - written) > 0.01


@pytest.mark.parametrize("head", [SIGMOID, SOFTMAX], ids=["sigmoid", "softmax"])
def test_a_layer_after_the_activation_stops_the_gradient_at_20_and_the_loss_at_16(head: dict[str, Any]) -> None:
    where = {**KERAS_TF, **head, "form": "layer_after"}
    assert gradient(tensorflow(), 20, 0, **where) == 0
    assert gradient(tensorflow(), -20, 1, **where) == 0
    assert gradient(tensorflow(), 16, 0, **where) == pytest.approx(1, abs=1e-3)
    (row,) = found("logits_lost_to_a_layer", **where).to_dict("records")
    assert row["dead_from"] == 17
    assert row["loss_cap"] == pytest.approx(EDGE, rel=1e-4)


def test_a_float16_head_treats_the_labels_unlike_and_breaks_further_out() -> None:
    where = {**KERAS_TF, **SIGMOID, "dtype": "mixed_float16"}
    assert gradient(tensorflow(), 10, 0, **where) == 0
    assert gradient(tensorflow(), -10, 1, **where) == pytest.approx(-1, abs=1e-3)
    (row,) = found("one_sided_saturation", **where).to_dict("records")
    assert row["dead_label_0"] < row["dead_label_1"]
    assert row["inf_from"] == 12
    (softmax,) = found("slope_overflows", **{**where, **SOFTMAX}).to_dict("records")
    assert softmax["nan_from"] == 12


def test_a_float32_head_makes_a_mixed_model_sound() -> None:
    for head in (SIGMOID, SOFTMAX):
        where = {**KERAS_TF, **head, "dtype": "mixed_float16_float32_head"}
        assert set(one(tensorflow_pathologies(), **where)["pathology"]) == {SOUND}


def test_float64_layers_alone_lose_the_logits_to_the_cast() -> None:
    where = {**KERAS_TF, **SIGMOID, "dtype": "float64_layers_only"}
    assert {"logits_lost_to_a_cast", "loss_follows_floatx"} <= set(one(tensorflow_pathologies(), **where)["pathology"])
    assert set(one(tensorflow_pathologies(), **{**where, "dtype": "float64"})["pathology"]) == {SOUND}


def test_one_unit_softmax_trains_what_predict_never_shows() -> None:
    rows = one(tensorflow(), **{**KERAS_TF, **SIGMOID, "activation": "softmax"}, label=0)
    assert rows["loss_value"].to_numpy() == pytest.approx(np.logaddexp(0, rows["z"]), rel=1e-6)
    assert np.isinf(rows["loss_reference"]).all()  # -log(1 - 1)


def test_scikit_learn_clips_at_the_epsilon_of_its_dtype() -> None:
    where = {"framework": "scikit-learn", "activation": "sigmoid"}
    caps = found("clipped_at_machine_epsilon", **where).set_index("dtype")["loss_cap"]
    assert caps["float64"] == pytest.approx(52 * np.log(2))
    assert caps["float32"] == pytest.approx(23 * np.log(2), rel=1e-6)
    assert one(tensorflow(), **where, status=MEASURED)["grad_reference"].isna().all()


def test_the_stable_forms_of_numpy_and_tensorflow_are_sound_and_the_logarithm_by_hand_is_not() -> None:
    for where in (
        {"framework": "numpy", "loss": "logaddexp_by_hand"},
        {"framework": "tensorflow", "loss": "sigmoid_cross_entropy_with_logits", "activation": "linear"},
    ):
        rows = one(tensorflow_pathologies(), **where, dtype="float32")
        assert set(rows["pathology"]) == {SOUND}
    assert len(found("log_of_zero", framework="tensorflow", dtype="float32"))
    assert len(found("log_of_zero", framework="numpy", dtype="float32"))


@pytest.mark.parametrize("form", ["in_layer", "layer_after"])
@pytest.mark.parametrize(("z", "label"), [(20.0, 0), (-3.0, 1), (5.0, 1)])
def test_what_is_swept_is_what_fit_and_evaluate_compute(form: str, z: float, label: int) -> None:
    """One step of Keras's own SGD at rate 1 moves the weight z of the input 1 by dL/dz."""
    import keras

    path = Path(**{**KERAS_TF, **SIGMOID, "form": form})
    network = keras.models.clone_model(model(path))
    network.layers[0].set_weights([np.array([[z]])])
    network.compile(optimizer=keras.optimizers.SGD(1.0), loss="binary_crossentropy")
    x, y = np.ones((1, 1), dtype="float32"), np.array([[float(label)]], dtype="float32")
    (row,) = one(tensorflow(), z=z, label=label, **vars(path)).to_dict("records")
    assert network.evaluate(x, y, verbose=0) == pytest.approx(row["loss_value"], rel=1e-6)
    network.fit(x, y, verbose=0)
    moved = z - network.layers[0].get_weights()[0].item()
    assert moved == pytest.approx(row["grad"], abs=2e-6)


# pathologies --------------------------------------------------------------------------------------------------------


def test_everything_that_is_wrong_has_a_name() -> None:
    assert not (tensorflow_pathologies()["pathology"] == UNEXPLAINED).any()


def test_remedies_are_remedies() -> None:
    """Of each path with a pathology that is found here, the cured path does not have it."""
    table = tensorflow_pathologies()
    ill = {
        (record["pathology"], Path(**{name: record[name] for name in PATH}))
        for record in table.loc[table["cause"] != ""].to_dict("records")
    }
    swept = {path for _, path in ill} | {Path(**row) for row in table[PATH].drop_duplicates().to_dict("records")}
    checked = set()
    for name, path in ill:
        cured = PATHOLOGIES[name].cured(path)
        if cured in swept:
            assert (name, cured) not in ill, (name, path, cured)
            checked.add(name)
    assert checked >= set(table.loc[table["harms"] & (table["pathology"] != SOUND), "pathology"]) - {"clip_vanishes"}


def test_places_are_in_the_installed_source() -> None:
    import keras

    root = File(keras.__file__).parents[1]
    locations = set(tensorflow_pathologies()["place"]) - {"", "the program itself"}
    assert len(locations) > 5
    for location in locations:
        file, _, function = location.partition(": ")
        assert f"def {function}" in (root / file).read_text(encoding="utf-8"), location


def test_a_pathology_is_added_in_one_place() -> None:
    @pathology("throwaway", cause="It is a test.", location="", remedy="None.", cured=lambda path: path)
    def throwaway(path: Path, measured: Measures) -> bool:
        return path.activation == "sigmoid"

    try:
        table = pathologies(one(tensorflow(), **KERAS_TF, **SIGMOID))
        assert set(table["pathology"]) == {"throwaway"}
        assert set(table["cause"]) == {"It is a test."}
    finally:
        PATHOLOGIES.remove("throwaway")


# measures, on a table that a reader can check by hand ---------------------------------------------------------------


def rows_of(**columns: np.ndarray) -> pd.DataFrame:
    """A sound sigmoid over the sweep, with some columns replaced."""
    slope = 1 / (1 + np.exp(-SWEEP)) - LABELS
    loss = np.logaddexp(0, SWEEP) - LABELS * SWEEP
    sound = {"label": LABELS, "z": SWEEP, "loss_value": loss, "loss_reference": loss, "grad": slope,
             "grad_reference": slope, "loss_of_prediction": loss}  # fmt: skip
    return pd.DataFrame({**sound, **columns})


def test_measures_of_a_sound_path() -> None:
    found = measure(rows_of(), "float32")
    assert found.worst == 0
    assert found.rounding == 0
    assert found.defined == 1
    thresholds = vars(found).keys() - {"worst", "rounding", "defined"}
    assert all(np.isnan(getattr(found, name)) for name in thresholds)


def test_measures_find_where_a_gradient_dies_and_for_which_label() -> None:
    sound = rows_of()
    dead = (sound["label"] == 0) & (sound["z"] >= 9)
    found = measure(rows_of(grad=sound["grad"].where(~dead, 0.0).to_numpy()), "float32")
    assert (found.dead_from, found.dead_label_0, found.off_from, found.asymmetric_from) == (9, 9, 9, 9)
    assert np.isnan(found.dead_label_1)
    assert found.worst == pytest.approx(1, abs=1e-4)


def test_measures_find_a_cap_an_explosion_and_what_is_not_finite() -> None:
    sound = rows_of()
    found = measure(rows_of(loss_value=sound["loss_value"].clip(upper=16.0).to_numpy()), "float32")
    assert found.loss_cap == 16
    assert found.evaluate_differs_from == 17
    grad = sound["grad"].to_numpy().copy()
    grad[(SWEEP == 30) & (LABELS == 0)] = 50.0
    grad[(SWEEP == -40) & (LABELS == 1)] = np.inf
    grad[(SWEEP == 44) & (LABELS == 0)] = np.nan
    found = measure(rows_of(grad=grad), "float32")
    assert (found.explodes_from, found.inf_from, found.nan_from) == (30, 40, 44)
    assert np.isnan(found.loss_breaks_from)


@pytest.mark.parametrize(("grad", "explodes"), [(1.9, False), (2.1, True), (-2.1, True)])
def test_a_gradient_explodes_that_is_larger_than_its_reference_by_more_than_one(grad: float, explodes: bool) -> None:
    """At z = 30 and label 0 the reference is 1."""
    here = (SWEEP == 30) & (LABELS == 0)
    found = measure(rows_of(grad=np.where(here, grad, rows_of()["grad"])), "float32")
    assert found.off_from == 30
    assert (found.explodes_from == 30) == explodes


@pytest.mark.parametrize(
    ("cap_label_0", "cap_label_1", "cap"), [(16, np.inf, 16), (np.inf, 16, 16), (16, 12, 16), (12, 16, 16)]
)
def test_a_cap_may_be_on_either_side(cap_label_0: float, cap_label_1: float, cap: float) -> None:
    """Label 0 is mistaken where z is large, label 1 where it is small: the highest value at which a loss stays."""
    loss = np.minimum(rows_of()["loss_value"], np.where(LABELS == 0, cap_label_0, cap_label_1))
    assert measure(rows_of(loss_value=loss), "float32").loss_cap == cap


def test_a_loss_that_grows_slowly_has_no_cap() -> None:
    assert np.isnan(measure(rows_of(loss_value=rows_of()["loss_value"].to_numpy() / 2), "float32").loss_cap)


def test_rounding_of_a_half_is_off_and_not_wrong() -> None:
    rounded = np.round(rows_of()["grad"].to_numpy() * 256) / 256
    found = measure(rows_of(grad=rounded), "bfloat16")
    assert found.off_from < 2
    assert np.isnan(found.wrong_from)
    assert found.wrong_from != measure(rows_of(grad=rounded), "float32").wrong_from


# consequences -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_clouds_are_apart_by_their_distance_but_for_the_rows_that_are_flipped(task: Task) -> None:
    """Of each class's rows, (1 - f) lie about its own centre and f about the other: mean (1 - 2f) d / 2, either way."""
    half = ROWS // 2
    x = np.stack([data(task, seed) for seed in range(64)])
    assert x.shape == (64, ROWS, 2)
    wanted = (1 - 2 * task.flipped) * task.distance / 2
    assert x[:, :half, 0].mean() == pytest.approx(-wanted, abs=0.15)
    assert x[:, half:, 0].mean() == pytest.approx(wanted, abs=0.15)
    assert np.abs(x[..., 1].mean()) < 0.05
    assert x[..., 1].std() == pytest.approx(1, abs=0.05)
    beyond = np.sign(x[..., 0]) != np.repeat([-1, 1], half)
    assert (beyond.mean() < 0.01) == (task.flipped == 0 and task.distance >= 6)


def test_the_network_of_the_consequences_is_the_one_that_keras_trains() -> None:
    """The same start, rows and steps through Keras's own layers, loss and SGD, in float64."""
    import keras

    task, steps = TASKS[1], 5
    label = np.tile(np.repeat([0, 1], 64), 3)
    (trained,) = train(lambda z: (1 / (1 + np.exp(-z)) - label, np.zeros_like(z)), 1, steps)
    inner, outer = weights(task, 0)
    keras.config.set_floatx("float64")
    try:
        layers = [keras.layers.Dense(len(outer), activation="tanh", dtype="float64"),
                  keras.layers.Dense(1, activation="sigmoid", dtype="float64")]  # fmt: skip
        network = keras.Sequential([keras.Input((2,)), *layers])
        network.compile(optimizer=keras.optimizers.SGD(task.rate), loss="binary_crossentropy")
        layers[0].set_weights([inner, np.zeros(len(outer))])
        layers[1].set_weights([outer[:, None], np.zeros(1)])
        x, y = data(task, 0), np.repeat([0.0, 1.0], 64)[:, None]
        network.fit(x, y, batch_size=len(x), epochs=steps, shuffle=False, verbose=0)
        expected = network.evaluate(x, y, batch_size=len(x), verbose=0)
    finally:
        keras.config.set_floatx("float32")
    assert trained.set_index("task").loc[task.name, "nll"] == pytest.approx(expected, rel=1e-12)


def test_networks_without_a_gradient_stay_where_they_start_and_their_dead_rows_are_counted() -> None:
    """A row is dead where its gradient is 0 although the sigmoid is more than 0.001 from its label."""
    seeds, label = 8, np.repeat([0, 1], ROWS // 2)
    (table,) = train(lambda z: (np.zeros_like(z), np.full_like(z, 0.75)), seeds, 3)
    for task in TASKS:
        mine = table[table["task"] == task.name].set_index("seed")
        for seed in range(seeds):
            inner, outer = weights(task, seed)
            z = np.tanh(data(task, seed) @ inner) @ outer
            off = np.abs(1 / (1 + np.exp(-z)) - label)
            assert mine.loc[seed, "dead_share"] == pytest.approx((off > 1e-3).mean(), rel=1e-12)
            assert mine.loc[seed, "nll"] == pytest.approx((np.logaddexp(0, z) - label * z).mean(), rel=1e-12)
        assert mine["predicted_nll"].to_numpy() == pytest.approx(-(np.log(0.75) + np.log(0.25)) / 2)
        assert set(mine["accuracy"]) == {0.5}
        assert mine["finite"].all()
    assert table["dead_share"].min() < 1
    (sure,) = train(lambda z: (np.zeros_like(z), np.ones_like(z)), 1, 1)
    assert sure["predicted_nll"].to_numpy() == pytest.approx(-(np.log(1 - 1e-7) + np.log(1e-7)) / 2, rel=1e-12)


def test_the_probability_that_a_user_reads_off_a_prediction() -> None:
    """That of class 1: the one unit's, the second of two over their sum, and from logits after the head's own law."""
    one_unit, two_units = np.array([[0.25], [0.75]]), np.array([[0.1, 0.3], [0.6, 0.2]])
    of = {**KERAS_TF, **SIGMOID}
    assert probability(Path(**of), one_unit) == pytest.approx([0.25, 0.75])
    assert probability(Path(**{**of, "units": 2}), two_units) == pytest.approx([0.75, 0.25])
    linear = {**of, "form": "from_logits", "activation": "linear"}
    assert probability(Path(**linear), np.log([[3.0], [1.0]])) == pytest.approx([0.75, 0.5])
    by_class = {**linear, "units": 2, "loss": "categorical_crossentropy"}
    assert probability(Path(**by_class), np.log([[1.0, 3.0]])) == pytest.approx([0.75])
    # two sigmoids of logits log 3 and 0: 3/4 and 1/2
    assert probability(Path(**{**linear, "units": 2}), np.log([[3.0, 1.0]])) == pytest.approx([0.5 / 1.25])
    logs = Path(**{**of, "framework": "torch", "form": "activation_layer", "activation": "log_softmax", "units": 2})
    assert probability(logs, np.log([[0.4, 0.6]])) == pytest.approx([0.6])


def test_a_pathology_costs_what_its_sound_counterpart_does_not() -> None:
    sound = Path(**{**KERAS_TF, **SIGMOID, "execution": "graph"})
    ill = Path(**{**vars(sound), "form": "layer_after"})
    trained = train_on(ENGINES["tensorflow"](), [sound, ill], seeds=4, steps=60)
    by_task = {
        role: trained[path].groupby("task")[["nll", "dead_share"]].mean()
        for role, path in (("sound", sound), ("ill", ill))
    }
    assert by_task["sound"]["dead_share"].max() == 0
    assert by_task["ill"].loc["large_rate", "dead_share"] > 0.02
    assert by_task["ill"].loc["large_rate", "nll"] > 1.5 * by_task["sound"].loc["large_rate", "nll"]
    # where no logit is large the two are the same
    calm = {role: table.loc["heavy_noise", "nll"] for role, table in by_task.items()}
    assert calm["ill"] == pytest.approx(calm["sound"], rel=1e-3)


def test_networks_trained_in_one_stack_are_those_trained_alone() -> None:
    engine = ENGINES["tensorflow"]()
    chosen = [
        Path(**{**KERAS_TF, **SIGMOID, "execution": "xla", "form": "layer_after"}),
        Path(**{**KERAS_TF, **SOFTMAX, "dtype": "float64"}),
        Path(**{**KERAS_TF, **SIGMOID, "execution": "xla"}),
    ]
    together = train_on(engine, chosen, seeds=2, steps=20)
    for path in chosen:
        alone = train_on(engine, [path], seeds=2, steps=20)
        pd.testing.assert_frame_equal(together[path], alone[path], check_exact=True)
    assert not together[chosen[0]].equals(together[chosen[2]])


def test_consequences_pair_each_pathology_with_a_path_that_means_the_same() -> None:
    found = one(tensorflow_pathologies(), framework="keras-tensorflow", execution="xla")
    trained = numerics.consequences("tensorflow", found, seeds=2, steps=3)
    assert "crossed_pair_swaps_the_objective" in set(trained["pathology"])
    roles = trained.groupby(["pathology", "task", "seed"])["role"].agg(lambda role: "+".join(sorted(role)))
    assert set(roles) == {"pathology+sound"}
    crossed = trained.loc[trained["pathology"] == "crossed_pair_swaps_the_objective"].groupby("role")[PATH].first()
    assert crossed.loc["pathology", "loss"] == "binary_crossentropy"
    assert tuple(crossed.loc["sound", ["activation", "loss"]]) in {
        ("softmax", "categorical_crossentropy"), ("sigmoid", "binary_crossentropy"),
    }  # fmt: skip
    chart = figure_of_consequences(trained)
    assert f"Of {trained['pathology'].nunique()} pathologies" in chart.finding
    assert len(chart.axes) == len(TASKS)


# figures and words --------------------------------------------------------------------------------------------------


def test_figures_count_what_the_tables_hold() -> None:
    """Keras as people write it: 3 usual pairs and 2 from logits are right; crossed ones and a layer after are not."""
    keras = tensorflow().loc[tensorflow()["framework"] == "keras-tensorflow"]
    states = gradient_states(keras)
    assert "on 5 of 12 paths" in states.finding
    table = thresholds(tensorflow_pathologies(), framework="keras-tensorflow")
    shown = [text.get_text() for axes in table.axes for text in axes.texts]
    assert f"{shown.count('right')} of {len(shown)} paths" in table.finding
    assert {"right", "all", "17", "8"} <= set(shown)
    for chart in (states, table, gradient_states(keras, width=3.6)):
        assert chart.png().startswith(b"\x89PNG")


@pytest.mark.parametrize("lang", DRAWN)
def test_a_phones_table_of_numbers_names_its_paths_in_full(lang: str) -> None:
    """And what stands on a patch keeps within it, and its ink in the dark."""
    wide, narrow = (thresholds(tensorflow_pathologies(), framework="keras-tensorflow", width=width,
                               messages=messages_in(lang)) for width in (7.2, 3.58))  # fmt: skip
    told = [[label.get_text().replace("\n", " ") for label in chart.axes[0].get_yticklabels()]
            for chart in (wide, narrow)]  # fmt: skip
    assert told[0] == told[1]
    narrow.draw_without_rendering()
    (axes,) = narrow.axes
    for text, patch in zip(axes.texts, axes.patches, strict=True):
        assert text.get_window_extent().width <= patch.get_window_extent().width
    assert "fill:#101214" in narrow.svg("a")


def test_the_summary_is_computed() -> None:
    study = {"numerics": tensorflow(), "pathologies": tensorflow_pathologies(), "consequences": pd.DataFrame()}
    text = numerics.summary(study)
    assert f"Of {len(tensorflow_pathologies()[PATH].drop_duplicates())} paths that were swept, " in text
    assert "sigmoid head with binary_crossentropy, in float32, learns from every mistake" in text
    assert re.search(r"Pathologies that do harm, .*: .*one unit softmax \(\d+\)", text)


def test_sweeping_leaves_keras_as_it_was() -> None:
    """Dtypes are set for a while: what a notebook builds afterwards has Keras's defaults."""
    import keras

    tensorflow()
    assert keras.config.floatx() == "float32"
    assert keras.layers.Dense(1).dtype_policy.name == "float32"
