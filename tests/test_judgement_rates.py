"""Best rates, gaps, shifts and the rate map, from curves that stand in the test."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats as sps
from small_tables import finals, runs

from experiments import judgement
from experiments.judgement import FRESH, derived
from experiments.judgement.rate_map import _crossing, _law, _passes
from experiments.judgement.rates import SHIFTS, _align, _means, _misfit
from experiments.stats import corrected_t, holm
from experiments.tables import SCHEMAS

NAN, INF = np.nan, np.inf


def sweep(curves: dict[str, list[list[float]]], first: int = -3, test: float = 0.5, **names: str) -> pd.DataFrame:
    """A sweep from 2^first on: validation NLL by head, a list a rate, in it a value a seed; on test `test` more."""
    parts = []
    for place in range(len(next(iter(curves.values())))):
        for split, more in (("validation", 0.0), ("test", test)):
            values = {(head, "nll"): [v + more for v in rates[place]] for head, rates in curves.items()}
            parts.append(finals(values, rate=2.0 ** (first + place), split=split, **names))
    return pd.concat(parts, ignore_index=True)


# --- best rates ---


@pytest.mark.parametrize(
    ("values", "best", "edge"),
    [
        ([3.0, 1.0, 2.0], -2, False),
        ([1.0, 2.0, 3.0], -3, True),
        ([3.0, 2.0, 1.0], -1, True),
        ([3.0, 1.0, 1.0], -2, False),  # of equals the smallest
        ([3.0, NAN, 2.0], -1, True),  # no number is the worst
        ([3.0, -INF, 2.0], -1, True),
        ([NAN, INF, NAN], -3, True),
    ],
)
def test_best_rate(values: list[float], best: int, edge: bool) -> None:
    table = sweep({"sigmoid": [[v] for v in values]}).sample(frac=1, random_state=0)
    chosen = judgement.best_rates(table)
    assert len(chosen) == 1
    assert (chosen["learning_rate"].iloc[0], chosen["at_edge"].iloc[0]) == (2.0**best, edge)


# seeds 0 and 1: sigmoid is best at 2^-3 and 2^-1, softmax at 2^-3 and 2^-2
TWO = {"sigmoid": [[0.1, 0.5], [0.2, 0.4], [0.3, 0.3]], "softmax": [[0.2, 0.9], [0.8, 0.4], [0.9, 0.7]]}


def test_each_seed_is_compared_at_its_own_best_rates() -> None:
    table = sweep(TWO)
    pairs = judgement.at_best(table, runs(table)).table.sort_values("seed")
    assert pairs["difference"].tolist() == pytest.approx([0.1, 0.1])  # 0.2 - 0.1 and 0.4 - 0.3
    assert pairs["value"].tolist() == pytest.approx([0.7, 0.9])  # on the test rows
    assert judgement.at_best(table, runs(table), heads=["softmax_lr"]).table.empty


def test_gaps_by_hand() -> None:
    table = sweep(TWO)
    found = judgement.gaps(table, runs(table))
    best = found[(found["at"] == "best") & (found["estimand"] == FRESH)].iloc[0]
    assert best["mean"] == pytest.approx(0.1)
    assert np.isnan(best["learning_rate"])
    assert best["baseline_best_rate"] == pytest.approx(2.0**-2)  # between 2^-3 and 2^-1, geometrically
    assert best["best_rate"] == pytest.approx(2.0**-2.5)
    assert best["at_edge"] == 1.0  # sigmoid's choices, both; softmax's are half
    at_rates = found[(found["at"] == "rate") & (found["estimand"] == FRESH)].set_index("learning_rate")["mean"]
    assert at_rates.to_dict() == pytest.approx({2.0**-3: 0.25, 2.0**-2: 0.3, 2.0**-1: 0.5})
    assert len(found) == 8
    assert judgement.gaps(table, runs(table), heads=["softmax_lr"])[SCHEMAS["differences"]].empty


# --- shifts ---

FALL = np.array([[4.0, 2.0, 1.0, 2.0, 4.0, 7.0, 9.0]])
NONE = np.zeros((1, 1), dtype=int)  # one resample of one seed


def test_misfit_by_hand() -> None:
    """Against the curve one step on: 4-2, 2-1, 1-2, 2-4, 4-7, 7-9 squared, mean over six rates; half a step between."""
    found = _misfit(FALL, FALL, np.array([0.0, 1.0, -1.0]))
    gap = (4 + 1 + 1 + 4 + 9 + 4) / 6
    assert found[0].tolist() == pytest.approx([0.0, gap, gap])
    line = np.arange(5.0)[None]
    assert _misfit(line, 2 * line, np.array([0.5])) == pytest.approx(np.mean([(1 + k) ** 2 for k in range(4)]))


@pytest.mark.parametrize("step", [-2, -1, 1, 2, 3])
def test_a_shift_by_hand(step: int) -> None:
    """An arm that is the baseline so many steps on; beyond the grid it is as at its end."""
    arm = FALL[:, np.clip(np.arange(7) + step, 0, 6)]
    found = _align(arm, FALL, NONE)
    assert (found["shift"], found["shift_fine"], found["rates"]) == (step, pytest.approx(step), 7)
    assert (found["low"], found["high"]) == (found["shift_fine"], found["shift_fine"])
    assert found["misfit"] == pytest.approx(0.0)
    assert found["misfit_unshifted"] == pytest.approx(np.sqrt(np.mean((arm - FALL) ** 2)))


def test_a_shift_is_at_most_three_steps_and_half_of_the_grid() -> None:
    long = np.arange(12.0)[None] ** 2
    assert _align(long + 1_000, long, NONE)["shift"] == 3
    assert _align(long[:, :3] + 1_000, long[:, :3], NONE)["shift"] == 1


def test_rates_without_enough_finite_seeds_are_left_out_and_all_above() -> None:
    arm = np.repeat(FALL, 4, axis=0)
    draws = np.array([[0, 1, 2, 3], [0, 0, 1, 1]])
    for lost, rates in ((1, 7), (2, 3)):  # one seed of four is lost at the fourth rate; half of them
        broken = arm.copy()
        broken[:lost, 3] = INF
        assert _align(broken, arm, draws)["rates"] == _align(arm, broken, draws)["rates"] == rates
    assert _align(arm[:, :2], arm[:, :2], draws)["rates"] == 2
    assert np.isnan(_align(arm[:, :2], arm[:, :2], draws)["shift"])
    assert _align(arm[:, :3], arm[:, :3], draws)["shift"] == 0.0


def test_means_of_draws_by_hand() -> None:
    values = np.array([[1.0, 5.0], [3.0, NAN]])
    found = _means(values, np.array([[0, 0], [0, 1], [1, 1]]))
    np.testing.assert_array_equal(found, [[1.0, 5.0], [2.0, 5.0], [3.0, NAN]])


def test_the_interval_of_a_shift_is_between_its_seeds() -> None:
    """Half of the seeds are shifted by one step, half by two."""
    base = np.repeat(FALL, 40, axis=0)
    arm = np.concatenate([base[:20, [1, 2, 3, 4, 5, 6, 6]], base[:20, [2, 3, 4, 5, 6, 6, 6]]])
    draws = np.random.default_rng(0).integers(0, 40, (200, 40))
    found = _align(arm, base, draws)
    drawn = sorted(_align(arm[d].mean(axis=0, keepdims=True), base[:1], NONE)["shift_fine"] for d in draws)
    assert [found["low"], found["high"]] == pytest.approx(np.quantile(drawn, [0.025, 0.975]))
    assert 1 <= found["low"] < found["shift_fine"] < found["high"] <= 2


def test_shifts_of_the_arms_asked_for() -> None:
    curve = np.exp([4.0, 2.0, 1.0, 2.0, 4.0])
    moved = np.append(curve[1:], np.exp(9.0))
    heads = {head: [[v] * 3 for v in moved] for head in ("softmax", "softmax_lr")}
    table = sweep({"sigmoid": [[v] * 3 for v in curve], **heads}, test=0.0)
    found = judgement.shifts(table)
    assert list(found.columns) == SHIFTS
    assert found["head"].tolist() == ["softmax", "softmax_lr"]
    assert found["shift"].tolist() == [1.0, 1.0]
    assert (found["baseline"].iloc[0], found["quantity"].iloc[0], found["rates"].iloc[0]) == ("sigmoid", "nll", 5)
    assert judgement.shifts(table, heads=["softmax_lr"])["head"].tolist() == ["softmax_lr"]
    assert judgement.shifts(table, quantity="accuracy").empty
    assert judgement.shifts(table, "k_sigmoid").empty
    level = table.assign(value=table["value"].where(table["split"] == "test", 1.0))
    assert judgement.shifts(level, split="validation")["shift"].tolist() != [1.0, 1.0]


# --- the rate map ---

AT = np.arange(-5, 6)
SIDES = np.array([[9.0, 9.0], [-4.0, -2.0], [-3.0, -3.0], [-2.0, -4.0], [7.0, 7.0], [0.0, 0.0], [-7.0, -7.0],
                  [1.0, 3.0], [2.0, 2.0], [3.0, 4.0], [-9.0, -9.0]])  # fmt: skip


@pytest.mark.parametrize(
    ("relative", "mean", "at"),
    [
        ([-1, 0, 1], [-1.0, 1.0, 2.0], -0.5),
        ([-1, 0, 1], [-1.0, 0.0, 2.0], 0.0),
        ([-2, 2], [-1.0, 3.0], -1.0),
        ([-3, -2, 1, 2], [-1.0, 1.0, -1.0, 3.0], 1.25),  # the nearer to the best rate of -2.5 and 1.25
        ([-1, 0, 1], [1.0, -1.0, -2.0], NAN),  # downwards
        ([-1, 0], [0.0, 1.0], NAN),  # never below 0
        ([0], [1.0], NAN),
        ([], [], NAN),
    ],
)
def test_a_crossing_by_hand(relative: list[int], mean: list[float], at: float) -> None:
    assert _passes(np.array(relative), np.array(mean)) == pytest.approx(at, nan_ok=True)


def test_the_interval_of_a_crossing() -> None:
    """Two seeds that cross at -0.5 and at 0.5, and in the mean at 0: a resample is one, the other, or both."""
    d = np.array([[-0.5, -1.5], [0.5, -0.5], [1.5, 0.5]])
    assert _crossing(np.array([-1, 0, 1]), d) == (0.0, -0.5, 0.5)
    # a seed that never crosses leaves too few resamples: those of it alone or of both
    rare = np.array([[-1.0, 9.0], [1.0, 9.0]])
    assert np.isnan(_crossing(np.array([0, 1]), rare)).all()
    at, low, high = _crossing(np.array([0, 1]), np.array([[-2.0, 1.0], [2.0, 1.0]]))
    assert (at, low, high) == (pytest.approx(0.25), pytest.approx(0.25), pytest.approx(0.5))


def test_sides_by_hand() -> None:
    """Rates two to four steps from the best: below, the seeds' means are -3 and -3; above, 2 and 3."""
    found = _law(AT, SIDES, 1 / 3)
    assert (found["below_mean"], found["below_low"], found["below_high"]) == (-3.0, -3.0, -3.0)
    assert found["below_p"] == 0.0
    low, high = corrected_t(np.array([[2.0, 3.0]]), 1 / 3)
    assert (found["above_mean"], found["above_low"], found["above_high"]) == (2.5, low[0], high[0])
    assert found["above_p"] == pytest.approx(2 * sps.t.sf(2.5 / np.sqrt(0.5 * (1 / 2 + 1 / 3)), 1))
    # a rate without a number is no part of its side; a side without rates has none
    broken = SIDES.copy()
    broken[[1, 7, 8, 9]] = INF
    found = _law(AT, broken, 0.0)
    assert found["below_mean"] == -3.0
    assert np.isnan([found[f"above_{name}"] for name in ("mean", "low", "high", "p")]).all()


def mapped(*cells: list[list[float]], shared: float = 0.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The map of cells by softmax - sigmoid, a list a rate from 2^-3 on; sigmoid's curve is |rate - 2^-1| in steps."""
    parts = []
    for number, d in enumerate(cells):
        base = [[1.0 + abs(place - 2)] * len(row) for place, row in enumerate(d)]
        other = [[b + each for b, each in zip(two, row, strict=True)] for two, row in zip(base, d, strict=True)]
        parts.append(sweep({"sigmoid": base, "softmax": other}, task=f"t{number}"))
    table = pd.concat(parts)
    return judgement.rate_map(table, runs(table, shared))


LAW = [[-1.0, -1.1, -0.9], [-0.5, -0.6, -0.4], [0.1, 0.0, 0.2], [0.5, 0.6, 0.7], [0.9, 1.0, 1.1]]


def test_a_map_by_hand() -> None:
    points, law = mapped(LAW, [[-each for each in row] for row in LAW], shared=1.0)
    for name, table in (("rate_map", points), ("rate_law", law)):
        assert list(table.columns) == SCHEMAS[name]
    assert law["best_rate"].tolist() == [0.5, 0.5]
    assert points["learning_rate"].tolist() == [2.0**k for k in range(-3, 2)] * 2
    assert points["relative"].tolist() == [-2, -1, 0, 1, 2] * 2
    assert points["mean"].tolist()[:5] == pytest.approx([-1.0, -0.5, 0.1, 0.6, 1.0])
    low, high = corrected_t(np.array(LAW))
    assert points["low"].tolist()[:5] == pytest.approx(low)
    assert points["high"].tolist()[:5] == pytest.approx(high)
    assert set(points["margin"]) == {0.02}
    assert law["crossing"].tolist() == [pytest.approx(-1 + 0.5 / 0.6), pytest.approx(NAN, nan_ok=True)]
    assert law["n"].tolist() == [3, 3]
    # four sides in one family: each |t| is 1 / sqrt(0.01 (1/3 + 1/3))
    p = 2 * sps.t.sf(1 / np.sqrt(0.01 * 2 / 3), 2)
    assert law[["below_p", "above_p"]].to_numpy() == pytest.approx(holm([p] * 4).reshape(2, 2))
    assert law["decided"].tolist() == [True, True]
    assert law["predicted"].tolist() == [True, False]


def test_a_side_that_is_not_shown_leaves_the_law_open() -> None:
    open_side = [[-1.0, 1.0, 0.1], *LAW[1:]]
    law = mapped(LAW, open_side)[1]
    assert law["decided"].tolist() == [True, False]
    assert law["predicted"].isna().tolist() == [False, True]
    # one side as predicted and one against it is against it
    mixed = [[-each for each in LAW[0]], *LAW[1:]]
    law = mapped(mixed)[1]
    assert (law["decided"].tolist(), law["predicted"].tolist()) == ([True], [False])


def test_a_map_of_nothing_is_empty() -> None:
    table = sweep({"sigmoid": [[1.0], [2.0]], "softmax_lr": [[1.0], [2.0]]})
    points, law = judgement.rate_map(table, runs(table))
    assert (len(points), list(points.columns)) == (0, SCHEMAS["rate_map"])
    assert (len(law), list(law.columns)) == (0, SCHEMAS["rate_law"])


def test_the_best_rate_is_that_of_the_mean_over_seeds() -> None:
    """Of 3 and 3, 1 and 9, 4 and 4 the least mean is the first; and what is no number in one seed is the worst."""
    table = sweep({head: [[3.0, 3.0], [1.0, 9.0], [4.0, 4.0]] for head in ("sigmoid", "softmax")})
    assert judgement.rate_map(table, runs(table))[1]["best_rate"].tolist() == [2.0**-3]
    table = sweep({"sigmoid": [[3.0, NAN], [1.0, INF], [4.0, 4.0]], "softmax": [[0.0, 0.0]] * 3})
    points, law = judgement.rate_map(table, runs(table))
    assert law["best_rate"].tolist() == [2.0**-1]
    assert points["mean"].isna().tolist() == [True, False, False]
    assert points[["low", "high"]].isna().all(axis=1).tolist() == [True, True, False]


# --- all at once ---


def test_derived_makes_what_it_has_the_source_of() -> None:
    two = {(head, "nll"): [0.5, 0.6, 0.7] for head in ("sigmoid", "softmax", "softmax_init", "softmax_lr",
                                                       "softmax_matched")}  # fmt: skip
    several = {("k_sigmoid", "accuracy"): [0.8, 0.9], ("k_softmax", "accuracy"): [0.8, 0.9]}
    table = pd.concat([finals(two), finals(several, task="digits")])
    swept = pd.concat([sweep(TWO), sweep({f"k_{head}": rates for head, rates in TWO.items()}, task="digits")])
    given = {"finals": table, "runs": runs(table), "learning_rates": swept, "learning_rates_runs": runs(swept),
             "finals_float64": finals(two), "runs_float64": runs(finals(two))}  # fmt: skip
    made = derived(given)
    assert set(made) == {"differences", "overall", "attribution", "attribution_float64", "rate_gaps", "shifts",
                         "rate_map", "rate_law"}  # fmt: skip
    for name, part in made.items():
        assert list(part.columns[: len(SCHEMAS[name])]) == SCHEMAS[name]
    for name in ("differences", "overall", "rate_gaps", "shifts"):
        assert set(made[name]["baseline"]) == {"sigmoid", "k_sigmoid"}
    assert set(made["overall"]["at"]) == {"default", "best"}
    assert set(made["attribution"]["task"]) == set(made["attribution_float64"]["task"]) == {"moons"}


@pytest.mark.parametrize("lacking", ["finals", "runs"])
def test_derived_leaves_out_what_lacks_its_source(lacking: str) -> None:
    table = finals({(head, "nll"): [0.5, 0.6] for head in ("sigmoid", "softmax")})
    given = {"finals": table, "runs": runs(table)}
    assert set(derived(given)) == {"differences", "overall"}
    assert derived({name: part for name, part in given.items() if name != lacking}) == {}
    assert derived(given | {lacking: table.iloc[:0]}) == {}
    swept = sweep(TWO)
    assert derived({"learning_rates": swept}) == {}
