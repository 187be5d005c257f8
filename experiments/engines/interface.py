"""What every engine does: the one interface that the driver, the benchmarks and the tests know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from experiments.problem import KERAS_START, Chunk, Problem, Start, Trunk, TrunkOf
from experiments.records import Head


@dataclass(frozen=True, kw_only=True)
class Progressed:
    """What some steps showed, for each replica.

    `objective`: (replicas,) the mean over the steps of what was minimised, penalties included.
    Of the last step: `norms`, by name (replicas,), Euclidean norms of the gradient that was applied: those that
    `problem.NORMS` names, "effective_head" with respect to w or to w1 - w0 at fixed w0 + w1, and those of the
    trunk's layers, called layer:NUMBER_CLASS from 1; and `dead`, (replicas,), the share of the batch whose gradient at
    the logits is exactly 0.
    """

    objective: np.ndarray
    norms: Mapping[str, np.ndarray]
    dead: np.ndarray


class Engine(Protocol):
    """Networks that advance together, one head each; made once, it trains one chunk with these heads after another."""

    @property
    def name(self) -> str:
        """What the tables call it."""

    def start(self, chunk: Chunk) -> None:
        """Set the first weights of trunks and heads, and an optimizer that has taken no step."""

    def advance(self, first: int, last: int) -> Progressed:
        """Take the steps first .. last-1, each on the batch that the chunk's order names."""

    def evaluate(self, rows: np.ndarray) -> tuple[Sequence[np.ndarray], np.ndarray]:
        """The raw outputs and the losses of some rows, without training: nothing of it is left in what trains.

        `rows`: (streams, n) row numbers. Returns for each number of units, fewest first, the outputs before the
        activation, (replicas with as many units, n, units); and each row's loss times its weight, with the penalties of
        its network, (replicas, n) in float64.
        """

    def weights(self) -> list[tuple[np.ndarray, ...]]:
        """Of each replica, what it has now: the trunk's weights, then its head's kernel and bias."""


class Factory(Protocol):
    """Makes one kind of engine, and keeps what several of them share, such as compiled models."""

    def unsupported(self, problem: Problem) -> list[str]:
        """What in the problem's trunk this kind of engine cannot do, each a few words; empty if it can train it."""

    def at_once(self, problem: Problem) -> int:
        """How many networks advance together: as many as the memory holds and speed asks for.

        Raises `UserError` when the memory that is allowed does not hold one.
        """

    def engine(self, problem: Problem, heads: Sequence[Head]) -> Engine:
        """An engine for networks with these heads, those of one computation side by side, fewest units first."""


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """How a framework trains: what its module offers as `TRAINER`.

    `precision(dtype)`: a context within which the framework computes in "float32" or "float64". `trunk_of`: builds a
    trunk; within `precision`. `factory(problem)`: what makes the engines of a problem. `start`: the laws of the heads'
    first weights in this framework. `adopt(trunk, weights)`: a trunk's weights in Keras's order and layout as this
    framework's.
    """

    precision: Callable[[str], AbstractContextManager[None]]
    trunk_of: TrunkOf
    factory: Callable[[Problem], Factory]
    start: Start = KERAS_START
    adopt: Callable[[Trunk, Sequence[np.ndarray]], tuple[np.ndarray, ...]] = lambda trunk, weights: tuple(weights)
