"""The tail of a PyTorch program: what it called is recorded once, and the part behind the logits is played again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

from experiments.check.record import Step
from experiments.check.split import Node, entered, split

_READS = ("__get__", "size", "dim", "__set__", "__format__", "__repr__", "__len__", "__bool__", "backward")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a function of PyTorch, with what went in and out."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    result: Any


def tensors(tree: Any) -> Iterator[torch.Tensor]:
    """Every tensor in nested arguments."""
    return (leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, torch.Tensor))


@dataclass
class Recorder(TorchFunctionMode):
    """Records, within, every call that may change a tensor.

    What it holds stays alive, so that the id of a tensor names one tensor alone. A binary cross-entropy, which refuses
    what is no probability, gets it clipped to (0, 1): so its gradient is 0 where PyTorch would raise;
    `refused` is then true.
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
        if self.recording and getattr(func, "__name__", "") not in _READS and any(True for _ in tensors(result)):
            self.calls.append(Call(function=func, arguments=args, options=options, result=result))
        return result


class ReplayedTail:
    """A `Tail` that plays recorded calls again from other logits.

    `calls`: of one pass from rows to loss; `prediction`, `loss`, `labels`: tensors of that pass.
    Raises `ValueError` if the loss does not come from weights.
    """

    def __init__(
        self, calls: list[Call], *, prediction: torch.Tensor, loss: torch.Tensor, labels: torch.Tensor,
        weights: set[int], objective: Callable[[Any, Any], Any] | None = None,
    ) -> None:  # fmt: skip
        nodes = [
            Node(
                inputs=tuple(id(tensor) for tensor in tensors((call.arguments, call.options))),
                outputs=tuple(id(tensor) for tensor in tensors(call.result)),
            )
            for call in calls
        ]
        # rows and labels: what has as many rows as the prediction and no gradient, wherever it comes from
        data = {
            id(tensor)
            for call in calls
            for tensor in tensors((call.arguments, call.options))
            if tensor.ndim and len(tensor) == len(prediction) and not tensor.requires_grad and id(tensor) not in weights
        }
        known = {id(t): t for call in calls for t in tensors((call.arguments, call.options, call.result))}
        met, narrow = split(nodes, data, weights, id(prediction))
        known[id(prediction)] = prediction
        places, self.whole = entered(met, narrow, lambda one: _numpy(known[one]))  # type: ignore[index]
        self._at = [known[one] for one in places]  # type: ignore[index]
        replaced = {id(one) for one in self._at}
        start = min((number for number, node in enumerate(nodes) if replaced & {*node.outputs}), default=-1)
        # what is replaced must not be made again
        replaced |= {id(labels)}
        labelled = {id(labels)}  # and what is made of them, which may be before the logits are
        self._calls = []
        for number, call in enumerate(calls):
            given, made = ({id(one) for one in tensors(tree)} for tree in ((call.arguments, call.options), call.result))
            if (number > start or given & labelled) and not replaced & made:
                self._calls.append(call)
            if given & labelled and number <= start:
                labelled |= made
        self._random = any(call.options.get("training") for call in self._calls)
        self._labels, at = labels, self._at[0]
        self._prediction, self._loss, self._objective = prediction, loss, objective
        self.rows = len(at) if at.ndim else 1
        self.shape = tuple(at.shape[1:])
        self.dtype = str(at.dtype).removeprefix("torch.")
        self.logits = np.stack([_numpy(one) for one in self._at])

    def _fitted(self, values: np.ndarray, like: torch.Tensor) -> torch.Tensor:
        """Rows of the sweep, repeated or cut to as many as the program has."""
        rows = np.resize(values, (self.rows, *values.shape[1:]))
        return torch.as_tensor(rows).to(like.dtype).reshape(like.shape)

    def _play(
        self, replaced: dict[int, torch.Tensor], wanted: tuple[torch.Tensor, ...], *, training: bool = True
    ) -> list[torch.Tensor]:
        """The tensors `wanted`, with some others `replaced`; without `training`, Dropout and the like do nothing."""

        def now(leaf: Any) -> Any:
            return replaced.get(id(leaf), leaf) if isinstance(leaf, torch.Tensor) else leaf

        for call in self._calls:
            arguments, options = tree_map(now, (call.arguments, call.options))
            if not training and "training" in options:
                options |= {"training": False}
            result = call.function(*arguments, **options)
            replaced |= {id(old): new for old, new in zip(tensors(call.result), tensors(result), strict=True)}
        return [replaced.get(id(one), one) for one in wanted]

    def __call__(self, logits: np.ndarray, labels: np.ndarray) -> Step:
        z = self._fitted(logits, self._at[0]).detach().requires_grad_()
        truth = self._fitted(labels, self._labels)
        given = {**{id(one): z for one in self._at}, id(self._labels): truth}
        with torch.enable_grad():
            trained, loss = self._play({**given}, (self._prediction, self._loss))
            (gradient,) = torch.autograd.grad(loss.mean(), z, allow_unused=True) if loss.requires_grad else (None,)
        gradient = torch.zeros_like(z) if gradient is None else gradient
        (prediction,) = self._play(given, (self._prediction,), training=False) if self._random else (trained,)
        return Step(
            prediction=_numpy(prediction), trained=_numpy(trained), loss=float(loss.detach().mean()),
            gradient=_numpy(gradient),
        )  # fmt: skip

    def score(self, labels: np.ndarray, prediction: np.ndarray) -> float:
        if self._objective is None:  # PyTorch has no tensors that remember their logits
            return float("nan")
        with Recorder(recording=False):
            value = self._objective(self._fitted(labels, self._labels), self._fitted(prediction, self._prediction))
        return float(value.detach().mean())


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return np.asarray(tensor.detach().double().numpy())


def recorded(
    forward: Callable[[list[torch.Tensor]], torch.Tensor],
    objective: Callable[[Any, Any], Any],
    rows: list[Any],
    labels: Any,
    weights: list[torch.Tensor],
) -> ReplayedTail:
    """The tail of a model that is applied to `rows` once, and of `objective(labels, prediction)`."""
    given = [torch.as_tensor(one) for one in rows]
    truth = torch.as_tensor(labels)
    with torch.enable_grad(), Recorder() as recorder:
        prediction = forward(given)
        loss = objective(truth, prediction)
    ids = {id(weight) for weight in weights}
    return ReplayedTail(
        recorder.calls, prediction=prediction, loss=loss, labels=truth, weights=ids, objective=objective
    )
