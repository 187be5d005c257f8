"""What trains a problem: engines of one interface, and the driver that records what they show.

`stacked` trains all replicas at once, on TensorFlow; `keras_fit` one after another by plain Keras, whatever the layers;
`keras_jax` all at once by Keras on JAX; `torch` all at once in PyTorch. `frameworks` names them. What a framework needs
is imported when it trains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module

import numpy as np
import pandas as pd

from experiments.engines import driver, fresh
from experiments.engines.driver import Progress
from experiments.engines.interface import Trainer
from experiments.frameworks import FRAMEWORKS, require_installed
from experiments.keras_backend import backend_in_use, use_backend
from experiments.problem import draws
from experiments.problem import problem as problems
from experiments.problem.problem import Problem
from experiments.problem.records import tabulate
from experiments.records import Setup
from experiments.sources import PACKAGE
from experiments.tables import MAIN

__all__ = ["Problem", "Progress", "prepare", "train", "train_together", "trainer"]

# by seed, a trunk's first weights in Keras's order and layout
First = Mapping[int, Sequence[np.ndarray]]


def trainer(framework: str) -> Trainer:
    """How a framework trains. Raises `UserError` if its name is unknown or it is not installed."""
    require_installed((framework,))
    found = import_module(FRAMEWORKS[framework].module, PACKAGE.name).TRAINER
    assert isinstance(found, Trainer)
    return found


def prepare(setup: Setup, first: First | None = None) -> Problem:
    """Look up and draw all that `setup` names, with trunks of its framework; call it within its `precision`.

    `first`: weights that the trunks start from in place of those that the framework draws; the heads are drawn by
    Keras's law then, so that networks of two frameworks can start as one function.
    Raises `UserError` for an unknown name and for a task that the network cannot take.
    """
    known = trainer(setup.framework)
    if first is None:
        return problems.prepare(setup, known.trunk_of, known.start)
    drawn = problems.prepare(setup, known.trunk_of, draws.DEFAULT)
    adopted = {seed: known.adopt(drawn.trunk, first[seed]) for seed in drawn.streams}
    streams = {seed: replace(stream, trunk=adopted[seed]) for seed, stream in drawn.streams.items()}
    return replace(drawn, streams=streams)


def train(setup: Setup, progress: Progress | None = None, first: First | None = None) -> dict[str, pd.DataFrame]:
    """Train every network of `setup` and return the tables `curves`, `finals` and `runs`.

    `progress(done, total)` is called now and then with the networks' steps that are done and that there are.
    `first`: see `prepare`.
    A process has one Keras backend: where this one has another than the framework needs, a fresh process trains.
    Raises `UserError` for an unknown name, for a framework that is not installed and for a task that the network
    cannot take.
    """
    require_installed((setup.framework,))
    backend = FRAMEWORKS[setup.framework].backend
    if backend and backend_in_use() not in (None, backend):
        return fresh.train(setup, backend, progress, first)
    if backend:
        use_backend(backend)
    known = trainer(setup.framework)
    with known.precision(setup.dtype):
        problem = prepare(setup, first)
        return tabulate(problem, driver.run(problem, known.factory(problem), progress=progress))


def train_together(
    setup: Setup, frameworks: Sequence[str], progress: Progress | None = None
) -> dict[str, pd.DataFrame]:
    """Train the same networks in each framework, from the weights that Keras on TensorFlow draws: by name, `curves`.

    The batches are the same too, so that what differs is what the frameworks compute.
    """
    setup = replace(setup, framework=MAIN)
    with trainer(MAIN).precision(setup.dtype):
        first = {seed: stream.trunk for seed, stream in prepare(setup).streams.items()}
    made = {}
    for number, framework in enumerate(frameworks):

        def told(done: int, total: int, number: int = number) -> None:
            if progress is not None:
                progress(number * total + done, len(frameworks) * total)

        made[framework] = train(replace(setup, framework=framework), told, first)["curves"]
    return made
