"""Arrays in, intervals, tests and power out: pure estimators. Nothing here trains, draws or reads a table."""

from experiments.stats._clusters import Clusters, clusters, draws
from experiments.stats._hypotheses import (
    corrected_t_p,
    holm,
    larger_p,
    sign_flip_p,
    standardised,
    tost_p,
    zeros_bound,
    zeros_needed,
    zeros_p,
)
from experiments.stats._intervals import RESAMPLES, Ratio, bca, bca_of, corrected_t, share_interval, standard_error
from experiments.stats._power import detectable_errors, least_seeds, seeds_needed
from experiments.stats.margins import ALPHA, POWER, QUANTITIES, TEST_TO_TRAIN, Quantity, allowance

__all__ = [
    "ALPHA",
    "POWER",
    "QUANTITIES",
    "RESAMPLES",
    "TEST_TO_TRAIN",
    "Clusters",
    "Quantity",
    "Ratio",
    "allowance",
    "bca",
    "bca_of",
    "clusters",
    "corrected_t",
    "corrected_t_p",
    "detectable_errors",
    "draws",
    "holm",
    "larger_p",
    "least_seeds",
    "seeds_needed",
    "share_interval",
    "sign_flip_p",
    "standard_error",
    "standardised",
    "tost_p",
    "zeros_bound",
    "zeros_needed",
    "zeros_p",
]
