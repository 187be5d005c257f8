"""NumPy as people write it by hand, and scikit-learn's `log_loss`: both evaluate, neither differentiates.

NumPy's gradient is the formula that goes with the loss, p - y; scikit-learn has none, so it is nan.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.special import expit, softmax
from sklearn.metrics import log_loss

from experiments.numerics.axes import EXECUTIONS, LABELS, PLAIN, SWEEP, Path, one_hot, split
from experiments.numerics.sweeps import SweepResult, reason, suppress_warnings

LACKING_DTYPE = "does not exist: NumPy has no bfloat16 of its own"
LACKING_EXECUTION = "does not exist: it runs eagerly"

_NUMPY = (("sigmoid", 1, "log_by_hand"), ("softmax", 2, "log_by_hand"),
          ("linear", 1, "logaddexp_by_hand"), ("linear", 2, "logaddexp_by_hand"))
_SKLEARN = (("sigmoid", 1, "log_loss"), ("softmax", 2, "log_loss"))


def paths() -> list[Path]:
    """NumPy's two formulas for either head, and scikit-learn's."""
    return [
        Path(framework=framework, execution=execution, dtype=dtype,
             form="from_logits" if activation == "linear" else "activation_layer",
             activation=activation, units=units, loss=loss)
        for framework, heads in (("numpy", _NUMPY), ("scikit-learn", _SKLEARN))
        for dtype, execution, (activation, units, loss) in product(PLAIN, EXECUTIONS, heads)
    ]


def _logarithm(logits: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Loss terms (n, units) and probabilities, with the activation and the logarithm written out."""
    if logits.shape[1] == 1:
        p = 1 / (1 + np.exp(-logits))
        return -(y * np.log(p) + (1 - y) * np.log(1 - p)), p
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return -y * np.log(p), p


def _logaddexp(logits: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Loss terms (n, units) and probabilities, from the logits."""
    if logits.shape[1] == 1:
        return np.logaddexp(logits.dtype.type(0), logits) - y * logits, expit(logits)
    norm = np.logaddexp(logits[:, :1], logits[:, 1:])
    return y * (norm - logits), np.exp(logits - norm)


def _by_hand(path: Path, logits: np.ndarray, y: np.ndarray) -> SweepResult:
    terms, p = (_logaddexp if path.loss == "logaddexp_by_hand" else _logarithm)(logits, y)
    loss = terms.sum(axis=1).astype(np.float64)
    direction = split(np.ones(1), path.units)[0].astype(logits.dtype)
    return SweepResult(loss=loss, grad=((p - y) @ direction).astype(np.float64), loss_of_prediction=loss)


def _log_loss(logits: np.ndarray) -> SweepResult:
    p = expit(logits)[:, 0] if logits.shape[1] == 1 else softmax(logits, axis=1)
    rows = [log_loss([label], p[row : row + 1], labels=[0, 1]) for row, label in enumerate(LABELS.tolist())]
    losses = np.array(rows, dtype=np.float64)
    return SweepResult(loss=losses, grad=np.full(len(losses), np.nan), loss_of_prediction=losses)


def sweep(path: Path) -> SweepResult | str:
    """The path's numbers over the sweep, or why there are none."""
    if path.execution != "eager":
        return LACKING_EXECUTION
    if path.dtype == "bfloat16":
        return LACKING_DTYPE
    logits = split(SWEEP, path.units).astype(path.dtype)
    try:
        with suppress_warnings():
            if path.framework == "scikit-learn":
                return _log_loss(logits)
            return _by_hand(path, logits, one_hot(LABELS, path.units).astype(path.dtype))
    except Exception as error:  # what it refuses is a finding
        return reason(error)
