"""A PyTorch script watched until it first asks for a gradient of its weights: what it called is what is checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import nn

from experiments.check.calls import (
    NEGATIVE_WEIGHTS,
    ancestors,
    labels_of,
    last_outputs,
    loss_term,
    negative_weights,
)
from experiments.check.checking import check_readings
from experiments.check.record import Checked, Tail
from experiments.check.torch_program import REFUSED, loss_module_name, read_output
from experiments.check.torch_tail import Recorder, replayed_tail, requires_grad, tensors
from experiments.records import require


def watch(path: Path, finish: Callable[[Callable[[], Checked]], NoReturn]) -> Callable[[], None]:
    """Record every call from now on; the first `backward()` ends in `finish`. Returns what stops the watching.

    So does the first `torch.autograd.grad` of a loss for parameters.
    """
    outputs: list[tuple[nn.Module, torch.Tensor]] = []
    rows: list[torch.Tensor] = []

    def called(module: nn.Module, inputs: Any, output: Any) -> None:
        outputs.extend((module, tensor) for tensor in tensors(output))
        if any(True for _ in module.parameters()):
            rows.extend(tensors(inputs))

    def backward(loss: torch.Tensor) -> None:
        recorder.recording = False  # the mode itself cannot be left from within one of its calls
        finish(lambda: _check(path, recorder, outputs, rows, loss))

    class Watching(Recorder):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.Tensor.backward:
                backward(args[0])
            # of an input, not of weights, it is a penalty or an attack, and no step of training
            if func is torch.autograd.grad and any(isinstance(tensor, nn.Parameter) for tensor in tensors(args[1:])):
                backward(next(tensors(args)))
            return super().__torch_function__(func, types, args, kwargs)

    recorder = Watching()
    hook = nn.modules.module.register_module_forward_hook(called)
    original_backward = torch.autograd.backward

    def of_tensors(losses: Any, *args: Any, **options: Any) -> None:
        backward(losses if isinstance(losses, torch.Tensor) else losses[0])

    torch.autograd.backward = of_tensors  # type: ignore[assignment]
    recorder.__enter__()

    def stop() -> None:
        recorder.__exit__(None, None, None)
        torch.autograd.backward = original_backward
        hook.remove()

    return stop


def without_compiling() -> Callable[[], None]:
    """From now on, torch.compile returns what it is given: compiled code hides its calls. Returns what ends that."""
    compile_function, compile_method = torch.compile, nn.Module.compile

    def compile_(model: Any = None, **options: Any) -> Any:
        return (lambda function: function) if model is None else model

    torch.compile, nn.Module.compile = compile_, lambda module, *args, **options: None  # type: ignore

    def stop() -> None:
        torch.compile, nn.Module.compile = compile_function, compile_method  # type: ignore

    return stop


def _check(
    path: Path, recorder: Recorder, outputs: list[tuple[nn.Module, torch.Tensor]], rows: list[torch.Tensor],
    loss: torch.Tensor,
) -> Checked:  # fmt: skip
    """Check the part of a script that led to `loss`; `outputs` and `rows`: what modules returned and took."""
    calls = ancestors(recorder.calls, loss)
    used = {id(tensor) for call in calls for tensor in (*call.inputs, *call.outputs)}
    weighted_outputs = [
        (m, o) for m, o in outputs
        if id(o) in used and requires_grad(o) and any(True for _ in m.parameters()) and o.ndim
    ]  # fmt: skip
    require(bool(weighted_outputs), f"{path} calls backward() on a loss that comes from no module with weights.")
    predictions = last_outputs(calls, weighted_outputs)
    readings = []
    for number, (module, prediction) in enumerate(predictions, start=1):
        labels = labels_of(calls, [prediction], prediction, requires_grad)
        if labels is None:
            continue
        truth = labels.tensor
        tail: Tail | str = labels.unmeasured
        part = loss_term(calls, [prediction], loss, requires_grad, truth)
        loss_calls = ancestors(calls, part)
        if not tail and negative_weights(
            loss_calls, [prediction], truth, requires_grad, lambda tensor: float(tensor.min())
        ):
            tail = NEGATIVE_WEIGHTS
        tail = tail or replayed_tail(
            loss_calls, prediction=prediction, loss=part, labels=truth,
            rows={id(tensor) for tensor in rows if not requires_grad(tensor)},
            weights={id(t) for call in calls for t in call.inputs if _is_weight(t)},
        )  # fmt: skip
        readings.append(
            read_output(
                module, loss_module_name(outputs) or "loss", prediction, tail,
                labels=None if labels.unmeasured else truth.detach().numpy(), complete=False,
                refused=f"RuntimeError: all elements of {REFUSED}" if recorder.refused else "",
                name="output" if len(predictions) == 1 else f"output {number}",
            )
        )  # fmt: skip
    require(bool(readings), f"{path} calls backward() on a loss that takes no labels beside the prediction.")
    return check_readings(readings, file=path, function="")


def _is_weight(tensor: torch.Tensor) -> bool:
    return tensor.requires_grad and tensor.is_leaf
