"""The tail of a Keras model on JAX: its jaxpr, evaluated from other logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.check.record import Step
from experiments.check.split import Node, entry_points, split


class TracedTail:
    """A `Tail` that evaluates the equations behind the logits.

    `forward(values, rows, training)` is pure: `values` are those of the model's variables. `compiled`: by XLA.
    """

    def __init__(
        self,
        forward: Callable[[list[Any], list[Any], bool], Any],
        objective: Callable[[Any, Any], Any],
        values: list[Any],
        rows: list[np.ndarray],
        labels: np.ndarray,
        *,
        compiled: bool = True,
    ) -> None:
        import jax

        def program(values: list[Any], rows: list[Any], truth: Any) -> tuple[Any, ...]:
            trained = forward(values, rows, True)
            return trained, objective(truth, trained), forward(values, rows, False)

        self._jaxpr = jax.make_jaxpr(program)(values, rows, labels)
        inner = self._jaxpr.jaxpr
        nodes = [
            Node(
                inputs=tuple(v for v in equation.invars if not _literal(v)),
                outputs=tuple(equation.outvars),
                random="random" in equation.primitive.name,
            )
            for equation in inner.eqns
        ]
        weights, data = set(inner.invars[: len(values)]), set(inner.invars[len(values) : -1])
        trained, loss, prediction = inner.outvars
        self._inputs = dict(zip(inner.invars, [*values, *rows, labels], strict=True))
        entries = []
        for target in (trained, prediction):
            last_weighted, dominators = split(nodes, data, weights, target)
            entry, self.logits_suffice = entry_points(
                last_weighted, dominators, lambda variable: np.asarray(self._run({}, (variable,))[0])
            )
            entries.append(entry)
        self._train_at, self._predict_at = entries
        self._outputs, self._label = (trained, loss, prediction), inner.invars[-1]
        self.shape = tuple(self._train_at[0].aval.shape[1:])  # type: ignore[attr-defined]
        self.rows = len(labels)
        self.dtype = str(self._train_at[0].aval.dtype)  # type: ignore[attr-defined]
        self.logits = np.stack([np.asarray(array).astype(np.float64) for array in self._run({}, self._predict_at)])
        self._objective = objective
        compile_ = jax.jit if compiled else lambda function: function
        self._grad = compile_(jax.value_and_grad(self._loss, has_aux=True))
        self._predict = compile_(lambda z: self._run(dict.fromkeys(self._predict_at, z), self._outputs[2:])[0])

    def _run(self, replaced: dict[Any, Any], targets: tuple[Any, ...]) -> list[Any]:
        """Evaluate the equations that `targets` needs, with some variables replaced."""
        values = {**self._inputs, **dict(zip(self._jaxpr.jaxpr.constvars, self._jaxpr.consts, strict=True)), **replaced}
        needed, equations = set(targets), []
        for equation in reversed(self._jaxpr.jaxpr.eqns):
            if any(v in needed and v not in replaced for v in equation.outvars):
                equations.append(equation)
                needed |= {v for v in equation.invars if not _literal(v)}
        for equation in reversed(equations):
            inputs = [v.val if _literal(v) else values[v] for v in equation.invars]
            parameters = equation.primitive.get_bind_params(equation.params)
            result = equation.primitive.bind(*inputs, **parameters)
            results = result if equation.primitive.multiple_results else [result]
            values |= {v: r for v, r in zip(equation.outvars, results, strict=True) if v not in replaced}
        return [v.val if _literal(v) else values[v] for v in targets]

    def _loss(self, logits: Any, labels: Any) -> tuple[Any, Any]:
        trained, loss = self._run(dict.fromkeys(self._train_at, logits) | {self._label: labels}, self._outputs[:2])
        return loss.mean(), trained

    def __call__(self, logits: np.ndarray, labels: np.ndarray) -> Step:
        import jax.numpy as jnp

        z = jnp.asarray(logits, self.dtype)
        truth = jnp.asarray(labels, self._label.aval.dtype)
        (loss, trained), gradient = self._grad(z, truth)
        prediction = self._predict(z)
        return Step(
            prediction=np.asarray(prediction).astype(np.float64), trained=np.asarray(trained).astype(np.float64),
            loss=float(loss), gradient=np.asarray(gradient).astype(np.float64),
        )  # fmt: skip

    def score(self, labels: np.ndarray, prediction: np.ndarray) -> float:
        import jax.numpy as jnp

        value = self._objective(jnp.asarray(labels, self._label.aval.dtype), jnp.asarray(prediction, jnp.float32))
        return float(np.asarray(value).mean())


def _literal(variable: Any) -> bool:
    return hasattr(variable, "val")


def keras_tail(
    model: Any, structure: Any, output: int, objective: Callable[[Any, Any], Any], rows: list[np.ndarray],
    labels: np.ndarray, *, compiled: bool,
) -> TracedTail:  # fmt: skip
    """The tail of one output of a Keras model on JAX."""
    import keras

    trained = len(model.trainable_variables)
    values = [variable.value for variable in (*model.trainable_variables, *model.non_trainable_variables)]

    def forward(values: list[Any], tensors: list[Any], training: bool) -> Any:
        x = keras.tree.pack_sequence_as(structure, tensors)
        predicted, _ = model.stateless_call(values[:trained], values[trained:], x, training=training)
        return keras.tree.flatten(predicted)[output]

    return TracedTail(forward, objective, values, rows, labels, compiled=compiled)
