"""Identical rows stay together unless that would leave a few groups: a split of a few groups is no fair share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.records import Data
from experiments.tasks import Split, as_data, split
from experiments.tasks.data import LEAST_GROUPS, effective_groups, identical_rows, leaves_few
from experiments.tasks.files import Table, from_arrays, read
from experiments.tasks.splits import SHARES

ROWS = 2000
SEEDS = range(20)


def coarse(rows: int = ROWS) -> pd.DataFrame:
    """Passengers of a ship by class, age and sex: three columns, at most sixteen different rows."""
    rng = np.random.default_rng(0)
    cabin = rng.choice(["first", "second", "third", "crew"], rows, p=[0.15, 0.13, 0.32, 0.4])
    age = rng.choice(["adult", "child"], rows, p=[0.95, 0.05])
    sex = rng.choice(["male", "female"], rows, p=[0.78, 0.22])
    saved = rng.random(rows) < 0.15 + 0.5 * (sex == "female") + 0.2 * (cabin == "first")
    return pd.DataFrame({"cabin": cabin, "age": age, "sex": sex, "saved": np.where(saved, "yes", "no")})


def parts(table: Table, seed: int) -> Split:
    return split(Data(x=np.zeros((len(table.y), 1)), y=table.y, groups=table.groups), seed, "own")


def test_test_parts_of_a_table_of_three_coarse_columns_are_fair_shares(tmp_path: Path) -> None:
    coarse().to_csv(tmp_path / "ship.csv", index=False)
    table = read(str(tmp_path / "ship.csv"), target="saved")
    for seed in SEEDS:
        test = parts(table, seed).test
        assert len(test) == pytest.approx(ROWS / 5, rel=0.03)
        assert table.y[test].mean() == pytest.approx(table.y.mean(), abs=0.01)


def test_a_notice_says_with_numbers_that_identical_rows_may_part() -> None:
    table = coarse()
    (notice,) = from_arrays(table.drop(columns="saved"), table["saved"]).notices
    sizes = table.groupby(["cabin", "age", "sex"]).size()
    assert notice == (
        f"Keeping identical rows together would leave {len(sizes)} groups of 2,000 rows, worth "
        f"{ROWS**2 / (sizes**2).sum():.1f} of equal size, and a fifth of that in a test part: "
        "identical rows may be in different parts."
    )


def test_the_users_groups_stay_whole_where_identical_rows_part() -> None:
    table, family = coarse(), np.arange(ROWS) // 4
    grouped = from_arrays(table.drop(columns="saved"), table["saved"], groups=family)
    assert grouped.notices[0].endswith("identical rows may be in different parts; the given groups stay whole.")
    np.testing.assert_array_equal(grouped.groups, family)
    for seed in SEEDS:
        found = parts(grouped, seed)
        assert not set(family[found.test]) & set(family[found.train])
        assert len(found.test) == pytest.approx(ROWS / 5, rel=0.05)


def test_a_few_groups_that_the_user_names_stay_whole() -> None:
    """A warning is for identical rows alone: who names a dozen hospitals wants a dozen groups."""
    x = pd.DataFrame({"a": np.random.default_rng(0).normal(size=240)})
    table = from_arrays(x, np.arange(240) % 2, groups=np.arange(240) // 20)
    assert table.notices == ()
    assert len(np.unique(table.groups)) == 12


def test_many_different_rows_and_their_duplicates_stay_together() -> None:
    x = pd.DataFrame({"a": np.random.default_rng(0).normal(size=500).tolist() * 3})
    table = from_arrays(x, np.tile(np.arange(500) % 2, 3))
    assert table.notices == ()
    for seed in SEEDS:
        found = parts(table, seed)
        assert not set(x["a"][found.test]) & set(x["a"][found.train])


def test_arrays_of_a_task_follow_the_same_rule() -> None:
    fine = np.random.default_rng(0).normal(size=(ROWS, 3)).repeat(2, axis=0)
    x, y = fine > 0, np.arange(len(fine)) % 2
    np.testing.assert_array_equal(as_data(x, y).groups, np.arange(len(fine)))
    np.testing.assert_array_equal(as_data(fine, y).groups, identical_rows(fine))
    np.testing.assert_array_equal(as_data(x, y, groups=y).groups, y)


def test_effective_groups_are_as_many_as_there_are_where_all_have_one_size() -> None:
    assert effective_groups(np.arange(12) // 3) == pytest.approx(4)
    assert effective_groups(np.array([5, 7, 9, 9])) == pytest.approx(16 / 6)


def test_the_rule_at_its_two_bounds() -> None:
    rows = np.arange(10_000)
    assert leaves_few(rows % (LEAST_GROUPS - 1), rows)
    assert not leaves_few(rows % LEAST_GROUPS, rows)
    # a small table: pairs stay, threes part
    assert not leaves_few(rows[:60] // 2, rows[:60])
    assert leaves_few(rows[:60] // 3, rows[:60])


@settings(max_examples=200)
@given(
    rows=st.integers(200, 2000), levels=st.lists(st.integers(2, 6), min_size=2, max_size=8),
    slope=st.floats(0, 3), draw=st.integers(0, 2**32 - 1), concentration=st.sampled_from([0.3, 1.0, 10.0]),
)  # fmt: skip
def test_every_test_part_of_a_discrete_table_has_a_fair_share_of_rows(
    rows: int, levels: list[int], slope: float, draw: int, concentration: float
) -> None:
    """The largest of G effective groups holds n / sqrt(G) of n rows at most: a tenth, where G is 100.

    A part ends within the group at its border, once a class: off by at most half a group, twice.
    """
    rng = np.random.default_rng(draw)
    x = np.stack([rng.choice(count, rows, p=rng.dirichlet(np.full(count, concentration))) for count in levels], axis=1)
    score = (x * rng.normal(size=len(levels))).sum(axis=1)
    y = slope * (score - np.median(score)) + rng.logistic(size=rows) > 0
    if min(y.sum(), (~y).sum()) < 40:
        y = np.arange(rows) % 2 == 0
    data = as_data(x, y)
    largest = np.bincount(data.groups).max()
    assert largest <= max(rows / 10, np.sqrt(2 * rows))
    for seed in range(3):
        size = len(split(data, seed, "own").test)
        assert abs(size - SHARES[2] * rows) <= largest + 1
