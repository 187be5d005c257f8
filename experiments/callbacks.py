"""Keras callbacks for anyone's own `model.fit`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import pandas as pd
import tensorflow as tf

from experiments import keras_internals
from experiments.records import require


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Variables whose gradients are measured together; `along` picks a part of each gradient first."""

    name: str
    variables: Sequence[keras.Variable]
    along: Callable[[tf.Tensor], tf.Tensor] | None = None


class GradientNorms(keras.callbacks.Callback):
    """Records the Euclidean norms of the gradients that `model.fit` applies, by scope.

    ```python
    norms = GradientNorms()
    model.fit(x, y, epochs=5, callbacks=[norms])
    norms.history.pivot(index="step", columns="scope", values="value").plot()
    ```

    Without `scopes` they are, for the model that it is fitted with: `total`; `head`, the last layer with weights, and
    `trunk`, all before it; for a head of one or two units `effective_head`, the gradient with respect to what the
    prediction depends on (w, or w1 - w0 at fixed w0 + w1), in which both kinds of head can be compared; and
    `layer:NAME`, each layer that trains.

    The gradients are seen inside the compiled step, on their way into the optimizer: nothing is computed twice, and a
    penalty is in them, clipping is not. With a loss scale they are the unscaled ones. With `steps_per_execution` the
    norms are those of the last of these steps.

    `every`: steps between two records; the first step is always recorded. After each batch `last` holds the norms of
    its step. Fitting again goes on where the history ends. Needs Keras on TensorFlow; raises `UserError` elsewhere.
    """

    def __init__(self, scopes: Sequence[Scope] | None = None, *, every: int = 1) -> None:
        super().__init__()
        require(
            keras.backend.backend() == "tensorflow",
            f"GradientNorms needs Keras on TensorFlow; this process runs on {keras.backend.backend()!r}.",
        )
        require(every >= 1, f"every is {every!r}. It must be a whole number of at least 1.")
        self._given = None if scopes is None else tuple(scopes)
        self.scopes = self._given or ()
        self.every = every
        self._rows: list[tuple[int, int, list[float]]] = []
        self._step = self._epoch = 0
        self._hooked: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Hook into the optimizer, so that each step's gradients are seen on their way in."""
        self._unhook()  # a fit that was interrupted never ended
        self.scopes = scopes_of(self.model) if self._given is None else self._given
        self._norms = tf.Variable(tf.zeros([len(self.scopes)], tf.float64))
        # what scales the loss hands the unscaled gradients on to an optimizer within
        self._hooked = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        proceed = self._hooked.apply

        def apply(grads: Sequence[tf.Tensor], trainable_variables: Sequence[Any] | None = None) -> None:
            trained = keras_internals.trained_by(self._hooked) if trainable_variables is None else trainable_variables
            # None: nothing that trains depends on the variable
            with_gradient = [(g, v) for g, v in zip(grads, trained, strict=True) if g is not None]
            of = {id(v): tf.convert_to_tensor(g) for g, v in with_gradient}
            self._norms.assign(tf.stack(_norms(self.scopes, of)))
            proceed(grads, trainable_variables)

        self._hooked.apply = apply
        self.model.make_train_function(force=True)  # a step that was traced before does not see the hook

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Record the norms of the step, if it is one of every so many."""
        self._step += 1
        if self._step == 1 or self._step % self.every == 0:
            self._rows.append((self._epoch, self._step, self._norms.numpy().tolist()))

    def on_train_end(self, logs: Any = None) -> None:
        """Leave the optimizer as it was."""
        self._unhook()

    def _unhook(self) -> None:
        if self._hooked is not None:
            vars(self._hooked).pop("apply", None)  # what is left is the class's own
            self._hooked = None

    @property
    def last(self) -> dict[str, float]:
        """The norms at the step that has just been taken."""
        return dict(zip((scope.name for scope in self.scopes), self._norms.numpy().tolist(), strict=True))

    @property
    def history(self) -> pd.DataFrame:
        """What was recorded, a row a value: `epoch` from 0, `step` (batches seen, from 1), `scope` and `value`."""
        names = [scope.name for scope in self.scopes]
        rows = [
            (epoch, step, name, value)
            for epoch, step, values in self._rows
            for name, value in zip(names, values, strict=True)
        ]
        return pd.DataFrame(rows, columns=["epoch", "step", "scope", "value"])


def scopes_of(model: keras.Model) -> tuple[Scope, ...]:
    """The scopes of any model: total, trunk, head, effective_head where there is one, and each layer that trains."""
    within = keras_internals.layers_within(model, itself=False)
    layers = [(layer, variables) for layer in within if (variables := _direct_variables(layer))]
    require(bool(layers), "The model has no layer that trains, so there are no gradients to record.")
    last, head = layers[-1]
    in_head = {id(variable) for variable in head}
    everything = list(model.trainable_variables)
    scopes = [
        Scope(name="trunk", variables=[v for v in everything if id(v) not in in_head]),
        Scope(name="head", variables=head),
        Scope(name="total", variables=everything),
    ]
    if type(last) is keras.layers.Dense and last.units in (1, 2):
        scopes.append(Scope(name="effective_head", variables=head, along=difference if last.units == 2 else None))
    return (*scopes, *(Scope(name=f"layer:{layer.name}", variables=variables) for layer, variables in layers))


def _direct_variables(layer: keras.layers.Layer) -> list[keras.Variable]:
    """What trains in a layer itself, not in layers within it: those are listed apart."""
    within = {id(v) for part in keras_internals.layers_within(layer, itself=False) for v in part.trainable_variables}
    return [variable for variable in layer.trainable_variables if id(variable) not in within]


def difference(gradient: tf.Tensor) -> tf.Tensor:
    """The gradient with respect to u = w1 - w0 at fixed w0 + w1."""
    return (gradient[..., 1] - gradient[..., 0]) / 2


def _norms(scopes: Sequence[Scope], gradients: dict[int, tf.Tensor]) -> list[tf.Tensor]:
    """The norm of each scope in float64 over all of its gradients; 0 for a scope without variables."""
    squares = {key: _square(gradient) for key, gradient in gradients.items()}  # a variable is in several scopes
    norms = []
    for scope in scopes:
        keys = [key for variable in scope.variables if (key := id(variable)) in gradients]
        parts = [squares[key] if scope.along is None else _square(scope.along(gradients[key])) for key in keys]
        norms.append(tf.sqrt(tf.add_n([tf.zeros([], tf.float64), *parts])))
    return norms


def _square(gradient: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.reduce_sum(tf.square(gradient)), tf.float64)
