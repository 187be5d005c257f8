"""A comparison trains what a user's own Keras program would, and says what it shows."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import compared_models as compared
import keras
import numpy as np
import pandas as pd
import pytest
from browsing import DESK, Opened, check_page
from comparison_plans import plan_of, table_of
from page_prose import identifiers, left_in_english, prose
from test_comparison_language import english

import experiments
from experiments.comparison import Comparison, Options, page, run, seed_data
from experiments.comparison.model import registered
from experiments.comparison.save import page_messages, save
from experiments.comparison.seed_data import Plan, problem, row_shape, seeds_at_once
from experiments.engines import driver
from experiments.engines.keras_draws import weights_of
from experiments.engines.keras_fit import KerasFit
from experiments.engines.stacked import Stacked
from experiments.heads import HEADS
from experiments.judgement import OUTCOMES, Design, looks
from experiments.records import UserError
from experiments.report import blocks
from experiments.stats import clusters, corrected_t
from experiments.tasks.files import from_arrays

ROOT = Path(__file__).resolve().parents[2]


def silent(text: str, share: float) -> None:
    """No progress."""


def by_hand(plan: Plan, units: int, seed: int) -> tuple[list[float], float, float]:
    """A plain Keras loop of the user's own model from the same first weights, over the same batches.

    Returns the loss of each batch, and the test loss (NLL) and accuracy at the end.
    """
    cell = problem(plan, [seed])
    stream = cell.streams[seed]
    trunk = plan.model.build(plan.row)
    for variable, value in zip(weights_of(trunk), stream.trunk, strict=True):
        variable.assign(value)
    head = keras.layers.Dense(units, activation="sigmoid" if units == 1 else "softmax")
    model = keras.Model(trunk.inputs, head(trunk.outputs[0]))
    arm = next(a for a in plan.heads if a.name == ("sigmoid" if units == 1 else "softmax"))
    head.kernel.assign(cell.kernel(run.Replica(head=arm, learning_rate=cell.rates[0], seed=seed)))
    loss = "binary_crossentropy" if units == 1 else "sparse_categorical_crossentropy"
    model.compile(plan.model.optimizer.record.make(cell.rates[0]), loss)
    x, y, weights = cell.data.x, cell.data.y, cell.weights
    losses = [
        float(
            model.train_on_batch(x[b], y[b], sample_weight=None if weights is None else weights[b], return_dict=True)[
                "loss"
            ]
        )
        for b in stream.order
        if model.reset_metrics() is None
    ]
    held_out = stream.split.test
    p = model.predict(x[held_out], verbose=0).astype(np.float64)
    p = np.concatenate([1 - p, p], axis=1) if units == 1 else p
    truth = y[held_out]
    nll = float(-np.log(p[np.arange(len(truth)), truth]).mean())
    return losses, nll, float((p.argmax(axis=1) == truth).mean())


@pytest.mark.parametrize(
    ("build", "row", "engine"),
    [
        (compared.cnn, (8, 8, 1), "stacked"),
        (compared.residual, (5,), "stacked"),
        (compared.custom, (5,), "reference"),
    ],
    ids=["cnn", "residual", "custom layer"],
)
def test_agrees_with_a_plain_keras_loop(
    build: Any, row: tuple[int, ...], engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seed_data, "_BOTH", ("sigmoid", "sigmoid_again", "softmax"))
    plan = plan_of(build, row, steps=10)
    ran = run.run(plan, silent)
    assert ran.engine == engine
    assert set(ran.tables["runs"]["seed"]) == {0, 1}
    for units, head in ((1, "sigmoid"), (2, "softmax")):
        losses, nll, accuracy = by_hand(plan, units, seed=1)
        curves = ran.tables["curves"].query(f"head == '{head}' and seed == 1 and quantity == 'fit_loss'")
        assert curves["step"].tolist() == list(range(1, 11))
        np.testing.assert_allclose(curves["value"], losses, rtol=2e-4)
        finals = ran.tables["finals"].query(f"head == '{head}' and seed == 1 and split == 'test'").set_index("quantity")
        assert finals.loc["nll", "value"] == pytest.approx(nll, rel=2e-4)
        assert finals.loc["accuracy", "value"] == pytest.approx(accuracy)
    if engine == "reference":
        assert "gate (Gate)" in ran.notices[0]
        assert re.search(r"about \d+\w+ a seed", ran.notices[0])
        assert ran.notices[1].startswith("Only the model's own learning rate is tried")


@pytest.mark.parametrize("factory", [Stacked, KerasFit])
def test_weights_are_those_of_keras(factory: type[Stacked] | type[KerasFit]) -> None:
    """Sample and class weights together: `fit(sample_weight=...)` of their product, in either engine."""
    table = table_of((5,), weights=np.random.default_rng(1).uniform(0, 3, size=90))
    plan = plan_of(compared.residual, (5,), table, steps=8, class_weight=(0.5, 4.0))
    cell = problem(plan, [0])
    assert cell.weights is not None
    assert cell.weights.max() > 3
    for units, head in ((1, "sigmoid"), (2, "softmax")):
        replica = run.Replica(head=HEADS[head], learning_rate=cell.rates[0], seed=0)
        record = driver.train(cell, factory().engine(cell, [replica.head]), [replica])[0]
        losses, _, _ = by_hand(plan, units, seed=0)
        np.testing.assert_allclose(record.curves["train", "fit_loss", ""], losses, rtol=2e-4)


@pytest.mark.parametrize("factory", [Stacked, KerasFit])
def test_an_initial_bias_is_where_every_network_starts(factory: type[Stacked] | type[KerasFit]) -> None:
    """With a kernel of zeros every row's logit is the bias, before the first step."""
    build = compared.of_one_unit(kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(-3.0))
    cell = problem(plan_of(build, (5,), steps=1), [0])
    for head in ("sigmoid", "sigmoid_again", "softmax", "softmax_init"):
        replica = run.Replica(head=HEADS[head], learning_rate=cell.rates[0], seed=0)
        record = driver.train(cell, factory().engine(cell, [replica.head]), [replica])[0]
        truth = cell.data.y[cell.rows("test", 0, 512)]
        assert record.curves["test", "abs_logit", ""][0] == pytest.approx(3)
        assert record.curves["test", "nll", ""][0] == pytest.approx(np.log1p(np.exp(np.where(truth, 3, -3))).mean())


def test_balanced_weights_are_those_of_the_training_part() -> None:
    table = table_of((5,), n=91)
    plan = plan_of(compared.linear, (5,), table, class_weight="balanced")
    cell = problem(plan, [0, 1])
    assert cell.weights is not None
    for seed in (0, 1):
        train = table.y[seed_data.parts_of(table, "data", seed).train]
        batch = cell.streams[seed].order.ravel()
        for label in (0, 1):
            found = cell.weights[batch][cell.data.y[batch] == label]
            assert found == pytest.approx(len(train) / (2 * (train == label).sum()), rel=1e-9)


def test_rows_of_a_seed_are_encoded_by_its_own_training_part_alone() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(5, 3, size=200), "b": rng.choice(["x", "y"], size=200)})
    table = from_arrays(frame, rng.integers(0, 2, size=200))
    row = row_shape(table, "data")
    plan = Plan(
        table=table, model=registered("linear", row, None, None), options=Options(steps=40), task="data"
    )
    cell = problem(plan, [0, 3])
    assert row == (3,)
    for stream in cell.streams.values():
        trained = cell.data.x[np.unique(stream.order)][:, 0]
        assert trained.mean() == pytest.approx(0, abs=1e-4)
        assert trained.std() == pytest.approx(1, abs=1e-3)
        held_out = np.concatenate([stream.split.validation, stream.split.test])
        assert not set(np.unique(stream.order)) & set(held_out)
        assert set(np.unique(stream.order_again)) == set(np.unique(stream.order))


@pytest.mark.parametrize("at_once", [1, 3])
def test_shared_rows_are_those_of_all_seeds(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever seeds are trained together: as numbers in the user's table, counted pair by pair."""
    monkeypatch.setattr(run, "seeds_at_once", lambda plan: at_once)
    plan = plan_of(compared.linear, (4,), table_of((4,), n=600), seeds=3)
    runs = run.run(plan, silent).tables["runs"]
    used = []
    for seed in range(3):
        cell = problem(plan, [seed])
        looked_at = [cell.rows(part, seed, 4096) for part in ("validation", "test")]
        used.append(set(cell.origin[np.concatenate([cell.streams[seed].order.ravel(), *looked_at])]))
    for seed, mine in enumerate(used):
        wanted = np.mean([len(mine & theirs) / len(mine) for other, theirs in enumerate(used) if other != seed])
        assert 0.3 < wanted < 0.8
        assert runs.loc[runs["seed"] == seed, "shared"].unique() == pytest.approx([wanted])


def test_more_seeds_train_none_again(monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[int] = []
    real = run.driver.run

    def seen(cell: Any, *factory: Any, **options: Any) -> Any:
        trained.extend(cell.seeds)
        return real(cell, *factory, **options)

    monkeypatch.setattr(run.driver, "run", seen)
    ran = run.run(plan_of(compared.linear, (5,), seeds=10, steps=4), silent)
    assert trained == list(range(10))
    assert ran.looks["seeds"].tolist() == [6, 10]
    assert ran.stopped == "seeds"


def test_stops_when_all_is_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    real = run.differences

    def clear_from_ten_on(*arguments: Any) -> pd.DataFrame:
        table = real(*arguments)
        return table.assign(outcome="equivalent") if table["n"].iloc[0] >= 10 else table

    monkeypatch.setattr(run, "differences", clear_from_ten_on)
    ran = run.run(plan_of(compared.linear, (5,), seeds=20, steps=2), silent)
    assert ran.stopped == "decided"
    assert ran.looks["seeds"].tolist() == [6, 10]
    assert set(ran.tables["runs"]["seed"]) == set(range(10))
    assert ran.looks["undecided"].iloc[-1] == ""


def test_causes_are_told_at_the_level_of_the_look_that_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison that ends at the first of four looks has spent 0.0001 of its error, and so have its causes."""
    real = run.differences
    monkeypatch.setattr(run, "differences", lambda *arguments: real(*arguments).assign(outcome="equivalent"))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 5))
    found = experiments.compare(x, (x[:, 0] > 0).astype(int), network="linear", seeds=20, steps=5)
    (n,) = found.attribution["n"].unique()
    assert n == 6
    level = Design(looks=looks(20)).levels(2)[0]
    assert level < 2e-4
    share = found.attribution.query("quantity == 'nll' and factor == 'initialisation'").iloc[0]
    finals = found.finals.query("quantity == 'nll' and split == 'test'")
    finals = finals.pivot(index="seed", columns="head", values="value")
    of_start = (finals["softmax"] - finals["softmax_init"] + finals["softmax_lr"] - finals["softmax_matched"]) / 2
    values = of_start.to_numpy()[None]
    low, high = corrected_t(values, clusters(values, np.arange(6) // 2, 1.0).fresh, 1 - level)
    assert (share["low"], share["high"]) == pytest.approx((low[0], high[0]))


def test_a_budget_is_told_when_it_is_too_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_measured", lambda plan: 10.0)  # seconds a seed, by plain Keras
    with pytest.raises(UserError, match=r"A budget of 20s is too short: .* about 10s.* Give --budget 30s or more"):
        run.run(plan_of(compared.custom, (5,), budget=20.0), silent)


def test_what_plain_keras_will_take_is_told_before_it_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 10 s a seed the first look, at 6 seeds, is a minute away, and 20 seeds take 200 s."""
    monkeypatch.setattr(run, "_measured", lambda plan: 10.0)
    told: list[tuple[str, float]] = []
    with pytest.raises(UserError, match="too short"):
        run.run(plan_of(compared.custom, (5,), seeds=20, budget=20.0), lambda *given: told.append(given))
    ((text, share),) = told
    assert "since the fast engine lacks the layer gate (Gate)" in text
    assert text.endswith("about 10s a seed, 60s until the first look, 3min for all 20 seeds.")
    assert share == 0


@pytest.mark.parametrize(
    ("per_seed", "left", "wanted"), [(1.0, 100.0, (6, 10, 14, 20)), (10.0, 65.0, (6, 10, 14, 20)), (10.0, 45.0, (4,))]
)
def test_a_budget_buys_fewer_seeds_than_the_first_look_if_need_be(
    per_seed: float, left: float, wanted: tuple[int, ...]
) -> None:
    assert run._affordable(run.looks(20), per_seed, left, left) == wanted


def clocked(monkeypatch: pytest.MonkeyPatch, first: float, others: float) -> None:
    """A clock that moves with training alone: by so many seconds at the first record, and at each of the others."""
    clock, train = [0.0], driver.run
    monkeypatch.setattr(run.time, "monotonic", lambda: clock[0])

    def timed(*given: Any, progress: Any, **more: Any) -> Any:
        def told(done: int, total: int) -> None:
            clock[0] += others if clock[0] else first
            progress(done, total)

        return train(*given, progress=told, **more)

    monkeypatch.setattr(run.driver, "run", timed)


def test_a_budget_that_training_shows_to_be_short_ends_in_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six seeds would take 60 seconds: after three of twelve records, 39 of 54 are left, which pay for three."""
    clocked(monkeypatch, 5.0, 5.0)
    ran = run.run(plan_of(compared.linear, (5,), seeds=20, steps=12, budget=60.0), silent)
    assert ran.stopped == "budget"
    assert ran.looks["seeds"].tolist() == [3]


def test_what_compiling_takes_is_not_taken_for_the_pace_of_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first step takes 20 seconds of 60, all others next to nothing: every seed is trained."""
    clocked(monkeypatch, 20.0, 0.1)
    ran = run.run(plan_of(compared.linear, (5,), seeds=6, steps=12, budget=60.0), silent)
    assert ran.looks["seeds"].tolist() == [6]


def test_memory_is_stated_and_refused() -> None:
    plan = plan_of(compared.linear, (5,), memory_gib=1e-6)
    with pytest.raises(UserError, match=r"rows that one seed uses take .* GiB"):
        seeds_at_once(plan)


EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def found() -> Comparison:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 3)), columns=["a", "b", EVIL])
    y = np.where(frame["a"] + rng.normal(size=300) > 0, EVIL, "no")
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    answer = experiments.compare(frame, y, build=compared.decaying, seeds=3, steps=10, positive=EVIL)
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002
    return answer


def test_the_answer_has_all_parts(found: Comparison) -> None:
    assert found.verdict.outcome in OUTCOMES
    assert str(found.verdict) == found.verdict.sentence
    assert "All 3 seeds are used" in found.verdict.sentence
    assert set(found.primary["quantity"]) == {
        "nll_curve", "nll", "accuracy", "grad_norm_effective_head", "grad_norm_trunk",
    }  # fmt: skip
    # AdamW decays: all eight arms, so that three factors can be told apart
    assert set(found.attribution["factor"]) == {"initialisation", "head_rate", "decay", "arithmetic"}
    shares = found.attribution.groupby("quantity")["share"].sum()
    means = found.differences.query("head == 'softmax' and estimand == 'fresh rows'").set_index("quantity")["mean"]
    pd.testing.assert_series_equal(shares, means.loc[shares.index], check_names=False)
    assert "\nmodel = keras.Model(" in found.advice.code
    assert "keras.optimizers.AdamW(0.01, weight_decay=0.1)" in found.advice.code
    compile(found.advice.code, "advice", "exec")


def test_what_is_saved_is_whole_and_holds_no_markup(found: Comparison, tmp_path: Path) -> None:
    page = found.save(tmp_path / "out").read_text()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "comparison.json", "figures", "report.html", "report.md", "tables",
    }  # fmt: skip
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
    assert EVIL not in page
    assert html.escape(EVIL) in page
    assert page.count("<script>") == 1  # the page's own
    assert EVIL not in (tmp_path / "out" / "report.md").read_text()
    assert EVIL not in found._repr_html_()
    assert html.escape(EVIL) in found._repr_html_()
    stored = pd.read_parquet(tmp_path / "out" / "tables" / "differences.parquet")
    assert len(stored) == len(found.differences)
    content = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert content["verdict"]["outcome"] == found.verdict.outcome
    assert content["settings"]["labels"] == ["no", EVIL]


def test_answer_picture_and_code_are_the_first_screen(browser: Any, found: Comparison, tmp_path: Path) -> None:
    opened = Opened(browser, found.save(tmp_path / "out"), viewport=DESK)
    assert opened.complaints == []
    for what in ("h1", ".first .reply", ".first img", ".first pre"):
        assert 0 < opened.below(what) <= DESK["height"], what
    sentences = opened.page.locator(".first .sentence").all_inner_texts()
    assert len(sentences) == 3
    assert all(3 < len(sentence.split()) <= 25 for sentence in sentences)
    assert opened.page.locator(".first pre").inner_text() == found.advice.code
    opened.page.close()
    check_page(browser, tmp_path / "out" / "report.html")


def test_in_chinese_the_page_is_chinese_on_its_first_screen_and_below(browser: Any, tmp_path: Path) -> None:
    """Nothing is left in English but code, names of the user's, of packages and of the field."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3)).astype(np.float32)
    y = (x[:, 0] + rng.normal(size=200) > 0).astype(int)
    chinese = experiments.compare(x, y, seeds=2, steps=4, lang="zh")
    path = chinese.save(tmp_path / "out")
    assert path.name == "report.zh.html"
    opened = Opened(browser, path, viewport=DESK)
    assert opened.complaints == []
    for what in ("h1", ".first .reply", ".first img", ".first pre"):
        assert 0 < opened.below(what) <= DESK["height"], what
    sentences = opened.page.locator(".first .sentence").all_inner_texts()
    assert all(3 < len(re.findall("[\u4e00-\u9fff]", sentence)) <= 60 for sentence in sentences)
    opened.page.close()
    check_page(browser, path)
    said = prose(path)
    assert {word for text in said for word in english(text)} <= PROPER
    assert not [found for text in said for found in (*identifiers(text), *left_in_english(text))]


# what stays as it is in Chinese: names of this project, of people and of measures, and what is typed
PROPER = {
    "Head", "to", "headtohead", "compare", "from_logits", "from", "logits", "True", "arrays", "adam", "mlp",
    "English", "version", "AUC", "Brier", "Holm", "Lan", "DeMets", "Brien", "Fleming", "Ye", "Li", "Liu", "Yao",
    "Jennison", "Turnbull", "Nadeau", "Bengio", "Shapley", "NLL",
}  # fmt: skip


def test_saving_again_replaces_and_spares_what_is_no_comparison(found: Comparison, tmp_path: Path) -> None:
    save(found, tmp_path / "out")
    save(found, tmp_path / "out")
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="holds something else"):
        save(found, other)
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        save(found, tmp_path / "file")


def test_the_figure_states_what_was_found(found: Comparison) -> None:
    assert "primary quantities" in found.plot().finding or "most in" in found.plot().finding


def table_in(section: blocks.Section) -> blocks.Table:
    folded = (inner for block in section.blocks if isinstance(block, blocks.Fold) for inner in block.blocks)
    (table,) = (block for block in (*section.blocks, *folded) if isinstance(block, blocks.Table))
    return table


def test_the_report_tells_the_settings_and_the_levels(found: Comparison) -> None:
    settings = {name[0].text: value[0].text for name, value in table_in(page._given(found, page_messages("en"))).cells}
    wanted = {"steps": "10", "batch size": "32", "seeds": "3", "class weight": "no", "learning rate": "0.01"}
    assert {name: settings[name] for name in wanted} == wanted
    assert settings["keras"] == keras.__version__
    assert table_in(page._arms(found, page_messages("en"))).sortable
    looked = replace(found, looks=found.looks.assign(level=0.012345, level_tost=0.00012345))
    (row,) = table_in(page._looks(looked, page_messages("en"))).cells
    assert [cell[0].text for cell in row[:3]] == ["3", "0.012", "0.00012"]


def command(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run(
        [sys.executable, "-m", "experiments", "compare", *arguments],
        cwd=folder, env={**environment, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip


def test_the_command_prints_json_alone_and_no_noise(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=120), "b": rng.choice(["x", "y"], 120)})
    frame["left"] = np.where(frame["a"] + rng.normal(size=120) > 0, "yes", "no")
    frame.to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "mine.py").write_text(
        "import keras\nprint('hello')\ndef build(shape):\n    print('called')\n"
        "    return keras.Sequential([keras.layers.Input(shape), keras.layers.Dense(3)])\n"
    )
    done = command("rows.csv", "--target", "left", "--model", "mine.py:build", "--seeds", "2", "--steps", "4", "--json",
                   folder=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert content["settings"]["labels"] == ["no", "yes"]
    assert (tmp_path / "results" / "compare-rows" / "report.html").is_file()
    lines = done.stderr.splitlines()
    assert all(re.match(r"( *\d+\.\d s  .*|hello|called)$", line) for line in lines), done.stderr


def test_another_backend_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(UserError, match=r"Keras on TensorFlow, .* 'jax'\. Unset KERAS_BACKEND"):
        experiments.compare(np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 2)


WRONG = [
    (("--target", "y"), "Give a file of rows"),
    (("a.csv", "--network", "mlp", "--model", "m.py:f"), "Both --network and --model"),
    (("a.csv", "--network", "mpl"), "Unknown network 'mpl'. Did you mean 'mlp'?"),
    (("a.csv", "--optimizer", "adm"), "Unknown optimizer 'adm'"),
    (("a.csv", "--seeds", "1"), "--seeds is 1"),
    (("a.csv", "--steps", "0"), "--steps is 0"),
    (("a.csv", "--learning-rate", "-1"), "learning rate is -1.0"),
    (("a.csv", "--budget", "soon"), "The budget 'soon' is no time. Write for example 90s, 5min or 1h."),
    (("a.csv", "--class-weight", "heavy"), "--class-weight is 'heavy'"),
    (("a.csv", "--lang", "fr"), "Unknown language 'fr'. Known: en, zh."),
    (("a.csv", "--out", "full"), "holds something else"),
    (("rows.csv", "--target", "y", "--model", "none.py:build"), "There is no file 'none.py'"),
    (("rows.csv", "--target", "y", "--model", "MODELS:raises"), "raises() raised RuntimeError"),
    (("rows.csv", "--target", "y", "--model", "MODELS:returns_nothing"), "returned nothing"),
    (("rows.csv", "--target", "y", "--model", "MODELS:cnn"), "takes rows of shape (8, 8, 1)"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=[words[:24] for _, words in WRONG])
def test_a_wrong_call_is_one_line_and_writes_nothing(
    arguments: tuple[str, ...],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from experiments.__main__ import main

    frame = pd.DataFrame({"a": [0.5, 1.7, 2.1] * 20, "b": np.arange(60) % 7 / 3, "y": [0, 1] * 30})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    models = str(ROOT / "tests" / "compared_models.py")
    monkeypatch.setattr(sys, "argv", ["headtohead", "compare", *(a.replace("MODELS", models) for a in arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert said.out == ""
    errors = [line for line in said.err.splitlines() if not re.match(r" *\d+\.\d s  ", line)]
    assert len(errors) == 1
    assert errors[0].startswith("Error: ")
    assert words in errors[0]
    assert sorted(tmp_path.rglob("*")) == before


def test_interrupting_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from experiments.__main__ import main
    from experiments.comparison import command as module

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "_compare", interrupted)
    monkeypatch.setattr(sys, "argv", ["headtohead", "compare", "rows.csv", "--target", "y"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert "Error: stopped before the answer; nothing is written." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("text", "wanted"), [("90s", 90), ("5min", 300), ("1.5h", 5400), ("45", 45), (12, 12)])
def test_budgets(text: str | float, wanted: float) -> None:
    from experiments.comparison.options import seconds

    assert seconds(text) == wanted
