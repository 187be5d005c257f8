"""Arrays and tables in, intervals, tests and tables out. Nothing here trains or draws."""

from experiments.stats.attribution import attribution, shapley
from experiments.stats.cells import correct, differences
from experiments.stats.derived import derived
from experiments.stats.hypotheses import OUTCOMES, corrected_t_p, holm, outcome, sign_flip_p, tost_p
from experiments.stats.intervals import bca, corrected_t
from experiments.stats.margins import ALPHA, POWER, QUANTITIES, TEST_TO_TRAIN, Quantity
from experiments.stats.overall import counts, mean_over_tasks, overall
from experiments.stats.power import detectable_effect, seeds_needed
from experiments.stats.rates import best_rates, gaps, shifts

__all__ = [
    "ALPHA",
    "OUTCOMES",
    "POWER",
    "QUANTITIES",
    "TEST_TO_TRAIN",
    "Quantity",
    "attribution",
    "bca",
    "best_rates",
    "correct",
    "corrected_t",
    "corrected_t_p",
    "counts",
    "derived",
    "detectable_effect",
    "differences",
    "gaps",
    "holm",
    "mean_over_tasks",
    "outcome",
    "overall",
    "seeds_needed",
    "shapley",
    "shifts",
    "sign_flip_p",
    "tost_p",
]
