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


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Neighbouring replicas of one computation, as positions among the replicas with as many units."""

    units: int
    head: Head
    start: int
    stop: int


def slices(heads: Sequence[Head]) -> list[Slice]:
    """The runs of one computation in `heads`, one head a replica, those of a computation side by side."""
    result: list[Slice] = []
    for units, of_units in groupby(heads, key=lambda head: head.units):
        start = 0
        for _, run in groupby(of_units, key=kind_of):
            members = list(run)
            result.append(Slice(units=units, head=members[0], start=start, stop=start + len(members)))
            start += len(members)
    return result


def chunks(
    heads: Sequence[Head],
    rates: Sequence[float],
    seeds: Sequence[int],
    most: int,
    beside: Sequence[tuple[Head, float]] = (),
) -> Iterator[list[Replica]]:
    """Split the networks of a cell into chunks of at most `most` replicas, all of one shape where that is possible.

    A chunk holds every arm of some (rate, seed) pairs, so that the compiled step serves all chunks of a size. With
    `beside`, single arms at rates of their own, it holds all arms at all rates of some seeds.
    When even the arms of one pair, or of one seed, are more than `most`, they are split too.
    """
    lots = [[(head, rate) for head in heads] for rate in rates]
    if beside:
        lots = [[*(arm for lot in lots for arm in lot), *beside]]
    whole = len(lots[0])
    for start in range(0, whole, max(most, 1)):
        yield from _chunks([lot[start : start + max(most, 1)] for lot in lots], seeds, most)


def _chunks(lots: Sequence[Sequence[tuple[Head, float]]], seeds: Sequence[int], most: int) -> Iterator[list[Replica]]:
    """`lots`: the same heads each, at other rates; at most `most`. Heads of one computation come side by side, fewest
    units first, so that each is one slice.
    """
    pairs = [(lot, seed) for lot in lots for seed in seeds]
    length = len(lots[0])
    order = sorted(range(length), key=lambda index: kind_of(lots[0][index][0]))
    size = _even(len(pairs), max(most // length, 1))
    for start in range(0, len(pairs), size):
        chosen = pairs[start : start + size]
        arms = [(*lot[index], seed) for index in order for lot, seed in chosen]
        yield [Replica(head=head, learning_rate=rate, seed=seed) for head, rate, seed in arms]


def _even(pairs: int, most: int) -> int:
    """How many of `pairs` a chunk takes, at most `most`: in as many chunks as it needs, or in up to half as many again
    if all of them are of one size then. A step is compiled for each size, and that takes as long as hundreds of steps.
    """
    fewest = -(-pairs // most)
    count = next((n for n in range(fewest, fewest * 3 // 2 + 1) if pairs % n == 0), fewest)
    return -(-pairs // count)
