"""A plan executed: what is stored is reused, the rest is run, and tables, notebooks and the report are made of all."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.atomic import write_file
from experiments.plan import NOTEBOOKS, cache_key, kind_of, shard
from experiments.records import Cell
from experiments.suite import worker
from experiments.suite.cells import Cells
from experiments.suite.collect import collect, copy_notebooks, save_cells
from experiments.suite.costs import FINISH, STARTUP, estimate, parts_of, wall_time
from experiments.suite.display import Lines, display
from experiments.suite.execute import ahead
from experiments.suite.lock import alone, hold
from experiments.suite.notebooks import check, shares_training
from experiments.suite.options import Options, Outlook, Summary
from experiments.suite.provenance import RUN, read, record
from experiments.suite.reports import Call, drawn_ahead
from experiments.suite.state import Runner, State, current

if TYPE_CHECKING:
    from experiments.suite.cluster import Workers

Report = Callable[[Path, Call | None], Path]


def prepare(out: Path) -> None:
    """Begin to import what kernels need, if nothing is stored in `out`: a command that is about to `run` may say so."""
    if not Cells(out).names():
        worker.prepare()


def run(cells: Sequence[Cell], options: Options, report: Report | None = None) -> Summary:
    """Execute what is not stored yet of `cells` into `options.out`, then make tables, notebooks and the report.

    `report` makes the report of a folder, in other processes where it is given what calls functions in them.
    A cell that fails is kept as data and the others go on. Raises `UserError` for a notebook that cannot take its
    parameters, for a scheduler that does not answer and for a folder that cannot be written or that another run
    holds, before anything is written, and `OSError` when the disk does not take a result: what is stored stays valid.
    """
    check(cells, options.notebooks)
    state = State(cells, options)
    ordinary = [cell for cell in cells if not kind_of(cell).last]
    mine = list(shard(tuple(cells), options.shard)) if options.shard else ordinary
    try:
        # the scheduler is looked for first, so that a wrong address leaves no trace in the folder
        with _remote(options) as remote, hold(options.out, options.shard):
            if not options.shard:
                state.store.drop_leftovers()
                state.parts.tidy()
            if options.retry_failed:
                failed = {failure.cell for failure in state.store.failures()}
                mine = [cell for cell in mine if cell.id in failed]
            if not options.scheduler and state.lacks(mine):
                worker.warm(state.preload)  # it imports while the rest is looked at
            todo = state.able(state.missing(mine))
            costs = estimate(todo, state.store.manifests())
            if todo and not options.scheduler:
                ahead()  # the server still imports
            todo.sort(key=lambda cell: -costs[cell.id])  # the longest first, so that no worker ends alone
            with _runner(options, remote, bool(todo)) as (runner, workers, dashboard):
                networks = {cell.id: cell.networks for cell in cells}
                with display(networks, len(state.stored), costs, workers) as show:
                    if dashboard:
                        show.note(f"Dask dashboard: {dashboard}")
                    for text, count in Counter(state.absent.values()).items():
                        show.note(f"{count} cells: {text}")
                    shared = [cell.id for cell in todo if shares_training(cell, options.notebooks)]
                    state.execute(todo, runner, show, parts_of(costs, workers, shared))
                    if not options.shard:
                        state.parts.tidy()
                    with alone(options.out, "collect"):
                        return _finish(state, ordinary, show, workers, report)
    finally:
        worker.close()


@contextmanager
def _remote(options: Options) -> Iterator[Workers | None]:
    """The workers of the scheduler that is named, if one is."""
    if not options.scheduler:
        yield None
        return
    from experiments.suite.cluster import remote_workers

    with remote_workers(options.scheduler) as workers:
        yield workers


@contextmanager
def _runner(options: Options, remote: Workers | None, needed: bool) -> Iterator[tuple[Runner, int, str]]:
    """What runs jobs, how many at once, and the address of its dashboard."""
    if remote is not None:
        yield remote.run, remote.count, remote.dashboard
    elif options.shard or not needed:
        yield worker.one_by_one, 1 if options.shard else options.workers, ""
    else:
        from experiments.suite.cluster import local_workers  # here: when all is stored, importing Dask takes longest

        with local_workers(options.workers) as workers:
            yield workers.run, workers.count, workers.dashboard


def _finish(state: State, ordinary: Sequence[Cell], show: Lines, workers: int, report: Report | None) -> Summary:
    """Merge the tables, run the cells that read them, and write what a person reads."""
    out = state.options.out
    last = [cell for cell in state.cells.values() if kind_of(cell).last]
    read = [stored for stored in state.store.valid() if stored.cell not in {cell.id for cell in last}]
    # a part of a sharded run leaves the last stage to the one that finds all others stored
    if last and not (state.options.shard and state.missing(ordinary)):
        todo = state.missing(last, [stored.digest for stored in read])
        if todo:
            collect(out, read)
            show.expect(estimate(todo, read))
            drawn = drawn_ahead(out, worker.caller() if report is not None else None)
            state.execute(todo, worker.one_by_one, show)
            drawn()
    ended = time.time()
    whole = list(state.store.valid())
    collect(out, whole)
    save_cells(out, state.rows())
    copy_notebooks(out, whole)
    content = record(state, workers=workers, began=show.began, ended=ended)
    _write(out, content)  # the report shows it
    page = None
    if report is not None and whole:
        before = time.time()
        page = report(out, worker.caller())
        content = record(state, workers=workers, began=show.began, ended=ended, report=time.time() - before)
        _write(out, content)
    return Summary(
        done=len(state.done()),
        cached=len(state.stored) - len(state.done()),
        failed=state.failed(),
        networks=sum(state.cells[cell].networks for cell in state.done()),
        report=page,
        seconds=time.time() - state.start,
        overhead=content["overhead_share"],
    )


def _write(out: Path, content: Mapping[str, Any]) -> None:
    write_file(out / RUN, (json.dumps(content, indent=1) + "\n").encode())


def rebuild(out: Path, report: Callable[[Path], Path]) -> Path:
    """Make the tables, the notebooks' pages and the report of what is stored anew; runs no cell."""
    with hold(out):
        whole = list(Cells(out).valid())
        collect(out, whole)
        copy_notebooks(out, whole)
        return report(out)


def outlook(cells: Sequence[Cell], out: Path, workers: int, notebooks: Path = NOTEBOOKS) -> Outlook:
    """What `run` would do; changes nothing."""
    check(cells, notebooks)
    store = Cells(out)
    manifests = list(store.manifests())
    last = [cell for cell in cells if kind_of(cell).last]
    ordinary = [cell for cell in cells if not kind_of(cell).last]
    cached = {cell.id for cell in ordinary if current(store, cell, cache_key(cell, notebooks))}
    if len(cached) == len(ordinary):  # else the cells of the last stage would have new tables to read
        inputs = [stored.digest for stored in store.valid() if stored.cell not in {cell.id for cell in last}]
        cached |= {cell.id for cell in last if current(store, cell, cache_key(cell, notebooks, inputs))}
    todo = [cell for cell in cells if cell.id not in cached]
    costs = estimate(todo, manifests)
    spent = read(out).get("seconds", {})
    around = spent.get("startup", STARTUP) + spent.get("finish", FINISH)
    return Outlook(
        cached=frozenset(cached),
        costs=costs,
        networks=sum(cell.networks for cell in todo),
        seconds=wall_time(costs.values(), workers) + (around if todo else 0.0),
        parts=parts_of(costs, workers, [cell.id for cell in todo if shares_training(cell, notebooks)]),
        measured=bool(manifests),
        workers=workers,
    )
