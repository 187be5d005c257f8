"""One cell: its notebook through papermill, its tables and its page as bytes. Runs on a worker."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import Context
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from experiments.plan import fingerprint, frameworks_of
from experiments.store import PROGRESS
from experiments.suite.cells import NOTEBOOK, PAGE
from experiments.suite.forked import LOG
from experiments.suite.jobs import Hooks, Job, JobResult, Reason
from experiments.suite.kernels import Kernel, manager_of
from experiments.suite.notebooks import render
from experiments.suite.started import Server

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_LOOK_EVERY = 0.5
_PARTS = "parts"  # the folder, within a notebook's own, of what other jobs have trained
START_TIMEOUT = 120


def execute(job: Job, server: Server, hooks: Hooks) -> JobResult:
    """Execute `job` in a kernel that `server` launches; whatever goes wrong is in the outcome.

    The notebook runs in an empty folder of its own, into which it stores its tables. No process of it is left.
    """
    if fingerprint(json.loads(job.notebook), frameworks_of(job.parameters)) != job.code:
        error = "The worker has other versions of this project or of TensorFlow, Keras or NumPy than the driver"
        return JobResult(cell=job.cell, seconds=0.0, reason="other code", error=error)
    # a short path, because the kernel's ipc sockets live in it and the length of their names is limited
    with tempfile.TemporaryDirectory(prefix="h2h-", ignore_cleanup_errors=True) as folder:
        attempt = _Attempt(job, Path(folder), hooks)
        reason: Reason | Literal[""] = ""
        error = trace = ""
        try:
            import_module("papermill")  # half a second, while the server still imports
            server.ready()
            with attempt.watched():
                manager = manager_of(server, attempt.work, job.environment, attempt.kernels)
                # an empty context, because Dask's threads share one, and with it Jupyter's event loop
                Context().run(_run, job, attempt.work, manager, attempt.begin)
        except Exception as problem:
            reason, error, trace = _explain(problem, server, attempt.work)
            attempt.save()
        finally:
            attempt.end()
        if attempt.cancelled.is_set():
            return JobResult(cell=job.cell, seconds=attempt.seconds(), reason="cancelled")
        files, times = _gather(job, attempt.work)
        if not reason and NOTEBOOK not in files:
            reason, error = "no kernel", "papermill left no notebook"
        return JobResult(
            cell=job.cell,
            seconds=attempt.seconds(),
            reason=reason,
            error=error,
            traceback=trace,
            files=files if not reason else {name: files[name] for name in (NOTEBOOK, PAGE) if name in files},
            times=times,
        )


def ahead() -> None:
    """Load what takes a second when the first cell needs it, and a page too, once a process."""
    import nbformat

    import_module("papermill")
    nothing = nbformat.v4.new_notebook()
    nbformat.validate(nothing)
    render(nothing, "")


class _Attempt:
    """One attempt at a job: its folder, its kernels, its turn, and the thread that watches it."""

    def __init__(self, job: Job, work: Path, hooks: Hooks) -> None:
        self.job = job
        self.work = work
        self.hooks = hooks
        self.kernels: list[Kernel] = []
        self.notebook: Any = None
        self.cancelled = threading.Event()
        self._start = time.monotonic()
        self._has_turn = False

    def begin(self, notebook: Any, **_: Any) -> None:
        """The kernel is ready: wait for the turn to compute. `notebook` is what it fills in."""
        self.notebook = notebook
        while not self._has_turn and not self.cancelled.is_set():
            self._has_turn = self.hooks.turn.acquire(timeout=_LOOK_EVERY)
        self._start = time.monotonic()
        self.hooks.started()

    def seconds(self) -> float:
        """How long the cell has kept its worker: since its turn began."""
        return time.monotonic() - self._start

    def save(self) -> None:
        """Keep the notebook as far as it came; papermill has saved one that raised."""
        import nbformat

        if self.notebook is not None and not (self.work / NOTEBOOK).exists():
            with suppress(FileNotFoundError):  # a server that has ended removed the folders of its kernels
                nbformat.write(self.notebook, self.work / NOTEBOOK)

    def end(self) -> None:
        """Leave no process behind, and give the turn to another."""
        for kernel in self.kernels:
            kernel.kill()
        if self._has_turn:
            self.hooks.turn.release()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Pass on what `store.progress` notes, and kill the kernel when nobody waits for its result any more."""
        ended = threading.Event()

        def watch() -> None:
            last = ""
            while not ended.wait(_LOOK_EVERY):
                if not self.hooks.wanted():
                    self.cancelled.set()
                    for kernel in self.kernels:
                        kernel.kill()
                with suppress(OSError, ValueError):
                    text = (self.work / PROGRESS).read_text()
                    if text != last:
                        last = text
                        done, total = text.split()
                        self.hooks.step(int(done), int(total))

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _run(job: Job, work: Path, manager: type, begin: Callable[..., None]) -> None:
    import nbformat
    import papermill
    from jupyter_core.utils import ensure_event_loop

    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # what fails is told as an outcome
    parameters = {**job.parameters, "out": "."}
    if job.tables:
        parameters["tables"] = job.tables
    if job.parts is not None:
        parameters["parts"] = _PARTS
        (work / _PARTS).mkdir()
        for name, content in job.parts.items():
            (work / _PARTS / name).write_bytes(content)
    loop = ensure_event_loop()
    try:
        papermill.execute_notebook(
            nbformat.reads(job.notebook, as_version=4),
            work / NOTEBOOK,
            parameters=parameters,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            request_save_on_cell_execute=False,  # it would be written anew before and after each cell
            autosave_cell_every=0,
            start_timeout=START_TIMEOUT,
            execution_timeout=int(job.timeout),
            kernel_manager_class=manager,
            shutdown_kernel="immediate",  # nothing in the kernel is wanted once the notebook is through
            on_notebook_start=begin,
            resources={"metadata": {"path": str(work)}},
        )
    finally:
        loop.close()
        asyncio.set_event_loop(None)


def _explain(problem: Exception, server: Server, work: Path) -> tuple[Reason, str, str]:
    """Why an execution failed: the reason, one line, and the traceback."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill import PapermillExecutionError

    from experiments.engines import NotTrained

    if isinstance(problem, PapermillExecutionError):
        lines = [line.strip() for line in str(problem.evalue).splitlines() if line.strip()] or [""]
        # TensorFlow says first where and last what
        what = f"{lines[0]} {lines[-1]}" if lines[0].endswith(":") and len(lines) > 1 else lines[0]
        if problem.ename == NotTrained.__name__:
            return "in parts", f"{problem.ename}: {what}", ""
        return "raised", f"{problem.ename}: {what}", _ANSI.sub("", "\n".join(problem.traceback))
    log = work / LOG  # what a kernel wrote that did not go through Jupyter: the last words of a crash
    trace = "".join(traceback.format_exception(problem)) + (log.read_text(errors="replace") if log.is_file() else "")
    if isinstance(problem, DeadKernelError):
        if not server.alive:
            return "no kernel", "The process that kernels are forked from was killed", trace
        return "killed", "The kernel died while a cell was running (killed, or out of memory)", trace
    if isinstance(problem, CellTimeoutError):
        return "timed out", "A cell of the notebook took longer than --timeout allows", trace
    lines = str(problem).splitlines()
    return "no kernel", f"{type(problem).__name__}: {lines[0] if lines else ''}", trace


def _gather(job: Job, work: Path) -> tuple[dict[str, bytes], dict[str, float]]:
    import nbformat

    files = {path.name: path.read_bytes() for end in ("parquet", "npz") for path in sorted(work.glob(f"*.{end}"))}
    if not (work / NOTEBOOK).is_file():
        return files, {}
    notebook = nbformat.read(work / NOTEBOOK, as_version=4)
    start = time.monotonic()
    files[NOTEBOOK] = (work / NOTEBOOK).read_bytes()
    files[PAGE] = render(notebook, job.cell).encode()
    return files, {**_times(notebook), "render": time.monotonic() - start}


def _times(notebook: Any) -> dict[str, float]:
    """Seconds by the tag of the code cells (`train`, `show`, ...); untagged ones under "other"."""
    times: dict[str, float] = {}
    for cell in notebook.cells:
        seconds = cell.metadata.get("papermill", {}).get("duration")
        if cell.cell_type == "code" and seconds is not None:
            tag = next((tag for tag in cell.metadata.get("tags", ()) if tag in ("train", "show")), "other")
            times[tag] = times.get(tag, 0.0) + seconds
    return times
