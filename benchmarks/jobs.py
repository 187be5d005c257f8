"""Contestants in fresh processes, one at a time, in turns: A B C A B C."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from experiments.records import Setup

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One contestant on one setup; `part` and `name` say which row of which table it fills."""

    part: str
    name: str
    contestant: str
    setup: Setup
    options: Mapping[str, Any] = field(default_factory=dict)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment() -> dict[str, str]:
    """The same for every contestant: all cores, no chatter, no accelerator."""
    every = str(cores())
    threads = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC")
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "JAX_PLATFORMS": "cpu"}
    return {**os.environ, **dict.fromkeys(threads, every), **quiet, "CUDA_VISIBLE_DEVICES": "-1"}


def run(job: Job) -> dict[str, Any]:
    """What one fresh process found: a `Timing` with its memory, or {"missing": library}.

    Raises `RuntimeError` with the end of the process's own words when it fails.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        asked, found = Path(folder, "job.json"), Path(folder, "result.json")
        asked.write_text(
            json.dumps({"contestant": job.contestant, "setup": asdict(job.setup), "options": dict(job.options)})
        )
        command = [sys.executable, "-m", "benchmarks.worker", str(asked), str(found)]
        done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{job.part}: {job.name} failed:\n{done.stderr[-2000:]}")
        result: dict[str, Any] = json.loads(found.read_text())
        return result


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
