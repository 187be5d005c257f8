"""The tail of a program whose calls were recorded once: the part behind the logits is played again."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable
from copy import copy
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from experiments.check.calls import Call, descendants
from experiments.check.record import Step
from experiments.check.split import entry_points, split

PredictionAndLoss = tuple[Any, Any]  # the prediction and the loss


class Framework(Protocol):
    """What a replay needs of a framework."""

    def tensors(self, tree: Any) -> Iterable[Any]:
        """Every tensor in what a call returned."""
        ...

    def array(self, tensor: Any) -> np.ndarray:
        """A tensor of any precision in float64."""
        ...

    def like(self, values: np.ndarray, tensor: Any) -> Any:
        """Values as a tensor of the dtype and shape of another."""
        ...

    def replaced(self, tree: Any, tensors: dict[int, Any]) -> Any:
        """Nested arguments with other tensors in the place of those with some ids."""
        ...

    def gradient(self, play: Callable[[Any], PredictionAndLoss], z: Any) -> tuple[Any, Any, Any]:
        """The prediction, the mean of the loss, and its gradient with respect to `z`, None if there is none."""
        ...


def replay(framework: Framework, calls: list[Call], replaced: dict[int, Any]) -> dict[int, Any]:
    """Do the calls again: by the ids of tensors, what replaces them now; `replaced`: what replaced some before."""
    for call in calls:
        arguments, options = framework.replaced((call.arguments, call.options), replaced)
        results = framework.tensors(call.function(*arguments, **options))
        replaced |= {id(old): new for old, new in zip(call.outputs, results, strict=True)}
    return replaced


class TailCalls:
    """The recorded calls from the logits of a prediction on.

    `calls`: of one pass from rows on; `weights`: ids of tensors, and `rows` of those that layers with weights took;
    `requires_grad`: whether a tensor depends on weights; `labels`: a tensor, or None where the pass takes none.
    `logits`: the tensors they start from; `logits_suffice`: whether the prediction depends on the rows through these
    alone.
    """

    def __init__(
        self, framework: Framework, calls: list[Call], prediction: Any, labels: Any, weights: set[int],
        requires_grad: Callable[[Any], bool], rows: set[int] = frozenset(),  # type: ignore[assignment]
    ) -> None:  # fmt: skip
        nodes = [call.node for call in calls]
        # rows and labels: what has as many rows as the prediction and no weights in it, wherever it comes from
        not_data = weights | descendants(calls, [tensor for call in calls if call.random for tensor in call.outputs])
        data = rows | {
            id(tensor) for call in calls for tensor in call.inputs
            if not requires_grad(tensor) and id(tensor) not in not_data
            and tensor.ndim and len(tensor) == len(prediction)
        }  # fmt: skip
        tensors_by_id = {id(tensor): tensor for call in calls for tensor in (*call.inputs, *call.outputs)} | {
            id(prediction): prediction
        }
        last_weighted, dominators = split(nodes, data, weights, id(prediction))
        entry_ids, self.logits_suffice = entry_points(
            last_weighted, dominators, lambda tensor: framework.array(tensors_by_id[tensor])  # type: ignore[index]
        )
        self.logits = [tensors_by_id[tensor] for tensor in entry_ids]  # type: ignore[index]
        replaced = set(map(id, self.logits))
        start = min((index for index, node in enumerate(nodes) if replaced & {*node.outputs}), default=-1)
        # what is replaced must not be made again
        replaced |= {id(labels)}
        labelled: set[Hashable] = {id(labels)}  # and what is made of them, which may be before the logits are
        self.calls = []
        for index, (call, node) in enumerate(zip(calls, nodes, strict=True)):
            inputs, outputs = {*node.inputs}, {*node.outputs}
            # before the logits: what labels are made into; what is made of all of them, as their share, is as it was
            of_labels = bool(inputs & labelled) and any(_of_rows(tensor, labels) for tensor in call.outputs)
            if (index > start or of_labels) and not replaced & outputs:
                self.calls.append(call)
            if of_labels and index <= start:
                labelled |= outputs
        self.prediction, self._framework = prediction, framework

    def without(self, option: str) -> TailCalls | None:
        """The same with an option of its calls set to False; None if no call has it set."""
        if not any(call.options.get(option) for call in self.calls):
            return None
        part = copy(self)
        part.calls = [replace(call, options=call.options | {option: False}) if option in call.options else call
                      for call in self.calls]  # fmt: skip
        return part

    def play(self, z: Any, replacements: dict[int, Any], *targets: Any) -> list[Any]:
        """The tensors `targets` for the logits `z`; `replacements` maps ids of other tensors to what replaces them."""
        replaced = replay(self._framework, self.calls, replacements | {id(tensor): z for tensor in self.logits})
        return [replaced.get(id(tensor), tensor) for tensor in targets]


def _of_rows(tensor: Any, labels: Any) -> bool:
    """Whether a tensor has a number for each label."""
    if labels is None or tensor.ndim == 0:
        return False
    return len(tensor) == len(labels) or math.prod(tensor.shape) >= math.prod(labels.shape)


class ReplayedTail:
    """A `Tail` that plays recorded calls again from other logits.

    `trained`: of a pass in training, with the tensors `loss` and `labels` of it; `predicted`: of one that is none.
    `objective(labels, prediction)` is None where the program has no such function.
    """

    def __init__(
        self, framework: Framework, trained: TailCalls, predicted: TailCalls | None, *, loss: Any, labels: Any,
        objective: Callable[[Any, Any], Any] | None = None,
    ) -> None:  # fmt: skip
        self._framework, self._trained, self._predicted = framework, trained, predicted
        self._loss, self._labels, self._objective = loss, labels, objective
        first_logits = trained.logits[0]
        self.logits_suffice, self.rows, self.shape = (
            trained.logits_suffice, len(first_logits) if first_logits.ndim else 1, tuple(first_logits.shape[1:])
        )  # fmt: skip
        self.dtype = str(getattr(first_logits.dtype, "name", first_logits.dtype)).removeprefix("torch.")
        self.logits = np.stack([framework.array(tensor) for tensor in trained.logits])

    def _fitted(self, values: np.ndarray, like: Any) -> Any:
        """Rows of the sweep, repeated or cut to as many as the program has."""
        return self._framework.like(np.resize(values, (self.rows, *values.shape[1:])), like)

    def __call__(self, logits: np.ndarray, labels: np.ndarray) -> Step:
        """One step on (rows, *shape) logits and as many labels."""
        framework, part = self._framework, self._trained
        replacements = {id(self._labels): self._fitted(labels, self._labels)}

        def play(z: Any) -> PredictionAndLoss:
            prediction, loss = part.play(z, replacements, part.prediction, self._loss)
            return prediction, loss

        trained, loss, gradient = framework.gradient(play, self._fitted(logits, part.logits[0]))
        prediction = trained
        if (predicted := self._predicted) is not None:
            (prediction,) = predicted.play(
                self._fitted(logits, predicted.logits[0]), replacements, predicted.prediction
            )
        trained = framework.array(trained)
        return Step(
            prediction=framework.array(prediction), trained=trained, loss=float(framework.array(loss)),
            gradient=np.zeros((self.rows, *self.shape)) if gradient is None else framework.array(gradient),
        )  # fmt: skip

    def score(self, labels: np.ndarray, prediction: np.ndarray) -> float:
        """The loss of a prediction that is an array; nan where the program has no function for it."""
        if self._objective is None:
            return float("nan")
        value = self._objective(
            self._fitted(labels, self._labels), self._fitted(prediction, self._trained.prediction)
        )
        return float(self._framework.array(value).mean())
