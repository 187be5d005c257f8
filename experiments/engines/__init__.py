"""What trains a problem: engines of one interface, and the driver that records what they show.

`stacked` trains all replicas at once, on TensorFlow; `keras_fit` one after another by plain Keras, whatever the layers;
`keras_jax` all at once by Keras on JAX; `torch` all at once in PyTorch. `frameworks` names them. What a framework needs
is imported when it trains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from experiments.engines import driver, fresh, shared
from experiments.engines.interface import Factory, Trainer
from experiments.engines.shared import NotTrained
from experiments.frameworks import FRAMEWORKS, require_installed
from experiments.keras_backend import backend_in_use, use_backend
from experiments.lazy_imports import importer
from experiments.problem import KERAS_START, Problem, tabulate
from experiments.problem import prepare as prepare_problem
from experiments.progress import Progress
from experiments.records import Dtype, Setup
from experiments.tables import MAIN

if TYPE_CHECKING:
    from experiments.engines.keras_trunk import KerasTrunk, penalised, precision
    from experiments.engines.part import Part

__all__ = [
    "Factory",
    "KerasTrunk",
    "NotTrained",
    "Part",
    "Problem",
    "Progress",
    "penalised",
    "precision",
    "prepare",
    "train",
    "train_each",
    "train_part",
    "train_together",
    "trainer",
]

# these import Keras
__getattr__ = importer(
    __name__, {"KerasTrunk": "keras_trunk", "Part": "part", "penalised": "keras_trunk", "precision": "keras_trunk"}
)

# by seed, a trunk's first weights in Keras's order and layout
First = Mapping[int, Sequence[np.ndarray]]


def trainer(framework: str) -> Trainer:
    """How a framework trains. Raises `UserError` if its name is unknown or it is not installed."""
    require_installed((framework,))
    framework_trainer = FRAMEWORKS[framework].load()
    assert isinstance(framework_trainer, Trainer)
    return framework_trainer


def prepare(setup: Setup, first: First | None = None) -> Problem:
    """Look up and draw all that `setup` names, with trunks of its framework; call it within its `precision`.

    `first`: weights that the trunks start from in place of those that the framework draws; the heads are drawn by
    Keras's law then, so that networks of two frameworks can start as one function.
    Raises `UserError` for an unknown name and for a task that the network cannot take.
    """
    framework_trainer = trainer(setup.framework)
    if first is None:
        return prepare_problem(setup, framework_trainer.trunk_of, framework_trainer.start)
    return prepare_problem(
        setup, framework_trainer.trunk_of, KERAS_START, lambda trunk, seed: framework_trainer.adopt(trunk, first[seed])
    )


def train(
    setup: Setup, progress: Progress | None = None, first: First | None = None, parts: str | Path = ""
) -> dict[str, pd.DataFrame]:
    """Train every network of `setup` and return the tables `curves`, `finals` and `runs`.

    `progress(done, total)` is called now and then with the networks' steps that are done and that there are.
    `first`: see `prepare`.
    `parts`: a folder where `train_part` has stored what others trained, so that nothing is trained here. Where some of
    it is missing this raises `NotTrained`, but for networks that are one chunk: they cannot be shared.
    A process has one Keras backend: where this one has another than the framework needs, a fresh process trains, but
    with `parts` that is refused.
    Raises `UserError` for an unknown name, for a framework that is not installed and for a task that the network
    cannot take.
    """
    if not str(parts):
        return train_each((setup,), progress, (first,))[0]
    _on_its_backend(setup.framework)
    return _train(setup, progress, first, parts)


def train_part(setup: Setup, part: int, parts: int, out: str | Path, progress: Progress | None = None) -> None:
    """Train the chunks `part`, `part` + `parts`, ... of the networks of `setup`, and store what they showed in `out`.

    The first chunk is number 1. Raises `UserError` as `train` does, and if Keras has another backend here.
    """
    framework_trainer = _on_its_backend(setup.framework)
    with framework_trainer.precision(setup.dtype):
        problem = prepare(setup)
        records = driver.run(problem, framework_trainer.factory(problem), progress=progress, part=(part, parts))
        shared.save(Path(out) / f"part-{part}.npz", records)


def _on_its_backend(framework: str) -> Trainer:
    """How a framework trains in this process. Raises `UserError` if Keras has another backend here."""
    require_installed((framework,))
    if backend := FRAMEWORKS[framework].backend:
        use_backend(backend)
    return trainer(framework)


def train_each(
    setups: Sequence[Setup], progress: Progress | None, firsts: Sequence[First | None]
) -> list[dict[str, pd.DataFrame]]:
    """`train` for setups of one framework with as many networks and steps each; a fresh process trains all of them."""
    (framework,) = {setup.framework for setup in setups}
    require_installed((framework,))
    backend = FRAMEWORKS[framework].backend
    if backend and backend_in_use() not in (None, backend):
        return fresh.train_each(setups, backend, progress, firsts)
    if backend:
        use_backend(backend)
    return [
        _train(setup, nth(progress, number, len(setups)), first)
        for number, (setup, first) in enumerate(zip(setups, firsts, strict=True))
    ]


def _train(
    setup: Setup, progress: Progress | None, first: First | None, parts: str | Path = ""
) -> dict[str, pd.DataFrame]:
    framework_trainer = trainer(setup.framework)
    with framework_trainer.precision(setup.dtype):
        problem = prepare(setup, first)
        records = shared.load(problem, Path(parts)) if str(parts) else []
        if not records or not shared.complete(problem, records):
            factory = framework_trainer.factory(problem)
            if str(parts) and len(planned := driver.planned_chunks(problem, factory)) > 1:
                raise NotTrained(planned)
            records = driver.run(problem, factory, progress=progress)
        return tabulate(problem, records)


def nth(progress: Progress | None, number: int, parts: int) -> Progress | None:
    """What is told the progress of one of as many equal parts, and tells that of the whole."""
    if progress is None:
        return None
    return lambda done, total: progress(number * total + done, parts * total)


def train_together(
    setup: Setup, frameworks: Sequence[str], dtypes: Sequence[Dtype], progress: Progress | None = None
) -> dict[str, dict[str, pd.DataFrame]]:
    """Train the same networks in each framework and precision: by dtype and framework, the table `curves`.

    Those of one precision start from the weights that Keras on TensorFlow draws. The batches are the same too, so that
    what differs is what the frameworks compute.
    """
    setups = [replace(setup, framework=MAIN, dtype=dtype) for dtype in dtypes]
    firsts = [_drawn(one) for one in setups]
    curves: dict[str, dict[str, pd.DataFrame]] = {dtype: {} for dtype in dtypes}
    for number, framework in enumerate(frameworks):
        framework_setups = [replace(one, framework=framework) for one in setups]
        trained = train_each(framework_setups, nth(progress, number, len(frameworks)), firsts)
        for dtype, tables in zip(dtypes, trained, strict=True):
            curves[dtype][framework] = tables["curves"]
    return curves


def _drawn(setup: Setup) -> First:
    """The first weights of the setup's trunks."""
    with trainer(setup.framework).precision(setup.dtype):
        return {seed: stream.trunk for seed, stream in prepare(setup).streams.items()}
