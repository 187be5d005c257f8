"""The command line: `headtohead`, which is `python -m experiments`.

Whatever is slow to import is imported by the verb that needs it, so that listing and planning answer at once.
"""

from __future__ import annotations

import shlex
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import Abort, Exit, TyperException

from experiments.comparison import compare_command
from experiments.records import UserError

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Identical networks, sigmoid head against softmax head: do they differ, and why?",
)

LISTS = {
    "tasks": ("experiments.tasks", "TASKS"),
    "networks": ("experiments.networks", "NETWORKS"),
    "heads": ("experiments.heads", "HEADS"),
    "optimizers": ("experiments.optimizers", "OPTIMIZERS"),
    "frameworks": ("experiments.frameworks", "FRAMEWORKS"),
    "claims": ("experiments.claims", "CLAIMS"),
    "presets": ("experiments.protocols", "PRESETS"),
}

Preset = Annotated[str, typer.Option(metavar="NAME", help="How much: see `headtohead list presets`.")]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the results; default results/PRESET.")]
Tasks = Annotated[str, typer.Option(metavar="A,B", help="Only these tasks: see `headtohead list tasks`.")]
Networks = Annotated[str, typer.Option(metavar="A,B", help="Only these networks.")]
Optimizers = Annotated[str, typer.Option(metavar="A,B", help="Only these optimizers.")]
Heads = Annotated[str, typer.Option(metavar="A,B", help="Only these heads, and sigmoid, which all are compared with.")]
Framework = Annotated[
    str, typer.Option("--framework", metavar="A,B", help="Only what these train: see `headtohead list frameworks`.")
]
Seeds = Annotated[int | None, typer.Option(metavar="N", help="Seeds a cell: splits, initialisations and orders.")]
Steps = Annotated[int | None, typer.Option(metavar="N", help="Optimiser steps a network.")]
Workers = Annotated[
    int | None, typer.Option(metavar="N", help="Cells at once; default: one a core, as far as the memory goes.")
]


@app.command("list", epilog="Example: headtohead list networks")
def list_(
    what: Annotated[str, typer.Argument(metavar="{tasks,networks,heads,optimizers,frameworks,claims,presets}")],
) -> None:
    """Print the names that the other commands take, with a line on each."""
    if what not in LISTS:
        raise UserError(f"There is no list of {what!r}. Known: {', '.join(LISTS)}.")
    module, name = LISTS[what]
    records: list[Any] = getattr(import_module(module), name).values()
    width = max(len(record.name) for record in records)
    for record in records:
        typer.echo(f"{record.name:{width}}  {record.description}")


@app.command(epilog="Example: headtohead plan --preset quick --tasks moons,bananas")
def plan(
    preset: Preset = "standard",
    out: Out = None,
    tasks: Tasks = "",
    networks: Networks = "",
    optimizers: Optimizers = "",
    heads: Heads = "",
    framework: Framework = "",
    seeds: Seeds = None,
    steps: Steps = None,
    workers: Workers = None,
) -> None:
    """Show the cells, the networks to train, what is stored already and the estimated time. Runs nothing."""
    from experiments.suite import outlook

    cells = _cells(preset, tasks, networks, optimizers, heads, framework, seeds, steps)
    view = outlook(cells, _out(out, preset), _workers(workers))
    width = max(len(cell.id) for cell in cells)
    for cell in cells:
        parts = f", in up to {view.parts[cell.id]} parts" if cell.id in view.parts else ""
        state = "stored" if cell.id in view.cached else f"about {view.costs[cell.id]:.0f} s{parts}"
        typer.echo(f"{cell.id:{width}}  {cell.networks:6,} networks  {state}")
    typer.echo(view.text)


@app.command(epilog="Example: headtohead run --preset quick --tasks breast_cancer --networks mlp --seeds 5")
def run(
    preset: Preset = "standard",
    out: Out = None,
    tasks: Tasks = "",
    networks: Networks = "",
    optimizers: Optimizers = "",
    heads: Heads = "",
    framework: Framework = "",
    seeds: Seeds = None,
    steps: Steps = None,
    workers: Workers = None,
    scheduler: Annotated[str, typer.Option(metavar="ADDRESS", help="A Dask scheduler, such as tcp://host:8786.")] = "",
    shard: Annotated[str, typer.Option(metavar="I/N", help="Only the I-th of N parts of the plan, without Dask.")] = "",
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Only the cells that failed before.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Run cells again that are stored already.")] = False,
    timeout: Annotated[float, typer.Option(metavar="S", help="Seconds that a cell of a notebook may take.")] = 21600.0,
) -> None:
    """Train the networks of a preset, execute the notebooks and write the report. What is stored is not run again."""
    from experiments.suite import Options, prepare, report_of_run
    from experiments.suite import run as run_suite

    cells = _cells(preset, tasks, networks, optimizers, heads, framework, seeds, steps)
    folder, count = _out(out, preset), _workers(workers)
    if not scheduler:
        prepare(folder)  # first of all that takes time: it imports beside this process
    options = Options(
        out=folder,
        workers=count,
        scheduler=scheduler,
        shard=shard,
        retry_failed=retry_failed,
        force=force,
        timeout=timeout,
        command=shlex.join(["headtohead", *sys.argv[1:]]),
        settings=_settings(preset, cells),
    )
    try:
        summary = run_suite(cells, options, report_of_run)
    except OSError as error:
        reason = f"{error.strerror or error}"
        typer.echo(
            f"Error: {folder} cannot be written: {reason}. What is stored stays valid: "
            "remove the cause and start the same command again.",
            err=True,
        )
        raise Exit(1) from None
    typer.echo(summary.text)
    if summary.failed:
        raise Exit(1)


@app.command(epilog="Example: headtohead report --out results/quick --lang zh")
def report(
    out: Out = None,
    lang: Annotated[str, typer.Option(metavar="{en,zh}", help="The language of the report; default: both.")] = "",
) -> None:
    """Rebuild the report and its figures from the stored tables."""
    from experiments.suite import rebuild, report

    typer.echo(str(rebuild(_existing(out), lambda folder: report(folder, *_names(lang)))))


@app.command(epilog="Example: headtohead verify --out results/quick")
def verify(out: Out = None) -> None:
    """Hash everything that is stored again; exit 1 if a file is missing or altered."""
    from experiments.suite import Cells
    from experiments.suite import verify as problems_of

    folder = _existing(out)
    problems = problems_of(folder)
    for problem in problems:
        typer.echo(problem)
    if problems:
        typer.echo(
            f"{len(problems)} problems. `headtohead run` with the same options makes these cells again.", err=True
        )
        raise Exit(1)
    typer.echo(f"{folder}: {len(Cells(folder).names())} cells and their tables are as they were stored")


@app.command(epilog="Example: headtohead check train.py, or models.py:build, or model.keras")
def check(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="A training script, FILE.py:FUNCTION that returns a model, MODEL.keras or MODEL.h5."
        ),
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[-- ARGUMENTS]", help="Arguments of the script.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
    seconds: Annotated[float, typer.Option(metavar="S", min=0.1, help="How long a script may take to train.")] = 60.0,
) -> None:
    """Check a Keras or PyTorch program's last layers, loss, metrics and labels; exit 1 if there is a problem."""
    from experiments.check import main as check_target

    if code := check_target(target, arguments or (), as_json=as_json, seconds=seconds):
        raise Exit(code)


_EXAMPLE = "Example: headtohead compare customers.csv --target churned --positive yes --budget 5min"
app.command("compare", epilog=_EXAMPLE)(compare_command)


def _cells(
    preset: str,
    tasks: str,
    networks: str,
    optimizers: str,
    heads: str,
    frameworks: str,
    seeds: int | None,
    steps: int | None,
) -> tuple[Any, ...]:
    from experiments.frameworks import require_installed
    from experiments.plan import Choice
    from experiments.plan import plan as plan_of
    from experiments.protocols import PRESETS

    require_installed(_names(frameworks))
    choice = Choice(
        tasks=_names(tasks),
        networks=_names(networks),
        optimizers=_names(optimizers),
        heads=_names(heads),
        frameworks=_names(frameworks),
        seeds=seeds,
        steps=steps,
    )
    return plan_of(PRESETS[preset], choice)


def _names(listed: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in listed.split(",") if (name := part.strip())))


def _settings(preset: str, cells: tuple[Any, ...]) -> dict[str, Any]:
    """The settings that run.json shows: what all cells of a kind have in common; the binary cells' as they are.

    Of `seeds`, which may differ from cell to cell, the range.
    """
    shared: dict[str, Any] = {"preset": preset}
    names = ("seeds", "steps", "batch_size", "record_every", "image_side", "dtype")
    for kind in dict.fromkeys(cell.notebook.removesuffix(".ipynb") for cell in cells):
        every = [cell.parameters for cell in cells if cell.notebook == f"{kind}.ipynb"]
        values = {name: {parameters[name] for parameters in every if name in parameters} for name in names}
        seeds = values["seeds"]
        settings: dict[str, Any] = {name: next(iter(options)) for name, options in values.items() if len(options) == 1}
        if len(seeds) > 1:
            settings["seeds"] = f"{min(seeds)} to {max(seeds)}"
        shared |= settings if kind == "binary" else {kind: settings} if settings else {}
    from experiments.stats import QUANTITIES

    return shared | {"margins": {q.name: q.margin for q in QUANTITIES.values() if q.primary}}


def _workers(workers: int | None) -> int:
    from experiments.suite import default_workers

    if workers is not None and workers < 1:
        raise UserError(f"--workers is {workers}. It must be a whole number of at least 1.")
    return default_workers() if workers is None else workers


def _out(out: Path | None, preset: str) -> Path:
    return Path("results") / preset if out is None else out


def _existing(out: Path | None) -> Path:
    """The folder of a result that is there. Raises `UserError` if it is not."""
    folder = _out(out, "standard")
    if not (folder / "cells").is_dir():
        results = sorted(path.parent.as_posix() for path in Path("results").glob("*/cells"))
        there = f"There is: {', '.join(results)}." if results else "Make one with `headtohead run`."
        raise UserError(f"{folder} holds no results. {there}")
    return folder


def main() -> None:
    """Run the command line; a mistake of the user ends in one line and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except UserError as error:
        code = _complain(str(error), 2)
    except TyperException as error:
        code = _complain(error.format_message() + " See `headtohead --help`.", error.exit_code)
    except (Abort, KeyboardInterrupt):
        code = _complain("stopped. What is done is stored: the same command goes on from there.", 130)
    sys.exit(code if isinstance(code, int) else 0)


def _complain(message: str, code: int) -> int:
    typer.echo(f"Error: {' '.join(message.split())}", err=True)
    return code


if __name__ == "__main__":
    main()
