"""The same networks in several frameworks: one control in each, distances from equal weights, and what is absent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import claim_tables
import framework_shares
import numpy as np
import pandas as pd
import pytest
import synthetic_tables as synthetic
from training_cases import cell

from experiments import engines, frameworks, judgement
from experiments.figures import Messages
from experiments.frameworks import FRAMEWORKS, require_installed
from experiments.plan import Choice, plan
from experiments.protocols import QUICK
from experiments.records import UserError
from experiments.report import CATALOGUES
from experiments.report.blocks import Picture, Table
from experiments.report.sections.frameworks import frameworks as frameworks_section
from experiments.report.stored import Stored
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
    setup = cell("mlp", "sgd", heads=("sigmoid", "softmax"), seeds=2, steps=40, record_every=20)
    told: list[tuple[int, int]] = []
    trained = engines.train_together(
        setup, [MAIN, framework], ("float64", "float32"), lambda *progress: told.append(progress)
    )
    for dtype, least, most in (("float64", 0, 1e-12), ("float32", 1e-9, 1e-4)):
        found = judgement.distances(trained[dtype], dtype)
        assert list(found.columns) == SCHEMAS["framework_distances"]
        between, heads = found[found["other"] != ""], found[found["other"] == ""]
        assert set(between["head"]) == {"sigmoid", "softmax"}
        assert least <= between["distance"].max() < most
        assert heads.loc[heads["step"] == 40, "distance"].min() > 1e-3
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]


def test_weights_that_are_given_are_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    setup = cell("mlp", "sgd", heads=("sigmoid",), seeds=2, steps=1)
    with engines.trainer(MAIN).precision(setup.dtype):
        given = {seed: stream.trunk for seed, stream in engines.prepare(setup).streams.items()}
        swapped = {0: given[1], 1: given[0]}
        monkeypatch.delattr("experiments.engines.keras_trunk.KerasTrunk.first_weights")
        assert {seed: stream.trunk for seed, stream in engines.prepare(setup, swapped).streams.items()} == swapped


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
    message = r"The framework 'torch' is not installed: torch\. Install .*`\./run_all\.sh --frameworks`\. Installed: "
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


def comparison_rows(framework: str, head: str, baseline: str, mean: float, **more: object) -> pd.DataFrame:
    """A row of `differences` of test loss on moons/mlp/sgd for fresh rows."""
    row = claim_tables.comparison("nll", "larger", head=head, baseline=baseline)
    row |= {"framework": framework, "mean": mean, "low": mean - 0.01, "high": mean + 0.01, "learning_rate": 2.0**-5,
            "nonfinite": 0} | more  # fmt: skip
    return pd.DataFrame([row])


def with_two_frameworks(folder: Path) -> Stored:
    """A result in which PyTorch has the opposite sign, and a program that costs it 0.5 nats at eight times the rate."""
    made = [comparison_rows(MAIN, "softmax", "sigmoid", 0.25), comparison_rows("torch", "softmax", "sigmoid", -0.125),
            comparison_rows("torch", "sigmoid_bceloss", "sigmoid", 0.0625)]  # fmt: skip
    rates = [
        comparison_rows("torch", "sigmoid_bceloss", "sigmoid", mean, learning_rate=rate, at="rate", nonfinite=lost)
        for rate, mean, lost in ((2.0**-4, 0.3, 0), (2.0**-2, 0.5, 0), (1.0, 9.0, 2))
    ]
    distances = judgement.distances(
        {MAIN: curves(sigmoid=[1.0, 1.0], softmax=[2.0, 2.0]), "torch": curves(sigmoid=[1.0, 1.0], softmax=[2.0, 2.5])},
        "float64",
    )
    tables = {"differences": pd.concat(made), "rate_gaps": pd.concat(rates), "framework_distances": distances}
    out = synthetic.write(folder / "out", tables, notebooks=False)
    return Stored(out, out)


def test_the_report_has_both_heads_in_each_framework_and_what_its_programs_cost(tmp_path: Path) -> None:
    section = frameworks_section(with_two_frameworks(tmp_path), Messages(paths=CATALOGUES))
    assert section is not None
    both, left, cost = [block for block in section.blocks if isinstance(block, Table)]
    assert list(both.columns) == ["cell", "Keras on TensorFlow", "PyTorch"]
    ((cell_name, main, torch),) = both.rows
    assert (cell_name, main[0].sort, torch[0].sort) == ("moons · MLP · SGD", 0.25, -0.125)
    assert [row[0] for row in left.rows] == ["Keras on TensorFlow", "PyTorch"]
    assert [(row[3].sort, row[4].sort) for row in cost.rows] == [(2.0**-5, 0.0625), (2.0**-2, 0.5)]
    (picture,) = [block for block in section.blocks if isinstance(block, Picture)]
    assert "differ by at most 0.2 in float64" in picture.wide.finding


def test_the_report_of_one_framework_compares_none(tmp_path: Path) -> None:
    tables = {"differences": comparison_rows(MAIN, "softmax", "sigmoid", 0.25)}
    out = synthetic.write(tmp_path / "out", tables, notebooks=False)
    assert frameworks_section(Stored(out, out), Messages(paths=CATALOGUES)) is None


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [("larger", (1, 0, 0)), ("different", (0, 0, 1)), ("undecided", (0, 0, 1)), ("negligible", (0, 1, 0)),
     ("equivalent", (0, 1, 0))],
)  # fmt: skip
def test_the_framework_is_a_cause_where_its_program_costs_a_margin(outcome: str, expected: tuple[int, ...]) -> None:
    rows = comparison_rows("torch", "sigmoid_bceloss", "sigmoid", 0.1, outcome=outcome)
    usual = comparison_rows("torch", "softmax", "sigmoid", 0.1, outcome="larger")
    other = comparison_rows(MAIN, "sigmoid_logits", "sigmoid", 0.1, outcome="larger")
    aside = [{"quantity": "accuracy"}, {"estimand": judgement.THESE}, {"at": "best"}]  # not counted
    unlike = [comparison_rows("torch", "sigmoid_bceloss", "sigmoid", 0.1, outcome="larger", **one) for one in aside]
    differences = pd.concat([rows, usual, other, *unlike])
    base = framework_shares.tables([framework_shares.share()], [framework_shares.share()])
    before = claim_tables.counts(claim_tables.verdict(base, "framework-is-the-cause"))
    after = claim_tables.counts(claim_tables.verdict({**base, "differences": differences}, "framework-is-the-cause"))
    assert tuple(np.subtract(after, before)) == expected
