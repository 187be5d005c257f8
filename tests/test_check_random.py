"""Random programs: what the checker says against what real `fit`, `evaluate` and `predict` do."""

from __future__ import annotations

import check_agreement
import numpy as np
import pytest
from check_brute_force import brute_force, data
from check_random import build, draw, encoded, rows

from experiments.check import check

pytestmark = pytest.mark.filterwarnings("ignore")  # of Keras, about what these programs do wrong


def disagreement(seed: int) -> str:
    """What the checker and brute force do not agree on; "" if they agree, or if one of them does not decide."""
    one = draw(np.random.default_rng([seed, 15]))
    truth = brute_force(one)
    model, _ = build(one)
    x, classes = data(one)
    return check_agreement.disagreement(seed, one, truth, lambda: check(model, rows(one, x), encoded(one, classes)))


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
