"""The same networks in several frameworks: one control in each, distances from equal weights, and what is absent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from training_cases import cell

from experiments import engines, frameworks, judgement
from experiments.frameworks import FRAMEWORKS, require_installed
from experiments.plan import Choice, plan
from experiments.protocols import QUICK
from experiments.records import UserError
from experiments.suite import Options, run
from experiments.tables import MAIN, SCHEMAS

OTHERS = [framework for framework in FRAMEWORKS if framework != MAIN]


def needs(framework: str) -> None:
    """Skip where the framework is not installed."""
    if not FRAMEWORKS[framework].installed:
        pytest.skip(f"{framework} is {FRAMEWORKS[framework].missing}")


@pytest.mark.parametrize("framework", OTHERS)
def test_frameworks_agree_from_equal_weights_where_formulas_are_equal(framework: str) -> None:
    """SGD is one formula everywhere: in float64 what is left is rounding, as long as no probability is within 1e-7 of 0
    or 1, where Keras on JAX clips it.
    """
    needs(framework)
    setup = cell("mlp", "sgd", heads=("sigmoid", "softmax"), dtype="float64", seeds=2, steps=40, record_every=20)
    found = judgement.distances(engines.train_together(setup, [MAIN, framework]), "float64")
    assert list(found.columns) == SCHEMAS["framework_distances"]
    between, heads = found[found["other"] != ""], found[found["other"] == ""]
    assert set(between["head"]) == {"sigmoid", "softmax"}
    assert between["distance"].max() < 1e-12
    assert heads.loc[heads["step"] == 40, "distance"].min() > 1e-3


@pytest.mark.parametrize("framework", OTHERS)
def test_tables_say_what_trained_and_start_by_its_own_law(framework: str) -> None:
    needs(framework)
    setup = replace(cell("mlp", "sgd", heads=("sigmoid", "softmax_init"), steps=2, seeds=2), framework=framework)
    trained = engines.train(setup)
    for name, table in trained.items():
        assert list(table.columns[: len(SCHEMAS[name])]) == SCHEMAS[name]
        assert set(table["framework"]) == {framework}
    first = trained["curves"].query("step == 1 and quantity == 'grad_norm'")
    norms = first.set_index(["scope", "head", "seed"])["value"].unstack("head")
    ratio = norms["softmax_init"] / norms["sigmoid"]
    assert np.allclose(ratio.loc["head"], np.sqrt(2), rtol=1e-5)
    assert np.allclose(ratio.loc["trunk"], 1, rtol=1e-5)


def curves(**losses: list[float]) -> pd.DataFrame:
    """Training losses by head, a step each."""
    rows = [
        {"task": "t", "network": "n", "optimizer": "o", "head": head, "seed": 0, "step": step, "split": "train",
         "quantity": "loss", "value": value}
        for head, values in losses.items() for step, value in enumerate(values)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_distance_is_relative_to_the_larger_loss() -> None:
    one = curves(sigmoid=[1.0, 0.0, np.nan, np.inf, 2.0], softmax=[2.0, 0.0, 1.0, 1.0, 2.0])
    two = curves(sigmoid=[0.5, 0.0, np.nan, 3.0, -2.0], softmax=[2.0, 1.0, 1.0, 1.0, 2.0])
    found = judgement.distances({"a": one, "b": two}, "float32").set_index(["framework", "other", "head"])["distance"]
    assert found["a", "b", "sigmoid"].tolist() == [0.5, 0.0, 0.0, np.inf, 2.0]
    assert found["a", "b", "softmax"].tolist() == [0.0, 1.0, 0.0, 0.0, 0.0]
    assert found["a", "", "softmax"].tolist() == [0.5, 0.0, np.inf, np.inf, 0.0]


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch is not installed, as far as anyone can find out."""
    find = frameworks.find_spec
    monkeypatch.setattr(frameworks, "find_spec", lambda name: None if name == "torch" else find(name))


@pytest.mark.usefixtures("no_torch")
def test_a_framework_that_is_not_installed_is_told_with_the_way_to_it() -> None:
    message = r"The framework 'torch' is not installed: torch\. Install .*`\./run_all\.sh --frameworks`\. Installed: keras"
    with pytest.raises(UserError, match=message):
        require_installed((MAIN, "torch"))
    with pytest.raises(UserError, match=message):
        engines.train(replace(cell("mlp", "sgd"), framework="torch"))


@pytest.mark.usefixtures("no_torch")
def test_a_run_goes_on_without_a_framework_and_says_so(tmp_path: Path) -> None:
    names = {"tasks": ("moons",), "networks": ("linear",), "optimizers": ("sgd",), "frameworks": ("torch",)}
    cells = [one for one in plan(QUICK, Choice(**names, seeds=2, steps=2)) if one.notebook == "binary.ipynb"]
    assert [one.id for one in cells] == ["binary-moons-linear-sgd-torch"]
    summary = run(cells, Options(out=tmp_path / "out"))
    assert (summary.done, summary.failed) == (0, ())
    (row,) = pd.read_parquet(tmp_path / "out/tables/cells.parquet").to_dict("records")
    assert (row["status"], row["networks_trained"], row["notebook"]) == ("not installed", 0, "")
    assert row["error"].startswith("not installed: torch. Install")
