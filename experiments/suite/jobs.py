"""What a worker is handed and what it hands back: plain data, so that any process on any machine can do the work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Reason = Literal["raised", "killed", "timed out", "no kernel", "lost worker", "other code", "cancelled", "in parts"]
TRANSIENT: frozenset[str] = frozenset({"no kernel", "lost worker"})  # what another attempt may well pass


@dataclass(frozen=True, kw_only=True)
class Job:
    """One cell to execute, or one part of its training.

    `notebook`: the JSON of the notebook without outputs. `code`: `fingerprint` of the notebook, which the worker must
    share. `preload`: what the process that kernels are forked from imports, with Keras on `backend`;
    `environment`: what the kernel has beside the worker's own. `tables`: the folder of all stored tables for a cell of
    the last stage, else "". `timeout`: seconds that one code cell of it may take.
    `parts`: by file name, what other jobs have trained of its networks; nothing asks it to end at once, with the
    reason "in parts", if they can be trained in parts; None has it train all of them.
    """

    cell: str
    kind: str
    notebook: str
    parameters: Mapping[str, Any]
    code: str
    preload: tuple[str, ...] = ()
    backend: str = "tensorflow"
    environment: Mapping[str, str] = field(default_factory=dict)
    tables: str = ""
    parts: Mapping[str, bytes] | None = None
    timeout: float


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """What came of a job.

    `reason` is "" for a finished cell. `files`: name to content, of a failed one the notebook up to the cell of it
    that failed. `seconds`: wall time from the turn's begin to the page; `times`: wall time by what was done
    (`train`, `show`, ...).
    """

    cell: str
    seconds: float
    reason: Reason | Literal[""] = ""
    error: str = ""
    traceback: str = ""
    attempts: int = 1
    files: Mapping[str, bytes] = field(default_factory=dict)
    times: Mapping[str, float] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether the cell is finished."""
        return not self.reason


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """What a worker tells and asks while a cell runs.

    `started()`: the cell's own work begins. `step(done, total)`: how far it is. `wanted()`: whether anyone still
    waits for the result. `turn`: taken while the notebook computes; the kernel starts before and the page is made
    after, so that these overlap with another cell's computing.
    """

    started: Callable[[], None] = lambda: None
    step: Callable[[int, int], None] = lambda done, total: None
    wanted: Callable[[], bool] = lambda: True
    turn: threading.Semaphore = field(default_factory=threading.Semaphore)
