"""What Keras does on JAX and does not promise: precision, convolutions, seeds."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


def seed_off_tensorflow(seed: int) -> None:
    """What `keras.utils.set_random_seed` does, but for TensorFlow's own seed: it imports TensorFlow for that."""
    from keras.src.backend.common import global_state
    from keras.src.random import seed_generator
    from keras.src.utils import rng_utils

    global_state.set_global_attribute(rng_utils.GLOBAL_RANDOM_SEED, seed)
    global_state.set_global_attribute(seed_generator.GLOBAL_SEED_GENERATOR, None)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (a layer of the user may draw from it)


@contextmanager
def small_programs() -> Iterator[None]:
    """Within, XLA hardly optimises what JAX compiles: for programs that run a few times, on little.

    Without it the draw of a convolution's kernel takes seconds to compile.
    """
    import jax

    name = "jax_disable_most_optimizations"
    before = jax.config.values[name]
    jax.config.update(name, True)
    try:
        yield
    finally:
        jax.config.update(name, before)


@contextmanager
def convolving(by: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
    """Within, Keras's layers on JAX convolve with `by(convolve)`, from the function that they convolve with."""
    from keras.src.backend.jax import nn

    theirs = nn.conv
    nn.conv = by(theirs)
    try:
        yield
    finally:
        nn.conv = theirs


@contextmanager
def float64_kept() -> Iterator[None]:
    """Within, what is given as float64 is computed in float64, where Keras on JAX takes float32 whatever it is given.

    It does in two places: its rules of promotion, from which `keras.ops.mean` has its precision, and the softmax of
    attention; with a mask or a bias that stays as it is.
    """
    from keras.src.backend.common import dtypes
    from keras.src.backend.jax import nn

    theirs = nn.dot_product_attention

    def attention(query: Any, key: Any, value: Any, **rest: Any) -> Any:
        scale = rest.pop("scale", None)
        if query.dtype != "float64" or any(given is not None and given is not False for given in rest.values()):
            return theirs(query, key, value, scale=scale, **rest)
        scores = nn.jnp.einsum("btnh,bsnh->bnts", query, key) * (query.shape[-1] ** -0.5 if scale is None else scale)
        return nn.jnp.einsum("bnts,bsnh->btnh", nn.jax.nn.softmax(scores), value)

    wide, narrow = dtypes.BIT64_TO_BIT32_DTYPE, dtypes.BIT64_TO_BIT32_DTYPE["float64"]
    wide["float64"], nn.dot_product_attention = "float64", attention
    try:
        yield
    finally:
        wide["float64"], nn.dot_product_attention = narrow, theirs
