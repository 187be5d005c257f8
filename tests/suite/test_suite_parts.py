"""Cells whose networks are trained in parts: the same tables bit for bit, what fails, and what is trained again."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from experiments.plan import plan
from experiments.plan.kinds import setup_cell
from experiments.protocols import PRESETS
from experiments.records import Cell, Setup
from experiments.suite import Options, outlook, run
from experiments.suite import worker as local
from experiments.suite.cells import Cells, Manifest
from experiments.suite.costs import OVERHEAD, PART, lengths, parts_of, wall_time
from experiments.suite.display import Lines
from experiments.suite.jobs import Hooks, Job, JobResult
from experiments.suite.parts import FOLDER, Part

pytestmark = pytest.mark.usefixtures("one_fork_server")
SMALL = Setup(
    task="moons", network="mlp", optimizer="adam", heads=("sigmoid", "sigmoid_again", "softmax"), seeds=8, steps=30,
    record_every=10,
)  # fmt: skip


def cell_of(kind: str, setup: Setup = SMALL) -> Cell:
    """A cell whose networks are several chunks, because it may use so little memory."""
    cell = setup_cell(kind, setup)
    return replace(cell, parameters={**cell.parameters, "memory_gib": 0.0022})


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Has every cell that can be trained in parts be trained in so many at most."""

    def set_parts(most: int) -> None:
        def chosen(costs: Mapping[str, float], workers: int, cells: list[str]) -> dict[str, int]:
            return dict.fromkeys(cells, most)

        monkeypatch.setattr(sys.modules["experiments.suite.run"], "parts_of", chosen)

    return set_parts


def tables(out: Path, cell: Cell) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((out / "cells" / cell.id).glob("*.parquet"))}


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of all jobs that ended, in order."""
    names: list[str] = []
    real = local.work

    def work(job: Any, hooks: Any) -> Any:
        outcome = real(job, hooks)
        names.append(job.cell)
        return outcome

    monkeypatch.setattr(local, "work", work)
    return names


def test_tables_are_the_same_at_any_cut(tmp_path: Path, cut: Callable[[int], None], jobs: list[str]) -> None:
    cell, made = cell_of("binary"), {}
    for most in (1, 2, 9):
        cut(most)
        out = tmp_path / str(most)
        summary = run([cell], Options(out=out, workers=2))
        assert (summary.done, summary.failed, summary.networks) == (1, (), 24)
        made[most] = tables(out, cell)
        assert not (out / FOLDER).exists()
    assert set(made[1]) == {"curves.parquet", "finals.parquet", "runs.parquet"}
    assert made[1] == made[2] == made[9]
    of = {n: [Part(cell=cell.id, number=number, of=n).id for number in range(1, n + 1)] for n in (2, 4)}
    # uncut; the cell finds that it can be cut, its parts, and the cell; in no more parts than there are chunks
    assert sorted(jobs) == sorted([cell.id, *2 * [cell.id], *of[2], *2 * [cell.id], *of[4]])
    # what was cut is stored under the same key
    one, two = (Cells(tmp_path / n).read(cell.id) for n in ("1", "2"))
    assert one is not None
    assert two is not None
    assert (one.key, one.parameters) == (two.key, two.parameters)
    assert two.seconds > two.times["train"] > 0
    cut(4)
    assert run([cell], Options(out=tmp_path / "2", workers=2)).cached == 1
    (row,) = pq.read_table(tmp_path / "9" / "tables" / "cells.parquet").to_pylist()
    assert (row["status"], row["attempts"], row["networks_trained"]) == ("done", 1, 24)


def test_networks_of_one_chunk_are_trained_where_the_cell_is(
    tmp_path: Path, cut: Callable[[int], None], jobs: list[str]
) -> None:
    """Nothing is lost by having asked; and what was trained by other code before is not used."""
    cell, store = setup_cell("binary", replace(SMALL, seeds=2)), Cells(tmp_path / FOLDER)
    before = Part(cell=cell.id, number=1, of=2)
    store.commit(
        Manifest(cell=before.id, kind="part", key="another", parameters={"cell": cell.id, "number": 1, "of": 2},
                 networks=0, seconds=1.0),
        {"notebook.ipynb": b"", "part-1.npz": b""},
    )  # fmt: skip
    cut(3)
    assert run([cell], Options(out=tmp_path)).done == 1
    assert jobs == [cell.id]
    assert not (tmp_path / FOLDER).exists()


def test_a_failed_part_is_a_failed_cell_and_only_missing_parts_are_trained_again(
    tmp_path: Path, cut: Callable[[int], None], jobs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cell, options = cell_of("binary"), Options(out=tmp_path / "out", workers=2)
    first, second, third = (Part(cell=cell.id, number=number, of=3) for number in (1, 2, 3))
    real = local.execute

    def killed(job: Any, *others: Any) -> Any:
        outcome = real(job, *others)
        return replace(outcome, reason="killed", error="It was killed", files={}) if job.cell == second.id else outcome

    cut(3)
    with monkeypatch.context() as patched:
        patched.setattr(local, "execute", killed)
        summary = run([cell], options)
    assert (summary.done, summary.networks) == (0, 0)
    (failure,) = summary.failed
    assert (failure.cell, failure.status, failure.error) == (cell.id, "killed", "It was killed (part 2 of 3)")
    assert Cells(options.out / FOLDER).names() == [first.id, third.id]
    (row,) = pq.read_table(options.out / "tables" / "cells.parquet").to_pylist()
    assert (row["status"], row["error"]) == ("failed", "killed: It was killed (part 2 of 3)")
    # a part that was altered meanwhile is trained again too; whatever the number of workers would ask for now
    path = options.out / FOLDER / "cells" / third.id / "part-3.npz"
    path.write_bytes(path.read_bytes()[:-1])
    jobs.clear()
    cut(1)
    assert run([cell], replace(options, retry_failed=True)).done == 1
    assert sorted(jobs) == sorted([second.id, third.id, cell.id])
    assert set(tables(options.out, cell)) == {"curves.parquet", "finals.parquet", "runs.parquet"}
    assert not (options.out / FOLDER).exists()


def test_with_parts_the_work_is_balanced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cell of 250 s and ten of 15 s on four workers, whose share is 100 s: it is three parts, of five chunks.

    A second here is a fiftieth.
    """
    cells = [setup_cell("binary", replace(SMALL, network=n, task=t, optimizer=o))
             for t, n, o in [("moons", "mlp", "adam"), *((t, "mlp", o) for t in ("bananas", "fair", "shuttle",
             "separable", "imbalance") for o in ("adam", "sgd"))]]  # fmt: skip
    long = cells[0].id
    costs = {cell.id: 250.0 if cell.id == long else 15.0 for cell in cells}
    busy: list[tuple[float, float]] = []

    def work(job: Job, hooks: Hooks) -> JobResult:
        asked = job.parts == {}
        chunks = len(range(job.parameters["part"] - 1, 5, job.parameters["parts"])) if job.kind == "part" else 0
        seconds = 3.0 if asked else 4.0 if job.parts else 4.0 + 49.2 * chunks if chunks else costs[job.cell]
        with hooks.turn:
            begin = time.monotonic()
            time.sleep(seconds / 50)
            busy.append((begin * 50, time.monotonic() * 50))
        if asked:
            return JobResult(cell=job.cell, seconds=seconds, reason="in parts", error="NotTrained: 6 6 6 6 6")
        return JobResult(cell=job.cell, seconds=seconds, files={"notebook.ipynb": b"", "part.npz": b""})

    monkeypatch.setattr(local, "work", work)
    monkeypatch.setattr(local, "warm", lambda *_: None)
    monkeypatch.setattr(sys.modules["experiments.suite.run"], "estimate", lambda *_: costs)
    assert run(cells, Options(out=tmp_path, workers=4)).done == len(cells)
    begins, ends = zip(*busy, strict=True)
    assert all(sum(begin <= time < end for begin, end in busy) <= 4 for time in begins)
    assert sum(ends) - sum(begins) >= 3.0 + 3 * 4.0 + 246.0 + 4.0 + 150.0  # 104 a worker
    assert max(ends) - min(begins) < 160.0  # uncut it would be 250; 188 if two parts waited for one worker


def test_a_cell_is_cut_where_the_run_ends_earlier_for_it() -> None:
    long = {"long": 300.0, "short": 20.0}
    assert parts_of(long, 2, ["long"]) == {"long": 2}
    assert parts_of(long, 4, ["long", "short"]) == {"long": 4}
    assert parts_of(long, 1000, ["long"]) == {"long": int(300.0 // PART)}
    assert parts_of(long, 1, ["long"]) == parts_of(long, 1000, []) == parts_of({}, 4, []) == {}
    # what is left over for other workers is too little
    assert parts_of({"a": 120.0, "b": 100.0}, 2, ["a", "b"]) == {}
    assert parts_of({str(n): 100.0 for n in range(8)}, 2, ["1"]) == {}
    # parts would be shorter than what is worth another start
    assert parts_of({"a": 2 * PART - 1.0}, 100, ["a"]) == {}


def test_the_jobs_of_a_cell_in_parts() -> None:
    assert lengths(100.0, 1) == [100.0]
    assert lengths(100.0, 3) == [*3 * [OVERHEAD + (100.0 - OVERHEAD) / 3], OVERHEAD]
    assert sum(lengths(100.0, 3)) == 100.0 + 3 * OVERHEAD


def test_the_default_on_a_small_machine_cuts_nothing(tmp_path: Path) -> None:
    for preset in ("quick", "standard"):
        cells = plan(PRESETS[preset])
        assert outlook(cells, tmp_path, 2).parts == {}
    view = outlook(plan(PRESETS["full"]), tmp_path, 1000)
    assert set(view.parts.values()) >= {2, 3}
    assert all(view.costs[cell] >= 2 * PART for cell in view.parts)
    assert not any(cell.startswith(("numerics", "frameworks", "worked")) for cell in view.parts)
    assert view.text.endswith(f"\nLess as far as long cells can be trained in parts ({len(view.parts)})")
    assert view.seconds > wall_time(view.costs.values(), 1000)


def test_the_view_tells_of_parts() -> None:
    out = io.StringIO()
    lines = Lines({"a": 24}, 0, {"a": 104.0}, 2, out)
    lines.started("a")
    lines.divided("a", ["a.1", "a.2"], 2)
    assert lines.left() == "58 s"  # two parts of 54 s beside one another, and the 4 s that are left
    lines.part_ended(JobResult(cell="a.1", seconds=54.0))
    lines.part_ended(JobResult(cell="a.2", seconds=54.0))
    assert (lines.left(), lines.done) == ("4 s", 0)
    lines.ended(JobResult(cell="a", seconds=4.0))
    lines.divided("b", ["b.3"], 3)
    assert [line.partition(" in 4")[0] for line in out.getvalue().splitlines()] == [
        "a is trained in 2 parts", "[1/1] a done", "b is trained in 3 parts, 2 of them stored already"
    ]  # fmt: skip
