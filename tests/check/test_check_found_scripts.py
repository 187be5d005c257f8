"""Scripts as they are found: each gets an answer or one line, in its time, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_check_scripts import KERAS, RIGHT, ROOT, WRONG, names, run, shell

from experiments.check.render import main
from experiments.check.script import SECONDS
from experiments.records import UserError

# Keras --------------------------------------------------------------------------------------------------------------


def test_nothing_is_written_after_fit_not_even_at_exit(tmp_path: Path) -> None:
    body = (
        "import atexit, threading, time\natexit.register(lambda: open('at_exit', 'w').write('x'))\n"
        "def later():\n    time.sleep(0.5)\n    open('thread', 'w').write('x')\n"
        f"{KERAS}{WRONG}open('before', 'w').write('x')\nthreading.Thread(target=later).start()\n"
        "model.fit(x, y)\nmodel.save('model.keras')\nopen('after', 'w').write('x')\n"
    )
    done = shell(tmp_path, body)
    assert done.returncode == 1, done.stderr
    left = {path.name for path in tmp_path.iterdir()}
    assert left - {"thread"} == {"before", "train.py"}  # a thread may be quicker than the check


@pytest.mark.parametrize(
    "body",
    [
        "learn = keras.Model.fit\ndef main():\n    def deeper():\n        learn(model, x, y)\n    deeper()\nmain()",
        "class Experiment:\n    def __init__(self, model):\n        self.model = model\n    def run(self):\n"
        "        return self.model.fit(x, y, epochs=3, validation_split=0.2, verbose=0)\nExperiment(model).run()",
        "from functools import partial\npartial(model.fit, x)(y)",
        "import functools\nfit = functools.wraps(model.fit)(lambda *given: model.fit(*given))\nfit(x, y)",
        "[model.fit(x, y) for _ in range(3)]",
        "import tensorflow as tf\nrows = tf.data.Dataset.from_tensor_slices((x, y)).repeat().batch(8)\n"
        "model.fit(rows, steps_per_epoch=2)",
        "def rows():\n    while True:\n        yield x[:8], y[:8]\nmodel.fit(rows(), steps_per_epoch=2)",
        "import pandas as pd\nmodel.fit(pd.DataFrame(x), pd.Series(y))",
        "model.fit(x, y, callbacks=[keras.callbacks.ModelCheckpoint('best.keras')])",
    ],
    ids=["held", "class", "partial", "wrapped", "comprehension", "endless data", "generator", "frames",
         "checkpoint"],
)  # fmt: skip
def test_fit_is_met_wherever_it_is_called(body: str, tmp_path: Path) -> None:
    assert names(run(tmp_path, f"{KERAS}{WRONG}{body}\nopen('after', 'w')\n")) == ["metric_cuts_the_logit"]
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]


@pytest.mark.parametrize("given", ["x.tolist(), y", "x, y.tolist()"])
def test_plain_lists_are_refused_as_keras_refuses_them(given: str, tmp_path: Path) -> None:
    checked = run(tmp_path, f"{KERAS}{RIGHT}model.fit({given})")
    assert names(checked) == ["program_raises"]
    assert "is a plain list" in checked.findings[0].seen[0]


def test_the_first_of_two_models_ends_the_script(tmp_path: Path) -> None:
    two = f"{KERAS}{RIGHT}model.fit(x, y)\nopen('first', 'w')\n{WRONG}model.fit(x, y)\n"
    assert names(run(tmp_path, two)) == []
    assert not (tmp_path / "first").exists()


def test_figures_neither_open_nor_block(tmp_path: Path) -> None:
    plot = (
        "import matplotlib.pyplot as plt\nplt.switch_backend('TkAgg')\nplt.ion()\nplt.plot([1, 2])\n"
        "plt.show()\nplt.show(block=True)\nplt.pause(0.01)\n"
    )
    began = time.monotonic()
    assert names(run(tmp_path, f"{plot}{KERAS}{RIGHT}model.fit(x, y)")) == []
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("while True:\n    pass\n", "did not train within 1 s. Allow more with --seconds."),
        ("import threading\nthreading.Event().wait()\n", "did not train within 1 s. Allow more with --seconds."),
        ("import signal\nsignal.pause()\n", "did not train within 1 s. Allow more with --seconds."),
        ("import os\nos._exit(0)\n", "ended with sys.exit(0) before it trained a model."),
    ],
    ids=["loop", "wait", "pause", "os._exit"],
)
def test_a_script_that_never_trains_gets_one_line_and_no_more_time(body: str, message: str, tmp_path: Path) -> None:
    began = time.monotonic()
    done = shell(tmp_path, body, "--seconds", "1")
    assert (done.returncode, done.stdout) == (2, "")
    lines = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    assert message in lines[0]
    assert "Traceback" not in done.stderr
    assert time.monotonic() - began < 60


def test_a_minute_is_allowed_and_no_question_is_waited_for(tmp_path: Path) -> None:
    assert SECONDS == 60
    asks = "try:\n    epochs = int(input('How many epochs? '))\nexcept EOFError:\n    epochs = 3\n"
    # what the script starts asks too
    body = f"{asks}import subprocess, sys\nsubprocess.run([sys.executable, '-c', {asks!r}])\n"
    file = tmp_path / "train.py"
    file.write_text(f"{body}{KERAS}{WRONG}model.fit(x, y, epochs=epochs)")
    command = [sys.executable, "-m", "experiments", "check", str(file)]
    # a terminal that never answers
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as child:  # fmt: skip
        assert child.stdout is not None
        assert b"metric_cuts_the_logit" in child.stdout.read()
        assert child.wait(timeout=60) == 1


# PyTorch ------------------------------------------------------------------------------------------------------------

START = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
x = torch.randn(64, 4)
y = (x[:, 0] > 0).float()
rows = TensorDataset(x, y)
"""
LOOP = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(4, 8), nn.Linear(8, 1)
    def forward(self, x):
        return {last}(self.head(torch.relu(self.body(x)))).squeeze(-1)
    def training_step(self, batch):
        x, y = batch
        return nn.functional.binary_cross_entropy_with_logits(self(x), y)
class Trainer:
    def fit(self, module, loader):
        optimizer = torch.optim.Adam(module.parameters())
        for _ in range(2):
            for batch in loader:
                loss = module.training_step(batch)
                optimizer.zero_grad()
                self.backward(loss)
                optimizer.step()
    def backward(self, loss):
        loss.backward()
if __name__ == "__main__":
    Trainer().fit(Net(), DataLoader(rows, batch_size=16, shuffle=True{options}))
"""
HEADS = """
class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.one, self.two = nn.Linear(4, 8), nn.Linear(8, 1), nn.Linear(8, 3)
    def forward(self, x):
        h = torch.relu(self.body(x))
        return self.one(h), self.two(h)
"""
WORDS = "words = torch.randint(0, 9, (8, 5))\nnet = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 9))\n"
SQUASHED = ["probabilities_taken_for_logits"]


@pytest.mark.parametrize(("last", "expected"), [("nn.Identity()", []), ("torch.sigmoid", SQUASHED)])
@pytest.mark.parametrize("options", ["", ", num_workers=2"])
# another test of this process may have loaded JAX, which warns when a loader forks
@pytest.mark.filterwarnings(r"ignore:os\.fork\(\) was called:RuntimeWarning")
def test_a_loop_of_ones_own_over_a_loader(last: str, expected: list[str], options: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    assert names(run(tmp_path, START + LOOP.format(last=last, options=options))) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # the penalty and the division by the steps that are accumulated are of the program, not of its end
        ("net = nn.Linear(4, 1)\nloss = nn.BCEWithLogitsLoss()(net(x)[:, 0], y)\n"
         "loss = loss + 1e-3 * sum((w ** 2).sum() for w in net.parameters())\n(loss / 4).backward()", []),
        ("net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))\nscaler = torch.amp.GradScaler('cpu')\n"
         "with torch.autocast('cpu', dtype=torch.bfloat16):\n    loss = nn.CrossEntropyLoss()(net(x), y.long())\n"
         "scaler.scale(loss).backward()", []),
        ("net = nn.DataParallel(nn.Sequential(nn.Linear(4, 2), nn.Softmax(1)))\n"
         "nn.CrossEntropyLoss()(net(x), y.long()).backward()", SQUASHED),
        ("body, head = nn.Linear(4, 8), nn.Linear(8, 1)\np = torch.sigmoid(head(torch.tanh(body(x))))[:, 0]\n"
         "(-(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()).backward()", ["loss_is_not_finite"]),
        ("first, second = nn.Linear(4, 1), nn.Linear(4, 1)\n"
         "nn.BCEWithLogitsLoss()(first(x)[:, 0], y).backward()\n"
         "nn.BCEWithLogitsLoss()(torch.sigmoid(second(x))[:, 0], y).backward()", []),
        ("net = nn.Sequential(nn.Linear(4, 2), nn.Softmax(1))\n"
         "for w, g in zip(net.parameters(), torch.autograd.grad(\n"
         "        nn.CrossEntropyLoss()(net(x), y.long()), list(net.parameters()))):\n    w.data -= g", SQUASHED),
        ("net, given = nn.Linear(4, 1), x.clone().requires_grad_()\n"
         "torch.autograd.grad(net(given).sum(), given)\n"  # a penalty on the gradient of the inputs
         "nn.BCEWithLogitsLoss()(net(x)[:, 0], y).backward()", []),
        ("nn.BCELoss()(nn.Linear(4, 1)(x)[:, 0], y).backward()", ["logits_taken_for_probabilities"]),
        (f"{HEADS}a, b = Heads()(x)\n(nn.BCEWithLogitsLoss()(a[:, 0], y) + "
         "nn.CrossEntropyLoss()(b, y.long())).backward()", []),
        (f"{HEADS}a, b = Heads()(x)\n(nn.BCEWithLogitsLoss()(a[:, 0], y) + "
         "nn.CrossEntropyLoss()(b.softmax(1), y.long())).backward()", SQUASHED),
        (f"{WORDS}nn.CrossEntropyLoss(ignore_index=0)(net(words).view(-1, 9), words.view(-1)).backward()", []),
        (f"{WORDS}flat = words.reshape(-1)\n"  # before the logits are there
         "nn.CrossEntropyLoss()(net(words).softmax(-1).view(-1, 9), flat).backward()", SQUASHED),
        # labels that are made in the shape of the prediction do not come from it
        ("net = nn.Linear(4, 1)\nreal, fake = net(x), net(-x)\nloss = nn.BCEWithLogitsLoss()\n"
         "(loss(real, torch.ones_like(real)) + loss(fake, torch.zeros_like(fake))).backward()", []),
        # what a network without a gradient says is no prediction
        ("net, target = nn.Linear(4, 2), nn.Linear(4, 2)\nchosen = net(x).gather(1, y.long()[:, None])\n"
         "with torch.no_grad():\n    best = target(x).max(1).values[:, None] ** 2\n"
         "nn.SmoothL1Loss()(chosen, best).backward()", ["loss_of_its_own_formula"]),
        # weights that the labels give are those of all of them, not of one label
        ("weights = 1 / torch.bincount(y.long()).float()\nshare = (y == 0).sum() / (y == 1).sum()\n"
         "one, two = nn.Linear(4, 1), nn.Linear(4, 2)\n"
         "(nn.BCEWithLogitsLoss(pos_weight=share)(one(x)[:, 0], y)\n"
         " + nn.CrossEntropyLoss(weight=weights)(two(x), y.long())).backward()", []),
        # time first, flattened within the module
        ("class Steps(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
         "        self.read, self.out = nn.GRU(4, 8), nn.Linear(8, 3)\n    def forward(self, rows):\n"
         "        return self.out(self.read(rows)[0].reshape(-1, 8)).log_softmax(1)\n"
         "nn.NLLLoss()(Steps()(torch.randn(9, 4, 4)), torch.randint(0, 3, (36,))).backward()", []),
        ("net = nn.Linear(4, 3)\n(-net(x).softmax(1).gather(1, y.long()[:, None]).mean()).backward()", SQUASHED),
        # a module may return its loss beside its prediction
        ("class Whole(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
         "        self.net = nn.Linear(4, 2)\n    def forward(self, rows, labels):\n        p = self.net(rows)\n"
         "        return nn.functional.cross_entropy(p, labels), p\nWhole()(x, y.long())[0].mean().backward()", []),
        ("net = torch.compile(nn.Sequential(nn.Linear(4, 2), nn.Softmax(1)))\nnet.compile()\n"
         "step = torch.compile(mode='reduce-overhead')(lambda: nn.CrossEntropyLoss()(net(x), y.long()))\n"
         "step().backward()", SQUASHED),
        ("class Cell(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
         "        self.hidden, self.out = nn.Linear(8, 4), nn.Linear(4, 2)\n    def forward(self, x, h):\n"
         "        h = torch.tanh(self.hidden(torch.cat([x, h], 1)))\n        return self.out(h).softmax(1), h\n"
         "p, h = Cell()(x, torch.zeros(64, 4))\nnn.NLLLoss()(p, y.long()).backward()", ["not_a_log_probability"]),
        ("first = nn.Linear(4, 1)\nreal = nn.BCEWithLogitsLoss()(first(x), torch.ones(64, 1))\n"
         "(real + nn.BCEWithLogitsLoss()(first(-x), torch.zeros(64, 1))).backward()", []),
    ],
    ids=["penalty", "scaler", "parallel", "own formula", "two", "autograd", "inputs", "refused", "heads", "wrong head",
         "flattened", "flattened before", "like", "target network", "balanced", "time first",
         "likelihood", "loss within", "compiled", "state", "discriminator"],
)  # fmt: skip
def test_torch_scripts(body: str, expected: list[str], tmp_path: Path) -> None:
    pytest.importorskip("torch")
    assert names(run(tmp_path, START + body)) == expected


@pytest.mark.parametrize(
    "body",
    [
        # labels of a sequence of another length; of what is made of all rows; of actions that are drawn, with rewards
        "out = nn.Linear(4, 5)(torch.randn(20, 4, 4)).log_softmax(-1)\n"
        "nn.CTCLoss()(out, torch.randint(1, 5, (20, 6))[:4], torch.full((4,), 20), torch.full((4,), 6)).backward()",
        "out = nn.Linear(4, 8)(x)\nnn.CrossEntropyLoss()(out @ out.T, torch.arange(64)).backward()",
        "class Both(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.choice, self.value = nn.Linear(4, 2), nn.Linear(4, 1)\n    def forward(self, rows):\n"
        "        return self.choice(rows).softmax(1), self.value(rows)[:, 0]\nchances, value = Both()(x)\n"
        "drawn = torch.distributions.Categorical(chances)\naction, reward = drawn.sample(), torch.randn(64)\n"
        "loss = -(drawn.log_prob(action) * (reward - value.detach())).mean()\n"
        "(loss + nn.functional.mse_loss(value, reward) - 0.01 * drawn.entropy().mean()).backward()",
    ],
    ids=["sequence", "pairs", "actions"],
)  # fmt: skip
def test_what_a_torch_script_compares_otherwise_is_not_measured(body: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    checked = run(tmp_path, START + body)
    assert (names(checked), checked.measured) == (["not_measured"], False)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("net = nn.Linear(4, 1)\nnet(x).mean().backward()", "takes no labels beside the prediction"),
        ("w = torch.zeros(4, requires_grad=True)\n((x @ w - y) ** 2).mean().backward()", "no module with weights"),
        ("net = nn.Linear(4, 1)\nnet(x[:, :2])", "RuntimeError: mat1 and mat2"),
    ],
    ids=["no labels", "no module", "other rows"],
)
def test_torch_scripts_that_cannot_be_checked_say_so(body: str, message: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    with pytest.raises(UserError, match=message) as told:
        run(tmp_path, START + body)
    assert "\n" not in str(told.value)


# what is no script --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "text", "message"),
    [
        ("notes.txt", "words", "is no FILE.py, FILE.py:FUNCTION, MODEL.keras or MODEL.h5."),
        ("model.keras", "words", "cannot be loaded as a Keras model"),
        ("train.py", "x = 1", "ended without a call of fit() or backward()"),
        ("train.py", f"{KERAS}keras.Sequential([keras.layers.Dense(1)]).fit(x, y)", "Call model.compile(loss"),
        ("models.py:build", "import torch\ndef build():\n    return torch.nn.Linear(4, 1)", "a module without a loss"),
        ("models.py:build", "def build():\n    return 3", "It must return a compiled Keras model"),
        ("models.py:build", "def make():\n    return 3", "It has: make."),
    ],
)  # fmt: skip
def test_a_wrong_call_ends_in_one_line_and_exit_code_2(target: str, text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / target.partition(":")[0]).write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "experiments", "check", target], env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert message in last
    assert "Traceback" not in done.stderr


def test_a_fault_of_the_check_itself_is_one_line_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object, **options: object) -> None:
        raise KeyError("unforeseen")

    monkeypatch.setattr("experiments.check.script.check_keras", fails)
    with pytest.raises(UserError, match=r"could not be checked: KeyError: 'unforeseen'"):
        run(tmp_path, f"{KERAS}{RIGHT}model.fit(x, y)")
    monkeypatch.setattr("experiments.check.render.check_target", fails)
    with pytest.raises(UserError, match=r"models.py:build could not be checked: KeyError: 'unforeseen'"):
        main("models.py:build")
