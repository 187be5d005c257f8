"""`headtohead check train.py`: the script runs until it would train, and not one step further."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.check.record import Checked
from experiments.check.registry import KINDS, documented
from experiments.check.script import check_script
from experiments.records import UserError

ROOT = Path(__file__).resolve().parents[2]

KERAS = """
import numpy as np
import keras
x = np.random.default_rng(0).normal(size=(40, 4))
y = (x[:, 0] > 0).astype(int)
def build(**options):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="relu"), keras.layers.Dense(1)])
    model.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True), **options)
    return model
"""
RIGHT = "model = build(metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)])\n"
WRONG = "model = build(metrics=['accuracy'])\n"


def write(folder: Path, body: str) -> Path:
    file = folder / "train.py"
    file.write_text(body, encoding="utf-8")
    return file


def run(folder: Path, body: str, *arguments: str) -> Checked:
    return check_script(write(folder, body), arguments)


def names(checked: Checked) -> list[str]:
    return [one.name for one in checked.findings]


def shell(
    folder: Path, body: str, *options: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "experiments", "check", str(write(folder, body)), *options]
    known = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
    return subprocess.run(command, env=known, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


# where a script ends ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        "model.fit(x, y, epochs=5)",
        "model.train_on_batch(x, y)",
        "model.evaluate(x, y)",
        "def main():\n    model.fit(x, y)\nmain()",
        "if __name__ == '__main__':\n    model.fit(x=x, y=y)",
        "from keras import Model\nlearn = Model.fit\nlearn(model, x, y)",
        "model.predict(x, verbose=0)\nmodel.fit(x, y)",
        "class Mine(keras.Model):\n    def fit(self, *rest):\n        return super().fit(*rest)\n"
        "inputs = keras.Input((4,))\nown = Mine(inputs, model(inputs))\n"
        "own.compile(loss=model.loss, metrics=['accuracy'])\nown.fit(x, y)",
    ],
)
def test_a_script_is_checked_where_it_would_train(call: str, tmp_path: Path) -> None:
    mark = tmp_path / "after"
    checked = run(tmp_path, f"{KERAS}{WRONG}{call}\nopen({str(mark)!r}, 'w').write('x')\n")
    assert names(checked) == ["metric_cuts_the_logit"]
    ((line, _),) = checked.findings[0].changes
    assert line is not None
    assert "model.compile(" in line.text or "own.compile(" in line.text
    assert not mark.exists()


def test_what_fit_is_called_with_is_what_is_checked(tmp_path: Path) -> None:
    assert names(run(tmp_path, f"{KERAS}{RIGHT}model.fit(x, y)")) == []
    assert names(run(tmp_path, f"{KERAS}{RIGHT}model.fit(x, y + 1)")) == ["labels_are_no_probabilities"]
    weights = "class_weight={0: 1.0, 2: 5.0}"
    assert names(run(tmp_path, f"{KERAS}{RIGHT}model.fit(x, y, {weights})")) == ["class_weight_names_no_class"]
    zero = "sample_weight=np.zeros(40)"
    assert names(run(tmp_path, f"{KERAS}{RIGHT}model.fit(x, y, {zero})")) == ["weights_are_zero"]


def test_the_first_of_two_models_is_checked(tmp_path: Path) -> None:
    assert names(run(tmp_path, f"{KERAS}{RIGHT}model.fit(x, y)\n{WRONG}model.fit(x, y)")) == []


def test_no_exception_handler_swallows_the_end(tmp_path: Path) -> None:
    body = f"{KERAS}{WRONG}try:\n    model.fit(x, y)\nexcept Exception:\n    raise SystemExit('swallowed')\n"
    assert names(run(tmp_path, body)) == ["metric_cuts_the_logit"]


def test_the_process_is_as_it_was(tmp_path: Path) -> None:
    import keras

    before = (keras.Model.fit, list(sys.argv), list(sys.path), sys.stdin, sys.stdout, list(sys.meta_path))
    run(tmp_path, f"{KERAS}{RIGHT}import sys\nassert sys.argv[1:] == ['--a', '1']\nmodel.fit(x, y)", "--a", "1")
    assert (keras.Model.fit, list(sys.argv), list(sys.path), sys.stdin, sys.stdout, list(sys.meta_path)) == before


# from the shell -----------------------------------------------------------------------------------------------------


def test_nothing_is_imported_before_the_script_and_nothing_runs_after(tmp_path: Path) -> None:
    """Not even where everything is caught; and the whole takes seconds."""
    body = (
        "import sys\nassert not {'keras', 'tensorflow', 'torch', 'jax'} & {*sys.modules}\n"
        f"print('hello')\n{KERAS}{WRONG}"
        "try:\n    model.fit(x, y)\nexcept:\n    pass\nfinally:\n    open('after', 'w').write('x')\n"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = shell(tmp_path, body, "--json")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)  # what the script prints is not in the answer
    assert [one["name"] for one in told["findings"]] == ["metric_cuts_the_logit"]
    assert "hello" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 15  # of CPU: the machine may be busy


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_the_backend_is_the_scripts(backend: str, tmp_path: Path) -> None:
    pytest.importorskip(backend)
    body = (
        f"import os\nos.environ['KERAS_BACKEND'] = '{backend}'\n{KERAS}{WRONG}"
        "model.add(keras.layers.Activation('sigmoid'))\n"
        "model.compile(loss='binary_crossentropy', metrics=['accuracy'])\n"
        "model.fit(x, y)"
    )
    done = shell(tmp_path, body, "--json", environment={"KERAS_BACKEND": "tensorflow"})
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["verdict"], [one["name"] for one in told["findings"]]) == ("note", ["probability_clipped"])
    assert f"Keras on {backend}" in told["described"][0]


def test_a_script_that_hangs_is_given_up(tmp_path: Path) -> None:
    done = shell(tmp_path, "import time\nwhile True:\n    time.sleep(0.1)\n", "--seconds", "1")
    assert done.returncode == 2
    assert done.stderr.strip().endswith("did not train within 1 s. Allow more with --seconds.")


# scripts as they are found ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("open('not_there.csv')", r"FileNotFoundError.*Run the check in the folder"),
        ("import sys\nsys.exit(3)", r"ended with sys.exit\(3\)"),
        ("name = input('Which?')", r"EOFError.*answers input\(\) with an end of file"),
        ("x = 1", "without a call of fit"),
        ("1 / 0", "ZeroDivisionError"),
        ("def broken(:", "SyntaxError"),
        ("import argparse\np = argparse.ArgumentParser()\np.add_argument('data')\np.parse_args()", r"sys.exit\(2\)"),
        (f"{KERAS}model = keras.Sequential([keras.layers.Dense(1)])\nmodel.fit(x, y)", "not compiled with a loss"),
    ],
)
def test_a_script_that_does_not_train_is_answered_in_one_line(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message) as told:
        run(tmp_path, body)
    assert "\n" not in str(told.value)


def test_a_script_that_plots_opens_no_window(tmp_path: Path) -> None:
    plot = "import matplotlib\nmatplotlib.use('TkAgg')\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\n"
    assert names(run(tmp_path, f"{plot}{KERAS}{RIGHT}model.fit(x, y)")) == []


# PyTorch ------------------------------------------------------------------------------------------------------------

TORCH = """
import torch
from torch import nn
x = torch.randn(40, 4)
y = (x[:, 0] > 0).long()
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2){})
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(3):
    for rows, labels in torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=8):
        optimizer.zero_grad()
        loss = {}
        {}
        optimizer.step()
"""


@pytest.mark.parametrize("backward", ["loss.backward()", "torch.autograd.backward(loss)"])
@pytest.mark.parametrize(
    ("last", "loss", "expected"),
    [
        ("", "nn.CrossEntropyLoss()(net(rows), labels)", []),
        (", nn.Softmax(1)", "nn.CrossEntropyLoss()(net(rows), labels)", ["probabilities_taken_for_logits"]),
        ("", "nn.functional.cross_entropy(net(rows), labels)", []),
        (", nn.Softmax(1)", "nn.functional.nll_loss(net(rows), labels)", ["not_a_log_probability"]),
        (", nn.Linear(2, 1)", "((net(rows) - labels.float()) ** 2).mean()", ["rows_are_mixed"]),
    ],
)
def test_a_torch_script_is_checked_at_its_first_backward(
    last: str, loss: str, expected: list[str], backward: str, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    assert names(run(tmp_path, TORCH.format(last, loss, backward))) == expected


def test_a_torch_loss_without_weights_says_so(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    with pytest.raises(UserError, match="comes from no module with weights"):
        run(tmp_path, "import torch\nw = torch.ones(3, requires_grad=True)\n(w ** 2).sum().backward()\n")


# the document -------------------------------------------------------------------------------------------------------


def test_the_document_lists_every_finding() -> None:
    page = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
    assert documented(page) == page, "run `python -m experiments.check`"
    assert page.count("\n| `") == len(KINDS)
