"""Outcomes, who is better, what is open, what would decide it: each from rows that stand in the test."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats as sps

from experiments import judgement
from experiments.judgement import FRESH, Design, FixedFamily, Sequential
from experiments.judgement import _correctors as correctors
from experiments.judgement import _outcomes as outcomes
from experiments.judgement import _sequential as sequential
from experiments.judgement._correctors import repeated_interval
from experiments.stats import detectable_errors, holm, least_seeds, seeds_needed, zeros_needed


def rows(**columns: object) -> pd.DataFrame:
    """Comparisons of accuracy (margin 0.01) at 10 seeds that share nothing, undecided unless told otherwise."""
    count = max(len(v) for v in columns.values() if isinstance(v, list))
    plain = {
        "head": "softmax", "quantity": "accuracy", "estimand": FRESH, "primary": True, "n": 10, "ratio": 0.0,
        "effect": 1.0,
        "mean": 0.0, "sd": 0.01, "low": -0.02, "high": 0.02, "margin": 0.01, "p": 1.0, "p_t": 1.0, "p_larger": 1.0,
        "p_tost": 1.0, "outcome": "undecided",
    }  # fmt: skip
    return pd.DataFrame(plain | columns, index=range(count))


# --- one row ---


def test_at_the_level_itself_a_p_still_counts() -> None:
    assert judgement.outcome(0.001, 0.009, 0.01, 0.05, 1.0, 0.05) == "negligible"
    assert judgement.outcome(0.01, 0.03, 0.01, 0.05, 0.05, 1.0) == "larger"
    assert judgement.outcome(-0.03, -0.01, 0.01, 0.05, 0.05, 1.0) == "larger"
    assert judgement.outcome(0.0, 0.03, 0.01, 0.01, 0.01, 1.0) == "undecided"  # 0 is not excluded
    assert judgement.outcome(-0.03, 0.0, 0.01, 0.01, 0.01, 1.0) == "undecided"
    assert judgement.outcome(-0.25, 0.75, 0.25, 1.0, 1.0, 0.01) == "undecided"  # the mean is at the margin
    assert judgement.outcome(-0.75, 0.25, 0.25, 1.0, 1.0, 0.01) == "undecided"
    assert judgement.outcome(0.001, 0.009, 0.01, 0.08, 1.0, 1.0, alpha=0.1) == "different"


def test_the_mean_is_the_middle_unless_it_is_given() -> None:
    # middle 0.0125, outside the margin; middle 0.0075 inside
    assert judgement.outcome(0.005, 0.020, 0.01, 1.0, 1.0, 0.01) == "undecided"
    assert judgement.outcome(0.005, 0.020, 0.01, 1.0, 1.0, 0.01, mean=0.009) == "equivalent"
    assert judgement.outcome(0.000, 0.015, 0.01, 1.0, 1.0, 0.01) == "equivalent"
    assert judgement.outcome(0.000, 0.015, 0.01, 1.0, 1.0, 0.01, mean=0.011) == "undecided"


def test_who_is_better() -> None:
    table = rows(
        quantity=["nll", "nll", "accuracy", "accuracy", "abs_logit", "unknown"],
        mean=[-0.1, 0.1, 0.1, -0.1, 0.1, 0.1],
        outcome=["larger", "different", "larger", "different", "larger", "larger"],
    )
    assert judgement.better(table).tolist() == [1, -1, 1, -1, 0, 0]
    for outcome in ("negligible", "equivalent", "undecided"):
        assert not judgement.better(table.assign(outcome=outcome)).any()


def test_the_score_counts_each_row_once() -> None:
    """One win and one loss, a difference that is inside the margin, and one row that is open; ECE scores nothing."""
    table = pd.DataFrame({
        "quantity": ["nll", "accuracy", "nll", "nll", "ece"], "mean": [-1.0, -1.0, -1.0, -1.0, -1.0],
        "outcome": ["larger", "different", "negligible", "undecided", "larger"],
    })  # fmt: skip
    rows = judgement.scored(table)
    assert rows.index.tolist() == [0, 1, 2, 3]
    assert judgement.score(rows) == (1, 1, 1, 1)
    assert judgement.score(table) == (2, 1, 1, 1)


def test_the_bound_is_the_end_that_is_further_out() -> None:
    low, high = np.array([-0.3, 0.1, -0.2, np.nan]), np.array([0.1, 0.2, -0.1, np.nan])
    np.testing.assert_array_equal(outcomes.bound(low, high), [0.3, 0.2, 0.2, np.nan])


# --- many rows ---


def test_counts_by_hand() -> None:
    table = rows(outcome=["larger", "different", "different", "undecided", "negligible"], baseline="sigmoid",
                 quantity=["accuracy"] * 4 + ["nll"])  # fmt: skip
    accuracy, nll = judgement.counts(table).to_dict("records")
    key = {"head": "softmax", "baseline": "sigmoid"}
    assert accuracy == key | {"quantity": "accuracy", "larger": 1, "different": 2, "negligible": 0, "equivalent": 0,
                              "undecided": 1, "n_cells": 4}  # fmt: skip
    assert nll == key | {"quantity": "nll", "larger": 0, "different": 0, "negligible": 1, "equivalent": 0,
                         "undecided": 0, "n_cells": 1}  # fmt: skip
    assert judgement.counts(table, ["head"])["n_cells"].tolist() == [5]


def test_what_would_decide_the_undecided() -> None:
    table = rows(
        outcome=["undecided"] * 5 + ["larger"],
        seeds_needed=[30.0, 50.0, np.inf, np.inf, np.nan, 99.0],
        fresh_seeds_needed=[20.0, 40.0, 25.0, np.inf, np.nan, 99.0],
        bound=[0.02, 0.01, 0.015, 0.03, np.nan, 0.99],
        margin=[0.01, 0.01, 0.01, 0.02, 0.01, 0.01],
    )
    assert judgement.missing(table) == judgement.Missing(
        n=5, by_seeds=2, seeds=50, by_rows=1, fresh_seeds=25, never=2, bound=2.0
    )
    assert judgement.missing(table.iloc[3:4]) == judgement.Missing(
        n=1, by_seeds=0, seeds=0, by_rows=0, fresh_seeds=0, never=1, bound=1.5
    )
    assert judgement.missing(table.iloc[5:]) is None


def cells(p: np.ndarray, p_t: np.ndarray | None = None) -> pd.DataFrame:
    """Comparisons of `p`, (cells, quantities)."""
    task, quantity = np.indices(p.shape)
    both = p if p_t is None else p_t
    return pd.DataFrame({"task": task.ravel(), "quantity": quantity.ravel(), "p": p.ravel(), "p_t": both.ravel()})


def test_cells_apart_by_hand() -> None:
    # the least p of two, times two: 0.02, 0.04, 1; Holm's steps over three cells: 0.06, 0.08, 1
    p = np.array([[0.01, 0.50], [0.90, 0.02], [0.70, 0.80]])
    assert judgement.cells_apart(cells(p), ["task"]).tolist() == [False, False, False]
    assert judgement.cells_apart(cells(p), ["task"], alpha=0.06).tolist() == [True, False, False]
    # 0.01, 0.02, 1 become 0.03, 0.04, 1
    assert judgement.cells_apart(cells(p / 2), ["task"]).tolist() == [True, True, False]
    # either p alone shows nothing
    assert not judgement.cells_apart(cells(p / 2, p[::-1, ::-1]), ["task"]).any()
    assert judgement.cells_apart(cells(p), ["task"]).index.tolist() == [0, 1, 2]
    # the sign alone, or beyond the margin
    beyond = cells(p / 2).assign(p_larger=(p[::-1] / 2).ravel())
    assert judgement.cells_apart(beyond, ["task"]).tolist() == [True, True, False]
    assert not judgement.cells_apart(beyond, ["task"], beyond=True).any()
    both = cells(p / 2, np.ones_like(p)).assign(p_larger=(p / 2).ravel())
    assert judgement.cells_apart(both, ["task"], beyond=True).tolist() == [True, True, False]
    # one cell of one quantity: a p of 0.05 that is at the level counts
    assert judgement.cells_apart(cells(np.array([[0.05]])), ["task"]).tolist() == [True]


def test_the_union_of_five_families_is_no_family() -> None:
    """42 cells x 5 quantities where nothing differs: some cell is called different in at most 5 % of the suites,
    but in a fifth of them where each quantity is corrected by itself and the cells are then put together."""
    suites = 200
    rng = np.random.default_rng(8)
    together = apart = 0
    for _ in range(suites):
        p = rng.uniform(size=(42, 5))
        together += bool(judgement.cells_apart(cells(p), ["task"]).any())
        apart += any((holm(p[:, quantity]) <= 0.05).any() for quantity in range(5))
    assert together / suites <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / suites)
    assert apart / suites > 0.15


# --- a fixed family ---


def test_a_fixed_family_by_hand() -> None:
    """Three rows of one arm and one of another: Holm's 3, 2, 1 times the p that is larger of each pair."""
    table = rows(
        head=["a", "a", "a", "b"],
        p=[0.01, 0.02, 0.01, 0.04],
        p_t=[0.005, 0.01, 0.04, 0.03],
        p_larger=[0.001, 0.03, 0.001, 0.001],
        p_tost=[0.04, 0.01, 0.015, 0.04],
        low=0.001, high=0.012, mean=0.004,  # it is the mean that has to be inside the margin, not the interval
    )  # fmt: skip
    found = FixedFamily(by=["head"]).correct(table)
    assert found["p_holm"].tolist() == pytest.approx([0.03, 0.04, 0.04, 0.04])
    assert found["p_larger_holm"].tolist() == pytest.approx([0.03, 0.03, 0.03, 0.04])
    assert found["p_tost_holm"].tolist() == pytest.approx([0.04, 0.03, 0.03, 0.04])
    assert set(found["outcome"]) == {"negligible"}
    strict = FixedFamily(by=["head"], alpha=0.035).correct(table)
    # at 3.5 %: the sign of the first alone; inside of the middle ones alone; of the last neither
    assert strict["outcome"].tolist() == ["different", "equivalent", "equivalent", "undecided"]
    one = FixedFamily(by=["estimand"]).correct(table)
    assert one["p_holm"].tolist() == pytest.approx([0.04, 0.06, 0.08, 0.08])
    assert one["p_tost_holm"].tolist() == pytest.approx([0.08, 0.04, 0.045, 0.08])
    assert one["outcome"].tolist() == ["different", "equivalent", "equivalent", "undecided"]


def test_a_fixed_family_says_what_its_seeds_could_have_shown() -> None:
    """At the first of Holm's levels, 0.05 over the two rows; and what would decide the row that is not decided."""
    table = rows(n=[10, 10, 5], ratio=[1 / 3, 1 / 3, 0.0], head=["a", "a", "b"], sd=[0.01, 0.02, 0.03],
                 p=[0.001, 1.0, 0.001], p_t=0.001, p_larger=0.001, low=[0.02, -0.01, 0.02], high=0.03,
                 mean=[0.025, 0.008, 0.025])  # fmt: skip
    found = FixedFamily(by=["head"]).correct(table)
    assert found["outcome"].tolist() == ["larger", "undecided", "larger"]
    effect = detectable_errors(10, 0.025) * np.sqrt(1 / 10 + 1 / 3)
    assert found["detectable"].tolist() == [pytest.approx(0.01 * effect), pytest.approx(0.02 * effect), np.inf]
    arguments = np.array([[0.008], [0.02], [0.01]])
    assert found["seeds_needed"].tolist() == [
        pytest.approx(each, nan_ok=True) for each in (np.nan, seeds_needed(*arguments, 1 / 3, 0.025)[0], np.nan)
    ]
    fresh = found["fresh_seeds_needed"]
    assert fresh.tolist()[1] == seeds_needed(*arguments, 0.0, 0.025)[0] < np.inf
    assert fresh.isna().tolist() == [True, False, True]


def test_what_is_not_finite_has_no_seeds_that_would_decide_it() -> None:
    found = FixedFamily(by=["head"]).correct(rows(sd=[np.nan, 0.01]))
    assert found["seeds_needed"].isna().tolist() == [True, False]


def test_zeros_that_are_not_enough_say_how_many_are() -> None:
    """Ten zeros that leave open 0.05 of a reach q = 1 - 0.05^(1/10): at a margin of 0.02 and the level 0.025."""
    table = rows(sd=[0.0, 0.0, 0.0, 0.01], mean=[0.0, 0.015, -0.04, 0.0], high=[0.05, 0.055, 0.05, 0.05], margin=0.02,
                 p_tost=0.9)  # fmt: skip
    found = FixedFamily(by=["head"]).correct(table)
    level = np.array([0.05 / 4])
    # the same 0.015 in each: inside if 0.005 of what is left is not reached, or shown by 2 / 2^n, whichever is sooner;
    # -0.04 is outside, and takes the sign flips' least
    zeros, near = (zeros_needed(10, np.array([b]), np.array([m]), level)[0] for b, m in ((0.05, 0.02), (0.04, 0.005)))
    least = least_seeds(level)[0]
    assert least < near
    for name in ("seeds_needed", "fresh_seeds_needed"):
        assert found[name].tolist()[:3] == [zeros, least, least]
        assert found[name].tolist()[3] not in (zeros, least)


# --- looks ---

LOOKS = (6, 20)


@pytest.fixture(scope="module")
def few_paths() -> Iterator[None]:
    """Boundaries from 40,000 simulated paths, a tenth of the usual number, in caches of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sequential, "PATHS", 40_000)
        for name in ("_paths", "_levels"):
            patch.setattr(sequential, name, cache(getattr(sequential, name).__wrapped__))
        yield


def judge(*looks: pd.DataFrame) -> pd.DataFrame:
    corrector = Sequential(design=Design(looks=LOOKS))
    return [corrector.correct(table) for table in looks][-1]


def first_level(alpha: float, sides: int) -> float:
    """Lan and DeMets at 6 of 20 seeds, by hand: 2 (1 - Phi(z / sqrt(0.3))) on each side."""
    return float(sides * 2 * sps.norm.sf(sps.norm.isf(alpha / sides / 2) / np.sqrt(6 / 20)))


@pytest.mark.usefixtures("few_paths")
def test_a_look_by_hand() -> None:
    """Two primary quantities and a secondary one: half of the error each, and all of it."""
    two, one = first_level(0.025, 2), first_level(0.05, 2)
    table = rows(quantity=["nll", "accuracy", "auc"], primary=[True, True, False], n=6, low=0.1, high=0.2, mean=0.15,
                 p=[two * 0.99, one * 1.01, one * 0.99], p_t=[two / 2, one, one / 2], ratio=1 / 3)  # fmt: skip
    found = judge(table)
    assert found["outcome"].tolist() == ["different", "undecided", "different"]
    assert found["p_holm"].tolist() == pytest.approx([2 * two * 0.99, one * 1.01, one * 0.99])
    assert found["level"].tolist() == pytest.approx([one] * 3)
    assert found["level_tost"].tolist() == pytest.approx([first_level(0.05, 1)] * 3)
    # the first is rejected, so the second has the whole error
    assert judge(table.assign(p=[two * 0.99, one * 0.99, 1.0]))["outcome"].tolist() == ["different"] * 2 + ["undecided"]
    # neither is small enough for its half
    assert judge(table.assign(p=[two * 1.01, one * 0.99, 1.0]))["outcome"].tolist() == ["undecided"] * 3
    effect = detectable_errors(6, 0.05) * np.sqrt(1 / 6 + 1 / 3)
    assert found["detectable"].tolist() == [np.inf, np.inf, pytest.approx(0.01 * effect)]


@pytest.mark.usefixtures("few_paths")
def test_a_rejection_that_the_last_look_contradicts_is_taken_back() -> None:
    shown = rows(n=[6], p=0.0, p_t=0.0, mean=0.5, sd=0.01)
    assert judge(shown)["outcome"].tolist() == ["different"]
    later = rows(n=[20], p=0.5, p_t=0.5, mean=0.5, sd=0.01)
    assert judge(shown, later)["outcome"].tolist() == ["different"]  # the interval excludes 0 still
    assert judge(later.assign(n=6), later)["outcome"].tolist() == ["undecided"]  # nobody had shown it
    assert judge(shown, later.assign(mean=0.001))["outcome"].tolist() == ["undecided"]


@pytest.mark.usefixtures("few_paths")
def test_a_later_mean_outside_the_margin_is_never_equivalent() -> None:
    shown = rows(n=[6], p_tost=0.0, mean=0.0, sd=0.1)
    assert judge(shown)["outcome"].tolist() == ["equivalent"]
    for mean, outcome in ((0.0099, "equivalent"), (0.0101, "undecided"), (-0.0101, "undecided")):
        assert judge(shown, rows(n=[20], mean=mean, sd=0.1))["outcome"].tolist() == [outcome]


@pytest.mark.usefixtures("few_paths")
def test_a_row_that_is_new_at_a_look_has_shown_nothing_before() -> None:
    shown = rows(n=[6], p=0.0, p_t=0.0, mean=0.5)
    both = rows(quantity=["accuracy", "nll"], n=20, mean=0.5)
    assert judge(shown, both)["outcome"].tolist() == ["different", "undecided"]


def test_repeated_intervals_by_hand() -> None:
    """t of 5 degrees of freedom that leaves 1 %: 4.032143; deviation 0.1, six seeds, half of a table shared."""
    table = rows(n=[6, 6, 6], mean=0.3, sd=[0.1, 0.0, np.nan], ratio=1 / 7, low=[9.0, 0.3, -1.0], high=[9.0, 0.3, 1.0])
    low, high = repeated_interval(table, np.full(3, 0.01))
    reach = 4.032143 * 0.1 * np.sqrt(1 / 6 + 1 / 7)
    assert low.tolist() == pytest.approx([0.3 - reach, 0.3, -1.0], abs=1e-6)
    assert high.tolist() == pytest.approx([0.3 + reach, 0.3, 1.0], abs=1e-6)


@pytest.mark.usefixtures("few_paths")
@pytest.mark.parametrize(("ratio", "sides"), [(0.0, 1), (0.0, 2), (1 / 3, 1), (1 / 3, 2)])
def test_all_looks_together_err_as_often_as_allowed(ratio: float, sides: int) -> None:
    """Data of their own, drawn another way: as often where seeds share nothing, less often where they correlate."""
    levels = Design(looks=(4, 8, 12)).levels(sides)  # type: ignore[arg-type]
    rng = np.random.default_rng(3)
    covariance = np.full((12, 12), ratio / (1 + ratio)) + np.eye(12) / (1 + ratio)
    d = rng.multivariate_normal(np.zeros(12), covariance, size=20_000)
    crossed = np.zeros(len(d), dtype=bool)
    spent = []
    for n, level in zip((4, 8, 12), levels, strict=True):
        t = d[:, :n].mean(axis=1) / (d[:, :n].std(axis=1, ddof=1) * np.sqrt(1 / n + ratio))
        crossed |= (np.abs(t) if sides == 2 else t) >= sps.t.isf(level / sides, n - 1)
        spent.append(crossed.mean())
    wanted = [sequential.spent(n / 12, 0.05, sides) for n in (4, 8, 12)]  # type: ignore[arg-type]
    assert wanted[-1] == pytest.approx(0.05)
    if ratio:
        assert spent[0] == pytest.approx(wanted[0], abs=0.006)
        assert 0.03 < spent[-1] < 0.05
    else:
        assert spent == pytest.approx(wanted, abs=0.006)


@pytest.mark.parametrize("looks", [(), (1, 5), (5, 5), (6, 4)])
def test_looks_ascend_from_two_seeds(looks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="ascend"):
        Design(looks=looks)


def test_looks_by_hand() -> None:
    assert Design(looks=(2, 3)).looks == (2, 3)
    assert judgement.looks(20) == (6, 10, 14, 20)
    assert judgement.looks(16) == (6, 10, 16)  # 14 is more than 0.85 of 16
    assert judgement.looks(17) == (6, 10, 14, 17)
    assert judgement.looks(60) == (6, 10, 14, 20, 28, 40, 60)  # each 1.4 times the one before, even
    assert judgement.looks(2) == (2,)


def test_rejections_stay_and_leave_their_share() -> None:
    one = Design(looks=(10,))  # the whole level at the only look
    assert one.levels(2, 5) == (0.01,)
    for p, rejected in (
        ([0.025, 0.05], [True, True]), ([0.026, 0.05], [False, False]), ([0.01, 0.06], [True, False]),
        ([0.06, 0.01], [False, True]), ([np.nan, 0.02], [False, True]),
    ):  # fmt: skip
        assert one.rejected([np.array(p)], sides=2).tolist() == rejected


# --- what would decide it ---


def test_seeds_that_share_rows_need_what_their_present_error_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its square is sd^2 (1/n + ratio). Seeds that are added shrink effect sd^2 / n alone; fresh ones share none."""
    asked = []

    def needed(mean: np.ndarray, sd: np.ndarray, margin: np.ndarray, ratio: object, level: np.ndarray) -> np.ndarray:
        asked.append((sd, ratio))
        return np.full(len(mean), np.inf)

    monkeypatch.setattr(correctors, "seeds_needed", needed)
    n, ratio, effect = np.array([10, 20, 40]), np.array([0.1, 0.05, 0.3]), np.array([1.0, 1.3, 2.0])
    correctors.with_needs(rows(n=[*n], ratio=[*ratio], effect=[*effect], sd=[0.01, 0.02, 0.04]), np.full(3, 0.05))
    (spread, overlap), (alone, nothing) = asked
    sd = np.array([0.01, 0.02, 0.04])
    np.testing.assert_allclose(spread**2, effect * sd**2)
    np.testing.assert_allclose(spread**2 * (1 / n + overlap), sd**2 * (1 / n + ratio))
    np.testing.assert_array_equal(alone, sd)
    assert nothing == 0
