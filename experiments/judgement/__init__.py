"""What trained networks show: pairs made once, and what follows from them. Tables in, tables out; nothing trains."""

from experiments.judgement._answers import (
    binary_answer,
    control_answer,
    frameworks_answer,
    rates_answer,
    several_answer,
    verdicts_answer,
)
from experiments.judgement._attribution import attribution, loss_scale, scale_over_tasks, shapley
from experiments.judgement._correctors import Corrector, FixedFamily, Sequential
from experiments.judgement._derived import derived
from experiments.judgement._differences import correct, differences
from experiments.judgement._distances import distances
from experiments.judgement._outcomes import (
    APART,
    FRESH,
    INSIDE,
    OUTCOMES,
    SCORED,
    THESE,
    Missing,
    better,
    cells_apart,
    counts,
    missing,
    outcome,
    score,
    scored,
    wins,
)
from experiments.judgement._overall import mean_over_tasks, overall
from experiments.judgement._pairs import Pairs, pair_up, samples_of
from experiments.judgement._rate_map import FURTHEST_RATE, NEAREST_RATE, rate_map
from experiments.judgement._rates import at_best, best_rates, gaps, shifts
from experiments.judgement._sequential import Design, looks

__all__ = [
    "APART",
    "FRESH",
    "FURTHEST_RATE",
    "INSIDE",
    "NEAREST_RATE",
    "OUTCOMES",
    "SCORED",
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
    "score",
    "scored",
    "several_answer",
    "shapley",
    "shifts",
    "verdicts_answer",
    "wins",
]
