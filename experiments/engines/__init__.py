"""A cell trained: all its arms, rates and seeds, into tidy tables."""

from __future__ import annotations

import logging

import pandas as pd

from experiments.engines import driver, keras_fit, stacked
from experiments.engines.driver import Progress
from experiments.engines.stacked.budget import at_once
from experiments.problem.problem import Problem, precision, prepare
from experiments.problem.records import tabulate
from experiments.records import Setup

__all__ = ["Problem", "Progress", "precision", "prepare", "train"]

log = logging.getLogger(__name__)


def train(setup: Setup, progress: Progress | None = None) -> dict[str, pd.DataFrame]:
    """Train every network of `setup` and return the tables `curves`, `finals` and `runs`.

    `progress(done, total)` is called now and then with the networks' steps that are done and that there are.
    A trunk with a layer that the stacked engine lacks is trained by plain Keras, one network after another.
    Raises `UserError` for an unknown name and for a task that the network cannot take.
    """
    with precision(setup.dtype):
        problem = prepare(setup)
        missing = stacked.unsupported(problem.trunk)
        if missing:
            log.warning(
                "Plain Keras trains this network, one arm and seed after another: no rule for %s", ", ".join(missing)
            )
            return tabulate(problem, keras_fit.run(problem, progress))
        return tabulate(problem, driver.run(problem, at_once=at_once(problem), progress=progress))
