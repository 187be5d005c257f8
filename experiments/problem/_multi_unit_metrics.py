"""What is measured of a network with several classes or labels: pure functions, in float64 NumPy."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, log_softmax, logsumexp

from experiments.problem._metrics import BINS
from experiments.records import Head


def log_probabilities(head: Head, z: np.ndarray) -> np.ndarray:
    """Log of the probabilities of K exclusive classes, normalised: z (..., K) to (..., K).

    Sigmoids are divided by their sum, as their outputs must be before they can be compared with a softmax's.
    """
    z = z.astype(np.float64)
    with np.errstate(all="ignore"):  # what is not finite is a result here, not a mistake
        return log_softmax(-np.logaddexp(0.0, -z) if head.activation == "sigmoid" else z, axis=-1)


def measure_classes(log_p: np.ndarray, loss: np.ndarray, y: np.ndarray, along: bool = False) -> dict[str, np.ndarray]:
    """Every measure of networks that each saw as many rows of exclusive classes; `along`: those that have curves.

    `log_p`: (networks, rows, K). `loss`, `y`: (networks, rows), the classes 0 .. K-1. Returns (networks,) each; the
    calibration error is that of the predicted class over 15 bins. Source: Guo et al. 2017, eq. 3.
    """
    with np.errstate(all="ignore"):
        p = np.exp(log_p)
        predicted, top = p.argmax(axis=-1), p.max(axis=-1)
        right = np.where(np.isnan(top), np.nan, predicted == y)
        values = {
            "loss": loss.mean(axis=1),
            "nll": -np.take_along_axis(log_p, y[..., None], axis=2).mean(axis=(1, 2)),
            "accuracy": right.mean(axis=1),
        }
        if along:
            return values
        return {
            **values,
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


def label_logits(head: Head, z: np.ndarray) -> np.ndarray:
    """The logit of each of L labels and, last, the one above which a label is given: z (..., L) to (..., L + 1).

    A label's logit is log p - log(1 - p), from which both logs follow without loss. For a softmax it is z_k less the
    logsumexp of the others. Sigmoids give a label above p = 1/2. A softmax shares one unit among the labels, so it
    gives those above half of the largest p: with m right answers each deserves 1/m.
    """
    z = z.astype(np.float64)
    if head.activation == "sigmoid":
        return np.concatenate([z, np.zeros((*z.shape[:-1], 1))], axis=-1)
    with np.errstate(all="ignore"):
        logits = z - _of_the_others(z)
        top = logits.max(axis=-1, keepdims=True)
        # log(p / 2) - log(1 - p / 2) with p = expit(top)
        half = -np.logaddexp(0.0, -top) - np.log1p(expit(-top))
    return np.concatenate([logits, half], axis=-1)


def _of_the_others(z: np.ndarray) -> np.ndarray:
    """Logsumexp of all entries of the last axis but each one itself.

    Nothing large cancels: for all but the largest entry the sum holds the largest one; its own is summed without it.
    """
    index = z.argmax(axis=-1, keepdims=True)
    top, rest = np.take_along_axis(z, index, axis=-1), z.copy()
    np.put_along_axis(rest, index, -np.inf, axis=-1)
    shares = np.exp(rest - top)
    others = top + np.log1p(shares.sum(axis=-1, keepdims=True) - shares)
    np.put_along_axis(others, index, logsumexp(rest, axis=-1, keepdims=True), axis=-1)
    return others


def measure_labels(read: np.ndarray, loss: np.ndarray, y: np.ndarray, along: bool = False) -> dict[str, np.ndarray]:
    """Every measure of networks that each saw as many rows of several labels; `along`: those that have curves.

    `read`: (networks, rows, L + 1), see `label_logits`. `loss`: (networks, rows).
    `y`: (networks, rows, L) of 0 and 1.
    Returns (networks,) each; `nll` is the mean over labels of -log of the probability given to what is true. F1 is 0
    where no label is true and none given, as in scikit-learn.
    """
    with np.errstate(all="ignore"):
        logits, true = read[..., :-1], y == 1
        predicted = logits > read[..., -1:]
        values = {
            "nll": np.logaddexp(0.0, np.where(true, -logits, logits)).mean(axis=(1, 2)),
            "accuracy": (predicted == true).mean(axis=(1, 2)),
        }
        if not along:
            hit, sizes = (predicted & true).sum(axis=1), predicted.sum(axis=1) + true.sum(axis=1)
            values |= {
                "micro_f1": _f1(hit.sum(axis=1), sizes.sum(axis=1)),
                "macro_f1": _f1(hit, sizes).mean(axis=1),
                "subset_accuracy": (predicted == true).all(axis=2).mean(axis=1),
            }
        lost = np.isnan(logits).any(axis=(1, 2))
        return {"loss": loss.mean(axis=1)} | {name: np.where(lost, np.nan, value) for name, value in values.items()}


def _f1(hit: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Twice the labels both given and true over those given and those true, counted apart."""
    return 2 * hit / np.maximum(sizes, 1)
