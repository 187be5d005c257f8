"""How many replicas advance at once in PyTorch: as many as the cache and the stated memory hold."""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from experiments.engines import memory
from experiments.engines.torch.engine import EVALUATED_ROWS
from experiments.engines.torch.layers import replicable
from experiments.engines.torch.trunk import torch_trunk
from experiments.problem import Problem

# Past about this much, more replicas at once cost more time each.
WORKING_SET = 64 * 2**20
ROWS = 16  # of the pass whose results are counted


class Results(TorchFunctionMode):
    """Holds, within, what PyTorch's functions return."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[torch.Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do what is called, and hold the result."""
        result = func(*args, **(kwargs or {}))
        self.held += [part for part in (result if isinstance(result, tuple) else (result,)) if torch.is_tensor(part)]
        return result


def row_elements(problem: Problem) -> int:
    """Numbers that one row of one network leaves in memory: it, and all results of its pass through the trunk."""
    trunk = torch_trunk(problem)
    module, x = replicable(trunk.module), torch.zeros(ROWS, *trunk.row)
    with torch.no_grad(), Results() as results:
        module(x)
    weights = {parameter.untyped_storage().data_ptr() for parameter in module.parameters()}
    held = {part.untyped_storage().data_ptr(): part.untyped_storage().nbytes() for part in [x, *results.held]}
    return sum(size for index, size in held.items() if index not in weights) // (ROWS * x.element_size())


def replica_bytes(problem: Problem) -> tuple[int, int]:
    """Bytes that one network takes in a training step, and in an evaluation."""
    weights = sum(parameter.numel() for parameter in torch_trunk(problem).module.parameters())
    elements = row_elements(problem)
    return memory.network_bytes(problem, weights=weights, elements=elements, evaluated=EVALUATED_ROWS)


def at_once(problem: Problem) -> int:
    """Replicas that advance together. Raises `UserError` when the memory that is allowed does not hold one."""
    training, evaluation = replica_bytes(problem)
    return memory.at_once(problem, training=training, evaluation=evaluation, working_set=WORKING_SET)
