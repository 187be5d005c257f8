"""How much seeds that have the same rows tell: the share of a spread that the rows make, and what a mean owes to it.

Where a table is split again and again, seeds come in clusters: all of one cluster have the same rows in the same parts,
and differ in their first weights and in the order of their batches. So the variance of a difference comes apart into
one between clusters, which the rows make, and one within. Only the first is common to seeds that share rows.
Sources: Kish 1965, "Survey Sampling", 5.4 and 8.2 (design effect); Shrout & Fleiss 1979 (intraclass correlation);
Nadeau & Bengio 2003, whose correlation of splits that share rows is that of the rows' part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from experiments.stats.margins import ALPHA, allowance

Array = np.ndarray


@dataclass(frozen=True, kw_only=True)
class Clusters:
    """What clusters do to the standard error of a mean over n seeds: each array (rows,).

    The squared standard error is s² `effect` (1/n + `ratio`), s² being the ordinary variance of the n differences.
    `icc`: the share of the variance that the rows of a cluster make, estimated so that it is too large as often as too
    small; 1, the worst case, where no two seeds have the same rows, so that nothing tells. `effect`: Kish's design
    effect, 1 where every seed is a cluster; in it is what makes the t interval of n - 1 degrees of freedom as wide as
    that of n / (1 + icc (m - 1)) - 1, m being a cluster's size. `ratio`: what is added to 1/n for rows that clusters
    share, where the mean is to answer for fresh rows.
    """

    n: int
    icc: Array
    effect: Array
    ratio: Array

    @property
    def fresh(self) -> Array:
        """What is added to 1/n so that the mean answers for fresh rows of the same kind: (rows,)."""
        return self.effect * (1 / self.n + self.ratio) - 1 / self.n

    @property
    def these(self) -> Array:
        """What is added to 1/n so that the mean answers for further splits of these rows: (rows,)."""
        return self.effect / self.n - 1 / self.n


def clusters(differences: Array, samples: Array, shared: Array | float) -> Clusters:
    """The clusters of each comparison.

    `differences`: (rows, n). `samples`: (n,) or (rows, n), equal for seeds that have the same rows in the same parts.
    `shared`: (rows,) or one number, the share of rows that seeds of different samples have in common.
    """
    rows, n = differences.shape
    samples = np.broadcast_to(samples, (rows, n))
    icc, kish = np.ones(rows), np.ones(rows)
    patterns, which = np.unique(samples, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        mine = which.ravel() == number
        icc[mine], kish[mine] = _of_pattern(differences[mine], pattern)
    # the ordinary variance is too small by what seeds of one cluster have in common
    larger = (n - 1) / np.maximum(n - kish, np.finfo(float).tiny) if n > 1 else 1.0
    fewer = (stats.t.isf(ALPHA / 2, n / kish - 1) / stats.t.isf(ALPHA / 2, n - 1)) ** 2 if n > 1 else 1.0
    return Clusters(n=n, icc=icc, effect=kish * larger * fewer, ratio=icc * allowance(shared) / kish)


def draws(samples: Array, resamples: int, rng: np.random.Generator) -> Array:
    """Bootstrap draws of seeds that keep clusters together: (resamples, n) places in `samples`, (n,).

    Clusters are drawn with replacement. Where they have different sizes, a draw is filled up to n seeds by what comes
    next, so that a cluster may be cut once.
    """
    n = len(samples)
    members = [np.flatnonzero(samples == sample) for sample in np.unique(samples)]
    chosen = rng.integers(0, len(members), size=(resamples, n))
    return np.array([np.concatenate([members[one] for one in row])[:n] for row in chosen])


def _of_pattern(differences: Array, samples: Array) -> tuple[Array, Array]:
    """The intraclass correlation and 1 + (m - 1) of it, m being a cluster's size: (rows,) each.

    Both are 1 where there is one cluster, or where each seed is one: there is nothing to tell them by.
    """
    rows, n = differences.shape
    _, cluster, sizes = np.unique(samples, return_inverse=True, return_counts=True)
    k = len(sizes)
    if k in (1, n):
        return np.ones(rows), np.ones(rows)
    squares = float((sizes**2).sum()) / n
    with np.errstate(invalid="ignore", divide="ignore"):
        members = np.eye(k)[cluster]  # (n, k)
        means = differences @ members / sizes
        between = (sizes * (means - differences.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) / (k - 1)
        within = ((differences - means[:, cluster]) ** 2).sum(axis=1) / (n - k)
        f = between / within / stats.f.median(k - 1, n - k)
        icc = 1 - (n - squares) / (k - 1) / (f + (n - squares) / (k - 1) - 1)
    icc = np.clip(np.nan_to_num(icc, nan=1.0), 0.0, 1.0)
    return icc, 1 + (squares - 1) * icc
