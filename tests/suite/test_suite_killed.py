"""A suite that is killed at any moment: what is stored is reused, the tables come out the same, no process is left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
import suite_throwaway as throwaway

from experiments.suite.cells import Cells
from experiments.suite.collect import verify

SCRIPT = throwaway.__file__
ROOT = Path(__file__).resolve().parents[2]


def start(command: list[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def kill_and_see_all_end(driver: subprocess.Popen[bytes]) -> None:
    """SIGKILL the driver alone and wait until everything that it started has ended by itself."""
    left = throwaway.descendants(driver.pid)
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    throwaway.wait_until_ended(left)


def merged(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (out / "tables").iterdir() if path.stem not in ("cells", "index")}


def stored(out: Path) -> dict[str, str]:
    """The digest of each cell that is stored whole."""
    return {cell.cell: cell.digest for cell in Cells(out).valid()}


def statuses(out: Path) -> dict[str, str]:
    return {row["cell"]: row["status"] for row in pq.read_table(out / "tables" / "cells.parquet").to_pylist()}


def survive(serial: list[str], command: list[str], undisturbed: Path, out: Path, cells: int, times: int) -> None:
    """Kill `command`, which writes `out`, at random moments, let it end, and compare with what `serial` makes."""
    begin = time.monotonic()
    first = start(serial)
    _, said = first.communicate(timeout=1800)
    assert first.returncode == 0, said.decode()
    a_cell = (time.monotonic() - begin) / cells
    rng = random.Random(times)
    known: dict[str, str] = {}
    killed = 0
    # a moment is some time after some number of cells was stored, so that each falls into the run
    for target in sorted(rng.randrange(cells - 1) for _ in range(times)):
        driver = start(command)
        while len(Cells(out).names()) < target:
            if driver.poll() is not None:
                raise AssertionError(driver.communicate()[1].decode())
            time.sleep(0.05)
        time.sleep(rng.uniform(0.0, 1.0) * a_cell)
        killed += driver.poll() is None
        kill_and_see_all_end(driver)
        found = stored(out)
        assert known.items() <= found.items()  # nothing that was committed is lost or made again
        assert len(found) == len(Cells(out).names())  # and nothing half made stands among it
        known = found
    assert known
    assert killed >= times - 1, "it ended before it could be killed"
    last = start(command)
    _, said = last.communicate(timeout=600)
    assert last.returncode == 0, said.decode()
    assert {cell for cell, status in statuses(out).items() if status == "cached"} >= set(known) - {"throwaway_last"}
    assert merged(out) == merged(undisturbed)
    assert verify(out) == []
    assert not (out / ".work").exists() or not any((out / ".work").iterdir())


@pytest.mark.parametrize("times", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_a_killed_driver_loses_nothing_and_leaves_nothing(tmp_path: Path, times: int) -> None:
    books = throwaway.notebooks(tmp_path / "notebooks")

    def command(name: str, workers: int) -> list[str]:
        return [sys.executable, SCRIPT, str(tmp_path / name), str(books), "8", f"--workers={workers}", "--seconds=0.5"]

    survive(command("serial", 1), command("out", 2), tmp_path / "serial", tmp_path / "out", 8, times)


@pytest.mark.slow
def test_the_quick_preset_killed_ten_times(tmp_path: Path) -> None:
    def command(name: str, workers: int) -> list[str]:
        options = ["--preset", "quick", "--out", str(tmp_path / name), "--workers", str(workers)]
        return [sys.executable, "-m", "experiments", "run", *options]

    survive(command("serial", 1), command("out", 2), tmp_path / "serial", tmp_path / "out", 20, 10)


def test_a_killed_fork_server_is_replaced(tmp_path: Path) -> None:
    books = throwaway.notebooks(tmp_path / "notebooks")
    driver = start([sys.executable, SCRIPT, str(tmp_path / "out"), str(books), "2", "--workers=1", "--seconds=3"])
    server = None
    deadline = time.monotonic() + 300
    while server is None and time.monotonic() < deadline:
        for child in throwaway.descendants(driver.pid):
            with suppress(psutil.NoSuchProcess):  # it may have ended since
                if "experiments.suite.forkserver" in child.cmdline() and child.children():
                    server = child
        time.sleep(0.1)
    assert server is not None
    kernels = server.children()
    server.kill()
    throwaway.wait_until_ended(kernels)  # a kernel ends with the process it was forked from
    _, said = driver.communicate(timeout=600)
    assert driver.returncode == 0, said.decode()
    row = next(
        row for row in pq.read_table(tmp_path / "out" / "tables" / "cells.parquet").to_pylist() if row["attempts"] > 1
    )
    assert row["status"] == "done"
