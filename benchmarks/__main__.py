"""`python -m benchmarks`: time the stacked engine against what one would use instead, and print what was found."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks import answer, history, show
from benchmarks.command import run
from benchmarks.jobs import Job, cores, in_turns, settle
from benchmarks.plan import PARTS, turns
from benchmarks.work import FULL, QUICK
from experiments.records import require

RESULTS = Path("results/standard")

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def machine_info() -> dict[str, Any]:
    """What the figures depend on besides the code."""
    return {
        "processor": processor(),
        "cores": cores(),
        "threads": cores(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
    }


def processor() -> str:
    """The processor's name, as Linux tells it, else as Python does."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


@app.command(epilog="Example: python -m benchmarks --quick --only mlp,seeds")
def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Few seeds and steps, once: to see that it works.")] = False,
    only: Annotated[str, typer.Option(metavar="A,B", help=f"Only these parts: {', '.join(PARTS)}.")] = "",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write every timing here, as JSON.")] = None,
    results: Annotated[Path, typer.Option(metavar="FOLDER", help="The run whose cost of an answer is told.")] = RESULTS,
    keep: Annotated[bool, typer.Option("--keep", help="Add the ratios to benchmarks/history.csv.")] = False,
) -> None:
    """Train the same networks by several means, each in fresh processes that take turns; print medians."""
    size = QUICK if quick else FULL
    planned = turns(size, tuple(part for part in only.split(",") if part))
    if out is not None:
        require(out.parent.is_dir(), f"There is no folder {str(out.parent)!r} to write {out.name!r} to.")
    settle()
    console = Console(width=None if sys.stdout.isatty() else 120)
    machine, started = machine_info(), time.perf_counter()
    console.print(show.heading(machine, size))
    found: dict[str, Any] = {}
    for group in planned:

        def told(job: Job, turn: int, group: Any = group) -> None:
            words = f"{group.title}: {job.name} ({turn + 1} of {group.repeats})"
            print(f"{time.perf_counter() - started:6.0f} s  {words}", file=sys.stderr, flush=True)

        timed = in_turns(group.jobs, group.repeats, told)
        for (part, name), timings in timed.items():
            found.setdefault(part, {})[name] = timings
        for table in show.tables(group, timed, found):
            console.print(table)
    machine["load_after"], machine["seconds"] = os.getloadavg()[0], time.perf_counter() - started
    console.print(f"Took {machine['seconds']:.0f} s; load {machine['load_before']:.1f} to {machine['load_after']:.1f}.")
    console.print(answer.in_words(results))
    if keep:
        history.keep(history.line(machine, found, answer.cost(results)))
    if out is not None:
        out.write_text(json.dumps({"machine": machine, "timings": found}, indent=1))


if __name__ == "__main__":
    run(app)
