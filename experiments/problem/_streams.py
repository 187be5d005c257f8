"""What each seed fixes before any arm is looked at: split, scaling, first weights, batch order.

Everything derives from (task, network, seed) and never from the arm: that is what makes two arms a pair.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from experiments.problem._draws import Initialiser, Law
from experiments.records import Draw, Head
from experiments.tasks import Scaling, Split

SEEDS = 2**30  # below what TensorFlow's stateless generators take as a signed integer


def seed_of(*parts: object) -> int:
    """A seed in [0, 2**30) that depends on every part and on nothing else."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") % SEEDS


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One seed's fixed part.

    `sample`: the number of its rows' draw, equal for seeds that have the same rows in the same parts.
    `trunk`: the trunk's first weights, in its own order. `random`: the seed of its random layers.
    `order` and `order_again`: (steps, batch) row numbers of each training batch, and those of the null arms.
    """

    seed: int
    sample: int
    split: Split
    scaling: Scaling
    trunk: tuple[np.ndarray, ...]
    random: int
    order: np.ndarray
    order_again: np.ndarray

    def order_of(self, head: Head) -> np.ndarray:
        """The batches that `head` sees."""
        return self.order_again if head.order == "again" else self.order


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
    sample: int,
    split: Split,
    scaling: Scaling,
    first_weights: Callable[[int], tuple[np.ndarray, ...]],
    steps: int,
    batch_size: int,
) -> Stream:
    """Draw the stream of one seed; `first_weights` draws the trunk's under a seed of its own."""
    return Stream(
        seed=seed,
        sample=sample,
        split=split,
        scaling=scaling,
        trunk=first_weights(seed_of(task, network, seed, "trunk")),
        random=seed_of(task, network, seed, "random"),
        order=batch_order(split.train, steps, batch_size, seed_of(task, network, seed, "order")),
        order_again=batch_order(split.train, steps, batch_size, seed_of(task, network, seed, "order again")),
    )


@dataclass(frozen=True, kw_only=True)
class HeadStream:
    """The random numbers of one seed's heads, the same for every arm of a task and a network."""

    task: str
    network: str
    seed: int

    def kernel(self, law: Law | Initialiser, features: int, units: int, draw: Draw) -> np.ndarray:
        """The head's first kernel, (features, units) in float64.

        An arm of one unit has the draw for one unit, w. "own" with two units is the law's exact draw, coupled to w;
        what cannot be coupled, and more units, are drawn by themselves. "paired" is [-w/2, +w/2]; "again" is a draw
        that is independent of all these.
        """
        if draw == "paired":
            return _paired(self.kernel(law, features, 1, "own"))
        if not isinstance(law, Law):
            return law((features, units), self._seed("head", units, draw))
        return self._entries(law, "head", features, units, draw, inputs=features)

    def bias(self, bias: Law | tuple[int, Initialiser], features: int, units: int, draw: Draw) -> np.ndarray:
        """The head's first bias, (units,) in float64; `Start` says how a user's own is read."""
        if isinstance(bias, Law):
            if draw == "paired":
                return _paired(self.bias(bias, features, 1, "own"))
            inputs = features if bias.fan == "inputs" else units
            return self._entries(bias, "bias", 1, units, draw, inputs=inputs)[0]
        of, initialiser = bias
        values = initialiser((of,), self._seed("bias", "again" if draw == "again" else "own"))
        if of == units and draw != "paired":
            return values
        effective = values if of == 1 else values[1:] - values[:1]
        return effective if units == 1 else _paired(effective)

    def _entries(self, law: Law, part: str, rows: int, units: int, draw: Draw, inputs: int) -> np.ndarray:
        if units == 2 and draw == "own":
            return law.draw_coupled(self._rng(part, 1, "own"), self._rng(part, "sum"), rows, inputs)
        return law.draw(self._rng(part, units, draw), rows, units, inputs)

    def _seed(self, *parts: object) -> int:
        return seed_of(self.task, self.network, self.seed, *parts)

    def _rng(self, *parts: object) -> np.random.Generator:
        return np.random.default_rng(self._seed(*parts))


def _paired(w: np.ndarray) -> np.ndarray:
    """The weights of two units, on the last axis, that are the function of one unit with weights w."""
    return np.concatenate([-w / 2, w / 2], axis=-1)


def hash_of(arrays: tuple[np.ndarray, ...]) -> str:
    """Sixteen hexadecimal digits of the SHA-256 of the arrays' bytes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()[:16]
