"""Synthetic tasks, each of which stresses the heads in one known way; their rows are the same in every run."""

from __future__ import annotations

import numpy as np

from experiments.records import Data
from experiments.tasks import task
from experiments.tasks.data import as_data

_SOURCE = "made by this project"


@task(
    "separable",
    kind="vector",
    synthetic=True,
    description="a plane separates the classes with a gap, so logits grow as long as training lasts",
    source=_SOURCE,
)
def separable() -> Data:
    """2,000 rows of 10 normal features; the class is the side of a plane, and none lies within 0.2 of it."""
    rng = np.random.default_rng(101)
    normal = rng.normal(size=10)
    x = rng.normal(size=(4000, 10))
    distance = x @ normal / np.linalg.norm(normal)
    kept = np.flatnonzero(np.abs(distance) > 0.2)[:2000]
    return as_data(x[kept], distance[kept] > 0)


@task(
    "label_noise",
    kind="vector",
    synthetic=True,
    description="two clouds far apart, 20 % of the labels flipped: many samples are confidently wrong",
    source=_SOURCE,
)
def label_noise() -> Data:
    """4,000 rows of 10 features: unit normal clouds 6 apart, one flipped label in five; no rule beats 0.8."""
    rng = np.random.default_rng(102)
    cloud = rng.integers(0, 2, size=4000)
    x = rng.normal(size=(4000, 10))
    x[:, 0] += 6.0 * cloud - 3.0
    flipped = rng.permutation(4000) < 800
    return as_data(x, cloud ^ flipped)


@task(
    "imbalance",
    kind="vector",
    synthetic=True,
    description="one positive row in a hundred, in clouds that overlap",
    source=_SOURCE,
)
def imbalance() -> Data:
    """6,000 rows of 10 features, 60 of them positive: unit normal clouds 2 apart; the best AUC is 0.92."""
    rng = np.random.default_rng(103)
    y = rng.permutation(6000) < 60
    x = rng.normal(size=(6000, 10))
    x[:, 0] += 2.0 * y
    return as_data(x, y)


@task(
    "moons",
    kind="vector",
    synthetic=True,
    description="two interleaved half circles with noise: a curve separates the classes, no line does",
    source="scikit-learn's make_moons",
)
def moons() -> Data:
    """2,000 points of the plane, noise of standard deviation 0.2."""
    from sklearn.datasets import make_moons

    return as_data(*make_moons(n_samples=2000, noise=0.2, random_state=104))
