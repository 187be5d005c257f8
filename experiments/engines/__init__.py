"""What trains a problem: engines of one interface, and the driver that records what they show.

`stacked` trains all replicas at once, on TensorFlow; `keras_fit` one after another by plain Keras, whatever the layers.
"""

from __future__ import annotations

import logging

import pandas as pd

from experiments.engines import driver
from experiments.engines.driver import Progress
from experiments.engines.interface import Factory
from experiments.engines.keras_fit import KerasFit
from experiments.engines.keras_trunk import precision, trunk_of
from experiments.engines.stacked import Stacked
from experiments.problem import problem as problems
from experiments.problem.problem import Problem
from experiments.problem.records import tabulate
from experiments.records import Setup

__all__ = ["Problem", "Progress", "precision", "prepare", "train"]

log = logging.getLogger(__name__)


def prepare(setup: Setup) -> Problem:
    """Look up and draw all that `setup` names, with trunks by Keras; call it within `precision(setup.dtype)`.

    Raises `UserError` for an unknown name and for a task that the network cannot take.
    """
    return problems.prepare(setup, trunk_of)


def train(setup: Setup, progress: Progress | None = None) -> dict[str, pd.DataFrame]:
    """Train every network of `setup` and return the tables `curves`, `finals` and `runs`.

    `progress(done, total)` is called now and then with the networks' steps that are done and that there are.
    A trunk with a layer that the stacked engine lacks is trained by plain Keras, one network after another.
    Raises `UserError` for an unknown name and for a task that the network cannot take.
    """
    with precision(setup.dtype):
        problem = prepare(setup)
        factory: Factory = Stacked()
        missing = factory.unsupported(problem)
        if missing:
            log.warning(
                "Plain Keras trains this network, one arm and seed after another: no rule for %s", ", ".join(missing)
            )
            factory = KerasFit()
        return tabulate(problem, driver.run(problem, factory, progress=progress))
