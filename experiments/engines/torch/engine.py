"""The PyTorch engine: every replica of a chunk takes its step in one pass over stacked weights."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch

from experiments.engines.blocks import in_blocks
from experiments.engines.interface import Progressed
from experiments.engines.torch.layers import over_replicas, replicable
from experiments.engines.torch.objectives import row_losses
from experiments.engines.torch.trunk import layer_scopes, torch_trunk
from experiments.engines.torch.updates import Stack, Updates, in_order
from experiments.problem import NORMS, Chunk, Problem, slices
from experiments.records import Head

EVALUATED_ROWS = 128  # rows of one evaluation


class TorchEngine:
    """Replicas of one chunk shape. Within, those of one computation are ordered by their rates: see `in_order`.

    All rows of the task are held, as they are; batches are gathered and scaled in float64, and cast.
    """

    name = "torch"

    def __init__(self, problem: Problem, heads: Sequence[Head], device: torch.device) -> None:
        self.device, self.optimizer = device, problem.optimizer
        self.dtype = getattr(torch, problem.setup.dtype)
        trunk = torch_trunk(problem)
        self.l2, self.module = trunk.l2, replicable(trunk.module).to(device, self.dtype)
        self.names = [name for name, _ in self.module.named_parameters()]
        self._scopes = layer_scopes(trunk.module)
        self._trunk = over_replicas(self.module)
        self.slices = slices(heads)
        self.units = sorted({head.units for head in heads})
        self.counts = [sum(head.units == units for head in heads) for units in self.units]
        self.x = torch.as_tensor(problem.data.x, device=device)
        self.y = torch.as_tensor(problem.data.y, device=device).long()
        weights = problem.weights
        self.row_weights = None if weights is None else torch.as_tensor(weights, dtype=self.dtype, device=device)

    def start(self, chunk: Chunk) -> None:
        """Set the first weights, what the chunk's streams see, and an optimizer that has taken no step."""
        self._order = in_order(chunk.replicas)
        self._place = np.argsort(self._order)
        replicas = [chunk.replicas[index] for index in self._order]
        self._decay_scale = self._tensor(np.array([replica.head.decay_scale for replica in replicas]))
        self.trunks = [self._stack([chunk.trunks[r][index] for r in self._order]) for index in range(len(self.names))]
        starts = np.cumsum([0, *self.counts])
        by_units = [self._order[start:stop] for start, stop in pairwise(starts)]
        # as Linear has them, (units, features)
        self.kernels = [self._stack([chunk.kernels[r].T for r in indices]) for indices in by_units]
        self.biases = [self._stack([chunk.biases[r] for r in indices]) for indices in by_units]
        at = [int(start) for start in starts[:-1]]
        self._updates = Updates(
            self.optimizer,
            replicas,
            [
                *(Stack(values=values) for values in self.trunks),
                *(Stack(values=values, start=s, head=True) for values, s in zip(self.kernels, at, strict=True)),
                *(Stack(values=values, start=s, head=True) for values, s in zip(self.biases, at, strict=True)),
            ],
        )
        self._of_replica = torch.as_tensor(chunk.of_replica[self._order], device=self.device)
        self._mean, self._scale = (torch.as_tensor(a, device=self.device)[:, None] for a in (chunk.mean, chunk.scale))
        self._batches = torch.as_tensor(chunk.order, device=self.device).long()

    def advance(self, first: int, last: int) -> Progressed:
        """Take the steps first .. last-1; norms and dead rows are looked at in the last alone."""
        total = torch.zeros(len(self._order), dtype=self.dtype, device=self.device)
        for step in range(first, last):
            objectives, gradients, at_logits = self._gradients(self._batches[:, step], watched=step == last - 1)
            total += objectives
            if step == last - 1:
                norms = self._norms(gradients)
                dead = torch.cat([(g == 0).all(-1).to(self.dtype).mean(1) for g in at_logits])
            self._updates.step(gradients)
        return Progressed(
            objective=self._numpy(total / (last - first)),
            norms={name: self._numpy(norm) for name, norm in norms.items()},
            dead=self._numpy(dead),
        )

    def evaluate(self, rows: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Logits by units and losses of rows (streams, n), block after block."""

        def block(rows: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
            chosen = torch.as_tensor(rows, device=self.device).long()
            x, y = self._rows(chosen)
            z = self._logits(x)
            losses = self._numpy(self._losses(z, y, chosen)).astype(np.float64)
            return self._by_units(z), losses + self._numpy(self._penalty())[:, None]

        with torch.no_grad():
            return in_blocks(rows, EVALUATED_ROWS, block)

    def weights(self) -> list[tuple[np.ndarray, ...]]:
        """Of each replica, the trunk's weights, and its head's kernel and bias."""
        trunk = [self._numpy(values) for values in self.trunks]
        kernels, biases = (
            [values for stack in self._by_units(stacks) for values in stack]
            for stacks in ([kernel.mT for kernel in self.kernels], self.biases)
        )
        of_heads = enumerate(zip(kernels, biases, strict=True))
        return [(*(stack[index] for stack in trunk), kernel, bias) for index, (kernel, bias) in of_heads]

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(values, dtype=self.dtype, device=self.device)

    def _stack(self, values: Sequence[np.ndarray]) -> torch.Tensor:
        """A leaf, (replicas, ...); a matrix is laid out as its transpose, as is its gradient: x @ w.T has it so."""
        stack = self._tensor(np.stack(values))
        if stack.dim() == 3:
            stack = stack.mT.contiguous().mT
        return stack.requires_grad_()

    def _numpy(self, values: torch.Tensor) -> np.ndarray:
        """(replicas, ...) in the chunk's order."""
        return values.detach().cpu().numpy()[self._place]

    def _by_units(self, stacks: Sequence[torch.Tensor]) -> list[np.ndarray]:
        """Of each number of units, (replicas, ...) in the chunk's order."""
        starts = np.cumsum([0, *self.counts])
        return [
            values.detach().cpu().numpy()[self._place[start : start + len(values)] - start]
            for values, start in zip(stacks, starts[:-1], strict=True)
        ]

    def _rows(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows (streams, batch) of the data, scaled, and their labels, for each replica.

        A float32 of 1.7e9 is a multiple of 128: a column is centred in float64, and cast afterwards.
        """
        x = (self.x[rows].double() - self._mean) / self._scale
        return x.to(self.dtype).index_select(0, self._of_replica), self.y[rows].index_select(0, self._of_replica)

    def _logits(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The heads' outputs before the activation, (replicas of as many units, batch, units)."""
        weights = dict(zip(self.names, self.trunks, strict=True))
        parts = self._trunk(weights, x).split(self.counts)
        heads = zip(parts, self.kernels, self.biases, strict=True)
        return [torch.baddbmm(bias[:, None], part, kernel.mT) for part, kernel, bias in heads]

    def _losses(self, z: list[torch.Tensor], y: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Each row's loss under its replica's own objective, times its weight: (replicas, batch)."""
        by_units = dict(zip(self.units, zip(z, y.split(self.counts), strict=True), strict=True))
        parts = []
        for piece in self.slices:
            logits, labels = by_units[piece.units]
            span = slice(piece.start, piece.stop)
            parts.append(row_losses(piece.head, logits[span], labels[span]))
        losses = torch.cat(parts)
        return losses if self.row_weights is None else losses * self.row_weights[rows][self._of_replica]

    def _penalty(self) -> torch.Tensor:
        """Each replica's sum of the L2 penalties on its kernels: (replicas,)."""
        total = torch.zeros(len(self._order), dtype=self.dtype, device=self.device)
        if self.l2:
            for values in self.trunks:
                if values.dim() > 2:  # the axis of replicas, and a kernel's
                    total = total + self.l2 * _squares(values)
            heads = torch.cat([_squares(kernel) for kernel in self.kernels])
            total = total + self.l2 * self._decay_scale * heads
        return total

    def _gradients(
        self, rows: torch.Tensor, watched: bool
    ) -> tuple[torch.Tensor, list[torch.Tensor | None], list[torch.Tensor]]:
        """The objectives (replicas,) on a batch, their gradients at the weights, and at the logits where `watched`."""
        x, y = self._rows(rows)
        z = self._logits(x)
        objectives = self._losses(z, y, rows).mean(1) + self._penalty()
        weights = [*self.trunks, *self.kernels, *self.biases]
        # replicas share no weight, so the gradient of the sum is that of each
        gradients = torch.autograd.grad(objectives.sum(), [*weights, *(z if watched else [])], allow_unused=True)
        return objectives.detach(), list(gradients[: len(weights)]), list(gradients[len(weights) :])

    def _norms(self, gradients: Sequence[torch.Tensor | None]) -> dict[str, torch.Tensor]:
        """Norms of the gradient that is applied: those of `NORMS`, then each layer's, (replicas,)."""
        zero = torch.zeros(len(self._order), dtype=self.dtype, device=self.device)
        trunk, units = len(self.trunks), len(self.units)
        by_weight = [zero if g is None else _squares(g) for g in gradients[:trunk]]
        layers = {name: sum((by_weight[index] for index in indices), zero) for name, indices in self._scopes}
        heads, effective = [], []
        for kernel, bias in zip(gradients[trunk : trunk + units], gradients[trunk + units :], strict=True):
            assert kernel is not None
            assert bias is not None
            heads.append(_squares(kernel) + _squares(bias))
            if bias.shape[1] == 2:  # u = w1 - w0 at fixed w0 + w1
                kernel, bias = (kernel[:, 1] - kernel[:, 0]) / 2, (bias[:, 1] - bias[:, 0]) / 2
            effective.append(_squares(kernel) + _squares(bias))
        trunk_squares, head = sum(by_weight, zero), torch.cat(heads)
        squares = dict(
            zip(NORMS, (trunk_squares, head, trunk_squares + head, torch.cat(effective)), strict=True)
        ) | layers
        return {name: square.sqrt() for name, square in squares.items()}


def _squares(values: torch.Tensor) -> torch.Tensor:
    """(replicas, ...) to the sum of the squares of each: (replicas,)."""
    return values.reshape(len(values), -1).square().sum(1)
