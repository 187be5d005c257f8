"""The tail of a Keras model that runs eagerly on TensorFlow: recorded once, and run again from the logits on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.check.record import Step
from experiments.check.split import Node, entry_points, split
from experiments.check.tensorflow_operations import Operation, operations
from experiments.check.tensorflow_tail import as_array, scored

_REFUSED = object()  # in the place of the result of an operation that raised: TensorFlow then takes the slow way


class EagerTail:
    """A `Tail` whose calls run the program itself: what comes before the logits returns what it returned when recorded.

    `forward(rows, training)` and `objective(labels, prediction)` are run operation by operation, as in `fit` of a
    model with run_eagerly=True. `weights` are the model's variables.
    """

    def __init__(
        self,
        forward: Callable[[list[Any], bool], Any],
        objective: Callable[[Any, Any], Any],
        rows: list[np.ndarray],
        labels: np.ndarray,
        weights: list[Any],
    ) -> None:
        import tensorflow as tf

        self._inputs = [tf.constant(array) for array in rows]
        self._forward, self._objective, self._labels = forward, objective, labels.dtype
        handles = {id(getattr(weight, "value", weight).handle) for weight in weights}
        self._results: dict[bool, list[Any]] = {}  # of the operations of a pass, in training or not
        self._logits: dict[bool, list[tuple[int, int]]] = {}  # which operation returned them, and as which output
        for training in (True, False):
            calls, prediction = self._recorded(training)
            nodes = [Node(inputs=tuple(map(id, inputs)), outputs=tuple(map(id, _tensors(result))))
                     for inputs, result in calls]  # fmt: skip
            last_weighted, dominators = split(nodes, map(id, self._inputs), handles, id(prediction))
            producers = {
                id(tensor): (call_index, output_index, tensor)
                for call_index, (_, result) in enumerate(calls)
                for output_index, tensor in enumerate(_tensors(result))
            }
            entry_ids, self.logits_suffice = entry_points(
                last_weighted, dominators, lambda key, of=producers: as_array(of[key][2])  # type: ignore[misc]
            )
            entries = [producers[key] for key in entry_ids]  # type: ignore[index]
            self._results[training] = [result for _, result in calls]
            self._logits[training] = [(call_index, output_index) for call_index, output_index, _ in entries]
            tensors = [tensor for _, _, tensor in entries]
        self.shape = tuple(tensors[0].shape[1:])
        self.dtype, self.rows = tensors[0].dtype.name, len(labels)
        self.logits = np.stack([as_array(tensor) for tensor in tensors])

    def _recorded(self, training: bool) -> tuple[list[tuple[list[Any], Any]], Any]:
        """What every operation of a pass took and returned, and the prediction. They stay alive, so ids are unique."""
        import tensorflow as tf

        calls: list[tuple[list[Any], Any]] = []

        def record(operation: Operation) -> Any:
            inputs = [argument for argument in tf.nest.flatten(operation.arguments) if tf.is_tensor(argument)]
            calls.append((inputs, _REFUSED))
            result = operation.run(operation.arguments)
            calls[-1] = (inputs, _copied(result))
            return result

        with operations(record):
            return calls, self._forward(self._inputs, training)

    def _replayed(self, z: Any, *, training: bool) -> Any:
        """The prediction from the logits `z` on."""
        results, logits = self._results[training], self._logits[training]
        last, call_index = max(logits_call for logits_call, _ in logits), -1

        def replay(operation: Operation) -> Any:
            nonlocal call_index
            call_index += 1
            if operation.name.startswith("Assign"):  # the variables stay as they are
                return None
            result = results[call_index] if call_index <= last else _REFUSED
            if result is _REFUSED:
                return operation.run(operation.arguments)
            result = _copied(result)
            for logits_call, output_index in logits:
                if logits_call == call_index:
                    result = _replaced(result, output_index, z)
            return result

        with operations(replay):
            return self._forward(self._inputs, training)

    def __call__(self, logits: np.ndarray, labels: np.ndarray) -> Step:
        import tensorflow as tf

        z = tf.cast(tf.constant(logits), self.dtype)
        with tf.GradientTape() as tape:
            tape.watch(z)
            trained = self._replayed(z, training=True)
            loss = self._objective(tf.constant(labels.astype(self._labels)), trained)
        gradient = tape.gradient(loss, z)
        return Step(
            prediction=as_array(self._replayed(z, training=False)), trained=as_array(trained),
            loss=float(as_array(loss).mean()), gradient=as_array(tf.zeros_like(z) if gradient is None else gradient),
        )  # fmt: skip

    def score(self, labels: np.ndarray, prediction: np.ndarray) -> float:
        return scored(self._objective, labels.astype(self._labels), prediction)


def _tensors(result: Any) -> list[Any]:
    """What an operation returned, as a list: a tensor, several, or nothing."""
    if isinstance(result, (list, tuple)):
        return list(result)
    return [] if result is None or result is _REFUSED else [result]


def _copied(result: Any) -> Any:
    """The same tensors in a list of their own: a program may change the list that it was given."""
    return list(result) if isinstance(result, (list, tuple)) else result


def _replaced(result: Any, output_index: int, tensor: Any) -> Any:
    """What an operation returned, with one tensor in the place of another."""
    if not isinstance(result, (list, tuple)):
        return tensor
    return [tensor if index == output_index else output for index, output in enumerate(result)]
