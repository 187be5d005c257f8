"""What a program on TensorFlow runs eagerly, recorded: operations, calls of layers, and cross-entropies of Keras."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np

from experiments import keras_internals
from experiments.check.calls import Call, descendants
from experiments.check.replay import PredictionAndLoss
from experiments.check.tensorflow_operations import Operation, operations, tensors


@dataclass(frozen=True, kw_only=True)
class LayerCall:
    """A layer that was applied: its arguments, and which of its results, in the order of `tensors`, this is."""

    layer: Any
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    output_index: int


class Recording:
    """The operations and the calls of layers from a tape's entry on."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.outputs: list[tuple[LayerCall, Any]] = []
        self.logits: list[Any] = []  # that cross-entropies of Keras have found behind a prediction

    @contextmanager
    def running(self) -> Iterator[Recording]:
        """Within, everything is recorded."""
        Layer = keras_internals.operation_class()
        original = Layer.__call__

        def record(operation: Operation) -> Any:
            result = operation.run(operation.arguments)
            if outputs := tensors(result):
                self.calls.append(
                    Call(
                        function=lambda *new_arguments: operation.again(list(new_arguments)),
                        arguments=tuple(operation.arguments),
                        inputs=() if operation.name in _SHAPED else tensors(operation.arguments), outputs=outputs,
                        random="Random" in operation.name,
                    )
                )  # fmt: skip
            return result

        def call(layer: Any, *arguments: Any, **options: Any) -> Any:
            result = original(layer, *arguments, **options)
            for output_index, tensor in enumerate(tensors(result)):
                layer_call = LayerCall(layer=layer, arguments=arguments, options=options, output_index=output_index)
                self.outputs.append((layer_call, tensor))
            return result

        nn, names = keras_internals.cross_entropies()
        with ExitStack() as within:
            within.enter_context(operations(record))
            within.enter_context(patch.object(Layer, "__call__", call))
            for name in names:
                within.enter_context(patch.object(nn, name, self._as_one_call(getattr(nn, name))))
            yield self

    def _as_one_call(self, cross_entropy: Callable[..., Any]) -> Callable[..., Any]:
        """A cross-entropy of Keras that is recorded as one call, of labels, prediction, and logits if it finds any."""
        import tensorflow as tf

        def call(target: Any, output: Any, *rest: Any, **options: Any) -> Any:
            def again(target: Any, output: Any, logits: Any) -> Any:
                if logits is not None:
                    output = keras_internals.with_logits(tf.identity(output), logits)
                return cross_entropy(target, output, *rest, **options)

            target, before = tf.convert_to_tensor(target), len(self.calls)
            result = cross_entropy(target, output, *rest, **options)
            del self.calls[before:]
            arguments = target, output, keras_internals.logits_of(output)
            self.logits += [arguments[2]]
            self.calls.append(
                Call(function=again, arguments=arguments, inputs=tensors(arguments), outputs=tensors(result))
            )
            return result

        return call

    def weights(self) -> set[int]:
        """The ids of variables, or of what names them."""
        return {id(tensor) for call in self.calls for tensor in call.inputs if _is_variable(tensor)}

    def grad_ids(self) -> set[int]:
        """The ids of what depends on variables, and of those themselves."""
        return descendants(
            self.calls, [tensor for call in self.calls for tensor in call.inputs if _is_variable(tensor)]
        )


# what these return depends on the shape of what they are given alone
_SHAPED = ("OnesLike", "ZerosLike", "Shape", "Rank", "Size")


def _is_variable(tensor: Any) -> bool:
    return hasattr(tensor, "assign") or tensor.dtype.name == "resource"


class TensorFlow:
    """TensorFlow as a replay needs it."""

    def tensors(self, tree: Any) -> tuple[Any, ...]:
        """Every tensor in what a call returned."""
        return tensors(tree)

    def array(self, tensor: Any) -> np.ndarray:
        """A tensor of any precision in float64."""
        return np.asarray(tensor).astype(np.float64)

    def like(self, values: np.ndarray, tensor: Any) -> Any:
        """Values as a tensor of the dtype and shape of another."""
        import tensorflow as tf

        return tf.reshape(tf.cast(tf.constant(values), tensor.dtype), tensor.shape)

    def replaced(self, tree: Any, by: dict[int, Any]) -> Any:
        """Nested arguments with other tensors in the place of those with some ids."""
        if isinstance(tree, (list, tuple)):
            return type(tree)(self.replaced(element, by) for element in tree)
        if isinstance(tree, dict):
            return {name: self.replaced(element, by) for name, element in tree.items()}
        return by.get(id(tree), tree)

    def gradient(self, play: Callable[[Any], PredictionAndLoss], z: Any) -> tuple[Any, Any, Any]:
        """The prediction, the mean of the loss, and its gradient with respect to `z`."""
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(z)
            prediction, loss = play(z)
            loss = tf.reduce_mean(loss)
        return prediction, loss, tape.gradient(loss, z)
