"""A PyTorch module and its loss, read into the neutral record by calling them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from experiments.check.checking import check_readings
from experiments.check.examine import Reading
from experiments.check.labels import Encoding, encodings
from experiments.check.messages import one_line, warnings_ignored
from experiments.check.record import ROWS, Checked, Output, Tail
from experiments.check.torch_channels import ClassesLast, classes_second
from experiments.check.torch_tail import recorded_tail
from experiments.records import UserError, require

FRAMEWORK = "PyTorch"
REFUSED = "input should be between 0 and 1"  # what BCELoss says of predictions


def check_torch(
    module: Any, loss: Any, x: Any = None, y: Any = None, *, file: Path | None = None, function: str = ""
) -> Checked:
    """Check a module with a loss that is called as `loss(prediction, labels)`.

    Without `x` the first layer tells the shape of a row. Raises `UserError` for what is none of this.
    """
    require(isinstance(module, torch.nn.Module), f"A {type(module).__name__} is no torch.nn.Module.")
    require(callable(loss), f"The loss is a {type(loss).__name__}. It must be a function or a module of PyTorch.")
    with _buffers_restored(module):
        return _checked(module, loss, _rows(module, x), y, file, function)


@contextmanager
def _buffers_restored(module: torch.nn.Module) -> Iterator[None]:
    """Afterwards, what passes in training change, such as moving averages, is as it was before."""
    before = [(buffer, buffer.clone()) for buffer in module.buffers()]
    try:
        yield
    finally:
        for buffer, value in before:
            buffer.copy_(value)


def _checked(
    module: torch.nn.Module, loss: Any, rows: torch.Tensor, y: Any, file: Path | None, function: str
) -> Checked:
    labels = None if y is None else torch.as_tensor(y)
    try:
        with torch.no_grad():
            prediction = module(rows)
    except Exception as error:  # the user's own module
        raise UserError(f"The module cannot be applied to its rows: {one_line(error)}.") from error
    require(
        isinstance(prediction, torch.Tensor),
        f"The module returned a {type(prediction).__name__}. It must return one tensor of predictions.",
    )
    raised = "" if labels is None else _raised(module, rows, lambda p: loss(p, _first(labels)))
    refused = raised if REFUSED in raised else ""
    truth = None if labels is None else labels.detach().cpu().numpy()

    def reading() -> Reading:
        for encoding in encodings(_shape(prediction, truth), truth):
            tail = _tail(module, loss, rows, encoding, labels)
            yield from read_output(module, _name(loss), prediction, tail, truth, encoding=encoding, raised=raised,
                                 refused=refused)  # fmt: skip

    return check_readings([reading()], file=file, function=function)


def read_output(
    module: torch.nn.Module, loss: str, prediction: torch.Tensor, tail: Tail | str, labels: np.ndarray | None, *,
    complete: bool = True, encoding: Encoding | None = None, raised: str = "", refused: str = "",
    name: str = "output",
) -> Reading:  # fmt: skip
    """The record of the one output of a PyTorch program."""
    shape = _shape(prediction, labels)
    measured_tail: Tail | None = None if isinstance(tail, str) else tail
    if measured_tail is not None and shape != tuple(prediction.shape[1:]):
        measured_tail = ClassesLast(measured_tail, shape[-1])
    output = Output(
        name=name,
        framework=FRAMEWORK,
        execution="eager",
        loss=loss,
        layer=_last_layer(module),
        shape=shape,
        tail=measured_tail,
        unmeasured=tail if isinstance(tail, str) else "",
        labels=labels,
        complete=complete,
        weights=None,
        class_weight=None,
        metrics=(),
        raised=raised,
        after="",
        refused=refused,
    )
    return [(output, encoding or encodings(shape, labels)[0])]


def _shape(prediction: torch.Tensor, labels: np.ndarray | None) -> tuple[int, ...]:
    """Of the prediction of one row, with its classes last."""
    rows, *shape = prediction.shape
    if labels is not None and classes_second((rows, *shape), (rows, *labels.shape[1:]), labels.dtype.kind):
        shape = [*shape[1:], shape[0]]
    return tuple(shape)


def _tail(
    module: torch.nn.Module, loss: Any, rows: torch.Tensor, encoding: Encoding, labels: torch.Tensor | None
) -> Tail | str:
    kind = "float32" if labels is None or not labels.is_floating_point() else str(labels.dtype).removeprefix("torch.")
    start = torch.as_tensor(encoding.all(0, len(rows)).copy())
    if start.is_floating_point() and kind != str(start.dtype).removeprefix("torch."):
        start = start.to(getattr(torch, kind))
    try:
        return recorded_tail(
            lambda inputs: module(inputs[0]), lambda truth, prediction: loss(prediction, truth), [rows], start,
            list(module.parameters()),
        )  # fmt: skip
    except Exception as error:  # a loss that refuses these labels
        return one_line(error)


def _raised(module: torch.nn.Module, rows: torch.Tensor, loss: Callable[[torch.Tensor], torch.Tensor]) -> str:
    """What a step raises, up to its gradient: "" if nothing."""
    weights = [parameter for parameter in module.parameters() if parameter.requires_grad]
    try:
        with warnings_ignored(), torch.enable_grad():
            value = loss(module(rows)).sum()
            if value.requires_grad:
                torch.autograd.grad(value, weights, allow_unused=True)
    except Exception as error:  # the user's own loss
        return one_line(error)
    return ""


def _first(tensor: torch.Tensor) -> torch.Tensor:
    """ROWS rows; fewer are repeated."""
    return tensor[torch.arange(ROWS) % max(len(tensor), 1)]


def _rows(module: torch.nn.Module, x: Any) -> torch.Tensor:
    """ROWS rows: the user's first ones, or random ones in the shape that the first layer takes."""
    if x is not None:
        return _first(torch.as_tensor(x))
    generator = torch.Generator().manual_seed(0)
    dtype = next((p.dtype for p in module.parameters()), torch.float32)
    for layer in module.modules():
        sizes = {
            torch.nn.Linear: lambda first_layer: (first_layer.in_features,),
            torch.nn.Conv2d: lambda first_layer: (first_layer.in_channels, 28, 28),
            torch.nn.Conv1d: lambda first_layer: (first_layer.in_channels, 32),
            torch.nn.LSTM: lambda first_layer: (6, first_layer.input_size),
            torch.nn.GRU: lambda first_layer: (6, first_layer.input_size),
            torch.nn.RNN: lambda first_layer: (6, first_layer.input_size),
        }.get(type(layer))
        if sizes is not None:
            return torch.randn((ROWS, *sizes(layer)), generator=generator).to(dtype)
        if isinstance(layer, torch.nn.Embedding):
            return torch.randint(0, layer.num_embeddings, (ROWS, 6), generator=generator)
    raise UserError("The module's first layer does not tell the shape of a row. Return (module, loss, x, y).")


def _last_layer(module: torch.nn.Module) -> str:
    layers = [layer for layer in module.modules() if any(True for _ in layer.parameters(recurse=False))]
    return type(layers[-1]).__name__ if layers else "Linear"


def _name(loss: Any) -> str:
    return getattr(loss, "__name__", type(loss).__name__)


def loss_module_name(outputs: Iterable[tuple[torch.nn.Module, torch.Tensor]]) -> str:
    """The class of the last module that has no weights and returned one number."""
    names = [type(m).__name__ for m, o in outputs if o.ndim == 0 and not any(True for _ in m.parameters())]
    return names[-1] if names else ""
