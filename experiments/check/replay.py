"""The tail of a program whose calls were recorded once: the part behind the logits is played again."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable
from copy import copy
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from experiments.check.calls import Call, derived
from experiments.check.record import Step
from experiments.check.split import entered, split

Played = tuple[Any, Any]  # the prediction and the loss


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

    def gradient(self, play: Callable[[Any], Played], z: Any) -> tuple[Any, Any, Any]:
        """The prediction, the mean of the loss, and its gradient with respect to `z`, None if there is none."""
        ...


def played(framework: Framework, calls: list[Call], replaced: dict[int, Any]) -> dict[int, Any]:
    """Do the calls again: by the ids of tensors, what replaces them now; `replaced`: what replaced some before."""
    for call in calls:
        arguments, options = framework.replaced((call.arguments, call.options), replaced)
        made = framework.tensors(call.function(*arguments, **options))
        replaced |= {id(old): new for old, new in zip(call.outputs, made, strict=True)}
    return replaced


class Part:
    """The recorded calls from the logits of a prediction on.

    `calls`: of one pass from rows on; `weights`: ids of tensors, and `rows` of those that layers with weights took;
    `learnt`: whether a tensor depends on weights; `labels`: a tensor, or None where the pass takes none.
    `at`: the logits; `whole`: whether the prediction depends on the rows through them alone.
    """

    def __init__(
        self, framework: Framework, calls: list[Call], prediction: Any, labels: Any, weights: set[int],
        learnt: Callable[[Any], bool], rows: set[int] = frozenset(),  # type: ignore[assignment]
    ) -> None:  # fmt: skip
        nodes = [call.node for call in calls]
        # rows and labels: what has as many rows as the prediction and no weights in it, wherever it comes from
        strange = weights | derived(calls, [one for call in calls if call.random for one in call.outputs])
        data = rows | {
            id(one) for call in calls for one in call.inputs
            if not learnt(one) and id(one) not in strange and one.ndim and len(one) == len(prediction)
        }  # fmt: skip
        known = {id(one): one for call in calls for one in (*call.inputs, *call.outputs)} | {id(prediction): prediction}
        met, narrow = split(nodes, data, weights, id(prediction))
        places, self.whole = entered(met, narrow, lambda one: framework.array(known[one]))  # type: ignore[index]
        self.at = [known[one] for one in places]  # type: ignore[index]
        replaced = set(map(id, self.at))
        start = min((number for number, node in enumerate(nodes) if replaced & {*node.outputs}), default=-1)
        # what is replaced must not be made again
        replaced |= {id(labels)}
        labelled: set[Hashable] = {id(labels)}  # and what is made of them, which may be before the logits are
        self.calls = []
        for number, (call, node) in enumerate(zip(calls, nodes, strict=True)):
            given, made = {*node.inputs}, {*node.outputs}
            # before the logits: what labels are made into; what is made of all of them, as their share, is as it was
            of_labels = bool(given & labelled) and any(_of_rows(one, labels) for one in call.outputs)
            if (number > start or of_labels) and not replaced & made:
                self.calls.append(call)
            if of_labels and number <= start:
                labelled |= made
        self.prediction, self._framework = prediction, framework

    def without(self, option: str) -> Part | None:
        """The same with an option of its calls set to False; None if no call has it set."""
        if not any(call.options.get(option) for call in self.calls):
            return None
        part = copy(self)
        part.calls = [replace(call, options=call.options | {option: False}) if option in call.options else call
                      for call in self.calls]  # fmt: skip
        return part

    def play(self, z: Any, known: dict[int, Any], *wanted: Any) -> list[Any]:
        """The tensors `wanted` for the logits `z`; `known` maps the ids of other tensors to what replaces them."""
        replaced = played(self._framework, self.calls, known | {id(one): z for one in self.at})
        return [replaced.get(id(one), one) for one in wanted]


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
        self, framework: Framework, trained: Part, predicted: Part | None, *, loss: Any, labels: Any,
        objective: Callable[[Any, Any], Any] | None = None,
    ) -> None:  # fmt: skip
        self._framework, self._trained, self._predicted = framework, trained, predicted
        self._loss, self._labels, self._objective = loss, labels, objective
        at = trained.at[0]
        self.whole, self.rows, self.shape = trained.whole, len(at) if at.ndim else 1, tuple(at.shape[1:])
        self.dtype = str(getattr(at.dtype, "name", at.dtype)).removeprefix("torch.")
        self.logits = np.stack([framework.array(one) for one in trained.at])

    def _fitted(self, values: np.ndarray, like: Any) -> Any:
        """Rows of the sweep, repeated or cut to as many as the program has."""
        return self._framework.like(np.resize(values, (self.rows, *values.shape[1:])), like)

    def __call__(self, logits: np.ndarray, labels: np.ndarray) -> Step:
        """One step on (rows, *shape) logits and as many labels."""
        framework, part = self._framework, self._trained
        known = {id(self._labels): self._fitted(labels, self._labels)}

        def play(z: Any) -> Played:
            prediction, loss = part.play(z, known, part.prediction, self._loss)
            return prediction, loss

        trained, loss, gradient = framework.gradient(play, self._fitted(logits, part.at[0]))
        prediction = trained
        if (other := self._predicted) is not None:
            (prediction,) = other.play(self._fitted(logits, other.at[0]), known, other.prediction)
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
