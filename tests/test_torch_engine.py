"""The PyTorch engine against a plain PyTorch loop, and its control: the matched arm follows sigmoid."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from parity_cases import assert_same  # noqa: E402
from torch_loop import Loop, prepare  # noqa: E402
from training_cases import arms, cell, relative  # noqa: E402

from experiments.engines import driver  # noqa: E402
from experiments.engines.torch import Torch, precision  # noqa: E402
from experiments.networks import NETWORKS  # noqa: E402
from experiments.optimizers import OPTIMIZERS  # noqa: E402
from experiments.problem.records import Record  # noqa: E402


def values(records: list[Record], head: str, key: tuple[str, str, str]) -> np.ndarray:
    """One arm's curve, (seeds, recorded steps)."""
    return np.array([record.curves[key] for record in records if record.replica.head.name == head])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
@pytest.mark.parametrize("name", list(NETWORKS))
def test_the_engine_is_a_plain_loop(name: str, optimizer: str, dtype: str) -> None:
    """After 50 steps, every arm: losses, norms, dead rows and weights."""
    rate = OPTIMIZERS[optimizer].learning_rate
    rates = (rate, rate / 2)
    with precision(dtype):
        heads = arms(optimizer, "torch")
        problem = prepare(cell(name, optimizer, heads=heads, dtype=dtype, seeds=3, learning_rates=rates))
        assert_same(problem, factory=Torch(), oracle=Loop())


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
@pytest.mark.parametrize("name", list(NETWORKS))
def test_matched_arm_follows_sigmoid(name: str, optimizer: str) -> None:
    """In float64, over 300 steps; and the arm that is not matched leaves it."""
    heads = ("sigmoid", "softmax_matched", "softmax")
    setup = cell(name, optimizer, heads=heads, dtype="float64", steps=300, record_every=100, image_side=8)
    with precision("float64"):
        records = driver.run(prepare(setup), Torch())
    for key in (("test", "nll", ""), ("test", "loss", ""), ("train", "grad_norm", "trunk")):
        if key[1] == "loss" and OPTIMIZERS[optimizer].l2:
            continue  # the penalty of [-w/2, +w/2] is another number, with the same gradient along u
        matched, sigmoid = (values(records, head, key) for head in ("softmax_matched", "sigmoid"))
        assert relative(matched, sigmoid) <= 1e-9, key
    assert (
        relative(values(records, "softmax", ("test", "nll", "")), values(records, "sigmoid", ("test", "nll", "")))
        > 1e-4
    )
