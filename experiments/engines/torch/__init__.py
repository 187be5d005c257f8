"""The PyTorch engine: networks, heads, losses and optimizers as PyTorch users write them, replicas by `torch.func`."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from experiments.engines.torch.budget import at_once
from experiments.engines.torch.engine import TorchEngine
from experiments.engines.torch.layers import unsupported
from experiments.engines.torch.trunk import TorchTrunk, precision, torch_trunk, trunk_of
from experiments.problem.draws import PYTORCH as START
from experiments.problem.problem import Problem
from experiments.records import Head, require

__all__ = ["START", "Torch", "TorchEngine", "TorchTrunk", "precision", "trunk_of"]


class Torch:
    """Makes PyTorch engines, on one device."""

    def __init__(self, device: str = "cpu") -> None:
        self.device = torch.device(device)

    def unsupported(self, problem: Problem) -> list[str]:
        """The layers, and settings of layers, that replicas cannot share a step with; and the optimizer."""
        missing = [f"the optimizer {problem.optimizer.name!r}"] if problem.optimizer.torch is None else []
        return [*unsupported(torch_trunk(problem).module), *missing]

    def at_once(self, problem: Problem) -> int:
        """As many networks as the cache and the memory hold."""
        return at_once(problem)

    def engine(self, problem: Problem, heads: Sequence[Head]) -> TorchEngine:
        """An engine. Raises `UserError` for an arm that does not exist in PyTorch."""
        for head in heads:
            require(
                "torch" in head.frameworks,
                f"The arm {head.name!r} exists in {', '.join(head.frameworks)} alone, not in PyTorch.",
            )
        return TorchEngine(problem, heads, self.device)
