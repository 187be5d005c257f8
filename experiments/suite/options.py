"""What a run is told, what it says before it starts, and what it says at its end."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.plan import NOTEBOOKS
from experiments.records import require
from experiments.suite.cells import Failure
from experiments.suite.display import readable

CELL_GIB = 4  # the memory that a cell's engine is told to stay within


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a plan is executed: nothing here moves a number in the tables.

    `shard`: "" or "I/N". `scheduler`: the address of a Dask scheduler, "" for workers of our own.
    `timeout`: seconds that one code cell of a notebook may take. `command` and `settings` go into run.json.
    """

    out: Path
    workers: int = 1
    scheduler: str = ""
    shard: str = ""
    retry_failed: bool = False
    force: bool = False
    timeout: float = 6 * 3600.0
    notebooks: Path = NOTEBOOKS
    command: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(self.workers >= 1, f"--workers is {self.workers}. It must be a whole number of at least 1.")
        require(self.timeout > 0, f"--timeout is {self.timeout:g}. It must be above 0 seconds.")
        require(not (self.shard and self.scheduler), "--shard runs without Dask: give it or --scheduler, not both.")


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What came of a run: cells by how they ended, and the report, if one was made.

    `overhead`: the share of the workers' time that was neither training nor plotting; None if no cell ran.
    """

    done: int
    cached: int
    failed: tuple[Failure, ...]
    networks: int
    seconds: float
    overhead: float | None
    report: Path | None

    @property
    def text(self) -> str:
        """What a user wants to know at the end."""
        lines = [
            f"{self.done} cells done, {self.cached} cached, {len(self.failed)} failed; "
            f"{self.networks:,} networks trained in {readable(self.seconds)}"
        ]
        lines += [f"FAILED {failure.cell}: {failure.status}: {failure.error}" for failure in self.failed]
        if self.failed:
            lines.append("Try these again with the same command and --retry-failed.")
        return "\n".join([*lines, *([f"Report: {self.report}"] if self.report else [])])


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What a run would do: the ids of the stored cells, seconds of each of the others, and the time in all.

    `parts`: of the cells that would be trained in parts if they can be, in how many at most; `seconds` is without that.
    """

    cached: frozenset[str]
    costs: Mapping[str, float]
    networks: int
    seconds: float
    measured: bool
    workers: int
    parts: Mapping[str, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The totals in two lines, or three."""
        basis = "from measured costs" if self.measured else "roughly: nothing was measured here yet"
        shorter = f"\nLess as far as long cells can be trained in parts ({len(self.parts)})" if self.parts else ""
        return (
            f"{len(self.cached) + len(self.costs)} cells, {len(self.cached)} of them stored; "
            f"{self.networks:,} networks to train\n"
            f"Estimated time with {self.workers} workers: {readable(self.seconds)} ({basis}){shorter}"
        )


def default_workers() -> int:
    """One worker a core, as far as the memory goes."""
    return max(1, min(cores(), int(memory_gib() // CELL_GIB)))


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_gib() -> float:
    """The machine's memory."""
    import psutil

    return psutil.virtual_memory().total / 2**30
