"""Tables to matplotlib figures: titles state what was found, one colour an arm everywhere."""

from experiments.figures.causes import attribution, factor_parts, percent
from experiments.figures.curves import loss_curves
from experiments.figures.differences import paired_differences
from experiments.figures.files import FONT, source_of, squeeze
from experiments.figures.findings import finding_of
from experiments.figures.forest import forest
from experiments.figures.frameworks import framework_distances
from experiments.figures.gradients import gradient_norms
from experiments.figures.lettering import ENGLISH, STRINGS, chinese_font, clip, families
from experiments.figures.numerics import consequences, gradient_states, thresholds
from experiments.figures.panels import ARMS, for_fresh_rows, interval
from experiments.figures.rate_map import rate_map, rate_map_in_short
from experiments.figures.rates import learning_rates
from experiments.figures.rounding import rounding
from experiments.figures.style import (
    GRID,
    INK,
    MUTED,
    OUTCOMES,
    Chart,
    chart,
    colour,
    label_rows,
    on_either_page,
    warm_up,
)
from experiments.messages import Messages

__all__ = [
    "ARMS",
    "ENGLISH",
    "FONT",
    "GRID",
    "INK",
    "MUTED",
    "OUTCOMES",
    "STRINGS",
    "Chart",
    "Messages",
    "attribution",
    "chart",
    "chinese_font",
    "clip",
    "colour",
    "consequences",
    "factor_parts",
    "families",
    "finding_of",
    "for_fresh_rows",
    "forest",
    "framework_distances",
    "gradient_norms",
    "gradient_states",
    "interval",
    "label_rows",
    "learning_rates",
    "loss_curves",
    "on_either_page",
    "paired_differences",
    "percent",
    "rate_map",
    "rate_map_in_short",
    "rounding",
    "source_of",
    "squeeze",
    "thresholds",
    "warm_up",
]
