"""Arrays and tables in, intervals, tests and tables out. Nothing here trains or draws."""

from experiments.stats.cells import correct, differences
from experiments.stats.hypotheses import OUTCOMES, holm, outcome, sign_flip_p, tost_p
from experiments.stats.intervals import bca, corrected_t
from experiments.stats.margins import ALPHA, POWER, QUANTITIES, TEST_TO_TRAIN, Quantity
from experiments.stats.power import detectable_effect, seeds_needed

__all__ = [
    "ALPHA",
    "OUTCOMES",
    "POWER",
    "QUANTITIES",
    "TEST_TO_TRAIN",
    "Quantity",
    "bca",
    "correct",
    "corrected_t",
    "detectable_effect",
    "differences",
    "holm",
    "outcome",
    "seeds_needed",
    "sign_flip_p",
    "tost_p",
]
