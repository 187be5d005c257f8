"""What the networks of a chunk compute, as pure functions of their weights, for `jax.jit` and `jax.vjp`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras

from experiments import keras_internals
from experiments.engines.keras_jax.convolution import under_vmap
from experiments.engines.keras_trunk import layer_scopes
from experiments.engines.objectives import row_losses
from experiments.problem import slices
from experiments.records import Head

Values = list[jax.Array]
Heads = list[Values]  # for each number of units, fewest first: kernels (networks, features, units), biases


class Networks:
    """Networks with one trunk and these heads, those of one computation side by side, fewest units first.

    `l2`: the penalty on the heads' kernels, before their own scale of it.
    """

    def __init__(self, trunk: keras.Model, heads: Sequence[Head], l2: float, dtype: str) -> None:
        self.trunk, self.dtype, self.count = trunk, dtype, len(heads)
        self.units = sorted({head.units for head in heads})
        self.counts = [sum(head.units == units for head in heads) for units in self.units]
        self.ends = [sum(self.counts[: index + 1]) for index in range(len(self.counts))]
        self.scopes = layer_scopes(trunk)
        self._slices = slices(heads)
        self._l2 = l2 * jnp.array([head.decay_scale for head in heads], dtype) if l2 else None

    def parts(self, values: Any) -> list[Any]:
        """(networks, ...) as one part for each number of units."""
        starts = [0, *self.ends]
        return [values[start:end] for start, end in zip(starts, self.ends, strict=False)]

    def trunk_of_one(self, weights: Values, others: Values, x: jax.Array, training: bool) -> tuple[Any, Values, Any]:
        """Of one network's rows (rows, *row) the features, its other variables after that, and its penalties' sum."""
        features, new, penalties = self._call(weights, others, x, training)
        return features, list(new), sum(penalties, jnp.zeros((), self.dtype))

    def _call(self, weights: Values, others: Values, x: jax.Array, training: bool) -> Any:
        options = {"training": training} if keras_internals.takes_training(self.trunk) else {}
        with keras_internals.convolving(under_vmap):
            return self.trunk.stateless_call(weights, others, x, return_losses=True, **options)

    def penalises_outputs(self) -> bool:
        """Whether a call gathers penalties beside those on weights, which come one a weight."""
        given = [
            [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in variables]
            for variables in (self.trunk.trainable_variables, self.trunk.non_trainable_variables)
        ]
        row = jax.ShapeDtypeStruct((2, *self.trunk.input_shape[1:]), self.dtype)
        *_, penalties = jax.eval_shape(partial(self._call, training=False), *given, row)
        return len(penalties) > sum(v.regularizer is not None for v in self.trunk.trainable_variables)

    def outputs(
        self, trunk: Values, heads: Heads, others: Values, x: jax.Array, *, training: bool
    ) -> tuple[tuple[Values, jax.Array], Values]:
        """The raw outputs of rows (networks, rows, *row), the penalties, and the trunks' other variables after that.

        The outputs are one array for each number of units, (networks with as many, rows, units); the penalties are
        (networks,).
        """

        def one(weights: Values, others: Values, x: jax.Array) -> tuple[Any, Values, Any]:
            return self.trunk_of_one(weights, others, x, training)

        features, others, penalties = jax.vmap(one)(trunk, others, x)
        pairs = zip(self.parts(features), heads, strict=True)
        z = [part @ kernel + bias[:, None] for part, (kernel, bias) in pairs]
        if self._l2 is not None:
            penalties += self._l2 * jnp.concatenate([jnp.sum(kernel**2, axis=(1, 2)) for kernel, _ in heads])
        return (z, penalties), others

    def losses(self, z: Values, y: jax.Array) -> jax.Array:
        """Each row's loss under its network's own objective: (networks, rows), from labels (networks, rows, ...)."""
        given = dict(zip(self.units, zip(z, self.parts(y), strict=True), strict=True))
        losses = []
        for piece in self._slices:
            logits, labels = (values[piece.start : piece.stop] for values in given[piece.units])
            losses.append(row_losses(piece.head, logits, labels))
        return jnp.concatenate(losses)

    def norms(self, trunk: Values, heads: Heads) -> jax.Array:
        """Euclidean norms of gradients: those of `problem.NORMS`, then each layer's, (scopes, networks)."""
        zero = jnp.zeros(self.count, self.dtype)
        by_variable = [_squares(gradient) for gradient in trunk]
        layers = [sum((by_variable[index] for index in indices), zero) for _, indices in self.scopes]
        trunk_squares = sum(by_variable, zero)
        head = jnp.concatenate([_squares(kernel) + _squares(bias) for kernel, bias in heads])
        effective = jnp.concatenate([_squares(_along(kernel)) + _squares(_along(bias)) for kernel, bias in heads])
        return jnp.sqrt(jnp.stack([trunk_squares, head, trunk_squares + head, effective, *layers]))


def dead_share(at_logits: Values) -> jax.Array:
    """(networks,) shares of rows whose gradient at the logits, (networks, rows, units) each, is exactly 0."""
    return jnp.concatenate([jnp.mean(jnp.all(part == 0, axis=2), axis=1, dtype=part.dtype) for part in at_logits])


def _squares(gradient: jax.Array) -> jax.Array:
    return jnp.sum(gradient**2, axis=tuple(range(1, gradient.ndim)))


def _along(gradient: jax.Array) -> jax.Array:
    """Of two units, the gradient with respect to u = w1 - w0 at fixed w0 + w1."""
    return (gradient[..., 1] - gradient[..., 0]) / 2 if gradient.shape[-1] == 2 else gradient
