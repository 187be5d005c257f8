"""`python -m benchmarks.accelerators`: the engines that can use an accelerator, on the one of this machine.

Writes `benchmarks/accelerators.md`: for each engine the time of a step against how many networks advance at once; "not
measured" where there is no accelerator. The project needs none.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.work import COMMON, setup
from experiments import engines
from experiments.frameworks import FRAMEWORKS
from experiments.problem import Problem, Replica, chunk_of, chunks

OUT = Path(__file__).with_name("accelerators.md")
TASKS = {"mlp": "breast_cancer", "cnn": "digits_3v8"}
COUNTS = (100, 1_000, 10_000)
STEPS = 50  # of a turn, of which the median of a few counts
TURNS = 5
SEEDS = 8  # whose rows, orders and first weights the networks share: what a step costs does not depend on them


def card_of(framework: str) -> str:
    """The name of the accelerator that a framework would compute on in this process; empty if there is none."""
    if framework == "keras-jax":
        import jax

        device = jax.devices()[0]
        return "" if device.platform == "cpu" else str(device.device_kind)
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""


def measure(framework: str) -> dict[str, Any]:
    """The card, the framework's version, and by "network/count" the seconds of the first call and of a step."""
    card = card_of(framework)
    if not card:
        return {"card": ""}
    trainer = engines.trainer(framework)
    found: dict[str, Any] = {}
    for name, task in TASKS.items():
        cell = setup(name, seeds=SEEDS, steps=STEPS * (TURNS + 1))
        with trainer.precision(cell.dtype):
            problem = engines.prepare(replace(cell, task=task, heads=COMMON, framework=framework))
            for count in COUNTS:
                found[f"{name}/{count}"] = timed(framework, problem, count)
    versions = ", ".join(f"{package} {version(package)}" for package in FRAMEWORKS[framework].packages)
    return {"card": card, "version": versions, "steps": found}


def timed(framework: str, problem: Problem, count: int) -> dict[str, float]:
    """Seconds of the first call, and of a step of all `count` networks after that."""
    replicas = many(problem, count)
    engine = factory_of(framework)().engine(problem, [replica.head for replica in replicas])
    begin = time.perf_counter()
    engine.start(chunk_of(problem, replicas))
    engine.advance(0, STEPS)
    first, turns = time.perf_counter() - begin, []
    for turn in range(1, TURNS + 1):
        begin = time.perf_counter()
        engine.advance(turn * STEPS, (turn + 1) * STEPS)
        turns.append((time.perf_counter() - begin) / STEPS)
    return {"first": first, "step": statistics.median(turns)}


def many(problem: Problem, count: int) -> list[Replica]:
    """`count` networks of the problem's arms and seeds, again and again: those of a computation side by side."""
    (once,) = chunks(problem.heads, problem.rates, problem.seeds, len(problem.heads) * len(problem.seeds))
    return [replica for replica in once for _ in range(-(-count // len(once)))][:count]


def factory_of(framework: str) -> Callable[[], Any]:
    """What makes its engines on the accelerator."""
    if framework == "keras-jax":
        from experiments.engines.keras_jax import KerasJax

        return KerasJax
    from experiments.engines.torch import Torch

    return lambda: Torch("cuda")


def page(found: dict[str, dict[str, Any]]) -> str:
    """The Markdown file."""
    lines = [
        "# On an accelerator",
        "",
        "Made by `python -m benchmarks.accelerators`. Nothing in this project depends on an accelerator.",
        "",
    ]
    cards = sorted({mine["card"] for mine in found.values() if mine["card"]})
    if not cards:
        return "\n".join([*lines, "Not measured: this machine has no accelerator.", ""])
    lines += [
        f"Measured on: {', '.join(cards)}. All networks advance together, in float32 under Adam on batches of 32, with "
        f"losses and norms and without evaluation: the median of {TURNS} turns of {STEPS} steps. The first call is "
        f"{STEPS} steps and what is compiled for them.",
        "",
        "| engine | network | networks at once | first call, s | a step of all, ms | of one network, µs |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for framework, mine in found.items():
        if not mine["card"]:
            lines.append(f"| {framework} | | | | not measured | |")
        for place, values in mine.get("steps", {}).items():
            name, count = place.split("/")
            words = (
                f"{framework} ({mine['version']})", name, count, f"{values['first']:.1f}",
                f"{1e3 * values['step']:.2f}", f"{1e6 * values['step'] / int(count):.2f}",
            )  # fmt: skip
            lines.append(f"| {' | '.join(words)} |")
    return "\n".join([*lines, ""])


def main(arguments: Sequence[str]) -> None:
    """Measure each framework in a process of its own and write the page; with the name of one, measure it here."""
    if arguments:
        print(json.dumps(measure(arguments[0])))
        return
    found = {}
    for framework in ("keras-jax", "torch"):
        if not FRAMEWORKS[framework].installed:
            found[framework] = {"card": ""}
            continue
        environment = {**os.environ, "KERAS_BACKEND": FRAMEWORKS[framework].backend or "tensorflow"}
        program = [sys.executable, "-m", "benchmarks.accelerators", framework]
        done = subprocess.run(program, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        found[framework] = json.loads(done.stdout.splitlines()[-1])
    OUT.write_text(page(found), encoding="utf-8")
    print(page(found))


if __name__ == "__main__":
    main(sys.argv[1:])
