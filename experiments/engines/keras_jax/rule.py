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
        keras_optimizer = optimizer.make(1.0)
        if scaled:
            keras_optimizer = keras_internals.scaled_optimizer(
                keras_optimizer, variables, rate=1.0, decay=1.0, dtype=dtype
            )
        keras_optimizer.build(list(variables))
        self._optimizer = keras_optimizer
        # all networks have taken as many steps
        self._axes = [None if variable is keras_optimizer.iterations else 0 for variable in keras_optimizer.variables]
        self._rate_variables = [
            keras_optimizer.learning_rate,
            *((keras_optimizer.own_rate, keras_optimizer.own_decay) if scaled else ()),
        ]

    def start(self, *rates: np.ndarray) -> Values:
        """The state of networks that have taken no step; all of it but the count of steps has their axis first.

        `rates`: (networks,) learning rates; of a scaled rule also the factors of the rate and of the decay.
        """
        values_of = {id(variable): values for variable, values in zip(self._rate_variables, rates, strict=True)}
        networks = len(rates[0])
        state = []
        for variable, axis in zip(self._optimizer.variables, self._axes, strict=True):
            value = np.array(variable)
            stack = value if axis is None else np.broadcast_to(value, (networks, *value.shape))
            state.append(jnp.asarray(values_of.get(id(variable), stack), variable.dtype))
        return state

    def __call__(self, weights: Values, state: Values, gradients: Values) -> tuple[Values, Values]:
        """The new weights and the new state of all networks, with the axes that `start` gives."""

        def one(weights: Values, state: Values, gradients: Values) -> tuple[Values, Values]:
            new, moved = self._optimizer.stateless_apply(state, gradients, weights)
            return list(new), list(moved)

        axes = self._axes
        return jax.vmap(one, in_axes=(0, axes, 0), out_axes=(0, axes))(weights, state, gradients)
