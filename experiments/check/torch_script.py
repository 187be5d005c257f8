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
    module, prediction = own[-1]  # the outermost module is the last to return
    weights = {id(t) for call in calls for t in tensors((call.arguments, call.options)) if _is_weight(t)}
    truth = _labels(calls, prediction)
    require(truth is not None, f"{path} calls backward() on a loss that takes no labels beside the prediction.")
    assert truth is not None
    tail = ReplayedTail(calls, prediction=prediction, loss=loss, labels=truth, weights=weights)
    reading = output_of(
        module, losses_in(outputs) or "loss", prediction, tail, labels=truth.detach().numpy(), complete=False,
        refused=f"RuntimeError: all elements of {REFUSED}" if recorder.refused else "",
    )  # fmt: skip
    return of_readings([reading], file=path, function="")


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


def _labels(calls: list[Call], prediction: torch.Tensor) -> torch.Tensor | None:
    """What stands beside the prediction in the first call that takes both it, or what was made of it, and labels."""
    derived = {id(prediction)}
    for call in calls:
        given = list(tensors((call.arguments, call.options)))
        if not any(id(one) in derived for one in given):
            continue
        for one in given:
            labels = id(one) not in derived and not one.requires_grad and one.ndim > 0
            if labels and len(one) == len(prediction):
                return one
        derived |= {id(one) for one in tensors(call.result)}
    return None
