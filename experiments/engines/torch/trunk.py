"""Trunks as PyTorch builds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from experiments.engines.torch.layers import layers_of
from experiments.networks import NETWORKS, BuildTorch
from experiments.problem import Problem
from experiments.records import Network, require


@contextmanager
def precision(dtype: str) -> Iterator[None]:
    """Let PyTorch make and draw what it makes within in `dtype`."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@dataclass(frozen=True, kw_only=True)
class TorchTrunk:
    """A PyTorch module from rows of one shape to features, in PyTorch's present default precision.

    `build(row)`: builds it anew, drawn by PyTorch's own initialisers under its present seed. `l2`: a penalty on every
    kernel. `module`: one of them, for its graph and the shapes of its parameters; its weights mean nothing. Those
    that Keras drew become its own by `keras_layout.from_keras`.
    """

    build: BuildTorch
    row: tuple[int, ...]
    l2: float = 0.0
    module: nn.Module = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "module", self.fresh(0))

    @property
    def features(self) -> int:
        """The length of what it makes of a row."""
        with torch.no_grad():
            return int(self.module(torch.zeros(1, *self.row)).shape[-1])

    def fresh(self, seed: int) -> nn.Module:
        """Another one; PyTorch's generator goes on as if it had not been drawn."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.build(self.row)

    def first_weights(self, seed: int) -> tuple[np.ndarray, ...]:
        """The first weights, in the order of the module's parameters."""
        return tuple(parameter.detach().numpy() for parameter in self.fresh(seed).parameters())


def trunk_of(network: Network, row: tuple[int, ...], l2: float, draws: int = 1) -> TorchTrunk:
    """A network's trunk for rows of that shape, with an L2 penalty on every kernel unless it is 0.

    Raises `UserError` if the network has no PyTorch form.
    """
    with_one = ", ".join(candidate.name for candidate in NETWORKS.values() if candidate.torch)
    require(
        network.torch is not None,
        f"The network {network.name!r} has no PyTorch form. Networks that do: {with_one}. Give it one with `in_torch`.",
    )
    assert network.torch is not None
    return TorchTrunk(build=network.torch, row=row, l2=l2)


def torch_trunk(problem: Problem) -> TorchTrunk:
    """The problem's trunk. Raises `TypeError` if another framework built it."""
    if not isinstance(problem.trunk, TorchTrunk):
        raise TypeError(f"The PyTorch engine needs a PyTorch trunk, not a {type(problem.trunk).__name__}")
    return problem.trunk


def layer_scopes(module: nn.Module) -> list[tuple[str, list[int]]]:
    """Each layer that has parameters, named by its index, with the indices of its parameters."""
    indices = {id(parameter): index for index, parameter in enumerate(module.parameters())}
    return [
        (f"layer:{number}_{type(layer).__name__}", [indices[id(parameter)] for parameter in layer.parameters()])
        for number, layer in enumerate(layers_of(module), start=1)
    ]
