"""What the engines train: the data, the arms, one stream a seed; and such a problem looked up by its names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from experiments.heads import HEADS
from experiments.networks import NETWORKS
from experiments.optimizers import OPTIMIZERS
from experiments.problem._draws import KERAS_START, Start
from experiments.problem._metrics import effective_logit, measure
from experiments.problem._multi_unit_metrics import label_logits, log_probabilities, measure_classes, measure_labels
from experiments.problem._replicas import Replica
from experiments.problem._samples import rows_of, tokenised
from experiments.problem._streams import HeadStream, Stream, draw, seed_of
from experiments.records import Data, Head, Network, Optimizer, Setup, require
from experiments.tasks import TASKS, fit_scaling

CURVE_ROWS = {"train": 128, "test": 256}  # a curve is a mean over twenty looks, so fewer rows do
FINAL_ROWS = {"train": 512, "validation": 4096, "test": 4096}


class Trunk(Protocol):
    """What stands below the heads, as an engine's framework builds it; a problem asks it for numbers alone."""

    @property
    def features(self) -> int:
        """The length of what it makes of a row."""

    def first_weights(self, seed: int) -> tuple[np.ndarray, ...]:
        """What the framework's own initialisers draw under `seed`, in the order in which the engine takes weights."""


@dataclass(frozen=True, kw_only=True)
class Reader:
    """How a kind of target is read: `read(head, z)` from raw outputs, `measure(read, losses, y, along)` to measures.

    `along`: only those that have curves.
    """

    read: Callable[[Head, np.ndarray], np.ndarray]
    measure: Callable[[np.ndarray, np.ndarray, np.ndarray, bool], dict[str, np.ndarray]]

    def each(
        self, read: np.ndarray, losses: np.ndarray, labels: Sequence[np.ndarray], along: bool
    ) -> dict[str, np.ndarray]:
        """Each measure, (networks,): `read` and `losses` (networks, rows, ...), of which a network's `labels` count."""
        measured: dict[str, np.ndarray] = {}
        lengths = np.array([len(y) for y in labels])
        for n in np.unique(lengths):  # splits differ by a row or so where groups of rows stay together
            indices = np.flatnonzero(lengths == n)
            truth = np.stack([labels[index] for index in indices.tolist()])
            for quantity, values in self.measure(read[indices, :n], losses[indices, :n], truth, along).items():
                measured.setdefault(quantity, np.empty(len(lengths)))[indices] = values
        return measured


READERS = {
    "binary": Reader(read=effective_logit, measure=measure),
    "multiclass": Reader(read=log_probabilities, measure=measure_classes),
    "multilabel": Reader(read=label_logits, measure=measure_labels),
}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Everything that an engine needs to train a cell's networks; of `setup` it reads names and sizes alone.

    `trunk`: what stands below the heads; the weights of each network come from its stream. `streams`: by seed; those
    seeds are trained.
    `weights`: (n,), what each row's loss is multiplied by in the objective, as Keras does with `sample_weight`: the
    mean is over the rows, not over the weights. What is measured beside the objective does not know of them.
    `origin`: (n,), the number of each row in the table that the seeds draw from; None if `data` is that table, or if
    every seed has rows of its own. `available`: how many rows there are to draw from, infinitely many in a population.
    `start`: what the heads are drawn by. `xla`: whether XLA compiles the training step.
    `beside`: arms of `heads` that are trained at a rate outside of `rates` too.
    """

    setup: Setup
    data: Data
    heads: tuple[Head, ...]
    rates: tuple[float, ...]
    optimizer: Optimizer
    trunk: Trunk
    streams: Mapping[int, Stream]
    reader: Reader
    available: float
    weights: np.ndarray | None = None
    origin: np.ndarray | None = None
    start: Start = KERAS_START
    xla: bool = False
    beside: tuple[tuple[Head, float], ...] = ()
    _drawn: dict[tuple[str, int, int], np.ndarray] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that are trained."""
        return tuple(self.streams)

    def kernel(self, replica: Replica) -> np.ndarray:
        """The head's first kernel of one network, (features, units)."""
        units, draw = replica.head.units, replica.head.draw
        return self._head(replica).kernel(self.start.kernel, self.trunk.features, units, draw)

    def bias(self, replica: Replica) -> np.ndarray:
        """The head's first bias of one network, (units,)."""
        units, draw = replica.head.units, replica.head.draw
        return self._head(replica).bias(self.start.bias, self.trunk.features, units, draw)

    def _head(self, replica: Replica) -> HeadStream:
        return HeadStream(task=self.setup.task, network=self.setup.network, seed=replica.seed)

    def rows(self, part: str, seed: int, most: int) -> np.ndarray:
        """At most `most` rows of a part of the seed's split, drawn once for all arms and steps of a sample's seeds."""
        key = part, seed, most
        if key not in self._drawn:  # each look asks for them again
            stream = self.streams[seed]
            rows: np.ndarray = getattr(stream.split, part)
            rng = np.random.default_rng(seed_of(self.setup.task, stream.sample, "rows", part))
            self._drawn[key] = rng.permutation(rows)[:most]
        return self._drawn[key]

    @property
    def samples(self) -> dict[int, int]:
        """The number of each seed's sample, see `Stream`."""
        return {seed: stream.sample for seed, stream in self.streams.items()}

    @property
    def used(self) -> dict[int, np.ndarray]:
        """By seed, the rows of its batches and those of its other parts that it is measured on, as origins, ascending.

        The noise floor's batches are drawn from the same part: they would add rows that no difference of arms sees.
        """
        by_seed = {}
        for seed, stream in self.streams.items():
            looked_at = (self.rows(part, seed, FINAL_ROWS[part]) for part in ("validation", "test"))
            rows = np.unique(np.concatenate([stream.order.ravel(), *looked_at]))
            by_seed[seed] = rows if self.origin is None else np.sort(self.origin[rows])
        return by_seed

    @property
    def recorded(self) -> list[int]:
        """The steps after which the networks are measured: the first, the last, and every few between."""
        return sorted({*range(0, self.setup.steps, self.setup.record_every), self.setup.steps})


# from a network, the shape of one row, an L2 penalty on every kernel (0 for none) and how many first weights will be
# drawn, to its trunk
TrunkOf = Callable[[Network, tuple[int, ...], float, int], Trunk]


def prepare(
    setup: Setup,
    trunk_of: TrunkOf,
    start: Start = KERAS_START,
    first: Callable[[Trunk, int], tuple[np.ndarray, ...]] | None = None,
) -> Problem:
    """Look up and draw all that `setup` names; `trunk_of` builds the trunk in the framework that trains it, and
    `start` has the laws of its heads.

    `first(trunk, seed)`: the first weights of the trunk, where it does not draw them itself.

    Raises `UserError` for an unknown name and for a task that the network cannot take.
    """
    task, network, optimizer = TASKS[setup.task], NETWORKS[setup.network], OPTIMIZERS[setup.optimizer]
    heads = tuple(HEADS[name] for name in setup.heads)
    require(
        task.kind in network.takes,
        f"The network {network.name!r} does not take the task {task.name!r}, whose rows are {task.kind}s. "
        f"Networks that do: {', '.join(n.name for n in NETWORKS.values() if task.kind in n.takes)}.",
    )
    for head in heads:
        require(
            head.multi_unit == (task.target != "binary"),
            f"The head {head.name!r} does not take the task {task.name!r}, which is {task.target}. Heads that do: "
            f"{', '.join(h.name for h in HEADS.values() if h.multi_unit != head.multi_unit)}.",
        )
    data, parts, samples, available = rows_of(task, setup.image_side, setup.seeds)
    origin = None
    if task.kind == "text":
        data, parts, origin = tokenised(data, parts, samples)
    outputs = data.y.shape[1] if data.y.ndim == 2 else int(data.y.max()) + 1
    heads = tuple(replace(head, units=outputs) if head.multi_unit else head for head in heads)
    trunk = trunk_of(network, data.x.shape[1:], optimizer.l2, len(parts))

    def drawing(seed: int) -> Callable[[int], tuple[np.ndarray, ...]]:
        return trunk.first_weights if first is None else lambda _: first(trunk, seed)

    streams = {
        seed: draw(
            task=task.name,
            network=network.name,
            seed=seed,
            sample=samples[seed],
            split=split,
            scaling=fit_scaling(data.x, split.train, task.kind),
            first_weights=drawing(seed),
            steps=setup.steps,
            batch_size=setup.batch_size,
        )
        for seed, split in parts.items()
    }
    return Problem(
        setup=setup,
        data=data,
        heads=heads,
        rates=setup.learning_rates or (optimizer.learning_rate,),
        optimizer=optimizer,
        trunk=trunk,
        streams=streams,
        reader=READERS[task.target],
        origin=origin,
        available=available,
        start=start,
        xla=setup.networks * setup.steps >= network.xla_from,
    )
