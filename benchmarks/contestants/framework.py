"""The engines of the frameworks side by side: each in a process of its own, on one core, as its framework runs it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from benchmarks.contestants import Timing, peak_mib, training_losses
from experiments.frameworks import FRAMEWORKS
from experiments.records import Setup

_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC")


def environment(framework: str) -> dict[str, str]:
    """What a process is told before it imports the framework: one thread, and the backend of Keras."""
    alone = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", **dict.fromkeys(_THREADS, "1")}
    backend = FRAMEWORKS[framework].backend
    return {**alone, "KERAS_BACKEND": backend} if backend else alone


def work(framework: str, setup: Setup) -> dict[str, Any]:
    """Train a whole cell in this process, which has imported nothing: a `Timing` with its memory.

    Or {"missing": what is not installed}. The imports are not timed.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    if not FRAMEWORKS[framework].installed:
        return {"missing": framework}
    from experiments import engines

    engines.trainer(framework)
    imported, timing = peak_mib(), Timing(networks=setup.networks)
    with timing.clock():
        tables = engines.train(replace(setup, framework=framework))
    timing.losses = training_losses(setup, tables["curves"])
    return {**asdict(timing), "imported_mib": imported, "grown_mib": peak_mib() - imported}


def told(environment: Mapping[str, str]) -> dict[str, str | None]:
    """Set variables of this process; what they were, None where there was none."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    return before


def restore(before: Mapping[str, str | None]) -> None:
    """Undo `told`."""
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
