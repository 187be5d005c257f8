"""The laws by which a head's first weights are drawn, and the coupling of a two-unit head to a one-unit head.

A paired difference depends on the law of each arm alone in its mean, and on how the two are drawn together in its
spread. So the two-unit head keeps its law exactly, and is drawn as close to the one-unit head as that law allows:
u = w1 - w0, the part that the function depends on, is the increasing function of w that has the law of u.
Source: Glasserman 2003, Monte Carlo Methods in Financial Engineering, section 4 (common random numbers); that no
other coupling has a larger correlation is the bound of Hoeffding (1940) and Frechet (1951).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize.elementwise import find_root
from scipy.special import erf, ndtr, ndtri
from scipy.stats import truncnorm

Array = np.ndarray
CUT = 2.0  # standard deviations at which Keras truncates a normal law
_LEAST = 2.0**-54  # a quantile of 0 would be an infinite normal weight


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A law of mean 0, symmetric about it, for one entry e; and those that follow for two independent entries.

    `entry(q)`: the quantile function of e. `difference(q)`: that of e1 - e0. `total(p, v)`: the quantile function of
    e0 + e1 where e1 - e0 = v is known. All work entry by entry, with q and p in (0, 1).
    """

    entry: Callable[[Array], Array]
    difference: Callable[[Array], Array]
    total: Callable[[Array, Array], Array]


def _triangular(q: Array) -> Array:
    """Quantiles of the difference of two U(-1, 1): the triangular law on (-2, 2)."""
    lower = 2 * (np.sqrt(2 * np.minimum(q, 1 - q)) - 1)
    return np.where(q < 0.5, lower, -lower)


_MASS = float(ndtr(CUT) - ndtr(-CUT))  # that a normal law has within the cut
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)


def _density_of_difference(v: Array) -> Array:
    """The density at v of e1 - e0 for two normal entries that are truncated at ±CUT.

    With y = (e0 + e1) / 2 the product of the two densities is exp(-y² - v²/4) / (2 pi MASS²) on |y| <= CUT - |v|/2.
    """
    return np.exp(-(v**2) / 4) * erf(CUT - np.abs(v) / 2) / (2 * math.sqrt(math.pi) * _MASS**2)


def _below(v: Array) -> Array:
    """P(e1 - e0 <= v) for -2 CUT <= v <= 0, by Gauss-Legendre quadrature: exact to rounding, the density is smooth."""
    half = (v + 2 * CUT) / 2
    return half * (_density_of_difference(half[..., None] * (1 + _NODES) - 2 * CUT) @ _WEIGHTS)


def _truncated_difference(q: Array) -> Array:
    tail = np.minimum(q, 1 - q)
    # the bracket reaches beyond 0, where rounding may put the median
    lower = find_root(lambda v, tail: _below(v) - tail, (-2 * CUT, 1e-3), args=(tail,)).x
    return np.where(q < 0.5, lower, -lower)


def _truncated_total(p: Array, v: Array) -> Array:
    """Twice y, which given v is normal with variance 1/2 on |y| <= CUT - |v|/2."""
    bound = math.sqrt(2) * (CUT - np.abs(v) / 2)
    return math.sqrt(2) * truncnorm.ppf(p, -bound, bound)


SHAPES: dict[str, Shape] = {
    "uniform": Shape(
        entry=lambda q: 2 * q - 1,
        difference=_triangular,
        total=lambda p, v: (2 * p - 1) * (2 - np.abs(v)),
    ),
    "normal": Shape(
        entry=ndtri,
        difference=lambda q: math.sqrt(2) * ndtri(q),
        total=lambda p, v: math.sqrt(2) * ndtri(p),
    ),
    "truncated_normal": Shape(
        entry=lambda q: ndtri(ndtr(-CUT) + _MASS * q),
        difference=_truncated_difference,
        total=_truncated_total,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Law:
    """How every entry of an array is drawn, each by itself: mean + scale / sqrt(fan) * e, with e by `shape`.

    `shape`: a key of `SHAPES`, in which a uniform e lies in ±1 and a normal one has variance 1 before any truncation;
    or "constant", for entries that are all the mean. `fan`: what the variance is divided by; without one the scale is
    as it stands. "in", "out" and "mean" are those of Keras's VarianceScaling, which takes them from the shape of what
    it draws: for a bias both are the number of units. "inputs" is the number of the layer's inputs, for its bias too.
    """

    shape: Literal["uniform", "normal", "truncated_normal", "constant"]
    mean: float = 0.0
    scale: float = 0.0
    fan: Literal["", "in", "out", "mean", "inputs"] = ""

    def width(self, inputs: int, units: int) -> float:
        """The scale of an entry of an array with that many inputs and units; those of a bias, see `fan`."""
        fans = {"": 1.0, "in": inputs, "inputs": inputs, "out": units, "mean": (inputs + units) / 2}
        return self.scale / math.sqrt(fans[self.fan])

    def draw(self, rng: np.random.Generator, rows: int, units: int, inputs: int) -> Array:
        """(rows, units) independent entries."""
        if self.shape == "constant":
            return np.full((rows, units), self.mean)
        return self.mean + self.width(inputs, units) * SHAPES[self.shape].entry(quantiles(rng, rows, units))

    def draw_coupled(self, one: np.random.Generator, sums: np.random.Generator, rows: int, inputs: int) -> Array:
        """(rows, 2) independent entries whose difference rises with the entry that `draw` gives one unit.

        `one`: a generator in the state in which `draw` got it. `sums`: another, for what the difference leaves open.
        `inputs`: of an array of two units.
        """
        if self.shape == "constant":
            return np.full((rows, 2), self.mean)
        shape = SHAPES[self.shape]
        u = shape.difference(quantiles(one, rows, 1))
        s = shape.total(quantiles(sums, rows, 1), u)
        return self.mean + self.width(inputs, 2) * np.concatenate([s - u, s + u], axis=1) / 2


def quantiles(rng: np.random.Generator, rows: int, units: int) -> Array:
    """(rows, units) uniform numbers in (0, 1)."""
    return np.maximum(rng.random((rows, units)), _LEAST)


# Keras's default for Dense: within ±sqrt(6 / (inputs + units)). Source: Glorot & Bengio 2010, eq. 16.
GLOROT_UNIFORM = Law(shape="uniform", scale=math.sqrt(3), fan="mean")
ZEROS = Law(shape="constant")
# PyTorch's default for Linear, kernel and bias alike: within ±1 / sqrt(inputs). Source: torch.nn.Linear, "Variables".
WITHIN_ROOT = Law(shape="uniform", scale=1.0, fan="inputs")

# the user's own initialiser: from a shape and a seed to values of that shape
Initialiser = Callable[[tuple[int, ...], int], Array]


@dataclass(frozen=True, kw_only=True)
class Start:
    """What the first weights of every arm's head are drawn by.

    `kernel`: a law, by which heads of one and of two units are coupled, or the user's own initialiser, by which they
    are drawn independently. `bias`: a law, likewise, or (units, initialiser), where the initialiser gives the bias of
    a head of that many units. Such a bias is a statement about the classes, most often their log-odds: Keras users
    write Constant(log(positives / negatives)) on one unit for unbalanced classes. So it is kept as a statement: every
    arm starts at the effective bias c, which is b on one unit and b1 - b0 on two. An arm of one unit gets c; one of two
    units keeps the user's own (b0, b1) if the user's head has two units, else it gets (-c/2, c/2).
    """

    kernel: Law | Initialiser = GLOROT_UNIFORM
    bias: Law | tuple[int, Initialiser] = ZEROS


KERAS_START = Start()
PYTORCH_START = Start(kernel=WITHIN_ROOT, bias=WITHIN_ROOT)
