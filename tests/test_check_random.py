"""Random programs: what the checker says against what real `fit`, `evaluate` and `predict` do."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from check_random import brute_force, build, draw

from experiments.check import check

pytestmark = pytest.mark.filterwarnings("ignore")  # of Keras, about what these programs do wrong


def disagreement(seed: int) -> str:
    """What the checker and brute force do not agree on; "" if they agree."""
    one = draw(np.random.default_rng([seed, 15]))
    truth = brute_force(one)
    model, _, x, y, _ = build(one)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        checked = check(model, x, y)
    wrong = {name for name, is_so in truth.items() if is_so}
    if wrong and not checked.problems and checked.measured:
        return f"missed {wrong} of {one}: {[f.name for f in checked.findings]}"
    if not wrong and checked.problems:
        names = [f.name for f in checked.problems]
        # what brute force does not look at
        unseen = {"squashed_logits", "probabilities_taken_for_logits", "prediction_leaves_the_range",
                  "logits_taken_for_probabilities", "one_sided_saturation", "logits_lost_to_a_layer", "gradient_dies",
                  "loss_is_not_finite"}  # fmt: skip
        if not set(names) <= unseen:
            return f"false alarm {names} of {one}"
    return ""


@pytest.mark.parametrize("part", range(6))
def test_sixty_random_programs(part: int) -> None:
    told = [text for seed in range(10 * part, 10 * part + 10) if (text := disagreement(seed))]
    assert told == []


@pytest.mark.slow
def test_a_thousand_random_programs() -> None:
    told = [text for seed in range(1000, 2000) if (text := disagreement(seed))]
    assert told == []
