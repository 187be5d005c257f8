"""Loss curves and gradient norms."""

from __future__ import annotations

from experiments.figures import ARMS, Messages, gradient_norms, loss_curves
from experiments.report.blocks import Block, Section, Text
from experiments.report.sections.components import picture_of, source_links
from experiments.report.stored import Stored


def curves(stored: Stored, messages: Messages) -> Section | None:
    """Loss curves of the cells on the test rows, and gradient norms against their predicted ratio."""
    losses = stored.read("curves", quantity="nll", split="test", scope="", head=ARMS)
    heads = ("sigmoid", "softmax", "softmax_matched")
    norms = stored.read("curves", quantity="grad_norm", scope=("head", "trunk", "total"), head=heads)
    blocks: list[Block] = []
    if len(losses):
        runs = stored.read("runs", head=ARMS) if stored.has("runs") else None
        tables = (losses,) if runs is None else (losses, runs)
        blocks += [
            Text(body=messages("curves.loss")),
            picture_of(stored.figure_cache, "loss_curves", loss_curves, *tables, messages=messages),
        ]
    if len(norms):
        blocks += [
            Text(body=messages("curves.norm")),
            picture_of(stored.figure_cache, "gradient_norms", gradient_norms, norms, messages=messages),
        ]
    if not blocks:
        return None
    return Section(
        id="curves", title=messages("curves.title"), blocks=[*blocks, *source_links(stored, messages, "binary")]
    )
