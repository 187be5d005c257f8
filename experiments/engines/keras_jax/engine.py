"""The engine on JAX: every network of a chunk takes its steps in one compiled loop."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from experiments import keras_internals
from experiments.engines.blocks import in_blocks
from experiments.engines.interface import Progressed
from experiments.engines.keras_draws import weights_of
from experiments.engines.keras_jax.network import Networks, dead_share
from experiments.engines.keras_jax.rule import Rule
from experiments.engines.keras_trunk import keras_trunk
from experiments.problem import NORMS, Chunk, Problem
from experiments.records import Head

# Rows of one evaluation: one shape for all parts, so that it is compiled once, and as few as a step has, whose results
# lie in the cache. Of 128 rows of the small CNN an evaluation takes three times as long.
EVALUATED_ROWS = 32
_QUICK = {"xla_cpu_use_fusion_emitters": False, "xla_backend_optimization_level": 1}

# "trunk", "others": lists of (networks, *shape); "heads": lists of those for each number of units; "rules": the states
# of the optimizers, that of the trunks first
State = dict[str, Any]
Stream = dict[str, jax.Array]


class JaxEngine:
    """Networks whose weights and rows lie on JAX's device; batches are gathered, scaled and encoded there."""

    name = "keras-jax"

    def __init__(self, problem: Problem, heads: Sequence[Head]) -> None:
        trunk, self.dtype = keras_trunk(problem).model, problem.setup.dtype
        self.trunk, self.heads = trunk, tuple(heads)
        self.networks = Networks(trunk, heads, problem.optimizer.l2, self.dtype)
        self._weights = weights_of(trunk)
        self._seeds = {id(state): index for index, state in enumerate(keras_internals.seed_states(trunk))}
        features = problem.trunk.features
        templates = [
            [keras.Variable(np.zeros(shape), dtype=self.dtype) for shape in ((features, units), (units,))]
            for units in self.networks.units
        ]
        self._rules = [
            Rule(problem.optimizer, trunk.trainable_variables, self.dtype),
            *(Rule(problem.optimizer, pair, self.dtype, scaled=True) for pair in templates),
        ]
        rows = {"x": _as_it_is(problem.data.x), "y": jnp.asarray(problem.data.y, jnp.int32)}
        weights = problem.weights
        self._data = rows if weights is None else rows | {"weights": jnp.asarray(weights, self.dtype)}
        # a penalty on what layers put out is a mean over all rows that are evaluated
        self._apart = not self.networks.penalises_outputs()
        options = quick_to_compile()
        self._advance = jax.jit(self._steps, donate_argnums=0, compiler_options=options)
        self._evaluate = jax.jit(self._block, compiler_options=options)

    def start(self, chunk: Chunk) -> None:
        """Set the first weights, what the chunk's streams see, and optimizers that have taken no step."""
        first = {
            id(variable): np.stack([trunk[index] for trunk in chunk.trunks])
            for index, variable in enumerate(self._weights)
        }
        for variable in self.trunk.non_trainable_variables:
            if id(variable) in self._seeds:
                drawn = chunk.random + self._seeds[id(variable)]
                first[id(variable)] = np.stack([drawn, np.zeros_like(drawn)], axis=1)
            elif id(variable) not in first:
                first[id(variable)] = np.broadcast_to(variable.numpy(), (len(self.heads), *variable.shape))
        rate, decay = (np.array([getattr(h, name) for h in self.heads]) for name in ("rate_scale", "decay_scale"))
        parts = self.networks.parts
        scaled = zip(self._rules[1:], *map(parts, (chunk.rates, rate, decay)), strict=True)
        self.state: State = {
            "trunk": [jnp.asarray(first[id(v)], v.dtype) for v in self.trunk.trainable_variables],
            "others": [jnp.asarray(first[id(v)], v.dtype) for v in self.trunk.non_trainable_variables],
            "heads": [
                [jnp.asarray(np.stack(values), self.dtype) for values in pair]
                for pair in zip(parts(chunk.kernels), parts(chunk.biases), strict=True)
            ],
            "rules": [self._rules[0].start(chunk.rates), *(rule.start(*factors) for rule, *factors in scaled)],
        }
        self._stream: Stream = {
            "of_replica": jnp.asarray(chunk.of_replica, jnp.int32),
            "mean": _as_it_is(chunk.mean),
            "scale": _as_it_is(chunk.scale),
        }
        self._order = jnp.asarray(chunk.order, jnp.int32)

    def advance(self, first: int, last: int) -> Progressed:
        """Take the steps first .. last-1 of all networks in one call."""
        self.state, seen = self._advance(
            self.state, np.int32(first), np.int32(last), self._order, self._stream, self._data
        )
        objective, norms, dead = (np.asarray(values) for values in seen)
        names = (*NORMS, *(name for name, _ in self.networks.scopes))
        return Progressed(objective=objective, norms=dict(zip(names, norms, strict=True)), dead=dead)

    def evaluate(self, rows: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Logits by units and losses of rows (streams, n), block after block."""
        weights = {name: values for name, values in self.state.items() if name != "rules"}

        def block(rows: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
            z, losses, penalties = self._evaluate(weights, rows.astype(np.int32), self._stream, self._data)
            return list(map(np.asarray, z)), np.asarray(losses, np.float64) + np.asarray(penalties)[:, None]

        return in_blocks(rows, EVALUATED_ROWS if self._apart else rows.shape[1], block)

    def weights(self) -> list[tuple[np.ndarray, ...]]:
        """Of each replica, the trunk's weights, and its head's kernel and bias."""
        variables = [*self.trunk.trainable_variables, *self.trunk.non_trainable_variables]
        stacks = zip(variables, [*self.state["trunk"], *self.state["others"]], strict=True)
        now = {id(variable): np.asarray(stack) for variable, stack in stacks}
        trunk = [now[id(variable)] for variable in self._weights]
        pairs = [pair for pair in self.state["heads"] for pair in zip(*map(np.asarray, pair), strict=True)]
        return [(*(stack[index] for stack in trunk), *pair) for index, pair in enumerate(pairs)]

    # The compiled part: everything below is traced.

    def _rows(self, rows: jax.Array, stream: Stream, data: Stream) -> tuple[jax.Array, jax.Array]:
        """Rows (streams, n) of the data, scaled, and their labels, for each network.

        A float32 of 1.7e9 is a multiple of 128: a column is centred in float64, and cast afterwards.
        """
        x = (data["x"][rows].astype("float64") - stream["mean"][:, None]) / stream["scale"][:, None]
        return x.astype(self.dtype)[stream["of_replica"]], data["y"][rows][stream["of_replica"]]

    def _losses(self, z: list[jax.Array], y: jax.Array, rows: jax.Array, stream: Stream, data: Stream) -> jax.Array:
        """Each row's loss times its weight: (networks, n)."""
        losses = self.networks.losses(z, y)
        return losses * data["weights"][rows][stream["of_replica"]] if "weights" in data else losses

    def _step(self, state: State, rows: jax.Array, stream: Stream, data: Stream) -> tuple[State, tuple[Any, ...]]:
        """One step on the batches `rows` (streams, batch): the new state, the objectives, the norms and dead shares."""
        x, y = self._rows(rows, stream, data)

        def outputs(trunk: Any, heads: Any) -> Any:
            return self.networks.outputs(trunk, heads, state["others"], x, training=True)

        (z, penalties), pull, others = jax.vjp(outputs, state["trunk"], state["heads"], has_aux=True)
        means, pull_means = jax.vjp(lambda z: jnp.mean(self._losses(z, y, rows, stream, data), axis=1), z)
        # the gradient at the logits is on the way to the weights: it costs nothing
        (at_logits,) = pull_means(jnp.ones_like(means))
        trunk, heads = pull((at_logits, jnp.ones_like(penalties)))
        gradients, weights = [trunk, *heads], [state["trunk"], *state["heads"]]
        moved = zip(self._rules, weights, state["rules"], gradients, strict=True)
        (new, *new_heads), rules = zip(*(rule(*arguments) for rule, *arguments in moved), strict=True)
        state = {"trunk": new, "others": others, "heads": new_heads, "rules": list(rules)}
        return state, (means + penalties, self.networks.norms(trunk, heads), dead_share(at_logits))

    def _steps(
        self, state: State, first: jax.Array, last: jax.Array, order: jax.Array, stream: Stream, data: Stream
    ) -> tuple[State, tuple[jax.Array, ...]]:
        """Take the steps first .. last-1 of `order` (streams, steps, batch).

        Returns the new state, the mean objective of these steps (networks,), and of the last one the norms (scopes,
        networks) and the shares of dead rows (networks,). The numbers of the steps are no constants: what is compiled
        serves all of them.
        """
        count, dtype = self.networks.count, self.dtype
        norms = jnp.zeros((len(NORMS) + len(self.networks.scopes), count), dtype)
        seen = (jnp.zeros(count, dtype), norms, jnp.zeros(count, dtype))

        def body(step: jax.Array, carried: Any) -> Any:
            state, (total, *_) = carried
            state, (objective, norms, dead) = self._step(state, order[:, step], stream, data)
            return state, (total + objective, norms, dead)

        state, (total, norms, dead) = jax.lax.fori_loop(first, last, body, (state, seen))
        return state, (total / (last - first).astype(dtype), norms, dead)

    def _block(self, weights: State, rows: jax.Array, stream: Stream, data: Stream) -> tuple[Any, jax.Array, jax.Array]:
        """Raw outputs, row losses and penalties of `rows` (streams, n), in inference mode."""
        x, y = self._rows(rows, stream, data)
        (z, penalties), _ = self.networks.outputs(
            weights["trunk"], weights["heads"], weights["others"], x, training=False
        )
        return z, self._losses(z, y, rows, stream, data), penalties


def _as_it_is(values: np.ndarray) -> jax.Array:
    """The numbers in their own precision. Raises `RuntimeError` where JAX would make a float32 of a float64."""
    if values.dtype == np.float64 and jnp.zeros((), "float64").dtype != np.float64:
        raise RuntimeError("JAX has no float64 to centre rows in: train within precision(dtype)")
    return jnp.asarray(values, values.dtype)


@cache
def quick_to_compile() -> dict[str, bool | int]:
    """Options of XLA for a processor's programs, which take half the time to compile that they take without.

    On one core the steps of 160 MLPs compile in 0.8 s instead of 1.8, and each takes 4.3 ms instead of 3.7; those of 40
    small CNNs compile in 1.3 s instead of 3.0, and take as long. So they pay below some 2,000 steps. Empty where there
    is an accelerator, and where XLA no longer knows them.
    """
    if jax.default_backend() != "cpu":
        return {}
    try:
        jax.jit(lambda: 0, compiler_options=_QUICK)()
    except jax.errors.JaxRuntimeError:
        return {}
    return dict(_QUICK)
