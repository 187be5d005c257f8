"""What papermill is given for kernels of our own: a provisioner and a manager of `jupyter_client`.

The kernel is an ordinary ipykernel, and only starts differently: see `forked`, and `started` where nothing is forked.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner
from traitlets import CaselessStrEnum, Unicode


class Kernel(Protocol):
    """As much of `subprocess.Popen` as a provisioner uses."""

    pid: int

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while the kernel runs."""

    def kill(self) -> None:
        """Kill the kernel and what it started."""


class Launcher(Protocol):
    """What kernels are had from: a fork server, or `started.Starter`."""

    def launch(self, argv: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Kernel:
        """Have a kernel with the arguments `argv` of ipykernel, working in `folder`."""


class Provisioner(LocalProvisioner):
    """A local provisioner whose kernels `server` launches."""

    server: Launcher
    folder: Path
    environment: Mapping[str, str]
    kernels: list[Kernel]

    async def wait(self) -> int | None:
        """Wait for the kernel's end; it was killed, so that is a matter of milliseconds."""
        while await self.poll() is None:
            await asyncio.sleep(0.01)
        self.process = None
        return 0

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Launch the kernel; `cmd` is an ipykernel command, of which the options after the launcher are kept."""
        argv = cmd[cmd.index("-f") :]
        kernel = self.server.launch(argv, self.folder, self.environment)
        self.kernels.append(kernel)
        self.process = kernel  # type: ignore[assignment]
        self.pid = self.pgid = kernel.pid  # type: ignore[assignment]
        self.cwd = self.folder
        return self.connection_info


class KernelManager(AsyncKernelManager):
    """A kernel manager whose kernels `server` launches; `manager_of` makes a class of it for one folder."""

    server: Launcher
    folder: Path
    environment: Mapping[str, str]
    kernels: list[Kernel]

    async def _async_wait(self, pollinterval: float = 0.01) -> None:
        """Wait for the kernel's end without the tenth of a second that jupyter_client sleeps after each look."""
        await super()._async_wait(min(pollinterval, 0.01))

    async def _async_pre_start_kernel(self, **kw: Any) -> Any:
        if self.provisioner is None:
            provisioner = Provisioner(kernel_id=self.folder.name, kernel_spec=self.kernel_spec, parent=self)
            provisioner.server, provisioner.folder = self.server, self.folder
            provisioner.environment, provisioner.kernels = self.environment, self.kernels
            self.provisioner = provisioner
        return await super()._async_pre_start_kernel(**kw)


def manager_of(server: Launcher, folder: Path, environment: Mapping[str, str], kernels: list[Kernel]) -> type:
    """A kernel manager class for papermill whose kernels `server` launches and which keep all they write in `folder`.

    Each kernel that is started is put into `kernels`.
    The transport is ipc: its sockets are files in `folder`, so that kernels that start side by side cannot collide
    (but on Windows, which has none).
    """
    isolated = {"IPYTHONDIR": str(folder / ".ipython"), **environment}
    return type(
        "KernelManagerOfOneFolder",
        (KernelManager,),
        {
            "server": server,
            "folder": folder,
            "environment": isolated,
            "kernels": kernels,
            "transport": CaselessStrEnum(["tcp", "ipc"], "ipc" if os.name == "posix" else "tcp"),
            "connection_file": Unicode(str(folder / ".kernel.json")),
        },
    )
