"""Keras's optimizers as functions of one network's weights, for `jax.vmap`."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import keras
import numpy as np

from experiments import keras_internals
from experiments.records import Optimizer

Values = list[jax.Array]


class Rule:
    """One step of an optimizer on some variables of a network, whose rate is part of the optimizer's state.

    `variables`: templates, whose values mean nothing. `scaled`: whether networks have factors of their own for the rate
    and the decay.
    """

    def __init__(
        self, optimizer: Optimizer, variables: Sequence[keras.Variable], dtype: str, *, scaled: bool = False
    ) -> None:
        made = optimizer.make(1.0)
        if scaled:
            made = keras_internals.scaled_optimizer(made, variables, rate=1.0, decay=1.0, dtype=dtype)
        made.build(list(variables))
        self._optimizer = made
        # all networks have taken as many steps
        self._axes = [None if variable is made.iterations else 0 for variable in made.variables]
        self._own = [made.learning_rate, *((made.own_rate, made.own_decay) if scaled else ())]

    def start(self, *own: np.ndarray) -> Values:
        """The state of networks that have taken no step; all of it but the count of steps has their axis first.

        `own`: (networks,) learning rates; of a scaled rule also the factors of the rate and of the decay.
        """
        known = {id(variable): values for variable, values in zip(self._own, own, strict=True)}
        networks = len(own[0])
        found = []
        for variable, axis in zip(self._optimizer.variables, self._axes, strict=True):
            value = np.array(variable)
            stack = value if axis is None else np.broadcast_to(value, (networks, *value.shape))
            found.append(jnp.asarray(known.get(id(variable), stack), variable.dtype))
        return found

    def __call__(self, weights: Values, state: Values, gradients: Values) -> tuple[Values, Values]:
        """The new weights and the new state of all networks, with the axes that `start` gives."""

        def one(weights: Values, state: Values, gradients: Values) -> tuple[Values, Values]:
            new, moved = self._optimizer.stateless_apply(state, gradients, weights)
            return list(new), list(moved)

        axes = self._axes
        return jax.vmap(one, in_axes=(0, axes, 0), out_axes=(0, axes))(weights, state, gradients)
