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

from experiments import stats
from experiments.stats import standard_error, standardised
from experiments.stats._power import _power, least_seeds

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
    margin = np.array([1.0])
    assert np.isnan(stats.corrected_t(one, 0.0)).all()
    assert np.isnan(stats.bca(one)).all()
    assert np.isnan(stats.bca(np.array([[0.7, 0.9]]))).all()
    assert stats.sign_flip_p(one) == stats.corrected_t_p(one, 0.0) == stats.tost_p(one, margin, 0.0) == 1.0
    assert stats.larger_p(one, np.array([0.1]), 0.0) == 1.0


def test_two_seeds_have_an_interval_and_three_a_bootstrap() -> None:
    # 1 and 3: mean 2, deviation sqrt(2), t quantile of one degree of freedom 12.7062
    low, high = stats.corrected_t(np.array([[1.0, 3.0]]), 0.0)
    assert (low[0], high[0]) == (pytest.approx(2 - 12.7062, abs=1e-3), pytest.approx(2 + 12.7062, abs=1e-3))
    assert stats.corrected_t_p(np.array([[1.0, 3.0]]), 0.0)[0] == pytest.approx(2 * sps.t.sf(2.0, 1))
    low, high = stats.bca(np.array([[1.0, 2.0, 3.0]]))
    assert 1 <= low[0] < 2 < high[0] <= 3


def test_the_bootstrap_allows_for_seeds_of_one_split() -> None:
    """Six differences with an allowance of 1/2 are as uncertain as if they lay sqrt(1 + 6/2) = 2 times as far apart."""
    d = np.array([[-1.0, 0.0, 0.5, 1.0, 2.0, 3.5]])
    wider = d.mean() + 2 * (d - d.mean())
    assert np.array(stats.bca(d, 0.5)) == pytest.approx(np.array(stats.bca(wider)))
    both = np.array(stats.bca(np.concatenate([d, d]), np.array([0.5, 0.0])))
    assert both[:, 0] == pytest.approx(np.array(stats.bca(wider))[:, 0])
    assert both[:, 1] == pytest.approx(np.array(stats.bca(d))[:, 0])


def test_the_confidence_is_the_one_asked_for() -> None:
    # t quantile of 3 degrees of freedom at 90 %
    low, high = stats.corrected_t(SMALL[:1], 0.0, 0.9)
    assert [2.5 - low[0], high[0] - 2.5] == pytest.approx([2.353363 * np.sqrt(5 / 12)] * 2, abs=1e-5)
    wide, narrow = (np.subtract(*stats.bca(NORMAL, confidence=confidence)) for confidence in (0.95, 0.5))
    assert (wide < 2 * narrow).all()


@pytest.mark.parametrize(("shared", "ratio"), [(0.0, 0.0), (0.5, 1 / 7), (1.0, 1 / 3)])
def test_allowance_by_hand(shared: float, ratio: float) -> None:
    """A whole table shared: a correlation of 1/4, that is a ratio of 1/3. Half of it: 1/8, that is 1/7."""
    assert stats.allowance(shared) == pytest.approx(ratio)
    assert stats.allowance(np.array([shared, 0.0])).tolist() == [pytest.approx(ratio), 0.0]


@pytest.mark.parametrize("margin", [0.0, -0.1, np.nan])
def test_a_margin_is_above_0(margin: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        stats.Quantity(name="q", split="test", unit="1", margin=margin, better=0)


def test_margins_are_those_registered() -> None:
    """docs/protocol.md, one by one: the margin, which side is better, and the flags."""
    registered = {
        q.name: (q.margin, q.better, *(name for name in ("relative", "primary", "stepped") if getattr(q, name)))
        for q in stats.QUANTITIES.values()
    }
    assert registered == {
        "nll_curve": (0.02, -1, "primary"),
        "nll": (0.02, -1, "primary"),
        "accuracy": (0.01, 1, "primary", "stepped"),
        "grad_norm_trunk": (0.10, 0, "relative", "primary"),
        "grad_norm_effective_head": (0.10, 0, "relative", "primary"),
        "auc": (0.005, 1),
        "brier": (0.01, -1),
        "ece": (0.01, -1),
        "top_probability": (0.01, 0),
        "abs_logit": (0.10, 0, "relative"),
        "grad_norm_head": (0.10, 0, "relative"),
        "grad_norm_total": (0.10, 0, "relative"),
        "dead_share": (0.01, -1, "stepped"),
        "diverged": (0.05, -1, "stepped"),
        "micro_f1": (0.01, 1, "stepped"),
        "macro_f1": (0.01, 1, "stepped"),
        "subset_accuracy": (0.01, 1, "stepped"),
    }
    assert {q.name: q.step for q in stats.QUANTITIES.values() if q.step} == {"diverged": 1.0}
    two_valued = {q.name for q in stats.QUANTITIES.values() if not q.of_function}
    assert two_valued == {"grad_norm_head", "grad_norm_total", "dead_share"}
    assert (stats.ALPHA, stats.POWER, stats.TEST_TO_TRAIN) == (0.05, 0.8, 1 / 3)


def _bca_by_hand(x: np.ndarray, confidence: float, resamples: int, seed: int) -> tuple[float, float]:
    """Efron's formulas for the mean, step by step, on resamples of its own."""
    n = len(x)
    level = 1 - 2 * sps.norm.sf(np.sqrt(n / (n - 1)) * sps.t.isf((1 - confidence) / 2, n - 1))
    rng = np.random.default_rng(seed)
    means = x[rng.integers(0, n, (resamples, n))].mean(axis=1)
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


@pytest.mark.parametrize(("n", "level"), [(6, 0.99513639), (20, 0.96823834)])
def test_the_bootstrap_s_level_is_widened_for_few_seeds(n: int, level: float) -> None:
    """What a normal law holds within sqrt(n / (n - 1)) times the t quantile: 1.095445 x 2.570582 of six seeds."""
    d = np.random.default_rng(n).normal(size=(1, n))
    wanted = sps.bootstrap((d,), np.mean, axis=1, method="BCa", confidence_level=level, n_resamples=2_000, batch=100,
                           vectorized=True, rng=np.random.default_rng(0)).confidence_interval  # fmt: skip
    low, high = stats.bca(d)
    # rounding decides on which side of the mean the resamples that equal it are
    assert (low[0], high[0]) == (pytest.approx(wanted.low[0], abs=3e-3), pytest.approx(wanted.high[0], abs=3e-3))


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
    assert stats.sign_flip_p(np.zeros((1, 40))) == 1.0  # every pattern reaches a sum of 0, and each counts once


@settings(max_examples=4)  # the other implementation collects garbage at every call
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
    assert stats.tost_p(SMALL[:1], np.array([5.0]), 1 / 3) == pytest.approx(sps.t.sf(2.5 / np.sqrt(5 / 3 * 7 / 12), 3))


def test_tost_of_differences_without_spread() -> None:
    margin = np.array([0.4, 0.6, 0.5])
    assert stats.tost_p(np.full((3, 4), 0.5), margin, 1 / 3).tolist() == [1.0, 0.0, 0.0]
    assert stats.tost_p(np.zeros((1, 4)), np.array([0.0]), 1 / 3) == 0.0
    assert stats.tost_p(np.zeros((1, 4)), np.array([np.nan]), 1 / 3) == 1.0


def test_larger_by_hand() -> None:
    # mean 2.5, standard error sqrt(5/3 * 7/12); two-sided, and the same the other way round
    se = np.sqrt(5 / 3 * 7 / 12)
    both = np.array([SMALL[0], -SMALL[0], SMALL[0]])
    p = stats.larger_p(both, np.array([1.0, 1.0, 5.0]), 1 / 3)
    assert p[:2] == pytest.approx(2 * sps.t.sf(1.5 / se, 3))
    assert p[2] == 1.0  # the mean is inside the margin
    assert stats.larger_p(both, np.full(3, np.nan), 1 / 3).tolist() == [1.0, 1.0, 1.0]
    assert stats.larger_p(both, np.ones(3), 0.0)[0] == pytest.approx(2 * sps.t.sf(1.5 / np.sqrt(5 / 12), 3))


def test_each_row_has_an_allowance_of_its_own() -> None:
    twice, ratio = SMALL[[0, 0]], np.array([0.0, 1 / 3])
    margin = np.array([5.0, 5.0])
    for found, test in ((stats.tost_p(twice, margin, ratio), stats.tost_p), (
        stats.larger_p(twice, margin / 5, ratio), lambda d, m, r: stats.larger_p(d, m / 5, r)
    )):  # fmt: skip
        assert found.tolist() == [test(twice[:1], margin[:1], each)[0] for each in (0.0, 1 / 3)]


RATIOS = np.random.default_rng(11)


def estimated_margins(rows: int, n: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Differences of mean `share` with little noise, and margins of 10 % of a baseline that varies by 30 %."""
    twins = RATIOS.normal(1.0, 0.3, (rows, n))
    return share + RATIOS.normal(0, 0.005, (rows, n)), 0.1 * twins


def test_margins_estimated_from_the_same_seeds_are_a_paired_test_of_the_two() -> None:
    """SciPy's paired t of the seeds' margins against their differences, and against minus them."""
    differences, margins = estimated_margins(20, 8, 0.08)
    inside = [sps.ttest_rel(margins, sign * differences, axis=1, alternative="greater").pvalue for sign in (1, -1)]
    assert stats.tost_p(differences, margins, 0.0) == pytest.approx(np.maximum(*inside))
    beyond = [sps.ttest_rel(sign * differences, margins, axis=1, alternative="greater").pvalue for sign in (1, -1)]
    assert stats.larger_p(differences, margins, 0.0) == pytest.approx(np.minimum(1, 2 * np.minimum(*beyond)))


def test_margins_that_are_estimated_keep_their_level() -> None:
    """The true difference is at the margin: taking the estimate as known errs in nearly half of the cases."""
    differences, margins = estimated_margins(4_000, 10, 0.1)
    chance = 3 * np.sqrt(0.05 * 0.95 / 4_000)
    assert np.mean(stats.tost_p(differences, margins, 0.0) <= 0.05) == pytest.approx(0.05, abs=chance)
    assert np.mean(stats.larger_p(differences, margins, 0.0) <= 0.05) == pytest.approx(0.025, abs=chance)
    as_known = margins.mean(axis=1)
    assert np.mean(stats.tost_p(differences, as_known, 0.0) <= 0.05) > 0.3
    assert np.mean(stats.larger_p(differences, as_known, 0.0) <= 0.05) > 0.3


def test_n_zeros_leave_open_what_is_as_rare_as_3_in_n() -> None:
    # (1 - q)^4 = 0.05: q = 0.5271; of differences of at most 0.02, 0.0105 in the mean
    assert stats.zeros_bound(4, np.array([0.02, 0.0])) == pytest.approx([0.02 * (1 - 0.05**0.25), 0.0])
    assert stats.zeros_bound(300, np.array([1.0])) == pytest.approx(3 / 300, rel=0.01)
    assert stats.zeros_bound(4, np.array([1.0]), alpha=0.1) == pytest.approx(1 - 0.1**0.25)


def test_the_p_of_n_zeros_by_hand() -> None:
    # at the margin, half of the differences would be 0.02 large: four zeros come with (1/2)^4; a quarter, with (3/4)^4
    p = stats.zeros_p(4, np.array([0.01, 0.01]), np.array([0.02, 0.04]))
    assert p == pytest.approx([1 / 16, (3 / 4) ** 4])
    # the mean cannot be at a margin that no difference reaches; without a margin nothing is known
    assert stats.zeros_p(4, np.array([0.03, np.nan]), np.array([0.02, 0.02])).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("n", [2, 5, 20])
def test_the_p_and_the_bound_of_n_zeros_agree(n: int) -> None:
    reach = np.array([0.05])
    assert stats.zeros_p(n, stats.zeros_bound(n, reach), reach) == pytest.approx(0.05)


def test_how_many_zeros_it_takes() -> None:
    """As many as give a p of at most the level, and one fewer does not; read back from the bound of those there are."""
    reach, margin, level = np.array([0.05, 0.05, 1.0]), np.array([0.01, 0.02, 0.05]), np.array([0.05, 0.01, 0.05])
    for n in (3, 20):
        needed = stats.zeros_needed(n, stats.zeros_bound(n, reach), margin, level)
        for row, count in enumerate(needed):
            p = [stats.zeros_p(int(count) - less, margin[row], reach[row]) for less in (0, 1)]
            assert p[0] <= level[row] < p[1]
    assert needed[2] == 59  # 0.95^59 is 4.8 %
    assert stats.zeros_needed(5, np.array([0.001]), np.array([1.0]), np.array([0.05])) == 1.0  # out of reach


def test_share_interval_by_hand() -> None:
    # a tenth of 1, 2, 3, 4: mean 0.25, standard error sqrt(5/12) / 10
    reach = 3.182446 * np.sqrt(5 / 12) / 10
    assert stats.share_interval(SMALL[0] / 10) == pytest.approx((0.25 - reach, 0.25 + reach), abs=1e-6)
    assert stats.share_interval([0.0, 0.0, 0.0, 0.4])[0] == 0.0  # type: ignore[arg-type]
    assert stats.share_interval([1.0, 1.0, 1.0, 0.6])[1] == 1.0  # type: ignore[arg-type]
    assert np.isnan(stats.share_interval(np.array([0.5]))).all()


def test_shares_of_0_have_an_interval_with_a_width() -> None:
    q = 1 - 0.05 ** (1 / 4)
    assert stats.share_interval(np.zeros(4)) == pytest.approx((0.0, q))
    assert stats.share_interval(np.zeros(4), reach=0.5, confidence=0.9) == pytest.approx((0.0, (1 - 0.1**0.25) / 2))
    assert stats.share_interval(np.zeros(2))[1] == pytest.approx(1 - 0.05**0.5)


def test_effect_size_of_differences_without_spread() -> None:
    assert standardised(np.array([0.0, 1.0, 1.0]), np.array([0.0, 0.0, 2.0])).tolist() == [0.0, np.inf, 0.5]


@pytest.mark.parametrize("n", [5, 20, 50])
def test_detectable_errors_are_those_of_statsmodels(n: int) -> None:
    effect = TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8)
    assert stats.detectable_errors(n) / np.sqrt(n) == pytest.approx(effect, rel=1e-4)


@pytest.mark.parametrize(("n", "alpha"), [(2, 0.05), (6, 0.05), (20, 0.01)])
def test_detectable_errors_by_the_noncentral_t(n: int, alpha: float) -> None:
    """The share of |t| beyond its critical value is 80 % when the mean is that many standard errors."""
    errors = stats.detectable_errors(n, alpha)
    assert sps.nct.sf(sps.t.isf(alpha / 2, n - 1), n - 1, errors) == pytest.approx(0.8, abs=1e-6)
    assert stats.detectable_errors(n, alpha, 0.5) < errors
    assert np.isnan(stats.detectable_errors(1))


def effect_of(n: int, ratio: float, alpha: float = 0.05) -> float:
    """The smallest mean in standard deviations that n seeds show."""
    return stats.detectable_errors(n, alpha) * (1 / n + ratio) ** 0.5


def test_seeds_needed() -> None:
    mean = np.array([0.04, 0.00, 0.04, 0.001, 0.01])
    sd = np.array([0.04, 0.02, 0.01, 0.100, 0.02])
    needed = stats.seeds_needed(mean, sd, np.full(5, 0.01), ratio=0.0)
    # an effect of 1 needs 10 pairs at 80 % power; the smallest n whose detectable effect is at most d_z
    assert needed[0] == 10
    assert effect_of(10, 0.0) <= 1 < effect_of(9, 0.0)
    # inside the margin: one-sided against 0.01 with an effect of 0.5, that is a two-sided level of 10 %
    assert effect_of(int(needed[1]), 0.0, alpha=0.1) <= 0.5
    assert effect_of(int(needed[1]) - 1, 0.0, alpha=0.1) > 0.5
    assert needed[2] == 6  # the sign flips' own least
    assert needed[3] > 500
    corrected = stats.seeds_needed(mean, sd, np.full(5, 0.01), 1 / 3)
    assert np.isinf(corrected[[0, 1, 3]]).all()  # effects below the floor of 1.62
    assert corrected[2] >= needed[2]


def test_sign_flips_need_seeds_of_their_own() -> None:
    # 6 seeds reach 2/64, 5 seeds only 2/32 = 0.0625; at 5 % over 30 cells it takes 2/2048
    assert least_seeds(np.array([0.05, 0.05 / 30])).tolist() == [6, 11]
    huge = stats.seeds_needed(np.array([1.0, 0.0]), np.array([0.001, 0.001]), np.array([0.01, 0.01]), 1 / 3)
    assert huge[0] == 6
    assert huge[1] < 6  # to be inside the margin takes no sign flips


def test_what_takes_fewer_seeds_decides() -> None:
    """Sign or inside, whichever is sooner; rows of its own a seed, or shared ones."""
    # the margin is 1, the deviation 1: a mean of 0.9 is shown not to be 0, one of 0.1 to be inside
    far, near = (stats.seeds_needed(*np.array([[mean], [1.0], [1.0]]), 0.0)[0] for mean in (0.9, 0.1))
    assert effect_of(int(far), 0.0) <= 0.9 < effect_of(int(far) - 1, 0.0)
    assert effect_of(int(near), 0.0, 0.1) <= 0.9 < effect_of(int(near) - 1, 0.0, 0.1)
    assert near < far
    # outside the margin only the sign can be shown; at 0 only that it is inside
    beyond, at_0 = (stats.seeds_needed(*np.array([[mean], [1.0], [1.0]]), 0.0)[0] for mean in (2.0, 0.0))
    assert effect_of(int(at_0), 0.0, 0.1) <= 1.0
    assert beyond == 6  # the sign flips' least; by the t alone 5 would do
    # 0.9 is below the 1.62 that seeds with shared rows show at most; with half of the rows shared it takes 1.06
    ratios = np.array([0.0, 1 / 7, 1 / 3])
    mean, sd, margin = np.full(3, 1.2), np.ones(3), np.full(3, 0.1)
    fresh, half, whole = stats.seeds_needed(mean, sd, margin, ratios)
    assert fresh < half < np.inf
    assert whole == np.inf


def test_seeds_needed_by_the_family() -> None:
    """Each row at its own level: one of thirty comparisons needs more than one alone."""
    needed = stats.seeds_needed(np.ones(2), np.ones(2), np.full(2, 0.1), 0.0, np.array([0.05, 0.05 / 30]))
    assert effect_of(int(needed[1]), 0.0, 0.05 / 30) <= 1.0
    assert needed[0] < needed[1]
    more = stats.seeds_needed(np.ones(2), np.ones(2), np.full(2, 0.1), 0.0, power=0.99)
    assert (more > needed[0]).all()


def test_more_than_100_000_seeds_are_no_number() -> None:
    # z = 1.96 + 0.84: an effect of 2.8016 / sqrt(100,000) = 0.00886 takes as many
    mean = np.array([0.00887, 0.00885])
    needed = stats.seeds_needed(mean, np.ones(2), np.zeros(2), 0.0)
    assert 99_000 < needed[0] <= 100_000
    assert needed[1] == np.inf
    assert stats.seeds_needed(np.array([1e6]), np.ones(1), np.ones(1), 0.0)[0] == 6


def test_power_is_a_share() -> None:
    """Also where SciPy's noncentral t has no number, far beyond the critical value. Without an effect, 2.5 %."""
    assert _power(np.array([0.0, 1e6]), 10, 0.0, 0.05).tolist() == [pytest.approx(0.025), 1.0]
    assert np.isnan(_power(np.array([np.nan]), 10, 0.0, 0.05)).all()


def test_each_comparison_needs_the_seeds_that_it_needs_alone() -> None:
    """Rows whose searches end at different steps go through together."""
    means = np.geomspace(0.003, 3.0, 60)
    together = stats.seeds_needed(means, np.ones(60), np.zeros(60), 0.0)
    alone = [stats.seeds_needed(means[k : k + 1], np.ones(1), np.zeros(1), 0.0)[0] for k in range(60)]
    assert together.tolist() == alone
