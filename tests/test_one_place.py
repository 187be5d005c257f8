"""One place is one place: a file adds a thing, no other file is touched, and all that shows such things has it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic_tables as synthetic

from experiments import __main__ as cli
from experiments.check.registry import KINDS
from experiments.claims import CLAIMS, verdicts
from experiments.figures import colour
from experiments.frameworks import FRAMEWORKS
from experiments.heads import HEADS
from experiments.messages import LANGUAGES, Messages
from experiments.networks import NETWORKS
from experiments.optimizers import OPTIMIZERS
from experiments.plan import Choice, plan
from experiments.protocols import PRESETS
from experiments.records import Cell, UserError
from experiments.registry import Registry
from experiments.report import build
from experiments.tasks import TASKS

# what is added: the registry, its name, and the whole file
TASK = """
import numpy as np

from experiments.records import Row
from experiments.tasks import as_data, task


@task("thrown_task", kind="vector", synthetic=True, description="is the sum positive", source="made here",
      called={"en": "thrown away", "zh": "一次性任务"},
      rows=(Row(preset="quick", networks=("mlp",), optimizers=("sgd",)),))
def thrown(seed):
    x = np.random.default_rng(seed).normal(size=(400, 3))
    return as_data(x, (x.sum(axis=1) > 0).astype(int))
"""
ARM = """
from experiments.heads import HEADS
from experiments.records import Head

HEADS.add(Head(name="thrown_arm", units=2, activation="softmax", loss="categorical_crossentropy", role="factor",
               description="softmax with a quarter of the head's rate", rate_scale=0.25, colour="#123456",
               called={"en": "softmax, a quarter of the rate", "zh": "softmax（四分之一学习率）"}))
"""
NETWORK = """
from experiments.networks import network
from experiments.records import Row


@network("thrown_network", takes=("vector",), description="one hidden layer of 3",
         called={"en": "tiny", "zh": "微型"}, rows=(Row(preset="quick", tasks=("moons",), optimizers=("adam",)),))
def tiny(input_shape):
    from keras import Sequential, layers

    return Sequential([layers.Input(input_shape), layers.Dense(3, activation="relu")])
"""
OPTIMIZER = """
from experiments.optimizers import optimizer
from experiments.records import Row


@optimizer("thrown_optimizer", learning_rate=0.125, description="SGD with Nesterov's momentum",
           called={"en": "Nesterov", "zh": "动量"},
           rows=(Row(preset="quick", tasks=("moons",), networks=("mlp",)),))
def nesterov(optimizers, rate):
    return optimizers.SGD(rate, momentum=0.5, nesterov=True)
"""
CLAIM = """
from experiments.claims import Part, Verdict, claim, decide


@claim("thrown-claim", section="9", description="there are verdicts on rows", margin=0.0, unit="rows",
       needs=("finals",), called={"zh": "有若干行"})
def thrown(tables, claim):
    n = len(tables["finals"])
    parts = (Part(name="rows", holds=n > 0),)
    told = {"en": f"There are {n} rows.", "zh": f"共有 {n} 行。"}
    return Verdict(outcome=decide(parts), statement=lambda words: told[words.lang], evidence="finals", measure="rows",
                   value=float(n), n_cells=1, parts=parts)
"""
FINDING = """
from experiments.check.registry import KINDS, Kind


def seen(output, found):
    if output.units == 3:
        yield "The model has three units."


KINDS.add(Kind(name="thrown_finding", level="note", about="the objective", cause="Three is one too many.",
               remedy="Take two.", judge=seen))
"""
FRAMEWORK = """
from experiments.engines.keras_tensorflow import TRAINER
from experiments.frameworks import FRAMEWORKS, Framework

__all__ = ["TRAINER"]

if "thrown-framework" not in FRAMEWORKS:
    FRAMEWORKS.add(Framework(name="thrown-framework", description="Keras on TensorFlow under another name",
                             packages=("tensorflow", "keras"), module=__name__, backend="tensorflow",
                             called={"en": "thrown away", "zh": "一次性框架"}))
"""
THINGS: dict[str, tuple[Registry[Any], str, str]] = {
    "task": (TASKS, "thrown_task", TASK),
    "arm": (HEADS, "thrown_arm", ARM),
    "network": (NETWORKS, "thrown_network", NETWORK),
    "optimizer": (OPTIMIZERS, "thrown_optimizer", OPTIMIZER),
    "claim": (CLAIMS, "thrown-claim", CLAIM),
    "finding": (KINDS, "thrown_finding", FINDING),
    "framework": (FRAMEWORKS, "thrown-framework", FRAMEWORK),
}
LISTED = {"task": "tasks", "arm": "heads", "network": "networks", "optimizer": "optimizers", "claim": "claims",
          "framework": "frameworks"}  # fmt: skip


@contextmanager
def added(what: str, folder: Path) -> Iterator[None]:
    """Within, the one file is written and imported."""
    registry, name, source = THINGS[what]
    (folder / f"thrown_{what}.py").write_text(source, encoding="utf-8")
    len(registry)  # what is there comes first
    sys.path.insert(0, str(folder))
    try:
        importlib.import_module(f"thrown_{what}")
        yield
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop(f"thrown_{what}", None)
        registry.remove(name)


def cells(preset: str = "quick", **choice: Any) -> dict[str, Cell]:
    """The planned cells by their id."""
    return {cell.id: cell for cell in plan(PRESETS[preset], Choice(**choice))}


@pytest.mark.parametrize("what", LISTED)
def test_it_is_listed_with_its_description(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    registry, name, _ = THINGS[what]
    with added(what, tmp_path):
        monkeypatch.setattr(sys, "argv", ["headtohead", "list", LISTED[what]])
        with pytest.raises(SystemExit):
            cli.main()
        (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(name)]
        assert line.endswith(registry[name].description)
    assert name not in registry


@pytest.mark.parametrize("what", ["task", "arm", "network", "optimizer", "framework"])
def test_it_has_its_name_in_both_languages(what: str, tmp_path: Path) -> None:
    registry, name, _ = THINGS[what]
    with added(what, tmp_path):
        assert {lang: Messages(lang=lang).name(what, name) for lang in LANGUAGES} == registry[name].called


@pytest.mark.parametrize(
    ("what", "cell"),
    [("task", "binary-thrown_task-mlp-sgd"), ("network", "binary-moons-thrown_network-adam"),
     ("optimizer", "binary-moons-mlp-thrown_optimizer")],
)  # fmt: skip
def test_the_preset_that_it_names_trains_it(what: str, cell: str, tmp_path: Path) -> None:
    before = cells()
    with added(what, tmp_path):
        now = cells()
        assert cell in now.keys() - before.keys()
        assert cells("standard").keys() & {cell} == set()
        chosen = cells(**{f"{what}s": (THINGS[what][1],)})
        assert cell in chosen
        assert all(THINGS[what][1] in name for name in chosen if name.startswith("binary-"))
    assert cells().keys() == before.keys()


def test_an_arm_is_trained_drawn_and_compared(tmp_path: Path) -> None:
    with added("arm", tmp_path):
        trained = [cell for name, cell in cells().items() if name.startswith("binary-")]
        assert all("thrown_arm" in cell.parameters["heads"] for cell in trained)
        assert colour("thrown_arm") == "#123456"
    assert colour("thrown_arm") != "#123456"


def test_a_task_can_be_trained(tmp_path: Path) -> None:
    """With an arm, a network and an optimizer that are as new as it is."""
    with (
        added("task", tmp_path), added("arm", tmp_path), added("network", tmp_path), added("optimizer", tmp_path),
        added("framework", tmp_path),
    ):  # fmt: skip
        from experiments.engines import train
        from experiments.records import Setup

        setup = Setup(task="thrown_task", network="thrown_network", optimizer="thrown_optimizer",
                      heads=("sigmoid", "thrown_arm"), framework="thrown-framework", seeds=2, steps=30)  # fmt: skip
        finals = train(setup)["finals"]
        losses = finals.query("quantity == 'nll' and split == 'test'").set_index(["head", "seed"])["value"]
        assert len(losses) == 4
        assert (losses < np.log(2)).all()
        assert set(finals["framework"]) == {"thrown-framework"}


def test_a_framework_is_planned_where_it_is_named(tmp_path: Path) -> None:
    with added("framework", tmp_path):
        planned = cells(frameworks=("thrown-framework",), tasks=("moons",), networks=("mlp",), optimizers=("sgd",))
        cell = planned["binary-moons-mlp-sgd-thrown-framework"]
        assert cell.parameters["framework"] == "thrown-framework"
    with pytest.raises(UserError, match="Unknown framework 'thrown-framework'"):
        cells(frameworks=("thrown-framework",))


def test_a_claim_is_judged_and_reported_in_both_languages(tmp_path: Path) -> None:
    with added("claim", tmp_path):
        finals = synthetic.finals(synthetic.curves(synthetic.CELLS[:1], seeds=2))
        found = verdicts({"finals": finals})
        mine = found.set_index("claim").loc["thrown-claim"]
        assert (mine["outcome"], mine["statement"]) == ("supported", f"There are {len(finals)} rows.")
        out = synthetic.write(tmp_path / "out", {"verdicts": found})
        assert "There are verdicts on rows" in build(out, ["en"]).with_suffix(".md").read_text(encoding="utf-8")
        chinese = build(out, ["zh"]).with_suffix(".md").read_text(encoding="utf-8")
        assert "有若干行" in chinese
        assert f"共有 {len(finals)} 行。" in chinese


def test_a_finding_is_seen_and_told(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    from experiments.check import check

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = np.zeros((30, 2)), np.arange(30) % 3
    with added("finding", tmp_path):
        (note,) = check(model, x, y).findings
        assert (note.name, note.level, note.seen) == ("thrown_finding", "note", ("The model has three units.",))
        assert note.remedy == "Take two."
    assert check(model, x, y).findings == ()
