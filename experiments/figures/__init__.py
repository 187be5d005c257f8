"""Tables to matplotlib figures: titles state what was found, one colour an arm everywhere."""

from experiments.figures.curves import gradient_norms, loss_curves
from experiments.figures.differences import paired_differences
from experiments.figures.style import COLOURS, Chart, colour
from experiments.figures.words import ENGLISH, Words

__all__ = ["COLOURS", "ENGLISH", "Chart", "Words", "colour", "gradient_norms", "loss_curves", "paired_differences"]
