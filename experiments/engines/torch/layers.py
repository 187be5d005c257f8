"""A module's layers, and the same module of functions that `torch.func.vmap` can map over replicas."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, vmap

Weights = Mapping[str, torch.Tensor]  # by name, each (replicas, ...)
Forward = Callable[[Weights, torch.Tensor], torch.Tensor]

_ELEMENTWISE = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Identity)
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)


def layers_of(module: nn.Module) -> Iterator[nn.Module]:
    """PyTorch's own modules with parameters, in the order of registration, and modules that hold parameters directly.

    What lies within one of PyTorch's, such as the last projection of an attention, belongs to it.
    """
    is_builtin = type(module).__module__.startswith("torch.nn") and not isinstance(module, _CONTAINERS)
    if is_builtin or list(module.parameters(recurse=False)):
        if list(module.parameters()):
            yield module
        return
    for child in module.children():
        yield from layers_of(child)


def unsupported(module: nn.Module) -> list[str]:
    """What in a module replicas cannot share a step with, each a few words."""
    reasons: list[str] = []
    for part in module.modules():
        name = type(part).__name__
        wanted: dict[str, object]
        if isinstance(part, nn.GRU):
            wanted = {"num_layers": 1, "bias": True, "batch_first": True, "bidirectional": False}
        elif isinstance(part, nn.MultiheadAttention):
            wanted = {"dropout": 0.0, "bias_k": None, "add_zero_attn": False, "batch_first": True}
            if part.in_proj_weight is None:
                reasons.append(f"{name} with widths of its own for keys and values")
        elif isinstance(part, nn.RNNBase):
            reasons.append(name)
            continue
        else:
            wanted = {"p": 0} if isinstance(part, _DROPOUTS) else {}
            reasons += [f"{name} with the buffer {key}" for key, _ in part.named_buffers(recurse=False)]
        reasons += [
            f"{name} with {key}={getattr(part, key)}" for key, value in wanted.items() if getattr(part, key) != value
        ]
    return reasons


def over_replicas(module: nn.Module, prefix: str = "") -> Forward:
    """The forward pass of a module whose every tensor, weights and rows, has a leading axis of replicas.

    By `vmap`; but the layers of a Sequential run one by one, and of a Linear `vmap` makes a product and a sum, where
    one call does both. `prefix`: of the names of the module's parameters.
    """
    if isinstance(module, nn.Sequential):
        parts = [over_replicas(child, f"{prefix}{name}.") for name, child in module.named_children()]

        def in_turn(weights: Weights, x: torch.Tensor) -> torch.Tensor:
            for part in parts:
                x = part(weights, x)
            return x

        return in_turn
    if isinstance(module, _ELEMENTWISE):
        return lambda weights, x: module(x)
    names = [name for name, _ in module.named_parameters()]
    mapped = vmap(lambda weights, x: functional_call(module, weights, (x,)))

    def by_map(weights: Weights, x: torch.Tensor) -> torch.Tensor:
        return mapped({name: weights[prefix + name] for name in names}, x)

    if isinstance(module, nn.Linear) and module.bias is not None:

        def linear(weights: Weights, x: torch.Tensor) -> torch.Tensor:
            if x.dim() != 3:
                return by_map(weights, x)
            kernel, bias = weights[f"{prefix}weight"], weights[f"{prefix}bias"]
            return torch.baddbmm(bias[:, None], x, kernel.transpose(1, 2))

        return linear
    return by_map


def replicable(module: nn.Module) -> nn.Module:
    """A copy whose recurrent and attention layers are written out: PyTorch's own run kernels that do not map.

    Names, order and shapes of the parameters stay.
    """
    copied = _written_out(copy.deepcopy(module))
    assert [name for name, _ in copied.named_parameters()] == [name for name, _ in module.named_parameters()]
    return copied


def _written_out(module: nn.Module) -> nn.Module:
    if isinstance(module, nn.GRU):
        return PlainGRU(module)
    if isinstance(module, nn.MultiheadAttention):
        return PlainAttention(module)
    for name, child in module.named_children():
        setattr(module, name, _written_out(child))
    return module


class PlainGRU(nn.Module):
    """A GRU layer of one direction, in elementary operations. Source: torch.nn.GRU, "Outputs"."""

    def __init__(self, gru: nn.GRU) -> None:
        super().__init__()
        for name, parameter in gru.named_parameters():
            self.register_parameter(name, parameter)
        self.units = gru.hidden_size

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(batch, time, inputs) to the states (batch, time, units), and the last one (1, batch, units)."""
        units = self.units
        products = F.linear(x, self.weight_ih_l0, self.bias_ih_l0)  # type: ignore[arg-type]
        state = x.new_zeros(x.shape[0], units)
        states = []
        for product in products.unbind(1):
            inner = F.linear(state, self.weight_hh_l0, self.bias_hh_l0)  # type: ignore[arg-type]
            gates = torch.sigmoid(product[:, : 2 * units] + inner[:, : 2 * units])
            reset, update = gates[:, :units], gates[:, units:]
            candidate = torch.tanh(product[:, 2 * units :] + reset * inner[:, 2 * units :])
            state = candidate + update * (state - candidate)
            states.append(state)
        return torch.stack(states, dim=1), state[None]


class PlainAttention(nn.Module):
    """Multi-head attention in elementary operations. Source: torch.nn.MultiheadAttention.

    `scale`: what the scores are multiplied by, 1 / sqrt(width of a head).
    """

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        self.in_proj_weight, self.in_proj_bias = attention.in_proj_weight, attention.in_proj_bias
        self.out_proj = attention.out_proj
        self.heads, self.scale = attention.num_heads, 1 / math.sqrt(attention.head_dim)

    def forward(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, need_weights: bool = False
    ) -> tuple[torch.Tensor, None]:
        """Each (batch, time, features), to (batch, time, features)."""
        width = query.shape[-1]
        kernels = self.in_proj_weight.split(width)
        biases = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.split(width)
        q, k, v = (
            F.linear(x, kernel, bias).unflatten(-1, (self.heads, -1)).transpose(-2, -3)
            for x, kernel, bias in zip((query, key, value), kernels, biases, strict=True)
        )
        weights = torch.softmax(self.scale * (q @ k.transpose(-1, -2)), dim=-1)
        return self.out_proj((weights @ v).transpose(-2, -3).flatten(-2)), None
