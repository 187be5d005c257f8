"""What a program computes, written out by its framework's own tracer: the operations, their attributes and constants.

Two programs with the same trace are the same arithmetic, op by op as well as compiled, whatever layers and
settings led to it. A trace is made anew in each process, so it follows the installed framework.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from experiments.numerics.axes import SWEEP
from experiments.numerics.programs import Program, Tensor, leaves

# of a program: equal for programs that compute the same
Trace = Callable[[Program], Hashable]


def _serialized(jaxpr: Any) -> tuple[str, ...]:
    """A closed jaxpr with the values of its constants."""
    constants = [np.asarray(value) for value in jaxpr.consts]
    return (str(jaxpr), *(f"{value.dtype} {value.shape} {value.tobytes().hex()}" for value in constants))


def jax_trace() -> Trace:
    """Traces of JAX: the jaxprs of a prediction and of a loss, each with its derivative."""
    import jax

    heads: dict[Hashable, tuple[Hashable, Any]] = {}
    losses: dict[Hashable, Hashable] = {}

    def head(program: Program) -> tuple[Hashable, Any]:
        def predict(x: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor]:
            prediction, to_x = jax.vjp(lambda x: program.predict(x, kernel), x)
            return prediction, to_x(prediction)

        read = leaves([program], [SWEEP] * (program.logits_index + 1)).values()
        inputs = [jax.ShapeDtypeStruct(x.shape, jax.dtypes.canonicalize_dtype(dtype)) for x, dtype in read]
        jaxpr, (prediction, _) = jax.make_jaxpr(predict, return_shape=True)(*inputs)
        return _serialized(jaxpr), prediction

    def loss(program: Program, prediction: Any) -> Hashable:
        def differentiate(prediction: Tensor) -> tuple[Tensor, Tensor]:
            loss, to_prediction = jax.vjp(program.loss, prediction)
            return loss, to_prediction(jax.numpy.ones_like(loss))

        return _serialized(jax.make_jaxpr(differentiate)(prediction))

    def trace(program: Program) -> Hashable:
        wide = str(jax.dtypes.canonicalize_dtype("float64"))  # JAX's switch of float64 changes every trace
        if (program.head, wide) not in heads:
            heads[program.head, wide] = head(program)
        predicted, prediction = heads[program.head, wide]
        key = (program.objective, str(prediction), wide)
        if key not in losses:
            losses[key] = loss(program, prediction)
        return (predicted, losses[key])

    return trace


def tensorflow_trace() -> Trace:
    """Traces of TensorFlow: the graph that leads to a prediction and its loss; what differentiates it follows from it.

    Each operation is known by its attributes and by what leads to it; a gradient of its own is an attribute.
    """
    import tensorflow as tf

    heads: dict[Hashable, tuple[Any, Tensor]] = {}
    numbers: dict[Hashable, int] = {}
    numbered: dict[Any, int] = {}  # the operations themselves are the keys, so that none is forgotten

    def number(operation: Any) -> int:
        """The number of an operation: the same for another that computes the same from the same."""
        if operation not in numbered:
            numbered[operation] = numbers.setdefault(describe(operation), len(numbers))
        return numbered[operation]

    def describe(operation: Any) -> Hashable:
        for outer, inner in operation.graph.captures:
            if inner.op is operation:
                value = outer.numpy()
                return (str(value.dtype), value.shape, value.tobytes())
        attributes = operation.node_def.attr.items()
        return (
            # a placeholder has the name of what it reads, any other name means nothing
            operation.name if operation.type == "Placeholder" else "",
            operation.type,
            tuple(sorted((name, value.SerializeToString(deterministic=True)) for name, value in attributes)),
            tuple(map(output_id, operation.inputs)),
            tuple(sorted(map(number, operation.control_inputs))),
        )

    def output_id(tensor: Tensor) -> tuple[int, int]:
        """Which operation it comes from, and which of its outputs it is."""
        return (number(tensor.op), tensor.value_index)

    def head(program: Program) -> tuple[Any, Tensor]:
        graph = tf.__internal__.FuncGraph("head")
        read = leaves([program], [SWEEP] * (program.logits_index + 1))
        with graph.as_default():
            x, kernel = (
                tf.compat.v1.placeholder(dtype, value.shape, name)
                for name, (value, dtype) in zip(("logits", "kernel"), read.values(), strict=True)
            )
            return graph, program.predict(x, kernel)

    def trace(program: Program) -> Hashable:
        if program.head not in heads:
            heads[program.head] = head(program)
        graph, prediction = heads[program.head]
        with graph.as_default():
            loss = program.loss(prediction)
        return (output_id(prediction), output_id(loss))

    return trace
