"""The cache: one folder a finished cell, addressed by what decides its content, committed by one rename."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from experiments.atomic import replace_folder, write_durably
from experiments.tables import SCHEMAS

MANIFEST = "manifest.json"
NOTEBOOK = "notebook.ipynb"
PAGE = "notebook.html"
FAILURE = "failure.json"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The manifest of a finished cell.

    `files`: SHA-256 of each file. `seconds`: wall time of the cell; `times`: the share of it by what was done.
    """

    cell: str
    kind: str
    key: str
    parameters: Mapping[str, Any]
    networks: int
    seconds: float
    times: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 over the tables alone: what a cell that reads them depends on."""
        tables = {name: self.files[name] for name in sorted(self.files) if name.endswith(".parquet")}
        return _sha256(json.dumps(tables).encode())


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a cell has no result: kept as data beside the notebook up to the cell of it that failed."""

    cell: str
    kind: str
    status: str
    error: str
    traceback: str
    attempts: int
    seconds: float
    networks: int = 0


class Damaged(Exception):
    """A stored cell that is not what its manifest says; the message names the file."""


class Cells:
    """The finished and the failed cells below `root`, the folder of one run's results."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.finished = root / "cells"
        self.failed = root / "failed"

    def names(self) -> list[str]:
        """The ids of the stored cells, sorted; a folder counts even when it is damaged."""
        return sorted(_folders(self.finished))

    def read(self, cell: str) -> Manifest | None:
        """The manifest of a stored cell, or None if the cell is not there.

        Raises `Damaged` if the manifest is missing or altered; the other files are not looked at.
        """
        folder = self.finished / cell
        if not folder.is_dir():
            return None
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            seal = manifest.pop("seal")
            if seal != _seal(manifest):
                raise ValueError
            return Manifest(**manifest)
        except FileNotFoundError:
            raise Damaged(f"{folder / MANIFEST} is missing") from None
        except (ValueError, KeyError, TypeError):
            raise Damaged(f"{folder / MANIFEST} was altered") from None

    def problems(self, cell: str) -> list[str]:
        """Everything that is missing, altered or too much in a stored cell, one line each."""
        folder = self.finished / cell
        try:
            stored = self.read(cell)
        except Damaged as damage:
            return [str(damage)]
        if stored is None:
            return [f"{folder} is missing"]
        problems = []
        for name, digest in stored.files.items():
            file = folder / name
            if not file.is_file():
                problems.append(f"{file} is missing")
            elif _sha256(file.read_bytes()) != digest:
                problems.append(f"{file} was altered")
        extra = {path.name for path in folder.iterdir()} - set(stored.files) - {MANIFEST}
        return problems + [f"{folder / name} is not part of the cell" for name in sorted(extra)]

    def manifests(self) -> Iterator[Manifest]:
        """The manifests of the stored cells that can be read, sorted by id; the other files are not looked at."""
        for name in self.names():
            with suppress(Damaged):
                stored = self.read(name)
                assert stored is not None
                yield stored

    def valid(self) -> Iterator[Manifest]:
        """The stored cells that are whole, sorted by id."""
        for name in self.names():
            if not self.problems(name):
                stored = self.read(name)
                assert stored is not None
                yield stored

    def commit(self, stored: Manifest, files: Mapping[str, bytes]) -> Manifest:
        """Store a finished cell: written beside, flushed to the disk, read again, and put in place by one rename.

        Raises `ValueError` if a file is not what it must be, and `OSError` if the disk does not take it; then
        nothing of it stays, and what was stored before stays as it was.
        """
        _check(files)
        stored = Manifest(**{**_fields(stored), "files": {name: _sha256(files[name]) for name in sorted(files)}})
        manifest = _fields(stored)
        content = {**files, MANIFEST: _json({**manifest, "seal": _seal(manifest)})}
        self._place(self.finished / stored.cell, content)
        _remove(self.failed / stored.cell)
        return stored

    def fail(self, failure: Failure, files: Mapping[str, bytes]) -> None:
        """Keep a failure; a stored result of the same cell goes, because it no longer answers to the plan."""
        self._place(self.failed / failure.cell, {**files, FAILURE: _json(_fields(failure))})
        _remove(self.finished / failure.cell)

    def drop(self, cell: str) -> None:
        """Remove a stored cell, if it is there."""
        _remove(self.finished / cell)

    def failures(self) -> Iterator[Failure]:
        """The kept failures, sorted by cell."""
        for name in sorted(_folders(self.failed)):
            try:
                yield Failure(**json.loads((self.failed / name / FAILURE).read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError):
                continue  # a failure is never reused, so a damaged note of one costs nothing

    def drop_leftovers(self) -> None:
        """Remove what a process that was killed left half written; only the holder of the lock may."""
        _remove(self._work)

    @property
    def _work(self) -> Path:
        return self.root / ".work"

    def _place(self, target: Path, content: Mapping[str, bytes]) -> None:
        work = self._work / f"{target.parent.name}-{target.name}-{os.getpid()}"
        _remove(work)
        try:
            work.mkdir(parents=True)
            for name, data in content.items():
                write_durably(work / name, data)
            for name, data in content.items():
                if (work / name).read_bytes() != data:
                    raise OSError(f"{work / name} does not hold what was written to it")
            _flush(work)
            target.parent.mkdir(exist_ok=True)
            old = work.with_name(work.name + "-old")
            _remove(old)
            replace_folder(target, work, old)
            _flush(target.parent)
            _remove(old)
        finally:
            _remove(work)


def _check(files: Mapping[str, bytes]) -> None:
    if NOTEBOOK not in files:
        raise ValueError(f"A finished cell needs its {NOTEBOOK}")
    for name, data in files.items():
        if "/" in name or name.startswith("."):
            raise ValueError(f"{name!r} is no name for a file of a cell")
        if name.endswith(".parquet"):
            columns = pq.ParquetFile(pa.BufferReader(data)).schema_arrow.names
            missing = set(SCHEMAS.get(Path(name).stem, ())) - set(columns)
            if missing:
                raise ValueError(f"{name} lacks {', '.join(sorted(missing))}")


def _fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()


def _seal(manifest: Mapping[str, Any]) -> str:
    return _sha256(json.dumps(manifest, sort_keys=True).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _folders(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def _flush(folder: Path) -> None:
    """Make the names in `folder` survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
