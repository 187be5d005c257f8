"""The words of verdicts: numbers, lists, counts, and what would decide the undecided."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from claim_tables import comparison, mean_over

from experiments.claims.evidence import (
    cell_name,
    differ,
    favours,
    in_words,
    larger,
    n_cells,
    no_worse,
    outcomes,
    seeds_clause,
)
from experiments.claims.phrasing import figure, interval, listed, over_tasks, signed, tally
from experiments.claims.record import Part

OUTCOMES = ["larger", "different", "negligible", "equivalent", "undecided"]


@pytest.mark.parametrize(
    ("value", "plain", "with_sign"),
    [
        (0.01234567, "0.0123", "+0.0123"), (-2.5, "-2.5", "-2.5"), (0.0, "0", "0"),
        (math.nan, "not a number", "not a number"),
        (math.inf, "infinite", "+infinite"), (-math.inf, "minus infinite", "minus infinite"),
    ],
)  # fmt: skip
def test_a_number_in_three_digits(value: float, plain: str, with_sign: str) -> None:
    assert (figure(value), signed(value)) == (plain, with_sign)


def test_an_interval_has_both_ends_or_is_not_said() -> None:
    assert interval(-0.25, 0.5) == " (95 % interval -0.25 to +0.5)"
    assert interval(math.nan, 0.5) == interval(0.5, math.nan) == ""


def test_three_names_are_said_and_the_rest_is_counted() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "a", "c"]) == "a, b, c"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert (over_tasks(1), over_tasks(2.0)) == ("mean over 1 task", "mean over 2 tasks")


def test_a_tally_counts_and_names_each_side() -> None:
    parts = [
        Part(name=name, holds=holds)
        for name, holds in zip("abcdef", [True, False, False, None, None, None], strict=True)
    ]
    assert tally(parts) == "holds in 1 (a), fails in 2 (b, c) and is open in 3 of 6 comparisons"
    assert tally(parts[3:], "wins", "loses") == "wins in 0, loses in 0 and is open in 3 of 3 comparisons"


def both_ways(outcome: str) -> pd.DataFrame:
    """One comparison of accuracy with the arm above, one with the arm below, of that outcome."""
    return pd.DataFrame([comparison("accuracy", outcome, side) for side in (1, -1)])


@pytest.mark.parametrize(
    ("outcome", "above_differs", "above_is_larger", "below_is_larger"),
    [
        ("larger", True, True, False),
        ("different", True, None, False),  # the sign is known: below, an advantage is ruled out
        ("negligible", False, False, False),
        ("equivalent", False, False, False),
        ("undecided", None, None, None),
    ],
)
def test_what_each_outcome_says_for_a_claim(
    outcome: str, above_differs: bool | None, above_is_larger: bool | None, below_is_larger: bool | None
) -> None:
    rows = both_ways(outcome)
    assert [part.holds for part in differ(rows)] == [above_differs] * 2
    assert [part.holds for part in larger(rows)] == [above_is_larger, below_is_larger]
    # more accuracy is better: the arm where it is above, the baseline where it is below
    assert [part.holds for part in favours(rows, side=1)] == [above_is_larger, below_is_larger]
    assert [part.holds for part in favours(rows, side=-1)] == [below_is_larger, above_is_larger]
    opposite = {True: False, False: True, None: None}
    assert [part.holds for part in no_worse(rows)] == [opposite[above_is_larger], opposite[below_is_larger]]


def test_less_loss_is_better_and_a_norm_is_neither() -> None:
    """A larger norm is larger, and nobody's advantage."""
    loss = pd.DataFrame([comparison("nll", "larger", -1)])
    assert [part.holds for part in favours(loss, side=1)] == [True]
    assert [part.holds for part in larger(loss)] == [False]
    norm = pd.DataFrame([comparison("grad_norm_trunk", "larger", 1)])
    assert [part.holds for part in (*favours(norm, side=1), *favours(norm, side=-1))] == [False, False]
    assert [part.holds for part in larger(norm)] == [True]


def test_a_comparison_is_named_by_quantity_cell_and_rate() -> None:
    cell = pd.DataFrame([comparison("nll", "larger"), comparison("nll", "larger", at="best")])
    assert [part.name for part in differ(cell)] == ["nll of moons/mlp/sgd", "nll of moons/mlp/sgd at its own best rate"]
    assert [part.name for part in differ(pd.DataFrame([mean_over("nll", "larger")]))] == ["nll, mean over tasks"]
    assert cell_name(cell.iloc[0]) == "moons/mlp/sgd"
    other = pd.DataFrame([comparison("accuracy", "larger", cell="moons/cnn/sgd")])
    assert n_cells(pd.concat([cell, other])) == 2


def test_outcomes_are_counted_quantity_by_quantity() -> None:
    rows = pd.DataFrame(
        [comparison("nll", outcome) for outcome in OUTCOMES for _ in range(2)] + [comparison("accuracy", "equivalent")]
    )
    assert outcomes(rows) == (
        "nll: 2 larger than the margin, 2 different, size open, 2 different by less than the margin, 2 equivalent, "
        "2 undecided; accuracy: 1 equivalent"
    )


def test_a_mean_over_tasks_has_its_unit_interval_and_outcome() -> None:
    rows = pd.DataFrame([
        mean_over("nll", "larger", -1), mean_over("accuracy", "different"), mean_over("grad_norm_trunk", "negligible"),
    ])  # fmt: skip
    texts = in_words(rows).split(": ", 1)[1]
    assert "-0.05 nats (95 % interval -0.06 to -0.04): larger than the margin" in texts
    assert "+0.0125 (95 % interval +0.0075 to +0.0175): different, size open" in texts
    assert "+0.05 of the baseline's (95 % interval +0.025 to +0.075): different by less than the margin" in texts
    assert "mean over 3 tasks" in in_words(rows)
    assert in_words(rows[:1].assign(n_tasks=1)).count("mean over 1 task:") == 1


def undecided(*needed: tuple[float, float]) -> pd.DataFrame:
    """Undecided comparisons, each with the seeds on these rows and the seeds with rows of their own that it takes."""
    decided = comparison("nll", "larger")
    rows = [comparison("nll", "undecided", seeds_needed=seeds, fresh_seeds_needed=own) for seeds, own in needed]
    return pd.DataFrame([decided, *rows])


@pytest.mark.parametrize(
    ("needed", "sentence"),
    [
        ([(64, 30), (41, np.inf)], "2 undecided, 2 would probably be decided by 64 seeds or fewer"),
        ([(np.inf, 25), (np.inf, 9)],
         "2 undecided, 2 would probably be decided by 25 seeds or fewer with rows of their own"),
        ([(np.inf, np.inf)], "1 undecided, 1 would be decided by no number of seeds"),
        ([(12, 10), (np.inf, 25), (np.inf, np.inf), (np.nan, np.nan)],
         "4 undecided, 1 would probably be decided by 12 seeds or fewer, 1 would probably be decided by 25 seeds or "
         "fewer with rows of their own, 2 would be decided by no number of seeds"),
    ],
)  # fmt: skip
def test_what_would_decide_the_undecided_is_a_sentence(needed: list[tuple[float, float]], sentence: str) -> None:
    """An undecided comparison is 0.5 margins, give or take 1.25: it is at most 1.75 margins from 0."""
    assert seeds_clause(undecided(*needed)) == f" Of the {sentence}; none differs by more than 1.75 margins either way."


def test_nothing_is_said_of_a_bound_that_is_none_or_of_no_undecided_comparison() -> None:
    rows = undecided((30, 20))
    assert seeds_clause(rows[rows["outcome"] != "undecided"]) == ""
    for none in (np.inf, np.nan):
        sentence = " Of the 1 undecided, 1 would probably be decided by 30 seeds or fewer."
        assert seeds_clause(rows.assign(bound=none)) == sentence
