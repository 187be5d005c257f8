"""What a preset is: which cells there are, and how long each is trained."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Group:
    """Tasks crossed with networks and optimizers: one line of a preset. "*" stands for any name.

    `seeds`: how many, where these cells have not as many as the rest.
    """

    tasks: tuple[str, ...]
    networks: tuple[str, ...]
    optimizers: tuple[str, ...]
    seeds: int | None = None

    def covers(self, task: str, network: str, optimizer: str) -> bool:
        """Whether a cell is one of these."""
        names = ((self.tasks, task), (self.networks, network), (self.optimizers, optimizer))
        return all(name in allowed or "*" in allowed for allowed, name in names)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Cells that a preset trains in another way beside its main ones, and how long."""

    groups: tuple[Group, ...] = ()
    seeds: int = 1
    steps: int = 1


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """What the other frameworks train: cells at the optimizer's rate, at many rates, and in float64.

    `explained`: those of the cells at the optimizer's rate that train the arms that tell causes apart and both heads in
    another program, the others both heads alone. `together`: cells that all frameworks train from equal weights, to be
    compared with one another.
    """

    trained: Selection = Selection()
    explained: tuple[Group, ...] = ()
    swept: Selection = Selection()
    control: Selection = Selection()
    together: Selection = Selection()


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A preset: which cells there are, and how long each is trained.

    `swept`: those of the groups' cells that are trained at many learning rates; `control`: those that are trained
    in float64; `multi_unit`: cells of several classes or labels, which are no part of the groups; `every_arm`: those of
    the groups' cells that train every arm of `heads`, the others only those that carry the answer; `answered`: those
    that train both heads alone, since other cells tell what makes them differ there; `explained`: those
    of the swept cells that train the arms that tell causes apart, the others only both heads; `backends` and
    `dtypes`: those of Keras that the numerics atlas covers, no dtype meaning all.
    `frameworks`: which train; the first, Keras on TensorFlow, trains all of the above. `elsewhere`: what the others
    train, of tasks, networks and optimizers that need not be in the groups.
    """

    name: str
    description: str
    groups: tuple[Group, ...]
    heads: tuple[str, ...]
    seeds: int
    steps: int
    batch_size: int
    record_every: int
    image_side: int
    swept: Selection = Selection()
    control: Selection = Selection()
    multi_unit: Selection = Selection()
    every_arm: tuple[Group, ...] = ()
    answered: tuple[Group, ...] = ()
    explained: tuple[Group, ...] = ()
    backends: tuple[str, ...] = ("tensorflow", "torch", "jax")
    dtypes: tuple[str, ...] = ()
    frameworks: tuple[str, ...] = ("keras-tensorflow",)
    elsewhere: Elsewhere = Elsewhere()


PRESETS: Registry[Protocol] = Registry("preset")

ALL = ("*",)  # every registered one: for tasks the binary ones, for networks those that take the task
# a sweep's rates, as powers of two of the optimizer's own, where there are several units: Keras's binary_crossentropy
# is their mean, so that the sigmoids' best rate lies log2(units) further up unless the optimizer is scale-invariant
GRID_OF_MULTI_UNIT = range(-1, 11)
