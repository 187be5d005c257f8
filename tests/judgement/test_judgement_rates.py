"""Best rates, gaps, shifts and the rate map, from curves that stand in the test."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_tables import finals, runs

from experiments import judgement
from experiments.judgement import FRESH, THESE, _derived, derived
from experiments.judgement._rate_map import _crossing, _law, _passes, side_pairs
from experiments.judgement._rates import SHIFTS, _align, _means, _misfit
from experiments.stats import corrected_t
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
    assert set(pairs["learning_rate"]) == {0.0}  # no rate of a sweep
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
    assert found.index.tolist() == list(range(8))
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
    far = _align(long + 1_000, long, NONE)
    assert (far["shift"], far["shift_fine"]) == (3, 3)
    near = _align(long, long + 1_000, NONE)
    assert (near["shift"], near["shift_fine"]) == (-3, -3)
    assert _align(long[:, :3] + 1_000, long[:, :3], NONE)["shift"] == 1
    # three steps on, but for a jump at the last rate that three steps reach: no finer step goes past it
    line = np.arange(12.0)[None]
    jumps = line + 3
    jumps[0, 8] += 1
    assert _align(jumps, line, NONE)["shift_fine"] == 3


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
    base = np.repeat(FALL, 12, axis=0)
    arm = np.concatenate([base[:6, [1, 2, 3, 4, 5, 6, 6]], base[:6, [2, 3, 4, 5, 6, 6, 6]]])
    draws = np.random.default_rng(0).integers(0, 12, (200, 12))
    found = _align(arm, base, draws)
    drawn = sorted(_align(arm[d].mean(axis=0, keepdims=True), base[:1], NONE)["shift_fine"] for d in draws)
    assert [found["low"], found["high"]] == pytest.approx(np.quantile(drawn, [0.025, 0.975]))
    assert len(set(np.quantile(drawn, [0.025, 0.05, 0.95, 0.975]))) == 4  # no other level has the same ends
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
    # of two seeds, of which the first alone is shifted, a resample holds either or both
    mixed = sweep({"sigmoid": [[v] * 2 for v in curve], "softmax": np.transpose([moved, curve]).tolist()}, test=0.0)
    row = judgement.shifts(mixed).iloc[0]
    assert (row["low"], row["high"]) == (0.0, 1.0)
    level = table.assign(value=table["value"].where(table["split"] == "test", 1.0))
    assert judgement.shifts(level, split="validation")["shift"].tolist() != [1.0, 1.0]


# --- the rate map ---

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
    curves = np.stack([mean, np.negative(mean), mean], axis=1)
    assert _passes(np.array(relative), curves)[[0, 2]] == pytest.approx([at, at], nan_ok=True)


APART = np.array([0, 1])  # two seeds, each with a split of its own


def test_the_interval_of_a_crossing() -> None:
    """Two seeds that cross at -0.5 and at 0.5, and in the mean at 0: a resample is one, the other, or both."""
    d = np.array([[-0.5, -1.5], [0.5, -0.5], [1.5, 0.5]])
    assert _crossing(np.array([-1, 0, 1]), d, APART) == (0.0, -0.5, 0.5)
    # a seed that never crosses leaves too few resamples: those of it alone or of both
    rare = np.array([[-1.0, 9.0], [1.0, 9.0]])
    assert np.isnan(_crossing(np.array([0, 1]), rare, APART)).all()
    at, low, high = _crossing(np.array([0, 1]), np.array([[-2.0, 1.0], [2.0, 1.0]]), APART)
    assert (at, low, high) == (pytest.approx(0.25), pytest.approx(0.25), pytest.approx(0.5))
    # a rate without a number is passed over: from -1 at -1 to 1 at 1
    lost = _crossing(np.array([-1, 0, 1]), np.array([[-1.0, -1.0], [np.inf, 5.0], [1.0, 1.0]]), APART)
    assert lost == (0.0, 0.0, 0.0)


def mapped(*cells: list[list[float]], shared: float = 0.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A sweep and its runs: softmax - sigmoid, a list a rate from 2^-5 on; sigmoid is best in the middle, at 2^-2."""
    parts = []
    for number, d in enumerate(cells):
        base = [[1.0 + abs(place - 3)] * len(row) for place, row in enumerate(d)]
        other = [[b + each for b, each in zip(two, row, strict=True)] for two, row in zip(base, d, strict=True)]
        parts.append(sweep({"sigmoid": base, "softmax": other}, first=-5, task=f"t{number}"))
    table = pd.concat(parts)
    return table, runs(table, shared)


def spread(mean: float, step: float = 0.01) -> list[float]:
    """Eight seeds around a mean: one half `step` below it, the other above."""
    return [mean + step * sign for sign in (-1, 1)] * 4


LAW = [spread(9.0), spread(-1.0), spread(-0.6), spread(0.2), spread(0.5), spread(0.9), spread(-9.0)]
TURNED = [[-each for each in row] for row in LAW]


def test_sides_by_hand() -> None:
    """A side: the rates one and two steps from the best. Below -0.6 and -1.0, above 0.5 and 0.9; not 9 and -9."""
    found = side_pairs(*mapped(LAW, shared=0.5))
    for side, mean in (("below", -0.8), ("above", 0.7)):
        table = found[side].table
        assert table["difference"].tolist() == pytest.approx(spread(mean))
        assert table["baseline_value"].tolist() == pytest.approx([0.5 + 2.5] * 8)
        assert table["value"].tolist() == pytest.approx(np.add(spread(mean), 3.0))
        assert set(table["shared"]) == {0.5}
        assert set(table["learning_rate"]) == {0.0}  # no rate of a sweep
        assert len(table) == 8


@pytest.mark.parametrize("head", ["sigmoid", "softmax"])
def test_a_rate_without_a_number_is_no_part_of_its_side(head: str) -> None:
    """Lost in one seed, it is lost in all: the others' mean would be over other rates."""
    table, started = mapped(LAW, LAW)
    lost = (table["task"] == "t0") & (table["head"] == head) & (table["seed"] == 5) & (table["split"] == "test")
    table.loc[lost & (table["learning_rate"] == 2.0**-4), "value"] = np.inf
    below = side_pairs(table, started)["below"].table.groupby("task")["difference"].mean()
    assert below.to_dict() == pytest.approx({"t0": -0.6, "t1": -0.8})
    table.loc[lost & (table["learning_rate"] >= 2.0**-1), "value"] = np.nan
    assert set(side_pairs(table, started)["above"].table["task"]) == {"t1"}
    law = judgement.rate_map(table, started)[1]
    mine = law[law["task"] == "t0"]
    assert mine[["above_mean", "above_low", "above_high"]].isna().all(axis=None)
    assert (mine["above_p"] == 1.0).all()
    assert not mine["decided"].any()


def test_a_map_by_hand() -> None:
    """Two cells, the second the other way round; seeds share all rows of a table."""
    points, law = judgement.rate_map(*mapped(LAW, TURNED, shared=1.0))
    for name, table in (("rate_map", points), ("rate_law", law)):
        assert list(table.columns) == SCHEMAS[name]
    assert set(law["best_rate"]) == {2.0**-2}
    assert points["learning_rate"].tolist() == [2.0**k for k in range(-5, 2)] * 2
    assert points["relative"].tolist() == [*range(-3, 4)] * 2
    assert points["mean"].tolist()[:7] == pytest.approx([9.0, -1.0, -0.6, 0.2, 0.5, 0.9, -9.0])
    low, high = corrected_t(np.array(LAW), 1 / 3)
    assert points["low"].tolist()[:7] == pytest.approx(low)
    assert points["high"].tolist()[:7] == pytest.approx(high)
    assert set(points["margin"]) == {0.02}
    assert law["estimand"].tolist() == [FRESH, THESE] * 2
    assert set(law["n"]) == {8}
    # upwards between -1 and 0, a step of 0.8; turned, from -9 to -0.2 ... and from -0.9 to 9 above
    assert law["crossing"].tolist() == pytest.approx([-1 + 0.6 / 0.8] * 2 + [2 + 0.9 / 9.9] * 2)
    for row, ratio in ((0, 1 / 3), (1, 0.0)):
        low, high = corrected_t(np.array([spread(-0.8), spread(0.7)]), ratio)
        assert law.loc[row, ["below_mean", "above_mean"]].tolist() == pytest.approx([-0.8, 0.7])
        assert law.loc[row, ["below_low", "above_low"]].tolist() == pytest.approx(low)
        assert law.loc[row, ["below_high", "above_high"]].tolist() == pytest.approx(high)
    # eight seeds of one sign: 2 / 2^8, in one family of both sides of both cells
    assert law[["below_p", "above_p"]].to_numpy() == pytest.approx(np.full((4, 2), 4 * 2 / 2**8))
    assert law["decided"].tolist() == [True] * 4
    assert law["predicted"].tolist() == [True, True, False, False]


def test_a_side_that_is_not_shown_leaves_the_law_open() -> None:
    """Three cells: as predicted; one side open; one side against it."""
    opened = [*LAW[:4], spread(0.5, 5.0), *LAW[5:]]
    mixed = [*LAW[:4], *TURNED[4:]]
    law = judgement.rate_map(*mapped(LAW, opened, mixed))[1]
    law = law[law["estimand"] == FRESH]
    assert law["decided"].tolist() == [True, False, True]
    assert law["predicted"].tolist()[::2] == [True, False]
    assert law["predicted"].isna().tolist() == [False, True, False]


def test_a_side_needs_its_family_s_p_and_its_own_interval() -> None:
    """By one alone its sign is not shown: p corrected over the family, or an interval that leaves out 0."""
    shown = pd.Series({"mean": -1.0, "low": -2.0, "high": -0.5, "p_holm": 0.05})
    above = -shown.rename({"low": "high", "high": "low"}).drop("p_holm")
    above["p_holm"] = 0.05
    assert _law({"below": shown, "above": above})["predicted"] is True
    assert _law({"below": above, "above": shown})["predicted"] is False
    for change in ({"p_holm": 0.051}, {"high": 0.0}, {"high": 0.1}):
        law = _law({"below": pd.Series({**shown, **change}), "above": above})
        assert (law["decided"], law["predicted"]) == (False, None)
    assert _law({"below": None, "above": above})["below_p"] == 1.0


def test_a_map_of_nothing_is_empty() -> None:
    table = sweep({"sigmoid": [[1.0], [2.0]], "softmax_lr": [[1.0], [2.0]]})
    points, law = judgement.rate_map(table, runs(table))
    assert (len(points), list(points.columns)) == (0, SCHEMAS["rate_map"])
    assert (len(law), list(law.columns)) == (0, SCHEMAS["rate_law"])


def test_the_best_rate_is_that_of_the_mean_over_seeds() -> None:
    """Of 3 and 3, 1 and 9, 4 and 4 the least mean is the first; and what is no number in one seed is the worst."""
    table = sweep({head: [[3.0, 3.0], [1.0, 9.0], [4.0, 4.0]] for head in ("sigmoid", "softmax")})
    assert set(judgement.rate_map(table, runs(table))[1]["best_rate"]) == {2.0**-3}
    table = sweep({"sigmoid": [[3.0, NAN], [1.0, INF], [4.0, 4.0]], "softmax": [[0.0, 0.0]] * 3})
    points, law = judgement.rate_map(table, runs(table))
    assert set(law["best_rate"]) == {2.0**-1}
    assert law["decided"].tolist() == [False, False]  # no side has a rate left
    assert points["mean"].isna().tolist() == [True, False, False]
    assert points[["low", "high"]].isna().all(axis=1).tolist() == [True, True, False]


# --- all at once ---


def test_derived_makes_what_it_has_the_source_of(monkeypatch: pytest.MonkeyPatch) -> None:
    two = {(head, "nll"): [0.5, 0.6, 0.7] for head in ("sigmoid", "softmax", "softmax_init", "softmax_lr",
                                                       "softmax_matched")}  # fmt: skip
    several = {(head, "accuracy"): [0.8, 0.9] for head in ("k_sigmoid", "k_sigmoid_sum", "k_softmax")}
    table = pd.concat([finals(two), finals(several, task="digits")])
    swept = pd.concat([sweep(TWO), sweep({f"k_{head}": rates for head, rates in TWO.items()}, task="digits")])
    given = {"finals": table, "runs": runs(table), "learning_rates": swept, "learning_rates_runs": runs(swept),
             "finals_float64": finals(two), "runs_float64": runs(finals(two))}  # fmt: skip
    made = derived(given)
    assert set(made) == {"differences", "overall", "attribution", "attribution_float64", "loss_scale", "rate_gaps",
                         "shifts", "rate_map", "rate_law"}  # fmt: skip
    for name, part in made.items():
        assert list(part.columns[: len(SCHEMAS[name])]) == SCHEMAS[name]
    for name in ("differences", "overall", "rate_gaps", "shifts"):
        assert set(made[name]["baseline"]) == {"sigmoid", "k_sigmoid"}
    assert set(made["overall"]["at"]) == {"default", "best", "above"}
    assert set(made["attribution"]["task"]) == set(made["attribution_float64"]["task"]) == {"moons"}
    started: list[int] = []
    pool = _derived.ProcessPoolExecutor
    monkeypatch.setattr(_derived, "ProcessPoolExecutor", lambda n, **how: started.append(n) or pool(n, **how))
    rows = sum(map(len, given.values()))
    for many, processes in ((rows + 1, []), (rows, [1])):  # of few rows a process costs more than it gains
        monkeypatch.setattr(_derived, "MANY", many)
        in_two_processes = derived(given, processes=2)
        assert started == processes
        assert list(in_two_processes) == list(made)
        for name, part in made.items():
            pd.testing.assert_frame_equal(in_two_processes[name], part, check_exact=True)


def test_an_arm_that_is_softmax_in_another_program_is_compared_with_softmax_too() -> None:
    """On JAX, softmax on logits: 0.7 - 0.6 from softmax beside 0.7 - 0.5 from sigmoid. On TensorFlow it is an arm."""
    three = {(head, "nll"): [v, v + 0.1] for head, v in (("sigmoid", 0.5), ("softmax", 0.6), ("softmax_logits", 0.7))}
    three["sigmoid_logits", "nll"] = [0.5, 0.9]
    table, swept = finals(three), sweep({head: [values, values] for (head, _), values in three.items()})

    def of(framework: str, *left_out: str) -> dict[str, pd.DataFrame]:
        given = {"finals": table, "runs": runs(table), "learning_rates": swept, "learning_rates_runs": runs(swept)}
        return derived({name: part[~part["head"].isin(left_out)].assign(framework=framework)
                        for name, part in given.items()})  # fmt: skip

    jax, without, usual = of("keras-jax"), of("keras-jax", "softmax_logits"), of("keras-tensorflow")
    for name in ("differences", "rate_gaps"):
        program = jax[name][jax[name]["baseline"] == "softmax"]
        assert set(program["head"]) == {"softmax_logits"}
        assert program["mean"].to_numpy() == pytest.approx(0.1)
        assert (jax[name]["head"] == "sigmoid_logits").sum() == len(program)  # once, with the other arms
        assert set(without[name]["baseline"]) == set(usual[name]["baseline"]) == {"sigmoid"}


@pytest.mark.parametrize("lacking", ["finals", "runs"])
def test_derived_leaves_out_what_lacks_its_source(lacking: str) -> None:
    table = finals({(head, "nll"): [0.5, 0.6] for head in ("sigmoid", "softmax")})
    given = {"finals": table, "runs": runs(table)}
    assert set(derived(given)) == {"differences", "overall"}
    assert derived({name: part for name, part in given.items() if name != lacking}) == {}
    assert derived(given | {lacking: table.iloc[:0]}) == {}
    swept = sweep(TWO)
    assert derived({"learning_rates": swept}) == {}
