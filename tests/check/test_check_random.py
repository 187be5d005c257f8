"""Random programs: what the checker says against what real `fit`, `evaluate` and `predict` do."""

from __future__ import annotations

from functools import partial

import check_agreement
import numpy as np
import pytest
from check_brute_force import brute_force, data
from check_random import build, draw, encoded, rows

from experiments.check import check

pytestmark = pytest.mark.filterwarnings("ignore")  # of Keras, about what these programs do wrong


def disagreements(first: int, count: int) -> list[str]:
    """What the checker and brute force do not agree on, of programs of which brute force has decided enough.

    A judge that left everything open would agree with any checker.
    """
    truths, found = [], []
    for seed in range(first, first + count):
        one = draw(np.random.default_rng([seed, 15]))
        truths.append(brute_force(one))
        model, _ = build(one)
        x, classes = data(one)
        given = rows(one, x), encoded(one, classes)
        found.append(check_agreement.disagreement(seed, one, truths[-1], partial(check, model, *given)))
    check_agreement.assert_decided(truths)
    return [text for text in found if text]


@pytest.mark.parametrize("part", range(6))
def test_sixty_random_programs(part: int) -> None:
    assert disagreements(10 * part, 10) == []


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_a_thousand_random_programs(part: int) -> None:
    assert disagreements(1000 + 50 * part, 50) == []
