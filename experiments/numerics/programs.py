"""Programs, and batches of them: what one call to a framework computes.

A program is a path bound to the framework's own layers and losses. In a batch the programs that have one head in
common share its prediction, and all share the tensors they read, so that a compiler meets equal arithmetic as such.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from experiments.numerics.axes import Path, split

Tensor = Any


@dataclass(frozen=True, kw_only=True)
class Program:
    """A path, bound.

    `predict(x, kernel)` maps the input (n, 1) and the head's kernel (1, units), of the dtype `kernel`, to what the
    model predicts (n, units); `loss(prediction)` is the loss of each row (n,).
    `loss_of_prediction(prediction)` is the same loss of a prediction that has left the framework, as in
    `loss(y, model.predict(x))`. `head`: programs with the same one have the same `predict`; `objective`: those with
    the same one have the same losses. `logits_index`: which of the logits that a call gets are this program's.
    """

    path: Path
    head: Hashable
    objective: Hashable
    kernel: str
    predict: Callable[[Tensor, Tensor], Tensor]
    loss: Callable[[Tensor], Tensor]
    loss_of_prediction: Callable[[np.ndarray], Tensor]
    logits_index: int = 0

    @property
    def input_leaf(self) -> str:
        """The name of its input among the tensors of a call."""
        return f"logits {self.logits_index} {self.path.floatx}"

    @property
    def kernel_leaf(self) -> str:
        """The name of its head's kernel among the tensors of a call."""
        return f"kernel {self.path.units} {self.kernel}"


class Outcome(NamedTuple):
    """What a framework returned for one program: the loss and the gradient of each row, and the prediction."""

    loss: Tensor
    grad: Tensor
    prediction: Tensor


def leaves(programs: Iterable[Program], logits: Sequence[np.ndarray]) -> dict[str, tuple[np.ndarray, str]]:
    """Every array that these programs read, with the dtype that it gets: inputs (n, 1) and kernels (1, units)."""
    arrays: dict[str, tuple[np.ndarray, str]] = {}
    for program in programs:
        arrays[program.input_leaf] = (logits[program.logits_index][:, None], program.path.floatx)
        arrays[program.kernel_leaf] = (split(np.ones(1), program.path.units), program.kernel)
    return arrays


def by_head(
    programs: Iterable[Program], tensors: Mapping[str, Tensor]
) -> Iterator[tuple[list[Program], Tensor, Tensor]]:
    """The programs of one head that read the same, with the input and the kernel."""
    groups: dict[Hashable, list[Program]] = {}
    for program in programs:
        groups.setdefault((program.head, program.input_leaf, program.kernel_leaf), []).append(program)
    for group in groups.values():
        yield group, tensors[group[0].input_leaf], tensors[group[0].kernel_leaf]
