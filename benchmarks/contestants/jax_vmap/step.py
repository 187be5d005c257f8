"""The compiled step of stacked networks: losses, gradients, their norms, Adam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.contestants.jax_vmap.trunks import Trunk

State = dict[str, Any]  # trunk: arrays (replicas, ...); heads: (kernel, bias) for each number of units
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7  # Keras's own


@dataclass(frozen=True, kw_only=True)
class Block:
    """Neighbouring replicas with as many units and one loss; `exclusive` for a softmax over the units."""

    units: int
    exclusive: bool
    replicas: int


def row_losses(block: Block, z: jax.Array, y: jax.Array) -> jax.Array:
    """The losses that Keras computes on TensorFlow, where every arm's loss is that of its logits: (replicas, batch)."""
    if block.exclusive:
        return jax.nn.logsumexp(z, axis=-1) - jnp.take_along_axis(z, y[..., None], axis=-1)[..., 0]
    target = y[..., None].astype(z.dtype) if block.units == 1 else jax.nn.one_hot(y, block.units, dtype=z.dtype)
    return (jnp.maximum(z, 0) - z * target + jnp.log1p(jnp.exp(-jnp.abs(z)))).mean(axis=-1)


class Step:
    """Everything that is fixed for some replicas, and the functions compiled for it."""

    def __init__(self, trunk: Trunk, blocks: Sequence[Block], layers: Sequence[Sequence[int]]) -> None:
        self.trunk, self.blocks, self.layers = trunk, tuple(blocks), tuple(layers)
        self.advance = jax.jit(self._advance, donate_argnums=0)
        self.evaluate = jax.jit(self._evaluate)

    def outputs(self, state: State, x: jax.Array) -> list[jax.Array]:
        """Raw outputs of each block: (replicas, batch, units)."""
        features = jax.vmap(self.trunk)(state["trunk"], x)
        start, found = 0, []
        for kernel, bias in state["heads"]:
            part = features[start : start + len(kernel)]
            found.append(jnp.matmul(part, kernel) + bias[:, None, :])
            start += len(kernel)
        return found

    def losses(self, z: Sequence[jax.Array], y: jax.Array) -> jax.Array:
        """Each row's loss under its own arm: (replicas, batch)."""
        start, parts = 0, []
        for block, logits in zip(self.blocks, z, strict=True):
            parts.append(row_losses(block, logits, y[start : start + block.replicas]))
            start += block.replicas
        return jnp.concatenate(parts)

    def objective(self, state: State, nothing: Sequence[jax.Array], x: jax.Array, y: jax.Array) -> Any:
        z = [logits + zero for logits, zero in zip(self.outputs(state, x), nothing, strict=True)]
        own = self.losses(z, y).mean(axis=1)
        return own.sum(), own

    def norms(self, gradient: State) -> jax.Array:
        """In the order of `problem.NORMS`, then the layers': (scopes, replicas)."""
        by_variable = [jnp.square(g).reshape(len(g), -1).sum(axis=1) for g in gradient["trunk"]]
        head, effective = [], []
        for kernel, bias in gradient["heads"]:
            head.append(jnp.square(kernel).sum((1, 2)) + jnp.square(bias).sum(1))
            if kernel.shape[-1] == 2:
                kernel, bias = (kernel[..., 1:] - kernel[..., :1]) / 2, (bias[..., 1:] - bias[..., :1]) / 2
            effective.append(jnp.square(kernel).sum((1, 2)) + jnp.square(bias).sum(1))
        whole, heads = sum(by_variable), jnp.concatenate(head)
        layers = [sum(by_variable[place] for place in places) for places in self.layers]
        return jnp.sqrt(jnp.stack([whole, heads, whole + heads, jnp.concatenate(effective), *layers]))

    def _take(self, carry: Any, step: jax.Array, x: jax.Array, y: jax.Array, rates: State) -> Any:
        """One step of Adam, as Keras writes it; what the last step shows goes along."""
        state, first, second = carry
        nothing = [jnp.zeros((b.replicas, x.shape[1], b.units), x.dtype) for b in self.blocks]
        (_, own), (gradient, at_logits) = jax.value_and_grad(self.objective, argnums=(0, 1), has_aux=True)(
            state, nothing, x, y
        )
        t = step.astype(x.dtype) + 1
        correction = jnp.sqrt(1 - BETA_2**t) / (1 - BETA_1**t)
        first = jax.tree.map(lambda m, g: m + (g - m) * (1 - BETA_1), first, gradient)
        second = jax.tree.map(lambda v, g: v + (g * g - v) * (1 - BETA_2), second, gradient)
        state = jax.tree.map(
            lambda w, m, v, rate: w - rate.reshape(-1, *[1] * (w.ndim - 1)) * correction * m / (jnp.sqrt(v) + EPSILON),
            state,
            first,
            second,
            rates,
        )
        dead = jnp.concatenate([(g == 0).all(axis=2).mean(axis=1) for g in at_logits])
        return (state, first, second), own, self.norms(gradient), dead

    def _advance(
        self, carry: Any, start: jax.Array, stop: jax.Array, data: State, order: jax.Array, rates: State
    ) -> tuple[Any, tuple[jax.Array, jax.Array, jax.Array]]:
        """Steps start .. stop-1: the new state, the mean losses, and the norms and dead shares of the last step."""
        replicas = len(data["of_replica"])
        seen = (
            jnp.zeros(replicas),
            jnp.zeros((4 + len(self.layers), replicas)),
            jnp.zeros(replicas),
        )

        def body(step: jax.Array, all_of_it: Any) -> Any:
            carry, (total, *_) = all_of_it
            x, y = rows_of(data, order[:, step])
            carry, own, norms, dead = self._take(carry, step, x, y, rates)
            return carry, (total + own, norms, dead)

        carry, (total, norms, dead) = jax.lax.fori_loop(start, stop, body, (carry, seen))
        return carry, (total / (stop - start), norms, dead)

    def _evaluate(self, state: State, data: State, rows: jax.Array) -> tuple[list[jax.Array], jax.Array]:
        x, y = rows_of(data, rows)
        z = self.outputs(state, x)
        return z, self.losses(z, y)


@partial(jax.jit, inline=True)
def rows_of(data: State, rows: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Rows (streams, batch) of the data, scaled, and their labels, for each replica."""
    x = (data["x"][rows] - data["mean"][:, None]) / data["scale"][:, None]
    return x[data["of_replica"]], data["y"][rows][data["of_replica"]]
