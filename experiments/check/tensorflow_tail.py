"""The tail of a Keras model on TensorFlow: cut out of the very graph that `fit` traces."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from experiments.check.record import Step
from experiments.check.split import Node, entry_points, split

_SHAPES = ("Shape", "ShapeN", "Size", "Rank")


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

        outputs: dict[str, Any] = {}

        def program(*tensors: Any) -> Any:
            *inputs, truth = tensors
            outputs["trained"] = forward(list(inputs), True)
            with tf.name_scope("compile_loss"):  # as in `fit`: a name such as _own cannot stand at the root
                outputs["loss"] = objective(truth, outputs["trained"])
            outputs["prediction"] = forward(list(inputs), False)
            return outputs["loss"]

        feeds = [tf.constant(array) for array in (*rows, labels)]
        specs = [tf.TensorSpec(array.shape, array.dtype) for array in feeds]
        wrapped = tf.compat.v1.wrap_function(program, specs)
        graph = wrapped.graph
        nodes, weights = _nodes(graph)
        row_names = {tensor.name for tensor in wrapped.inputs[: len(rows)]}
        truth = wrapped.inputs[len(rows)]
        cuts = [split(nodes, set(row_names), weights, outputs[name].name) for name in ("trained", "prediction")]
        tensor_named = graph.get_tensor_by_name

        @cache
        def values(tensor_name: Any) -> np.ndarray:
            """Of a tensor, for the program's own rows: the whole model runs for it."""
            (value,) = wrapped.prune(list(wrapped.inputs[: len(rows)]), [tensor_named(tensor_name)])(*feeds[:-1])
            return as_array(value)

        def shape(tensor_name: Any) -> tuple[int, ...]:
            static_shape = tensor_named(tensor_name).shape
            return tuple(static_shape) if static_shape.is_fully_defined() else values(tensor_name).shape

        entries = [entry_points(last_weighted, dominators, values, shape) for last_weighted, dominators in cuts]
        trained_entries, predicted_entries = ([tensor_named(name) for name in names] for names, _ in entries)
        self.logits_suffice = entries[1][1]
        self._logits = lambda: np.stack([values(name) for name in entries[1][0]])
        with graph.as_default():
            parts = [part for part in tf.gradients(outputs["loss"], trained_entries) if part is not None]
            gradient = tf.add_n(list(map(tf.convert_to_tensor, parts))) if parts else tf.zeros_like(trained_entries[0])
        self.shape = tuple(size or 1 for size in trained_entries[0].shape[1:])
        self.dtype, self.rows = trained_entries[0].dtype.name, len(labels)
        self._counts = len(trained_entries), len(predicted_entries)
        # loops of the trunk stay in a part that is cut out, and XLA, which compiles all of it, wants their rows; so
        # does a loss that is masked. That all rows may have one mask, all are the one with the most entries.
        fullest = int(np.argmax(sum((array.reshape(len(array), -1) != 0).sum(axis=1) for array in rows)))
        self._row_feeds = [tf.repeat(array[fullest : fullest + 1], len(array), axis=0) for array in feeds[:-1]]
        row_placeholders = list(wrapped.inputs[: len(self._row_feeds)])
        # a pruned function that is called as it is writes out all that it is given, for a message that nobody sees
        self._step, self._predict = (
            tf.function(part, jit_compile=True if compiled else None, autograph=False)
            for part in (
                wrapped.prune(
                    [*trained_entries, truth, *row_placeholders], [outputs["trained"], outputs["loss"], gradient]
                ),
                wrapped.prune([*predicted_entries, *row_placeholders], [outputs["prediction"]]),
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
            *[z] * self._counts[0], tf.constant(labels.astype(self._labels)), *self._row_feeds
        )
        (prediction,) = self._predict(*[z] * self._counts[1], *self._row_feeds)
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
    """The operations of a graph but for its inputs, and the variables in it."""
    nodes, weights = [], set()
    for operation in graph.get_operations():
        if operation.type == "Placeholder":
            if operation.outputs[0].dtype.name == "resource":
                weights.add(operation.outputs[0].name)
            continue
        nodes.append(
            Node(
                # a shape does not depend on what the rows say
                inputs=() if operation.type in _SHAPES else tuple(tensor.name for tensor in operation.inputs),
                outputs=tuple(tensor.name for tensor in operation.outputs),
                random="Random" in operation.type,
            )
        )
    return nodes, weights


