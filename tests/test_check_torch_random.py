"""Random programs of PyTorch: what the checker says against what they are when they are trained."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from check_torch_brute_force import brute_force, data  # noqa: E402
from check_torch_random import build, draw, encoded, loss_of, rows  # noqa: E402

from experiments.check import check  # noqa: E402
from experiments.records import UserError  # noqa: E402


def disagreement(seed: int) -> str:
    """What the checker and brute force do not agree on; "" if they agree, or if one of them does not decide."""
    one = draw(np.random.default_rng([seed, 16]))
    truth = brute_force(one)
    torch.manual_seed(0)
    module, _ = build(one)
    x, classes = data(one)
    try:
        checked = check(module, rows(one, x), encoded(one, classes), loss=loss_of(one))
    except UserError as error:
        return "" if "raises" in truth.wrong else f"{seed}: refused {one}: {error}"
    names = [finding.name for finding in checked.findings]
    if truth.wrong and not checked.problems and checked.measured:
        return f"{seed}: missed {truth.wrong} of {one}: {names}"
    if checked.problems and not truth.wrong and not truth.open:
        return f"{seed}: false alarm {names} of {one}"
    return ""


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
