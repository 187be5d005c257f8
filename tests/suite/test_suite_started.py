"""Kernels where a process cannot fork: started as programs of their own, with the same results, and ended as surely."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import suite_throwaway as throwaway
from test_suite_kernels import job, said

from experiments.plan import Choice, plan
from experiments.protocols import PRESETS
from experiments.records import Cell, UserError
from experiments.suite import Options, run, started, worker
from experiments.suite.execute import execute
from experiments.suite.forked import ForkServer
from experiments.suite.jobs import Hooks


@pytest.fixture(autouse=True)
def no_servers() -> object:
    """Each test has servers of its own."""
    worker.close()
    yield
    worker.close()


def tables(cells: list[Cell], out: Path) -> dict[str, bytes]:
    """The stored tables of the cells, and those that are collected of them, by their path in `out`."""
    summary = run(cells, Options(out=out, shard="1/1"))  # in this process
    assert (summary.done, summary.failed) == (len(cells), ())
    found = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.parquet")}
    return {name: content for name, content in found.items() if name != "tables/cells.parquet"}  # it has the seconds


def test_the_same_tables_to_the_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell that trains: every arm's curves and finals."""
    made = started.server_of
    small = Choice(tasks=("moons",), networks=("mlp",), optimizers=("adam",), seeds=2, steps=20)
    (cell,) = (cell for cell in plan(PRESETS["quick"], small) if cell.notebook == "binary.ipynb")
    servers: list[started.Server] = []
    monkeypatch.setattr(worker, "server_of", lambda *some, **named: servers.append(made(*some, **named)) or servers[-1])
    found = {}
    for way in ("forked", "started"):
        monkeypatch.setenv(started.CHOICE, way)
        found[way] = tables([cell], tmp_path / way)
    assert list(map(type, servers)) == [ForkServer, started.Starter]
    assert {"tables/curves.parquet", "tables/finals.parquet"} <= found["forked"].keys()
    assert found["started"] == found["forked"]


def test_what_goes_wrong_is_told_as_of_a_forked_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    server = started.Starter()
    outcome = execute(job("import os; os.write(2, b'last words'); os.abort()"), server, Hooks())
    assert outcome.reason == "killed"
    assert "last words" in outcome.traceback
    threads = ["OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "PYTHONHASHSEED", "KERAS_BACKEND"]
    kernel = execute(job("import os", f"print([os.environ[name] for name in {threads}])"), server, Hooks())
    assert said(kernel) == "['1', '1', '0', 'tensorflow']\n"


def test_no_process_is_left(tmp_path: Path) -> None:
    """Neither by a cell whose kernel started another program, nor by a driver that is killed."""
    server = started.Starter()
    source = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid)"
    child = int(said(execute(job(source), server, Hooks())))
    throwaway.wait_until_ended([psutil.Process(child)] if psutil.pid_exists(child) else [])
    program = (
        "import os, sys, time; from pathlib import Path; from experiments.suite.started import Starter\n"
        "folder = Path(sys.argv[1])\n"
        "kernel = Starter().launch(['-f', str(folder / 'kernel.json')], folder, {})\n"
        "print(kernel.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        kernel = psutil.Process(int(driver.stdout.readline()))
        deadline = time.monotonic() + 60
        while not (tmp_path / "kernel.json").exists():  # it is up, so it looks after its parent
            assert time.monotonic() < deadline
            time.sleep(0.1)
        driver.kill()
    throwaway.wait_until_ended([kernel])


def test_kernels_that_still_run_are_ended_and_those_that_have_ended_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []

    def kernel(command: list[str], **_: object) -> Any:
        name = command[-1]
        return SimpleNamespace(
            poll=lambda: 0 if name == "ended" else None, kill=lambda: events.append(f"kill {name}"),
            wait=lambda: events.append(f"wait {name}"),
        )  # fmt: skip

    monkeypatch.setattr(started, "Started", kernel)
    server = started.Starter()
    assert server.alive
    for name in ("one", "ended", "two"):
        server.launch([name], tmp_path, {})
    server.close()
    assert events == ["kill one", "wait one", "kill two", "wait two"]


@pytest.mark.parametrize(("platform", "forks"), [("linux", True), ("darwin", False), ("win32", False)])
def test_forking_is_left_where_it_is_not_safe(platform: str, forks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(started.CHOICE, raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    assert started.forks() is forks
    server = worker.warm(("json",))
    assert isinstance(server, ForkServer if forks else started.Starter)
    assert worker.warm(("json",)) is server  # while it lives


def test_another_way_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(started.CHOICE, "spawn")
    with pytest.raises(UserError, match=r"HEADTOHEAD_KERNELS is 'spawn'\. It must be one of forked, started"):
        worker.prepare()
