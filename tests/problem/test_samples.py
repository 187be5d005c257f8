"""The rows that each seed of a cell has, and how many of them two seeds share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training_cases import cell

from experiments.engines import prepare
from experiments.problem import shares
from experiments.problem._samples import _end_to_end
from experiments.records import Data, UserError
from experiments.tasks import TASKS, as_data, sample, task


def shared(task: str, *, seeds: int = 4, steps: int = 400) -> np.ndarray:
    """The column `shared` of a cell that trains no further than its rows."""
    problem = prepare(cell("linear", "sgd", task=task, seeds=seeds, steps=steps, batch_size=32))
    found = shares(problem.used, problem.samples, problem.available)
    assert list(found) == list(range(seeds))
    return np.array(list(found.values()))


def test_seeds_of_a_population_share_no_row() -> None:
    assert shared("moons").tolist() == [0, 0, 0, 0]
    assert shared("moons", seeds=1).tolist() == [0]


def test_seeds_that_split_a_table_again_share_all_rows() -> None:
    assert shared("breast_cancer").tolist() == [1, 1, 1, 1]
    assert shared("breast_cancer", seeds=1).tolist() == [1]


def test_rows_that_no_batch_reaches_are_not_shared() -> None:
    """10 steps of 32 reach 320 of anes96's 566 training rows; the other parts are looked at in whole."""
    used = (320 + 0.4 * 944) / 944
    assert shared("anes96", steps=10) == pytest.approx(used, abs=0.02)
    assert shared("anes96", steps=10, seeds=1) == pytest.approx(used, abs=0.005)


@pytest.mark.parametrize("name", ["shuttle", "mnist_odd_even", "bananas", "fair"])
def test_seeds_that_draw_m_of_n_rows_share_m_over_n(name: str) -> None:
    known = TASKS[name]
    share = known.sample / len(known.load(4).y)
    assert share <= 0.4
    assert shared(name) == pytest.approx(share, abs=0.02)


@given(st.lists(st.sets(st.integers(0, 30), min_size=1), min_size=2, max_size=6))
def test_shares_are_the_mean_over_pairs(rows: list[set[int]]) -> None:
    used = {seed: np.array(sorted(mine)) for seed, mine in enumerate(rows)}
    for samples in ({seed: seed for seed in used}, {seed: (seed + 1) // 2 for seed in used}):
        found = shares(used, samples, 31)
        for seed, mine in enumerate(rows):
            others = [
                len(mine & theirs) / len(mine) for other, theirs in enumerate(rows) if samples[other] != samples[seed]
            ]
            assert found[seed] == pytest.approx(np.mean(others))


def test_two_seeds_have_each_split_of_a_table_and_none_of_a_population() -> None:
    """The same rows in the same parts; first weights and orders of their own."""
    problem = prepare(cell("mlp", "sgd", task="breast_cancer", seeds=4))
    assert problem.samples == {0: 0, 1: 0, 2: 1, 3: 1}
    first, second, third = (problem.streams[seed] for seed in range(3))
    assert np.array_equal(first.split.test, second.split.test)
    assert np.array_equal(problem.rows("test", 0, 50), problem.rows("test", 1, 50))
    assert not np.array_equal(first.split.test, third.split.test)
    assert not np.array_equal(first.order, second.order)
    assert not np.array_equal(first.trunk[0], second.trunk[0])
    assert prepare(cell("linear", "sgd", task="moons", seeds=3)).samples == {0: 0, 1: 1, 2: 2}


@pytest.mark.parametrize("name", ["moons", "imbalance", "shuttle", "breast_cancer"])
def test_streams_hold_the_rows_of_their_seed_alone(name: str) -> None:
    """Each part is that of the seed's own draw, scaled by its own training rows, and each batch is of them."""
    problem, known = prepare(cell("linear", "sgd", task=name, seeds=3)), TASKS[name]
    for seed, stream in problem.streams.items():
        parts = [stream.split.train, stream.split.validation, stream.split.test]
        rows = np.sort(np.concatenate(parts))
        own = known.load(14, seed)
        kept = np.arange(len(own.y)) if known.sample is None else sample(own, known.sample, stream.sample, name)
        assert np.array_equal(problem.data.x[rows], own.x[kept])
        assert np.array_equal(problem.data.y[rows], own.y[kept])
        assert np.isin(stream.order, stream.split.train).all()
        assert np.isin(stream.order_again, stream.split.train).all()
        assert stream.scaling.mean == pytest.approx(problem.data.x[stream.split.train].mean(axis=0))
        groups = [set(problem.data.groups[part]) for part in parts]
        assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]


def test_a_seed_that_lacks_a_class_is_refused() -> None:
    """Else the number of units would hang on which seeds there are."""

    @task("throwaway", kind="vector", synthetic=True, target="multiclass", description="of one test", source="here")
    def throwaway(seed: int) -> Data:
        return as_data(np.arange(60.0)[:, None], np.arange(60) % (3 if seed == 0 else 2))

    try:
        with pytest.raises(UserError, match="Sample 1 of the task 'throwaway' draws no row of the class 2"):
            prepare(cell("linear", "sgd", task="throwaway", heads=("k_sigmoid",)))
    finally:
        TASKS.remove("throwaway")


def test_rows_of_several_draws_lie_end_to_end_and_their_groups_apart() -> None:
    first = Data(x=np.arange(3.0)[:, None], y=np.array([0, 1, 0]), groups=np.array([4, 4, 9]))
    second = Data(x=np.arange(3.0, 5.0)[:, None], y=np.array([1, 1]), groups=np.array([4, 0]))
    whole = _end_to_end([first, second, first])
    assert whole.x[:, 0].tolist() == [0, 1, 2, 3, 4, 0, 1, 2]
    assert whole.y.tolist() == [0, 1, 0, 1, 1, 0, 1, 0]
    assert whole.groups.tolist() == [0, 0, 1, 3, 2, 4, 4, 5]


@pytest.mark.parametrize(("name", "units"), [("digits", 10), ("yeast", 14)])
def test_a_head_of_several_units_has_one_a_class_or_label(name: str, units: int) -> None:
    problem = prepare(cell("mlp", "sgd", task=name, heads=("k_sigmoid", "k_softmax")))
    assert [head.units for head in problem.heads] == [units, units]
    assert [head.units for head in prepare(cell("mlp", "sgd", heads=("sigmoid", "softmax"))).heads] == [1, 2]


@pytest.mark.parametrize(
    ("name", "head", "able"), [("digits", "sigmoid", "k_softmax"), ("moons", "k_softmax", "sigmoid")]
)
def test_a_head_that_does_not_go_with_its_task_is_told_with_those_that_do(name: str, head: str, able: str) -> None:
    with pytest.raises(UserError, match=f"The head '{head}' does not take the task '{name}'") as caught:
        prepare(cell("mlp", "sgd", task=name, heads=(head,)))
    heads = str(caught.value).partition("Heads that do: ")[2].rstrip(".").split(", ")
    assert able in heads
    assert head not in heads
