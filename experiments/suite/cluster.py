"""Cells on `dask.distributed`: workers of our own by default, or those of any scheduler that is running.

The driver alone writes results: workers hand back bytes, so they need no folder that is shared with it.
"""

from __future__ import annotations

import logging
import threading
import uuid
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, as_completed, get_worker
from distributed.worker import Worker

from experiments.records import UserError
from experiments.suite import worker as local
from experiments.suite.display import Lines
from experiments.suite.jobs import Hooks, Job, JobResult

_CONNECT = 15  # seconds
_turns: dict[str, threading.Semaphore] = {}  # of each worker in this process, or of all of our own
_lock = threading.Lock()
_GPUS = Path("/proc/driver/nvidia/gpus")  # one entry a device


class Workers:
    """Workers that take cells; use it as a context.

    `count`: how many cells they run at once. `dashboard`: the address of Dask's own view of them.
    """

    def __init__(self, client: Client, count: int, dashboard: str, resources: dict[str, float]) -> None:
        self.client = client
        self.count = count
        self.dashboard = dashboard
        self._resources = resources

    def run(self, jobs: Sequence[Job], display: Lines) -> Iterator[JobResult]:
        """Yield the outcome of each job as it ends; a worker that is lost hands its cells to the others.

        Jobs that are appended to `jobs` meanwhile come first: others wait for what they make.
        """
        topic = f"headtohead-{uuid.uuid4()}"
        taken: Counter[str] = Counter()

        def heard(event: tuple[float, dict[str, Any]]) -> None:
            cell, steps = event[1]["cell"], event[1]["steps"]
            if steps is None:
                taken[cell] += 1
            elif steps:
                display.step(cell, *steps)
            else:
                display.started(cell)

        self.client.subscribe_topic(topic, heard)
        cells: dict[Future, str] = {}

        def submit(jobs: Sequence[Job], priority: int) -> list[Future]:
            # at once and with keys of one group: the scheduler then keeps what waits, and who is free has the first of
            # it, which is the longest; one after another, each would be promised to a worker that is busy for minutes
            futures = self.client.map(
                _on_worker,
                jobs,
                topic=topic,
                key=[(topic, job.cell, len(cells)) for job in jobs],
                pure=False,
                priority=priority,
                resources=self._resources or None,
            )
            cells.update(zip(futures, (job.cell for job in jobs), strict=True))
            return futures

        try:
            ended = as_completed(submit(jobs, 0))
            submitted = len(jobs)
            for future in ended:
                outcome = _outcome(future, cells[future])
                yield replace(outcome, attempts=max(outcome.attempts, taken.pop(outcome.cell, 1)))
                future.release()  # its bytes are stored now
                if more := jobs[submitted:]:
                    ended.update(submit(more, 1))
                submitted = len(jobs)
        finally:
            self.client.cancel(list(cells), force=True)
            self.client.unsubscribe_topic(topic)


@contextmanager
def local_workers(count: int) -> Iterator[Workers]:
    """`count` workers in this process.

    They cost nothing to start: the work is done in kernels, which are processes of their own. With GPUs, a worker
    has one to itself, and there are no more workers than GPUs.
    """
    _quiet()
    gpus = len(list(_GPUS.iterdir())) if _GPUS.is_dir() else 0
    count = min(count, gpus) if gpus else count
    resources = {"GPU": 1.0} if gpus else {}
    with ExitStack() as stack:
        # a hundred times a second it would look at what each thread of this process does; and no worker is promised
        # more than it has threads
        ours = {"distributed.worker.profile.enabled": False, "distributed.scheduler.worker-saturation": 1.0}
        stack.enter_context(dask.config.set(ours))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the usual port of the dashboard is taken: another is used
            cluster = stack.enter_context(
                LocalCluster(
                    n_workers=count,
                    threads_per_worker=2,  # one computes, the other starts the next kernel or makes a page
                    processes=False,
                    memory_limit=0,  # the kernels' memory is not this process's
                    dashboard_address="127.0.0.1:8787",
                    worker_dashboard_address="127.0.0.1:0",
                    resources=resources,
                )
            )
        with _lock:
            _turns[_process(cluster.scheduler_address)] = threading.Semaphore(count)
        stack.callback(_turns.pop, _process(cluster.scheduler_address))
        client = stack.enter_context(Client(cluster))
        server = cluster.scheduler.services.get("dashboard")
        dashboard = f"http://127.0.0.1:{server.port}/status" if server is not None else ""
        yield Workers(client, count, dashboard, resources)


@contextmanager
def remote_workers(address: str) -> Iterator[Workers]:
    """The workers of the scheduler at `address`. Raises `UserError` if none answers there."""
    _quiet()
    try:
        client = Client(address, timeout=_CONNECT)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"No Dask scheduler answers at --scheduler {address!r} ({type(error).__name__}). "
            "Start one with `dask scheduler` and give the address that it prints, such as tcp://127.0.0.1:8786."
        ) from None
    with client:
        info = client.scheduler_info(n_workers=-1)
        nodes = info["workers"].values()
        gpu = any("GPU" in (one.get("resources") or {}) for one in nodes)
        count = sum(one["nthreads"] for one in nodes)
        dashboard = client.dashboard_link if "dashboard" in info["services"] else ""
        yield Workers(client, max(count, 1), dashboard, {"GPU": 1.0} if gpu else {})


def _quiet() -> None:
    # what other jobs have trained of a cell goes with its job
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"})
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what fails is told as a cell's outcome


def _on_worker(job: Job, topic: str) -> JobResult:
    """Runs in a thread of a Dask worker."""
    here = get_worker()
    key = here.get_current_task()
    name = str(here.name)
    if name.isdecimal() and here.state.total_resources.get("GPU") and here.address.startswith("inproc"):
        job = replace(job, environment={"CUDA_VISIBLE_DEVICES": name})
    here.log_event(topic, {"cell": job.cell, "steps": None})
    hooks = Hooks(
        started=partial(_tell, here, topic, job.cell),
        step=partial(_tell, here, topic, job.cell),
        wanted=partial(_wanted, here, key),
        turn=_turn(here),
    )
    return local.work(job, hooks)


def _tell(here: Worker, topic: str, cell: str, *steps: int) -> None:
    here.log_event(topic, {"cell": cell, "steps": steps})


def _turn(here: Worker) -> threading.Semaphore:
    """As many cells compute at a time as there are workers of our own, whoever of them started their kernels; but one a
    GPU. Others' workers have as many threads as they should use.
    """
    with _lock:
        own = _turns.get(_process(here.address))
        if own is not None and not here.state.total_resources.get("GPU"):
            return own
        in_process = here.address.startswith("inproc")
        return _turns.setdefault(here.address, threading.Semaphore(1 if in_process else here.state.nthreads))


def _process(address: str) -> str:
    """What the addresses of a scheduler and of workers in one process have in common: inproc://HOST/PROCESS/NUMBER."""
    return address.rpartition("/")[0] if address.startswith("inproc") else ""


def _wanted(here: Worker, key: Any) -> bool:
    """Whether the scheduler still wants this task: not when the driver is gone or has cancelled it."""
    task = here.state.tasks.get(key)
    return task is not None and task.state == "executing"


def _outcome(future: Any, cell: str) -> JobResult:
    try:
        return future.result()
    except KilledWorker:
        error = "The worker was lost each time that it ran this cell (killed, or out of memory)"
        return JobResult(cell=cell, seconds=0.0, reason="lost worker", error=error)
    except CancelledError:
        return JobResult(cell=cell, seconds=0.0, reason="lost worker", error="The scheduler was lost")
    except Exception as error:  # what a worker could not even begin, such as a job it cannot read
        lines = f"{type(error).__name__}: {error}".splitlines()
        return JobResult(cell=cell, seconds=0.0, reason="other code", error=lines[0])
