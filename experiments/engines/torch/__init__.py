"""The PyTorch engine: networks, heads, losses and optimizers as PyTorch users write them, replicas by `torch.func`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from experiments.engines.interface import Trainer
from experiments.engines.torch.budget import at_once
from experiments.engines.torch.engine import TorchEngine
from experiments.engines.torch.keras_layout import from_keras
from experiments.engines.torch.layers import unsupported
from experiments.engines.torch.trunk import TorchTrunk, precision, torch_trunk, trunk_of
from experiments.keras_backend import beside_tensorflow
from experiments.problem import PYTORCH_START as START
from experiments.problem import Problem, Trunk
from experiments.records import Head, require

__all__ = ["START", "TRAINER", "Torch", "TorchEngine", "TorchTrunk", "precision", "trunk_of"]


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
                head.exists_in("torch"),
                f"The arm {head.name!r} exists in {', '.join(head.frameworks)} alone, not in PyTorch.",
            )
        return TorchEngine(problem, heads, self.device)


def factory(problem: Problem) -> Torch:
    """What makes the engines of a problem. Raises `UserError` if it has a layer or an optimizer that they lack."""
    beside_tensorflow()
    engine_factory = Torch()
    missing = engine_factory.unsupported(problem)
    require(not missing, f"PyTorch's replicas cannot train {problem.setup.network!r}: {', '.join(missing)}.")
    return engine_factory


def adopt(trunk: Trunk, weights: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """A trunk's weights in Keras's order and layout, as PyTorch's module takes them."""
    assert isinstance(trunk, TorchTrunk)
    return from_keras(trunk.module, tuple(weights))


TRAINER = Trainer(precision=precision, trunk_of=trunk_of, factory=factory, start=START, adopt=adopt)
