"""The checker on PyTorch: modules with their losses, each sound form beside its wrong twin."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.check import check
from experiments.check.render import as_text
from experiments.check.target import check_target
from experiments.records import UserError

torch = pytest.importorskip("torch")
nn = torch.nn


def net(units: int, *last: Any) -> Any:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, units), *last)


def verdict(module: Any, loss: Any, x: Any = None, y: Any = None) -> tuple[str, list[str]]:
    checked = check(module, x, y, loss=loss)
    return json.loads(as_text(checked, as_json=True))["verdict"], [one.name for one in checked.findings]


X = torch.randn(32, 4, generator=torch.Generator().manual_seed(0))
INTEGERS = torch.arange(32) % 2
FLOATS = INTEGERS.float()[:, None]
THREE = torch.arange(32) % 3
HOT = nn.functional.one_hot(THREE, 3).float()
SOUND, CLIPPED = ("sound", []), ("note", ["probability_clipped"])


def dice(p: Any, y: Any) -> Any:
    """The loss of Milletari, Navab and Ahmadi (2016), of a batch as a whole."""
    p = torch.sigmoid(p)
    return 1 - (2 * (p * y).sum() + 1) / (p.sum() + y.sum() + 1)


class Product(nn.Module):  # type: ignore[misc]
    """Matrix factorisation: the scalar product of what two layers give."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        return (self.one(x) * self.two(x)).sum(1)


def image(*last: Any) -> Any:
    return nn.Sequential(nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 3, 1), *last)


def problem(name: str) -> tuple[str, list[str]]:
    return "problem", [name]


CASES: dict[str, tuple[Callable[[], Any], Any, Any, Any]] = {
    "logits": (lambda: net(1), nn.BCEWithLogitsLoss(), FLOATS, SOUND),
    "sigmoid": (lambda: net(1, nn.Sigmoid()), nn.BCELoss(), FLOATS, CLIPPED),
    "sigmoid before BCEWithLogits": (
        lambda: net(1, nn.Sigmoid()), nn.BCEWithLogitsLoss(), FLOATS, problem("probabilities_taken_for_logits"),
    ),
    "logits into BCELoss": (lambda: net(1), nn.BCELoss(), FLOATS, problem("logits_taken_for_probabilities")),
    "cross-entropy": (lambda: net(2), nn.CrossEntropyLoss(), INTEGERS, SOUND),
    "softmax before cross-entropy": (
        lambda: net(2, nn.Softmax(-1)), nn.CrossEntropyLoss(), INTEGERS, problem("probabilities_taken_for_logits"),
    ),
    "log-softmax": (lambda: net(2, nn.LogSoftmax(-1)), nn.NLLLoss(), INTEGERS, SOUND),
    "log-softmax twice": (lambda: net(2, nn.LogSoftmax(-1)), nn.CrossEntropyLoss(), INTEGERS, SOUND),
    "NLL of probabilities": (
        lambda: net(2, nn.Softmax(-1)), nn.NLLLoss(), INTEGERS, problem("not_a_log_probability"),
    ),
    "NLL of logits": (lambda: net(2), nn.NLLLoss(), INTEGERS, problem("not_a_log_probability")),
    "softmax over the rows": (
        lambda: net(2, nn.LogSoftmax(0)), nn.NLLLoss(), INTEGERS, problem("prediction_is_constant"),
    ),
    "one unit under cross-entropy": (lambda: net(1), nn.CrossEntropyLoss(), FLOATS, problem("one_unit_categorical")),
    "one unit and integers": (lambda: net(1), nn.CrossEntropyLoss(), INTEGERS, problem("one_unit_categorical")),
    "pos_weight": (lambda: net(1), nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0])), FLOATS, SOUND),
    "weight": (lambda: net(2), nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0])), INTEGERS, SOUND),
    "smoothing": (lambda: net(3), nn.CrossEntropyLoss(label_smoothing=0.1), INTEGERS, SOUND),
    "sum": (lambda: net(1), nn.BCEWithLogitsLoss(reduction="sum"), FLOATS, SOUND),
    "(n,) against (n, 1)": (lambda: net(1), nn.MSELoss(), FLOATS[:, 0], problem("rows_are_mixed")),
    "(n, 1) against (n,)": (
        lambda: net(1, nn.Flatten(0)), lambda p, y: ((p - y) ** 2).mean(), FLOATS, problem("rows_are_mixed"),
    ),
    "(n,) both": (lambda: net(1, nn.Flatten(0)), nn.BCEWithLogitsLoss(), FLOATS[:, 0], SOUND),
    "(n,) into BCELoss": (lambda: net(1, nn.Sigmoid()), nn.BCELoss(), FLOATS[:, 0], problem("program_raises")),
    "classes from 1": (lambda: net(2), nn.CrossEntropyLoss(), INTEGERS + 1, problem("label_names_no_unit")),
    "dice": (lambda: net(1), dice, FLOATS, ("note", ["gradient_fades", "loss_of_its_own_formula"])),
    "dice of (n, 1) against (n,)": (lambda: net(1), dice, FLOATS[:, 0], problem("rows_are_mixed")),
    "a softmax over the rows in the loss": (
        lambda: net(2), lambda p, y: nn.functional.nll_loss(torch.log_softmax(p, 0), y), INTEGERS,
        problem("rows_are_mixed"),
    ),
    "soft margin": (lambda: net(1), nn.SoftMarginLoss(), 2 * FLOATS - 1, SOUND),
    "soft margin of 0 and 1": (
        lambda: net(1), nn.SoftMarginLoss(), FLOATS, ("problem", ["gradient_dies", "loss_of_its_own_formula"]),
    ),
    "scalar product": (Product, nn.BCEWithLogitsLoss(), FLOATS[:, 0], SOUND),
    "squashed scalar product": (
        lambda: nn.Sequential(Product(), nn.Sigmoid()), nn.BCEWithLogitsLoss(), FLOATS[:, 0],
        problem("probabilities_taken_for_logits"),
    ),
    "a class a pixel": (image, nn.CrossEntropyLoss(), INTEGERS[:, None, None].repeat(1, 2, 2), SOUND),
    "softmax of each pixel": (
        lambda: image(nn.Softmax(1)), nn.CrossEntropyLoss(), INTEGERS[:, None, None].repeat(1, 2, 2),
        problem("probabilities_taken_for_logits"),
    ),
    "rectified logits": (lambda: net(3, nn.ReLU()), nn.CrossEntropyLoss(), THREE, problem("squashed_logits")),
    "leaky logits": (lambda: net(3, nn.LeakyReLU()), nn.CrossEntropyLoss(), THREE, SOUND),
    "logits above 0": (
        lambda: net(3, nn.Softplus()), nn.CrossEntropyLoss(), THREE, ("note", ["gradient_fades"]),
    ),
    "rectified logit": (lambda: net(1, nn.ReLU()), nn.BCEWithLogitsLoss(), FLOATS, problem("squashed_logits")),
    "dropout of logits": (lambda: net(1, nn.Dropout(0.5)), nn.BCEWithLogitsLoss(), FLOATS, problem("training_differs")),
    "no weights": (
        lambda: net(2), nn.CrossEntropyLoss(weight=torch.zeros(2)), INTEGERS, problem("loss_is_not_finite"),
    ),
    "a class without a weight": (
        lambda: net(2), nn.CrossEntropyLoss(weight=torch.tensor([0.0, 1.0])), INTEGERS, problem("gradient_dies"),
    ),
    "a weight below 0": (
        lambda: net(2), nn.CrossEntropyLoss(weight=torch.tensor([3.0, -1.0])), INTEGERS,
        problem("gradient_points_away"),
    ),
    "pos_weight of each unit": (
        lambda: net(3), nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1.0, 5.0, 9.0])), HOT, SOUND,
    ),
    "a class that is left out": (lambda: net(4), nn.CrossEntropyLoss(ignore_index=0), THREE, SOUND),
    "rows that are left out": (lambda: net(3), nn.CrossEntropyLoss(), torch.where(X[:, 0] > 1, -100, THREE), SOUND),
    "a label below 0": (
        lambda: net(3), nn.CrossEntropyLoss(), torch.where(X[:, 0] > 1, -1, THREE), problem("label_names_no_unit"),
    ),
    "BCELoss of a relu": (lambda: net(1, nn.ReLU()), nn.BCELoss(), FLOATS, problem("prediction_leaves_the_range")),
    "BCELoss of a tanh": (lambda: net(1, nn.Tanh()), nn.BCELoss(), FLOATS, problem("prediction_leaves_the_range")),
    "BCELoss of a hard sigmoid": (lambda: net(1, nn.Hardsigmoid()), nn.BCELoss(), FLOATS, problem("gradient_dies")),
    "BCELoss of labels -1 and 1": (
        lambda: net(1, nn.Sigmoid()), nn.BCELoss(), 2 * FLOATS - 1, problem("labels_are_no_probabilities"),
    ),
    "units that round to 1": (lambda: net(3, nn.Sigmoid()), nn.BCELoss(), HOT, CLIPPED),
    "the logarithm of a softmax": (
        lambda: net(3, nn.Softmax(1)), lambda p, y: nn.functional.nll_loss(torch.log(p), y), THREE, CLIPPED,
    ),
    "a loss that squashes first": (
        lambda: net(3), lambda z, y: nn.functional.cross_entropy(z.softmax(1), y), THREE,
        problem("probabilities_taken_for_logits"),
    ),
    "the order of the arguments": (
        lambda: net(3), lambda z, y: nn.functional.cross_entropy(y, z), HOT, problem("arguments_swapped"),
    ),
    "a gradient that raises": (lambda: net(1), nn.HuberLoss(), INTEGERS[:, None], problem("program_raises")),
    "a class a pixel, made larger": (
        lambda: image(nn.Upsample(scale_factor=2)), nn.CrossEntropyLoss(), INTEGERS[:, None, None].repeat(1, 4, 4),
        SOUND,
    ),
    "no labels": (lambda: net(1), nn.BCEWithLogitsLoss(), None, SOUND),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_programs(name: str) -> None:
    torch.manual_seed(1)
    module, loss, y, expected = CASES[name]
    assert verdict(module(), loss, None if y is None else X, y) == expected


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_half_precision(kind: str) -> None:
    dtype = getattr(torch, kind)

    def loss(p: Any, y: Any) -> Any:
        return nn.functional.binary_cross_entropy(p.float(), y)

    module = net(1, nn.Sigmoid()).to(dtype)
    assert verdict(module, loss, X.to(dtype), FLOATS) == problem("one_sided_saturation")
    told = verdict(net(1).to(dtype), lambda p, y: nn.BCEWithLogitsLoss()(p.float(), y), X.to(dtype), FLOATS)
    assert told == SOUND


def test_the_first_layer_tells_the_shape_of_a_row() -> None:
    image = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.LazyLinear(2))
    assert verdict(image, nn.CrossEntropyLoss()) == SOUND
    text = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.LazyLinear(1))
    assert verdict(text, nn.BCEWithLogitsLoss()) == SOUND
    with pytest.raises(UserError, match=r"does not tell the shape of a row. Return \(module, loss, x, y\)"):
        check(nn.Sequential(nn.BatchNorm1d(4)), loss=nn.MSELoss())


def test_the_first_batch_of_a_loader_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text(
        "import torch\nfrom torch.utils.data import DataLoader, TensorDataset\ndef build():\n"
        "    rows = TensorDataset(torch.randn(40, 4), torch.randint(0, 2, (40,)))\n"
        "    return torch.nn.Linear(4, 2), torch.nn.CrossEntropyLoss(), DataLoader(rows, batch_size=8)\n"
    )
    checked = check_target(f"{file}:build")
    assert (checked.findings, checked.measured) == ((), True)


def test_what_is_no_program_says_so() -> None:
    with pytest.raises(UserError, match=r"is no torch\.nn\.Module"):
        check(3, loss=nn.MSELoss())
    with pytest.raises(UserError, match="The loss is a int"):
        check(net(1), loss=3)
    with pytest.raises(UserError, match="cannot be applied to its rows"):
        check(net(1), torch.zeros(3, 7), loss=nn.MSELoss())


def test_the_module_is_left_alone() -> None:
    module = nn.Sequential(net(3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    verdict(module, nn.BCEWithLogitsLoss(), X, FLOATS)
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())
