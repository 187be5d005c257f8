"""What a program called, in any framework: which calls lead to a loss, what comes from a prediction, and its labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from experiments.check.split import Node

Learnt = Callable[[Any], bool]  # whether a tensor depends on weights


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
    def node(self) -> Node:
        """The call as an operation of a trace, a tensor by its id."""
        given, made = tuple(map(id, self.inputs)), tuple(map(id, self.outputs))
        return Node(inputs=given, outputs=made, random=self.random)


def leading_to(calls: list[Call], *targets: Any) -> list[Call]:
    """The calls that some tensors depend on, in their order."""
    needed, kept = set(map(id, targets)), []
    for call in reversed(calls):
        if any(id(tensor) in needed for tensor in call.outputs):
            kept.append(call)
            needed |= set(map(id, call.inputs))
    return kept[::-1]


def derived(calls: list[Call], starts: Iterable[Any]) -> set[int]:
    """Some tensors, and all that is made of them, by their ids."""
    known = set(map(id, starts))
    for call in calls:
        if any(id(one) in known for one in call.inputs):
            known |= set(map(id, call.outputs))
    return known


def last_of(calls: list[Call], outputs: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """The outputs of modules behind which no other module with weights comes, each once, from its outermost module.

    `outputs`: a module and a tensor that it returned, in the order of their return.
    """
    behind = {id(output): derived(calls, [output]) for _, output in outputs}
    last = {
        id(output): (module, output)  # the outermost module is the last to return
        for module, output in outputs
        if not any(id(other) in behind[id(output)] for _, other in outputs if other is not output)
    }
    return list(last.values())


def term(calls: list[Call], starts: Iterable[Any], loss: Any, learnt: Learnt) -> Any:
    """The part of the loss that is made of one prediction alone: without penalties, and losses of other outputs."""
    known, part = set(map(id, starts)), loss
    for call in calls:
        of_prediction = [id(one) in known for one in call.inputs]
        if any(of_prediction) and all(of_prediction[at] or not learnt(one) for at, one in enumerate(call.inputs)):
            known |= set(map(id, call.outputs))
            part = next((one for one in call.outputs if one.ndim == 0), part)
    return part


def labels_of(calls: list[Call], starts: Iterable[Any], rows: int, learnt: Learnt) -> Any:
    """What stands beside a prediction in the first call that takes both it, or what was made of it, and labels.

    Where both are flattened there, the labels are what has as many `rows` as the prediction. None if there are none.
    """
    known = set(map(id, starts))
    for call in calls:
        if not any(id(one) in known for one in call.inputs):
            continue
        for one in call.inputs:
            if id(one) not in known and not learnt(one) and one.ndim > 0:
                before = reversed(leading_to(calls, one))
                for source in (one, *(tensor for earlier in before for tensor in earlier.inputs)):
                    if source.ndim > 0 and len(source) == rows and not learnt(source):
                        return source
        known |= set(map(id, call.outputs))
    return None
