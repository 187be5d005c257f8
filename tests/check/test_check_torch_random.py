"""Random programs of PyTorch: what the checker says against what they are when they are trained."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import check_agreement  # noqa: E402
from check_torch_brute_force import brute_force, data  # noqa: E402
from check_torch_random import build, draw, encoded, loss_of, rows  # noqa: E402

from experiments.check import check  # noqa: E402


def disagreements(first: int, count: int) -> list[str]:
    """What the checker and brute force do not agree on, of programs of which brute force has decided enough.

    A judge that left everything open would agree with any checker.
    """
    truths, found = [], []
    for seed in range(first, first + count):
        one = draw(np.random.default_rng([seed, 16]))
        truths.append(brute_force(one))
        torch.manual_seed(0)
        module, _ = build(one)
        x, classes = data(one)
        given = rows(one, x), encoded(one, classes)
        checking = partial(check, module, *given, loss=loss_of(one))
        found.append(check_agreement.disagreement(seed, one, truths[-1], checking))
    check_agreement.assert_decided(truths)
    return [text for text in found if text]


@pytest.mark.parametrize("part", range(4))
def test_forty_random_programs(part: int) -> None:
    assert disagreements(10 * part, 10) == []


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_hundreds_of_random_programs(part: int) -> None:
    assert disagreements(1000 + 50 * part, 50) == []
