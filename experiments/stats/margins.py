"""What is compared, and how large a difference must be to matter: registered here, before any result.

docs/protocol.md says why each margin is what it is. Nothing else in the project holds a margin of a quantity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.registry import Registry

ALPHA = 0.05
POWER = 0.80
# splits are 60 % train, 20 % validation, 20 % test: the ratio in the correction for overlapping splits
TEST_TO_TRAIN = 1 / 3


def allowance(shared: np.ndarray | float) -> np.ndarray:
    """What is added to 1/n in the variance of a mean over seeds that have a `shared` part of their rows in common.

    Nadeau and Bengio (2003) take differences of two seeds that split one table to correlate by test/(train + test),
    here 1/4. The covariance of two statistics of samples that share a part c of their rows is at most c times their
    variance (Hoeffding 1948: each term of the decomposition of order k carries c to the power k), so the correlation is
    taken as c times that of one table: 0 for rows of its own each, and their 1/3 where all rows are shared.
    """
    correlation = np.asarray(shared, dtype=float) * TEST_TO_TRAIN / (1 + TEST_TO_TRAIN)
    return correlation / (1 - correlation)


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A recorded number that two arms are compared in.

    `margin`: the smallest difference that matters, in the quantity's own unit; with `relative`, as a share of
    the baseline's mean in the same cell. `better`: +1 if more is better, -1 if less is, 0 if neither.
    `of_function`: whether two heads that are the same function have the same value. The norm of the head's own
    gradient is not: softmax's two rows carry the gradient of sigmoid's one twice, so its norm is sqrt(2) larger. Nor
    is the share of dead rows, which counts exact zeros: where a logit is large and right, sigmoid's gradient rounds
    to 0, while one of softmax's two units keeps its exp(-z). `stepped`: whether it counts rows, so that the difference
    of two networks may be exactly 0 in every seed and still be another one in the next. `step`: the least that a
    difference can be which is not 0, where that is known: one network either diverged or did not.
    """

    name: str
    split: str
    unit: str
    margin: float
    better: int
    relative: bool = False
    primary: bool = False
    of_function: bool = True
    stepped: bool = False
    step: float = 0.0

    def __post_init__(self) -> None:
        if not self.margin > 0:
            raise ValueError(f"The margin of {self.name!r} is {self.margin!r}. It must be above 0.")


QUANTITIES: Registry[Quantity] = Registry("quantity")


def _quantity(name: str, split: str, unit: str, margin: float, better: int, **rest: Any) -> None:
    QUANTITIES.add(Quantity(name=name, split=split, unit=unit, margin=margin, better=better, **rest))


_quantity("nll_curve", "test", "nats", 0.02, -1, primary=True)
_quantity("nll", "test", "nats", 0.02, -1, primary=True)
_quantity("accuracy", "test", "share", 0.01, +1, primary=True, stepped=True)
_quantity("grad_norm_trunk", "train", "1", 0.10, 0, relative=True, primary=True)
_quantity("grad_norm_effective_head", "train", "1", 0.10, 0, relative=True, primary=True)

_quantity("auc", "test", "share", 0.005, +1)
_quantity("brier", "test", "1", 0.01, -1)
_quantity("ece", "test", "share", 0.01, -1)
_quantity("top_probability", "test", "share", 0.01, 0)
_quantity("abs_logit", "test", "1", 0.10, 0, relative=True)
_quantity("grad_norm_head", "train", "1", 0.10, 0, relative=True, of_function=False)
_quantity("grad_norm_total", "train", "1", 0.10, 0, relative=True, of_function=False)
_quantity("dead_share", "train", "share", 0.01, -1, of_function=False, stepped=True)
_quantity("diverged", "train", "share", 0.05, -1, stepped=True, step=1.0)
_quantity("micro_f1", "test", "share", 0.01, +1, stepped=True)
_quantity("macro_f1", "test", "share", 0.01, +1, stepped=True)
_quantity("subset_accuracy", "test", "share", 0.01, +1, stepped=True)
