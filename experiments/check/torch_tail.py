"""The tail of a PyTorch program: what it called is recorded once, and the part behind the logits is played again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

from experiments.check.calls import Call
from experiments.check.replay import PredictionAndLoss, ReplayedTail, TailCalls

# what these return depends on the shape of what they are given alone
_SHAPED = ("ones_like", "zeros_like", "full_like", "new_ones", "new_zeros", "new_full")
_READS = ("__get__", "size", "dim", "__set__", "__format__", "__repr__", "__len__", "__bool__", "backward")


def tensors(tree: Any) -> Iterator[torch.Tensor]:
    """Every tensor in nested arguments."""
    return (leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, torch.Tensor))


@dataclass
class Recorder(TorchFunctionMode):
    """Records, within, every call that may change a tensor.

    A binary cross-entropy, which refuses what is no probability, gets it clipped to (0, 1): so its gradient is 0 where
    PyTorch would raise; `refused` is then true.
    """

    calls: list[Call] = field(default_factory=list)
    recording: bool = True
    refused: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do what is called, and write it down."""
        options = kwargs or {}
        if func is torch.nn.functional.binary_cross_entropy:
            self.refused = self.refused or bool(((args[0] < 0) | (args[0] > 1)).any())
            args = (self._called(torch.clamp, (args[0], 0, 1), {}), *args[1:])
        return self._called(func, args, options)

    def _called(self, func: Any, args: Any, options: dict[str, Any]) -> Any:
        result = func(*args, **options)
        outputs = tuple(tensors(result))
        if self.recording and getattr(func, "__name__", "") not in _READS and outputs:
            inputs = () if getattr(func, "__name__", "") in _SHAPED else tuple(tensors((args, options)))
            self.calls.append(Call(function=func, arguments=args, options=options, inputs=inputs, outputs=outputs))
        return result


class Torch:
    """PyTorch as a replay needs it."""

    def tensors(self, tree: Any) -> Iterator[torch.Tensor]:
        """Every tensor in what a call returned."""
        return tensors(tree)

    def array(self, tensor: torch.Tensor) -> np.ndarray:
        """A tensor of any precision in float64."""
        return np.asarray(tensor.detach().double().numpy())

    def like(self, values: np.ndarray, tensor: torch.Tensor) -> torch.Tensor:
        """Values as a tensor of the dtype and shape of another."""
        return torch.as_tensor(values).to(tensor.dtype).reshape(tensor.shape)

    def replaced(self, tree: Any, by: dict[int, torch.Tensor]) -> Any:
        """Nested arguments with other tensors in the place of those with some ids."""
        return tree_map(lambda leaf: by.get(id(leaf), leaf) if isinstance(leaf, torch.Tensor) else leaf, tree)

    def gradient(self, play: Callable[[torch.Tensor], PredictionAndLoss], z: torch.Tensor) -> tuple[Any, Any, Any]:
        """The prediction, the mean of the loss, and its gradient with respect to `z`."""
        z = z.detach().requires_grad_()
        with torch.enable_grad():
            prediction, loss = play(z)
            (slope,) = torch.autograd.grad(loss.mean(), z, allow_unused=True) if loss.requires_grad else (None,)
        return prediction, loss.detach().mean(), slope


def requires_grad(tensor: torch.Tensor) -> bool:
    """Whether a tensor depends on weights, or is one."""
    return tensor.requires_grad


def replayed_tail(
    calls: list[Call], *, prediction: torch.Tensor, loss: torch.Tensor, labels: torch.Tensor, weights: set[int],
    rows: set[int], objective: Callable[[Any, Any], Any] | None = None,
) -> ReplayedTail:  # fmt: skip
    """The tail of recorded calls; those in training do nothing in a prediction. `weights`, `rows`: see `TailCalls`."""
    part = TailCalls(Torch(), calls, prediction, labels, weights, requires_grad, rows)
    return ReplayedTail(
        Torch(), part, part.without("training"), loss=loss, labels=labels, objective=objective
    )


def recorded_tail(
    forward: Callable[[list[torch.Tensor]], torch.Tensor],
    objective: Callable[[Any, Any], Any],
    rows: list[Any],
    labels: Any,
    weights: list[torch.Tensor],
) -> ReplayedTail:
    """The tail of a model that is applied to `rows` once, and of `objective(labels, prediction)`."""
    inputs = [torch.as_tensor(array) for array in rows]
    truth = torch.as_tensor(labels)
    with torch.enable_grad(), Recorder() as recorder:
        prediction = forward(inputs)
        loss = objective(truth, prediction)

    def scored(truth: Any, prediction: Any) -> Any:
        with Recorder(recording=False):
            return objective(truth, prediction).detach()

    ids = {id(weight) for weight in weights}
    return replayed_tail(
        recorder.calls, prediction=prediction, loss=loss, labels=truth, weights=ids, rows=set(map(id, inputs)),
        objective=scored,
    )  # fmt: skip
