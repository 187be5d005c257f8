"""What a function of a file may return, and what is done with it; and what a finding has to say of each program."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy_tails import MULTI, ONE, SOFTMAX, SPARSE, TWO, identity, of, output, square, swept

from experiments.check import callback, remedies, target
from experiments.check.checking import check_readings, describe
from experiments.check.labels import Encoding
from experiments.check.messages import one_line
from experiments.check.record import Checked, Finding, Metric, Output
from experiments.check.registry import document, documented
from experiments.check.render import main, render
from experiments.check.source import Line, last_call
from experiments.check.sweep import Sweep
from experiments.records import UserError


class Model:
    """In the place of a model of Keras."""


class Module:
    """In the place of a module of PyTorch."""


class Loader(list[Any]):
    dataset = None


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is checked: the arguments of each call."""
    calls: list[Any] = []

    def keep(*given: Any, **options: Any) -> str:
        calls.append((given, options))
        return "checked"

    monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(Model=Model))
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(nn=SimpleNamespace(Module=Module)))
    monkeypatch.setitem(sys.modules, "experiments.check.torch_program", SimpleNamespace(check_torch=keep))
    monkeypatch.setattr("experiments.check.keras_model.check_keras", keep)
    return calls


MODEL, MODULE, X, Y = Model(), Module(), np.zeros((4, 2)), np.zeros(4)
LOSS = max


@pytest.mark.parametrize(
    ("returned", "given"),
    [
        (MODEL, (MODEL, None, None)), ((MODEL,), (MODEL, None, None)), ((MODEL, Y), (MODEL, None, Y)),
        ((MODEL, X, Y), (MODEL, X, Y)), ((MODEL, X, Y, 3), (MODEL, X, Y)),
        ((MODULE, LOSS), (MODULE, LOSS)), ((MODULE, LOSS, X, Y), (MODULE, LOSS, X, Y)),
        ((MODULE, LOSS, X), (MODULE, LOSS, X)),
        ((MODULE, LOSS, (X, Y)), (MODULE, LOSS, X, Y)), ((MODULE, LOSS, [X, Y]), (MODULE, LOSS, X, Y)),
        ((MODULE, LOSS, Loader([(X, Y), (Y, X)])), (MODULE, LOSS, X, Y)),
    ],
)  # fmt: skip
def test_what_is_checked_of_what_a_function_returns(returned: Any, given: tuple[Any, ...], asked: list[Any]) -> None:
    file = Path("models.py")
    assert target._of_returned(returned, file, "build") == "checked"
    ((arguments, options),) = asked
    assert [id(one) for one in arguments] == [id(one) for one in given]
    assert options == {"file": file, "function": "build"}


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (MODULE, "returned a module without a loss"),
        ((MODULE,), "returned a module without a loss"),
        ((MODULE, 3), "returned a module without a loss"),
        ((), "returned a tuple. It must return a compiled"),
        (3, "returned a int"),
        ((3, MODEL), "returned a tuple"),
        (None, "returned a NoneType"),
    ],
)
def test_what_a_function_must_return(returned: Any, message: str, asked: list[Any]) -> None:
    with pytest.raises(UserError, match=message):
        target._of_returned(returned, Path("models.py"), "build")
    assert asked == []


def test_a_model_that_is_of_both_frameworks_is_one_of_keras(asked: list[Any]) -> None:
    class Both(Model, Module):
        pass

    target._of_returned(both := Both(), Path("models.py"), "build")
    assert asked[0][0][0] is both
    assert "function" in asked[0][1]
    assert target._is_keras(MODEL, None) is False


def test_a_model_of_no_framework_that_was_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(UserError, match="returned a Module"):
        target._of_returned(MODULE, Path("models.py"), "build")


def test_the_arguments_of_a_function() -> None:
    def by_name(*, shape: Any) -> None: ...

    def first(shape: Any, /) -> None: ...

    def rest(*shapes: Any, **options: Any) -> None: ...

    assert target._arguments(first) == ((8,),)
    assert target._arguments(by_name) == target._arguments(rest) == ()


@pytest.mark.parametrize(
    ("named", "right"),
    [("a.py", True), ("a.keras", True), ("a.h5", True), ("a.py:build", True), ("a.txt", False), ("a:build", False)],
)
def test_kinds_of_targets(named: str, right: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("a.py", "a.keras", "a.h5", "a.txt"):
        Path(file).touch()
    if right:
        assert target.is_script(named) == (named == "a.py")
    else:
        with pytest.raises(UserError, match=r"is no FILE\.py"):
            target.is_script(named)


def test_a_file_is_imported_as_python_runs_it(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("SIZE = 3\n")
    file = tmp_path / "models.py"
    file.write_text("from beside import SIZE\nimport sys\nFIRST = sys.path[0]\ndef build():\n    return SIZE, FIRST\n")
    before = list(sys.path)
    found, build = target.find(f"{file}:build")
    assert (found, build()) == (file, (3, str(tmp_path)))
    assert sys.path == before
    with pytest.raises(UserError, match=r"^'models:build' is not FILE\.py:FUNCTION\. Like this$"):
        target.find("models:build", "Like this")
    with pytest.raises(UserError, match=r"is not FILE\.py:FUNCTION"):
        target.find(f"{file}:3")
    file.write_text("x = 3\n")
    with pytest.raises(UserError, match="It has: none"):
        target.find(f"{file}:build")


# words --------------------------------------------------------------------------------------------------------------


def words(known: Output, found: Sweep | None) -> dict[str, str]:
    return remedies._placeholders(known, found)


def test_words_of_programs_that_were_not_swept() -> None:
    one, two = words(output(ONE), None), words(output(TWO), None)
    assert (one["loss"], one["activation"], one["accuracy"], one["logarithmic"]) == (
        "BinaryCrossentropy", "sigmoid", "BinaryAccuracy", "",
    )  # fmt: skip
    assert (two["loss"], two["activation"], two["accuracy"], two["pair"]) == (
        "CategoricalCrossentropy", "softmax", "SparseCategoricalAccuracy", 'activation="softmax"',
    )  # fmt: skip
    assert (one["after"], words(output(ONE, after="Noise"), None)["after"]) == ("Dropout", "Noise")
    assert one["metrics_with_threshold"] == "metrics=[]"


def test_words_of_programs_that_were_swept() -> None:
    sparse = replace(swept(TWO), encoding=Encoding(shape=(), onehot=False, dtype="int32"))
    known = {name: words(output(tail), found or swept(tail)) for name, tail, found in (
        ("one", ONE, None), ("softmax", SOFTMAX, None), ("multi", MULTI, None), ("sparse", SPARSE, sparse),
        ("square", of(identity, square), None), ("squares", of(identity, square, units=2), None),
    )}  # fmt: skip
    assert {name: one["loss"] for name, one in known.items()} == {
        "one": "BinaryCrossentropy", "softmax": "BinaryCrossentropy", "multi": "BinaryCrossentropy",
        "sparse": "SparseCategoricalCrossentropy", "square": "BinaryCrossentropy", "squares": "CategoricalCrossentropy",
    }  # fmt: skip
    assert {name: one["accuracy"] for name, one in known.items()} == {
        "one": "BinaryAccuracy", "softmax": "CategoricalAccuracy", "multi": "BinaryAccuracy",
        "sparse": "SparseCategoricalAccuracy", "square": "BinaryAccuracy", "squares": "BinaryAccuracy",
    }  # fmt: skip
    assert {name: one["logarithmic"] for name, one in known.items()} == dict.fromkeys(
        ("one", "softmax", "multi", "sparse"), "compile") | {"square": "", "squares": ""}  # fmt: skip
    assert (known["softmax"]["crossed"], known["multi"]["crossed"]) == ("compile", "Dense")
    assert known["one"]["activation"] == "sigmoid"
    rates = of(identity, lambda y, z: (z - y * np.log(np.where(z < 0, np.nan, z)))[:, 0])
    assert words(output(rates), swept(rates))["activation"] == "exponential"


def test_thresholds_of_metrics_are_those_of_what_is_predicted() -> None:
    metric = Metric(name="p", kind="Precision", threshold=None, value=lambda y, p: 0.0)
    for tail, threshold in ((ONE, "0.5"), (of(identity, square), "0.0")):
        known = words(output(tail, metrics=(metric, metric)), swept(tail))["metrics_with_threshold"]
        assert known == f"metrics=[keras.metrics.Precision(thresholds={threshold})]"


def test_lines_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "models.py"
    file.write_text(
        "from keras import layers\nx = layers.Dense(layers.Dense(1)); y = 3\ndef Dense():\n    pass\nz = (x)()\n"
    )
    assert last_call(file, "", "Dense") == Line(number=2, text="x = layers.Dense(layers.Dense(1)); y = 3")
    assert last_call(file, "Dense", "Dense") == Line(number=2, text="x = layers.Dense(layers.Dense(1)); y = 3")
    assert last_call(file, "", "x") == Line(number=5, text="z = (x)()")
    assert last_call(file, "", "y") is None


def test_an_exception_in_one_line() -> None:
    framed = "Exception encountered when calling\nin user code:\n  File 'a.py', line 3\n\n  the shapes differ\nmore"
    assert one_line(ValueError(framed)) == "ValueError: the shapes differ"
    assert one_line(ValueError("Traceback\nArguments received by x")) == "ValueError"
    assert one_line(ValueError("x" * 201)) == "ValueError: " + "x" * 200


def finding(name: str, level: str, **options: Any) -> Finding:
    known = {"output": "o", "seen": ("Seen.",), "cause": "So.", "remedy": "Do.", "cost": "", "changes": ()}
    return Finding(name=name, level=level, **{**known, **options})


def test_changes_without_a_file_or_a_line() -> None:
    change = (None, "write this")
    for file, line in (("", []), ("f.py", ["   f.py:"])):
        checked = Checked(
            file=file, described=("1 unit",), findings=(finding("a", "note", changes=(change,)),), measured=True
        )
        told = list(render(checked))
        assert told[2:-2] == ["1. note: a", "   - Seen.", "   Why: So.", "   Remedy: Do.", *line, "      -> write this"]


def test_lines_are_of_100_letters_at_most_and_hang() -> None:
    seen = "a" * 47 + " " + "b" * 47 + " c"
    checked = Checked(file="", described=("1 unit",), findings=(finding("a", "note", seen=(seen,)),), measured=True)
    assert list(render(checked))[3:5] == ["   - " + "a" * 47 + " " + "b" * 47, "     c"]


def test_two_outputs_are_named_and_one_that_was_not_measured_counts() -> None:
    def told(*outputs: tuple[Output, Encoding]) -> Checked:
        return check_readings([[one] for one in outputs], file=None, function="")

    right = (output(ONE, name="left"), swept(ONE).encoding)
    none = (replace(output(ONE, name="right"), tail=None), swept(ONE).encoding)
    assert told(right).described == (describe(output(ONE), swept(ONE)),)
    both = told(right, none)
    assert [text.partition(":")[0] for text in both.described] == ["left", "right"]
    assert (told(right).measured, told(right, right).measured, both.measured, told(none, right).measured) == (
        True, True, False, False,
    )  # fmt: skip
    assert describe(output(MULTI), swept(MULTI)).startswith("3 units that end in probabilities")


def test_a_wrong_program_is_exit_code_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    known = Checked(file="", described=("1 unit",), findings=(), measured=True)
    for findings, code in (((), 0), ((finding("a", "note"),), 0), ((finding("a", "problem"),), 1)):
        monkeypatch.setattr(
            "experiments.check.render.check_target", lambda target, of=findings: replace(known, findings=of)
        )
        assert main("models.py:build") == code
        assert capsys.readouterr().out.startswith("1 unit\n")
    assert main("models.py:build", as_json=True) == 1
    assert capsys.readouterr().out.startswith("{")


def test_the_table_of_findings_stands_between_its_marks() -> None:
    page = document()
    assert page.name == "check.md"
    assert (page.parent.name, page.is_file()) == ("docs", True)
    text = page.read_text(encoding="utf-8")
    assert documented(text) == text
    bare = "start\n<!-- findings: x -->\nreplaced\n<!-- end of findings -->\nend"
    made = documented(bare)
    assert made.startswith("start\n<!-- findings: x -->\n| finding |")
    assert made.endswith("|\n<!-- end of findings -->\nend")
    assert "\nreplaced\n" not in made


# the callback -------------------------------------------------------------------------------------------------------


class Fitted:
    """Calls what a callback asks for, as `fit` of Keras does."""

    def __init__(self, called: Any) -> None:
        self.called = called

    def fit(self, x: Any = None, y: Any = None, sample_weight: Any = None, class_weight: Any = None) -> Any:
        return self.called()

    def train(self, x: Any = None, y: Any = None, sample_weight: Any = None, class_weight: Any = None) -> Any:
        return self.called()


def test_the_arguments_of_the_innermost_fit() -> None:
    def fit(x: int) -> Any:  # somebody else's
        return callback._arguments_of_fit()

    given = {"x": 1, "y": 2, "sample_weight": 3, "class_weight": {0: 1.0}}
    assert Fitted(lambda: fit(5)).fit(**given) == given
    assert Fitted(callback._arguments_of_fit).fit(**given) == given
    assert Fitted(lambda: Fitted(callback._arguments_of_fit).fit(7)).fit(**given)["x"] == 7
    assert Fitted(callback._arguments_of_fit).train(**given) == {}
    assert fit(1) == {}


def test_a_callback_checks_once_and_warns_of_problems_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    known = Checked(file="", described=("1 unit",), findings=(), measured=True)

    def checked(model: Any, **given: Any) -> Checked:
        asked.append(given)
        return known

    monkeypatch.setattr(callback, "check_keras", checked)
    once = callback.CheckHead()
    assert once.stop is False
    for _ in range(2):
        Fitted(once.on_train_begin).fit(1, 2)
    assert asked == [{"x": 1, "y": 2, "sample_weight": None, "class_weight": None}]
    assert once.checked is known
    Fitted(callback.CheckHead().on_train_begin).fit(iter([1]))  # read once alone
    assert asked[1:] == [{}]
    known = replace(known, findings=(finding("a", "problem"), finding("a", "problem"), finding("b", "problem")))
    with pytest.warns(UserWarning, match="3 problems"):
        Fitted(callback.CheckHead().on_train_begin).fit(1, 2)
    with pytest.raises(UserError, match=r"^The model has problems: a, b\.\n1 unit"):
        Fitted(callback.CheckHead(stop=True).on_train_begin).fit(1, 2)
