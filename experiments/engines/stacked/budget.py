"""How many replicas advance at once: as many as the cache and the stated memory hold."""

from __future__ import annotations

import math

import tensorflow as tf

from experiments.engines import memory
from experiments.engines.keras_draws import weights_of
from experiments.engines.keras_trunk import keras_trunk
from experiments.engines.stacked.context import Context, random_layers
from experiments.engines.stacked.engine import EVALUATED_ROWS
from experiments.engines.stacked.forward import evaluate
from experiments.problem import Problem

# Past about this much, more replicas at once cost more time each: `make bench` prints the curve.
WORKING_SET = 128 * 2**20
PRIME = 97  # a batch that tells the results for the batch, whose sizes it divides, from the weights
ALIASES = {"Reshape", "Identity", "IdentityN", "Placeholder", "Squeeze", "ExpandDims"}


def row_elements(problem: Problem) -> int:
    """Numbers that one row of one network leaves in memory: all results in the graph of its evaluation."""
    trunk, dtype = keras_trunk(problem).model, tf.as_dtype(problem.setup.dtype)

    @tf.function(autograph=False)
    def once(x: tf.Tensor) -> tf.Tensor:
        values = {id(v): tf.zeros([1, *v.shape], dtype) for v in weights_of(trunk)}
        context = Context(
            values,
            replicas=1,
            training=True,
            random=random_layers(trunk),
            seeds=tf.zeros([1], tf.int32),
            step=tf.constant(0),
        )
        return evaluate(trunk, context, x)

    row = problem.data.x.shape[1:]
    graph = once.get_concrete_function(tf.TensorSpec([1, PRIME, *row], dtype)).graph
    shapes = [
        out.shape
        for op in graph.get_operations()
        for out in op.outputs
        if op.type not in ALIASES and out.dtype == dtype and out.shape.is_fully_defined()
    ]
    return math.prod(row) + sum(math.prod(s) // PRIME for s in shapes if math.prod(s) % PRIME == 0)


def replica_bytes(problem: Problem) -> tuple[int, int]:
    """Bytes that one network takes in a training step, and in an evaluation."""
    weights = sum(math.prod(variable.shape) for variable in weights_of(keras_trunk(problem).model))
    elements = row_elements(problem)
    return memory.network_bytes(problem, weights=weights, elements=elements, evaluated=EVALUATED_ROWS)


def at_once(problem: Problem) -> int:
    """Replicas that advance together. Raises `UserError` when the memory that is allowed does not hold one."""
    training, evaluation = replica_bytes(problem)
    return memory.at_once(problem, training=training, evaluation=evaluation, working_set=WORKING_SET)
