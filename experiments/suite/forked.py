"""Processes that start in a moment: forked from one in which everything slow is imported already.

A cold kernel that imports TensorFlow costs about ten seconds of CPU; a forked one a fraction of a second.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from experiments.code_hash import search_path
from experiments.records import UserError

# One thread a kernel, always: the result must not depend on how many kernels run side by side, and the
# sums of a parallel matrix product depend on its number of threads.
THREADS = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NPROC": "1",  # the pool of XLA's programs on JAX
}
# glibc gives back what is freed, and gets it again page by page. The results of a step, or of an evaluation, are as
# large each time, so it keeps their memory: PyTorch's convolutional networks take a fifth less time.
MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**30)}
QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
LOG = ".kernel.log"
_LOOK_EVERY = 0.02  # seconds


class Forked:
    """A forked kernel, with as much of `subprocess.Popen` as a provisioner uses."""

    stdin = stdout = stderr = None

    def __init__(self, server: ForkServer, pid: int) -> None:
        self._server = server
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while the kernel runs."""
        if self.returncode is None:
            try:
                self.returncode = self._server.ask({"do": "poll", "pid": self.pid})["code"]
            except ServerGone:  # it took its kernels with it
                self.returncode = -9
        return self.returncode

    def wait(self) -> int | None:
        """The exit code; a provisioner asks only after `poll` has said that the kernel ended."""
        return self.poll()

    def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel and to what it started."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                try:
                    os.killpg(self.pid, signum)
                except ProcessLookupError:  # it has not made its group yet
                    os.kill(self.pid, signum)

    def kill(self) -> None:
        """Kill the kernel and what it started."""
        self.send_signal(9)


_GONE = "the process that kernels are forked from has ended"


class ServerGone(RuntimeError):
    """The fork server has ended: no kernel can be started from it."""


class ForkServer:
    """A fork server and the pipe to it; it and its kernels end with this process, however that ends.

    `modules` are imported in it, and those that are added, with Keras on `backend`. This returns at once: imports run
    beside the caller's work.
    """

    def __init__(self, modules: Sequence[str] = (), backend: str = "tensorflow") -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "experiments.suite.forkserver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **QUIET, **THREADS, **MEMORY, "KERAS_BACKEND": backend, "PYTHONPATH": search_path()},
            start_new_session=True,  # Ctrl-C goes to the driver, which ends this one
        )
        self._importing = 0  # answers to wait for
        self.add(modules)

    @property
    def alive(self) -> bool:
        """Whether kernels can be had from it."""
        return self._process.poll() is None

    def add(self, modules: Sequence[str]) -> None:
        """Have `modules` imported too; if it has ended, `ready` says so."""
        with self._lock, suppress(ServerGone):
            self._importing += 1
            self._write({"do": "import", "modules": list(modules)})

    def ready(self) -> None:
        """Wait until everything is imported. Raises `ServerGone` if it has ended."""
        with self._lock:
            while self._importing:
                self._read()
                self._importing -= 1

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request and return its answer. Raises `ServerGone` if there is none."""
        self.ready()
        with self._lock:
            self._write(request)
            return self._read()

    def _write(self, request: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise ServerGone(_GONE) from error

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        try:
            return json.loads(self._process.stdout.readline())
        except (OSError, ValueError) as error:
            raise ServerGone(_GONE) from error

    def launch(self, argv: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Forked:
        """Fork a kernel with the arguments `argv` of ipykernel, working in `folder`."""
        request = {
            "do": "fork",
            "argv": list(argv),
            "cwd": str(folder),
            "env": dict(environment),
            "log": str(folder / LOG),
        }
        return Forked(self, self.ask(request)["pid"])

    def call(self, function: str, **arguments: Any) -> Callable[[], Any]:
        """Have a forked process call a function of this package, "module:name"; returns what waits for its result.

        Arguments and result are what JSON holds. What waits raises `UserError` as the function did, and `RuntimeError`
        with the process's traceback, or where it was killed.
        """
        handle, answer = tempfile.mkstemp(prefix=f"h2h-call-{os.getpid()}-")
        os.close(handle)
        request = {"do": "call", "function": function, "arguments": arguments, "answer": answer}
        process = Forked(self, self.ask(request)["pid"])

        def result() -> Any:
            while process.poll() is None:
                time.sleep(_LOOK_EVERY)
            text = Path(answer).read_text(encoding="utf-8")
            Path(answer).unlink()
            said = json.loads(text) if text else {"error": f"The process of {function} was killed"}
            if "refused" in said:
                raise UserError(said["refused"])
            if "error" in said:
                raise RuntimeError(said["error"])
            return said["result"]

        return result

    def close(self) -> None:
        """End the server and every kernel of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if self._importing:  # it has no kernel
            self._process.kill()
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
