"""A throwaway kind of cell for the tests of the suite, in this process or, run as a script, in one of its own.

`python suite_throwaway.py OUT NOTEBOOKS COUNT [--NAME=VALUE ...]` runs COUNT cells with these options of the suite.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import psutil

from experiments.plan import KINDS, Kind
from experiments.records import Cell
from experiments.suite import Options, Summary, run

PARAMETERS = """\
number = 0
mode = "good"
seconds = 0.0
out = ""
"""
WORK = """\
import time

import pandas as pd

from experiments import store

tell = store.progress(out)
tell(1, 2)
time.sleep(seconds)
if mode == "raise": raise ValueError(f"number {number} is bad")
if mode == "die": import os; os.kill(os.getpid(), 9)
if mode == "hang": time.sleep(600)
if mode == "spawn": import subprocess; child = subprocess.Popen(["sleep", "600"])
if mode.isdecimal(): store.save_tables(out, {"noise": pd.Series(range(int(mode))).sample(frac=1).to_frame("value")})
tell(2, 2)
"""
SAVE = """\
rows = pd.DataFrame({"number": [number] * 3, "text": pd.Series(["c", "a", "b"]), "value": [0.1, number / 3, -1.0]})
store.save_tables(out, {"numbers": rows})
"""
LAST = """\
import pandas as pd

from experiments import store

numbers = pd.read_parquet(f"{tables}/numbers.parquet")
store.save_tables(out, {"total": pd.DataFrame({"total": [numbers["value"].sum()], "rows": [len(numbers)]})})
"""


def notebook(path: Path, *cells: tuple[str, str]) -> None:
    """Write a notebook of (tag, source) code cells."""
    v4 = nbformat.v4
    made = [
        v4.new_code_cell(source, id=f"c{place}", metadata={"tags": [tag]}) for place, (tag, source) in enumerate(cells)
    ]
    nbformat.write(v4.new_notebook(cells=[v4.new_markdown_cell("# A *question*", id="question"), *made]), path)


def notebooks(folder: Path) -> Path:
    """The folder with the two throwaway notebooks."""
    folder.mkdir(parents=True, exist_ok=True)
    notebook(folder / "throwaway.ipynb", ("parameters", PARAMETERS), ("train", WORK), ("store", SAVE))
    notebook(folder / "throwaway_last.ipynb", ("parameters", 'tables = ""\nout = ""\n'), ("store", LAST))
    return folder


@contextmanager
def kinds() -> Iterator[None]:
    """Register the throwaway kinds for as long as the context lasts."""
    KINDS.add(Kind(name="throwaway", cells=lambda protocol: ()))
    KINDS.add(Kind(name="throwaway_last", cells=lambda protocol: (), last=True))
    try:
        yield
    finally:
        KINDS.remove("throwaway")
        KINDS.remove("throwaway_last")


def cell(number: int, mode: str = "good", seconds: float = 0.0) -> Cell:
    """One throwaway cell."""
    parameters: dict[str, Any] = {"number": number, "mode": mode, "seconds": seconds}
    return Cell(id=f"throwaway-{number}", notebook="throwaway.ipynb", parameters=parameters, networks=number)


def last() -> Cell:
    """The cell that reads the tables of all others."""
    return Cell(id="throwaway_last", notebook="throwaway_last.ipynb")


def plan(count: int, seconds: float = 0.0) -> list[Cell]:
    """`count` cells and the one that reads them."""
    return [*(cell(number, seconds=seconds) for number in range(count)), last()]


def wait_until_ended(processes: Sequence[psutil.Process], within: float = 120.0) -> None:
    """Wait until none of `processes` runs any more; one that is dead and that nobody has asked about has ended."""
    deadline = time.monotonic() + within
    while alive := [process for process in processes if _runs(process)]:
        assert time.monotonic() < deadline, [process.cmdline() for process in alive]
        time.sleep(0.05)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def descendants(pid: int) -> list[psutil.Process]:
    """The processes that a process started, and those that they did."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def main(out: str, books: str, count: str, *options: str) -> Summary:
    """Run as the script does."""
    named = dict(option.removeprefix("--").split("=", 1) for option in options)
    seconds = float(named.pop("seconds", "0"))
    values = {name: json.loads(value) for name, value in named.items()}
    with kinds():
        return run(plan(int(count), seconds), Options(out=Path(out), notebooks=Path(books), **values))


if __name__ == "__main__":
    from experiments.records import UserError

    try:
        sys.exit(bool(main(*sys.argv[1:]).failed))
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
