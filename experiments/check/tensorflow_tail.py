"""The tail of a Keras model on TensorFlow: cut out of the very graph that `fit` traces."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from experiments.check.record import Step
from experiments.check.split import Node, entered, split


class GraphTail:
    """A `Tail` whose calls run a part of one graph, from the logits to prediction, loss and gradient.

    `compiled`: by XLA, as `fit` does it with jit_compile=True.
    """

    def __init__(
        self,
        forward: Callable[[list[Any], bool], Any],
        objective: Callable[[Any, Any], Any],
        rows: list[np.ndarray],
        labels: np.ndarray,
        *,
        compiled: bool = False,
    ) -> None:
        import tensorflow as tf

        kept: dict[str, Any] = {}

        def program(*tensors: Any) -> Any:
            *inputs, truth = tensors
            kept["trained"] = forward(list(inputs), True)
            with tf.name_scope("compile_loss"):  # as in `fit`: a name such as _own cannot stand at the root
                kept["loss"] = objective(truth, kept["trained"])
            kept["prediction"] = forward(list(inputs), False)
            return kept["loss"]

        given = [tf.constant(one) for one in (*rows, labels)]
        specs = [tf.TensorSpec(one.shape, one.dtype) for one in given]
        wrapped = tf.compat.v1.wrap_function(program, specs)
        graph = wrapped.graph
        nodes, weights = _nodes(graph)
        fed = {tensor.name for tensor in wrapped.inputs[: len(rows)]}
        truth = wrapped.inputs[len(rows)]
        cuts = [split(nodes, set(fed), weights, kept[name].name) for name in ("trained", "prediction")]
        named = graph.get_tensor_by_name

        @cache
        def values(place: Any) -> np.ndarray:
            """Of a tensor, for the program's own rows: the whole model runs for it."""
            (value,) = wrapped.prune(list(wrapped.inputs[: len(rows)]), [named(place)])(*given[:-1])
            return as_array(value)

        def shape(place: Any) -> tuple[int, ...]:
            known = named(place).shape
            return tuple(known) if known.is_fully_defined() else values(place).shape

        ends = [entered(met, narrow, values, shape) for met, narrow in cuts]
        at, other = ([named(one) for one in entries] for entries, _ in ends)
        self.whole = ends[1][1]
        self._logits = lambda: np.stack([values(one) for one in ends[1][0]])
        with graph.as_default():
            parts = [part for part in tf.gradients(kept["loss"], at) if part is not None]
            gradient = tf.add_n(list(map(tf.convert_to_tensor, parts))) if parts else tf.zeros_like(at[0])
        self.shape = tuple(size or 1 for size in at[0].shape[1:])
        self.dtype, self.rows = at[0].dtype.name, len(labels)
        self._counts = len(at), len(other)
        # loops of the trunk stay in a part that is cut out, and XLA, which compiles all of it, wants their rows; so
        # does a loss that is masked. That all rows may have one mask, all are the one with the most entries.
        fullest = int(np.argmax(sum((one.reshape(len(one), -1) != 0).sum(axis=1) for one in rows)))
        self._fed = [tf.repeat(one[fullest : fullest + 1], len(one), axis=0) for one in given[:-1]]
        rest = list(wrapped.inputs[: len(self._fed)])
        # a pruned function that is called as it is writes out all that it is given, for a message that nobody sees
        self._step, self._predict = (
            tf.function(part, jit_compile=True if compiled else None, autograph=False)
            for part in (
                wrapped.prune([*at, truth, *rest], [kept["trained"], kept["loss"], gradient]),
                wrapped.prune([*other, *rest], [kept["prediction"]]),
            )
        )
        self._objective, self._labels = objective, labels.dtype
        # a graph keeps its resources only as long as the function that made it
        self._alive = wrapped

    @property
    def logits(self) -> np.ndarray:
        """Of the program's own rows."""
        return self._logits()

    def __call__(self, logits: np.ndarray, labels: np.ndarray) -> Step:
        import tensorflow as tf

        z = tf.cast(tf.constant(logits), self.dtype)
        trained, loss, gradient = self._step(
            *[z] * self._counts[0], tf.constant(labels.astype(self._labels)), *self._fed
        )
        (prediction,) = self._predict(*[z] * self._counts[1], *self._fed)
        return Step(
            prediction=as_array(prediction), trained=as_array(trained), loss=float(as_array(loss).mean()),
            gradient=as_array(gradient),
        )  # fmt: skip

    def score(self, labels: np.ndarray, prediction: np.ndarray) -> float:
        return scored(self._objective, labels.astype(self._labels), prediction)


def scored(objective: Callable[[Any, Any], Any], labels: np.ndarray, prediction: np.ndarray) -> float:
    """The mean of what a Keras loss gives for a prediction that is an array."""
    import tensorflow as tf

    return float(as_array(objective(tf.constant(labels), tf.constant(prediction, tf.float32))).mean())


def as_array(tensor: Any) -> np.ndarray:
    """A tensor of any precision in float64."""
    return np.asarray(tensor).astype(np.float64)


def _nodes(graph: Any) -> tuple[list[Node], set[Any]]:
    """The operations of a graph, and the variables in it."""
    nodes, weights = [], set()
    for operation in graph.get_operations():
        if operation.type == "Placeholder" and operation.outputs[0].dtype.name == "resource":
            weights.add(operation.outputs[0].name)
        nodes.append(
            Node(
                inputs=tuple(tensor.name for tensor in operation.inputs),
                outputs=tuple(tensor.name for tensor in operation.outputs),
                random="Random" in operation.type,
            )
        )
    return nodes, weights


