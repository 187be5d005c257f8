"""The stacked engine: every weight has a leading axis of replicas, and all of them take their step at once."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.engines.keras_trunk import keras_trunk
from experiments.engines.stacked.budget import at_once
from experiments.engines.stacked.context import Context
from experiments.engines.stacked.engine import StackedEngine
from experiments.engines.stacked.forward import evaluate
from experiments.engines.stacked.limits import unsupported
from experiments.problem import Problem
from experiments.records import Head

__all__ = ["Context", "Stacked", "StackedEngine", "at_once", "evaluate", "unsupported"]


class Stacked:
    """Makes stacked engines, on TensorFlow."""

    def unsupported(self, problem: Problem) -> list[str]:
        """The layers, and settings of layers, that no rule covers."""
        return unsupported(keras_trunk(problem).model)

    def at_once(self, problem: Problem) -> int:
        """As many networks as the cache and the memory hold."""
        return at_once(problem)

    def engine(self, problem: Problem, heads: Sequence[Head]) -> StackedEngine:
        """An engine, whose step is compiled when it takes its first."""
        return StackedEngine(problem, heads)
