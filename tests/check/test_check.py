"""`headtohead check`: programs after public reports, each sound form beside its wrong twin, and what is said."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from check_programs import PROGRAMS, Program, names

import experiments
from experiments.check import Checked, check
from experiments.check.registry import KINDS
from experiments.check.render import SOUND, UNMEASURED, as_text, main, render
from experiments.check.target import check_target
from experiments.records import UserError

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "tests" / "models"

# what the file's name stands for -> its problem, and the line to change
ILL = {
    "crossed_pair": ("crossed_pair_swaps_the_objective", "compile"),
    "one_unit_softmax": ("one_unit_softmax", 'Dense(1, activation="softmax")'),
    "logits_untold": ("logits_taken_for_probabilities", "compile"),
    "layer_after": ("logits_lost_to_a_layer", "Reshape"),
    "half_head": ("one_sided_saturation", 'Dense(1, activation="sigmoid", dtype="mixed_float16")'),
}
SOUND_FILES = sorted(path.stem for path in MODELS.glob("sound_*.py"))


def verdict(checked: Checked) -> str:
    """What `--json` says in a word."""
    return json.loads(as_text(checked, as_json=True))["verdict"]


def found(checked: Checked) -> list[str]:
    return [one.name for one in checked.findings]


def check_parts(returned: Any) -> Checked:
    return check(*returned) if isinstance(returned, tuple) else check(returned)


def net(*last: Any, **compiled: Any) -> Any:
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="relu"), *last])
    model.compile(**compiled)
    return model


# the programs -------------------------------------------------------------------------------------------------------


def test_each_program_stands_beside_its_twin() -> None:
    assert len(PROGRAMS) >= 100
    kinds = {program.name.rpartition(", ")[0] for program in PROGRAMS}
    assert {f"{kind}, {which}" for kind in kinds for which in ("sound", "wrong")} == {p.name for p in PROGRAMS}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_programs(program: Program) -> None:
    checked = check_parts(program.build())
    assert verdict(checked) == program.level, found(checked)
    assert not program.finding or program.finding in found(checked)
    # what is sound, and what is only noted, is told nothing else
    assert program.level == "problem" or not checked.problems


def test_most_findings_are_shown_by_a_program() -> None:
    shown = {program.finding for program in PROGRAMS}
    elsewhere = {"not_a_log_probability", "not_measured", "prediction_is_constant", "weights_are_zero",
                 "weights_are_negative", "class_weight_names_no_class", "evaluate_disagrees",
                 "output_is_not_trained"}  # fmt: skip
    assert set(KINDS) - shown == elsewhere


@pytest.mark.parametrize("name", SOUND_FILES)
def test_sound_models_are_sound(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(f"{MODELS / name}.py:build") == 0
    assert capsys.readouterr().out.strip().endswith(SOUND)


@pytest.mark.parametrize("name", ILL)
def test_each_problem_is_named_with_the_line_to_change(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    finding, line = ILL[name]
    assert main(f"{MODELS / name}.py:build") == 1
    printed = capsys.readouterr().out
    assert f"problem: {finding}" in printed
    assert "Remedy: " in printed
    lines = (MODELS / f"{name}.py").read_text(encoding="utf-8").splitlines()
    shown = re.findall(rf"{name}\.py:(\d+): (.*)", printed)
    assert shown
    assert all(lines[int(number) - 1].strip() == text for number, text in shown)
    assert any(line in text for _, text in shown)


# cases that need more than a program -------------------------------------------------------------------------------


def test_weights_of_rows_and_classes() -> None:
    known = names()
    x, y, layers = known["x"], known["y"], known["layers"]
    model = net(layers.Dense(1, activation="sigmoid"), loss="binary_crossentropy")
    assert found(check(model, x, y, sample_weight=np.ones(64), class_weight={0: 1.0, 1: 3.0})) == []
    assert found(check(model, x, y, sample_weight=np.zeros(64))) == ["weights_are_zero"]
    assert found(check(model, x, y, sample_weight=np.r_[np.ones(63), -1])) == ["weights_are_negative"]
    assert found(check(model, x, y, class_weight={0: 1.0, 2: 3.0})) == ["class_weight_names_no_class"]
    assert found(check(model, x, y, class_weight={"0": 1.0, "1": 3.0})) == ["class_weight_names_no_class"]
    assert found(check(model, x, y, class_weight={0: 0.0, 1: 0.0})) == ["weights_are_zero"]
    assert found(check(model, x, y, class_weight={0: 1.0, 1: -1.0})) == ["weights_are_negative"]


@pytest.mark.parametrize("kind", ["Keras", "PyTorch"])
def test_few_rows_are_enough(kind: str) -> None:
    """Four rows of the exclusive or, fewer than a tail takes."""
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32"), np.array([[0], [1], [1], [0]], "float32")
    if kind == "Keras":
        import keras

        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(1, "sigmoid")])
        model.compile(loss="binary_crossentropy", metrics=["accuracy"])
        assert found(check(model, x, y)) == []
    else:
        torch = pytest.importorskip("torch")
        net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
        assert found(check(net, torch.tensor(x), torch.tensor(y), loss=torch.nn.BCEWithLogitsLoss())) == []


def test_a_model_that_takes_batches_of_one_size_gets_such() -> None:
    import keras

    model = keras.Sequential([
        keras.Input(batch_shape=(16, 5, 1)), keras.layers.LSTM(3, stateful=True), keras.layers.Dense(1, "sigmoid"),
    ])  # fmt: skip
    model.compile(loss="binary_crossentropy", metrics=["accuracy"])
    before = [np.asarray(variable) for variable in model.variables]
    checked = check(model, np.random.default_rng(0).normal(size=(64, 5, 1)), np.arange(64) % 2)
    assert (found(checked), checked.measured) == ([], True)
    for old, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, np.asarray(variable))


def test_words_and_numbers_are_rows_of_one_model() -> None:
    import keras
    import tensorflow as tf

    words, numbers = keras.Input((1,), dtype="string", name="kind"), keras.Input((1,), name="age")
    known = keras.layers.StringLookup(vocabulary=["a", "b"], output_mode="multi_hot")
    output = keras.layers.Dense(1, "sigmoid")(keras.layers.concatenate([known(words), numbers]))
    model = keras.Model({"kind": words, "age": numbers}, output)
    model.compile(loss="binary_crossentropy", metrics=["accuracy"])
    rows = {"kind": np.array(["a", "b"] * 16, object), "age": np.arange(32.0)}
    data = tf.data.Dataset.from_tensor_slices((rows, np.arange(32) % 2)).batch(8)
    assert found(check(model, data)) == []


def test_losses_that_are_weighted_with_0() -> None:
    import keras

    known = names()
    given = keras.Input((4,))
    model = keras.Model(given, [keras.layers.Dense(1, "sigmoid")(given), keras.layers.Dense(1)(given)])
    labels = [known["y"], known["x"][:, 1]]
    for weights, expected in (
        ([0.0, 0.0], ["weights_are_zero", "weights_are_zero"]),
        ([0.0, 2.0], ["output_is_not_trained"]),
        ([1.0, 2.0], []),
        (None, []),
    ):
        model.compile(loss=["binary_crossentropy", "mse"], loss_weights=weights)
        assert found(check(model, known["x"], labels)) == expected
    model = net(known["layers"].Dense(1, activation="sigmoid"), loss="binary_crossentropy", loss_weights=[0.0])
    assert found(check(model, known["x"], known["y"])) == ["weights_are_zero"]


def test_weights_of_the_model_are_left_alone() -> None:
    known = names()
    model = net(known["layers"].Dense(1), loss="mse", optimizer="adam", metrics=["mae"])
    model.fit(known["x"], known["y"], epochs=1, verbose=0)
    before = [*model.get_weights(), *[np.asarray(v) for v in model.optimizer.variables]]
    metrics = [np.asarray(v) for v in model.metrics_variables]
    check(model, known["x"], known["y"])
    after = [*model.get_weights(), *[np.asarray(v) for v in model.optimizer.variables]]
    for old, new in zip([*before, *metrics], [*after, *[np.asarray(v) for v in model.metrics_variables]], strict=True):
        np.testing.assert_array_equal(old, new)


def test_what_cannot_be_traced_is_not_called_sound() -> None:
    import keras

    class Read(keras.layers.Layer):
        def call(self, values: Any) -> Any:
            return values * float(np.asarray(values).max() > 0)

    model = net(keras.layers.Dense(1, activation="sigmoid"), Read(), loss="binary_crossentropy")
    known = names()
    checked = check(model, known["x"], known["y"])
    assert (found(checked), verdict(checked)) == (["not_measured"], "not measured")
    assert list(render(checked))[-1] == UNMEASURED


def test_a_mixture_of_experts_is_not_called_faulty() -> None:
    """Its prediction joins several activations: what is swept is not a logit, and nothing is said of it."""
    import keras

    inputs = keras.Input((4,))
    one, two = (keras.layers.Dense(3)(inputs) for _ in range(2))
    gate = keras.layers.Dense(1, activation="sigmoid")(inputs)
    mixed = gate * keras.ops.sigmoid(keras.ops.sum(one, -1, keepdims=True)) + (1 - gate) * keras.ops.sigmoid(
        keras.ops.sum(two, -1, keepdims=True)
    )
    model = keras.Model(inputs, mixed)
    model.compile(loss="binary_crossentropy")
    assert not check(model, names()["x"], names()["y"]).problems


def test_batches_of_a_data_set() -> None:
    known = names()
    tf, layers = known["tf"], known["layers"]
    model = net(layers.Dense(1, activation="sigmoid"), loss="binary_crossentropy")
    sorted_rows = tf.data.Dataset.from_tensor_slices((known["x"], np.sort(known["y"]))).batch(4)
    assert found(check(model, sorted_rows)) == []  # of four batches nobody can tell that there is one class only
    wrong = tf.data.Dataset.from_tensor_slices((known["x"], known["y"] + 1)).batch(16)
    assert found(check(model, wrong)) == ["labels_are_no_probabilities"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda k: net(k["layers"].Dense(1)), "not compiled with a loss"),
        (lambda k: (net(k["layers"].Dense(1), loss="mse"), np.zeros((3, 7))), "cannot be applied to its rows"),
        (
            lambda k: (
                net(k["layers"].Dense(1), loss="mse"), k["tf"].data.Dataset.from_tensor_slices((k["x"], k["y"])),
            ),
            r"single rows, and fit\(\) takes batches",
        ),
    ],
    ids=["no loss", "other rows", "single rows"],
)
def test_what_cannot_be_checked_says_so(wrong: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_parts(wrong(names()))


# remedies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["'accuracy', 'AUC', 'Precision', 'Recall'", "'binary_crossentropy'"])
def test_the_metrics_that_are_recommended_are_right(wrong: str) -> None:
    """The remedy's own line, put into the program, passes."""
    start = "return net(layers.Dense(1), loss=keras.losses.BinaryCrossentropy(from_logits=True), {}), x, y[:, None]"
    checked = check_parts(Program("p", "", "", start.format(f"metrics=[{wrong}]")).build())
    assert checked.problems
    for finding in checked.problems:
        ((_, change),) = finding.changes
        cured = check_parts(Program("p", "", "", start.format(change)).build())
        assert verdict(cured) == "sound", change


@pytest.mark.parametrize("metric", ["Precision()", "Recall()", "AUC()", "BinaryAccuracy()"])
def test_metrics_of_columns_are_cured_by_their_remedy(metric: str) -> None:
    units, labels = (3, "hot3") if "Accuracy" in metric else (2, "hot")
    head = f"layers.Dense({units}, activation='softmax')"
    start = f"return net({head}, loss='categorical_crossentropy', {{}}), x, {labels}"
    checked = check_parts(Program("p", "", "", start.format(f"metrics=[keras.metrics.{metric}]")).build())
    assert found(checked) == ["metric_over_columns"]
    ((_, change),) = checked.findings[0].changes
    assert verdict(check_parts(Program("p", "", "", start.format(change)).build())) == "sound", change


# the callback and the faces -----------------------------------------------------------------------------------------


def test_the_callback_warns_or_stops() -> None:
    known = names()
    x, y, layers = known["x"], known["y"], known["layers"]
    wrong = net(layers.Dense(1), loss="binary_crossentropy", optimizer="sgd")
    before = wrong.get_weights()
    with pytest.raises(UserError, match="logits_taken_for_probabilities"):
        wrong.fit(x, y, callbacks=[experiments.CheckHead(stop=True)], verbose=0)
    for old, new in zip(before, wrong.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    with pytest.warns(UserWarning, match="logits_taken_for_probabilities"):
        wrong.fit(x, y, callbacks=[experiments.CheckHead()], verbose=0)
    right = net(layers.Dense(1, activation="sigmoid"), loss="binary_crossentropy", optimizer="sgd")
    watcher = experiments.CheckHead(stop=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        right.fit(x, y, callbacks=[watcher], verbose=0)
    assert watcher.checked is not None
    assert verdict(watcher.checked) == "sound"
    labels = experiments.CheckHead()
    with pytest.warns(UserWarning, match="labels_are_no_probabilities"):  # what fit was called with is seen
        right.fit(x, y + 1, callbacks=[labels], verbose=0)


def test_the_package_has_the_check_as_a_call() -> None:
    known = names()
    model = net(known["layers"].Dense(1), loss="binary_crossentropy")
    assert found(experiments.check(model, known["x"], known["y"])) == ["logits_taken_for_probabilities"]


def test_json_has_names_levels_and_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(f"{MODELS / 'crossed_pair.py'}:build", as_json=True) == 1
    told = json.loads(capsys.readouterr().out)
    (finding,) = told["findings"]
    assert (told["verdict"], finding["name"], finding["level"]) == (
        "problem", "crossed_pair_swaps_the_objective", "problem",
    )  # fmt: skip
    ((line, change),) = finding["changes"]
    assert "compile" in line["text"]
    assert change == 'loss="categorical_crossentropy"'


# targets ------------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras with NumPy 2
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_stored_models(suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = names()
    wrong, right = tmp_path / f"wrong.{suffix}", tmp_path / f"right.{suffix}"
    net(known["layers"].Dense(1), loss="binary_crossentropy", optimizer="sgd").save(wrong)
    assert (main(str(wrong)), "logits_taken_for_probabilities" in capsys.readouterr().out) == (1, True)
    logits = known["keras"].losses.BinaryCrossentropy(from_logits=True)
    net(known["layers"].Dense(1), loss=logits, optimizer="sgd").save(right)
    assert (main(str(right)), capsys.readouterr().out.strip().endswith(SOUND)) == (0, True)
    bare = tmp_path / f"bare.{suffix}"
    known["keras"].Sequential([known["keras"].Input((4,)), known["layers"].Dense(1)]).save(bare)
    with pytest.raises(UserError, match="not compiled with a loss"):
        main(str(bare))
    text = tmp_path / f"text.{suffix}"
    text.write_text("no model")
    with pytest.raises(UserError, match="cannot be loaded as a Keras model") as told:
        main(str(text))
    assert "\n" not in str(told.value)


def test_a_function_that_asks_for_the_shape_of_a_row_gets_one(tmp_path: Path) -> None:
    file = tmp_path / "models.py"
    file.write_text(
        "import keras\ndef build(input_shape):\n"
        "    model = keras.Sequential([keras.Input(input_shape), keras.layers.Dense(1)])\n"
        "    model.compile(loss='binary_crossentropy')\n    return model\n"
        "def none():\n    return 3\ndef fails():\n    raise KeyError('x')\n"
    )
    assert found(check_target(f"{file}:build")) == ["logits_taken_for_probabilities"]
    with pytest.raises(UserError, match="returned a int"):
        check_target(f"{file}:none")
    with pytest.raises(UserError, match="raised KeyError"):
        check_target(f"{file}:fails")
    with pytest.raises(UserError, match=r"no function 'make'. It has: build, fails, none"):
        check_target(f"{file}:make")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [("models.txt", "is no FILE.py"), ("none.py:build", "no file"), ("none.py", "no file"), ("none.keras", "no file")],
)
def test_a_wrong_target_says_what_is_right(wrong: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        main(wrong)
