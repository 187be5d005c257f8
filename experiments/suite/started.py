"""Kernels that are started as programs of their own, where a process cannot safely be forked: slower, the same results.

On macOS the libraries that TensorFlow loads do not survive a fork, and Windows has none. `HEADTOHEAD_KERNELS=started`
(or `forked`) overrules what is chosen.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from experiments.code_hash import search_path
from experiments.records import require
from experiments.suite.forked import LOG, MEMORY, QUIET, THREADS, ForkServer

CHOICE = "HEADTOHEAD_KERNELS"
_WAYS = ("forked", "started")


def forks() -> bool:
    """Whether kernels are forked here. Raises `UserError` where the environment asks for something else."""
    choice = os.environ.get(CHOICE) or ("forked" if sys.platform == "linux" else "started")
    require(choice in _WAYS, f"{CHOICE} is {choice!r}. It must be one of {', '.join(_WAYS)}, or not be set.")
    return choice == "forked"


class Started(subprocess.Popen[bytes]):
    """A kernel with a process group of its own, so that what it starts can be ended with it."""

    def send_signal(self, sig: int) -> None:
        """Send a signal to the kernel and to what it started."""
        if self.poll() is None:
            if os.name != "posix":
                super().send_signal(sig)
                return
            with suppress(ProcessLookupError):
                os.killpg(self.pid, sig)


class Starter:
    """Offers what `ForkServer` does, and starts a new interpreter for each kernel.

    A kernel ends with this process: ipykernel looks once a second whether its parent is still there.
    """

    alive = True

    def __init__(self, modules: Sequence[str] = (), backend: str = "tensorflow") -> None:
        self._backend = backend
        self._kernels: list[Started] = []

    def add(self, modules: Sequence[str]) -> None:
        """Nothing is imported before there is a kernel."""

    def ready(self) -> None:
        """There is nothing to wait for."""

    def launch(self, argv: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Started:
        """Start a kernel with the arguments `argv` of ipykernel, working in `folder`."""
        variables = {"KERAS_BACKEND": self._backend, "PYTHONPATH": search_path(), "JPY_PARENT_PID": str(os.getpid())}
        with open(folder / LOG, "ab") as log:
            kernel = Started(
                [sys.executable, "-P", "-m", "experiments.suite.forkserver", *argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env={**os.environ, **QUIET, **THREADS, **MEMORY, **variables, **environment},
                start_new_session=True,
            )
        self._kernels = [other for other in self._kernels if other.poll() is None] + [kernel]
        return kernel

    def close(self) -> None:
        """End every kernel that runs."""
        for kernel in self._kernels:
            kernel.kill()
            kernel.wait()


Server = ForkServer | Starter


def server_of(modules: Sequence[str] = (), backend: str = "tensorflow") -> Server:
    """What kernels are had from here, with `modules` imported ahead if they are forked."""
    return ForkServer(modules, backend) if forks() else Starter(modules, backend)
