"""Labels of logarithmic axes."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from experiments.messages import figure


def log_ticks(axes: Axes, low: float, high: float) -> None:
    """Label a logarithmic axis of values in plain numbers, three to seven of them, also within less than a decade."""
    tried = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, 7, 8, 9))
    powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    ticks = np.array([low, high])
    for steps in tried:
        candidates = np.sort(np.outer(powers, steps).ravel())
        ticks = candidates[(candidates >= low) & (candidates <= high)]
        if len(ticks) >= 3:
            break
    ticks = ticks[:: -(-len(ticks) // 7)]
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())


def power(value: float, base: int = 2) -> str:
    """A number as a power of `base`: 2⁻⁵; between two of them as it is, 0.025."""
    exponent = math.log(value, base)
    if abs(exponent - round(exponent)) > 0.05:
        return figure(value, 2)
    return str(base) + str(round(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
