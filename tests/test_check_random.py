"""Random programs: what the checker says against what real `fit`, `evaluate` and `predict` do."""

from __future__ import annotations

import numpy as np
import pytest
from check_brute_force import brute_force, data
from check_random import build, draw, encoded, rows

from experiments.check import check
from experiments.records import UserError

pytestmark = pytest.mark.filterwarnings("ignore")  # of Keras, about what these programs do wrong


def disagreement(seed: int) -> str:
    """What the checker and brute force do not agree on; "" if they agree, or if one of them does not decide."""
    one = draw(np.random.default_rng([seed, 15]))
    truth = brute_force(one)
    model, _ = build(one)
    x, classes = data(one)
    try:
        checked = check(model, rows(one, x), encoded(one, classes))
    except UserError as error:
        return "" if "raises" in truth.wrong else f"{seed}: refused {one}: {error}"
    names = [finding.name for finding in checked.findings]
    if truth.wrong and not checked.problems and checked.measured:
        return f"{seed}: missed {truth.wrong} of {one}: {names}"
    if checked.problems and not truth.wrong and not truth.open:
        return f"{seed}: false alarm {names} of {one}"
    return ""


@pytest.mark.parametrize("part", range(6))
def test_sixty_random_programs(part: int) -> None:
    assert [text for seed in range(10 * part, 10 * part + 10) if (text := disagreement(seed))] == []


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_a_thousand_random_programs(part: int) -> None:
    first = 1000 + 50 * part
    assert [text for seed in range(first, first + 50) if (text := disagreement(seed))] == []


def test_most_random_programs_are_decided() -> None:
    """A judge that left everything open would agree with any checker."""
    truths = [brute_force(draw(np.random.default_rng([seed, 15]))) for seed in range(12)]
    assert sum(bool(truth.wrong) for truth in truths) >= 3
    assert sum(not truth.wrong and not truth.open for truth in truths) >= 2
