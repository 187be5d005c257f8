"""Estimators on matrices that can be checked by hand, and against implementations written another way."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as sps
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import DescrStatsW, ttost_paired

from experiments import judgement, stats
from experiments.stats.hypotheses import standardised
from experiments.stats.intervals import standard_error
from experiments.stats.power import least_seeds

# a row a comparison, a column a seed
SMALL = np.array([[1.0, 2.0, 3.0, 4.0], [-1.0, 1.0, -1.0, 1.0], [0.5, 0.5, 0.5, 0.5], [0.0, 0.0, 0.0, 0.0]])
NORMAL = np.random.default_rng(7).normal(0.3, 1.0, size=(40, 12))


def test_standard_error_by_hand() -> None:
    # 1, 2, 3, 4: variance 5/3; 1/n + 1/3 = 7/12
    assert standard_error(SMALL, 1 / 3)[0] == pytest.approx(np.sqrt(5 / 3 * 7 / 12))
    assert standard_error(SMALL, 0.0)[0] == pytest.approx(np.sqrt(5 / 3 / 4))


def test_corrected_t_by_hand() -> None:
    low, high = stats.corrected_t(SMALL, 1 / 3)
    reach = 3.182446 * np.sqrt(5 / 3 * 7 / 12)  # t quantile of 3 degrees of freedom
    assert (low[0], high[0]) == (pytest.approx(2.5 - reach, abs=1e-5), pytest.approx(2.5 + reach, abs=1e-5))
    assert (low[2], high[2]) == (0.5, 0.5)


def test_corrected_t_without_overlap_is_the_ordinary_t() -> None:
    low, high = stats.corrected_t(NORMAL, 0.0)
    for row, (a, b) in enumerate(zip(low, high, strict=True)):
        assert (a, b) == pytest.approx(DescrStatsW(NORMAL[row]).tconfint_mean())
        assert stats.corrected_t_p(NORMAL, 0.0)[row] == pytest.approx(sps.ttest_1samp(NORMAL[row], 0).pvalue)


def test_one_seed_decides_nothing() -> None:
    one = np.array([[0.7]])
    assert np.isnan(stats.corrected_t(one)).all()
    assert np.isnan(stats.bca(one)).all()
    assert np.isnan(stats.bca(np.array([[0.7, 0.9]]))).all()
    assert stats.sign_flip_p(one) == stats.corrected_t_p(one) == stats.tost_p(one, np.array([1.0])) == 1.0


def _bca_by_hand(x: np.ndarray, confidence: float, resamples: int, seed: int) -> tuple[float, float]:
    """Efron's formulas for the mean, step by step, on resamples of its own."""
    n = len(x)
    level = 1 - 2 * sps.norm.sf(np.sqrt(n / (n - 1)) * sps.t.isf((1 - confidence) / 2, n - 1))
    rng = np.random.default_rng(seed)
    means = np.array([x[rng.integers(0, n, n)].mean() for _ in range(resamples)])
    z0 = sps.norm.ppf(((means < x.mean()).mean() + (means <= x.mean()).mean()) / 2)
    jackknife = np.array([np.delete(x, i).mean() for i in range(n)])
    d = jackknife.mean() - jackknife
    a = (d**3).sum() / (6 * (d**2).sum() ** 1.5)
    ends = []
    for z in sps.norm.ppf([(1 - level) / 2, (1 + level) / 2]):
        ends.append(np.quantile(means, sps.norm.cdf(z0 + (z0 + z) / (1 - a * (z0 + z)))))
    return ends[0], ends[1]


def test_bca_against_the_formulas() -> None:
    skewed = np.random.default_rng(3).exponential(size=(3, 15))
    low, high = stats.bca(skewed, resamples=20_000)
    for row, x in enumerate(skewed):
        a, b = _bca_by_hand(x, 0.95, 20_000, seed=row)
        assert (low[row], high[row]) == (pytest.approx(a, abs=0.02), pytest.approx(b, abs=0.02))


def test_bca_of_equal_differences_has_no_width() -> None:
    almost = np.full((1, 5), 0.1) + np.array([[0, 1e-17, 0, -1e-17, 0]])
    low, high = stats.bca(np.concatenate([np.full((1, 5), 0.3), np.zeros((1, 5)), almost]))
    assert low == pytest.approx([0.3, 0, 0.1])
    assert high == pytest.approx([0.3, 0, 0.1])


def test_bca_works_at_the_size_of_rounding() -> None:
    """Differences of the matched arm in float64: the third power of their size is no number any more."""
    low, high = stats.bca(NORMAL * 1e-150)
    assert (low * 1e150, high * 1e150) == (
        pytest.approx(stats.bca(NORMAL)[0]),
        pytest.approx(stats.bca(NORMAL)[1]),
    )


def test_bca_does_not_depend_on_the_other_rows() -> None:
    many = np.random.default_rng(0).normal(size=(1_100, 6))
    assert stats.bca(many)[0][1_050] == stats.bca(many[1_050:1_051])[0][0]


def _sign_flip_by_enumeration(x: np.ndarray) -> float:
    sums = [abs(np.dot(signs, x)) for signs in itertools.product([-1, 1], repeat=len(x))]
    return float(np.mean([s >= abs(x.sum()) - 1e-9 for s in sums]))


@pytest.mark.parametrize("n", [2, 3, 5, 8, 9])
def test_sign_flip_against_enumeration(n: int) -> None:
    rng = np.random.default_rng(n)
    lattice = rng.integers(-3, 4, size=(6, n)) / 10  # accuracies differ by whole rows, so sums tie often
    for matrix in (rng.normal(0.4, 1, size=(6, n)), lattice):
        wanted = [_sign_flip_by_enumeration(row) for row in matrix]
        assert stats.sign_flip_p(matrix) == pytest.approx(wanted)


def test_sign_flip_by_hand() -> None:
    # 1+2+3+4 = 10 is reached by all plus or all minus: 2 of 16. A sum of 0 is reached by every pattern.
    assert stats.sign_flip_p(SMALL) == pytest.approx([2 / 16, 1.0, 2 / 16, 1.0])


def test_sign_flip_against_scipy() -> None:
    found = sps.permutation_test(
        (NORMAL,), np.sum, permutation_type="samples", axis=1, n_resamples=np.inf, vectorized=True
    )
    assert stats.sign_flip_p(NORMAL) == pytest.approx(found.pvalue)


def test_sign_flip_is_exact_at_twenty_seeds() -> None:
    # all of one sign: 2 patterns of 2^20; one against nineteen equals: 2 (20 + 1) of 2^20
    matrix = np.ones((2, 20))
    matrix[1, 0] = -1
    assert stats.sign_flip_p(matrix) == pytest.approx([2 / 2**20, 42 / 2**20])


def test_sign_flip_with_many_seeds_is_drawn() -> None:
    many = np.random.default_rng(1).normal(0.25, 1, size=(30, 40))
    drawn = stats.sign_flip_p(many)
    normal = 2 * sps.norm.sf(np.abs(many.sum(axis=1)) / np.sqrt((many**2).sum(axis=1)))
    assert drawn == pytest.approx(normal, abs=0.015)
    assert (stats.sign_flip_p(np.ones((1, 40))) == 1 / 20_001).all()


@settings(max_examples=8)  # the other implementation collects garbage at every call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_against_statsmodels(p: list[float]) -> None:
    assert stats.holm(np.array(p)) == pytest.approx(multipletests(p, method="holm")[1])


def test_holm_by_hand() -> None:
    # sorted 0.01, 0.02, 0.04 times 3, 2, 1; a missing p counts as 1
    assert stats.holm(np.array([0.04, 0.01, 0.02])) == pytest.approx([0.04, 0.03, 0.04])
    assert stats.holm(np.array([np.nan, 0.01])) == pytest.approx([1.0, 0.02])


def test_tost_without_overlap_is_statsmodels() -> None:
    margin = np.full(len(NORMAL), 0.8)
    p = stats.tost_p(NORMAL, margin, ratio=0.0)
    for row, x in enumerate(NORMAL):
        assert p[row] == pytest.approx(ttost_paired(x, np.zeros_like(x), -0.8, 0.8)[0])


def test_tost_with_overlap_by_hand() -> None:
    # mean 2.5 in a margin of 5: t = 2.5 / sqrt(5/3 * 7/12), 3 degrees of freedom
    assert stats.tost_p(SMALL[:1], np.array([5.0])) == pytest.approx(sps.t.sf(2.5 / np.sqrt(5 / 3 * 7 / 12), 3))


def test_tost_of_differences_without_spread() -> None:
    margin = np.array([0.4, 0.6, 0.5])
    assert stats.tost_p(np.full((3, 4), 0.5), margin).tolist() == [1.0, 0.0, 0.0]
    assert stats.tost_p(np.zeros((1, 4)), np.array([0.0])) == 0.0
    assert stats.tost_p(np.zeros((1, 4)), np.array([np.nan])) == 1.0


def test_effect_size_of_differences_without_spread() -> None:
    assert standardised(np.array([0.0, 1.0, 1.0]), np.array([0.0, 0.0, 2.0])).tolist() == [0.0, np.inf, 0.5]


@pytest.mark.parametrize("n", [5, 20, 50])
def test_detectable_effect_without_overlap_is_statsmodels(n: int) -> None:
    assert stats.detectable_effect(n, ratio=0.0) == pytest.approx(
        TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8), rel=1e-4
    )


def test_more_seeds_are_no_new_rows() -> None:
    """With overlapping splits the detectable effect has a floor above 0: (1.96 + 0.84) / sqrt(3)."""
    effects = [stats.detectable_effect(n) for n in (5, 20, 1_000, 100_000)]
    assert effects == sorted(effects, reverse=True)
    assert effects[-1] == pytest.approx(2.8016 / np.sqrt(3), rel=1e-3)
    assert np.isnan(stats.detectable_effect(1))


def test_seeds_needed() -> None:
    mean = np.array([0.04, 0.00, 0.04, 0.001, 0.01])
    sd = np.array([0.04, 0.02, 0.01, 0.100, 0.02])
    needed = stats.seeds_needed(mean, sd, np.full(5, 0.01), ratio=0.0)
    # an effect of 1 needs 10 pairs at 80 % power; the smallest n whose detectable effect is at most d_z
    assert needed[0] == 10
    assert stats.detectable_effect(10, 0.0) <= 1 < stats.detectable_effect(9, 0.0)
    # inside the margin: one-sided against 0.01 with an effect of 0.5, that is a two-sided level of 10 %
    assert stats.detectable_effect(int(needed[1]), 0.0, alpha=0.1) <= 0.5
    assert stats.detectable_effect(int(needed[1]) - 1, 0.0, alpha=0.1) > 0.5
    assert needed[2] == 6  # the sign flips' own least
    assert needed[3] > 500
    corrected = stats.seeds_needed(mean, sd, np.full(5, 0.01))
    assert np.isinf(corrected[[0, 1, 3]]).all()  # effects below the floor of 1.62
    assert corrected[2] >= needed[2]


def test_sign_flips_need_seeds_of_their_own() -> None:
    # 6 seeds reach 2/64, 5 seeds only 2/32 = 0.0625; at 5 % over 30 cells it takes 2/2048
    assert least_seeds(np.array([0.05, 0.05 / 30])).tolist() == [6, 11]
    huge = stats.seeds_needed(np.array([1.0, 0.0]), np.array([0.001, 0.001]), np.array([0.01, 0.01]))
    assert huge[0] == 6
    assert huge[1] < 6  # to be inside the margin takes no sign flips


def test_mean_over_tasks_by_hand() -> None:
    samples = [np.array([[0.0, 2.0], [5.0, 5.0]]), np.array([[3.0, 3.0], [7.0, 7.0]])]
    low, high = judgement.mean_over_tasks(samples, [0.0] * len(samples))
    # the first task resamples to 0, 1 or 2, widened by sqrt(2); the second is constant
    assert (low[0], high[0]) == (pytest.approx(2 - np.sqrt(2) / 2), pytest.approx(2 + np.sqrt(2) / 2))
    assert (low[1], high[1]) == (6.0, 6.0)
    wide_low, _ = judgement.mean_over_tasks(samples, [1 / 3] * len(samples))
    assert wide_low[0] == pytest.approx(2 - np.sqrt(2) / 2 * np.sqrt(1 + 2 / 3))
    low, high = judgement.mean_over_tasks([np.array([[1.0, np.inf], [1.0, 2.0]])], [1 / 3])
    assert np.isnan(low[0])
    assert low[1] < 1.5 < high[1]


def test_shapley_by_hand() -> None:
    both = frozenset({"a", "b"})
    worth = {frozenset(): 10.0, frozenset({"a"}): 6.0, frozenset({"b"}): 7.0, both: 1.0}
    shares = judgement.shapley({s: np.array([v]) for s, v in worth.items()})
    # a: (10 - 6 + 7 - 1) / 2; b: (10 - 7 + 6 - 1) / 2
    assert {name: float(value[0]) for name, value in shares.items()} == {"a": 5.0, "b": 4.0, "arithmetic": 1.0}
    del worth[frozenset({"b"})]
    shares = judgement.shapley({s: np.array([v]) for s, v in worth.items()})
    assert {name: float(value[0]) for name, value in shares.items()} == {"a": 4.0, "b": 5.0, "arithmetic": 1.0}
    with pytest.raises(ValueError, match="No order"):
        judgement.shapley({frozenset(): np.zeros(1), both: np.zeros(1)})
