"""Timings to tables that one can read."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.contestants.names import CELL, FIT, FIT_ONE, FIT_XLA, JAX, JAX_STEPS, STEPS
from benchmarks.jobs import median
from benchmarks.plan import Turns
from benchmarks.work import BATCHED, LARGE, Size
from experiments.records import Setup
from experiments.tables import MAIN

Results = Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]
Found = Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]
AT_MOST = 1.5  # times the stacked engine's time that an engine of another framework may take for a network of the MLP
AGREE = 1e-3  # how far two contestants' final training losses may be apart, in nats
TARGETS = {  # what the engine is built to reach: at least this many times as fast
    ("mlp", FIT): 150.0,
    ("cnn", FIT): 25.0,
    ("gru", FIT): 30.0,
    ("mlp", JAX): 1.0,
    ("cnn", JAX): 1.0,
    ("gru", JAX): 1.0,
    ("attention", JAX): 1.0,
    ("mlp", JAX_STEPS): 1.0,
}


def heading(machine: Mapping[str, Any], size: Size) -> RenderableType:
    """What ran where."""
    return Text(
        f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads for every contestant; "
        f"load {machine['load_before']:.1f}. Python {machine['python']}.\n"
        f"{size.seeds} seeds x 12 arms, {size.steps} steps, adam, batches of 32; "
        f"medians of {size.repeats} repeats in turns ({size.repeats_long} of what takes long), each in a fresh process."
    )


def tables(group: Turns, results: Results, found: Found) -> list[RenderableType]:
    """The tables of one group of jobs; `found` holds all that ran before."""
    part = group.jobs[0].part
    makers = {"machine": _machine, "seeds": _seeds, "width": _width, "replicas": _replicas, "sweep": _sweep}
    makers["frameworks"] = _frameworks
    if part in makers:
        return makers[part](group, results, found)
    return _contestants(group, results, found)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", no_wrap=number == 0)
    return table


def _contestants(group: Turns, results: Results, found: Found) -> list[RenderableType]:
    part, cell = group.jobs[0].part, group.jobs[0].setup
    table = _table(
        f"{part} on {cell.task}: time a network",
        "contestant", "ms", "CPU ms", "times ours", "of all repeats", "peak MiB", "of it own", "timed",
    )  # fmt: skip
    ours = results[part, CELL]
    remarks = []
    for job in group.jobs:
        mine = results[part, job.name]
        if "missing" in mine[0]:
            table.add_row(job.name, "not installed")
            continue
        base = results[part, STEPS] if job.name in (STEPS, JAX_STEPS) else ours
        each = [m["seconds"] / m["networks"] / (b["seconds"] / b["networks"]) for m, b in zip(mine, base, strict=True)]
        table.add_row(
            job.name,
            f"{1e3 * median(mine, 'seconds'):.1f}",
            f"{1e3 * median(mine, 'cpu'):.1f}",
            f"{statistics.median(each):.3g}",
            f"{min(each):.3g}-{max(each):.3g}",
            *_memory(mine),
            f"{len(mine)} x {mine[0]['networks']}",
        )
        if group.judged and (part, job.name) in TARGETS:
            wanted = TARGETS[part, job.name]
            reached = statistics.median(each)
            remarks.append(
                f"{job.name}: {reached:.3g} times the engine's time a network; the target is at least {wanted:g}: "
                f"{'reached' if reached >= wanted else 'MISSED'}."
            )
        if job.name in (JAX, FIT_ONE, FIT_XLA):
            remarks.append(_agreement(job.name, mine[0]["losses"], ours[0]["losses"], last=job.name == JAX))
    remarks.append(_share(cell, ours, found))
    return [Group(table, Text("\n".join(filter(None, remarks)) + "\n"))]


def _frameworks(group: Turns, results: Results, found: Found) -> list[RenderableType]:
    """The engines by framework; CPU time, which on one core is what else runs on the machine touches least."""
    table = _table(
        "the engines of the frameworks on the same arms, seeds and steps, one core each: time a network",
        "network and framework", "ms", "CPU ms", "CPU times TensorFlow's", "of all repeats", "peak MiB", "timed",
    )  # fmt: skip
    remarks = []
    for job in group.jobs:
        mine = results[job.part, job.name]
        if "missing" in mine[0]:
            table.add_row(job.name, "not installed")
            continue
        ours = results[job.part, f"{job.setup.network}: {MAIN}"]
        each = [m["cpu"] / m["networks"] / (b["cpu"] / b["networks"]) for m, b in zip(mine, ours, strict=True)]
        table.add_row(
            job.name,
            f"{1e3 * median(mine, 'seconds'):.1f}",
            f"{1e3 * median(mine, 'cpu'):.1f}",
            f"{statistics.median(each):.2f}",
            f"{min(each):.2f}-{max(each):.2f}",
            _memory(mine)[0],
            f"{len(mine)} x {mine[0]['networks']}",
        )
        if group.judged and job.setup.network == "mlp" and job.setup.framework != MAIN:
            reached = statistics.median(each)
            remarks.append(
                f"{job.name}: {reached:.2f} times the time of TensorFlow's engine a network; the target is at most "
                f"{AT_MOST:g}: {'reached' if reached <= AT_MOST else 'MISSED'}."
            )
    return [Group(table, Text("\n".join(remarks) + "\n"))]


def _memory(mine: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The peak in MiB, and what of it is not the imports of TensorFlow and Keras."""
    peak = statistics.median(one["imported_mib"] + one["grown_mib"] for one in mine)
    return f"{peak:.0f}", f"{statistics.median(one['grown_mib'] for one in mine):.0f}"


def _agreement(name: str, losses: Mapping[str, Any], ours: Mapping[str, Any], *, last: bool) -> str:
    """How far the losses of one contestant are from the engine's; `last`: at the end, else over all steps."""
    place = 0 if not last else 1
    apart = sorted(abs(values[place] - ours[network][place]) for network, values in losses.items())
    far = sum(not difference <= AGREE for difference in apart)
    return (
        f"{name}: {'last' if last else 'mean'} training losses of {len(apart)} networks differ from the engine's by "
        f"{statistics.median(apart):.0e} (median), {apart[-1]:.0e} (most); {far} by more than {AGREE:g}."
    )


def _share(cell: Setup, ours: Sequence[Mapping[str, Any]], found: Found) -> str:
    """The engine's rate of matrix products beside the machine's."""
    if "machine" not in found:
        return ""
    rate = ours[0]["values"]["mflop"] * cell.steps / median(ours, "seconds") / 1e3
    batched, large = _rates(found)
    return (
        f"Matrix products of training, over the whole time: {rate:.1f} GFLOP/s, {rate / batched:.0%} of what batched "
        f"products reach here and {rate / large:.0%} of one large product."
    )


def _rates(found: Found) -> tuple[float, float]:
    """GFLOP/s of the best batched product and of the large one."""
    repeats = found["machine"]["products"]
    batched = statistics.median(max(one["values"]["batched"].values()) for one in repeats)
    return batched, statistics.median(one["values"]["large"] for one in repeats)


def _machine(group: Turns, results: Results, found: Found) -> list[RenderableType]:
    table = _table("matrix products of this machine, float32", "product", "GFLOP/s")
    repeats = results["machine", "products"]
    for count in repeats[0]["values"]["batched"]:
        rate = statistics.median(one["values"]["batched"][count] for one in repeats)
        table.add_row(f"{count} at once: {' x '.join(map(str, BATCHED))}", f"{rate:.1f}")
    table.add_row(f"one: {' x '.join([str(LARGE)] * 3)}", f"{_rates(found)[1]:.1f}")
    return [table]


def _growth(group: Turns, results: Results, title: str, first: str) -> list[RenderableType]:
    """One row a job: the whole, and a network's part of it."""
    table = _table(title, first, "networks", "seconds", "ms a network", "CPU ms a network", "GFLOP/s", "peak MiB")
    for job in group.jobs:
        mine = results[job.part, job.name]
        networks, seconds = mine[0]["networks"], median(mine, "seconds")
        table.add_row(
            job.name,
            str(networks),
            f"{seconds * networks:.2f}",
            f"{1e3 * seconds:.1f}",
            f"{1e3 * median(mine, 'cpu'):.1f}",
            f"{mine[0]['values']['mflop'] * job.setup.steps / seconds / 1e3:.1f}",
            _memory(mine)[0],
        )
    return [table]


def _seeds(group: Turns, results: Results, found: Found) -> list[RenderableType]:
    steps = group.jobs[0].setup.steps
    return _growth(group, results, f"mlp: whole cells of 12 arms, {steps} steps, by number of seeds", "seeds")


def _width(group: Turns, results: Results, found: Found) -> list[RenderableType]:
    cell = group.jobs[0].setup
    title = f"mlp: whole cells of {cell.seeds} seeds x 12 arms, {cell.steps} steps, by width of both hidden layers"
    return _growth(group, results, title, "width")


def _replicas(group: Turns, results: Results, found: Found) -> list[RenderableType]:
    shown: list[RenderableType] = []
    for job in group.jobs:
        values = results[job.part, job.name][0]["values"]
        best = min(values["ms"].values())
        table = _table(
            f"{job.name}: a step of one network, losses and norms included, tracing and evaluation not",
            "networks at once", "ms", "times the best", "working set, MiB", "GFLOP/s", "of batched", "turns",
        )  # fmt: skip
        for count, ms in values["ms"].items():
            rate = values["mflop"] / ms
            share = f"{rate / _rates(found)[0]:.0%}" if "machine" in found else ""
            working_set = int(count) * values["mib_a_replica"]
            chosen = " (chosen)" if int(count) == values["at_once"] else ""
            turns = str(values["turns"][count])
            table.add_row(
                count + chosen, f"{ms:.4f}", f"{ms / best:.2f}", f"{working_set:.0f}", f"{rate:.1f}", share, turns
            )
        shown.append(table)
    return shown


def _sweep(group: Turns, results: Results, found: Found) -> list[RenderableType]:
    plain, swept = (job.setup for job in group.jobs)
    title = (
        f"{plain.task}, {plain.network}, {plain.optimizer}: "
        f"{len(swept.learning_rates)} rates x {len(swept.heads)} arms x {swept.seeds} seeds, {swept.steps} steps, "
        f"beside {len(plain.heads)} arms x {plain.seeds} seeds, {plain.steps} steps"
    )
    shown = _growth(group, results, title, "cell")
    times = [(results[job.part, job.name]) for job in group.jobs]
    pairs = [(p["seconds"], s["seconds"], p["cpu"], s["cpu"]) for p, s in zip(*times, strict=True)]
    seconds, cpu = statistics.median(s for _, s, _, _ in pairs), statistics.median(c for *_, c in pairs)
    wall_times, cpu_times = (statistics.median(one[k + 1] / one[k] for one in pairs) for k in (0, 2))
    words = (
        f"The sweep adds {seconds:.1f} s ({cpu:.1f} s of CPU): {wall_times:.2f} times its cell at the default rate "
        f"({cpu_times:.2f} times the CPU), for {times[1][0]['networks'] / times[0][0]['networks']:.1f} times the "
        "networks.\n"
    )
    return [*shown, Text(words)]
