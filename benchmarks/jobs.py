"""Contestants in fresh processes, one at a time, in turns: A B C A B C."""

from __future__ import annotations

import multiprocessing
import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from benchmarks import worker
from benchmarks.contestants import framework
from experiments.records import Setup


@dataclass(frozen=True, kw_only=True)
class Job:
    """One contestant on one setup; `part` and `name` say which row of which table it fills.

    The contestant "framework" trains the setup in the framework that it names.
    """

    part: str
    name: str
    contestant: str
    setup: Setup
    options: Mapping[str, Any] = field(default_factory=dict)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def settle() -> None:
    """The same environment for every contestant: all cores, no chatter, no accelerator."""
    threads = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC")
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "JAX_PLATFORMS": "cpu"}
    os.environ.update({**dict.fromkeys(threads, str(cores())), **quiet, "CUDA_VISIBLE_DEVICES": "-1"})


def run(job: Job) -> dict[str, Any]:
    """What one fresh process found: a `Timing` with its memory, or {"missing": library}.

    The process is forked from one that has imported TensorFlow and done nothing with it, which saves seconds a job; one
    of a framework's own starts from nothing, on one core.
    Raises what the contestant raises, and `BrokenProcessPool` if its process was killed.
    """
    if job.contestant == "framework":
        return in_framework(job.setup)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.imported"])
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(worker.work, job.contestant, job.setup, dict(job.options)).result()


def in_framework(setup: Setup) -> dict[str, Any]:
    """What a new process found that trains in the setup's framework: see `framework.work`."""
    before = framework.told(framework.environment(setup.framework))
    try:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            return pool.submit(framework.work, setup.framework, setup).result()
    finally:
        framework.restore(before)


def in_turns(
    jobs: Sequence[Job], repeats: int, told: Callable[[Job, int], None]
) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Every job once, then every job again, `repeats` times: what else the machine does falls on all alike.

    `told(job, turn)` is called before each. Results by (part, name).
    """
    results: dict[tuple[str, str], list[dict[str, Any]]] = {(job.part, job.name): [] for job in jobs}
    for turn in range(repeats):
        for job in jobs:
            told(job, turn)
            results[job.part, job.name].append(run(job))
    return results


def median(results: Sequence[Mapping[str, Any]], key: str) -> float:
    """The median over repeats of one figure a network: "seconds" or "cpu"."""
    return statistics.median(result[key] / max(result["networks"], 1) for result in results)
