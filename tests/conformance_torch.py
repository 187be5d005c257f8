"""PyTorch: its engine, and a loop as PyTorch users write it, with no `vmap` and no stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from conformance import Trained
from torch import nn

from experiments.engines.torch import START, Torch, precision, trunk_of
from experiments.networks import NETWORKS
from experiments.problem import Chunk, Problem
from experiments.problem import _problem as problems
from experiments.records import Head, Setup

__all__ = ["engines", "forget", "layers", "plain", "precision", "prepare"]

engines: dict[str, Callable[[], Any]] = {"torch": Torch}
layers: dict[str, Any] = {}  # networks are written for PyTorch one by one
LAYERS = (nn.Linear, nn.Conv2d, nn.GRU, nn.MultiheadAttention, nn.LayerNorm)


def prepare(setup: Setup) -> Problem:
    """The problem with trunks by PyTorch, and heads by its law."""
    return problems.prepare(setup, trunk_of, START)


def forget() -> None:
    """Nothing is compiled."""


def plain(problem: Problem, chunk: Chunk, rows: np.ndarray) -> Trained:
    """One network by a loop over batches: an `nn.Module`, a loss module and an optimizer of `torch.optim`."""
    (replica,) = chunk.replicas
    head, l2 = replica.head, problem.optimizer.l2
    trunk = NETWORKS[problem.setup.network].torch(problem.data.x.shape[1:])
    last = nn.Linear(problem.trunk.features, head.units)
    given = [*chunk.trunks[0], chunk.kernels[0].T, chunk.biases[0]]
    with torch.no_grad():
        for parameter, values in zip([*trunk.parameters(), *last.parameters()], given, strict=True):
            parameter.copy_(torch.tensor(np.array(values)))
    optimizer = optimizer_of(problem.optimizer.name, trunk, last, head, replica.learning_rate)
    loss_of = losses_of(head)

    def objective(order: np.ndarray) -> torch.Tensor:
        x = (problem.data.x[order] - chunk.mean[0]) / chunk.scale[0]
        z = last(trunk(torch.tensor(x).to(last.weight.dtype)))
        penalty = sum(((p**2).sum() for p in trunk.parameters() if p.dim() > 1), torch.zeros(()))
        penalty = l2 * (penalty + head.decay_scale * (last.weight**2).sum())
        return loss_of(z, torch.tensor(problem.data.y[order]).long()) + penalty

    seen = []
    for order in chunk.order[0]:
        optimizer.zero_grad()
        loss = objective(order)
        loss.backward()
        seen.append(loss.item())
        shown = norms(trunk, last)
        optimizer.step()
    with torch.no_grad():
        numbers = {"fit_loss": float(np.mean(seen)), "loss": objective(rows).item(), **shown}
    *weights, kernel, bias = (p.detach().numpy() for p in [*trunk.parameters(), *last.parameters()])
    return Trained(numbers=numbers, weights=(*weights, kernel.T, bias))


def optimizer_of(name: str, trunk: nn.Module, last: nn.Linear, head: Head, rate: float) -> torch.optim.Optimizer:
    """As PyTorch users write it, with a group of parameters for the head's rate and decay."""
    groups: list[dict[str, Any]] = [
        {"params": list(trunk.parameters()), "lr": rate},
        {"params": list(last.parameters()), "lr": rate * head.rate_scale},
    ]
    if name == "adamw":
        groups[1]["weight_decay"] = 0.04 * head.decay_scale
        return torch.optim.AdamW(groups, weight_decay=0.04)
    made: dict[str, Callable[[], torch.optim.Optimizer]] = {
        "sgd": lambda: torch.optim.SGD(groups),
        "sgd_l2": lambda: torch.optim.SGD(groups),
        "momentum": lambda: torch.optim.SGD(groups, momentum=0.9),
        "adam": lambda: torch.optim.Adam(groups),
        "rmsprop": lambda: torch.optim.RMSprop(groups),
    }
    return made[name]()


def losses_of(head: Head) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """The mean loss of a batch of logits, by the modules that the arm stands for."""
    if head.name == "sigmoid_bceloss":
        return lambda z, y: nn.BCELoss()(nn.Sigmoid()(z[:, 0]), y.to(z.dtype))
    if head.name == "softmax_nllloss":
        return lambda z, y: nn.NLLLoss()(nn.LogSoftmax(dim=1)(z), y)
    if head.units == 1:
        return lambda z, y: nn.BCEWithLogitsLoss()(z[:, 0], y.to(z.dtype))
    return nn.CrossEntropyLoss()


def norms(trunk: nn.Module, last: nn.Linear) -> dict[str, float]:
    """Euclidean norms of parts of the gradient; of a head of two units also along w1 - w0."""

    def norm(parts: list[torch.Tensor]) -> float:
        return float(np.sqrt(sum(float(part.double().square().sum()) for part in parts)))

    inner, head = ([p.grad for p in part.parameters()] for part in (trunk, last))
    along = [(g[1] - g[0]) / 2 for g in head] if last.out_features == 2 else head
    within = {id(m.out_proj) for m in trunk.modules() if isinstance(m, nn.MultiheadAttention)}
    layers = [m for m in trunk.modules() if isinstance(m, LAYERS) and id(m) not in within]
    return {
        "trunk": norm(inner),
        "head": norm(head),
        "total": norm(inner + head),
        "effective_head": norm(along),
        **{
            f"layer:{number}_{type(layer).__name__}": norm([p.grad for p in layer.parameters()])
            for number, layer in enumerate(layers, start=1)
        },
    }
