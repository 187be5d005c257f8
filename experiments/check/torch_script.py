"""A PyTorch script watched until it first asks for a gradient of its weights: what it called is what is checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import nn

from experiments.check.answer import of_readings
from experiments.check.record import Checked
from experiments.check.torch_program import REFUSED, losses_in, output_of
from experiments.check.torch_tail import Call, Recorder, ReplayedTail, tensors
from experiments.records import require


def watch(path: Path, answer: Callable[[Callable[[], Checked]], NoReturn]) -> Callable[[], None]:
    """Record every call from now on; the first `backward()` ends in `answer`. Returns what stops the watching.

    So does the first `torch.autograd.grad` of a loss for parameters.
    """
    outputs: list[tuple[nn.Module, torch.Tensor]] = []

    def backward(loss: torch.Tensor) -> None:
        recorder.recording = False  # the mode itself cannot be left from within one of its calls
        answer(lambda: _check(path, recorder, outputs, loss))

    class Watching(Recorder):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.Tensor.backward:
                backward(args[0])
            # of an input, not of weights, it is a penalty or an attack, and no step of training
            if func is torch.autograd.grad and any(isinstance(one, nn.Parameter) for one in tensors(args[1:])):
                backward(next(tensors(args)))
            return super().__torch_function__(func, types, args, kwargs)

    recorder = Watching()
    hook = nn.modules.module.register_module_forward_hook(
        lambda module, inputs, output: outputs.append((module, output)) if isinstance(output, torch.Tensor) else None
    )
    plain = torch.autograd.backward

    def of_tensors(given: Any, *args: Any, **options: Any) -> None:
        backward(given if isinstance(given, torch.Tensor) else given[0])

    torch.autograd.backward = of_tensors  # type: ignore[assignment]
    recorder.__enter__()

    def stop() -> None:
        recorder.__exit__(None, None, None)
        torch.autograd.backward = plain
        hook.remove()

    return stop


def _check(
    path: Path, recorder: Recorder, outputs: list[tuple[nn.Module, torch.Tensor]], loss: torch.Tensor
) -> Checked:
    """Check the part of a script that led to `loss`."""
    calls = _leading_to(recorder.calls, loss)
    used = {id(tensor) for call in calls for tensor in tensors((call.arguments, call.options, call.result))}
    own = [(m, o) for m, o in outputs if id(o) in used and any(True for _ in m.parameters()) and o is not loss]
    require(bool(own), f"{path} calls backward() on a loss that comes from no module with weights.")
    predictions = _last_of(calls, own)
    readings = []
    for number, (module, prediction) in enumerate(predictions, start=1):
        truth = _labels(calls, prediction)
        if truth is None:
            continue
        part = _term(calls, prediction, loss)
        tail = ReplayedTail(
            _leading_to(calls, part), prediction=prediction, loss=part, labels=truth,
            weights={id(t) for call in calls for t in tensors((call.arguments, call.options)) if _is_weight(t)},
        )  # fmt: skip
        readings.append(
            output_of(
                module, losses_in(outputs) or "loss", prediction, tail, labels=truth.detach().numpy(), complete=False,
                refused=f"RuntimeError: all elements of {REFUSED}" if recorder.refused else "",
                name="output" if len(predictions) == 1 else f"output {number}",
            )
        )  # fmt: skip
    require(bool(readings), f"{path} calls backward() on a loss that takes no labels beside the prediction.")
    return of_readings(readings, file=path, function="")


def _is_weight(tensor: torch.Tensor) -> bool:
    return tensor.requires_grad and tensor.is_leaf


def _leading_to(calls: list[Call], loss: torch.Tensor) -> list[Call]:
    """The calls that the loss depends on, in their order."""
    needed, kept = {id(loss)}, []
    for call in reversed(calls):
        if any(id(tensor) in needed for tensor in tensors(call.result)):
            kept.append(call)
            needed |= {id(tensor) for tensor in tensors((call.arguments, call.options))}
    return kept[::-1]


def _last_of(
    calls: list[Call], own: list[tuple[nn.Module, torch.Tensor]]
) -> list[tuple[nn.Module, torch.Tensor]]:
    """The outputs of modules behind which no other module with weights comes, each once, from its outermost module."""
    behind = {id(output): _derived(calls, output) for _, output in own}
    last = {
        id(output): (module, output)  # the outermost module is the last to return
        for module, output in own
        if not any(id(other) in behind[id(output)] for _, other in own if other is not output)
    }
    return list(last.values())


def _derived(calls: list[Call], tensor: torch.Tensor) -> set[int]:
    """The tensor, and all that is made of it."""
    derived = {id(tensor)}
    for call in calls:
        if any(id(one) in derived for one in tensors((call.arguments, call.options))):
            derived |= {id(one) for one in tensors(call.result)}
    return derived


def _term(calls: list[Call], prediction: torch.Tensor, loss: torch.Tensor) -> torch.Tensor:
    """The part of the loss that is made of one prediction alone: without penalties, and losses of other outputs."""
    derived, term = {id(prediction)}, loss
    for call in calls:
        given = list(tensors((call.arguments, call.options)))
        of_prediction = [id(one) in derived for one in given]
        if any(of_prediction) and all(of_prediction[at] or not one.requires_grad for at, one in enumerate(given)):
            derived |= {id(one) for one in tensors(call.result)}
            term = next((one for one in tensors(call.result) if one.ndim == 0), term)
    return term


def _labels(calls: list[Call], prediction: torch.Tensor) -> torch.Tensor | None:
    """What stands beside the prediction in the first call that takes both it, or what was made of it, and labels.

    Where both are flattened there, the labels are what has as many rows as the prediction.
    """
    derived = {id(prediction)}
    for call in calls:
        given = list(tensors((call.arguments, call.options)))
        if not any(id(one) in derived for one in given):
            continue
        for one in given:
            if id(one) not in derived and not one.requires_grad and one.ndim > 0:
                sources = [one, *(tensor for before in reversed(_leading_to(calls, one))
                                  for tensor in tensors((before.arguments, before.options)))]  # fmt: skip
                for source in sources:
                    if source.ndim > 0 and len(source) == len(prediction) and not source.requires_grad:
                        return source
        derived |= {id(one) for one in tensors(call.result)}
    return None
