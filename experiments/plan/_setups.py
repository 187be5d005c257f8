"""What a protocol trains, as setups: of its cells, of some of them in another way, and in other frameworks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from experiments.frameworks import FRAMEWORKS
from experiments.heads import BASELINE, HEADS
from experiments.networks import NETWORKS
from experiments.optimizers import OPTIMIZERS
from experiments.protocols import GRID_OF_MULTI_UNIT, Group, Protocol, Selection
from experiments.records import Setup
from experiments.tables import MAIN

Triple = tuple[str, str, str]


def arms(protocol: Protocol, optimizer: str, framework: str = MAIN) -> tuple[str, ...]:
    """The protocol's arms that the framework has and that are not another one over again under this optimizer."""
    decays = OPTIMIZERS[optimizer].decays
    heads = [HEADS[head] for head in protocol.heads]
    return tuple(h.name for h in heads if h.exists_in(framework) and (decays or not h.needs_decay))


def has(framework: str, network: str, optimizer: str) -> bool:
    """Whether the network and the optimizer exist in the framework: all do in Keras."""
    counterpart = FRAMEWORKS[framework].counterpart
    return not counterpart or all(getattr(item, counterpart) for item in (NETWORKS[network], OPTIMIZERS[optimizer]))


def setups(
    protocol: Protocol, selection: Protocol | Selection, triples: Iterable[Triple], framework: str = MAIN
) -> Iterator[Setup]:
    """One setup a (task, network, optimizer), with the protocol's arms and the seeds and steps of `selection`.

    None in a framework that the protocol does not have.
    """
    for task, network, optimizer in triples if framework in protocol.frameworks else ():
        if not has(framework, network, optimizer):
            continue
        yield Setup(
            task=task,
            network=network,
            optimizer=optimizer,
            heads=arms(protocol, optimizer, framework),
            framework=framework,
            seeds=seeds_of(selection.groups, (task, network, optimizer)) or selection.seeds,
            steps=selection.steps,
            batch_size=protocol.batch_size,
            record_every=protocol.record_every,
            image_side=protocol.image_side,
        )


def triples(groups: Iterable[Group]) -> list[Triple]:
    """Every (task, network, optimizer) of `groups`, in order."""
    return [
        (task, network, optimizer)
        for group in groups
        for task in group.tasks
        for network in group.networks
        for optimizer in group.optimizers
    ]


def selected(protocol: Protocol, groups: Iterable[Group]) -> list[Triple]:
    """The triples of the protocol's groups that are also in `groups`, in which "*" stands for any name."""
    groups = tuple(groups)
    return [triple for triple in triples(protocol.groups) if any(group.covers(*triple) for group in groups)]


def seeds_of(groups: Iterable[Group], triple: Triple) -> int | None:
    """The seeds that the first of `groups` with this cell names for it; None if it names none."""
    return next((group.seeds for group in groups if group.covers(*triple)), None)


def elsewhere(protocol: Protocol, selection: Selection) -> Iterator[Setup]:
    """The setups of `selection` in each framework but the main one."""
    for framework in protocol.frameworks:
        if framework != MAIN:
            yield from setups(protocol, selection, triples(selection.groups), framework)


def explaining(setup: Setup) -> tuple[str, ...]:
    """Those arms of `setup` that carry the answer: both heads, those that tell causes apart, and the noise floor.

    And both heads in another program, where the framework has one.
    """
    roles = ("factor", "control", "null")
    answering = (BASELINE, "softmax", *FRAMEWORKS[setup.framework].programs)
    return tuple(head for head in setup.heads if head in answering or HEADS[head].role in roles)


def both(setup: Setup) -> tuple[str, ...]:
    """The heads of `setup` that answer whether they differ, without those that tell why."""
    return tuple(head for head in setup.heads if head in (BASELINE, "softmax"))


def triple_of(setup: Setup) -> Triple:
    """The task, the network and the optimizer of a setup."""
    return setup.task, setup.network, setup.optimizer


def grid(optimizer: str, exponents: Iterable[int] = ()) -> tuple[float, ...]:
    """The learning rates of a sweep: powers of two of the optimizer's own, without `exponents` its `rate_exponents`."""
    record = OPTIMIZERS[optimizer]
    return tuple(record.learning_rate * 2.0**exponent for exponent in exponents or record.rate_exponents)


def grid_of_units(optimizer: str) -> tuple[float, ...]:
    """The learning rates of a sweep where there are several units; up to those of two classes if they end as far up."""
    record, rates = OPTIMIZERS[optimizer], GRID_OF_MULTI_UNIT
    most = record.rate_exponents.stop if record.scale_invariant else rates.stop
    return grid(optimizer, range(rates.start, min(most, rates.stop)))
