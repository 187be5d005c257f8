"""What a user sees while cells run, and how the time left is told."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

import experiments.suite.display as show
from experiments.records import Cell
from experiments.suite.cells import Manifest
from experiments.suite.costs import OVERHEAD, estimate, wall_time
from experiments.suite.display import Board, Lines, display, readable
from experiments.suite.jobs import JobResult

NETWORKS = {"a": 10, "b": 20, "c": 30}


def test_a_terminal_gets_a_live_view_and_a_file_plain_lines() -> None:
    assert isinstance(display(NETWORKS, 0, {}, 1, Console(force_terminal=True, file=io.StringIO())), Board)
    assert type(display(NETWORKS, 0, {}, 1, Console(file=io.StringIO()))) is Lines


def test_plain_lines_are_one_a_cell() -> None:
    stream = io.StringIO()
    with Lines(NETWORKS, 1, {"a": 10.0, "b": 10.0}, 1, stream) as lines:
        lines.note("hello")
        lines.started("a")
        lines.step("a", 3, 7)
        lines.ended(JobResult(cell="a", seconds=20.0))
        lines.started("b")
        lines.ended(JobResult(cell="b", seconds=1.0, reason="raised", error="ValueError: no"))
        lines.expect({"c": 5.0})
        lines.ended(JobResult(cell="c", seconds=1.0))
    assert stream.getvalue().splitlines() == [
        "1 of 3 cells are stored already",
        "hello",
        "[2/3] a done in 20.0 s, 20 s left",  # b should take 10 s, but a took twice as long as it should
        "[3/3] b FAILED (raised: ValueError: no) in 1.0 s, 0 s left",
        "[4/4] c done in 1.0 s, 0 s left",
    ]
    assert (lines.done, lines.failed, lines.cached, lines.trained) == (2, 1, 1, 40)
    assert lines.began == pytest.approx(time.time(), abs=60)


def test_a_cell_that_nobody_expected_says_nothing_of_the_others() -> None:
    with Lines({}, 0, {"a": 10.0, "b": 10.0}, 1, io.StringIO()) as lines:
        lines.ended(JobResult(cell="a", seconds=20.0))
        lines.ended(JobResult(cell="unexpected", seconds=0.0))
        assert lines.left() == "20 s"  # b, which takes twice as long as it should, as a did


def test_what_a_running_cell_has_done_is_not_left_and_a_late_one_is_about_to_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(show.time, "monotonic", lambda: now[0])
    with Lines({}, 0, {"a": 60.0, "b": 20.0}, 2, io.StringIO()) as lines:
        lines.started("a")
        now[0] += 15.0
        lines.started("a")  # told again: it began when it was first told
        lines.started("b")
        assert lines.left() == "45 s"
        now[0] += 30.0
        assert lines.left() == "15 s"
        now[0] += 30.0
        assert lines.left() == "0 s"


def test_the_live_view_shows_counts_steps_and_the_time_left() -> None:
    console = Console(force_terminal=True, file=io.StringIO(), width=100, color_system=None)
    with Board(NETWORKS, 1, {"a": 100.0, "b": 100.0, "c": 100.0}, 1, console=console) as board:
        board.started("a")
        board.step("a", 1500, 4000)
        board.ended(JobResult(cell="c", seconds=100.0))
        shown = Console(file=io.StringIO(), width=100)
        shown.print(board._draw())
    text = shown.file.getvalue()  # type: ignore[attr-defined]
    assert "running  a  0 s  1,500 / 4,000 steps" in text
    assert "1 done, 1 cached, 0 failed, 1 running, 1 waiting of 4 cells; 30 networks trained; 3 min left" in text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (89, "89 s"), (120, "2 min"), (5399, "1 h 30 min"), (12000, "3 h 20 min")]
)
def test_seconds_are_told_as_a_person_does(seconds: float, text: str) -> None:
    assert readable(seconds) == text


def test_workers_share_cells_the_longest_first() -> None:
    assert wall_time([3, 1, 2], 1) == 6
    assert wall_time([3, 1, 2], 2) == 3
    assert wall_time([], 4) == 0


def cell(network: str = "mlp", task: str = "moons", seeds: int = 10, steps: int = 100) -> Cell:
    parameters = {"network": network, "task": task, "seeds": seeds, "steps": steps, "image_side": 14}
    return Cell(id=f"{task}-{network}", notebook="binary.ipynb", parameters=parameters, networks=seeds)


def measured(cell: Cell, seconds: float) -> Manifest:
    return Manifest(
        cell=cell.id, kind="binary", key="", parameters=cell.parameters, networks=cell.networks, seconds=seconds
    )


def test_a_cell_that_was_measured_takes_as_long_again() -> None:
    assert estimate([cell()], [measured(cell(), 12.5), measured(cell(task="x"), 1)]) == {"moons-mlp": 12.5}


def test_what_grows_is_scaled_from_the_nearest_measured_cell() -> None:
    known = [measured(cell(), OVERHEAD + 10), measured(cell(task="x"), OVERHEAD + 90)]
    # three times the seeds and twice the steps: six times what is beyond the overhead
    assert estimate([cell(seeds=30, steps=200)], known)["moons-mlp"] == pytest.approx(OVERHEAD + 60)
    # another task: the same network on whatever was measured
    assert estimate([cell(task="y")], known)["y-mlp"] == pytest.approx(OVERHEAD + 90)


def test_with_nothing_measured_the_estimate_still_grows_with_the_work() -> None:
    small, large = cell(), cell(seeds=100)
    assert estimate([large], [])[large.id] > estimate([small], [])[small.id] > OVERHEAD
    assert estimate([cell("gru")], [])["moons-gru"] > estimate([small], [])[small.id]


def test_a_kind_that_trains_nothing_takes_what_its_like_took() -> None:
    other = Cell(id="n", notebook="numerics.ipynb", parameters={"backend": "x"})
    assert estimate([other], [])["n"] > 0
    known = Manifest(cell="m", kind="numerics", key="", parameters={}, networks=0, seconds=7.0)
    assert estimate([other], [known]) == {"n": 7.0}
