"""What every engine does alike: the rows that it sees, and the names that it gives."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import compared_models as compared
import keras
import numpy as np
import pandas as pd
import pytest
from comparison_plans import plan_of
from training_cases import cell, stamped

from experiments import engines
from experiments.comparison.seed_data import problem as compared_problem
from experiments.engines import Problem, driver, fresh, memory, prepare
from experiments.engines import __main__ as child
from experiments.engines.blocks import in_blocks
from experiments.engines.interface import Factory
from experiments.engines.keras_fit import KerasFit
from experiments.engines.keras_trunk import layer_scopes, penalised, precision
from experiments.engines.objectives import SummedBinaryCrossentropy, encode
from experiments.engines.part import Part
from experiments.engines.stacked import Stacked
from experiments.heads import HEADS as BY_NAME
from experiments.problem import NORMS, Replica, chunk_of, hash_of
from experiments.records import UserError
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


def in_memory(gib: float, rows: int = 4_000, dtype: str = "float32") -> Any:
    """What the memory is asked of: rows of that many bytes, three features, two heads, batches of 8."""
    setup = SimpleNamespace(network="mlp", dtype=dtype, batch_size=8, memory_gib=gib)
    data = SimpleNamespace(x=np.broadcast_to(np.uint8(0), (rows,)))
    return SimpleNamespace(setup=setup, data=data, trunk=SimpleNamespace(features=3), heads=HEADS)


@pytest.mark.parametrize(("dtype", "size"), [("float32", 4), ("float64", 8)])
def test_bytes_of_a_network_by_hand(dtype: str, size: int) -> None:
    """A trunk of 100 numbers and two units of 3 weights and a bias; a row leaves 20 numbers, each with a gradient.

    A step holds five copies of the weights and a batch of 8 rows; an evaluation the weights and 50 rows.
    """
    numbers = memory.network_bytes(in_memory(1.0, dtype=dtype), weights=100, elements=20, evaluated=50)
    assert numbers == (size * (5 * 108 + 2 * 20 * 8), size * (108 + 20 * 50))


@pytest.mark.parametrize(
    ("working_set", "wanted"),
    [(5_000, 5), (900, 2), (10**9, 7)],  # what the cache holds, one seed's arms at least, what the memory holds
)
def test_networks_that_advance_together_by_hand(working_set: int, wanted: int) -> None:
    """A step takes 1000 bytes and an evaluation 1500; the memory holds 4000 of rows and seven evaluations."""
    problem = in_memory((4_000 + 7.5 * 1_500) / 2**30)
    assert memory.at_once(problem, training=1_000, evaluation=1_500, working_set=working_set) == wanted


def test_a_memory_that_holds_no_network_is_refused_with_its_sizes() -> None:
    told = r"One 'mlp' network takes 1\.5 GiB beside the rows' 0\.25, and memory_gib allows 1\..*now 8"
    problem = in_memory(1.0, rows=2**28)
    with pytest.raises(UserError, match=told):
        memory.at_once(problem, training=3 * 2**29, evaluation=2**20, working_set=2**20)
    assert memory.at_once(problem, training=3 * 2**28, evaluation=2**20, working_set=2**20) == 1


def test_a_part_of_equal_parts_tells_the_progress_of_the_whole() -> None:
    """Two of ten steps of the second of three parts are twelve of thirty."""
    told: list[tuple[int, int]] = []
    second = engines.nth(lambda done, total: told.append((done, total)), 1, 3)
    assert second is not None
    second(2, 10)
    assert told == [(12, 30)]
    assert engines.nth(None, 1, 3) is None


def test_a_fresh_process_gets_what_is_asked_for_and_gives_its_tables_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The process is this one, its engine a stand-in that keeps what it is given; progress is told now and then."""
    setups = [cell("mlp", "sgd", seeds=2), cell("linear", "adam", seeds=2)]
    drawn = {seed: [np.full(2, seed), np.full((1, 2), 0.5 + seed), np.arange(1.0)] for seed in (3, 7)}
    seen: list[Any] = []
    clock = iter([100.0, 100.1, 100.25, 100.3])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))

    def train_each(given: Any, progress: Any, weights: Any) -> list[dict[str, pd.DataFrame]]:
        seen.extend((given, weights))
        for done in (1, 2, 3, 4):
            progress(done, 4)
        return [{"curves": pd.DataFrame({"value": [n]}), "runs": pd.DataFrame({"seed": [n]})} for n in (0, 1)]

    monkeypatch.setattr(engines, "train_each", train_each)
    monkeypatch.setattr(fresh, "run_fresh", lambda module, arguments, backend, progress: child.main(*arguments))
    tables = fresh.train_each(setups, "jax", None, [None, drawn])
    assert capsys.readouterr().out == "1 4\n3 4\n4 4\n"
    assert seen[0] == setups
    assert seen[1][0] is None
    assert seen[1][1].keys() == drawn.keys()
    for seed, weights in drawn.items():
        assert len(seen[1][1][seed]) == 3
        assert all(map(np.array_equal, seen[1][1][seed], weights))
    assert [{name: table.iloc[0, 0] for name, table in each.items()} for each in tables] == [
        {"curves": 0, "runs": 0}, {"curves": 1, "runs": 1},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("framework", "in_use", "elsewhere"),
    [
        ("keras-tensorflow", "tensorflow", False),
        ("keras-tensorflow", None, False),
        ("keras-tensorflow", "jax", True),
        ("keras-jax", "tensorflow", True),
        ("torch", "tensorflow", False),  # which needs no Keras
    ],
)
def test_a_fresh_process_trains_where_keras_is_on_another_backend(
    framework: str, in_use: str | None, elsewhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[str] = []
    monkeypatch.setattr(engines, "require_installed", lambda frameworks: None)
    monkeypatch.setattr(engines, "backend_in_use", lambda: in_use)
    monkeypatch.setattr(engines, "use_backend", used.append)
    monkeypatch.setattr(engines, "_train", lambda *given: "here")
    monkeypatch.setattr(engines.fresh, "train_each", lambda setups, *given: ["elsewhere"] * len(setups))
    setup = replace(cell("mlp", "sgd", heads=HEADS), framework=framework)
    assert engines.train_each([setup, setup], None, [None, None]) == ["elsewhere" if elsewhere else "here"] * 2
    assert used == ([] if elsewhere or framework == "torch" else ["tensorflow"])


def test_a_part_of_a_row_has_its_numbers_in_its_own_shape() -> None:
    rows = np.arange(20.0).reshape(2, 10)
    part = Part(1, (2, 3))
    np.testing.assert_array_equal(part(rows), rows[:, 1:7].reshape(2, 2, 3))
    assert part.compute_output_shape((None, 10)) == (None, 2, 3)


def test_targets_are_written_as_each_loss_takes_them() -> None:
    y = np.array([0, 1, 1])
    assert np.array_equal(encode(BY_NAME["sigmoid"], y, "float32"), [[0], [1], [1]])
    assert np.array_equal(encode(BY_NAME["softmax"], y, "float32"), [[1, 0], [0, 1], [0, 1]])
    assert np.array_equal(encode(BY_NAME["softmax_sparse"], y, "float32"), y)


def test_several_labels_are_shared_out_over_a_softmax_and_kept_for_sigmoids() -> None:
    """A row of two labels gives each a half; one of none stays without."""
    labels = np.array([[1, 1, 0], [0, 0, 0], [1, 0, 0]])
    shared = encode(BY_NAME["k_softmax"], labels, "float32", labels=True)
    assert np.array_equal(shared, [[0.5, 0.5, 0], [0, 0, 0], [1, 0, 0]])
    assert np.array_equal(encode(BY_NAME["k_sigmoid"], labels, "float32", labels=True), labels)


def test_the_sum_over_units_is_as_many_times_their_mean_in_any_number_of_axes() -> None:
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, size=(2, 3, 4)).astype(float), rng.uniform(0.1, 0.9, size=(2, 3, 4))
    losses = np.asarray(SummedBinaryCrossentropy().call(keras.ops.convert_to_tensor(y), keras.ops.convert_to_tensor(p)))
    np.testing.assert_allclose(losses, -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(axis=-1), rtol=1e-5)


def test_a_penalty_is_on_kernels_alone_and_a_layer_owns_all_that_is_within_it() -> None:
    def build(row: tuple[int, ...]) -> keras.Model:
        within = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])
        return keras.Sequential([keras.layers.Input(row), keras.layers.Dense(4), keras.layers.Flatten(), within])

    trunk = penalised(build, 0.25)((5,))
    l2 = [getattr(variable.regularizer, "l2", 0.0) for variable in trunk.trainable_variables]
    assert l2 == [0.25, 0.0] * 3
    assert not any(variable.regularizer for variable in penalised(build, 0.0)((5,)).trainable_variables)
    assert layer_scopes(trunk) == [("layer:1_Dense", [0, 1]), ("layer:2_Sequential", [2, 3, 4, 5])]


def test_an_engine_is_told_to_take_every_step_once() -> None:
    """The first one alone, for its gradients, and then up to each step that is recorded."""
    told: list[tuple[int, int]] = []
    engine = SimpleNamespace(advance=lambda first, last: told.append((first, last)))
    taken = [step for step, _ in driver.steps(SimpleNamespace(recorded=(0, 10, 20, 25)), engine)]
    assert told == [(0, 1), (1, 10), (10, 20), (20, 25)]
    assert taken == [1, 10, 20, 25]


def test_progress_over_chunks_ascends_to_all_network_steps() -> None:
    """Five arms of two seeds, four networks at a time: ten networks of 20 steps, whatever the chunks."""
    heads = ("sigmoid", "softmax", "softmax_init", "softmax_lr", "softmax_matched")
    told: list[tuple[int, int]] = []
    with precision("float32"):
        problem = prepare(cell("mlp", "sgd", heads=heads, seeds=2, steps=20, record_every=5))
        records = driver.run(problem, Stacked(), at_once=4, progress=lambda done, total: told.append((done, total)))
    assert len(records) == 10
    # each network's trunk is the whole of what was drawn for its seed
    drawn = {seed: hash_of(stream.trunk) for seed, stream in problem.streams.items()}
    assert [record.trunk_hash for record in records] == [drawn[record.replica.seed] for record in records]
    assert {total for _, total in told} == {200}
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == (200, 200)


def test_jax_knows_the_options_that_make_it_quick_to_compile() -> None:
    """Where it does not, nothing fails: each cell just compiles for as long again."""
    pytest.importorskip("jax")
    script = "from experiments.engines.keras_jax.engine import quick_to_compile as quick; print(len(quick()))"
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2"
