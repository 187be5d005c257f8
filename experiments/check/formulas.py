"""The formulas of losses, a loss a row, in NumPy and float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import log_expit, log_softmax

CLIP = 1e-7

# of logits or probabilities (n, K) and labels (n, K) a loss a row
LossFunction = Callable[[np.ndarray, np.ndarray], np.ndarray]


def binary_of_logits(z: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """Binary cross-entropy of logits, the mean over the units."""
    return -(hot * log_expit(z) + (1 - hot) * log_expit(-z)).mean(axis=1)


def categorical_of_logits(z: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """Categorical cross-entropy of logits."""
    return -(hot * log_softmax(z, axis=1)).sum(axis=1)


def binary_of_probabilities(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """Binary cross-entropy of probabilities, clipped as Keras does, the mean over the units."""
    p = np.clip(p, CLIP, 1 - CLIP)
    return -(hot * np.log(p) + (1 - hot) * np.log(1 - p)).mean(axis=1)


def binary_of_clipped_logarithms(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """As PyTorch has it: no logarithm is below -100."""
    with np.errstate(divide="ignore"):
        yes, no = (np.maximum(np.log(np.clip(chances, 0, 1)), -100.0) for chances in (p, 1 - p))
    return -(hot * yes + (1 - hot) * no).mean(axis=1)


def shares(p: np.ndarray) -> np.ndarray:
    """Made to sum to 1; 0 where nothing does."""
    total = p.sum(axis=1, keepdims=True)
    return np.divide(p, total, out=np.zeros_like(p), where=total != 0)


def categorical_of_probabilities(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """Categorical cross-entropy of what is made to sum to 1 first."""
    return categorical_unnormalised(shares(p), hot)


def categorical_unnormalised(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """As people write it: whatever the others are, the chance of the one class counts."""
    return -(hot * np.log(np.clip(p, CLIP, 1 - CLIP))).sum(axis=1)


def categorical_of_clipped(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """As Keras does it for integer labels: clipped first, then made to sum to 1."""
    p = np.clip(p, CLIP, 1 - CLIP)
    return -(hot * np.log(p / p.sum(axis=1, keepdims=True))).sum(axis=1)


def focal(gamma: float, *, by_class: bool) -> LossFunction:
    """The focal loss of probabilities (Lin et al. 2017), over units or over classes."""

    def loss(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
        p = np.clip(p, CLIP, 1 - CLIP)
        if by_class:
            return -(hot * (1 - p) ** gamma * np.log(p)).sum(axis=1)
        right = np.where(hot == 1, p, 1 - p)
        return -((1 - right) ** gamma * np.log(right)).mean(axis=1)

    return loss


def focal_of_clipped(gamma: float) -> LossFunction:
    """As Keras computes it of units that are no probabilities: clipped in the logarithm, not in the weight."""

    def loss(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
        right, chance = (np.where(hot == 1, chances, 1 - chances) for chances in (p, np.clip(p, CLIP, 1 - CLIP)))
        return -((1 - right) ** gamma * np.log(chance)).mean(axis=1)

    return loss


def square(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """The mean of squares over the units."""
    return ((p - hot) ** 2).mean(axis=1)


def absolute(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """The mean of absolute differences over the units."""
    return np.abs(p - hot).mean(axis=1)


def huber(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """The Huber loss with a threshold of 1, the mean over the units."""
    gap = np.abs(p - hot)
    return np.where(gap <= 1, gap**2 / 2, gap - 0.5).mean(axis=1)


def hinge(power: int) -> LossFunction:
    """The hinge loss of labels made -1 and 1, to this power."""
    return lambda p, hot: (np.maximum(0, 1 - (2 * hot - 1) * p) ** power).mean(axis=1)


def logcosh(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """The logarithm of the hyperbolic cosine of the difference, the mean over the units."""
    return (np.logaddexp(p - hot, hot - p) - np.log(2)).mean(axis=1)


def poisson(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """The Poisson loss of rates."""
    return (p - hot * np.log(np.maximum(p, CLIP))).mean(axis=1)


def poisson_of_logarithms(z: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """The Poisson loss of logarithms of rates."""
    return (np.exp(z) - hot * z).mean(axis=1)


def margin(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """As Keras has it: the highest of the other classes counts."""
    return np.maximum(0, 1 + np.where(hot == 1, -np.inf, p).max(axis=1) - (p * hot).sum(axis=1))


def margins(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """As PyTorch has it: all other classes count."""
    gaps = np.maximum(0, 1 + p - (p * hot).sum(axis=1, keepdims=True))
    return (gaps * (1 - hot)).sum(axis=1)


def binary_of_labels(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """Binary cross-entropy with its arguments exchanged: labels taken for probabilities."""
    return binary_of_probabilities(hot, p)


def binary_of_label_logits(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """Binary cross-entropy with its arguments exchanged: labels taken for logits."""
    return binary_of_logits(hot, p)


def categorical_of_labels(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """Categorical cross-entropy with its arguments exchanged: labels taken for probabilities."""
    return categorical_unnormalised(hot, p)


def categorical_of_label_logits(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """Categorical cross-entropy with its arguments exchanged: labels taken for logits."""
    return categorical_of_logits(hot, p)


def likelihood(p: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """The negated prediction at the label."""
    return -(p * hot).sum(axis=1)
