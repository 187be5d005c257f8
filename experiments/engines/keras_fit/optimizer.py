"""Keras's optimizers, for arms that scale the rate or the decay of their head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from experiments.problem.problem import Problem
from experiments.problem.replicas import Replica
from experiments.records import Head


def is_scaled(head: Head) -> bool:
    """Whether the arm has a rate or a decay of its own."""
    return head.rate_scale != 1.0 or head.decay_scale != 1.0


def scaled(problem: Problem, replica: Replica, last: keras.layers.Dense) -> keras.optimizers.Optimizer:
    """The optimizer of one network; a plain one unless the arm scales its head's rate or decay."""
    optimizer = problem.optimizer.make(replica.learning_rate)
    head = replica.head
    if not is_scaled(head):
        return optimizer
    mine = {id(variable) for variable in last.trainable_variables}

    class Scaled(type(optimizer)):  # type: ignore[misc]
        """Keras's rule, with the head's own rate and decay, which are variables as the learning rate is one."""

        def build(self, variables: Sequence[Any]) -> None:
            super().build(variables)
            self.head_rate = self._scale("head_rate", head.rate_scale)
            self.head_decay = self._scale("head_decay", head.decay_scale)

        def _scale(self, name: str, value: float) -> Any:
            initially = keras.initializers.Constant(value)
            return self.add_variable(shape=(), initializer=initially, dtype=problem.setup.dtype, name=name)

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            known = self._trainable_variables[self._get_variable_index(variable)]
            rate = learning_rate * self.head_rate if id(known) in mine else learning_rate
            super().update_step(gradient, variable, rate)

        def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
            if self.weight_decay is None:
                return
            for variable in variables:
                rate = tf.cast(self.learning_rate, variable.dtype)
                if id(variable) in mine:
                    rate = rate * self.head_rate * self.head_decay
                variable.assign(variable - variable * tf.cast(self.weight_decay, variable.dtype) * rate)

    return Scaled.from_config(optimizer.get_config())
