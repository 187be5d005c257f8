"""The words of an answer: lines of the user's file, what to write there, the text, the JSON and the exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy_tails import MULTI, ONE, SOFTMAX, SPARSE, TWO, bce, expit, identity, measured, of, output

from experiments.check.checking import check_readings, describe
from experiments.check.labels import Encoding, encodings
from experiments.check.messages import one_line
from experiments.check.record import Checked, Finding, Metric
from experiments.check.registry import KINDS, Kind
from experiments.check.remedies import changes
from experiments.check.render import SOUND, UNMEASURED, as_text, render, summary
from experiments.check.source import Line, last_call
from experiments.check.target import _arguments, find, is_script
from experiments.records import UserError

PROGRAM = """\
import keras
from keras.layers import Dense

def other():
    return Dense(7)

def build():
    model = keras.Sequential([Dense(3), keras.layers.Dense(1)])
    model.compile(
        loss="binary_crossentropy")
    return model

async_name = keras.layers.Dropout(0.1)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "models.py"
    path.write_text(PROGRAM)
    return path


# lines --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "name", "number"),
    [
        ("build", "Dense", 8), ("other", "Dense", 5), ("", "Dense", 8), ("build", "compile", 9),
        ("build", "Dropout", 13),  # not in the function: then in the file
        ("nobody", "Dense", 8), ("build", "Softmax", 0),
    ],
)  # fmt: skip
def test_the_last_call_of_a_name(file: Path, function: str, name: str, number: int) -> None:
    line = last_call(file, function, name)
    expected = Line(number=number, text=PROGRAM.splitlines()[number - 1].strip()) if number else None
    assert line == expected


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("one_unit_softmax", output(ONE), [(8, 'activation="sigmoid"')]),
        ("one_unit_softmax", replace(output(ONE), framework="PyTorch"), [(None, "a sigmoid, or two units")]),
        ("squashed_logits", replace(output(ONE), layer="Dropout"), [(13, "no activation")]),
        ("logits_taken_for_probabilities", output(ONE),
         [(9, "loss=keras.losses.BinaryCrossentropy(from_logits=True)")]),
        ("logits_taken_for_probabilities", output(TWO),
         [(9, "loss=keras.losses.CategoricalCrossentropy(from_logits=True)")]),
        ("probabilities_taken_for_logits", output(MULTI), [(9, "loss=keras.losses.BinaryCrossentropy()")]),
        ("prediction_leaves_the_range", output(TWO), [(8, 'activation="softmax"')]),
        ("prediction_leaves_the_range", output(MULTI), [(8, 'activation="sigmoid"')]),
        ("crossed_pair_swaps_the_objective", output(SOFTMAX), [(9, 'loss="categorical_crossentropy"')]),
        ("crossed_pair_swaps_the_objective", output(MULTI), [(8, 'activation="softmax"')]),
        ("training_differs", output(ONE), [(13, "put Dropout before the last layer")]),
        ("logits_lost_to_a_layer", replace(output(ONE), after="Dense"),
         [(8, "remove Dense, or put it before the activation")]),
        ("gradient_dies", output(ONE), [(9, "loss=keras.losses.BinaryCrossentropy(from_logits=True)")]),
        ("gradient_dies", output(of(expit, lambda y, p: ((y - p) ** 2).mean(axis=-1))), []),
        ("integer_labels_for_one_hot", output(ONE), [(9, 'loss="sparse_categorical_crossentropy"')]),
        ("integer_labels_for_one_hot", replace(output(ONE), loss="binary_crossentropy"),
         [(9, "a loss that fits the labels")]),
        ("several_labels_for_one_class", output(TWO), [(8, 'activation="sigmoid"'), (9, 'loss="binary_crossentropy"')]),
        ("labels_are_no_probabilities", output(ONE), [(9, "labels of 0 and 1")]),
        ("accuracy_of_other_labels", output(ONE), [(9, "metrics=[keras.metrics.BinaryAccuracy()]")]),
        ("accuracy_of_other_labels", output(TWO), [(9, "metrics=[keras.metrics.CategoricalAccuracy()]")]),
        ("accuracy_of_other_labels", output(MULTI), [(9, "metrics=[keras.metrics.BinaryAccuracy()]")]),
        ("prediction_is_constant", output(ONE), []),
    ],
)  # fmt: skip
def test_what_to_write_and_where(file: Path, name: str, known: Any, expected: list[tuple[int | None, str]]) -> None:
    found = changes(name, known, measured(known.tail), file, "build")
    assert [(None if line is None else line.number, text) for line, text in found] == expected
    assert [(line, text) for line, text in changes(name, known, measured(known.tail), None, "")] == [
        (None, text) for _, text in expected
    ]


def test_integer_labels_have_their_own_losses_and_accuracy() -> None:
    from experiments.check.sweep import run_sweep

    swept = run_sweep(SPARSE, (2,), Encoding(shape=(), onehot=False, dtype="int32"))
    ((_, loss),) = changes("logits_taken_for_probabilities", output(SPARSE), swept, None, "")
    assert loss == "loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)"
    ((_, metric),) = changes("accuracy_of_other_labels", output(SPARSE), swept, None, "")
    assert metric == "metrics=[keras.metrics.SparseCategoricalAccuracy()]"


def test_each_metric_is_written_for_logits_or_for_one_class() -> None:
    kinds = ["BinaryAccuracy", "AUC", "Precision", "Recall", "BinaryCrossentropy"]
    metrics = tuple(Metric(name=kind, kind=kind, threshold=None, value=lambda y, p: 0.0) for kind in kinds)
    known = replace(output(ONE), metrics=metrics)
    assert changes("metric_of_logits", known, None, None, "")[0][1] == (
        "metrics=[keras.metrics.BinaryAccuracy(threshold=0.0), keras.metrics.AUC(from_logits=True), "
        "keras.metrics.Precision(thresholds=0.0), keras.metrics.Recall(thresholds=0.0), "
        "keras.metrics.BinaryCrossentropy(from_logits=True)]"
    )
    of_a_class = changes("metric_over_columns", replace(known, shape=(2,)), measured(SOFTMAX), None, "")
    assert of_a_class[0][1] == (
        'metrics=["accuracy", keras.metrics.AUC(multi_label=True, label_weights=[0.0, 1.0]), '
        "keras.metrics.Precision(class_id=1), keras.metrics.Recall(class_id=1)]"
    )
    of_logits = changes("metric_over_columns", replace(known, shape=(2,)), measured(TWO), None, "")
    assert of_logits[0][1] == (
        'metrics=["accuracy", keras.metrics.Precision(top_k=1, class_id=1), keras.metrics.Recall(top_k=1, class_id=1)]'
    )


def test_every_finding_is_of_a_level_and_its_words_can_be_filled_in() -> None:
    with pytest.raises(ValueError, match="It must be one of problem, note"):
        Kind(name="x", level="error", about="", cause="", remedy="")
    for name in KINDS:
        for framework in ("Keras on tensorflow", "PyTorch"):
            for _, text in changes(name, replace(output(ONE), framework=framework), measured(ONE), None, ""):
                assert "{" not in text


# encodings ----------------------------------------------------------------------------------------------------------


def test_labels_of_each_encoding() -> None:
    classes = np.array([0, 1, 1])
    onehot = Encoding(shape=(3,), onehot=True, dtype="float32")
    np.testing.assert_array_equal(onehot.rows(classes), np.eye(3)[classes])
    np.testing.assert_array_equal(onehot.all(1, 2), [[0, 1, 0]] * 2)
    signs = Encoding(shape=(2, 1), onehot=False, dtype="float32", values=(-1, 1))
    np.testing.assert_array_equal(signs.rows(classes)[:, :, 0], [[-1, -1], [1, 1], [1, 1]])
    assert signs.rows(classes).shape == (3, 2, 1)
    steps = Encoding(shape=(4, 2), onehot=True, dtype="int32")
    labels = steps.all(1, 5)
    assert (labels.shape, labels[0, 3].tolist(), labels.dtype) == ((5, 4, 2), [0, 1], "int32")


@pytest.mark.parametrize(
    ("prediction", "labels", "expected"),
    [
        ((1,), np.zeros((9, 1)), [((1,), False, "float32")]),
        ((1,), np.zeros(9, "int64"), [((), False, "int64")]),
        ((3,), np.zeros((9, 3), "float32"), [((3,), True, "float32")]),
        ((3,), np.zeros(9, "int32"), [((), False, "int32")]),
        ((1,), np.zeros(9, bool), [((), False, "float32")]),
        ((1,), None, [((1,), False, "float32"), ((), False, "float32"), ((), False, "int32")]),
        ((3,), None, [((3,), True, "float32"), ((), False, "int32"), ((1,), False, "int32"), ((), False, "int64")]),
    ],
)
def test_the_encodings_that_may_be_meant(prediction: tuple[int, ...], labels: Any, expected: list[Any]) -> None:
    assert [(one.shape, one.onehot, one.dtype) for one in encodings(prediction, labels)] == expected


# the answer ---------------------------------------------------------------------------------------------------------


def finding(level: str, **options: Any) -> Finding:
    words = {"seen": ("It was seen.",), "cause": "So it is.", "remedy": "Do this.", "cost": "", "changes": ()}
    return Finding(name=f"a_{level}", level=level, output="left", **{**words, **options})


def checked(*findings: Finding, measured: bool = True, described: tuple[str, ...] = ("1 unit",)) -> Checked:
    return Checked(file="f.py", described=described, findings=findings, measured=measured)


def test_the_text_of_an_answer() -> None:
    line = Line(number=4, text="model.compile()")
    answer = checked(
        finding("problem", cost="A nat.", changes=((line, "model.compile(loss)"), (None, "x"))), finding("note")
    )
    assert as_text(answer).splitlines() == [
        "1 unit", "", "1. problem: a_problem", "   - It was seen.", "   Why: So it is.", "   Cost: A nat.",
        "   Remedy: Do this.", "   f.py:4: model.compile()", "      -> model.compile(loss)", "   f.py:", "      -> x",
        "", "2. note: a_note", "   - It was seen.", "   Why: So it is.", "   Remedy: Do this.", "",
        "1 problem, 1 note.",
    ]  # fmt: skip
    long = checked(finding("note", seen=("word " * 40,)))
    told = [line for line in render(long) if "word" in line]
    assert len(told) == 3
    assert all(len(line) <= 100 for line in told)
    assert "1. note: a_note (left)" in as_text(checked(finding("note"), described=("a", "b")))


@pytest.mark.parametrize(
    ("told", "verdict", "last"),
    [
        (checked(), "sound", SOUND),
        (checked(measured=False), "not measured", UNMEASURED),
        (checked(finding("note")), "note", f"{SOUND} (1 note.)"),
        (checked(finding("note"), finding("note")), "note", f"{SOUND} (2 notes.)"),
        (checked(finding("note"), measured=False), "not measured", UNMEASURED),
        (checked(finding("problem")), "problem", "1 problem."),
        (checked(finding("problem"), finding("problem"), finding("note"), measured=False), "problem",
         "2 problems, 1 note."),
    ],
)  # fmt: skip
def test_verdicts(told: Checked, verdict: str, last: str) -> None:
    assert json.loads(as_text(told, as_json=True))["verdict"] == verdict
    assert summary(told) == last


def test_what_was_checked_is_described() -> None:
    assert describe(output(ONE), measured(ONE)) == (
        "1 unit that ends in probabilities, binary cross-entropy, float64, Keras on numpy, run as a graph"
    )
    metric = Metric(name="acc", kind="BinaryAccuracy", threshold=None, value=lambda y, p: 0.0)
    two = replace(output(TWO), metrics=(metric, metric))
    text = describe(two, measured(TWO))
    assert text.startswith("2 units that end in logits, categorical cross-entropy, metrics acc, acc, float64")
    assert "an activation of its own" in describe(output(ONE), measured(of(np.tanh, bce)))
    assert describe(output(ONE), None) == "1 unit, loss loss, Keras on numpy: not measured"


def test_several_outputs_are_told_apart_and_problems_come_first(file: Path) -> None:
    noted, wrong = of(expit, bce), of(identity, bce)
    readings = [
        [(replace(output(tail), name=name), encodings((1,), None)[0])]
        for name, tail in (("left", noted), ("right", wrong))
    ]
    told = check_readings(readings, file=file, function="build")
    assert [(one.output, one.level) for one in told.findings] == [("right", "problem"), ("left", "note")]
    assert [text[: text.index(":")] for text in told.described] == ["left", "right"]
    assert (told.file, told.measured) == (str(file), True)
    alone = check_readings(readings[:1], file=None, function="")
    assert (alone.file, alone.described[0][:6]) == ("", "1 unit")


def test_one_line_of_an_exception() -> None:
    layered = "Exception encountered when calling Dense.call().\n\n\x1b[1mShapes differ.\x1b[0m\nArguments received"
    assert one_line(ValueError(layered)) == "ValueError: Shapes differ"
    assert one_line(ValueError("{{node a/b}} bad input")) == "ValueError: bad input"
    assert one_line(KeyError()) == "KeyError"
    assert len(one_line(ValueError("x" * 900))) == len("ValueError: ") + 200


# targets ------------------------------------------------------------------------------------------------------------


def test_targets_are_told_apart(file: Path, tmp_path: Path) -> None:
    (tmp_path / "model.h5").write_text("")
    assert is_script(str(file))
    assert not is_script(f"{file}:build")
    assert not is_script(str(tmp_path / "model.h5"))
    for wrong, message in (("model.txt", "is no FILE.py"), (str(tmp_path / "no.h5"), "There is no file")):
        with pytest.raises(UserError, match=message):
            is_script(wrong)


def test_a_function_is_called_with_a_shape_only_if_it_needs_one_argument() -> None:
    assert _arguments(lambda: 0) == _arguments(lambda shape=(4,): 0) == _arguments(lambda *given: 0) == ()
    assert _arguments(lambda shape: 0) == _arguments(lambda shape, other=1: 0) == ((8,),)
    assert _arguments(lambda one, other: 0) == ()
    assert _arguments(int) in ((), ((8,),))


def test_a_function_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "few.py"
    file.write_text("from json import dumps\nclass A:\n    pass\ndef make():\n    pass\nx = 3\n")
    assert find(f"{file}:make")[0] == file
    for name in ("build", "x"):
        with pytest.raises(UserError, match=rf"has no function '{name}'. It has: A, make\. Example"):
            find(f"{file}:{name}")
    with pytest.raises(UserError, match=r"is not FILE\.py:FUNCTION"):
        find(f"{file}:2")
    file.write_text("raise SystemExit(3)")
    with pytest.raises(UserError, match="raised SystemExit: 3"):
        find(f"{file}:make")
