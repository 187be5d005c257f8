"""What runs on a worker, be it this process, a thread of it, or a Dask worker elsewhere."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from experiments.suite.display import Lines
from experiments.suite.execute import execute
from experiments.suite.forked import ForkServer
from experiments.suite.jobs import TRANSIENT, Hooks, Job, JobResult
from experiments.suite.reports import Call
from experiments.suite.started import Server, server_of

ATTEMPTS = 3
COMMON = ("tensorflow", "keras", "pandas", "matplotlib.figure")  # what nearly every notebook imports
# one a set of imports and Keras backend, for the life of the process
_servers: dict[tuple[tuple[str, ...], str], Server] = {}
_EARLY = ((), "tensorflow")
_lock = threading.Lock()


def one_by_one(jobs: Sequence[Job], display: Lines) -> Iterator[JobResult]:
    """Yield the outcome of each job, in order; jobs that are appended meanwhile come last."""
    for job in jobs:
        hooks = Hooks(started=partial(display.started, job.cell), step=partial(display.step, job.cell))
        yield work(job, hooks)


def work(job: Job, hooks: Hooks) -> JobResult:
    """Execute `job`, again when what failed is passing."""
    outcome = JobResult(cell=job.cell, seconds=0.0)
    for attempt in range(1, ATTEMPTS + 1):
        outcome = replace(execute(job, warm(job.preload, job.backend), hooks), attempts=attempt)
        if outcome.reason not in TRANSIENT:
            break
    return outcome


def warm(preload: Sequence[str], backend: str = "tensorflow") -> Server:
    """What kernels are had from, with these imports and Keras on `backend`: started if there is none.

    It imports while the caller goes on.
    """
    which = tuple(preload), backend
    with _lock:
        server = _servers.get(which)
        if server is None or not server.alive:
            early = _servers.pop(_EARLY, None) if backend == _EARLY[1] else None
            server = early if early is not None and early.alive else server_of(backend=backend)
            server.add(preload)
            _servers[which] = server
        return server


def caller() -> Call | None:
    """What calls a function in a process that has imported all that notebooks need, if such a one can be forked."""
    with _lock:
        servers = (server for server in _servers.values() if isinstance(server, ForkServer) and server.alive)
        return next((server.call for server in servers), None)


def prepare() -> None:
    """Start the server that `warm` will want, before it is known what else it shall import."""
    with _lock:
        if not _servers:
            _servers[_EARLY] = server_of(COMMON)


def close() -> None:
    """End all servers of this process and their kernels."""
    with _lock:
        for server in _servers.values():
            server.close()
        _servers.clear()


atexit.register(close)
