"""First weights as Keras draws them: from the initialisers of one trunk where they can be called again, else from a new
trunk for each seed.

Building a trunk takes a hundred times what its initialisers take.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from experiments import keras_internals

_FEW = 5  # trunks that are built sooner than it is found out how they are drawn
Weights = tuple[np.ndarray, ...]
Draw = Callable[[int], Weights]


def weights_of(model: keras.Model) -> list[keras.Variable]:
    """The model's variables but for the states of random generators, which are seeded apart."""
    return [variable for variable in model.variables if variable.dtype.startswith("float")]


def values_of(model: keras.Model) -> Weights:
    """The present weights of a model."""
    return tuple(variable.numpy() for variable in weights_of(model))


def seed_initialisers(seed: int) -> None:
    """Seed Python's generator, from which Keras's own initialisers have their seeds; NumPy's and TensorFlow's stay."""
    random.seed(seed)


def built_under(build: Callable[[], keras.Model], seed: int) -> keras.Model:
    """The trunk that `build` makes under a seed of all of Keras's generators."""
    if keras.backend.backend() == "tensorflow":
        keras.utils.set_random_seed(seed)
    else:
        keras_internals.seed_off_tensorflow(seed)
    return build()


def drawing_of(build: Callable[[], keras.Model], draws: int, under_0: keras.Model) -> Draw:
    """From a seed to the first weights of the trunk that `build` makes under it, for `draws` seeds.

    `under_0`: what `built_under(build, 0)` gave. A few trunks are built each under all of Keras's seeds. For more, what
    gives the weights of two trunks that are built so, bit for bit, is taken: the initialisers of a trunk, called again
    with other seeds; or trunks built with Python's generator seeded alone, since seeding TensorFlow's as well empties
    its cache of kernels.
    """

    def built(seed: int) -> Weights:
        return values_of(built_under(build, seed))

    def lightly_built(seed: int) -> Weights:
        seed_initialisers(seed)
        return values_of(build())

    if draws <= _FEW:
        return built
    weights_by_seed = {0: values_of(under_0), 1: built(1)}
    again = _called_again(under_0, weights_by_seed)
    if again is not None and all(_same(again(seed), weights) for seed, weights in weights_by_seed.items()):
        return again
    return lightly_built if _same(lightly_built(0), weights_by_seed[0]) else built


def _same(first: Weights, second: Weights) -> bool:
    return len(first) == len(second) and all(map(np.array_equal, first, second))


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """A variable's initialiser, and which of the seeds it got that Keras's initialisers draw one after another."""

    initialiser: type[keras.initializers.Initializer]
    config: Mapping[str, Any]
    index: int
    shape: tuple[int, ...]
    dtype: str

    def __call__(self, seeds: Sequence[int]) -> np.ndarray:
        initialiser = self.initialiser.from_config({**self.config, "seed": seeds[self.index]})
        values = initialiser(self.shape, dtype=self.dtype)
        return np.asarray(keras.ops.convert_to_numpy(values))


def _called_again(trunk: keras.Model, weights_by_seed: dict[int, Weights]) -> Draw | None:
    """From a seed to the weights that the initialisers of `trunk`, built under the seed 0, draw under it.

    What `weights_by_seed` has the same under all of its seeds is nothing that is drawn. None where a variable is drawn
    in another way.
    """
    initialisers = [
        initialiser
        for layer in keras_internals.layers_within(trunk)
        for initialiser in vars(layer).values()
        if isinstance(initialiser, keras.initializers.Initializer)
        and isinstance(getattr(initialiser, "seed", None), int)
    ]
    # a layer may draw seeds for more than its initialisers, such as Dropout for its generator
    seeds = keras_internals.default_seeds(0, 4 * len(initialisers) + 64)
    indices = {seed: index for index, seed in enumerate(seeds)}
    usable = [one for one in initialisers if one.seed in indices]
    parts: list[_Drawn | np.ndarray] = []
    for number, variable in enumerate(weights_of(trunk)):
        values = [weights[number] for weights in weights_by_seed.values()]
        if all(np.array_equal(value, values[0]) for value in values):
            parts.append(values[0])
            continue
        shape, dtype = tuple(variable.shape), variable.dtype
        drawn = (
            _Drawn(initialiser=type(one), config=config, index=indices[one.seed], shape=shape, dtype=dtype)
            for one in usable
            for config in _configs(one, len(shape))
        )
        draw = next((one for one in drawn if _gives(one, seeds, variable.numpy())), None)
        if draw is None:
            return None
        parts.append(draw)
    most = max((part.index for part in parts if isinstance(part, _Drawn)), default=-1) + 1

    def again(seed: int) -> Weights:
        seeds = keras_internals.default_seeds(seed, most)
        return tuple(part(seeds) if isinstance(part, _Drawn) else part for part in parts)

    return again


def _configs(initialiser: Any, rank: int) -> Iterator[dict[str, Any]]:
    """As a layer may call it: EinsumDense tells which of its kernel's axes are inputs, the first few."""
    config = initialiser.get_config()
    yield config
    if isinstance(initialiser, keras.initializers.VarianceScaling):
        for inputs in range(1, rank):
            yield {**config, "input_axes": [*range(inputs)], "output_axes": [*range(inputs, rank)]}


def _gives(drawn: _Drawn, seeds: Sequence[int], wanted: np.ndarray) -> bool:
    try:
        return np.array_equal(drawn(seeds), wanted)
    except (TypeError, ValueError):  # not every initialiser takes every shape
        return False
