"""The oracle of the PyTorch engine: one network at a time in a loop as people write it, no `vmap` and no stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from experiments.engines.interface import Progressed
from experiments.engines.torch import START, trunk_of
from experiments.networks import NETWORKS
from experiments.problem import problem as problems
from experiments.problem.chunk import Chunk
from experiments.problem.problem import Problem
from experiments.records import Head, Setup


def prepare(setup: Setup) -> Problem:
    """A problem that PyTorch trains, heads by PyTorch's law; call it within `precision(setup.dtype)`."""
    return replace(problems.prepare(setup, trunk_of), start=START)


class Loop:
    """Makes engines that train one network."""

    def engine(self, problem: Problem, heads: Sequence[Head]) -> LoopEngine:
        (head,) = heads
        return LoopEngine(problem, head)


class LoopEngine:
    """One `nn.Module`, its loss module and its `torch.optim` optimizer."""

    name = "loop"

    def __init__(self, problem: Problem, head: Head) -> None:
        self.problem, self.head = problem, head
        self.dtype = getattr(torch, problem.setup.dtype)

    def start(self, chunk: Chunk) -> None:
        (replica,), head, optimizer = chunk.replicas, self.head, self.problem.optimizer
        self.chunk = chunk
        self.trunk = NETWORKS[self.problem.setup.network].torch(self.problem.data.x.shape[1:])
        self.last = nn.Linear(self.problem.trunk.features, head.units)
        # as NumPy's arrays, so that nothing here is shared with what is checked
        given = [*chunk.trunks[0], chunk.kernels[0].T, chunk.biases[0]]
        with torch.no_grad():
            for parameter, values in zip([*self.trunk.parameters(), *self.last.parameters()], given, strict=True):
                parameter.copy_(torch.tensor(np.array(values)))
        rate = replica.learning_rate
        groups = [
            {"params": list(self.trunk.parameters()), "lr": rate},
            {"params": list(self.last.parameters()), "lr": rate * head.rate_scale},
        ]
        rules = {
            "sgd": lambda: torch.optim.SGD(groups),
            "sgd_l2": lambda: torch.optim.SGD(groups),
            "momentum": lambda: torch.optim.SGD(groups, momentum=0.9),
            "adam": lambda: torch.optim.Adam(groups),
            "adamw": lambda: torch.optim.AdamW(
                [groups[0], {**groups[1], "weight_decay": 0.04 * head.decay_scale}], weight_decay=0.04
            ),
            "rmsprop": lambda: torch.optim.RMSprop(groups),
        }
        self.optimizer = rules[optimizer.name]()

    def _loss(self, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Of every row."""
        arm = self.head.name
        if arm == "sigmoid_bceloss":
            return nn.BCELoss(reduction="none")(nn.Sigmoid()(z[:, 0]), y.to(z.dtype))
        if arm == "softmax_nllloss":
            return nn.NLLLoss(reduction="none")(nn.LogSoftmax(dim=1)(z), y)
        if self.head.units == 1:
            return nn.BCEWithLogitsLoss(reduction="none")(z[:, 0], y.to(z.dtype))
        return nn.CrossEntropyLoss(reduction="none")(z, y)

    def _rows(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        x = (self.problem.data.x[rows] - self.chunk.mean[0]) / self.chunk.scale[0]
        return torch.tensor(x).to(self.dtype), torch.tensor(self.problem.data.y[rows]).long()

    def _penalty(self) -> torch.Tensor:
        l2 = self.problem.optimizer.l2
        trunk = [(p**2).sum() for p in self.trunk.parameters() if p.dim() > 1]
        return l2 * sum(trunk, torch.zeros(())) + l2 * self.head.decay_scale * (self.last.weight**2).sum()

    def advance(self, first: int, last: int) -> Progressed:
        objectives = []
        for step in range(first, last):
            x, y = self._rows(self.chunk.order[0, step])
            self.optimizer.zero_grad()
            z = self.last(self.trunk(x))
            z.retain_grad()
            loss = self._loss(z, y).mean() + self._penalty()
            loss.backward()
            objectives.append(float(loss.detach()))
            norms = self._norms()
            self.optimizer.step()
        dead = float((z.grad == 0).all(1).double().mean())
        return Progressed(
            objective=np.array([np.mean(objectives)]),
            norms={name: np.array([norm]) for name, norm in norms.items()},
            dead=np.array([dead]),
        )

    def _norms(self) -> dict[str, float]:
        def norm(gradients: list[torch.Tensor]) -> float:
            return float(torch.linalg.vector_norm(torch.cat([g.flatten() for g in gradients]))) if gradients else 0.0

        trunk, head = ([p.grad for p in part.parameters()] for part in (self.trunk, self.last))
        along = [(g[1] - g[0]) / 2 for g in head] if self.head.units == 2 else head
        found = {
            "trunk": norm(trunk), "head": norm(head), "total": norm(trunk + head), "effective_head": norm(along),
        }  # fmt: skip
        kinds = (nn.Linear, nn.Conv2d, nn.GRU, nn.MultiheadAttention, nn.LayerNorm)
        inner = {id(m.out_proj) for m in self.trunk.modules() if isinstance(m, nn.MultiheadAttention)}
        layers = [m for m in self.trunk.modules() if isinstance(m, kinds) and id(m) not in inner]
        for number, layer in enumerate(layers, start=1):
            found[f"layer:{number}_{type(layer).__name__}"] = norm([p.grad for p in layer.parameters()])
        return found

    def evaluate(self, rows: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        x, y = self._rows(rows[0])
        with torch.no_grad():
            z = self.last(self.trunk(x))
            losses = self._loss(z, y).double() + float(self._penalty().detach())
        return [z.numpy()[None]], losses.numpy()[None]

    def weights(self) -> list[tuple[np.ndarray, ...]]:
        trunk = [p.detach().numpy().copy() for p in self.trunk.parameters()]
        return [(*trunk, self.last.weight.detach().numpy().T.copy(), self.last.bias.detach().numpy().copy())]
