"""From a head's raw outputs to its loss, with PyTorch's own functions, as people write the arm there."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from experiments.records import Head


def row_losses(head: Head, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The loss of every row: z (..., batch, units), y (..., batch) of classes or (..., batch, units) of 0 and 1.

    Returns (..., batch). A softmax's targets over several labels are divided by their sum.
    """
    if head.activation == "softmax":
        return _exclusive(head, z.flatten(0, -2), y.flatten(0, z.dim() - 2)).reshape(z.shape[:-1])
    if y.dim() == z.dim():
        target = y.to(z.dtype)
    elif head.units == 1:
        target = y.to(z.dtype)[..., None]
    else:
        target = F.one_hot(y, head.units).to(z.dtype)
    if head.loss == "bce_loss":
        return _of_probabilities(torch.sigmoid(z), target).mean(-1)
    losses = F.binary_cross_entropy_with_logits(z, target, reduction="none")
    return losses.sum(-1) if head.loss == "binary_crossentropy_sum" else losses.mean(-1)


def _exclusive(head: Head, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """z (rows, units), y (rows,) of classes or (rows, units) of 0 and 1, to (rows,)."""
    if y.dim() == 2:
        y = y.to(z.dtype)
        y = y / y.sum(-1, keepdim=True).clamp(min=1)
    if head.loss == "nll_loss":
        return F.nll_loss(F.log_softmax(z, dim=-1), y, reduction="none")
    return F.cross_entropy(z, y, reduction="none")


def _of_probabilities(p: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """`binary_cross_entropy`, which raises an error for nan: one network that diverged must not stop the others."""
    lost = p.isnan()
    losses = F.binary_cross_entropy(p.masked_fill(lost, 0.5), target, reduction="none")
    return torch.where(lost, p, losses)
