"""Which network is which replica, and how many advance at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from experiments.records import Head


@dataclass(frozen=True, kw_only=True)
class Replica:
    """One network: an arm, a learning rate and a seed."""

    head: Head
    learning_rate: float
    seed: int


def kind_of(head: Head) -> tuple[int, str, str]:
    """What makes two heads one computation: units, activation, loss."""
    return head.units, head.activation, head.loss


def in_groups(heads: Sequence[Head]) -> list[Head]:
    """The heads with those of one computation side by side, fewest units first, so that each is one slice."""
    return sorted(heads, key=kind_of)


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Neighbouring replicas of one computation, as positions among the replicas with as many units."""

    units: int
    head: Head
    start: int
    stop: int


def slices(heads: Sequence[Head]) -> list[Slice]:
    """The runs of one computation in `heads`, one head a replica, as `in_groups` sorts them."""
    found: list[Slice] = []
    for units, of_units in groupby(heads, key=lambda head: head.units):
        start = 0
        for _, run in groupby(of_units, key=kind_of):
            members = list(run)
            found.append(Slice(units=units, head=members[0], start=start, stop=start + len(members)))
            start += len(members)
    return found


def chunks(heads: Sequence[Head], rates: Sequence[float], seeds: Sequence[int], most: int) -> Iterator[list[Replica]]:
    """Split the networks of a cell into chunks of at most `most` replicas, all of one shape where that is possible.

    A chunk holds every arm of some (rate, seed) pairs, so that the compiled step serves all chunks of a size.
    When even one pair's arms are more than `most`, the arms are split too.
    """
    pairs = [(rate, seed) for rate in rates for seed in seeds]
    if len(heads) > max(most, 1):
        for start in range(0, len(heads), max(most, 1)):
            yield from chunks(heads[start : start + max(most, 1)], rates, seeds, most)
        return
    parts = -(-len(pairs) * len(heads) // max(most, len(heads)))
    size = -(-len(pairs) // parts)
    for start in range(0, len(pairs), size):
        chosen = pairs[start : start + size]
        yield [Replica(head=head, learning_rate=rate, seed=seed) for head in in_groups(heads) for rate, seed in chosen]
