"""Tables to matplotlib figures: titles state what was found, one colour an arm everywhere."""

from experiments.figures.causes import attribution
from experiments.figures.curves import loss_curves
from experiments.figures.differences import paired_differences
from experiments.figures.forest import forest
from experiments.figures.frameworks import framework_distances
from experiments.figures.gradients import gradient_norms
from experiments.figures.rate_map import rate_map, rate_map_in_short
from experiments.figures.rates import learning_rates
from experiments.figures.rounding import rounding
from experiments.figures.style import Chart, colour
from experiments.figures.words import ENGLISH, Words

__all__ = [
    "ENGLISH",
    "Chart",
    "Words",
    "attribution",
    "colour",
    "forest",
    "framework_distances",
    "gradient_norms",
    "learning_rates",
    "loss_curves",
    "paired_differences",
    "rate_map",
    "rate_map_in_short",
    "rounding",
]
