"""Which contestants run, on what, for which table."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.contestants.names import CELL, FIT, FIT_XLA, JAX, JAX_STEPS, STEPS
from benchmarks.jobs import Job
from benchmarks.work import FULL, RATES, Size, setup
from experiments.records import require

PARTS = ("machine", "mlp", "cnn", "gru", "seeds", "width", "replicas", "sweep")


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
    several = {"jit_compile": True, "steps_per_execution": 20}
    jobs = [
        Job(part=network, name=CELL, contestant="cell", setup=cell),
        Job(part=network, name=JAX, contestant="jax", setup=cell),
        Job(part=network, name=FIT, contestant="fit", setup=cell, options={"timed": size.fits}),
        Job(part=network, name=FIT_XLA, contestant="fit", setup=cell, options={"timed": size.fits, **several}),
    ]
    if network == "mlp":
        jobs.insert(1, Job(part=network, name=STEPS, contestant="steps", setup=cell))
        jobs.insert(3, Job(part=network, name=JAX_STEPS, contestant="jax", setup=cell, options={"evaluating": False}))
    return Turns(title=f"{network}: the contestants", jobs=tuple(jobs), repeats=size.repeats, judged=size is FULL)


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
    return Turns(title="mlp: seeds", jobs=tuple(jobs), repeats=size.repeats)


def width(size: Size) -> Turns:
    """Cost against the width of the network."""
    cell = setup("mlp", seeds=size.seeds_wide, steps=size.steps_grown)
    jobs = [
        Job(part="width", name=str(n), contestant="wide", setup=cell, options={"width": n}) for n in size.widths
    ]
    return Turns(title="mlp: width", jobs=tuple(jobs), repeats=size.repeats)


def replicas(size: Size) -> Turns:
    """Cost of a step against the networks that advance at once."""
    jobs = []
    for network in size.networks:
        cell = setup(network, seeds=-(-max(size.replicas) // 12), steps=20)
        options = {"counts": list(size.replicas), "seconds": size.replica_seconds}
        jobs.append(Job(part="replicas", name=network, contestant="replicas", setup=cell, options=options))
    return Turns(title="replicas at once", jobs=tuple(jobs), repeats=1)


def sweep(size: Size) -> Turns:
    """Cost of a sweep of the learning rate beside the cell at the default rate."""
    plain = setup("mlp", seeds=size.seeds_swept, steps=size.steps)
    swept = setup("mlp", seeds=size.seeds_swept, steps=size.steps, rates=RATES)
    jobs = (
        Job(part="sweep", name="default rate", contestant="cell", setup=plain),
        Job(part="sweep", name=f"{RATES} rates", contestant="cell", setup=swept),
    )
    return Turns(title="mlp: sweep of the learning rate", jobs=jobs, repeats=size.repeats)


def turns(size: Size, only: tuple[str, ...]) -> list[Turns]:
    """What to run, in order; `only` names parts, none means all. Raises `UserError` for an unknown one."""
    for name in only:
        require(name in PARTS, f"There is no part {name!r} of the benchmark. Known: {', '.join(PARTS)}.")
    wanted = [part for part in PARTS if not only or part in only]
    rest = {"machine": machine, "seeds": seeds, "width": width, "replicas": replicas, "sweep": sweep}
    return [rest[part](size) if part in rest else contestants(part, size) for part in wanted]
