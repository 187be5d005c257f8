"""What every engine does alike: the rows that it sees, and the names that it gives."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import compared_models as compared
import numpy as np
import pytest
from comparison_plans import plan_of
from training_cases import cell, stamped

from experiments.comparison.seed_data import problem as compared_problem
from experiments.engines import Problem, driver, prepare
from experiments.engines.blocks import in_blocks
from experiments.engines.interface import Factory
from experiments.engines.keras_fit import KerasFit
from experiments.engines.keras_trunk import precision
from experiments.engines.stacked import Stacked
from experiments.problem import NORMS, Replica, chunk_of
from experiments.tasks import TASKS, as_data, task
from experiments.tasks.files import from_arrays

HEADS = ("sigmoid", "softmax_matched")
ENGINES: list[Callable[[], Factory]] = [Stacked, KerasFit]


def in_suite(offset: float) -> Problem:
    """The rows as a task of the suite has them, unscaled."""
    task("throwaway", kind="vector", description="of one test", source="here")(lambda: as_data(*stamped(offset)))
    try:
        return prepare(cell("mlp", "adam", task="throwaway", heads=HEADS, seeds=1))
    finally:
        TASKS.remove("throwaway")


def in_comparison(offset: float) -> Problem:
    """The rows as `compare` has them, encoded before they reach an engine."""
    plan = plan_of(compared.linear, (2,), from_arrays(*stamped(offset)), steps=50, learning_rate=0.1)
    problem = compared_problem(plan, [0])
    return replace(problem, heads=tuple(head for head in problem.heads if head.name in HEADS), beside=())


@pytest.mark.parametrize("path", [in_suite, in_comparison])
@pytest.mark.parametrize("factory", ENGINES)
def test_a_large_column_is_seen_as_its_spread(factory: Callable[[], Factory], path: Callable[[float], Problem]) -> None:
    """1.7e9 ± 100, whose float32 are multiples of 128: trained in float32 as ± 100 is, and learned."""
    with precision("float32"):
        stamps, plain = (driver.run(path(offset), factory()) for offset in (1.7e9, 0.0))
    for mine, its in zip(stamps, plain, strict=True):
        assert mine.replica == its.replica
        assert mine.finals["test", "accuracy"] == its.finals["test", "accuracy"] > 0.85
        for key in (("test", "nll", ""), ("train", "fit_loss", "")):
            np.testing.assert_allclose(mine.curves[key], its.curves[key], rtol=1e-5)


@pytest.mark.parametrize("factory", ENGINES)
def test_what_an_engine_shows_has_the_shape_that_the_interface_says(factory: Callable[[], Factory]) -> None:
    with precision("float32"):
        problem = prepare(cell("mlp", "sgd", heads=("sigmoid", "softmax"), seeds=2, steps=3))
        maker = factory()
        heads = [head for head in problem.heads for _ in range(2)] if maker.at_once(problem) > 1 else [problem.heads[1]]
        seeds = [place % 2 for place in range(len(heads))]
        replicas = [Replica(head=h, learning_rate=0.25, seed=s) for h, s in zip(heads, seeds, strict=True)]
        engine, chunk = maker.engine(problem, heads), chunk_of(problem, replicas)
        engine.start(chunk)
        for mine, first in zip(engine.weights(), chunk.trunks, strict=True):
            assert [weight.shape for weight in mine[:-2]] == [weight.shape for weight in first]
            assert all((a == b).all() for a, b in zip(mine, first, strict=False))
        seen = engine.advance(0, 2)
        assert list(seen.norms)[: len(NORMS)] == list(NORMS)
        assert list(seen.norms)[len(NORMS) :] == ["layer:1_Dense", "layer:2_Dense"]
        assert seen.objective.shape == seen.dead.shape == (len(heads),)
        assert all(norm.shape == (len(heads),) for norm in seen.norms.values())
        before = engine.weights()
        # more rows than a block holds, and not a multiple of it
        rows = np.stack([np.resize(problem.streams[seed].split.test, 1_100) for seed in chunk.seeds])
        logits, losses = engine.evaluate(rows)
        units = sorted({head.units for head in heads})
        assert [z.shape for z in logits] == [(sum(h.units == n for h in heads), 1_100, n) for n in units]
        assert losses.dtype == np.float64
        assert losses.shape == (len(heads), 1_100)
        again, _ = engine.evaluate(rows[:, ::-1])
        for one, other in zip(logits, again, strict=True):
            np.testing.assert_allclose(one[:, ::-1], other, rtol=1e-5, atol=1e-6)
        for mine, its in zip(before, engine.weights(), strict=True):
            assert all((a == b).all() for a, b in zip(mine, its, strict=True))


@pytest.mark.parametrize("n", [1, 3, 4, 6, 8])
def test_rows_in_blocks_are_each_evaluated_once_and_in_order(n: int) -> None:
    """Blocks of 4, whatever the number of rows: the last is filled up, and what fills it is cut off."""
    sizes = []

    def evaluate(rows: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        sizes.append(rows.shape)
        return [rows[:1, :, None] * 1.0, rows[1:, :, None] * np.ones(2)], rows * 0.5

    rows = np.arange(2 * n).reshape(2, n)
    (one, two), losses = in_blocks(rows, 4, evaluate)
    assert sizes == [(2, 4)] * -(-n // 4)
    assert np.array_equal(one, rows[:1, :, None])
    assert np.array_equal(two, rows[1:, :, None] * np.ones(2))
    assert np.array_equal(losses, rows * 0.5)


def test_jax_knows_the_options_that_make_it_quick_to_compile() -> None:
    """Where it does not, nothing fails: each cell just compiles for as long again."""
    pytest.importorskip("jax")
    script = "from experiments.engines.keras_jax.compiling import quick_to_compile as quick; print(len(quick()))"
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2"
