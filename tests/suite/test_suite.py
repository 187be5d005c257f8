"""Cells executed by papermill into the store: what is reused, what fails, what is left behind."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
import suite_throwaway as throwaway
from papermill import PapermillExecutionError

from experiments.frameworks import FRAMEWORKS
from experiments.records import Cell, UserError
from experiments.suite import Options, execute, forked, outlook, provenance, rebuild, report_of_run, reports, run, state
from experiments.suite import options as options_module
from experiments.suite import worker as local
from experiments.suite.cells import Cells
from experiments.suite.collect import verify
from experiments.suite.costs import FINISH, STARTUP, wall_time
from experiments.suite.jobs import JobResult
from experiments.suite.options import CELL_GIB
from experiments.suite.run import _runner

pytestmark = pytest.mark.usefixtures("one_fork_server")


@pytest.fixture(autouse=True)
def _kinds() -> Iterator[None]:
    with throwaway.kinds():
        yield


@pytest.fixture
def books(tmp_path: Path) -> Path:
    return throwaway.notebooks(tmp_path / "notebooks")


@pytest.fixture
def options(tmp_path: Path, books: Path) -> Options:
    return Options(out=tmp_path / "out", notebooks=books, workers=2)


def tables(out: Path) -> dict[str, bytes]:
    """The merged tables but `cells`, which holds times."""
    return {path.name: path.read_bytes() for path in (out / "tables").iterdir() if path.stem not in ("cells", "index")}


def rows(out: Path) -> dict[str, dict[str, object]]:
    return {row["cell"]: row for row in pq.read_table(out / "tables" / "cells.parquet").to_pylist()}


def test_cells_become_tables_notebooks_and_pages(options: Options) -> None:
    reported: list[Path] = []
    summary = run(throwaway.plan(3), options, lambda out, _: reported.append(out) or out / "report.html")  # type: ignore[func-returns-value]
    out = options.out
    assert (reported, summary.report) == ([out], out / "report.html")
    assert (summary.done, summary.cached, summary.failed, summary.networks) == (4, 0, (), 0 + 1 + 2)
    numbers = pq.read_table(out / "tables" / "numbers.parquet").to_pylist()
    assert [row["number"] for row in numbers] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    # the last stage read the merged table of all others
    assert pq.read_table(out / "tables" / "total.parquet").to_pylist() == [{"total": pytest.approx(-1.7), "rows": 9}]
    assert "0.3333" in (out / "tables" / "numbers.csv").read_text()
    executed = json.loads((out / "notebooks" / "throwaway-1.ipynb").read_text())
    assert any("number = 1" in "".join(cell["source"]) for cell in executed["cells"])
    page = (out / "notebooks" / "throwaway-1.html").read_text()
    assert '<details class="code"><summary>code (parameters)</summary>' in page
    assert "<em>question</em>" in page
    assert "<script" not in page
    assert "http" not in page
    record = json.loads((out / "run.json").read_text())
    assert record["cells"] == {"done": 4, "cached": 0, "failed": 0}
    assert record["versions"]["tensorflow"] != "absent"
    assert 0 < record["overhead_share"] < 1
    assert 0 <= record["seconds"]["report"] < 1 < summary.seconds < 600
    assert record["seconds"]["wall"] <= summary.seconds
    assert verify(out) == []
    assert {row["status"] for row in rows(out).values()} == {"done"}
    for stored in Cells(out).valid():
        assert {"train", "render"} <= stored.times.keys() or stored.kind != "throwaway"
        assert all(0 <= seconds <= stored.seconds + 0.001 for seconds in stored.times.values())


def test_a_run_has_its_report_made_where_all_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both languages at once, and neither here; but here where no process is forked."""
    calls: list[str] = []

    def call(function: str, *, out: str, lang: str, langs: tuple[str, ...]) -> object:
        calls.append(f"{function} {lang} of {','.join(langs)}")
        return lambda: calls.append(f"waited for {lang}") or f"{out}/report.{lang}.html"

    monkeypatch.setattr(reports, "report", lambda out: out / "made here")
    assert report_of_run(tmp_path, call) == tmp_path / "report.en.html"
    assert calls == [
        "experiments.report:build_one en of en,zh", "experiments.report:build_one zh of en,zh",
        "waited for en", "waited for zh",
    ]  # fmt: skip
    assert report_of_run(tmp_path, None) == tmp_path / "made here"

    def gone(function: str, **_: object) -> object:
        raise forked.ServerGone

    assert report_of_run(tmp_path, gone) == tmp_path / "made here"
    reports.drawn_ahead(tmp_path, gone)()


def test_figures_are_drawn_while_verdicts_are_computed(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def drawn_ahead(out: Path, call: object) -> object:
        told.append(f"begun, of {len(list((out / 'tables').glob('*.parquet')))} tables")
        return lambda: told.append(f"waited for, with {len(list((out / 'cells').iterdir()))} cells")

    monkeypatch.setattr(import_module("experiments.suite.run"), "drawn_ahead", drawn_ahead)
    run(throwaway.plan(2), options, lambda out, _: told.append("report") or out)
    assert told == ["begun, of 1 tables", "waited for, with 3 cells", "report"]


def test_what_fails_ahead_is_left_to_the_report(tmp_path: Path) -> None:
    asked: list[str] = []

    def call(function: str, *, out: str, lang: str) -> object:
        asked.append(f"{function} {lang} {out == str(tmp_path)}")

        def refuse() -> None:
            raise UserError("no such column")

        return refuse

    wait = reports.drawn_ahead(tmp_path, call)
    assert asked == ["experiments.report:draw_ahead en True", "experiments.report:draw_ahead zh True"]
    wait()
    reports.drawn_ahead(tmp_path, None)()  # nothing is forked


def test_what_is_stored_is_not_run_again(options: Options) -> None:
    run(throwaway.plan(2), options)
    watched = [*(options.out / "cells").rglob("*"), *(options.out / "tables").glob("[nt]*")]
    before = {path: path.stat().st_mtime_ns for path in watched}
    first = tables(options.out)
    again = run(throwaway.plan(2), options)
    assert (again.done, again.cached, again.overhead) == (0, 3, None)
    assert {path: path.stat().st_mtime_ns for path in watched} == before
    assert [path.name for path in watched if path.parent.name == "tables"]
    assert tables(options.out) == first
    assert {row["status"] for row in rows(options.out).values()} == {"cached"}
    # a new cell runs alone, and the cell that reads all tables again
    more = run(throwaway.plan(3), options)
    assert (more.done, more.cached) == (2, 2)
    assert pq.read_table(options.out / "tables" / "total.parquet").to_pylist()[0]["rows"] == 9


def test_force_runs_all_again_and_makes_the_same_tables(options: Options, tmp_path: Path) -> None:
    run(throwaway.plan(2), options)
    first = tables(options.out)
    again = run(throwaway.plan(2), Options(out=options.out, notebooks=options.notebooks, force=True))
    assert (again.done, again.cached) == (3, 0)
    assert tables(options.out) == first


def test_workers_and_shards_make_the_same_tables(options: Options, tmp_path: Path) -> None:
    cells = throwaway.plan(4)
    assert run(cells, options).failed == ()
    one = Options(out=tmp_path / "one", notebooks=options.notebooks, workers=1)
    assert run(cells, one).failed == ()
    for part in (3, 1, 2):
        shard = Options(out=tmp_path / "parts", notebooks=options.notebooks, shard=f"{part}/3")
        assert run(cells, shard).failed == ()
        whole = (tmp_path / "parts" / "cells" / "throwaway_last").is_dir()
        assert whole == (part == 2)  # the part that ends last runs the last stage
    assert tables(tmp_path / "one") == tables(options.out) == tables(tmp_path / "parts")
    for out, workers in ((options.out, 2), (tmp_path / "one", 1), (tmp_path / "parts", 1)):
        assert json.loads((out / "run.json").read_text())["workers"] == workers


def test_the_share_of_overhead_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 100 s of two workers 120 were training and plotting, and 10 of both the report: 1 - (120 / 2 + 10) / 100."""
    monkeypatch.setattr(provenance, "time", SimpleNamespace(time=lambda: 1100.0, strftime=time.strftime,
                                                            localtime=time.localtime))  # fmt: skip
    outcomes = {
        "a": JobResult(cell="a", seconds=80.0, times={"train": 50.0, "show": 20.0}),
        "b": JobResult(cell="b", seconds=70.0, times={"train": 30.0, "show": 20.0, "start": 5.0}),
    }
    ended: Any = SimpleNamespace(
        start=1000.0, outcomes=outcomes, options=Options(out=tmp_path, command="run", settings={"seeds": 3}),
        stored={name: SimpleNamespace(networks=networks) for name, networks in (("a", 3), ("b", 4), ("c", 5))},
        done=lambda: ["a", "b"], failed=lambda: (),
    )  # fmt: skip
    made = provenance.record(ended, workers=2, began=1008.0, ended=1097.0, report=10.0)
    assert made["overhead_share"] == 0.3
    without = provenance.record(ended, workers=2, began=1008.0, ended=1097.0)
    assert (without["overhead_share"], without["seconds"]["report"]) == (0.4, 0.0)
    assert made["seconds"] == {"wall": 100.0, "cells": 150.0, "train": 80.0, "show": 40.0, "start": 5.0,
                               "startup": 8.0, "finish": 3.0, "report": 10.0}  # fmt: skip
    assert made["cells"] == {"done": 2, "cached": 1, "failed": 0}
    assert (made["networks_trained"], made["workers"], made["command"]) == (12, 2, "run")
    # where nothing ran, what a run costs is known from the last one that did
    (tmp_path / "run.json").write_text(json.dumps({"seconds": {"startup": 7.5, "finish": 2.5, "train": 9.0}}))
    ended.outcomes = {}
    made = provenance.record(ended, workers=2, began=None, ended=1097.0)
    assert made["overhead_share"] is None
    assert made["seconds"] == {"wall": 100.0, "cells": 0.0, "startup": 7.5, "finish": 2.5}


def test_a_result_names_its_commit_and_whether_code_was_changed_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results are no code; a folder that is no checkout, or a broken one, has no commit."""
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "experiments")
    assert provenance._git() == {}
    (tmp_path / ".git").mkdir()
    assert provenance._git() == {}
    identity = ["-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *identity, *command], check=True)
    commit = provenance._git()["commit"]
    assert re.fullmatch("[0-9a-f]{40}", commit)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "run.json").touch()
    assert provenance._git() == {"commit": commit, "dirty": False}
    (tmp_path / "new.py").touch()
    assert provenance._git() == {"commit": commit, "dirty": True}


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc/cpuinfo")
def test_the_processor_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "processor\t: 0\nmodel name\t: A: the second @ 2 GHz\nmodel name\t: another\n"
    monkeypatch.setattr(provenance, "open", lambda *_, **__: io.StringIO(lines), raising=False)
    assert provenance._cpu() == "A: the second @ 2 GHz"


@pytest.mark.parametrize(("cores", "gib", "workers"), [(8, 64.0, 8), (64, 8.5, int(8.5 // CELL_GIB)), (4, 0.1, 1)])
def test_there_is_a_worker_a_core_as_far_as_the_memory_goes(
    cores: int, gib: float, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options_module, "cores", lambda: cores)
    monkeypatch.setattr(options_module, "memory_gib", lambda: gib)
    assert options_module.default_workers() == workers


def test_a_part_of_a_sharded_run_has_one_worker_and_what_is_stored_needs_none(tmp_path: Path) -> None:
    with _runner(Options(out=tmp_path, workers=3, shard="1/2"), None, needed=True) as (runner, n, address):
        assert (runner, n, address) == (local.one_by_one, 1, "")
    with _runner(Options(out=tmp_path, workers=3), None, needed=False) as (runner, n, address):
        assert (runner, n, address) == (local.one_by_one, 3, "")


def test_seconds_of_a_cell_are_kept_to_the_millisecond() -> None:
    cell = Cell(id="a", notebook="binary.ipynb", networks=3)
    outcome = JobResult(cell="a", seconds=1.23456, reason="raised", times={"train": 0.98765})
    parts: list[Any] = []
    ended: Any = SimpleNamespace(_keys={"a": "the key"}, parts=SimpleNamespace(manifests=lambda _: parts))
    stored = state.State._stored(ended, cell, outcome)
    assert (stored.seconds, stored.times, stored.key, stored.networks) == (1.235, {"train": 0.988}, "the key", 3)
    # what other jobs trained of it counts
    parts += 2 * [SimpleNamespace(seconds=2.0, times={"train": 1.5, "other": 0.25})]
    stored = state.State._stored(ended, cell, outcome)
    assert (stored.seconds, stored.times) == (5.235, {"train": 3.988, "other": 0.5})
    assert state.State._failure(ended, cell, outcome).seconds == 1.235


def test_a_result_says_which_machine_and_commit_it_is_of() -> None:
    told = provenance.provenance()
    assert told["machine"]["memory_gib"] == pytest.approx(psutil.virtual_memory().total / 2**30, abs=0.051)
    assert told["machine"]["memory_gib"] * 10 == pytest.approx(round(told["machine"]["memory_gib"] * 10))
    assert told["machine"]["cores"] == len(os.sched_getaffinity(0))
    assert told["versions"]["numpy"] == np.__version__


def test_a_failure_is_data_and_the_others_go_on(options: Options) -> None:
    cells = [throwaway.cell(0), throwaway.cell(1, "raise"), throwaway.cell(2, "die"), throwaway.cell(3)]
    summary = run(cells, options)
    assert (summary.done, len(summary.failed)) == (2, 2)
    found = rows(options.out)
    assert found["throwaway-1"]["status"] == found["throwaway-2"]["status"] == "failed"
    assert found["throwaway-1"]["error"] == "raised: ValueError: number 1 is bad"
    assert str(found["throwaway-2"]["error"]).startswith("killed: ")
    assert found["throwaway-1"]["attempts"] == 1
    kept = {failure.cell: failure for failure in Cells(options.out).failures()}
    assert "number 1 is bad" in kept["throwaway-1"].traceback
    # the notebook up to the cell that failed, with its error in it
    executed = json.loads((options.out / "notebooks" / "throwaway-1.ipynb").read_text())
    assert [c["execution_count"] for c in executed["cells"] if "store" in c["metadata"].get("tags", ())] == [None]
    assert "ValueError" in (options.out / "notebooks" / "throwaway-1.html").read_text()
    assert not (options.out / "cells" / "throwaway-1").exists()
    assert "numbers.parquet" in tables(options.out)
    assert verify(options.out) == []


def test_retry_failed_takes_only_those(options: Options, books: Path) -> None:
    cells = [throwaway.cell(0), throwaway.cell(1, "raise")]
    run(cells, options)
    throwaway.notebook(
        books / "throwaway.ipynb",
        ("parameters", throwaway.PARAMETERS),
        ("train", throwaway.WORK.replace('mode == "raise"', 'mode == "never"')),
        ("store", throwaway.SAVE),
    )
    # the notebook is mended, so the other cell is out of date too: it is left alone all the same
    summary = run([*cells, throwaway.cell(2)], Options(out=options.out, notebooks=books, retry_failed=True))
    assert summary.done == 1
    assert summary.failed == ()
    assert set(Cells(options.out).names()) == {"throwaway-0", "throwaway-1"}


def test_a_cell_that_takes_too_long_is_stopped(options: Options) -> None:
    limited = Options(out=options.out, notebooks=options.notebooks, timeout=2.0)
    summary = run([throwaway.cell(0, "hang")], limited)
    assert summary.failed[0].status == "timed out"
    assert summary.seconds < 60


def test_a_kernel_that_cannot_start_is_tried_again(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    launch = forked.ForkServer.launch
    calls = []

    def refuse_once(self: forked.ForkServer, *arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 1:
            raise OSError("no process can be started")
        return launch(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(forked.ForkServer, "launch", refuse_once)
    summary = run([throwaway.cell(0)], options)
    assert (summary.done, len(calls)) == (1, 2)
    assert rows(options.out)["throwaway-0"]["attempts"] == 2


def test_a_kernel_that_never_starts_is_given_up(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: forked.ForkServer, *_: object) -> object:
        raise OSError("no process can be started")

    monkeypatch.setattr(forked.ForkServer, "launch", refuse)
    summary = run([throwaway.cell(0), throwaway.cell(1)], options)
    assert [(f.status, f.attempts) for f in summary.failed] == [("no kernel", local.ATTEMPTS)] * 2
    assert "no process can be started" in summary.failed[0].error


def test_no_process_outlives_its_cell(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    from experiments.suite import execute

    seen: list[psutil.Process] = []
    gather = execute._gather  # called when the notebook has ended: every process of the cell must be ending by then

    def watch(*arguments: Any) -> Any:
        seen.extend(child for child in psutil.Process().children(recursive=True) if child.name() == "sleep")
        return gather(*arguments)

    monkeypatch.setattr(execute, "_gather", watch)
    assert run([throwaway.cell(0, "spawn")], options).done == 1
    throwaway.wait_until_ended(seen, within=10)


def test_mistakes_in_a_notebook_are_found_before_anything_runs(options: Options, books: Path) -> None:
    wrong = Cell(id="wrong", notebook="throwaway.ipynb", parameters={"numbr": 1})
    with pytest.raises(UserError, match=r"throwaway.ipynb has no parameter 'numbr' .* mode, number, out, seconds"):
        run([throwaway.cell(0), wrong], options)
    throwaway.notebook(books / "throwaway.ipynb", ("setup", throwaway.PARAMETERS))
    with pytest.raises(UserError, match="no cell tagged `parameters`"):
        run([throwaway.cell(0)], options)
    (books / "throwaway.ipynb").write_text("no notebook")
    with pytest.raises(UserError, match="no notebook that can be read"):
        run([throwaway.cell(0)], options)
    (books / "throwaway.ipynb").unlink()
    with pytest.raises(UserError, match="There is no notebook"):
        run([throwaway.cell(0)], options)
    assert not options.out.exists()


def test_damage_is_named_and_only_that_cell_runs_again(options: Options) -> None:
    cells = throwaway.plan(3)
    run(cells, options)
    first = tables(options.out)
    folder = options.out / "cells" / "throwaway-1"
    for damage, what in [
        (lambda: _flip(folder / "numbers.parquet"), "numbers.parquet was altered"),
        (lambda: os.truncate(folder / "numbers.parquet", 100), "numbers.parquet was altered"),
        (lambda: (folder / "notebook.ipynb").unlink(), "notebook.ipynb is missing"),
        (lambda: (folder / "manifest.json").unlink(), "manifest.json is missing"),
        (lambda: _flip(folder / "manifest.json"), "manifest.json was altered"),
        (lambda: (folder / "more").touch(), "more is not part of the cell"),
    ]:
        damage()
        problems = verify(options.out)
        assert len(problems) == 1
        assert problems[0].endswith(f"throwaway-1/{what}")
        again = run(cells, options)
        assert (again.done, again.cached) == (1, 3)
        assert tables(options.out) == first
        assert verify(options.out) == []


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_damaged_table_is_named_and_made_again_without_running(options: Options) -> None:
    run(throwaway.plan(2), options)
    first = tables(options.out)
    _flip(options.out / "tables" / "numbers.parquet")
    (options.out / "tables" / "total.csv").unlink()
    assert len(verify(options.out)) == 2
    made = []
    rebuild(options.out, lambda out: made.append(out) or out)  # type: ignore[func-returns-value]
    assert made == [options.out]
    assert tables(options.out) == first
    assert verify(options.out) == []


def test_the_outlook_knows_what_is_stored_and_what_it_cost(options: Options) -> None:
    cells = throwaway.plan(3, seconds=0.2)
    before = outlook(cells, options.out, 2, options.notebooks)
    assert (len(before.cached), len(before.costs), before.measured, before.networks) == (0, 4, False, 3)
    assert before.seconds == wall_time(before.costs.values(), 2) + STARTUP + FINISH
    assert not options.out.exists()
    run(cells, options)
    after = outlook(cells, options.out, 2, options.notebooks)
    assert (after.cached, after.seconds) == ({cell.id for cell in cells}, 0)
    more = outlook([*cells, throwaway.cell(7)], options.out, 2, options.notebooks)
    assert set(more.costs) == {"throwaway-7", "throwaway_last"}
    (options.out / "run.json").write_text(json.dumps({"seconds": {"startup": 30.0, "finish": 12.0}}))
    more = outlook([*cells, throwaway.cell(7)], options.out, 2, options.notebooks)
    assert more.seconds == wall_time(more.costs.values(), 2) + 42.0
    assert more.measured


@pytest.mark.parametrize(
    ("parameters", "backend", "preloaded"),
    [
        ({}, "tensorflow", ()),
        ({"framework": "keras-tensorflow"}, "tensorflow", ("keras-tensorflow",)),
        ({"framework": "keras-jax"}, "jax", ("keras-jax",)),
        ({"framework": "torch"}, "torch", ("torch",)),
        ({"frameworks": ["keras-tensorflow", "torch"]}, "tensorflow", ("keras-tensorflow",)),
        # an atlas trains in none, and needs Keras on its own backend
        ({"backend": "tensorflow"}, "tensorflow", ()),
        ({"backend": "jax"}, "jax", ("keras-jax",)),
        ({"backend": "torch"}, "torch", ("torch",)),
        ({"backend": "no such"}, "tensorflow", ()),
    ],
)
def test_a_kernel_is_forked_with_what_its_cell_trains_in(
    parameters: dict[str, Any], backend: str, preloaded: tuple[str, ...]
) -> None:
    """Of a cell that trains in several frameworks, with the main one's modules: the others are imported in turn."""
    if not all(FRAMEWORKS[name].installed for name in preloaded):
        pytest.skip(f"{preloaded} is not installed")
    cell = Cell(id="a", notebook="binary.ipynb", parameters=parameters)
    assert (state._backend(cell), state._preloaded(cell)) == (backend, preloaded)


@pytest.mark.parametrize(
    ("names", "force", "lacks"), [("ab", False, False), ("abc", False, True), ("ab", True, True), ("", False, False)]
)
def test_cells_that_are_not_stored_must_surely_be_run(names: str, force: bool, lacks: bool) -> None:
    stored: Any = SimpleNamespace(options=SimpleNamespace(force=force), store=SimpleNamespace(names=lambda: ["a", "b"]))
    cells = [Cell(id=name, notebook="binary.ipynb") for name in names]
    assert state.State.lacks(stored, cells) == lacks


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("no", "ValueError: no"),
        ("first\nsecond", "ValueError: first"),
        ("where:\n\n  between\n  what it is ", "ValueError: where: what it is"),  # as TensorFlow says it
        ("where:", "ValueError: where:"),
        ("", "ValueError: "),
    ],
)
def test_what_a_cell_raised_is_told_in_one_line(said: str, told: str, tmp_path: Path) -> None:
    problem = PapermillExecutionError(1, 1, "source", "ValueError", said, ["\x1b[31mred\x1b[0m", "last"])
    assert execute._explain(problem, None, tmp_path) == ("raised", told, "red\nlast")  # type: ignore[arg-type]


def test_the_seconds_of_a_notebook_are_added_up_by_tag() -> None:
    def code(seconds: float | None, *tags: str, kind: str = "code") -> SimpleNamespace:
        return SimpleNamespace(cell_type=kind, metadata={"tags": tags, "papermill": {"duration": seconds}})

    cells = [code(2.0, "train"), code(3.0, "hide", "train"), code(1.0), code(0.25, "parameters"), code(0.5, "show"),
             code(None, "train"), code(9.0, "train", kind="markdown")]  # fmt: skip
    assert execute._times(SimpleNamespace(cells=cells)) == {"train": 5.0, "other": 1.25, "show": 0.5}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize(("rows", "kept"), [(200_000, 2), (800_000, 1)])
def test_a_full_disk_stops_the_run_and_keeps_what_is_stored(
    small_disk: Path, books: Path, rows: int, kept: int
) -> None:
    """The smaller table can still be stored, but not merged; the larger one cannot even be stored."""
    options = Options(out=small_disk / "out", notebooks=books, workers=1)
    run([throwaway.cell(0)], options)
    with pytest.raises(OSError, match="No space left on device"):
        run([throwaway.cell(0), throwaway.cell(1, str(rows))], options)
    assert len(list(Cells(options.out).valid())) == len(Cells(options.out).names()) == kept
    assert verify(options.out) == []
    assert not [path for path in options.out.rglob(".*parquet*") if path.is_file()]  # nothing half written is left
    again = run([throwaway.cell(0), throwaway.cell(1)], options)  # this one fits
    assert (again.done, again.cached) == (1, 1)


def test_a_folder_that_has_become_read_only_is_a_mistake_of_the_caller(small_disk: Path, books: Path) -> None:
    options = Options(out=small_disk / "out", notebooks=books, workers=1)
    run([throwaway.cell(0)], options)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(UserError, match="cannot be written: Read-only file system"):
        run([throwaway.cell(0), throwaway.cell(1)], options)
    assert verify(options.out) == []
    assert outlook([throwaway.cell(0)], options.out, 1, books).cached == {"throwaway-0"}


def test_two_runs_cannot_use_one_folder_at_once(options: Options) -> None:
    from experiments.suite.lock import hold

    with hold(options.out), pytest.raises(UserError, match=rf"is in use by process {os.getpid()} on \S+ since \d{{4}}"):
        run([throwaway.cell(0)], options)
    with hold(options.out, "1/2"):
        with pytest.raises(UserError, match="is in use"):
            run([throwaway.cell(0)], options)
        assert run(
            [throwaway.cell(0), throwaway.cell(1)], Options(out=options.out, notebooks=options.notebooks, shard="2/2")
        ).done


def test_unless_it_is_told_a_run_repeats_nothing_and_has_one_worker() -> None:
    options = Options(out=Path("x"))
    assert (options.force, options.retry_failed, options.workers) == (False, False, 1)
    assert options.timeout == 6 * 60 * 60  # seconds


def test_impossible_options_are_refused() -> None:
    with pytest.raises(UserError, match="--workers is 0"):
        Options(out=Path("x"), workers=0)
    with pytest.raises(UserError, match="--timeout is -1"):
        Options(out=Path("x"), timeout=-1)
    with pytest.raises(UserError, match="--shard runs without Dask"):
        Options(out=Path("x"), shard="1/2", scheduler="tcp://127.0.0.1:8786")
