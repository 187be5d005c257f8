"""PyTorch's own optimizers over stacked replicas, whose rates are those of parameter groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
import torch._dynamo  # the first optimizer imports it, for more than a second: here kernels are forked with it

from experiments.problem import Replica, kind_of
from experiments.records import Optimizer


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One weight of neighbouring replicas, (replicas, ...), from the replica `start` on; `head`: of their heads."""

    values: torch.Tensor
    start: int = 0
    head: bool = False


@dataclass(frozen=True, kw_only=True)
class Part:
    """The rows of one stack that are one parameter of the optimizer, which shares the stack's memory."""

    stack: int
    rows: slice
    parameter: torch.Tensor


def in_order(replicas: Sequence[Replica]) -> np.ndarray:
    """The indices of replicas such that those of one computation stay side by side, and within it those of one rate."""

    def key(index: int) -> tuple[object, ...]:
        head = replicas[index].head
        return *kind_of(head), replicas[index].learning_rate, head.rate_scale, head.decay_scale

    return np.array(sorted(range(len(replicas)), key=key))


class Updates:
    """An optimizer as PyTorch users write it, that has taken no step; each (rate, decay) is one group of parameters."""

    def __init__(self, optimizer: Optimizer, replicas: Sequence[Replica], stacks: Sequence[Stack]) -> None:
        self._parts: list[Part] = []
        by_rates: dict[tuple[float, float], list[torch.Tensor]] = {}
        for number, stack in enumerate(stacks):
            members = replicas[stack.start : stack.start + len(stack.values)]
            for rates, rows in _runs([_rates_of(replica, stack.head) for replica in members]):
                # detached: PyTorch's optimizers take leaves, and write through to the stack
                parameter = stack.values.detach()[rows].requires_grad_()
                self._parts.append(Part(stack=number, rows=rows, parameter=parameter))
                by_rates.setdefault(rates, []).append(parameter)
        assert optimizer.torch is not None
        self._optimizer = optimizer.torch([{"params": them, "lr": rate} for (rate, _), them in by_rates.items()])
        for group, (_, scale) in zip(self._optimizer.param_groups, by_rates, strict=True):
            if group.get("weight_decay"):
                group["weight_decay"] *= scale
            if "fused" in group:  # the same formula in one pass over memory, three times as fast
                group["fused"] = True

    def step(self, gradients: Sequence[torch.Tensor | None]) -> None:
        """Apply one gradient a stack; a stack on which nothing depends has none, and stays as it is."""
        for part in self._parts:
            gradient = gradients[part.stack]
            part.parameter.grad = None if gradient is None else _laid_out_as(part.parameter, gradient[part.rows])
        self._optimizer.step()


def _laid_out_as(parameter: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """The gradient with the parameter's strides, which fused kernels take for granted, as `backward` sees to itself."""
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


def _rates_of(replica: Replica, head: bool) -> tuple[float, float]:
    """The learning rate, and what the weight decay is multiplied by."""
    if not head:
        return replica.learning_rate, 1.0
    return replica.learning_rate * replica.head.rate_scale, replica.head.decay_scale


def _runs(values: Sequence[tuple[float, float]]) -> list[tuple[tuple[float, float], slice]]:
    """Each run of equal neighbours, with its indices."""
    runs, start = [], 0
    for value, run in groupby(values):
        length = len(list(run))
        runs.append((value, slice(start, start + length)))
        start += length
    return runs
