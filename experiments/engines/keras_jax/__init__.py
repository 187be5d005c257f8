"""Keras's own layers, losses and optimizers on its JAX backend: `jax.vmap` over the networks, one compiled loop.

Keras chooses its backend when it is imported: set KERAS_BACKEND=jax before.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from experiments.engines.interface import Trainer
from experiments.engines.keras_jax.budget import at_once
from experiments.engines.keras_jax.engine import JaxEngine
from experiments.engines.keras_trunk import precision, trunk_of
from experiments.problem import Problem
from experiments.records import Head, require

__all__ = ["TRAINER", "JaxEngine", "KerasJax", "at_once"]


class KerasJax:
    """Makes engines on JAX, for any layer of Keras.

    Raises `UserError` where Keras computes with another backend.
    """

    def __init__(self) -> None:
        backend = keras.backend.backend()
        require(
            backend == "jax",
            f"Keras computes with {backend!r} in this process, and this engine needs 'jax'. Keras chooses when it is "
            "imported: start a process with KERAS_BACKEND=jax.",
        )

    def unsupported(self, problem: Problem) -> list[str]:
        """What an optimizer does to the trunk and the head together, which have one of their own each."""
        clip = problem.optimizer.make(1.0).global_clipnorm
        return [f"global_clipnorm={clip:g}"] if clip else []

    def at_once(self, problem: Problem) -> int:
        """As many networks as the cache and the memory hold."""
        return at_once(problem)

    def engine(self, problem: Problem, heads: Sequence[Head]) -> JaxEngine:
        """An engine, whose step is compiled when it takes its first."""
        return JaxEngine(problem, heads)


def factory(problem: Problem) -> KerasJax:
    """What makes the engines of a problem. Raises `UserError` if it has an optimizer that they lack."""
    engine_factory = KerasJax()
    missing = engine_factory.unsupported(problem)
    require(not missing, f"Replicas on JAX cannot train with {', '.join(missing)}.")
    return engine_factory


TRAINER = Trainer(precision=precision, trunk_of=trunk_of, factory=factory)
