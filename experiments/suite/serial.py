"""Cells one after another in this process: what one worker, or one part of a sharded run, needs no scheduler for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from experiments.suite import worker
from experiments.suite.display import Lines
from experiments.suite.jobs import Hooks, Job, Outcome


def run(jobs: Sequence[Job], display: Lines) -> Iterator[Outcome]:
    """Yield the outcome of each job, in order."""
    for job in jobs:
        hooks = Hooks(started=partial(display.started, job.cell), step=partial(display.step, job.cell))
        yield worker.work(job, hooks)
