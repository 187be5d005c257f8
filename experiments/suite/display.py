"""What a user sees while cells run: a live view on a terminal, else one plain line a cell."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from experiments.suite.costs import lengths, wall_time
from experiments.suite.jobs import JobResult


class Lines:
    """One plain line a cell; every method may be called from any thread."""

    def __init__(
        self,
        networks: Mapping[str, int],
        cached: int,
        costs: Mapping[str, float],
        workers: int,
        stream: TextIO | None = None,
    ) -> None:
        self._stream = stream or sys.stderr
        self._lock = threading.Lock()
        self._networks, self._workers = networks, workers
        self._waiting = dict(costs)
        self._started: dict[str, float] = {}
        self._steps: dict[str, tuple[int, int]] = {}
        self.began: float | None = None  # when the first cell did, in seconds since the epoch
        self._took = self._thought = 0.0
        self.done = self.failed = self.trained = 0
        self.cached = cached
        self.total = len(costs) + cached
        self.notes: list[str] = []

    def __enter__(self) -> Lines:
        if self.cached:
            self._line(f"{self.cached} of {self.total} cells are stored already")
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def note(self, text: str) -> None:
        """Tell something about the run as a whole, such as where the dashboard is."""
        self.notes.append(text)
        self._line(text)

    def expect(self, costs: Mapping[str, float]) -> None:
        """Count more cells, with the seconds that each should take."""
        with self._lock:
            self.total += len(costs)
            self._waiting.update(costs)

    def started(self, cell: str) -> None:
        """The cell begins to compute."""
        with self._lock:
            self.began = self.began or time.time()
            self._started.setdefault(cell, time.monotonic())

    def step(self, cell: str, done: int, total: int) -> None:
        """A running cell's own progress."""
        with self._lock:
            self._started.setdefault(cell, time.monotonic())
            self._steps[cell] = (done, total)

    def divided(self, cell: str, parts: Sequence[str], of: int) -> None:
        """The networks of a cell are trained in parts: `parts` are to come, of as many as `of`, and then the cell."""
        with self._lock:
            self._started.pop(cell, None)
            self._steps.pop(cell, None)
            each, *_, rest = lengths(self._waiting.get(cell, 0.0), of)
            self._waiting |= {cell: rest, **dict.fromkeys(parts, each)}
        stored = f", {of - len(parts)} of them stored already" if len(parts) < of else ""
        self._line(f"{cell} is trained in {of} parts{stored}")

    def part_ended(self, outcome: JobResult) -> None:
        """A part of a cell is trained or has failed."""
        with self._lock:
            self._account(outcome)

    def ended(self, outcome: JobResult) -> None:
        """A cell is done or has failed."""
        with self._lock:
            self._account(outcome)
            if outcome.done:
                self.done += 1
                self.trained += self._networks.get(outcome.cell, 0)
            else:
                self.failed += 1
        count = self.done + self.failed + self.cached
        how = "done" if outcome.done else f"FAILED ({outcome.reason}: {outcome.error})"
        self._line(f"[{count}/{self.total}] {outcome.cell} {how} in {outcome.seconds:.1f} s, {self.left()} left")

    def _account(self, outcome: JobResult) -> None:
        self._thought += self._waiting.pop(outcome.cell, 0.0)
        self._took += outcome.seconds
        self._started.pop(outcome.cell, None)
        self._steps.pop(outcome.cell, None)

    def left(self) -> str:
        """The time left, from what cells are known to cost and how the ended ones kept to it."""
        with self._lock:
            now = time.monotonic()
            slower = self._took / self._thought if self._thought else 1.0
            rest = [slower * cost - (now - self._started.get(cell, now)) for cell, cost in self._waiting.items()]
        return readable(wall_time([max(seconds, 0.0) for seconds in rest], self._workers))

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class Board(Lines):
    """A live view: what is running, with its steps, over the counts and the time left."""

    def __init__(self, *arguments: object, console: Console, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._console = console
        self._live = Live(console=console, get_renderable=self._draw, refresh_per_second=4)

    def __enter__(self) -> Board:
        self._live.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.__exit__(*error)  # type: ignore[arg-type]

    def _line(self, text: str) -> None:
        self._console.print(text, style="red" if "FAILED" in text else None, markup=False, highlight=False)

    def _draw(self) -> Group:
        left = self.left()
        with self._lock:
            now = time.monotonic()
            running = [(cell, now - since, self._steps.get(cell)) for cell, since in self._started.items()]
            waiting = len(self._waiting) - len(running)
        grid = Table.grid(padding=(0, 2))
        for cell, seconds, steps in running:
            share = f"{steps[0]:,} / {steps[1]:,} steps" if steps else ""
            grid.add_row(Text("running", style="cyan"), cell, f"{seconds:.0f} s", share)
        counts = (
            f"{self.done} done, {self.cached} cached, {self.failed} failed, {len(running)} running, {waiting} waiting"
            f" of {self.total} cells; {self.trained:,} networks trained; {left} left"
        )
        return Group(grid, Text(counts, style="bold"))


def display(
    networks: Mapping[str, int], cached: int, costs: Mapping[str, float], workers: int, console: Console | None = None
) -> Lines:
    """A live view if standard error is a terminal, else plain lines."""
    console = console or Console(stderr=True)
    if console.is_terminal:
        return Board(networks, cached, costs, workers, console=console)
    return Lines(networks, cached, costs, workers)


def readable(seconds: float) -> str:
    """Seconds as a person says them: "40 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
