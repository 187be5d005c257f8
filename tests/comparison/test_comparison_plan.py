"""What a comparison plans and tells while it runs: its defaults, its memory, its time, and how far it is."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

import compared_models as compared
import numpy as np
import pytest
from comparison_plans import plan_of, table_of
from test_comparison import silent

import experiments
from experiments.comparison import Options, run
from experiments.comparison import compare_command as verb
from experiments.comparison.options import seconds
from experiments.comparison.seed_data import problem, seed_bytes, seeds_at_once

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "compare.md").read_text(encoding="utf-8")


def test_the_function_and_the_command_have_the_defaults_of_the_options() -> None:
    """The guide's own call writes out what holds without it."""
    wanted = {field.name: field.default for field in fields(Options)}
    for call in (experiments.compare, verb):
        given = {name: parameter.default for name, parameter in inspect.signature(call).parameters.items()}
        given["memory_gib"] = given.pop("memory", given.get("memory_gib"))
        assert {name: given[name] for name in wanted} == wanted
    assert f"seeds={wanted['seeds']}, steps={wanted['steps']}," in GUIDE
    assert inspect.signature(verb).parameters["json"].default is False


@pytest.mark.parametrize(("steps", "every"), [(400, 20), (1000, 50), (50, 2), (9, 1), (1, 1)])
def test_about_twenty_records_along_the_way(steps: int, every: int) -> None:
    assert Options(steps=steps).record_every == every


@pytest.mark.parametrize(
    ("n", "steps", "rows"),
    [
        (1_000, 400, 600 + 200 + 200),  # every row: three fifths to train on, a fifth to validate, a fifth to test
        (1_000, 2, 2 * 2 * 8 + 512 + 200 + 200),  # two orders of two batches of 8, and 512 to measure the fit on
        (90_000, 10, 2 * 10 * 8 + 512 + 4096 + 4096),
    ],
)
def test_memory_of_a_seed_by_hand(n: int, steps: int, rows: int) -> None:
    """Rows of 5 numbers of 4 bytes, three times; three tenths of the memory are for the rows of all seeds at once."""
    table = table_of((5,), n=n)
    one = rows * 5 * 4 * 3
    assert seed_bytes(plan_of(compared.linear, (5,), table, steps=steps)) == one
    for seeds in (1, 7):
        gib = 1.001 * seeds * one / 0.3 / 2**30
        assert seeds_at_once(plan_of(compared.linear, (5,), table, steps=steps, memory_gib=gib)) == seeds


def test_rates_around_the_own_one_double_and_plain_keras_has_the_own_one_alone() -> None:
    plan = plan_of(compared.linear, (5,), learning_rate=0.01)
    assert plan.rate == 0.01
    assert plan.rates == pytest.approx((0.0025, 0.005, 0.01, 0.02, 0.04))
    assert plan_of(compared.custom, (5,), learning_rate=0.01).rates == (0.01,)


@pytest.mark.parametrize(
    ("spent", "text"),
    [(0.2, "1s"), (45, "45s"), (89, "89s"), (120, "2min"), (150.1, "3min"), (5300, "88min"), (5400, "1.5h"),
     (36_000, "10.0h")],
)  # fmt: skip
def test_a_time_is_told_as_a_budget_is_given(spent: float, text: str) -> None:
    assert run.duration(spent) == text
    assert seconds(text) == pytest.approx(spent, rel=0.21, abs=0.8)


@pytest.mark.parametrize("compiling", [6.0, 0.0])
def test_the_time_of_a_seed_by_hand(compiling: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that takes 6 s or nothing to compile, 2 s to start and 0.5 s a step, on its own clock.

    An arm costs half the compiling, since two seeds at least share it, 2.5 s of a fit of one step, and 0.5 s a step.
    """
    now, compiled = [100.0], set()

    class Factory:
        def engine(self, problem: Any, heads: Any) -> object:
            return object()

    def train(problem: Any, engine: object, replicas: Any) -> None:
        now[0] += compiling * (engine not in compiled) + 2.0 + 0.5 * problem.setup.steps
        compiled.add(engine)

    plan = plan_of(compared.linear, (5,), steps=200)
    monkeypatch.setattr(run, "KerasFit", Factory)
    monkeypatch.setattr(run.driver, "train", train)
    monkeypatch.setattr(run.time, "monotonic", lambda: now[0])
    assert run._measured(plan) == pytest.approx(6 * (compiling / 2 + 2.5 + 0.5 * 200))


def test_progress_ascends_from_nothing_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "seeds_at_once", lambda plan: 1)
    told: list[tuple[str, float]] = []
    run.run(plan_of(compared.linear, (5,), seeds=3, steps=4), lambda text, share: told.append((text, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    encoding = {text: share for text, share in told if text.startswith("Encoding")}
    assert list(encoding) == [f"Encoding the rows of seeds {seed} to {seed}" for seed in (1, 2, 3)]
    assert list(encoding.values()) == pytest.approx([0, 1 / 3, 2 / 3])
    training = [share for text, share in told if text == "Training seeds 1 to 3"]
    assert training[0] > 0
    assert training[-1] == 1


@pytest.mark.parametrize(
    ("build", "said"), [(compared.seeded, True), (compared.trunk, False), (compared.linear, False)]
)
def test_first_weights_that_are_always_the_same_are_told(build: Any, said: bool) -> None:
    """A model without a trunk of its own has no weights that could differ."""
    notices = run.run(plan_of(build, (5,), steps=2), silent).notices
    assert any("same first weights again and again" in notice for notice in notices) == said
    assert not any("own learning rate" in notice for notice in notices)


def test_two_seeds_of_a_split_lie_on_the_same_rows() -> None:
    """Four seeds of two splits of a table that each sees in whole: the table twice, not four times."""
    table = table_of((4,), n=90)
    four = problem(plan_of(compared.linear, (4,), table, steps=60), range(4))
    assert four.samples == {0: 0, 1: 0, 2: 1, 3: 1}
    assert len(four.data.y) == 2 * len(table.y)
    for first, second in ((0, 1), (2, 3)):
        assert np.array_equal(four.streams[first].split.test, four.streams[second].split.test)
        assert not np.array_equal(four.streams[first].order, four.streams[second].order)
    # what a seed sees does not depend on who lies beside it
    alone = problem(plan_of(compared.linear, (4,), table, steps=60), [1])
    for part in ("train", "validation", "test"):
        rows = [getattr(cell.streams[1].split, part) for cell in (four, alone)]
        assert np.array_equal(four.data.x[rows[0]], alone.data.x[rows[1]])
    assert np.array_equal(four.data.x[four.streams[1].order], alone.data.x[alone.streams[1].order])


def test_a_table_of_which_a_seed_sees_a_part_gives_each_its_own_split() -> None:
    """Three fifths of 90 rows are 54: seven batches of 8 are more than that, six are less."""
    samples = [
        problem(plan_of(compared.linear, (4,), table_of((4,), n=90), steps=steps), range(3)).samples
        for steps in (7, 6)
    ]
    assert samples == [{0: 0, 1: 0, 2: 1}, {0: 0, 1: 1, 2: 2}]
