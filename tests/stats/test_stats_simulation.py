"""What the procedures do in the long run, on simulated families of cells.

Assumed of overlapping splits, as by Nadeau & Bengio: the differences of a cell's seeds are normal and equally
correlated, rho = test / (train + test) = 1/4, which is the ratio 1/3 of the correction. The bootstrap claims less (more
seeds on the same rows), so it is judged on independent seeds.

Cells of one task are trained on the same splits, so what a seed's split does, it does to all of them: half of the
variance is shared. Independent cells are the worst case for Holm: there the rate is the nominal one itself, and 2,000
families measure it with a standard error of half a per cent.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from experiments import judgement, stats
from experiments.judgement._differences import summary
from experiments.judgement._overall import p_over_tasks
from experiments.judgement._pairs import Block

FAMILIES, CELLS, SEEDS = 2_000, 5, 10
CHANCE = 3 * (0.05 * 0.95 / FAMILIES) ** 0.5  # three standard errors of a rate of 5 %
RHO = stats.TEST_TO_TRAIN / (1 + stats.TEST_TO_TRAIN)


def simulated(rows: int, n: int, mean: float, sd: float, rho: float, seed: int, shared: float = 0.0) -> np.ndarray:
    """Paired differences, (rows, n): normal, with correlation rho between the seeds of a row.

    `shared`: the part of the variance that each run of `CELLS` rows has in common.
    """
    rng = np.random.default_rng(seed)

    def draws(columns: int) -> np.ndarray:
        common = np.repeat(rng.normal(size=(rows // CELLS, columns)), CELLS, axis=0)
        return np.sqrt(shared) * common + np.sqrt(1 - shared) * rng.normal(size=(rows, columns))

    return mean + sd * (np.sqrt(rho) * draws(1) + np.sqrt(1 - rho) * draws(n))


def judged(differences: np.ndarray) -> pd.DataFrame:
    """The rows of the table `differences` of accuracy, a family for each `CELLS` rows."""
    family = np.repeat(np.arange(len(differences) // CELLS), CELLS)
    cell = {"framework": "f", "task": "t", "network": "n", "optimizer": "o", "learning_rate": 1.0}
    keys = pd.DataFrame({**cell, "quantity": "accuracy"}, index=range(len(differences)))
    seeds = np.broadcast_to(np.arange(differences.shape[1]), differences.shape)
    rows = len(differences)
    block = Block(
        keys=keys.assign(head=family, split="test"),
        values=differences,
        baselines=np.zeros_like(differences),
        seeds=seeds,
        samples=seeds,
        shared=np.ones(rows),
        reach=np.abs(differences).max(axis=1),
    )
    table = judgement.correct(summary(block).assign(baseline="sigmoid", at="default", noise_floor=0.0))
    return table[table["estimand"] == judgement.FRESH]


def share_of_families(table: pd.DataFrame, *outcomes: str) -> float:
    """The share of families in which some cell has one of these outcomes."""
    return float(table["outcome"].isin(outcomes).groupby(table["head"]).any().mean())


# (correlation of seeds, variance shared by the cells of a family, highest rate, lowest rate)
SCENES = [(RHO, 0.5, 0.05, 0.02), (RHO, 0.0, 0.05 + CHANCE, 0.03), (0.0, 0.0, 0.05, 0.0)]


@pytest.mark.parametrize(("rho", "shared", "most", "least"), SCENES)
def test_no_difference_is_rarely_called_different(rho: float, shared: float, most: float, least: float) -> None:
    """Spread far beyond the margin of 0.01, so that only chance and the tests stand in the way of 'different'."""
    table = judged(simulated(FAMILIES * CELLS, SEEDS, mean=0.0, sd=1.0, rho=rho, seed=1, shared=shared))
    rate = share_of_families(table, "larger", "different", "negligible")
    assert least <= rate <= most  # the rate is not kept by never saying anything


@pytest.mark.parametrize(("shared", "most"), [(0.5, 0.05), (0.0, 0.05 + CHANCE)])
def test_a_difference_at_the_margin_is_rarely_called_equivalent(shared: float, most: float) -> None:
    margin = stats.QUANTITIES["accuracy"].margin
    table = judged(simulated(FAMILIES * CELLS, SEEDS, mean=margin, sd=margin / 20, rho=RHO, seed=2, shared=shared))
    rate = share_of_families(table, "equivalent", "negligible")
    assert 0.02 <= rate <= most


def test_what_is_there_is_found() -> None:
    """The procedures decide: a large difference is different, none at all is equivalent."""
    large = judged(simulated(100 * CELLS, SEEDS, mean=0.05, sd=0.005, rho=RHO, seed=3))
    assert (large["outcome"] == "larger").mean() > 0.95
    none = judged(simulated(100 * CELLS, SEEDS, mean=0.0, sd=0.0015, rho=RHO, seed=4))
    assert (none["outcome"] == "equivalent").mean() > 0.95


@pytest.mark.parametrize("n", [5, 20])
def test_corrected_t_covers_under_overlap(n: int) -> None:
    differences = simulated(4_000, n, mean=0.3, sd=1.0, rho=RHO, seed=n)
    low, high = stats.corrected_t(differences, stats.TEST_TO_TRAIN)
    assert 0.93 <= np.mean((low <= 0.3) & (high >= 0.3)) <= 0.97
    # what the correction is for: the ordinary interval misses far more often
    low, high = stats.corrected_t(differences, ratio=0.0)
    assert np.mean((low <= 0.3) & (high >= 0.3)) < 0.85


@pytest.mark.parametrize("shape", ["normal", "skewed"])
def test_bca_covers_for_more_seeds(shape: str) -> None:
    rng = np.random.default_rng(5)
    size = (3_000, 20)
    differences = rng.normal(0.3, 1, size) if shape == "normal" else 0.3 + rng.gamma(4, 0.5, size) - 2
    low, high = stats.bca(differences)
    assert 0.93 <= np.mean((low <= 0.3) & (high >= 0.3)) <= 0.97


@pytest.mark.parametrize("rho", [RHO, 0.0])
def test_mean_over_tasks_covers(rho: float) -> None:
    ratio = rho / (1 - rho)
    tasks = [simulated(2_000, 20, mean=mean, sd=1.0, rho=rho, seed=i) for i, mean in enumerate((0.0, 0.2, 0.7))]
    low, high = judgement.mean_over_tasks(tasks, [ratio] * 3)
    assert 0.93 <= np.mean((low <= 0.3) & (high >= 0.3)) <= 0.97
    p, _, _ = p_over_tasks([task - 0.3 for task in tasks], np.full(2_000, 1.0), [ratio] * 3)
    assert np.mean(p <= 0.05) <= 0.05 + CHANCE
    _, p_larger, p_tost = p_over_tasks(tasks, np.full(2_000, 0.3), [ratio] * 3)  # the mean is at the margin
    assert np.mean(p_tost <= 0.05) <= 0.05 + CHANCE
    assert np.mean(p_larger <= 0.05) <= 0.05 + CHANCE
