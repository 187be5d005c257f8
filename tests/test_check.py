"""`headtohead check`: ten small models classified, the lines named, and nothing executed that need not be."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from experiments.check import Finding, check
from experiments.check.labels import misfit
from experiments.check.render import main
from experiments.numerics import installed
from experiments.records import UserError

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "tests" / "models"

# what the file's name stands for -> the pathologies that are its problem, and the line to change
ILL = {
    "crossed_pair": ({"crossed_pair_swaps_the_objective"}, "compile"),
    "one_unit_softmax": ({"one_unit_softmax"}, 'Dense(1, activation="softmax")'),
    "logits_untold": ({"logits_taken_for_probabilities"}, "compile"),
    "layer_after": ({"logits_lost_to_a_layer"}, "Reshape"),
    "half_head": (
        {"one_sided_saturation", "slope_overflows", "logits_lost_to_a_cast"},
        'Dense(1, activation="sigmoid", dtype="mixed_float16")',
    ),
}
SOUND = sorted(path.stem for path in MODELS.glob("sound_*.py"))


def target(name: str) -> str:
    return f"{MODELS / name}.py:build"


def write(folder: Path, body: str, name: str = "build") -> str:
    """A file whose function has this body; returns the target."""
    file = folder / f"model_{abs(hash(body))}.py"
    text = textwrap.indent(textwrap.dedent(body), "    ")
    file.write_text(f"import keras\nimport numpy as np\n\n\ndef {name}():\n{text}")
    return f"{file}:{name}"


def sequential(last: str, compiled: str) -> str:
    return f"""
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), {last}])
        model.compile({compiled})
        return model
    """


# the ten models -----------------------------------------------------------------------------------------------------


def test_there_are_ten_models_half_of_them_sound() -> None:
    assert len(SOUND) == 5
    assert {path.stem for path in MODELS.glob("*.py")} == {*SOUND, *ILL}


@pytest.mark.parametrize("name", SOUND)
def test_sound_models_are_sound(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(target(name)) == 0
    assert capsys.readouterr().out.strip().endswith("Sound: loss and gradient are those of the written formula.")


@pytest.mark.parametrize("name", ILL)
def test_each_problem_is_named_with_the_line_to_change(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    names, line = ILL[name]
    assert main(target(name)) == 1
    found = check(target(name))
    assert {finding.name for finding in found} == names
    lines = (MODELS / f"{name}.py").read_text(encoding="utf-8").splitlines()
    places = [place for finding in found for place, _ in finding.changes]
    assert all(place is not None and lines[place.number - 1].strip() == place.text for place in places)
    assert any(place is not None and line in place.text for place in places)
    printed = capsys.readouterr().out
    assert all(one in printed for one in names)
    assert f"{name}.py:{places[0].number}: " in printed  # type: ignore[union-attr]
    assert "Remedy: " in printed
    assert "Where: keras/src/" in printed


def test_the_command_exits_with_1_within_15_seconds(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "experiments", "check", target("crossed_pair")]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 1, done.stderr
    assert "crossed_pair_swaps_the_objective" in done.stdout
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 15  # of CPU: the machine may be busy
    command[-1] = "none.py:build"
    wrong = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("Error: There is no file 'none.py'")


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_the_backend_is_the_users(backend: str, tmp_path: Path) -> None:
    """A sigmoid is sound on TensorFlow and clipped elsewhere; a loss of logits is sound everywhere."""
    if not installed(backend):
        pytest.skip(f"{backend} is not installed")
    program = (
        "import sys; from experiments.check import check\n"
        "print(*[','.join(f.name for f in check(t)) or 'sound' for t in sys.argv[1:]])"
    )
    targets = map(target, ("sound_sigmoid", "sound_logits", "one_unit_softmax"))
    command = [sys.executable, "-c", program, *targets]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": backend}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    clipped, logits, softmax = done.stdout.split()
    assert "probability_clipped" in clipped
    assert (logits, softmax) == ("sound", "one_unit_softmax")


# what is executed ---------------------------------------------------------------------------------------------------


def test_only_the_import_and_the_named_function_are_executed(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("WIDTH = 4\n")
    file = tmp_path / "models.py"
    file.write_text(
        "import pathlib\nimport keras\nimport beside\nLOG = pathlib.Path(__file__).with_name('log')\n"
        "def note(text):\n    LOG.write_text((LOG.read_text() if LOG.exists() else '') + text + ' ')\n"
        "note('import')\n"
        "def data():\n    note('data')\n"
        "def build():\n    note('build')\n"
        "    model = keras.Sequential([keras.Input((beside.WIDTH,)), keras.layers.Dense(1, activation='sigmoid')])\n"
        "    model.compile(loss='binary_crossentropy')\n"
        "    model.fit = lambda *rest: note('fit')\n"
        "    return model\n"
        "def train():\n    note('train')\n"
        "if __name__ == '__main__':\n    train()\n"
    )
    path = list(sys.path)
    assert check(f"{file}:build") == []
    assert (tmp_path / "log").read_text().split() == ["import", "build"]
    assert sys.path == path


def test_weights_are_left_alone(tmp_path: Path) -> None:
    import keras

    keras.utils.set_random_seed(0)
    body = sequential('keras.layers.Dense(2, activation="softmax")', 'loss="sparse_categorical_crossentropy"')
    kept = "np.made = model\n        np.before = model.get_weights()\n        return model"
    assert check(write(tmp_path, body.replace("return model", kept))) == []
    for before, after in zip(np.before, np.made.get_weights(), strict=True):  # type: ignore[attr-defined]
        np.testing.assert_array_equal(before, after)
    del np.before, np.made  # type: ignore[attr-defined]


# wrong calls --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 3", "returned a int"),
        ("return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])", "not compiled"),
        ("raise KeyError('x')", "raised KeyError"),
        (sequential("keras.layers.Dense(1)", 'loss="mse"'), "no cross-entropy"),
        (sequential('keras.layers.Dense(1, activation="tanh")', 'loss="binary_crossentropy"'), "neither sigmoid nor"),
        (
            """
            class Mine(keras.Model):
                def call(self, x):
                    return x
            model = Mine()
            model.compile(loss="binary_crossentropy")
            return model
            """,
            "subclass of keras.Model",
        ),
    ],
    ids=["no model", "not compiled", "raises", "another loss", "another activation", "subclassed"],
)
def test_what_cannot_be_checked_says_so(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        check(write(tmp_path, body))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [("models.py", "is not FILE.py:FUNCTION"), ("none.py:build", "no file"), (":build", "is not FILE.py:FUNCTION")],
)
def test_a_wrong_target_says_what_is_right(wrong: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check(wrong)


def test_an_unknown_function_is_answered_with_those_there_are() -> None:
    with pytest.raises(UserError, match=r"no function 'make'. It has: build"):
        check(f"{MODELS / 'crossed_pair.py'}:make")


# models of other shapes ---------------------------------------------------------------------------------------------


def names(found: list[Finding]) -> set[str]:
    return {finding.name for finding in found}


def test_layers_and_losses_of_other_kinds_are_read(tmp_path: Path) -> None:
    cases = {
        sequential("keras.layers.Softmax()", "loss=keras.losses.CategoricalCrossentropy()"): set(),
        sequential(
            'keras.layers.Dense(2, activation="softmax")',
            "loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1)",
        ): set(),
        sequential('keras.layers.Dense(1, activation="sigmoid")', "loss=keras.losses.binary_crossentropy"): set(),
        sequential(
            'keras.layers.Dense(2, activation="softmax")',
            "loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
        ): {"probabilities_taken_for_logits"},
        sequential('keras.layers.Dense(1, activation="sigmoid")', 'loss="categorical_crossentropy"'): {
            "one_unit_categorical"
        },
        sequential(
            'keras.layers.Dense(1, activation="sigmoid"), keras.layers.Flatten()', 'loss="binary_crossentropy"'
        ): {"logits_lost_to_a_layer"},
        sequential('keras.layers.Dense(1, activation="sigmoid", dtype="float64")', 'loss="binary_crossentropy"'): {
            "logits_lost_to_a_cast", "loss_follows_floatx", "complement_rounds",
        },
        """
        inputs = keras.Input((None, None, 3))
        outputs = keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")(inputs)
        model = keras.Model(inputs, outputs)
        model.compile(loss="binary_crossentropy")
        return model
        """: set(),
    }  # fmt: skip
    for body, expected in cases.items():
        assert names(check(write(tmp_path, body))) == expected, body


def test_a_layer_that_acts_only_in_training_is_seen(tmp_path: Path) -> None:
    last = 'keras.layers.Dense(1, activation="sigmoid"), keras.layers.Dropout(0.5)'
    assert "logits_lost_to_a_layer" in names(check(write(tmp_path, sequential(last, 'loss="binary_crossentropy"'))))


def test_each_output_is_checked_with_its_own_loss(tmp_path: Path) -> None:
    body = """
        inputs = keras.Input((4,))
        first = keras.layers.Dense(2, activation="softmax", name="first")(inputs)
        second = keras.layers.Dense(1, activation="sigmoid", name="second")(inputs)
        model = keras.Model(inputs, {"first": first, "second": second})
        model.compile(loss={"first": "binary_crossentropy", "second": "binary_crossentropy"})
        return model
    """
    (finding,) = check(write(tmp_path, body))
    assert (finding.name, finding.output) == ("crossed_pair_swaps_the_objective", "first")


def test_labels_beside_the_model_are_checked(tmp_path: Path) -> None:
    last = 'keras.layers.Dense(2, activation="softmax")'
    for loss, labels, expected in (
        ("categorical_crossentropy", "np.arange(6) % 2", {"integer_labels_for_one_hot"}),
        ("sparse_categorical_crossentropy", "np.eye(2)[np.arange(6) % 2]", {"one_hot_labels_for_integers"}),
        ("sparse_categorical_crossentropy", "np.arange(6) % 2", set()),
    ):
        body = sequential(last, f'loss="{loss}"').replace("return model", f"return model, {labels}")
        found = check(write(tmp_path, body))
        assert names(found) == expected
        assert all("compile(" in str(found[0].changes[0][0].text) for _ in expected)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("labels", "loss", "units", "name"),
    [
        (np.array([0, 1, 1]), "binary_crossentropy", 1, None),
        (np.array([[0, 1], [1, 1]]), "binary_crossentropy", 2, None),
        (np.array([0, 1, 1]), "binary_crossentropy", 2, "labels_and_units_differ"),
        (np.array([[0, 1], [1, 0]]), "binary_crossentropy", 1, "labels_and_units_differ"),
        (np.array([1, 2, 2]), "binary_crossentropy", 1, "labels_are_no_probabilities"),
        (np.array([-1, 1]), "binary_crossentropy", 1, "labels_are_no_probabilities"),
        (np.array([[0.1, 0.9]]), "categorical_crossentropy", 2, None),
        (np.array([[0], [1]]), "categorical_crossentropy", 2, "integer_labels_for_one_hot"),
        (np.array([0, 1, 2]), "sparse_categorical_crossentropy", 3, None),
        (np.array([1, 2, 3]), "sparse_categorical_crossentropy", 3, "label_names_no_unit"),
        (np.eye(3), "sparse_categorical_crossentropy", 3, "one_hot_labels_for_integers"),
    ],
)
def test_misfits_of_labels(labels: np.ndarray, loss: str, units: int, name: str | None) -> None:
    found = misfit(labels, loss, units)
    assert (found.name if found else None) == name
