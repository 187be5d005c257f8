"""What each seed fixes before any arm is looked at: split, scaling, first weights, batch order.

Everything derives from (task, network, seed) and never from the arm: that is what makes two arms a pair.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from experiments.records import Head, Initialisation
from experiments.tasks import Scaling, Split

SEEDS = 2**30  # below what TensorFlow's stateless generators take as a signed integer


def seed_of(*parts: object) -> int:
    """A seed in [0, 2**30) that depends on every part and on nothing else."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") % SEEDS


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One seed's fixed part.

    `trunk`: the trunk's variables, in the order of `model.variables`. `random`: the seed of its random layers.
    `order` and `order_again`: (steps, batch) row numbers of each training batch, and those of the noise floor.
    """

    seed: int
    split: Split
    scaling: Scaling
    trunk: tuple[np.ndarray, ...]
    random: int
    order: np.ndarray
    order_again: np.ndarray

    def order_of(self, head: Head) -> np.ndarray:
        """The batches that `head` sees."""
        return self.order_again if head.initialisation == "again" else self.order


def weights_of(model: keras.Model) -> list[keras.Variable]:
    """The model's variables but for the states of random generators, which are seeded apart."""
    return [variable for variable in model.variables if variable.dtype.startswith("float")]


def batch_order(rows: np.ndarray, steps: int, batch_size: int, seed: int) -> np.ndarray:
    """`steps` batches out of as many permutations of `rows` as it takes: (steps, batch_size) row numbers.

    Every batch is full: one may hold the end of a permutation and the start of the next.
    """
    rng = np.random.default_rng(seed)
    epochs = -(-steps * batch_size // len(rows))
    return np.concatenate([rng.permutation(rows) for _ in range(epochs)])[: steps * batch_size].reshape(steps, -1)


def draw(
    *,
    task: str,
    network: str,
    seed: int,
    split: Split,
    scaling: Scaling,
    build: Callable[[], keras.Model],
    steps: int,
    batch_size: int,
) -> Stream:
    """Draw the stream of one seed; Keras's own initialisers draw the trunk under a seed of its own."""
    keras.utils.set_random_seed(seed_of(task, network, seed, "trunk"))
    trunk = tuple(variable.numpy() for variable in weights_of(build()))
    return Stream(
        seed=seed,
        split=split,
        scaling=scaling,
        trunk=trunk,
        random=seed_of(task, network, seed, "random"),
        order=batch_order(split.train, steps, batch_size, seed_of(task, network, seed, "order")),
        order_again=batch_order(split.train, steps, batch_size, seed_of(task, network, seed, "order again")),
    )


def head_kernel(
    task: str, network: str, seed: int, features: int, units: int, initialisation: Initialisation
) -> np.ndarray:
    """The head's first kernel, (features, units) in float64; its bias is 0.

    Glorot's uniform draw, Keras's default for Dense: within ±sqrt(6 / (features + units)). Arms with as many units
    share the draw. `paired` is [-w/2, +w/2] with w the draw for one unit; `again` is a second draw.
    Source: Glorot & Bengio 2010, eq. 16.
    """
    if initialisation == "paired":
        w = head_kernel(task, network, seed, features, 1, "own")
        return np.concatenate([-w / 2, w / 2], axis=1)
    limit = np.sqrt(6.0 / (features + units))
    rng = np.random.default_rng(seed_of(task, network, seed, "head", units, initialisation))
    return rng.uniform(-limit, limit, size=(features, units))


def hash_of(arrays: tuple[np.ndarray, ...]) -> str:
    """Sixteen hexadecimal digits of the SHA-256 of the arrays' bytes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()[:16]
