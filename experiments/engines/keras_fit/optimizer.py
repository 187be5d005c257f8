"""Keras's optimizers, for arms that scale the rate or the decay of their head."""

from __future__ import annotations

import keras

from experiments import keras_internals
from experiments.problem import Problem, Replica
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
    return keras_internals.scaled_optimizer(
        optimizer, last.trainable_variables, rate=head.rate_scale, decay=head.decay_scale, dtype=problem.setup.dtype
    )
