"""How many networks advance at once: as many as the cache and the stated memory hold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import numpy as np

from experiments.engines import memory
from experiments.engines.keras_draws import weights_of
from experiments.engines.keras_jax.engine import EVALUATED_ROWS
from experiments.engines.keras_jax.network import Networks
from experiments.engines.keras_trunk import keras_trunk
from experiments.problem import Problem

# Past about this much, more networks at once cost more time each: `make bench` prints the curve.
WORKING_SET = 128 * 2**20
PRIME = 97  # a batch that tells the results for the batch, whose sizes it divides, from the weights


def row_elements(problem: Problem) -> int:
    """Numbers that one row of one network leaves in memory: all results on the way to its features."""
    trunk, dtype = keras_trunk(problem).model, problem.setup.dtype
    networks = Networks(trunk, problem.heads[:1], 0.0, dtype)
    row = problem.data.x.shape[1:]
    # under vmap, as it is trained: a convolution is another program there
    one = [
        [jax.ShapeDtypeStruct((1, *v.shape), v.dtype) for v in variables]
        for variables in (trunk.trainable_variables, trunk.non_trainable_variables)
    ]
    traced = jax.make_jaxpr(jax.vmap(partial(networks.trunk_of_one, training=True)))(
        *one, jax.ShapeDtypeStruct((1, PRIME, *row), dtype)
    )
    sizes = [times * size for times, size in _results(traced.jaxpr, np.dtype(dtype)) if size % PRIME == 0]
    return math.prod(row) + sum(sizes) // PRIME


def _results(jaxpr: Any, dtype: np.dtype) -> Iterator[tuple[int, int]]:
    """The results in `dtype` of a traced function and of those that it calls: how often each is, and its size."""
    for equation in jaxpr.eqns:
        within = [value for given in equation.params.values() for value in jax.tree.leaves(given, is_leaf=_is_traced)]
        inner = [getattr(value, "jaxpr", value) for value in within if _is_traced(value)]
        for called in inner:
            for times, size in _results(called, dtype):
                yield times * equation.params.get("length", 1), size
        if not inner:
            for result in equation.outvars:
                if getattr(result.aval, "dtype", None) == dtype:
                    yield 1, math.prod(result.aval.shape)


def _is_traced(value: Any) -> bool:
    return hasattr(value, "eqns") or hasattr(getattr(value, "jaxpr", None), "eqns")


def network_bytes(problem: Problem) -> tuple[int, int]:
    """Bytes that one network takes in a training step, and in an evaluation."""
    weights = sum(math.prod(variable.shape) for variable in weights_of(keras_trunk(problem).model))
    elements = row_elements(problem)
    return memory.network_bytes(problem, weights=weights, elements=elements, evaluated=EVALUATED_ROWS)


def at_once(problem: Problem) -> int:
    """Networks that advance together. Raises `UserError` when the memory that is allowed does not hold one."""
    training, evaluation = network_bytes(problem)
    return memory.at_once(problem, training=training, evaluation=evaluation, working_set=WORKING_SET)
