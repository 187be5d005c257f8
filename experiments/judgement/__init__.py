"""What trained networks show: pairs made once, and what follows from them. Tables in, tables out; nothing trains."""

from experiments.judgement.answers import (
    binary_answer,
    control_answer,
    frameworks_answer,
    rates_answer,
    several_answer,
    verdicts_answer,
)
from experiments.judgement.attribution import attribution, loss_scale, scale_over_tasks, shapley
from experiments.judgement.correctors import Corrector, FixedFamily, Sequential
from experiments.judgement.derived import derived
from experiments.judgement.differences import correct, differences
from experiments.judgement.distances import distances
from experiments.judgement.outcomes import (
    APART,
    FRESH,
    INSIDE,
    OUTCOMES,
    THESE,
    Missing,
    better,
    cells_apart,
    counts,
    missing,
    outcome,
)
from experiments.judgement.overall import mean_over_tasks, overall
from experiments.judgement.pairs import Pairs, pair_up, samples_of
from experiments.judgement.rate_map import rate_map
from experiments.judgement.rates import at_best, best_rates, gaps, shifts
from experiments.judgement.sequential import Design, looks

__all__ = [
    "APART",
    "FRESH",
    "INSIDE",
    "OUTCOMES",
    "THESE",
    "Corrector",
    "Design",
    "FixedFamily",
    "Missing",
    "Pairs",
    "Sequential",
    "at_best",
    "attribution",
    "best_rates",
    "better",
    "binary_answer",
    "cells_apart",
    "control_answer",
    "correct",
    "counts",
    "derived",
    "differences",
    "distances",
    "frameworks_answer",
    "gaps",
    "looks",
    "loss_scale",
    "mean_over_tasks",
    "missing",
    "outcome",
    "overall",
    "pair_up",
    "rate_map",
    "rates_answer",
    "samples_of",
    "scale_over_tasks",
    "several_answer",
    "shapley",
    "shifts",
    "verdicts_answer",
]
