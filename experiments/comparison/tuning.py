"""The learning rate around the model's own: on which side of the best it is, and what the best would give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from experiments.comparison.judge import BASELINE, HEAD
from experiments.judgement import best_rates, samples_of
from experiments.stats import ALPHA, clusters, corrected_t, sign_flip_p, zeros_bound

QUANTITIES = ("nll", "accuracy")  # what a better rate is told in; the first one is what it is chosen by

Side = Literal["below", "above", "at", "open"]


@dataclass(frozen=True, kw_only=True)
class Gap:
    """The mean over seeds of one paired difference on test rows, with its interval; as `differences` has them."""

    quantity: str
    mean: float
    low: float
    high: float

    @property
    def significant(self) -> bool:
        """Whether its sign is known."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, kw_only=True)
class Best:
    """One head at its best rate, which each seed chooses on its own validation rows.

    `rate`: the one of the grid that is nearest to the choices' geometric mean. `at_edge`: whether at least half of the
    seeds choose the grid's first, or its last, so that a better one may lie outside. `gains`: best rate minus own rate,
    by quantity. `outweighs`: whether the rate is shown to change the final loss by more than the head does at the own
    rate.
    """

    head: str
    rate: float
    at_edge: bool
    gains: dict[str, Gap]
    outweighs: bool

    @property
    def better(self) -> bool:
        """Whether the best rate is shown to lower the final test loss."""
        return self.gains["nll"].high < 0


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What the rates around the model's own say.

    `own`: the model's rate. `grid`: those tried, ascending. `side`: where the own rate is, seen from sigmoid's best:
    "below", "above", "at" (within a factor of two), or "open". `steps`: log2 of sigmoid's best over the own rate, the
    mean over seeds. `best`: by head. `apart`: softmax minus sigmoid, each at its own best rate, by quantity.
    """

    own: float
    grid: tuple[float, ...]
    side: Side
    steps: Gap
    best: dict[str, Best]
    apart: dict[str, Gap]


def tune(sweep: pd.DataFrame, runs: pd.DataFrame, model_rate: float, confidence: float = 1 - ALPHA) -> Tuning:
    """Judge the rates of both heads; intervals allow for shared rows, at `confidence`.

    `sweep`: rows of the table `finals` at all rates, of which those of `QUANTITIES` are read. `runs`: its networks.
    """
    grid = np.unique(sweep["learning_rate"].to_numpy(float))
    chosen = best_rates(sweep)
    test = sweep[sweep["split"] == "test"]
    seeds = np.unique(chosen["seed"])
    samples, shared = samples_of(runs, seeds), float(runs["shared"].mean())
    rates = {head: _of_seeds(chosen, head, seeds) for head in (BASELINE, HEAD)}

    def values_at(head: str, quantity: str, which: np.ndarray) -> np.ndarray:
        matching = test[(test["head"] == head) & (test["quantity"] == quantity)]
        values = matching.set_index(["seed", "learning_rate"])["value"]
        return values.loc[list(zip(seeds, which, strict=True))].to_numpy(float)

    def gap(quantity: str, values: np.ndarray) -> Gap:
        ratio = clusters(values[None], samples, shared).fresh
        return _gap(quantity, values, ratio, confidence)

    model_rates = np.full(len(seeds), model_rate)
    with np.errstate(invalid="ignore"):
        apart = values_at(HEAD, "nll", model_rates) - values_at(BASELINE, "nll", model_rates)
        best = {}
        for head, which in rates.items():
            gained = {name: values_at(head, name, which) - values_at(head, name, model_rates) for name in QUANTITIES}
            # |rate| > |head| for a loss that falls: both sums are below 0
            sums = [gap("nll", gained["nll"] + sign * apart) for sign in (1, -1)]
            best[head] = Best(
                head=head,
                rate=float(grid[np.abs(np.log(grid) - np.log(which).mean()).argmin()]),
                at_edge=any((which == edge).mean() >= 0.5 for edge in grid[[0, -1]]),
                gains={name: gap(name, values) for name, values in gained.items()},
                outweighs=all(part.high < 0 for part in sums),
            )
        between = {
            name: gap(name, values_at(HEAD, name, rates[HEAD]) - values_at(BASELINE, name, rates[BASELINE]))
            for name in QUANTITIES
        }
    steps = np.log2(rates[BASELINE] / model_rate)
    steps_gap = gap("log2 of the rate", steps)
    return Tuning(
        own=model_rate, grid=tuple(grid), side=_side(steps, steps_gap), steps=steps_gap, best=best, apart=between
    )


def _of_seeds(chosen: pd.DataFrame, head: str, seeds: Sequence[int] | np.ndarray) -> np.ndarray:
    return chosen[chosen["head"] == head].set_index("seed").loc[list(seeds), "learning_rate"].to_numpy(float)


def _gap(quantity: str, values: np.ndarray, ratio: np.ndarray, confidence: float) -> Gap:
    low, high = (float(end[0]) for end in corrected_t(values[None], ratio, confidence))
    return Gap(quantity=quantity, mean=float(values.mean()), low=low, high=high)


def _side(steps: np.ndarray, gap: Gap) -> Side:
    """`steps`: by how many doublings each seed's choice is above the own rate; if all are alike they have no spread."""
    alike = np.ptp(steps) == 0
    if sign_flip_p(steps[None])[0] <= ALPHA and gap.significant:
        return "below" if gap.mean > 0 else "above"
    reach = float(zeros_bound(len(steps), np.array(2.0))) if alike else max(abs(gap.low), abs(gap.high))
    return "at" if reach < 1 and abs(gap.mean) < 1 else "open"
