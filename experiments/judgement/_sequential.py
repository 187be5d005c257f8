"""Looking at the results before all seeds are done, without more than 5 % of false answers over all looks.

Each look spends a part of the 5 % by the spending function of Lan and DeMets (1983) that resembles the boundaries of
O'Brien and Fleming: little at first, nearly all at the end. Its time is the share of the seeds (Lan & DeMets 1989).
The boundaries are those of the t of independent seeds: its joint distribution over the looks depends on nothing unknown
and is simulated once, under a fixed seed. Seeds that share rows make the looks more alike than that, so that fewer
paths cross a boundary for the first time at a later look: the error is then smaller than what is spent.
Several quantities are judged together by Holm's steps, each with its own boundaries (Ye, Li, Liu & Yao 2013).
Sources: Lan & DeMets 1983, "Discrete sequential boundaries for clinical trials", Biometrika 70; 1989, "Group sequential
procedures: calendar versus information time", Statistics in Medicine 8; Ye et al. 2013, "A group sequential Holm
procedure with multiple primary endpoints", Statistics in Medicine 32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal

import numpy as np
from scipy import stats

from experiments.stats import ALPHA

LOOKS = (6, 10, 14, 20)  # seeds; beyond, each look has about 1.4 times those of the one before
PATHS = 400_000
_CHUNK = 20_000

Sides = Literal[1, 2]


def looks(most: int) -> tuple[int, ...]:
    """The numbers of seeds at which the results are looked at: ascending, the last is `most`."""
    schedule = list(LOOKS)
    while schedule[-1] < most:
        schedule.append(2 * round(0.7 * schedule[-1]))
    return (*(n for n in schedule if n <= 0.85 * most), most)


def spent(share: float, alpha: float = ALPHA, sides: Sides = 2) -> float:
    """How much of `alpha` may be used up at a `share` of the seeds, in (0, 1]: Lan & DeMets 1983, on each side."""
    return float(sides * 2 * stats.norm.sf(stats.norm.isf(alpha / sides / 2) / np.sqrt(share)))


@dataclass(frozen=True, kw_only=True)
class Design:
    """When results are looked at, and how small a p has to be at each look. `looks`: seeds at each."""

    looks: tuple[int, ...]
    alpha: float = ALPHA

    def __post_init__(self) -> None:
        if not self.looks or self.looks[0] < 2 or any(a >= b for a, b in pairwise(self.looks)):
            raise ValueError(f"The looks {self.looks} do not ascend from at least 2 seeds")

    def levels(self, sides: Sides, family: int = 1) -> tuple[float, ...]:
        """The p that each look demands of one hypothesis with its share, 1 / `family`, of the whole error."""
        return _levels(self.looks, self.alpha / family, sides)

    def rejected(self, p: Sequence[np.ndarray], sides: Sides) -> np.ndarray:
        """Which of m hypotheses are rejected at one of the looks that were taken: (m,) booleans.

        `p`: (m,) a look, in order. The chance of one false rejection over all looks is at most `alpha`. Who is
        rejected stays so, and leaves its share of the error to the others.
        """
        out = np.zeros(len(p[0]), dtype=bool)
        for look, values in enumerate(p):
            while not out.all():
                level = self.levels(sides, int((~out).sum()))[look]
                best = int(np.where(out, np.inf, np.nan_to_num(values, nan=1.0)).argmin())
                if values[best] <= level:
                    out[best] = True
                else:
                    break
        return out


@cache
def _levels(at: tuple[int, ...], alpha: float, sides: Sides) -> tuple[float, ...]:
    """Boundaries as p: the first look's is what is spent there; each further one leaves the right share of paths."""
    budget = [spent(n / at[-1], alpha, sides) for n in at]
    if len(at) == 1:
        return (alpha,)
    paths = _paths(at)
    reached = paths if sides == 1 else np.abs(paths)
    alive = np.ones(len(reached), dtype=bool)
    levels: list[float] = []
    used = 0.0
    for look, n in enumerate(at):
        if look == 0:
            critical = float(stats.t.isf(budget[0] / sides, n - 1))
        else:
            # as many paths as may still be lost cross here for the first time
            crossing = round((budget[look] - used) * len(reached))
            values = reached[alive, look]
            critical = float(np.partition(values, -crossing)[-crossing]) if crossing else np.inf
        lost = alive & (reached[:, look] >= critical)
        used += lost.mean()
        alive &= ~lost
        levels.append(float(sides * stats.t.sf(critical, n - 1)))
    return tuple(levels)


@cache
def _paths(at: tuple[int, ...]) -> np.ndarray:
    """The t at each look when nothing differs: (`PATHS`, looks)."""
    rng = np.random.default_rng(1983)
    paths = []
    for _ in range(PATHS // _CHUNK):
        d = rng.standard_normal((_CHUNK, at[-1]), dtype=np.float32)
        n = np.array(at)
        sums, squares = (values.cumsum(axis=1, dtype=np.float64)[:, n - 1] for values in (d, d * d))
        mean = sums / n
        paths.append(mean / np.sqrt((squares / n - mean**2) / (n - 1)))
    return np.concatenate(paths)
