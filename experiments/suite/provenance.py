"""Where a result comes from: versions, commit, machine, settings."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from experiments import __version__
from experiments.sources import PACKAGE

_PACKAGES = (
    "tensorflow",
    "keras",
    "numpy",
    "pandas",
    "scipy",
    "statsmodels",
    "scikit-learn",
    "matplotlib",
    "papermill",
)


def provenance() -> dict[str, Any]:
    """What is the same for the whole run: versions, git, machine. Imports none of the packages."""
    return {
        "versions": {"headtohead": __version__, "python": platform.python_version()}
        | {name: _version(name) for name in _PACKAGES},
        "git": _git(),
        "machine": {
            "system": platform.platform(),
            "cpu": _cpu(),
            "cores": cores(),
            "memory_gib": round(memory_gib(), 1),
        },
    }


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_gib() -> float:
    """The machine's memory."""
    import psutil

    return psutil.virtual_memory().total / 2**30


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _git() -> dict[str, Any]:
    """The commit that the package stands at and whether files differ from it; empty where it is no checkout."""
    if not (PACKAGE.parent / ".git").exists():  # an installed package may lie in a repository of something else
        return {}

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(PACKAGE.parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()

    try:
        # results are no part of the code, and a status that reads them would take long
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "--", ".", ":!results"))}
    except (OSError, subprocess.SubprocessError):
        return {}


def _cpu() -> str:
    if sys.platform == "linux":
        try:
            with open("/proc/cpuinfo", encoding="utf-8") as file:
                for line in file:
                    if line.startswith("model name"):
                        return line.split(":", 1)[1].strip()
        except OSError:
            pass
    return platform.processor() or platform.machine()
