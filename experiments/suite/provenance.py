"""Where a result comes from, and where its time went: versions, commit, machine, settings; what run.json says."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from experiments import __version__
from experiments.code_hash import PACKAGE
from experiments.suite.forked import THREADS
from experiments.suite.options import cores, memory_gib
from experiments.suite.state import State

RUN = "run.json"
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


def record(state: State, *, workers: int, began: float | None, ended: float, report: float = 0.0) -> dict[str, Any]:
    """The content of run.json.

    `began`, `ended`: when the first cell began to compute (None if none did) and when the last was stored, in seconds
    since the epoch. `report`: seconds that the report took, which are plotting. The share of overhead is what was
    neither training nor plotting, out of the time of all workers from the command to its end.
    """
    now = time.time()
    wall = now - state.start
    parts: Counter[str] = Counter()
    for outcome in state.outcomes.values():
        parts.update(outcome.times)
    seconds = {"wall": wall, "cells": sum(outcome.seconds for outcome in state.outcomes.values()), **parts}
    share = None
    if began is not None:
        seconds |= {"startup": began - state.start, "finish": now - ended, "report": report}
        share = round(1.0 - ((parts["train"] + parts["show"]) / workers + report) / wall, 4)
    else:  # nothing ran, so what a run costs is known from the last one that did
        before = read(state.options.out).get("seconds", {})
        seconds |= {name: before[name] for name in ("startup", "finish") if name in before}
    done = len(state.done())
    return {
        "command": state.options.command or " ".join(sys.argv),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(state.start)),
        **provenance(),
        "settings": dict(state.options.settings),
        "workers": workers,
        "threads_a_worker": int(THREADS["TF_NUM_INTRAOP_THREADS"]),
        "cells": {"done": done, "cached": len(state.stored) - done, "failed": len(state.failed())},
        "networks_trained": sum(stored.networks for stored in state.stored.values()),
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "overhead_share": share,
    }


def read(out: Path) -> dict[str, Any]:
    """The run.json of a result, empty if there is none."""
    try:
        return json.loads((out / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
