"""Random programs of PyTorch: a small module, its loss and labels, each drawn from what people write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

FEATURES = 4
ROWS = 64

ACTIVATIONS = ("none", "none", "none", "sigmoid", "sigmoid", "softmax", "softmax", "log_softmax", "relu", "tanh",
               "leaky_relu", "softplus", "softmax of rows", "logsigmoid", "dropout")  # fmt: skip
FORMS = ("module", "function", "nested", "subclass", "method")
LOSSES = ("bce logits", "bce logits", "bce", "bce", "cross entropy", "cross entropy", "nll", "nll", "square",
          "absolute", "huber")  # fmt: skip
LOSS_FORMS = ("module", "module", "function", "lambda", "sum", "smoothed", "weighted", "no weight", "left out",
              "squashed in the loss", "own")  # fmt: skip
LABELS = ("column", "column", "flat", "flat", "one-hot", "one-hot", "several")
KINDS = ("float32", "float32", "int64", "int64", "float64")
VALUES = ((0, 1),) * 8 + ((-1, 1), (1, 2))
DTYPES = ("float32",) * 6 + ("float16", "bfloat16", "float64")


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One program; each property is one of the tuples above. `units`: 1, 2 or 3. `squeezed`: (n, 1) made to (n,)."""

    units: int
    activation: str
    form: str
    squeezed: bool
    loss: str
    loss_form: str
    labels: str
    kind: str
    values: tuple[int, int]
    dtype: str


# what belongs together: units, activation, loss, labels and their kind
PAIRED = ((1, "none", "bce logits", "column", "float32"), (1, "sigmoid", "bce", "column", "float32"),
          (2, "none", "cross entropy", "flat", "int64"), (3, "none", "cross entropy", "flat", "int64"),
          (3, "none", "cross entropy", "one-hot", "float32"), (2, "log_softmax", "nll", "flat", "int64"),
          (3, "log_softmax", "nll", "flat", "int64"), (3, "none", "bce logits", "several", "float32"),
          (3, "sigmoid", "bce", "several", "float32"), (1, "none", "square", "column", "float32"),
          (1, "sigmoid", "square", "column", "float32"), (2, "none", "bce logits", "one-hot", "float32"))  # fmt: skip


def draw(rng: np.random.Generator) -> Draw:
    """A program. In half, units, activation, loss and labels belong together, and in some of these one is drawn anew.

    Of one unit nobody makes one-hot rows.
    """
    units, activation, loss = int(rng.integers(1, 4)), str(rng.choice(ACTIVATIONS)), str(rng.choice(LOSSES))
    labels, kind = str(rng.choice(LABELS)), str(rng.choice(KINDS))
    other, squeezed = activation, bool(rng.integers(0, 2))
    if rng.random() < 0.6:
        units, activation, loss, labels, kind = PAIRED[rng.integers(len(PAIRED))]
        if rng.random() < 0.4:
            activation = other
        if units == 1 and squeezed and rng.random() < 0.8:
            labels = "flat"
    if units == 1 and labels in ("one-hot", "several"):
        labels = "column"
    return Draw(
        units=units, activation=activation, form=str(rng.choice(FORMS)), squeezed=squeezed and units == 1, loss=loss,
        loss_form=str(rng.choice(LOSS_FORMS)), labels=labels, kind=kind, values=VALUES[rng.integers(len(VALUES))],
        dtype=str(rng.choice(DTYPES)),
    )  # fmt: skip


def encoded(one: Draw, classes: np.ndarray) -> torch.Tensor:
    """Labels of rows of these classes, (n,), or of several labels, (n, units), as the program has them."""
    low, high = one.values
    if one.labels in ("one-hot", "several"):
        hot = classes if classes.ndim > 1 else np.eye(max(one.units, 2))[classes]
        values = low + (high - low) * hot
    else:
        values = low + (high - low) * classes if max(one.units, 2) == 2 else low + classes
        values = values[:, None] if one.labels == "column" else values
    return torch.tensor(np.asarray(values)).to(getattr(torch, one.kind))


def rows(one: Draw, x: np.ndarray) -> torch.Tensor:
    """Features (n, FEATURES) in the dtype of the module."""
    return torch.tensor(x).to(getattr(torch, one.dtype))


def activate(name: str, z: torch.Tensor) -> torch.Tensor:
    """What an activation makes of logits (n, units)."""
    functions: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "none": lambda z: z,
        "sigmoid": torch.sigmoid,
        "softmax": lambda z: torch.softmax(z, dim=1),
        "log_softmax": lambda z: nn.functional.log_softmax(z, dim=-1),
        "relu": nn.functional.relu,
        "tanh": torch.tanh,
        "leaky_relu": lambda z: nn.functional.leaky_relu(z, 0.1),
        "softplus": nn.functional.softplus,
        "softmax of rows": lambda z: z.softmax(dim=0),
        "logsigmoid": nn.functional.logsigmoid,
        "dropout": lambda z: nn.functional.dropout(z, 0.5),
    }
    return functions[name](z)


MODULES: dict[str, Callable[[], nn.Module]] = {
    "none": nn.Identity, "sigmoid": nn.Sigmoid, "softmax": lambda: nn.Softmax(dim=-1), "relu": nn.ReLU,
    "log_softmax": lambda: nn.LogSoftmax(dim=1), "tanh": nn.Tanh, "leaky_relu": lambda: nn.LeakyReLU(0.1),
    "softplus": nn.Softplus, "softmax of rows": lambda: nn.Softmax(dim=0), "logsigmoid": nn.LogSigmoid,
    "dropout": lambda: nn.Dropout(0.5),
}  # fmt: skip


class Function(nn.Module):
    """A module that applies a function."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """The function's value."""
        return self.function(values)


class Subclass(nn.Module):
    """As people write it: layers in `__init__`, their calls in `forward`."""

    def __init__(self, one: Draw, head: nn.Linear) -> None:
        super().__init__()
        self.one, self.head, self.last = one, head, MODULES[one.activation]()

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """The prediction."""
        z = self.head(values)
        z = activate(self.one.activation, z) if self.one.form == "method" else self.last(z)
        return z.squeeze(1) if self.one.squeezed else z


def build(one: Draw) -> tuple[nn.Module, nn.Linear]:
    """The module and its last layer with weights."""
    head = nn.Linear(FEATURES, one.units)
    if one.form in ("subclass", "method"):
        return Subclass(one, head).to(getattr(torch, one.dtype)), head
    last = MODULES[one.activation]() if one.form != "function" else Function(lambda z: activate(one.activation, z))
    parts: list[nn.Module] = [nn.Sequential(head, last)] if one.form == "nested" else [head, last]
    if one.squeezed:
        parts.append(nn.Flatten(0))
    return nn.Sequential(*parts).to(getattr(torch, one.dtype)), head


Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
_CLASSES: dict[str, Callable[..., nn.Module]] = {
    "bce logits": nn.BCEWithLogitsLoss, "bce": nn.BCELoss, "cross entropy": nn.CrossEntropyLoss, "nll": nn.NLLLoss,
    "square": nn.MSELoss, "absolute": nn.L1Loss, "huber": nn.HuberLoss,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., torch.Tensor]] = {
    "bce logits": nn.functional.binary_cross_entropy_with_logits, "bce": nn.functional.binary_cross_entropy,
    "cross entropy": nn.functional.cross_entropy, "nll": nn.functional.nll_loss, "square": nn.functional.mse_loss,
    "absolute": nn.functional.l1_loss, "huber": nn.functional.huber_loss,
}  # fmt: skip


def loss_of(one: Draw) -> Loss:
    """The loss, called as loss(prediction, labels). In 16 bits it gets the prediction in 32, as under autocast."""
    given = _loss(one)
    if one.dtype in ("float16", "bfloat16"):
        return lambda prediction, labels: given(prediction.float(), labels)
    return given


def weights_of(one: Draw) -> list[float] | None:
    """The weight of each class of a "weighted" loss of classes, or of label 1 of a BCEWithLogitsLoss; None if none."""
    if one.loss_form == "no weight":
        return [0.0] * one.units if one.loss in ("cross entropy", "nll") else None
    if one.loss_form == "weighted" and one.loss in ("cross entropy", "nll"):
        return [1.0, 3.0, 0.5][: one.units]
    return [2.0, 5.0, 3.0][: one.units] if one.loss_form == "weighted" and one.loss == "bce logits" else None


def smoothed(one: Draw) -> float:
    """The share of the uniform label that the loss mixes in."""
    return 0.1 if one.loss_form == "smoothed" and one.loss == "cross entropy" else 0.0


def left_out(one: Draw) -> bool:
    """Whether rows of class 0 are left out on purpose."""
    return one.loss_form == "left out" and one.loss in ("cross entropy", "nll") and one.labels not in (
        "one-hot", "several")  # fmt: skip


def squashes(one: Draw) -> bool:
    """Whether the loss applies an activation of its own before it takes logits."""
    return one.loss_form == "squashed in the loss" and one.loss in ("bce logits", "cross entropy")


def _loss(one: Draw) -> Loss:
    made, function, weights = _CLASSES[one.loss], _FUNCTIONS[one.loss], weights_of(one)
    if squashes(one):
        squash = torch.sigmoid if one.loss == "bce logits" else (lambda z: z.softmax(-1))
        return lambda prediction, labels: function(squash(prediction), labels)
    if one.loss_form == "own" and one.loss == "bce":
        return lambda p, y: -(y * torch.log(p + 1e-7) + (1 - y) * torch.log(1 - p + 1e-7)).mean()
    if weights is not None:
        dtype = torch.float64 if one.dtype == "float64" else torch.float32
        given = torch.tensor(weights, dtype=dtype)
        return made(pos_weight=given) if one.loss == "bce logits" else made(weight=given)
    if left_out(one):
        return made(ignore_index=0)
    if smoothed(one):
        return made(label_smoothing=smoothed(one))
    forms: dict[str, Loss] = {"function": function, "lambda": lambda p, y: function(p, y), "sum": made(reduction="sum")}
    return forms.get(one.loss_form, made())
