"""PyTorch programs piece by piece: rows that a first layer tells of, what is raised, and the record that is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from experiments.check import torch_program  # noqa: E402
from experiments.check.labels import Encoding  # noqa: E402
from experiments.check.record import Output  # noqa: E402
from experiments.check.torch_tail import Recorder, Torch, recorded_tail, requires_grad, tensors  # noqa: E402
from experiments.records import UserError  # noqa: E402

FLOAT, NUMBER = Encoding(shape=(1,), onehot=False, dtype="float32"), Encoding(shape=(), onehot=False, dtype="int64")


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(5, 1), (8, 5)), (nn.Conv2d(3, 1, 3), (8, 3, 28, 28)), (nn.Conv1d(2, 1, 3), (8, 2, 32)),
        (nn.LSTM(7, 2), (8, 6, 7)), (nn.GRU(4, 2), (8, 6, 4)), (nn.RNN(3, 2), (8, 6, 3)),
        (nn.Sequential(nn.Flatten(), nn.Linear(5, 1)), (8, 5)), (nn.Embedding(9, 2), (8, 6)),
    ],
)  # fmt: skip
def test_the_first_layer_tells_the_rows(layer: Any, shape: tuple[int, ...]) -> None:
    rows = torch_program._rows(layer, None)
    assert tuple(rows.shape) == shape
    assert torch.equal(rows, torch_program._rows(layer, None))  # the same each time
    if isinstance(layer, nn.Embedding):
        assert set(rows.unique().tolist()) <= set(range(9))
    else:
        assert rows.dtype == torch.float32
        assert torch_program._rows(layer.double(), None).dtype == torch.float64


def test_rows_that_are_given() -> None:
    x = np.arange(3)
    assert torch_program._rows(nn.Linear(1, 1), x).tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    assert torch_program._first(torch.arange(20)).tolist() == list(range(8))
    with pytest.raises(IndexError):
        torch_program._first(torch.zeros(0))
    with pytest.raises(UserError, match="does not tell the shape"):
        torch_program._rows(nn.ReLU(), None)


def test_what_a_step_raises() -> None:
    module, rows = nn.Linear(2, 1), torch.zeros(8, 2)
    assert torch_program._raised(module, rows, lambda p: p.mean()) == ""
    assert torch_program._raised(module, rows, lambda p: p) == ""  # of a loss a row, the sum
    assert torch_program._raised(module, rows, lambda p: torch.zeros(3)) == ""  # of nothing that learns
    assert torch_program._raised(module, rows, lambda p: p.reshape(3)).startswith("RuntimeError: ")
    two = nn.ModuleList([nn.Linear(2, 1), nn.Linear(2, 1)])
    two.forward = lambda x: two[0](x)  # the other is not used
    assert torch_program._raised(two, rows, lambda p: p.mean()) == ""

    class Refuses(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, given: Any) -> Any:
            return given.clone()

        @staticmethod
        def backward(ctx: Any, slope: Any) -> Any:
            raise ValueError("no gradient")

    assert torch_program._raised(module, rows, lambda p: Refuses.apply(p)) == "ValueError: no gradient"
    frozen = nn.Linear(2, 1).requires_grad_(False)
    assert torch_program._raised(frozen, rows, lambda p: p.mean()) == ""


def read(prediction: Any, labels: Any, tail: Any = "why", **options: Any) -> tuple[Output, Encoding]:
    ((known, encoding),) = torch_program.read_output(nn.Linear(2, 1), "own", prediction, tail, labels, **options)
    return known, encoding


def test_the_record_of_an_output() -> None:
    known, encoding = read(torch.zeros(8, 3), np.zeros(20, "int64"))
    assert (known.shape, known.tail, known.unmeasured, known.complete, known.name) == (
        (3,),
        None,
        "why",
        True,
        "output",
    )
    assert (known.framework, known.execution, known.loss, known.layer) == ("PyTorch", "eager", "own", "Linear")
    assert encoding == Encoding(shape=(), onehot=False, dtype="int64")
    assert read(torch.zeros(8, 3), None, encoding=FLOAT)[1] == FLOAT
    # classes along the second axis are seen last, also by the tail
    tail = recorded_tail(
        lambda given: given[0] * 1, lambda truth, p: p.mean(), [torch.zeros(8, 3, 5)], torch.zeros(8, 5), []
    )
    for labels, shape, wrapped in ((np.zeros((20, 5), "int64"), (5, 3), True), (np.zeros((20, 5)), (3, 5), False),
                                   (np.zeros((20, 4), "int64"), (3, 5), False), (None, (3, 5), False)):  # fmt: skip
        known, _ = read(torch.zeros(8, 3, 5), labels, tail)
        assert (known.shape, known.unmeasured) == (shape, "")
        assert (known.tail is not tail) == wrapped
    known, _ = read(torch.zeros(8, 3, 5), np.zeros((20, 5), "int64"), tail)
    assert known.tail is not None
    assert known.tail.logits.shape[-1] == 3
    assert read(torch.zeros(8, 3, 5), np.zeros((20, 5), "int64"))[0].tail is None


def test_labels_are_of_the_dtype_that_a_loss_takes() -> None:
    module, rows = nn.Linear(2, 1), torch.zeros(8, 2)
    seen: list[Any] = []

    def loss(prediction: Any, truth: Any) -> Any:
        seen.append((truth.dtype, tuple(truth.shape), truth.reshape(-1)[0].item()))
        return prediction.mean()

    for encoding, labels, expected in (
        (FLOAT, None, torch.float32), (FLOAT, torch.zeros(9, 1).double(), torch.float64),
        (FLOAT, torch.zeros(9, 1).half(), torch.float16), (FLOAT, torch.zeros(9, 1).long(), torch.float32),
        (NUMBER, None, torch.int64), (NUMBER, torch.zeros(9).double(), torch.int64),
    ):  # fmt: skip
        seen.clear()
        assert not isinstance(torch_program._tail(module, loss, rows, encoding, labels), str)
        assert seen[0] == (expected, (8, *encoding.shape), 0)

    def fails(prediction: Any, truth: Any) -> Any:
        raise ValueError("these labels")

    assert torch_program._tail(module, fails, rows, FLOAT, None) == "ValueError: these labels"


def test_words_for_layers_and_losses() -> None:
    assert torch_program._last_layer(nn.Sequential(nn.Conv1d(1, 1, 1), nn.Linear(1, 1), nn.ReLU())) == "Linear"
    assert torch_program._last_layer(nn.Sequential(nn.Linear(1, 1), nn.Conv1d(1, 1, 1))) == "Conv1d"
    assert torch_program._last_layer(nn.ReLU()) == "Linear"
    outer = nn.Sequential(nn.Linear(1, 1))
    assert torch_program._last_layer(nn.Sequential(outer)) == "Linear"
    assert torch_program._name(nn.MSELoss()) == "MSELoss"
    assert torch_program._name(test_words_for_layers_and_losses) == "test_words_for_layers_and_losses"
    number, rows = torch.zeros(()), torch.zeros(8)
    outputs = [(nn.Linear(1, 1), number), (nn.MSELoss(), number), (nn.BCELoss(), rows)]
    assert torch_program.loss_module_name(outputs) == "MSELoss"
    assert torch_program.loss_module_name([*outputs, (nn.L1Loss(), number)]) == "L1Loss"
    assert torch_program.loss_module_name(outputs[2:]) == torch_program.loss_module_name(outputs[:1]) == ""


# what is recorded ---------------------------------------------------------------------------------------------------


def test_calls_that_may_change_a_tensor_are_recorded() -> None:
    x, w = torch.arange(6.0).reshape(3, 2), torch.ones(2, 1, requires_grad=True)
    with Recorder() as recorder:
        z = x @ w
        shaped = torch.zeros_like(z)
        assert z.shape == (3, 1)
        assert len(z) == 3
        kept = z.detach()
    functions = [getattr(call.function, "__name__", "") for call in recorder.calls]
    assert functions[1:] == ["zeros_like", "detach"]
    assert [len(call.inputs) for call in recorder.calls] == [2, 0, 1]
    assert recorder.calls[1].outputs[0] is shaped
    assert recorder.calls[2].outputs[0] is kept
    assert (requires_grad(z), requires_grad(kept), requires_grad(w)) == (True, False, True)
    with Recorder(recording=False) as idle:
        x + 1
    assert idle.calls == []
    assert [one is x for one in tensors({"a": [x, 3], "b": (x,)})] == [True, True]


def test_what_is_no_probability_is_clipped_for_a_binary_cross_entropy() -> None:
    for values, refused, expected in (
        ([0.2, 0.9], False, [0.2, 0.9]), ([-0.1, 0.5], True, [0, 0.5]), ([0.5, 1.1], True, [0.5, 1]),
        ([0.0, 1.0], False, [0, 1]),
    ):  # fmt: skip
        p, y = torch.tensor(values), torch.tensor([0.0, 1.0])
        with Recorder() as recorder:
            loss = nn.functional.binary_cross_entropy(p, y, reduction="none")
        assert recorder.refused == refused
        clipped = nn.functional.binary_cross_entropy(torch.tensor(expected).float(), y, reduction="none")
        assert torch.equal(loss, clipped)
    with Recorder() as recorder:
        for one in ([-1.0], [0.5]):
            nn.functional.binary_cross_entropy(torch.tensor(one), torch.ones(1))
    assert recorder.refused  # once is enough


def test_pytorch_as_a_replay_needs_it() -> None:
    framework = Torch()
    x = torch.tensor([[1.0, 2.0]], dtype=torch.float16)
    assert (framework.array(x).dtype, framework.array(x.requires_grad_()).tolist()) == ("float64", [[1, 2]])
    made = framework.like(np.array([3.0, 4.0]), x)
    assert (made.dtype, made.tolist()) == (torch.float16, [[3, 4]])
    by = framework.replaced({"a": [x, 3]}, {id(x): made})
    assert (by["a"][0] is made, by["a"][1]) == (True, 3)
    z = torch.tensor([1.0, 2.0])
    prediction, loss, slope = framework.gradient(lambda z: (2 * z, z**2), z)
    assert (prediction.tolist(), float(loss), slope.tolist(), loss.requires_grad) == ([2, 4], 2.5, [1, 2], False)
    assert framework.gradient(lambda z: (z, torch.ones(2)), z)[2] is None
    assert framework.gradient(lambda z: (z, torch.ones(2, requires_grad=True)), z)[2] is None
    assert not z.requires_grad


def test_a_recorded_model_is_played_again_and_scored() -> None:
    torch.manual_seed(0)
    weight, x, y = torch.randn(3, 1, requires_grad=True), torch.randn(8, 3), torch.zeros(8, 1)
    calls: list[int] = []

    def objective(truth: Any, prediction: Any) -> Any:
        calls.append(1)
        return (prediction - truth) ** 2

    tail = recorded_tail(lambda given: torch.dropout(given[0] @ weight, 0.0, True), objective, [x], y, [weight])
    np.testing.assert_allclose(tail.logits[0], (x @ weight).detach().numpy(), rtol=1e-6)
    z, labels = np.linspace(-1, 1, 8)[:, None], np.ones((8, 1))
    step = tail(z, labels)
    assert step.loss == pytest.approx(((z - 1) ** 2).mean())
    np.testing.assert_allclose(step.gradient, 2 * (z - 1) / 8, rtol=1e-5)
    assert tail.score(labels, z + 1) == pytest.approx((z**2).mean())
    assert (tail.dtype, tail.shape, tail.rows, tail.logits_suffice) == ("float32", (1,), 8, True)
