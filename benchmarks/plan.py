"""Which contestants run, on what, for which table."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.contestants.names import CELL, FIT, FIT_ONE, FIT_RECORDING, FIT_XLA, JAX, JAX_STEPS, STEPS
from benchmarks.jobs import Job
from benchmarks.work import COMMON, FULL, Size, planned, setup
from experiments.frameworks import FRAMEWORKS
from experiments.records import require

PARTS = ("machine", "mlp", "cnn", "gru", "attention", "frameworks", "seeds", "width", "replicas", "sweep")


@dataclass(frozen=True, kw_only=True)
class Turns:
    """Jobs that take turns, so that they can be compared; `judged` if the engine's targets are stated for them."""

    title: str
    jobs: tuple[Job, ...]
    repeats: int
    judged: bool = False


def contestants(network: str, size: Size) -> Turns:
    """The same networks by this engine and by what one would use instead."""
    cell = setup(network, seeds=size.seeds, steps=size.steps)
    some = {"timed": size.fits}
    several = {**some, "jit_compile": True, "steps_per_execution": 20}
    jobs = [
        Job(part=network, name=CELL, contestant="cell", setup=cell),
        Job(part=network, name=JAX, contestant="jax", setup=cell),
        Job(part=network, name=FIT, contestant="fit_epochs", setup=cell, options=some),
        Job(part=network, name=FIT_ONE, contestant="fit", setup=cell, options=some),
        Job(part=network, name=FIT_XLA, contestant="fit", setup=cell, options=several),
    ]
    if network == "mlp":
        jobs.insert(1, Job(part=network, name=STEPS, contestant="steps", setup=cell))
        jobs.insert(3, Job(part=network, name=JAX_STEPS, contestant="jax", setup=cell, options={"evaluating": False}))
        jobs.append(Job(part=network, name=FIT_RECORDING, contestant="fit_recording", setup=cell, options=some))
    repeats = size.repeats if network == "mlp" else size.repeats_long
    return Turns(title=f"{network}: the contestants", jobs=tuple(jobs), repeats=repeats, judged=size is FULL)


def frameworks(size: Size) -> Turns:
    """The same arms, seeds and steps by the engine of each framework."""
    jobs = [
        Job(
            part="frameworks",
            name=f"{network}: {framework}",
            contestant="framework",
            setup=replace(
                setup(network, seeds=size.seeds_framework, steps=size.steps), heads=COMMON, framework=framework
            ),
        )
        for network in size.networks
        for framework in FRAMEWORKS
    ]
    return Turns(title="the engines of the frameworks", jobs=tuple(jobs), repeats=size.repeats, judged=size is FULL)


def machine(size: Size) -> Turns:
    """Matrix products alone."""
    cell = setup("mlp", seeds=1, steps=1)
    options = {"replicas": list(size.replicas), "seconds": size.replica_seconds}
    jobs = (Job(part="machine", name="products", contestant="machine", setup=cell, options=options),)
    return Turns(title="matrix products", jobs=jobs, repeats=size.repeats)


def seeds(size: Size) -> Turns:
    """Cost against the number of seeds."""
    jobs = [
        Job(part="seeds", name=str(n), contestant="cell", setup=setup("mlp", seeds=n, steps=size.steps_grown))
        for n in size.seeds_grown
    ]
    return Turns(title="mlp: seeds", jobs=tuple(jobs), repeats=size.repeats_long)


def width(size: Size) -> Turns:
    """Cost against the width of the network."""
    cell = setup("mlp", seeds=size.seeds_wide, steps=size.steps_grown)
    jobs = [Job(part="width", name=str(n), contestant="wide", setup=cell, options={"width": n}) for n in size.widths]
    return Turns(title="mlp: width", jobs=tuple(jobs), repeats=size.repeats_long)


def replicas(size: Size) -> Turns:
    """Cost of a step against the networks that advance at once."""
    jobs = []
    for network in size.networks:
        cell = setup(network, seeds=-(-max(size.replicas) // 12), steps=20)
        options = {"counts": list(size.replicas), "seconds": size.replica_seconds}
        jobs.append(Job(part="replicas", name=network, contestant="replicas", setup=cell, options=options))
    return Turns(title="replicas at once", jobs=tuple(jobs), repeats=1)


def sweep(size: Size) -> Turns:
    """Cost of the suite's own sweep of the learning rate beside its cell at the default rate."""
    preset, cell = size.swept
    kinds = {"default rate": "binary", "sweep": "learning_rates"}
    jobs = [
        Job(part="sweep", name=name, contestant="cell", setup=planned(preset, f"{kind}-{cell}"))
        for name, kind in kinds.items()
    ]
    return Turns(title=f"{cell}: sweep of the learning rate", jobs=tuple(jobs), repeats=size.repeats_long)


def turns(size: Size, only: tuple[str, ...]) -> list[Turns]:
    """What to run, in order; `only` names parts, none means all. Raises `UserError` for an unknown one."""
    for name in only:
        require(name in PARTS, f"There is no part {name!r} of the benchmark. Known: {', '.join(PARTS)}.")
    wanted = [part for part in PARTS if not only or part in only]
    rest = {"machine": machine, "seeds": seeds, "width": width, "replicas": replicas, "sweep": sweep}
    rest["frameworks"] = frameworks
    return [rest[part](size) if part in rest else contestants(part, size) for part in wanted]
