"""Trunks as Keras builds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property

import keras
import numpy as np

from experiments import keras_internals
from experiments.engines.keras_draws import Draw, built_under, drawing_of
from experiments.networks import Build
from experiments.problem import Problem
from experiments.records import Network


@contextmanager
def precision(dtype: str) -> Iterator[None]:
    """Let Keras compute in `dtype` within: layers, losses and optimizers alike."""
    policy, floatx = keras.config.dtype_policy(), keras.config.floatx()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    try:
        with _float64_at_hand(dtype):
            yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)


@contextmanager
def _float64_at_hand(dtype: str) -> Iterator[None]:
    """On JAX, let a float64 that is asked for be one: what is trained in float32 is centred in float64, too.

    JAX makes a float32 of it unless it is told not to, and so does Keras here and there. In float32 both stay as users
    have them.
    """
    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    before = jax.config.values["jax_explicit_x64_dtypes"]
    jax.config.update("jax_explicit_x64_dtypes", "allow")
    try:
        if dtype == "float64":
            with jax.enable_x64(True), keras_internals.float64_kept():
                yield
        else:
            yield
    finally:
        jax.config.update("jax_explicit_x64_dtypes", before)


def _small_programs() -> AbstractContextManager[None]:
    """For what is built and drawn: JAX compiles a program for each shape of a weight."""
    return keras_internals.small_programs() if keras.backend.backend() == "jax" else nullcontext()


@dataclass(frozen=True, kw_only=True)
class KerasTrunk:
    """An uncompiled Keras model from rows of one shape to features, in Keras's present precision.

    `build(row)`: builds it anew, drawn under Keras's present seed. `draws`: how many first weights will be drawn.
    `model`: the one under the seed 0, for its graph and the shapes of its variables. Making it reseeds Keras.
    """

    build: Build
    row: tuple[int, ...]
    draws: int = 1
    model: keras.Model = field(init=False)

    def __post_init__(self) -> None:
        with _small_programs():
            object.__setattr__(self, "model", built_under(self.fresh, 0))

    @cached_property
    def _draw(self) -> Draw:
        return drawing_of(self.fresh, self.draws, self.model)

    @property
    def features(self) -> int:
        """The length of what it makes of a row."""
        return int(self.model.output_shape[-1])

    def fresh(self) -> keras.Model:
        """Another one."""
        return self.build(self.row)

    def first_weights(self, seed: int) -> tuple[np.ndarray, ...]:
        """What Keras's initialisers draw, in the order of `weights_of`. Reseeds Keras."""
        with _small_programs():
            return self._draw(seed)


def trunk_of(network: Network, row: tuple[int, ...], l2: float, draws: int) -> KerasTrunk:
    """A network's trunk for rows of that shape, with an L2 penalty on every kernel unless it is 0."""
    return KerasTrunk(build=penalised(network.build, l2), row=row, draws=draws)


def keras_trunk(problem: Problem) -> KerasTrunk:
    """The problem's trunk. Raises `TypeError` if another framework built it."""
    if not isinstance(problem.trunk, KerasTrunk):
        raise TypeError(f"A Keras engine needs a Keras trunk, not a {type(problem.trunk).__name__}")
    return problem.trunk


def penalised(build: Build, l2: float) -> Build:
    """`build` with an L2 penalty on every kernel, unless it is 0."""

    def build_penalised(row: tuple[int, ...]) -> keras.Model:
        trunk = build(row)
        for variable in trunk.trainable_variables:
            if len(variable.shape) > 1:
                variable.regularizer = keras.regularizers.L2(l2)
        return trunk

    return build_penalised if l2 else build


def layer_scopes(trunk: keras.Model) -> list[tuple[str, list[int]]]:
    """Each layer of the trunk that trains, named by its index, with the indices of its variables."""
    index_of = {id(variable): index for index, variable in enumerate(trunk.trainable_variables)}
    scopes: list[tuple[str, list[int]]] = []
    for layer in keras_internals.layers_within(trunk, itself=False, nested=False):
        indices = [index_of[id(v)] for v in layer.trainable_variables if id(v) in index_of]
        if indices:
            scopes.append((f"layer:{len(scopes) + 1}_{type(layer).__name__}", indices))
    return scopes
