"""The tail of a Keras model that runs eagerly on TensorFlow: recorded once, and run again from the logits on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.check.record import Step
from experiments.check.split import Node, entered, split
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

        self._given = [tf.constant(one) for one in rows]
        self._forward, self._objective, self._labels = forward, objective, labels.dtype
        handles = {id(getattr(weight, "value", weight).handle) for weight in weights}
        self._results: dict[bool, list[Any]] = {}  # of the operations of a pass, in training or not
        self._logits: dict[bool, list[tuple[int, int]]] = {}  # which operation returned them, and at which place
        for training in (True, False):
            calls, prediction = self._recorded(training)
            nodes = [Node(inputs=tuple(map(id, inputs)), outputs=tuple(map(id, _tensors(result))))
                     for inputs, result in calls]  # fmt: skip
            met, narrow = split(nodes, map(id, self._given), handles, id(prediction))
            made = {
                id(tensor): (number, place, tensor)
                for number, (_, result) in enumerate(calls)
                for place, tensor in enumerate(_tensors(result))
            }
            at, self.whole = entered(met, narrow, lambda one, of=made: as_array(of[one][2]))  # type: ignore[misc]
            ends = [made[one] for one in at]  # type: ignore[index]
            self._results[training] = [result for _, result in calls]
            self._logits[training] = [(number, place) for number, place, _ in ends]
            tensors = [tensor for _, _, tensor in ends]
        self.shape = tuple(tensors[0].shape[1:])
        self.dtype, self.rows = tensors[0].dtype.name, len(labels)
        self.logits = np.stack([as_array(one) for one in tensors])

    def _recorded(self, training: bool) -> tuple[list[tuple[list[Any], Any]], Any]:
        """What every operation of a pass took and returned, and the prediction. They stay alive, so ids are unique."""
        import tensorflow as tf

        calls: list[tuple[list[Any], Any]] = []

        def answer(one: Operation) -> Any:
            inputs = [given for given in tf.nest.flatten(one.arguments) if tf.is_tensor(given)]
            calls.append((inputs, _REFUSED))
            result = one.run(one.arguments)
            calls[-1] = (inputs, _copied(result))
            return result

        with operations(answer):
            return calls, self._forward(self._given, training)

    def _replayed(self, z: Any, *, training: bool) -> Any:
        """The prediction from the logits `z` on."""
        results, logits = self._results[training], self._logits[training]
        last, number = max(place for place, _ in logits), -1

        def answer(one: Operation) -> Any:
            nonlocal number
            number += 1
            if one.name.startswith("Assign"):  # the variables stay as they are
                return None
            result = results[number] if number <= last else _REFUSED
            if result is _REFUSED:
                return one.run(one.arguments)
            result = _copied(result)
            for operation, place in logits:
                if operation == number:
                    result = _replaced(result, place, z)
            return result

        with operations(answer):
            return self._forward(self._given, training)

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


def _replaced(result: Any, place: int, tensor: Any) -> Any:
    """What an operation returned, with one tensor in the place of another."""
    if not isinstance(result, (list, tuple)):
        return tensor
    return [tensor if number == place else one for number, one in enumerate(result)]
