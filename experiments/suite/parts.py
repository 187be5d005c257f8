"""Cells whose networks are trained in parts, by several workers: the parts as jobs, and where their results wait."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from experiments.plan import fingerprint, frameworks_of
from experiments.suite.cells import NOTEBOOK, Cells, Manifest
from experiments.suite.display import Lines
from experiments.suite.jobs import Job, JobResult

FOLDER = "parts"
KIND = "part"
_SOURCE = """\
from experiments import engines, store
from experiments.records import Setup

engines.train_part(Setup(**setup), part, parts, out, store.progress(out))
"""
# no notebook to read: it trains, in a kernel like that of its cell
_BOOK = {
    "cells": [
        {"cell_type": "code", "id": KIND, "metadata": {"tags": ["train"]}, "source": _SOURCE, "outputs": [],
         "execution_count": None}
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of the networks of a cell, the first being number 1."""

    cell: str
    number: int
    of: int

    @property
    def id(self) -> str:
        """The name of its job and of its result."""
        return f"{self.cell}.part-{self.number}-of-{self.of}"


@dataclass(kw_only=True)
class _Divided:
    """A cell that is trained in parts: its own job, its key, its parts, which of them are to come, and what failed."""

    job: Job
    key: str
    parts: Sequence[Part]
    open: set[Part]
    failed: JobResult | None = None


class Parts:
    """The cells of a run that are trained in parts. What a part made is kept in `root`/parts until its cell is stored.

    It is kept with the key of its cell, so that a run that goes on trains only the parts that are missing.
    """

    def __init__(self, root: Path) -> None:
        self.store = Cells(root / FOLDER)
        self._allowed: dict[str, tuple[Job, str, int]] = {}
        self._divided: dict[str, _Divided] = {}
        self._parts: dict[str, Part] = {}

    def begin(self, job: Job, key: str, most: int, show: Lines, force: bool = False) -> list[Job]:
        """What a cell begins with: `job`, which ends at once if it can be trained in parts and `most` is over 1.

        Where some of its parts are stored already, those that are missing. `key`: the cell's. `force`: drop these.
        """
        before = self._stored(job.cell)
        current = [stored for stored in before if stored.key == key and not force]
        if not current:
            for stored in before:
                self.store.drop(stored.cell)
            if most > 1:
                self._allowed[job.cell] = job, key, most
            return [replace(job, parts={}) if most > 1 else job]
        return self._divide(job, key, int(current[0].parameters["of"]), show)

    def can_divide(self, outcome: JobResult) -> bool:
        """Whether a job ended for its cell to be trained in parts; one that was given all parts has failed."""
        return outcome.reason == "in parts" and outcome.cell in self._allowed

    def divide(self, outcome: JobResult, show: Lines) -> list[Job]:
        """The parts of a cell whose job found that it can be divided: as many as there are chunks, or as are wanted."""
        job, key, most = self._allowed.pop(outcome.cell)
        chunks = outcome.error.partition(":")[2].split()
        return self._divide(job, key, min(len(chunks), most), show)

    def ended(self, outcome: JobResult) -> tuple[list[Job], JobResult | None]:
        """Keep what a part made. After the last one, the job of its cell; or the cell's failure, if a part failed."""
        part = self._parts[outcome.cell]
        divided = self._divided[part.cell]
        divided.open.discard(part)
        if outcome.done:
            content = {name: data for name, data in outcome.files.items() if name == NOTEBOOK or name.endswith(".npz")}
            self.store.commit(
                Manifest(
                    cell=part.id, kind=KIND, key=divided.key, networks=0, seconds=outcome.seconds, times=outcome.times,
                    parameters={"cell": part.cell, "number": part.number, "of": part.of},
                ),
                content,
            )  # fmt: skip
        elif divided.failed is None:
            error = f"{outcome.error} (part {part.number} of {part.of})"
            divided.failed = replace(outcome, cell=part.cell, error=error)
        if divided.open:
            return [], None
        return ([], divided.failed) if divided.failed else ([self._joined(divided)], None)

    def manifests(self, cell: str) -> list[Manifest]:
        """The stored parts that a cell was made of; none if it was trained in one."""
        parts = self._divided[cell].parts if cell in self._divided else ()
        return [stored for part in parts if (stored := self.store.read(part.id)) is not None]

    def drop(self, cell: str) -> None:
        """Remove the parts of a cell that is stored."""
        for part in self._divided[cell].parts if cell in self._divided else ():
            self.store.drop(part.id)

    def tidy(self) -> None:
        """Remove the folder of the parts if none is left; only the holder of the lock may."""
        self.store.drop_leftovers()
        for folder in (self.store.finished, self.store.root):
            with suppress(OSError):
                folder.rmdir()

    def _stored(self, cell: str) -> list[Manifest]:
        """The stored parts of a cell that are whole."""
        names = [name for name in self.store.names() if name.startswith(f"{cell}.part-")]
        return [stored for name in names if not self.store.problems(name) and (stored := self.store.read(name))]

    def _divide(self, job: Job, key: str, of: int, show: Lines) -> list[Job]:
        parts = [Part(cell=job.cell, number=number, of=of) for number in range(1, of + 1)]
        whole = {stored.cell for stored in self._stored(job.cell) if stored.key == key}
        missing = [part for part in parts if part.id not in whole]
        self._parts |= {part.id: part for part in parts}
        self._divided[job.cell] = divided = _Divided(job=job, key=key, parts=parts, open=set(missing))
        show.divided(job.cell, [part.id for part in missing], of)
        return [_job(job, part) for part in missing] or [self._joined(divided)]

    def _joined(self, divided: _Divided) -> Job:
        """The job of a cell with what its parts made."""
        folders = [self.store.finished / part.id for part in divided.parts]
        files = {path.name: path.read_bytes() for folder in folders for path in sorted(folder.glob("*.npz"))}
        return replace(divided.job, parts=files)


def _job(job: Job, part: Part) -> Job:
    """The job that trains a part of the cell of `job`."""
    parameters = {"setup": dict(job.parameters), "part": part.number, "parts": part.of}
    parameters["framework"] = job.parameters["framework"]
    return replace(
        job,
        cell=part.id,
        kind=KIND,
        notebook=json.dumps(_BOOK),
        parameters=parameters,
        code=fingerprint(_BOOK, frameworks_of(parameters)),
    )
