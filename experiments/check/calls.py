"""What a program called, in any framework: which calls lead to a loss, what comes from a prediction, and its labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from experiments.check.split import Node

RequiresGrad = Callable[[Any], bool]  # whether a tensor depends on weights
NEGATIVE_WEIGHTS = "Besides its label a row has a number below 0 in the loss, so that of a label alone says nothing."


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a function of a framework, with what went in, and the tensors that went in and out.

    `random`: whether it draws what it returns. What a list of calls holds stays alive, so that the id of a tensor names
    one tensor alone.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    random: bool = False

    @property
    def new_outputs(self) -> tuple[Any, ...]:
        """The outputs; of several, only those that are not inputs handed through."""
        input_ids = set(map(id, self.inputs)) if len(self.outputs) > 1 else set()
        return tuple(tensor for tensor in self.outputs if id(tensor) not in input_ids)

    @property
    def node(self) -> Node:
        """The call as an operation of a trace, a tensor by its id."""
        inputs, outputs = tuple(map(id, self.inputs)), tuple(map(id, self.outputs))
        return Node(inputs=inputs, outputs=outputs, random=self.random)


def ancestors(calls: list[Call], *targets: Any) -> list[Call]:
    """The calls that the target tensors depend on, in the order in which they ran."""
    needed_ids, needed_calls = set(map(id, targets)), []
    for call in reversed(calls):
        if any(id(tensor) in needed_ids for tensor in call.outputs):
            needed_calls.append(call)
            needed_ids |= set(map(id, call.inputs))
    return needed_calls[::-1]


def descendants(calls: list[Call], starts: Iterable[Any]) -> set[int]:
    """The ids of the start tensors and of every tensor computed from them."""
    ids = set(map(id, starts))
    for call in calls:
        if any(id(tensor) in ids for tensor in call.inputs):
            ids |= set(map(id, call.new_outputs))
    return ids


def last_outputs(calls: list[Call], outputs: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """The outputs of modules behind which no other module with weights comes, each once, from its outermost module.

    `outputs`: a module and a tensor that it returned, in the order of their return.
    """
    downstream = {id(output): descendants(calls, [output]) for _, output in outputs}
    last = {
        id(output): (module, output)  # the outermost module is the last to return
        for module, output in outputs
        if not any(id(other) in downstream[id(output)] for _, other in outputs if other is not output)
    }
    return list(last.values())


def loss_term(calls: list[Call], starts: Iterable[Any], loss: Any, requires_grad: RequiresGrad, labels: Any) -> Any:
    """The term of the loss that compares one prediction with its labels, without penalties and other outputs."""
    derived_ids, part = set(map(id, starts)), loss
    labelled = descendants(calls, [labels])
    for call in calls:
        of_prediction = [id(tensor) in derived_ids for tensor in call.inputs]
        if any(of_prediction) and all(
            of_prediction[at] or not requires_grad(tensor) for at, tensor in enumerate(call.inputs)
        ):
            derived_ids |= set(map(id, call.outputs))
            part = next((tensor for tensor in call.outputs if tensor.ndim == 0 and id(tensor) in labelled), part)
    return part


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What a loss compares a prediction with: the `tensor` of labels, and why that cannot be measured, or ""."""

    tensor: Any
    unmeasured: str = ""


def labels_of(calls: list[Call], starts: Iterable[Any], prediction: Any, requires_grad: RequiresGrad) -> Labels | None:
    """What stands beside a prediction in the first call that takes both it, or what was made of it, and labels.

    `starts`: the tensors that the loss may take the prediction from. Where both are flattened there, the labels are
    what has as many rows as the prediction. What is drawn from a prediction may be a label; so may what is made of
    nothing but a shape, zeros or ones, where nothing else stands beside it. None if there are none.
    """
    shaped = {id(tensor) for call in calls if not call.inputs and not call.random for tensor in call.outputs}
    for follow in (requires_grad, lambda tensor: True):
        for skipped in (shaped, set[int]()):
            labels = _labels_beside(calls, starts, prediction, requires_grad, follow, skipped)
            if labels is not None:  # where no gradient reaches the weights on that way: measure that
                return labels if follow is requires_grad else replace(labels, unmeasured="")
    return None


def _labels_beside(
    calls: list[Call], starts: Iterable[Any], prediction: Any, requires_grad: RequiresGrad, follow: RequiresGrad,
    skipped: set[int],
) -> Labels | None:  # fmt: skip
    """As `labels_of`, where a prediction is followed through what `follow` is true of."""
    derived_ids = set(map(id, starts))
    for call in calls:
        compared = [candidate for candidate in call.inputs if id(candidate) in derived_ids]
        if not compared:
            continue
        for candidate in call.inputs:
            if id(candidate) not in derived_ids | skipped and not requires_grad(candidate) and candidate.ndim > 0:
                earlier_calls = reversed(ancestors(calls, candidate))
                for source in (candidate, *(tensor for earlier in earlier_calls for tensor in earlier.inputs)):
                    if source.ndim > 0 and len(source) == len(prediction) and not requires_grad(source):
                        reason = "" if _of_units(compared[0], prediction) and _comparable(compared[0], candidate) else (
                            f"The loss compares labels, {_size(candidate)}, with {_size(compared[0])} numbers that it "
                            f"makes of the prediction, {_size(prediction)}."
                        )  # fmt: skip
                        return Labels(tensor=source, unmeasured=reason)
        derived_ids |= {id(candidate) for candidate in call.outputs if follow(candidate)}
    return None


def _size(tensor: Any) -> str:
    return " x ".join(map(str, tensor.shape))


def _of_units(derived_tensor: Any, prediction: Any) -> bool:
    """Whether what is made of a prediction still has its units: as many numbers, or as many in the last axis."""
    same_size = math.prod(derived_tensor.shape) == math.prod(prediction.shape)
    return same_size or (derived_tensor.ndim > 0 and tuple(derived_tensor.shape)[-1] == tuple(prediction.shape)[-1])


def _comparable(derived_tensor: Any, labels: Any) -> bool:
    """Whether labels are as large as what they stand beside, one a row of it, or broadcast with it."""
    shape, label_shape = tuple(derived_tensor.shape), tuple(labels.shape)
    if label_shape in (shape, shape[:-1], (*shape[:1], *shape[2:])):
        return True
    return all(1 in pair or pair[0] == pair[1] for pair in zip(reversed(shape), reversed(label_shape), strict=False))


def negative_weights(
    calls: list[Call], prediction: Iterable[Any], labels: Any, requires_grad: RequiresGrad,
    least: Callable[[Any], float],
) -> bool:  # fmt: skip
    """Whether what is made of prediction and labels is multiplied by weights of rows, some of them below 0.

    `least`: the least number of a tensor. Such rows are learnt backwards, on purpose: as with the rewards of actions.
    """
    of_both, derived_ids = (
        descendants(calls, [labels]) & descendants(calls, prediction), descendants(calls, [labels, *prediction])
    )  # fmt: skip
    return any(
        least(factor) < 0
        for call in calls if any(id(tensor) in of_both for tensor in call.inputs)
        for factor in call.inputs
        if id(factor) not in derived_ids and not requires_grad(factor)
        and factor.ndim > 0 and len(factor) == len(labels)
    )  # fmt: skip
