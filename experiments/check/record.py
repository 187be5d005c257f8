"""The neutral record of a program: its tail as a black box, its labels, its metrics. No framework is known here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from experiments.check.source import Line

ROWS = 8  # that a model is applied to


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one call of a tail returned.

    `prediction`: (rows, ...), as `predict` gives it; `trained`: the same in training; `loss`: of all rows, as `fit`
    minimises it; `gradient`: of that loss, (rows, ...) like the logits.
    """

    prediction: np.ndarray
    trained: np.ndarray
    loss: float
    gradient: np.ndarray


class Tail(Protocol):
    """What follows the last operation with weights: logits and labels in, prediction, loss and gradient out.

    `shape`: of the logits of one row; `dtype`: in which they are computed; `logits`: of the program's own rows;
    `logits_suffice`: whether the prediction depends on the rows through these logits alone; `rows`: how many a
    call takes.
    """

    rows: int
    shape: tuple[int, ...]
    dtype: str
    logits_suffice: bool

    @property
    def logits(self) -> np.ndarray:
        """(entry points, rows, *shape), where the sweep enters."""
        ...

    def __call__(self, logits: np.ndarray, labels: np.ndarray) -> Step:
        """One step on (rows, *shape) logits and as many labels. Raises what the program raises."""
        ...

    def score(self, labels: np.ndarray, prediction: np.ndarray) -> float:
        """The loss of a prediction that is an array: what `loss(y, model.predict(x))` gives."""
        ...


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric: its name in the log, its class, its threshold if it has one, and its value on a whole data set."""

    name: str
    kind: str
    threshold: float | None
    value: Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True, kw_only=True)
class Output:
    """One output of a program, read from Keras or PyTorch.

    `execution`: how a step is run: "eager", "graph" or "xla". `shape`: of the prediction of one row. `tail` is None
    where it could not be measured; `unmeasured` says why.
    `labels`: (n, ...) or None; `complete`: whether they are all that the program trains on. `weights`: (n,) or None.
    `raised`: what the program itself raises on its own first rows, or "". `layer`: the class of the last layer with
    weights. `after`: the class of a layer behind the activation behind which the loss finds no logits any more, or "".
    `refused`: what the loss raises on predictions beyond 0 and 1, which the tail clips, or "". `loss_weight`: of this
    output's loss in the sum that is minimised; `trained`: whether any output has one that is not 0.
    """

    name: str
    framework: str
    execution: str
    loss: str
    layer: str
    shape: tuple[int, ...]
    tail: Tail | None
    unmeasured: str
    labels: np.ndarray | None
    complete: bool
    weights: np.ndarray | None
    class_weight: dict[Any, float] | None
    metrics: tuple[Metric, ...]
    raised: str
    after: str
    refused: str = ""
    loss_weight: float = 1.0
    trained: bool = True

    @property
    def units(self) -> int:
        """How many numbers the prediction has for one label."""
        return self.shape[-1] if self.shape else 1


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing to know about one output.

    `name`, `level`, `cause`, `remedy`, `cost`: of the registry; `seen`: what was measured, in numbers, a sentence each;
    `changes`: lines of the user's file and what to write there.
    """

    name: str
    level: str
    output: str
    seen: tuple[str, ...]
    cause: str
    remedy: str
    cost: str
    changes: tuple[tuple[Line | None, str], ...]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The answer: what was checked, what was found, and the file that the lines are of.

    `measured`: whether loss and gradient of every output were measured; without that nothing is called sound.
    """

    file: str
    described: tuple[str, ...]
    findings: tuple[Finding, ...]
    measured: bool

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that are problems."""
        return tuple(finding for finding in self.findings if finding.level == "problem")

    @property
    def notes(self) -> tuple[Finding, ...]:
        """The findings that are notes."""
        return tuple(finding for finding in self.findings if finding.level == "note")
