"""What is measured of a network: pure functions of its logits, in float64 NumPy.

All take arrays of networks × rows and return one number a network. Values that are not finite stay as they are.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit
from scipy.stats import rankdata

from experiments.records import Head

BINS = 15
MEASURES = ("loss", "nll", "accuracy", "auc", "brier", "ece", "abs_logit", "top_probability")
ALONG = ("loss", "nll", "accuracy", "abs_logit")  # those that are measured while a network trains too


def effective_logit(head: Head, z: np.ndarray) -> np.ndarray:
    """The logit of class 1 that the arm's normalised prediction stands for: z (..., units) to (...) in float64.

    One unit: z. Two softmax or linear units: z1 - z0. Two sigmoids: log p1 - log p0. One softmax unit predicts 1
    whatever z is: +inf.
    """
    z = z.astype(np.float64)
    if head.units == 1:
        return np.full(z.shape[:-1], np.inf) if head.activation == "softmax" else z[..., 0]
    if head.activation == "sigmoid":
        z = -np.logaddexp(0.0, -z)
    return z[..., 1] - z[..., 0]


def measure(logit: np.ndarray, loss: np.ndarray, y: np.ndarray, along: bool = False) -> dict[str, np.ndarray]:
    """Every measure of networks that each saw as many rows; with `along`, only those of which there are curves.

    `logit`, `loss`: (networks, rows), the effective logit and the arm's own loss. `y`: (networks, rows) of 0 and 1.
    Returns (networks,) for each of `MEASURES` or `ALONG`: natural logarithms, and shares in [0, 1].
    """
    with np.errstate(all="ignore"):  # what is not finite is a result here, not a mistake
        right = np.where(y == 1, logit, -logit)
        values = {
            "loss": loss.mean(axis=1),
            "nll": np.logaddexp(0.0, -right).mean(axis=1),
            "accuracy": np.where(np.isnan(logit), np.nan, (logit > 0) == (y == 1)).mean(axis=1),
            "abs_logit": np.abs(logit).mean(axis=1),
        }
        if along:
            return values
        p = expit(logit)
        values |= {
            "auc": auc(logit, y),
            "brier": np.square(p - y).mean(axis=1),
            "ece": calibration_error(p, y),
            "top_probability": np.maximum(p, 1 - p).mean(axis=1),
        }
        return {name: values[name] for name in MEASURES}


def auc(score: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Area under the ROC curve, ties counted half: both (networks, rows); nan where it has no meaning.

    Source: the Mann-Whitney statistic over the number of pairs, Hanley & McNeil 1982.
    """
    positive = (y == 1).sum(axis=1)
    pairs = positive * (y.shape[1] - positive)
    ranks = np.where(y == 1, rankdata(score, axis=1), 0.0).sum(axis=1)
    area = np.where(pairs > 0, ranks - positive * (positive + 1) / 2, np.nan) / np.maximum(pairs, 1)
    return np.where(np.isnan(score).any(axis=1), np.nan, area)


def calibration_error(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Expected calibration error of p = P(class 1) over 15 bins of equal width: both (networks, rows).

    Source: Naeini et al. 2015, here for the probability of class 1 rather than of the predicted class.
    """
    networks, rows = p.shape
    safe = np.where(np.isnan(p), 0.0, p)
    bins = np.minimum((safe * BINS).astype(int), BINS - 1) + BINS * np.arange(networks)[:, None]
    gaps = np.bincount(bins.ravel(), weights=(safe - y).ravel(), minlength=networks * BINS)
    error = np.abs(gaps.reshape(networks, BINS)).sum(axis=1) / rows
    return np.where(np.isnan(p).any(axis=1), np.nan, error)
