"""`python -m benchmarks.scale`: how long a preset takes on many workers, by Dask's own scheduler.

Every cell is a task that waits a part of the time that the cell would take, on a worker that is a thread of this
process: the scheduler hands out what it would hand out on a cluster. Beside it stands what the plan says, which gives
each cell to the worker that is free first.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from distributed import Client, LocalCluster, wait

from benchmarks.command import run
from experiments.plan import kind_of, plan
from experiments.protocols import PRESETS
from experiments.records import require
from experiments.suite import Cells
from experiments.suite.costs import estimate, wall_time

STANDARD = Path("results/standard")
SECONDS = 60.0  # the scheduler takes milliseconds a task: in much less they would be most of it

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def simulated(lengths: Sequence[float], workers: int, within: float = SECONDS) -> float:
    """Seconds until `workers` of Dask have done tasks of these lengths; it is found out in about `within` seconds."""
    faster = wall_time(lengths, workers) / within
    with ExitStack() as stack:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the usual port of the dashboard is taken: another is used
            cluster = stack.enter_context(
                LocalCluster(n_workers=workers, threads_per_worker=1, processes=False, memory_limit=0)
            )
        client = stack.enter_context(Client(cluster))
        client.wait_for_workers(workers)
        begun = time.perf_counter()
        # the longest first, and of one group, as the suite hands them out
        tasks = [
            client.submit(time.sleep, length / faster, key=("cell", rank), pure=False, priority=-rank)
            for rank, length in enumerate(sorted(lengths, reverse=True))
        ]
        wait(tasks)
        return (time.perf_counter() - begun) * faster


def lengths_of(preset: str, out: Path) -> list[float]:
    """Seconds of each cell that workers share, from what is stored in `out`, else from figures measured once."""
    cells = [cell for cell in plan(PRESETS[preset]) if not kind_of(cell).last]
    return [*estimate(cells, list(Cells(out).manifests())).values()]


def row(lengths: Sequence[float], workers: int, within: float = SECONDS) -> str:
    """One line of the table."""
    took, total = simulated(lengths, workers, within), sum(lengths)
    return f"| {workers:,} | {took / 60:.1f} | {total / took:.1f} | {wall_time(lengths, workers) / 60:.1f} |"


@app.command(epilog="Example: python -m benchmarks.scale --preset standard --workers 2,50")
def scale(
    preset: Annotated[str, typer.Option(metavar="NAME", help="Whose cells.")] = "full",
    workers: Annotated[str, typer.Option(metavar="N,M", help="How many workers.")] = "2,10,100",
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Results whose cells were timed.")] = STANDARD,
    seconds: Annotated[float, typer.Option(metavar="S", help="How long each simulation takes, about.")] = SECONDS,
) -> None:
    """Print how long a preset takes on some numbers of workers."""
    numbers = workers.split(",")
    require(
        all(number.isdecimal() and int(number) for number in numbers),
        f"--workers is {workers!r}. Give whole numbers with commas, for example --workers 10,100.",
    )
    require(seconds > 0, f"--seconds is {seconds:g}. Give a number above 0, for example --seconds 30.")
    lengths = lengths_of(preset, out)
    hours, longest = sum(lengths) / 3600, max(lengths) / 60
    print(f"{preset}: {len(lengths)} cells, {hours:.1f} h in all, the longest {longest:.1f} min")
    print("| workers | minutes | times one worker's speed | minutes, as planned |\n| --- | --- | --- | --- |")
    for number in numbers:
        print(row(lengths, int(number), seconds), flush=True)


if __name__ == "__main__":
    run(app)
