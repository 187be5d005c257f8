"""What seeds of one split tell of the rows' part in a spread: by hand, by another library's law, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as sps

from experiments import stats
from experiments.stats import clusters, draws

PAIRS = np.array([0, 0, 1, 1, 2, 2])


def test_clusters_by_hand() -> None:
    """Pairs (1, 3), (5, 7), (0, 2): means 2, 6, 1; between 2 (1 + 9 + 4) / 2 = 14, within (2 + 2 + 2) / 3 = 2."""
    found = clusters(np.array([[1.0, 3, 5, 7, 0, 2]]), PAIRS, 1.0)
    f = 14 / 2 / sps.f.ppf(0.5, 2, 3)
    icc = (f - 1) / (f + 1)
    assert found.icc[0] == pytest.approx(icc)
    kish = 1 + icc
    effect = kish * 5 / (6 - kish) * (sps.t.isf(0.025, 6 / kish - 1) / sps.t.isf(0.025, 5)) ** 2
    assert found.effect[0] == pytest.approx(effect)
    assert found.ratio[0] == pytest.approx(icc / 3 / kish)
    assert found.these[0] == pytest.approx(effect / 6 - 1 / 6)
    assert found.fresh[0] == pytest.approx(effect * (1 / 6 + icc / 3 / kish) - 1 / 6)


def test_pairs_that_are_equal_are_half_as_many_seeds() -> None:
    """The interval is that of the three pairs' means, and with shared rows Nadeau and Bengio's of these."""
    d = np.repeat([[1.0, 4.0, 2.0]], 2, axis=1)
    found, means = clusters(d, PAIRS, 1.0), np.array([[1.0, 4.0, 2.0]])
    assert stats.corrected_t(d, found.these) == pytest.approx(np.array(stats.corrected_t(means, 0.0)))
    assert stats.corrected_t(d, found.fresh) == pytest.approx(np.array(stats.corrected_t(means, 1 / 3)))


def test_pairs_that_differ_within_alone_are_independent_seeds() -> None:
    found = clusters(np.array([[1.0, -1, 2, -2, 3, -3]]), PAIRS, 1.0)
    assert (found.icc[0], found.effect[0], found.fresh[0], found.these[0]) == (0, 1, 0, 0)


@pytest.mark.parametrize("samples", [range(6), [4] * 6])
def test_where_nothing_tells_the_rows_are_taken_to_make_all_of_it(samples: list[int]) -> None:
    found = clusters(np.array([[1.0, 3, 5, 7, 0, 2], [0.0] * 6]), np.array(samples), np.array([1.0, 0.4]))
    assert found.icc.tolist() == [1, 1]
    assert found.fresh == pytest.approx(stats.allowance(np.array([1.0, 0.4])))
    assert found.these == pytest.approx([0, 0])


def test_no_number_and_no_spread_are_the_worst_case() -> None:
    found = clusters(np.array([[1.0, np.nan, 5, 7, 0, 2], [2.0] * 6]), PAIRS, 1.0)
    assert found.icc.tolist() == [1, 1]
    assert clusters(np.array([[1.0]]), np.array([0]), 1.0).fresh.tolist() == [pytest.approx(1 / 3)]


def test_each_comparison_has_its_own_samples() -> None:
    d = np.array([[1.0, 3, 5, 7, 0, 2]] * 2)
    both = clusters(d, np.array([PAIRS, np.arange(6)]), 1.0)
    assert both.icc.tolist() == [pytest.approx(clusters(d[:1], PAIRS, 1.0).icc[0]), 1]
    assert both.effect[1] == 1


@pytest.mark.parametrize("icc", [0.0, 0.2, 0.4, 0.8])
@pytest.mark.parametrize("samples", [np.arange(10) // 2, np.arange(20) // 2, np.arange(19) // 2])
def test_intervals_cover(icc: float, samples: np.ndarray) -> None:
    """Samples whose rows' part correlates by 0.2 between them: for fresh rows, and for these ones."""
    rng = np.random.default_rng(7)
    n, k = len(samples), samples.max() + 1
    tables = rng.normal(size=(6_000, 1)) * np.sqrt(icc * 0.2)
    of_samples = rng.normal(size=(6_000, k)) * np.sqrt(icc * 0.8)
    d = tables + of_samples[:, samples] + rng.normal(size=(6_000, n)) * np.sqrt(1 - icc)
    found = clusters(d, samples, 1.0)
    for allowed, truth in ((found.fresh, 0.0), (found.these, tables[:, 0])):
        low, high = stats.corrected_t(d, allowed)
        assert 0.91 < np.mean((low <= truth) & (truth <= high)) < 0.975


def test_draws_keep_clusters_together() -> None:
    samples = np.array([5, 5, 9, 9, 7, 7])
    found = draws(samples, 500, np.random.default_rng(0))
    assert found.shape == (500, 6)
    assert (samples[found][:, ::2] == samples[found][:, 1::2]).all()
    assert (found[:, ::2] + 1 == found[:, 1::2]).all()
    first = samples[found[:, 0]]
    assert [np.mean(first == each) for each in (5, 7, 9)] == pytest.approx([1 / 3] * 3, abs=0.08)
    alone = draws(np.arange(4), 200, np.random.default_rng(0))
    assert set(alone.ravel()) == {0, 1, 2, 3}
    odd = draws(np.array([0, 0, 1]), 50, np.random.default_rng(0))
    assert odd.shape == (50, 3)
