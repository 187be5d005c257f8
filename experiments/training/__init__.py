"""A cell trained: all its arms, rates and seeds, into tidy tables."""

from __future__ import annotations

import logging

import pandas as pd

from experiments import reference, stacked
from experiments.records import Setup
from experiments.training import stacked_run
from experiments.training.budget import at_once
from experiments.training.problem import Problem, precision, prepare
from experiments.training.recorder import tabulate
from experiments.training.stacked_run import Progress

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
            return tabulate(problem, reference.run(problem, progress))
        return tabulate(problem, stacked_run.run(problem, at_once=at_once(problem), progress=progress))
