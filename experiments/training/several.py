"""What is measured of a network with several classes or labels: pure functions, in float64 NumPy."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, log_softmax

from experiments.records import Head
from experiments.training.quantities import BINS


def log_probabilities(head: Head, z: np.ndarray) -> np.ndarray:
    """Log of the probabilities of K exclusive classes, normalised: z (..., K) to (..., K).

    Sigmoids are divided by their sum, as their outputs must be before they can be compared with a softmax's.
    """
    z = z.astype(np.float64)
    return log_softmax(-np.logaddexp(0.0, -z) if head.activation == "sigmoid" else z, axis=-1)


def measure_classes(log_p: np.ndarray, loss: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Every measure of networks that each saw as many rows of exclusive classes.

    `log_p`: (networks, rows, K). `loss`, `y`: (networks, rows), the classes 0 .. K-1. Returns (networks,) each; the
    calibration error is that of the predicted class over 15 bins. Source: Guo et al. 2017, eq. 3.
    """
    with np.errstate(all="ignore"):
        p = np.exp(log_p)
        predicted, top = p.argmax(axis=-1), p.max(axis=-1)
        right = np.where(np.isnan(top), np.nan, predicted == y)
        return {
            "loss": loss.mean(axis=1),
            "nll": -np.take_along_axis(log_p, y[..., None], axis=2).mean(axis=(1, 2)),
            "accuracy": right.mean(axis=1),
            "brier": np.square(p - np.eye(p.shape[-1])[y]).sum(axis=-1).mean(axis=1),
            "ece": _calibration(top, right),
            "top_probability": top.mean(axis=1),
        }


def _calibration(top: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Mean gap of confidence and accuracy, weighted by bin: both (networks, rows)."""
    networks, rows = top.shape
    bins = np.minimum((np.nan_to_num(top) * BINS).astype(int), BINS - 1) + BINS * np.arange(networks)[:, None]
    gaps = np.bincount(bins.ravel(), weights=(top - right).ravel(), minlength=networks * BINS)
    return np.abs(gaps.reshape(networks, BINS)).sum(axis=1) / rows


def label_probabilities(head: Head, z: np.ndarray) -> np.ndarray:
    """Probability of each of L labels and, last, the threshold above which a label is given: (..., L + 1).

    Sigmoids give a label above 1/2. A softmax shares one unit among the labels, so it gives those above half of the
    largest: with m right answers each deserves 1/m.
    """
    z = z.astype(np.float64)
    if head.activation == "sigmoid":
        p = expit(z)
        return np.concatenate([p, np.full((*p.shape[:-1], 1), 0.5)], axis=-1)
    p = np.exp(log_softmax(z, axis=-1))
    return np.concatenate([p, p.max(axis=-1, keepdims=True) / 2], axis=-1)


def measure_labels(read: np.ndarray, loss: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Every measure of networks that each saw as many rows of several labels.

    `read`: (networks, rows, L + 1), see `label_probabilities`. `loss`: (networks, rows).
    `y`: (networks, rows, L) of 0 and 1.
    Returns (networks,) each; `nll` is the mean over labels of -log of the probability given to what is true.
    """
    with np.errstate(all="ignore"):
        p, given = read[..., :-1], read[..., :-1] > read[..., -1:]
        hit = (given & (y == 1)).sum(axis=1)
        sizes = given.sum(axis=1) + (y == 1).sum(axis=1)
        f1 = np.where(sizes > 0, 2 * hit / np.maximum(sizes, 1), 0.0)
        values = {
            "loss": loss.mean(axis=1),
            "nll": -np.log(np.where(y == 1, p, 1 - p)).mean(axis=(1, 2)),
            "accuracy": (given == (y == 1)).mean(axis=(1, 2)),
            "micro_f1": 2 * hit.sum(axis=1) / sizes.sum(axis=1),
            "macro_f1": f1.mean(axis=1),
            "subset_accuracy": (given == (y == 1)).all(axis=2).mean(axis=1),
        }
    lost = np.isnan(p).any(axis=(1, 2))
    return {name: np.where(lost, np.nan, value) if name != "loss" else value for name, value in values.items()}
