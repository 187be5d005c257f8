"""`python -m benchmarks.scale`: how long a preset takes on many workers, by Dask's own scheduler.

Every cell is a task that waits a part of the time that the cell would take, on a worker that is a thread of this
process: the scheduler hands out what it would hand out on a cluster. A cell that the suite would train in parts is as
many tasks as it has, of the chunks that its engine would make of it. Beside it stands what takes longest of one cell,
and how fast the run would be if no cell were cut.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated

import dask
import pyarrow.parquet as pq
import typer
from distributed import Client, Future, LocalCluster, as_completed

from benchmarks.command import run
from experiments.engines import driver, prepare, trainer
from experiments.plan import NOTEBOOKS, Choice, kind_of, plan
from experiments.protocols import PRESETS
from experiments.records import Cell, Setup, require
from experiments.suite import Cells
from experiments.suite.cells import Manifest
from experiments.suite.costs import OVERHEAD, estimate, parts_of, wall_time
from experiments.suite.notebooks import shares_training
from experiments.tables import MAIN

REFERENCE = Path("results/reference")
SECONDS = 60.0  # the scheduler takes milliseconds a task: in much less they would be most of it
ASKING = 3.0  # seconds until a cell's notebook has found how many chunks its networks are

# of one cell, one after another, what can be done at the same time: seconds of each task
Stages = Sequence[Sequence[float]]

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def simulated(cells: Sequence[Stages], workers: int, within: float = SECONDS) -> float:
    """Seconds until `workers` of Dask have done these cells; it is found out in about `within` seconds."""
    faster = planned(cells, workers) / within
    # a thousand of Dask's workers in one process take minutes to start: ten threads of one do as well as ten of them
    threads = 10 if workers > 100 and workers % 10 == 0 else 1
    with ExitStack() as stack:
        # as docs/running.md has a scheduler started; and a hundred times a second each worker would look at its threads
        ours = {"distributed.scheduler.worker-saturation": 1.0, "distributed.worker.profile.enabled": False}
        stack.enter_context(dask.config.set(ours))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the usual port of the dashboard is taken: another is used
            cluster = stack.enter_context(
                LocalCluster(n_workers=workers // threads, threads_per_worker=threads, processes=False, memory_limit=0)
            )
        client = stack.enter_context(Client(cluster))
        client.wait_for_workers(workers // threads)
        of: dict[Future, Iterator[Sequence[float]]] = {}  # by task, what is left of its cell
        open_tasks: dict[int, int] = {}

        def begin(some: Sequence[Iterator[Sequence[float]]], priority: int) -> list[Future]:
            # at once and of one group, as the suite hands them out
            lengths = [(length / faster, left) for left in some for length in next(left, ())]
            keys = [("cell", len(of) + number) for number in range(len(lengths))]
            tasks = client.map(time.sleep, [length for length, _ in lengths], key=keys, pure=False, priority=priority)
            for task, (_, left) in zip(tasks, lengths, strict=True):
                of[task] = left
                open_tasks[id(left)] = open_tasks.get(id(left), 0) + 1
            return tasks

        begun = time.perf_counter()
        ended = as_completed(begin([iter(cell) for cell in sorted(cells, key=seconds_of, reverse=True)], 0))
        for task in ended:
            left = of[task]
            open_tasks[id(left)] -= 1
            if not open_tasks[id(left)]:
                ended.update(begin([left], 1))  # the suite's own priority of what follows
        return (time.perf_counter() - begun) * faster


def planned(cells: Sequence[Stages], workers: int) -> float:
    """Seconds until `workers` have done these cells: as long as all tasks take, and as one cell at least."""
    tasks = [length for cell in cells for stage in cell for length in stage]
    return max(wall_time(tasks, workers), *map(chain, cells))


def seconds_of(cell: Stages) -> float:
    """Seconds that one worker has to do with a cell."""
    return sum(map(sum, cell))


def chain(cell: Stages) -> float:
    """Seconds that a cell takes however many workers there are."""
    return sum(map(max, cell))


def stages(seconds: float, chunks: Sequence[int], most: int) -> Stages:
    """The tasks of a cell of so many seconds that is trained in at most so many parts, of `chunks` of networks."""
    parts = min(len(chunks), most)
    if parts == 1:
        return [[seconds]]
    shares = [sum(chunks[number::parts]) / sum(chunks) for number in range(parts)]
    return [[ASKING], [OVERHEAD + (seconds - OVERHEAD) * share for share in shares], [OVERHEAD]]


def chunks_of(cell: Cell) -> tuple[int, ...]:
    """How many networks of a cell advance together, each time; those of other frameworks than the main one as one.

    The optimizer is no part of it.
    """
    if cell.parameters["framework"] != MAIN:
        return (cell.networks,)
    setup = replace(Setup(**cell.parameters), optimizer="sgd")
    return _chunks(setup)


@cache
def _chunks(setup: Setup) -> tuple[int, ...]:
    framework = trainer(setup.framework)
    with framework.precision(setup.dtype):
        problem = prepare(setup)
        return tuple(map(len, driver.planned_chunks(problem, framework.factory(problem))))


def measured(out: Path) -> list[Manifest]:
    """The cells of a result that were timed, also where its tables alone were kept."""
    manifests = list(Cells(out).manifests())
    table = out / "tables" / "cells.parquet"
    if manifests or not table.is_file():
        return manifests
    preset = json.loads((out / "run.json").read_text(encoding="utf-8"))["settings"]["preset"]
    parameters = {cell.id: cell.parameters for cell in plan(PRESETS[preset])}
    return [
        Manifest(
            cell=row["cell"],
            kind=row["kind"],
            key="",
            parameters=parameters[row["cell"]],
            networks=row["networks_trained"],
            seconds=row["seconds"],
        )
        for row in pq.read_table(table).to_pylist()
        if row["cell"] in parameters and row["status"] in ("done", "cached")
    ]


def costs_of(cells: Sequence[Cell], out: Path) -> dict[str, float]:
    """Seconds of each cell, by its id: from what is stored in `out`, else from figures measured once."""
    return estimate(cells, measured(out))


def divided(cells: Sequence[Cell], costs: Mapping[str, float], workers: int) -> list[Stages]:
    """The tasks of each cell, as the suite divides them among `workers`."""
    shared = [cell.id for cell in cells if shares_training(cell, NOTEBOOKS)]
    most = parts_of(costs, workers, shared)
    return [
        stages(costs[cell.id], chunks_of(cell), most[cell.id]) if cell.id in most else [[costs[cell.id]]]
        for cell in cells
    ]


def row(cells: Sequence[Stages], total: float, whole: float, workers: int, within: float = SECONDS) -> str:
    """One line of the table; `total`: seconds of one worker; `whole`: seconds without parts."""
    took, cut = simulated(cells, workers, within), sum(len(cell) > 1 for cell in cells)
    longest = max(map(chain, cells)) / 60
    return f"| {workers:,} | {took / 60:.1f} | {total / took:.1f} | {cut} | {longest:.1f} | {total / whole:.1f} |"


@app.command(epilog="Example: python -m benchmarks.scale --preset standard --workers 2,50")
def scale(
    preset: Annotated[str, typer.Option(metavar="NAME", help="Whose cells.")] = "full",
    workers: Annotated[str, typer.Option(metavar="N,M", help="How many workers.")] = "2,10,100",
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Results whose cells were timed.")] = REFERENCE,
    seeds: Annotated[int | None, typer.Option(metavar="N", help="Seeds a cell; default: the preset's.")] = None,
    seconds: Annotated[float, typer.Option(metavar="S", help="How long each simulation takes, about.")] = SECONDS,
) -> None:
    """Print how long a preset takes on some numbers of workers."""
    numbers = workers.split(",")
    require(
        all(number.isdecimal() and int(number) for number in numbers),
        f"--workers is {workers!r}. Give whole numbers with commas, for example --workers 10,100.",
    )
    require(seconds > 0, f"--seconds is {seconds:g}. Give a number above 0, for example --seconds 30.")
    cells = [cell for cell in plan(PRESETS[preset], Choice(seeds=seeds)) if not kind_of(cell).last]
    costs = costs_of(cells, out)
    total = sum(costs.values())
    print(f"{preset}: {len(cells)} cells, {total / 3600:.1f} h in all, the longest {max(costs.values()) / 60:.1f} min")
    print("| workers | minutes | times one worker's speed | cells in parts | minutes of the longest | without parts |")
    print("| --- | --- | --- | --- | --- | --- |")
    for number in map(int, numbers):
        whole = wall_time(costs.values(), number)
        print(row(divided(cells, costs, number), total, whole, number, seconds), flush=True)


if __name__ == "__main__":
    run(app)
