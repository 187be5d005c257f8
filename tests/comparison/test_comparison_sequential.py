"""The sequential design: over all looks and quantities, at most 5 % of false answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from experiments.comparison.judge import overall, primary
from experiments.judgement import Design, Sequential, differences, looks, pair_up
from experiments.judgement._sequential import spent
from experiments.stats import QUANTITIES, corrected_t_p, sign_flip_p, tost_p

RATIO = 1 / 3
FAMILIES = 2_000
QUANTITIES_EACH = 5


@pytest.mark.parametrize("most", [2, 5, 6, 7, 10, 20, 21, 50, 100])
def test_looks_ascend_to_the_most_seeds(most: int) -> None:
    found = looks(most)
    assert found[-1] == most
    assert list(found) == sorted(set(found))
    assert found[0] == (most if most <= 7 else 6)


def test_looks_as_documented() -> None:
    assert looks(20) == (6, 10, 14, 20)


def test_spending_is_that_of_lan_and_demets() -> None:
    """Nothing at the start, all at the end; one-sided at half time 2 - 2 Φ(1.96 / sqrt(1/2)) = 0.0056 of 0.05."""
    assert spent(1.0) == pytest.approx(0.05)
    assert spent(0.5, sides=1) == pytest.approx(0.00557, abs=1e-5)
    assert spent(0.5, sides=2) == pytest.approx(2 * spent(0.5, 0.025, sides=1))
    assert spent(0.01) < 1e-12


def test_one_look_has_the_whole_level() -> None:
    assert Design(looks=(12,)).levels(2) == (0.05,)
    assert Design(looks=(12,)).levels(1, 5) == (0.01,)


def test_levels_of_independent_seeds_are_the_textbook_s() -> None:
    """For this spending function and four equal steps of large samples they are 4.333, 2.963, 2.359, 2.014.

    Source: Reboussin et al. 2000, "Computations for group sequential boundaries using the Lan-DeMets spending
    function method", Controlled Clinical Trials 21.
    """
    design = Design(looks=(30, 60, 90, 120))
    found = scipy_stats.norm.isf(np.array(design.levels(2)) / 2)
    assert found == pytest.approx([4.333, 2.963, 2.359, 2.014], abs=0.03)


def test_rejections_stay_and_leave_their_share() -> None:
    """By hand: levels 0.01 and 0.05 for one hypothesis, half of each (about) for two."""
    design = Design(looks=(10,))
    assert design.rejected([np.array([0.02, 0.04])], sides=2).tolist() == [True, True]
    assert design.rejected([np.array([0.03, 0.04])], sides=2).tolist() == [False, False]
    two = Design(looks=(10, 20))
    first = two.levels(2, 2)[0]
    later = two.rejected([np.array([first / 2, 1.0]), np.array([1.0, two.levels(2)[1] * 0.99])], sides=2)
    assert later.tolist() == [True, True]
    assert two.rejected([np.array([1.0, np.nan])], sides=2).tolist() == [False, False]


def drawn(rng: np.random.Generator, mean: float, correlation: float, shared: float) -> np.ndarray:
    """(families, quantities, 20) differences with deviation 1: seeds correlate, and quantities share noise."""
    noise = rng.normal(size=(FAMILIES, QUANTITIES_EACH, 20)) * np.sqrt(1 - shared)
    noise += rng.normal(size=(FAMILIES, 1, 20)) * np.sqrt(shared)
    common = rng.normal(size=(FAMILIES, QUANTITIES_EACH, 1)) * np.sqrt(1 - shared)
    common += rng.normal(size=(FAMILIES, 1, 1)) * np.sqrt(shared)
    return mean + np.sqrt(1 - correlation) * noise + np.sqrt(correlation) * common


def false_share(differences: np.ndarray, sides: int, margin: float = 0.0) -> float:
    """The share of families in which something is rejected at some look."""
    design = Design(looks=looks(20))
    history = []
    for n in design.looks:
        flat = differences[..., :n].reshape(-1, n)
        if sides == 2:
            p = np.maximum(sign_flip_p(flat), corrected_t_p(flat, RATIO))
        else:
            p = tost_p(flat, np.full(len(flat), margin), RATIO)
        history.append(p.reshape(FAMILIES, QUANTITIES_EACH))
    return float(np.mean([design.rejected([p[row] for p in history], sides).any() for row in range(FAMILIES)]))


@pytest.mark.parametrize("shared", [0.0, 0.5])
def test_false_differences_over_all_looks_and_quantities(shared: float) -> None:
    found = false_share(drawn(np.random.default_rng(1), 0.0, 0.25, shared), sides=2)
    assert 0.02 < found <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / FAMILIES)


@pytest.mark.parametrize("shared", [0.0, 0.5])
def test_false_equivalence_over_all_looks_and_quantities(shared: float) -> None:
    """Every quantity differs by exactly its margin: far out, so that only the nearer bound can be crossed."""
    found = false_share(drawn(np.random.default_rng(2), 8.0, 0.25, shared), sides=1, margin=8.0)
    assert 0.02 < found <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / FAMILIES)


def test_looking_without_the_design_would_err_more_often() -> None:
    """What the design is for: the fixed 5 % at every look errs in far more than 5 % of the families."""
    d = drawn(np.random.default_rng(3), 0.0, 0.25, 0.0)[:, 0]
    p = [corrected_t_p(d[:, :n], RATIO) for n in looks(20)]
    assert np.mean(np.min(p, axis=0) <= 0.05) > 0.07


def tables_of(seeds: int, effect: dict[str, float], rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Finals and runs of sigmoid, its noise floor and softmax, where softmax differs by `effect` and little noise."""
    heads = ("sigmoid", "sigmoid_again", "softmax")
    key = {"framework": "f", "task": "t", "network": "n", "optimizer": "adam", "learning_rate": 0.1}
    rows, runs = [], []
    for seed in range(seeds):
        for head in heads:
            runs.append({**key, "head": head, "seed": seed, "trunk_hash": "a", "order_hash": "b",
                         "paired": head != "sigmoid_again", "sample": seed, "shared": 1.0, "finite": True,
                         "engine": "stacked"})  # fmt: skip
            for quantity in (q for q in QUANTITIES.values() if q.primary):
                value = 1 + rng.normal(0, 1e-4) + (effect.get(quantity.name, 0.0) if head == "softmax" else 0.0)
                rows.append({**key, "head": head, "seed": seed, "split": quantity.split, "quantity": quantity.name,
                             "value": value})  # fmt: skip
    return pd.DataFrame(rows), pd.DataFrame(runs)


def look(corrector: Sequential, finals: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    return differences(pair_up(finals, None, runs), corrector)


@pytest.mark.parametrize(
    ("effect", "wanted"),
    [({}, "equivalent"), ({"nll": 0.01}, "negligible"), ({"nll": 0.05}, "larger")],
)
def test_judge_decides_what_is_clear_and_keeps_it(effect: dict[str, float], wanted: str) -> None:
    rng = np.random.default_rng(4)
    finals, runs = tables_of(20, effect, rng)
    judge = Sequential(design=Design(looks=looks(20)))
    found = []
    for n in looks(20):
        table = look(judge, finals[finals["seed"] < n], runs[runs["seed"] < n])
        rows = primary(table).set_index("quantity")
        found.append(overall(table))
        assert (rows["n"] == n).all()
        assert ((rows["low"] < rows["mean"]) & (rows["mean"] < rows["high"])).all()
    assert found[-1] == wanted
    assert rows.loc["nll", "outcome"] == wanted
    # six seeds have 2 / 2^6 as their least sign-flip p: no difference can be shown there, equivalence can
    assert found[0] == ("equivalent" if wanted != "larger" else "undecided")


def test_repeated_intervals_are_wider_than_single_ones() -> None:
    finals, runs = tables_of(10, {}, np.random.default_rng(5))
    early = look(Sequential(design=Design(looks=(10, 20))), finals, runs)
    only = look(Sequential(design=Design(looks=(10,))), finals, runs)
    assert ((early["high"] - early["low"]) > 1.3 * (only["high"] - only["low"])).all()


def test_what_is_not_finite_stays_open() -> None:
    finals, runs = tables_of(20, {}, np.random.default_rng(6))
    finals.loc[(finals["quantity"] == "nll") & (finals["head"] == "softmax") & (finals["seed"] == 3), "value"] = np.nan
    table = look(Sequential(design=Design(looks=(20,))), finals, runs)
    assert primary(table).set_index("quantity").loc["nll", "outcome"] == "undecided"
    assert overall(table) == "undecided"
