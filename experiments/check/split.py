"""Where a computation falls into trunk and tail: the last tensor that weights had a part in."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Node:
    """One operation of a trace: the tensors that it takes and returns. `random`: it draws what it returns."""

    inputs: tuple[Hashable, ...]
    outputs: tuple[Hashable, ...]
    random: bool = False


def split(
    nodes: Iterable[Node], data: Iterable[Hashable], weights: Iterable[Hashable], target: Hashable
) -> tuple[tuple[Hashable, ...], tuple[Hashable, ...]]:
    """The tensors between trunk and tail of `target`, and its dominators: those on every way to it, from it on.

    `nodes`: in the order of their execution. An operation is weighted if it takes data and weights. The tensors are
    those of the last weighted operations on each way to the target; one if they meet, none if a way has none.
    """
    weights, data = set(weights), set(data)
    producer: dict[Hashable, tuple[int, Node]] = {}
    weighted: set[int] = set()
    for index, node in enumerate(nodes):
        if any(tensor in data for tensor in node.inputs):
            data.update(node.outputs)
            if any(tensor in weights for tensor in node.inputs):
                weighted.add(index)
        elif not node.random and any(tensor in weights for tensor in node.inputs):
            weights.update(node.outputs)
        # what an operation hands through is not made by it
        producer.update({tensor: (index, node) for tensor in node.outputs if tensor not in node.inputs})
    frontier, blocked = {target}, False
    dominators: list[Hashable] = []
    last_weighted: list[Hashable] = []
    visited: set[Hashable] = set()  # a tensor may be changed in its place
    while frontier:
        latest = max(frontier, key=lambda tensor: producer[tensor][0] if tensor in producer else -1)
        if len(frontier) == 1 and not last_weighted:
            dominators.append(latest)
        frontier.remove(latest)
        visited.add(latest)
        if latest not in producer:
            blocked = True
            continue
        index, node = producer[latest]
        if index in weighted:
            last_weighted.append(latest)
            if not frontier and len(last_weighted) == 1:
                return (latest,), tuple(dominators)
            continue
        frontier |= {tensor for tensor in node.inputs if tensor in data and tensor not in visited}
    return () if blocked else tuple(last_weighted), tuple(dominators)


def entry_points(
    last_weighted: tuple[Hashable, ...], dominators: tuple[Hashable, ...], values: Callable[[Hashable], np.ndarray],
    shapes: Callable[[Hashable], tuple[int, ...]] | None = None,
) -> tuple[tuple[Hashable, ...], bool]:  # fmt: skip
    """Where a sweep enters, and whether nothing with weights goes around that.

    `last_weighted`, `dominators`: what `split` returned. `values`, `shapes`: of a tensor; where shapes are known, few
    values are asked for. What the last weighted tensors give together is entered in their place, if it is one
    activation's logits: a scalar product, but neither a stack of them all nor a mixture of probabilities. It is the
    first behind them that is as large as the target.
    """
    shape = shapes or (lambda tensor: values(tensor).shape)
    sizes = {tensor: math.prod(shape(tensor)) for tensor in (*last_weighted, *dominators)}
    target, size = dominators[0], sizes[dominators[0]]
    joint = [tensor for tensor in dominators if sizes[tensor] == size][-1]
    joined = len(last_weighted) > 1 and (joint != target or any(sizes[tensor] != size for tensor in last_weighted))
    if joined and sizes[joint] < sum(sizes[tensor] for tensor in last_weighted) and not squashed(values(joint)):
        return (joint,), True
    if last_weighted and len({shape(tensor) for tensor in last_weighted}) == 1:
        return last_weighted, True
    return (joint,), False


def squashed(values: np.ndarray) -> bool:
    """Whether numbers all lie within 0 and 1, as those behind an activation do."""
    return bool(values.size and values.min() >= 0 and values.max() <= 1)
