"""What plain Keras's training shows of itself on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from experiments.callbacks import GradientNorms, Scope, difference
from experiments.engines.keras_trunk import layer_scopes


class Mirror:
    """A trunk that computes at the weights of another, so that looking leaves no trace in the one that trains.

    It serves all arms of a problem in turn, so its two passes are compiled once.
    """

    def __init__(self, trunk: keras.Model) -> None:
        self._trunk = trunk
        row = tf.TensorSpec([None, *trunk.input_shape[1:]], trunk.compute_dtype)
        self.evaluated = tf.function(self._evaluated, input_signature=[row], autograph=False)
        self.trained = tf.function(self._trained, input_signature=[row], autograph=False)

    def at(self, trunk: keras.Model) -> None:
        """Take the weights, and the states of random layers, that `trunk` has now."""
        for variable, value in zip(self._trunk.variables, trunk.variables, strict=True):
            variable.assign(value)

    def _evaluated(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The features of rows, and the sum of all penalties, those on what layers put out included: a scalar."""
        features = self._trunk(x, training=False)
        return features, sum(self._trunk.losses, tf.zeros([], features.dtype))

    def _trained(self, x: tf.Tensor) -> tf.Tensor:
        """The features of a batch as the next step computes them."""
        return self._trunk(x, training=True)


class Watch(GradientNorms):
    """Sees the steps of one fit after another: `last` the norms of the last step, `objective` the mean of a fit.

    `dead`: what `dead_share(batch)` said of the last batch before its step. The hook in the compiled step stays from
    the first fit on, so that the step is traced once.
    """

    def __init__(self, model: keras.Model, watched: list[Scope]) -> None:
        super().__init__(watched)
        self.set_model(model)
        self.objective, self.dead = 0.0, 0.0

    def follow(self, steps: int, dead_share: Callable[[], float]) -> None:
        """Say how long the next fit is, and what counts the dead rows of its last batch."""
        self._final, self._dead_share = steps - 1, dead_share

    def on_train_begin(self, logs: Any = None) -> None:
        """Hook in once, for all fits of the network."""
        if self._hooked is None:
            super().on_train_begin(logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Count the dead rows before the last step."""
        if batch == self._final:
            self.dead = self._dead_share()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Note the objective."""
        self.objective = logs["loss"]  # Keras logs the mean since the fit began

    def on_train_end(self, logs: Any = None) -> None:
        """Stay hooked in: another fit follows."""


def scopes(trunk: keras.Model, last: keras.layers.Dense) -> list[Scope]:
    """The scopes of `problem.NORMS` and those of the layers, for a network's own variables."""
    head = list(last.trainable_variables)
    trunk_variables = list(trunk.trainable_variables)
    return [
        Scope(name="trunk", variables=trunk_variables),
        Scope(name="head", variables=head),
        Scope(name="total", variables=[*trunk_variables, *head]),
        Scope(name="effective_head", variables=head, along=difference if last.units == 2 else None),
        *(
            Scope(name=name, variables=[trunk_variables[index] for index in indices])
            for name, indices in layer_scopes(trunk)
        ),
    ]
