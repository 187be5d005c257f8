"""One run as it goes: what is stored, what came of each cell, and how the time was spent."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from experiments.frameworks import FRAMEWORKS
from experiments.plan import cache_key, fingerprint, frameworks_of, kind_of, preload_of, read_notebook
from experiments.records import Cell
from experiments.suite.cells import Cells, Failure, Manifest
from experiments.suite.collect import TABLES
from experiments.suite.display import Lines
from experiments.suite.jobs import Job, JobResult
from experiments.suite.options import Options
from experiments.suite.parts import Parts
from experiments.tables import MAIN

# jobs may be appended while their results are taken
Runner = Callable[[Sequence[Job], Lines], Iterator[JobResult]]


class State:
    """The cells of one run, by id: their keys, those that are stored whole and up to date, and their outcomes."""

    def __init__(self, cells: Sequence[Cell], options: Options) -> None:
        self.options = options
        self.cells = {cell.id: cell for cell in cells}
        self.store = Cells(options.out)
        self.parts = Parts(options.out)
        self.start = time.time()
        self.stored: dict[str, Manifest] = {}
        self.outcomes: dict[str, JobResult] = {}
        self.absent: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self._notebooks = {cell.notebook: read_notebook(options.notebooks / cell.notebook) for cell in cells}
        self._preloads = self._imports_by_backend()

    @property
    def preload(self) -> tuple[str, ...]:
        """What kernels of the main framework are forked with."""
        return self._preloads.get(_MAIN_BACKEND, ())

    def _imports_by_backend(self) -> dict[str, tuple[str, ...]]:
        """List what the notebooks import for each Keras backend: a kernel is forked with all of it."""
        by_backend: dict[str, dict[str, None]] = {}
        for book, backend, used in {
            (cell.notebook, _backend(cell), _preloaded(cell)): None for cell in self.cells.values()
        }:
            by_backend.setdefault(backend, {}).update(dict.fromkeys(preload_of(self._notebooks[book], used)))
        return {backend: tuple(names) for backend, names in by_backend.items()}

    def missing(self, cells: Sequence[Cell], inputs: Sequence[str] = ()) -> list[Cell]:
        """Those of `cells` that must be run; the others are noted as stored."""
        rest = []
        for cell in cells:
            self._keys[cell.id] = cache_key(cell, self.options.notebooks, inputs)
            stored = current(self.store, cell, self._keys[cell.id])
            forced = self.options.force and cell.id not in self.outcomes
            if stored is None or forced:
                rest.append(cell)
            else:
                self.stored[cell.id] = stored
        return rest

    def able(self, cells: Sequence[Cell]) -> list[Cell]:
        """Those of `cells` whose frameworks are installed; the others are noted as `absent`, with what is missing."""
        runnable = []
        for cell in cells:
            used = [FRAMEWORKS[name] for name in frameworks_of(cell.parameters)]
            missing = " ".join(framework.missing for framework in used if not framework.installed)
            if missing:
                self.absent[cell.id] = missing
            else:
                runnable.append(cell)
        return runnable

    def lacks(self, cells: Sequence[Cell]) -> bool:
        """Whether some of `cells` must surely be run; quick, because no key is computed."""
        return self.options.force or not {cell.id for cell in cells} <= set(self.store.names())

    def execute(
        self, cells: Sequence[Cell], runner: Runner, show: Lines, parts: Mapping[str, int] | None = None
    ) -> None:
        """Run `cells`, storing each as it ends; `parts`: in how many parts those of them that are long are trained."""
        most, force = parts or {}, self.options.force
        jobs = [
            job
            for cell in cells
            for job in self.parts.begin(self._job(cell), self._keys[cell.id], most.get(cell.id, 1), show, force)
        ]
        for outcome in runner(jobs, show):
            if self.parts.can_divide(outcome):
                jobs += self.parts.divide(outcome, show)
            elif outcome.cell in self.cells:
                self._end(outcome, show)
            else:
                self.outcomes[outcome.cell] = outcome
                show.part_ended(outcome)
                more, failed = self.parts.ended(outcome)
                jobs += more
                if failed is not None:
                    self._end(failed, show)

    def _end(self, outcome: JobResult, show: Lines) -> None:
        """Store what came of a cell."""
        self.outcomes[outcome.cell] = outcome
        cell = self.cells[outcome.cell]
        if outcome.done:
            self.stored[cell.id] = self.store.commit(self._stored(cell, outcome), outcome.files)
            self.parts.drop(cell.id)
        else:
            self.store.fail(self._failure(cell, outcome), outcome.files)
        show.ended(outcome)

    def rows(self) -> list[dict[str, Any]]:
        """The table `cells`: the planned cells that are stored, have failed, or cannot be trained here."""
        failures = {failure.cell: failure for failure in self.store.failures()}
        rows = []
        for cell in self.cells.values():
            row: dict[str, Any] = {
                "cell": cell.id,
                "kind": kind_of(cell).name,
                "notebook": f"notebooks/{cell.id}.ipynb",
                "error": "",
            }
            if cell.id in self.stored:
                stored, outcome = self.stored[cell.id], self.outcomes.get(cell.id)
                row |= {"status": "done" if outcome else "cached", "attempts": outcome.attempts if outcome else 0}
                row |= {"seconds": stored.seconds, "networks_trained": stored.networks}
            elif cell.id in failures:
                failure = failures[cell.id]
                row |= {"status": "failed", "attempts": failure.attempts, "error": f"{failure.status}: {failure.error}"}
                row |= {"seconds": failure.seconds, "networks_trained": 0}
            elif cell.id in self.absent:
                row |= {"status": "not installed", "attempts": 0, "seconds": 0.0, "networks_trained": 0}
                row |= {"notebook": "", "error": self.absent[cell.id]}
            else:
                continue
            rows.append(row)
        return rows

    def failed(self) -> tuple[Failure, ...]:
        """The kept failures of planned cells."""
        return tuple(failure for failure in self.store.failures() if failure.cell in self.cells)

    def done(self) -> list[str]:
        """The cells that this run finished."""
        return [cell for cell, outcome in self.outcomes.items() if outcome.done and cell in self.cells]

    def _job(self, cell: Cell) -> Job:
        notebook = self._notebooks[cell.notebook]
        return Job(
            cell=cell.id,
            kind=kind_of(cell).name,
            notebook=json.dumps(notebook),
            parameters=cell.parameters,
            code=fingerprint(notebook, frameworks_of(cell.parameters)),
            preload=self._preloads[_backend(cell)],
            backend=_backend(cell),
            tables=str((self.options.out / TABLES).resolve()) if kind_of(cell).last else "",
            timeout=self.options.timeout,
        )

    def _stored(self, cell: Cell, outcome: JobResult) -> Manifest:
        parts = self.parts.manifests(cell.id)
        times = sum((Counter(part.times) for part in parts), Counter(outcome.times))
        return Manifest(
            cell=cell.id,
            kind=kind_of(cell).name,
            key=self._keys[cell.id],
            parameters=cell.parameters,
            networks=cell.networks,
            seconds=round(outcome.seconds + sum(part.seconds for part in parts), 3),
            times={name: round(seconds, 3) for name, seconds in times.items()},
        )

    def _failure(self, cell: Cell, outcome: JobResult) -> Failure:
        return Failure(
            cell=cell.id,
            kind=kind_of(cell).name,
            status=outcome.reason,
            error=outcome.error,
            traceback=outcome.traceback,
            attempts=outcome.attempts,
            seconds=round(outcome.seconds, 3),
        )


_MAIN_BACKEND = FRAMEWORKS[MAIN].backend


def _backend(cell: Cell) -> str:
    """What Keras would run on in a cell's kernel: what its only framework is made of, else what the main one needs."""
    used = _users(cell)
    return _foundation(used[0]) if len(used) == 1 else _MAIN_BACKEND


def _preloaded(cell: Cell) -> tuple[str, ...]:
    """The frameworks whose modules a cell's kernel is forked with."""
    used = _users(cell)
    return used if len(used) <= 1 else (MAIN,)


def _users(cell: Cell) -> tuple[str, ...]:
    """The frameworks that a cell trains in, or the installed one on the backend that it names without training."""
    asked = cell.parameters.get("backend")
    others = [entry.name for entry in FRAMEWORKS.values() if entry.installed and entry.name != MAIN]
    on_it = (name for name in others if _foundation(name) == asked)
    return frameworks_of(cell.parameters) or tuple(on_it)


def _foundation(framework: str) -> str:
    """The Keras backend of a framework, or the package that stands in its place."""
    return FRAMEWORKS[framework].backend or FRAMEWORKS[framework].packages[0]


def current(store: Cells, cell: Cell, key: str) -> Manifest | None:
    """The stored result of `cell` if it is the one that `key` stands for and every file of it is whole."""
    if store.problems(cell.id):
        return None
    stored = store.read(cell.id)
    return stored if stored is not None and stored.key == key else None
