"""Random programs of PyTorch: what the checker says against what they are when they are trained."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import check_agreement  # noqa: E402
from check_torch_brute_force import brute_force, data  # noqa: E402
from check_torch_random import build, draw, encoded, loss_of, rows  # noqa: E402

from experiments.check import check  # noqa: E402


def disagreement(seed: int) -> str:
    """What the checker and brute force do not agree on; "" if they agree, or if one of them does not decide."""
    one = draw(np.random.default_rng([seed, 16]))
    truth = brute_force(one)
    torch.manual_seed(0)
    module, _ = build(one)
    x, classes = data(one)
    given = rows(one, x), encoded(one, classes)
    return check_agreement.disagreement(seed, one, truth, lambda: check(module, *given, loss=loss_of(one)))


@pytest.mark.parametrize("part", range(4))
def test_forty_random_programs(part: int) -> None:
    assert [text for seed in range(10 * part, 10 * part + 10) if (text := disagreement(seed))] == []


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_hundreds_of_random_programs(part: int) -> None:
    first = 1000 + 50 * part
    assert [text for seed in range(first, first + 50) if (text := disagreement(seed))] == []


def test_most_random_programs_are_decided() -> None:
    """A judge that left everything open would agree with any checker."""
    truths = [brute_force(draw(np.random.default_rng([seed, 16]))) for seed in range(12)]
    assert sum(bool(truth.wrong) for truth in truths) >= 3
    assert sum(not truth.wrong and not truth.open for truth in truths) >= 2
