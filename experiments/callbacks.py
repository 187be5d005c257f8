"""Keras callbacks for anyone's own `model.fit`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Variables whose gradients are measured together; `along` picks a part of each gradient first."""

    name: str
    variables: Sequence[keras.Variable]
    along: Callable[[tf.Tensor], tf.Tensor] | None = None


class GradientNorms(keras.callbacks.Callback):
    """Keeps the Euclidean norms of the gradients that `fit` really applies, by scope.

    After each batch `last` holds the norms of its step. The gradients are seen inside the compiled step, on their
    way into the optimizer, so nothing is computed twice.
    """

    def __init__(self, scopes: Sequence[Scope]) -> None:
        super().__init__()
        self.scopes = tuple(scopes)

    def on_train_begin(self, logs: Any = None) -> None:
        self._norms = tf.Variable(tf.zeros([len(self.scopes)], tf.float64))
        optimizer = self.model.optimizer
        self._apply = optimizer.apply

        def apply(gradients: Sequence[tf.Tensor], variables: Sequence[Any]) -> None:
            # None: nothing that trains depends on the variable
            known = [(g, v) for g, v in zip(gradients, variables, strict=True) if g is not None]
            of = {id(v): tf.convert_to_tensor(g) for g, v in known}
            self._norms.assign(tf.stack([_norm(scope, of) for scope in self.scopes]))
            self._apply(gradients, variables)

        optimizer.apply = apply
        self.model.make_train_function(force=True)  # a step that was traced before does not see the hook

    def on_train_end(self, logs: Any = None) -> None:
        self.model.optimizer.apply = self._apply

    @property
    def last(self) -> dict[str, float]:
        """The norms at the step that has just been taken."""
        return dict(zip((scope.name for scope in self.scopes), self._norms.numpy().tolist(), strict=True))


def _norm(scope: Scope, gradients: dict[int, tf.Tensor]) -> tf.Tensor:
    """The norm in float64 over all of a scope's gradients; 0 for a scope without variables."""
    mine = [gradients[id(variable)] for variable in scope.variables if id(variable) in gradients]
    parts = [part if scope.along is None else scope.along(part) for part in mine]
    squares = [tf.cast(tf.reduce_sum(tf.square(part)), tf.float64) for part in parts]
    return tf.sqrt(tf.add_n([tf.zeros([], tf.float64), *squares]))
