"""The suite on a Dask cluster that runs already, started as a user would: a scheduler and two workers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
import suite_throwaway as throwaway

from experiments.records import UserError
from experiments.suite import Options, run
from experiments.suite.cells import Cells

DASK = Path(sys.executable).with_name("dask")
ROOT = Path(__file__).resolve().parents[2]


def _start(log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with log.open("wb") as file:
        return subprocess.Popen([str(DASK), *arguments], stdout=file, stderr=file, env=environment, cwd=log.parent)


def _wait(log: Path, pattern: str) -> str:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        if found := re.search(pattern, log.read_text()):
            return found.group(found.lastindex or 0)
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers of one thread on the loopback address."""
    folder.mkdir()
    started = [_start(folder / "scheduler", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")]
    try:
        address = _wait(folder / "scheduler", r"Scheduler at:\s+(tcp://\S+)")
        for name in ("one", "two"):
            options = ["--nthreads", "1", "--no-dashboard", "--name", name, "--local-directory", str(folder)]
            started.append(_start(folder / name, "worker", address, "--host", "127.0.0.1", "--no-nanny", *options))
        for name in ("one", "two"):
            _wait(folder / name, "Registered to")
        yield address, started[1:]
    finally:
        left = [child for process in started for child in throwaway.descendants(process.pid)]
        for process in started:
            process.kill()
            process.wait()
        throwaway.wait_until_ended(left)  # the kernels of a worker end with it


def _driver(command: list[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)


def _merged(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (out / "tables").iterdir() if path.stem not in ("cells", "index")}


def test_a_killed_worker_s_cell_runs_elsewhere_and_the_tables_are_the_same(tmp_path: Path) -> None:
    books = throwaway.notebooks(tmp_path / "notebooks")
    with throwaway.kinds():
        serial = Options(out=tmp_path / "serial", notebooks=books, workers=1)
        run([throwaway.cell(number) for number in range(6)], serial)
    with cluster(tmp_path / "dask") as (address, workers):
        script = [sys.executable, throwaway.__file__, str(tmp_path / "out"), str(books), "6"]
        driver = _driver([*script, f'--scheduler="{address}"', "--seconds=1.5"])
        victim = workers[0]
        deadline = time.monotonic() + 300
        while not any(child.children() for child in throwaway.descendants(victim.pid)):  # it has a kernel: mid-cell
            assert time.monotonic() < deadline
            time.sleep(0.05)
        victim.kill()
        _, said = driver.communicate(timeout=600)
        assert driver.returncode == 0, said.decode()
    rows = pq.read_table(tmp_path / "out" / "tables" / "cells.parquet").to_pylist()
    assert {row["status"] for row in rows} == {"done"}
    attempts = sorted(row["attempts"] for row in rows)
    assert attempts[-1] == 2  # the cell that was lost, and no other
    assert attempts[-2] == 1
    numbers = "numbers.parquet"
    assert _merged(tmp_path / "out")[numbers] == _merged(tmp_path / "serial")[numbers]


def test_a_driver_that_is_gone_leaves_no_kernel_on_the_workers(tmp_path: Path) -> None:
    books = throwaway.notebooks(tmp_path / "notebooks")
    with cluster(tmp_path / "dask") as (address, workers):
        script = [sys.executable, throwaway.__file__, str(tmp_path / "out"), str(books), "2"]
        driver = _driver([*script, f'--scheduler="{address}"', "--seconds=300"])

        def kernels() -> list[psutil.Process]:
            servers = [child for worker in workers for child in throwaway.descendants(worker.pid)]
            return [kernel for server in servers for kernel in throwaway.descendants(server.pid)]

        deadline = time.monotonic() + 300
        while len(found := kernels()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        driver.kill()
        driver.communicate()
        throwaway.wait_until_ended(found)
    assert Cells(tmp_path / "out").names() == []


def test_a_scheduler_that_does_not_answer_is_a_mistake_of_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from experiments.suite import cluster as own

    monkeypatch.setattr(own, "_CONNECT", 0.5)
    books = throwaway.notebooks(tmp_path / "notebooks")
    for address in ("tcp://127.0.0.1:9", "nowhere://x"):
        options = Options(out=tmp_path / "out", notebooks=books, scheduler=address)
        with throwaway.kinds(), pytest.raises(UserError, match="No Dask scheduler answers at --scheduler"):
            run([throwaway.cell(0)], options)
