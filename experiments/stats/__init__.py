"""Arrays in, intervals, tests and power out: pure estimators. Nothing here trains, draws or reads a table."""

from experiments.stats.clusters import Clusters, clusters, draws
from experiments.stats.hypotheses import (
    corrected_t_p,
    holm,
    larger_p,
    sign_flip_p,
    tost_p,
    zeros_bound,
    zeros_needed,
    zeros_p,
)
from experiments.stats.intervals import bca, corrected_t, share_interval
from experiments.stats.margins import ALPHA, POWER, QUANTITIES, TEST_TO_TRAIN, Quantity, allowance
from experiments.stats.power import detectable_errors, seeds_needed

__all__ = [
    "ALPHA",
    "POWER",
    "QUANTITIES",
    "TEST_TO_TRAIN",
    "Clusters",
    "Quantity",
    "allowance",
    "bca",
    "clusters",
    "corrected_t",
    "corrected_t_p",
    "detectable_errors",
    "draws",
    "holm",
    "larger_p",
    "seeds_needed",
    "share_interval",
    "sign_flip_p",
    "tost_p",
    "zeros_bound",
    "zeros_needed",
    "zeros_p",
]
