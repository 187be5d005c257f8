"""A plan executed: what is stored is reused, the rest is run, and tables, notebooks and the report are made of all."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.plan import kind_of, shard
from experiments.plan.keys import NOTEBOOKS, cache_key, code_hash, preload_of, read_notebook
from experiments.records import Cell, require
from experiments.store.cells import Cells, Failure, Stored, write_file
from experiments.store.collect import TABLES, collect, copy_notebooks, save_cells
from experiments.store.lock import alone, hold
from experiments.suite import serial, worker
from experiments.suite.check import check
from experiments.suite.costs import estimate, wall_time
from experiments.suite.display import Lines, display, readable
from experiments.suite.jobs import Job, Outcome
from experiments.suite.kernels import THREADS
from experiments.suite.provenance import cores, memory_gib, provenance

Report = Callable[[Path], Path]


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
        require(self.timeout > 0, f"--timeout is {self.timeout}. It must be above 0 seconds.")
        require(not (self.shard and self.scheduler), "--shard runs without Dask: give it or --scheduler, not both.")


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What came of a run: cells by how they ended, and the report, if there is one."""

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
    """What a run would do: the ids of the stored cells, seconds of each of the others, and the time in all."""

    cached: frozenset[str]
    costs: Mapping[str, float]
    networks: int
    seconds: float
    measured: bool
    workers: int

    @property
    def text(self) -> str:
        """The totals in two lines."""
        basis = "from measured costs" if self.measured else "roughly: nothing was measured here yet"
        return (
            f"{len(self.cached) + len(self.costs)} cells, {len(self.cached)} of them stored; "
            f"{self.networks:,} networks to train\n"
            f"Estimated time with {self.workers} workers: {readable(self.seconds)} ({basis})"
        )


def outlook(cells: Sequence[Cell], out: Path, workers: int, notebooks: Path = NOTEBOOKS) -> Outlook:
    """What `run` would do; changes nothing."""
    check(cells, notebooks)
    store = Cells(out)
    known = list(store.valid())
    ordinary = [cell for cell in cells if not kind_of(cell).last]
    cached = {cell.id for cell in ordinary if current(store, cell, cache_key(cell, notebooks))}
    if len(cached) == len(ordinary):  # else the cells of the last stage would have new tables to read
        last = {cell.id for cell in cells if kind_of(cell).last}
        inputs = [stored.digest for stored in known if stored.cell not in last]
        rest = (cell for cell in cells if cell.id in last)
        cached |= {cell.id for cell in rest if current(store, cell, cache_key(cell, notebooks, inputs))}
    todo = [cell for cell in cells if cell.id not in cached]
    costs = estimate(todo, known)
    return Outlook(
        cached=frozenset(cached),
        costs=costs,
        networks=sum(cell.networks for cell in todo),
        seconds=wall_time(costs.values(), workers),
        measured=bool(known),
        workers=workers,
    )


def rebuild(out: Path, report: Report) -> Path:
    """Make the tables, the notebooks' pages and the report of what is stored anew; runs no cell."""
    with hold(out):
        whole = list(Cells(out).valid())
        collect(out, whole)
        copy_notebooks(out, whole)
        return report(out)


def default_workers() -> int:
    """One worker a core, as far as the memory goes: a cell may take 4 GiB."""
    return max(1, min(cores(), int(memory_gib() // 4)))


class _Run:
    """The state of one run: keys, outcomes and the store."""

    def __init__(self, cells: Sequence[Cell], options: Options) -> None:
        self.options = options
        self.cells = {cell.id: cell for cell in cells}
        self.store = Cells(options.out)
        self.start = time.time()
        self.keys: dict[str, str] = {}
        self.stored: dict[str, Stored] = {}  # whole and up to date
        self.outcomes: dict[str, Outcome] = {}
        self.parts: dict[str, float] = {}

    def keep_current(self, cells: Sequence[Cell], inputs: Sequence[str] = ()) -> list[Cell]:
        """Note which of `cells` are stored under their key and whole; return the others."""
        rest = []
        for cell in cells:
            self.keys[cell.id] = cache_key(cell, self.options.notebooks, inputs)
            stored = current(self.store, cell, self.keys[cell.id])
            if stored is not None and not self.options.force:
                self.stored[cell.id] = stored
            else:
                rest.append(cell)
        return rest

    def execute(self, cells: Sequence[Cell], show: Lines, preload: tuple[str, ...]) -> None:
        """Run `cells`, storing each as it ends."""
        jobs = [self._job(cell, preload) for cell in cells]
        for outcome in self._outcomes(jobs, show):
            self.outcomes[outcome.cell] = outcome
            cell = self.cells[outcome.cell]
            if outcome.done:
                self.stored[cell.id] = self.store.commit(self._stored(cell, outcome), outcome.files)
                for name, seconds in outcome.times.items():
                    self.parts[name] = self.parts.get(name, 0.0) + seconds
            else:
                self.store.fail(self._failure(cell, outcome), outcome.files)
            show.ended(outcome)

    def _outcomes(self, jobs: Sequence[Job], show: Lines) -> Iterator[Outcome]:
        return serial.run(jobs, show)

    def _job(self, cell: Cell, preload: tuple[str, ...]) -> Job:
        notebook = read_notebook(self.options.notebooks / cell.notebook)
        return Job(
            cell=cell.id,
            kind=kind_of(cell).name,
            notebook=json.dumps(notebook),
            parameters=cell.parameters,
            code=code_hash(notebook),
            preload=preload,
            tables=str((self.options.out / TABLES).resolve()) if kind_of(cell).last else "",
            timeout=self.options.timeout,
        )

    def _stored(self, cell: Cell, outcome: Outcome) -> Stored:
        return Stored(
            cell=cell.id,
            kind=kind_of(cell).name,
            key=self.keys[cell.id],
            parameters=cell.parameters,
            networks=cell.networks,
            seconds=round(outcome.seconds, 3),
            times={name: round(seconds, 3) for name, seconds in outcome.times.items()},
        )

    def _failure(self, cell: Cell, outcome: Outcome) -> Failure:
        return Failure(
            cell=cell.id,
            kind=kind_of(cell).name,
            status=outcome.reason,
            error=outcome.error,
            traceback=outcome.traceback,
            attempts=outcome.attempts,
            seconds=round(outcome.seconds, 3),
        )

    def rows(self) -> list[dict[str, Any]]:
        """The table `cells`: the planned cells that are stored or have failed."""
        failures = {failure.cell: failure for failure in self.store.failures()}
        rows = []
        for cell in self.cells.values():
            row = {"cell": cell.id, "kind": kind_of(cell).name, "notebook": f"notebooks/{cell.id}.ipynb", "error": ""}
            if cell.id in self.stored:
                stored = self.stored[cell.id]
                status = "done" if cell.id in self.outcomes else "cached"
                row |= {"status": status, "seconds": stored.seconds, "networks_trained": stored.networks}
                row["attempts"] = self.outcomes[cell.id].attempts if cell.id in self.outcomes else 0
            elif cell.id in failures:
                failure = failures[cell.id]
                row |= {"status": "failed", "seconds": failure.seconds, "networks_trained": 0}
                row |= {"error": f"{failure.status}: {failure.error}", "attempts": failure.attempts}
            else:
                continue
            rows.append(row)
        return rows


def current(store: Cells, cell: Cell, key: str) -> Stored | None:
    """The stored result of `cell` if it is the one that `key` stands for and every file of it is whole."""
    if store.problems(cell.id):
        return None
    stored = store.read(cell.id)
    return stored if stored is not None and stored.key == key else None


def run(cells: Sequence[Cell], options: Options, report: Report | None = None) -> Summary:
    """Execute what is not stored yet of `cells` into `options.out`, then make tables, notebooks and the report.

    A cell that fails is kept as data and the others go on. Raises `UserError` for a notebook that cannot take its
    parameters and for a folder that another run holds, before anything is written, and `OSError` when the disk
    does not take a result; what is stored stays valid then.
    """
    check(cells, options.notebooks)
    state = _Run(cells, options)
    ordinary = [cell for cell in cells if not kind_of(cell).last]
    last = [cell for cell in cells if kind_of(cell).last]
    mine = list(shard(tuple(cells), options.shard)) if options.shard else ordinary
    preload = tuple(
        dict.fromkeys(
            name
            for notebook in dict.fromkeys(cell.notebook for cell in cells)
            for name in preload_of(read_notebook(options.notebooks / notebook))
        )
    )
    try:
        with hold(options.out, options.shard):
            if not options.shard:
                state.store.drop_leftovers()
            if options.retry_failed:
                failed = {failure.cell for failure in state.store.failures()}
                mine = [cell for cell in mine if cell.id in failed]
            todo = state.keep_current(mine)
            if todo:
                worker.warm(preload, {})
            costs = estimate([*todo, *last], state.store.valid())
            todo.sort(key=lambda cell: -costs[cell.id])  # the longest first, so that no worker ends alone
            networks = {cell.id: cell.networks for cell in cells}
            costs_of = {cell.id: costs[cell.id] for cell in todo}
            with display(networks, len(state.stored), costs_of, options.workers) as show:
                state.execute(todo, show, preload)
                with alone(options.out, "collect"):
                    return _finish(state, ordinary, last, show, preload, report)
    finally:
        worker.close()


def _finish(
    state: _Run, ordinary: Sequence[Cell], last: Sequence[Cell], show: Lines, preload: tuple[str, ...], report: Report | None
) -> Summary:
    """Merge the tables, run the cells that read them, and write what a person reads."""
    out, options = state.options.out, state.options
    whole = list(state.store.valid())
    kinds = {cell.id for cell in last}
    inputs = [stored for stored in whole if stored.cell not in kinds]
    collect(out, inputs if last else whole)
    # a part of a sharded run leaves the last stage to the one that finds all others stored
    if last and not (options.shard and state.keep_current(ordinary)):
        todo = state.keep_current(last, [stored.digest for stored in inputs])
        state.execute(todo, show, preload)
        whole = list(state.store.valid())
    collect(out, whole)
    save_cells(out, state.rows())
    copy_notebooks(out, whole)
    seconds = time.time() - state.start
    worked = sum(outcome.seconds for outcome in state.outcomes.values())
    useful = state.parts.get("train", 0.0) + state.parts.get("show", 0.0)
    overhead = 1.0 - useful / (options.workers * seconds) if state.outcomes else None
    failed = tuple(failure for failure in state.store.failures() if failure.cell in state.cells)
    record = {
        "command": options.command or " ".join(sys.argv),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(state.start)),
        **provenance(),
        "settings": dict(options.settings),
        "workers": options.workers,
        "threads_a_worker": int(THREADS["TF_NUM_INTRAOP_THREADS"]),
        "cells": {"done": len(state.outcomes), "cached": len(state.stored), "failed": len(failed)},
        "networks_trained": sum(stored.networks for stored in whole),
        "seconds": {
            "wall": round(seconds, 2),
            "cells": round(worked, 2),
            **{name: round(value, 2) for name, value in sorted(state.parts.items())},
        },
        "overhead_share": None if overhead is None else round(overhead, 4),
    }
    write_file(out / "run.json", (json.dumps(record, indent=1) + "\n").encode())
    page = report(out) if report is not None and whole else None
    return Summary(
        done=sum(outcome.done for outcome in state.outcomes.values()),
        cached=len(state.stored) - sum(outcome.done for outcome in state.outcomes.values()),
        failed=failed,
        networks=sum(state.stored[cell].networks for cell in state.outcomes if cell in state.stored),
        seconds=seconds,
        overhead=overhead,
        report=page,
    )
