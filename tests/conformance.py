"""Every engine against plain programs of its own framework: `python conformance.py FRAMEWORK GIVEN OUT`.

A framework is a process of its own, as Keras chooses its backend when it is imported; what it found is a table.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from training_cases import relative, stamped

from experiments.engines import driver
from experiments.engines.interface import Engine, Factory
from experiments.networks import NETWORKS, Build, network
from experiments.optimizers import OPTIMIZERS, optimizer
from experiments.problem import Chunk, Problem, Replica, chunk_of, chunks
from experiments.records import Setup
from experiments.tasks import TASKS, as_data, task

TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
HEAVY = {"tensorflow", "keras", "torch", "jax"}

# the module that says what a framework is, and what its process is told
FRAMEWORKS = {
    "keras-tensorflow": ("conformance_keras", {"KERAS_BACKEND": "tensorflow"}),
    "keras-jax": ("conformance_keras", {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}),
    "torch": ("conformance_torch", {}),
}


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What one network showed: each quantity by name, and its weights at the end.

    "fit_loss": the mean of what was minimised; "loss": that of rows that it never saw; norms of the last gradient.
    """

    numbers: dict[str, float]
    weights: tuple[np.ndarray, ...]


class Framework(Protocol):
    """What a module of this suite says of a framework.

    `engines`: by name. `plain`: a network trained by a program that a user could write, from the chunk's first weights
    and batches, and measured on some rows. `layers`: networks of layers that the suite's own do
    not have. `forget`: leave what was compiled.
    """

    engines: dict[str, Callable[[], Factory]]
    precision: Callable[[str], AbstractContextManager[None]]
    prepare: Callable[[Setup], Problem]
    plain: Callable[[Problem, Chunk, np.ndarray], Trained]
    layers: dict[str, Build]
    forget: Callable[[], None]


def by_engine(problem: Problem, factory: Factory, replicas: Sequence[Replica]) -> Iterator[Trained]:
    """The networks by an engine, as many at once as it can."""
    most = len(replicas) if factory.at_once(problem) > 1 else 1
    made: dict[tuple[str, ...], Engine] = {}
    for start in range(0, len(replicas), most):
        some = replicas[start : start + most]
        heads = [replica.head for replica in some]
        names = tuple(head.name for head in heads)
        engine = made[names] if names in made else made.setdefault(names, factory.engine(problem, heads))
        chunk = chunk_of(problem, some)
        yield from shown_by(engine, problem, chunk, np.stack([problem.rows("test", seed, 200) for seed in chunk.seeds]))


def shown_by(engine: Engine, problem: Problem, chunk: Chunk, rows: np.ndarray) -> Iterator[Trained]:
    """What each network of a chunk shows when an engine trains it; `rows`: (streams, n) of the data."""
    engine.start(chunk)
    # in three parts: what an engine carries from one call to the next counts too
    steps = problem.setup.steps
    parts = [(0, 1), (1, steps // 2), (steps // 2, steps)]
    seen = [engine.advance(first, last) for first, last in parts]
    _, losses = engine.evaluate(rows)
    for place, weights in enumerate(engine.weights()):
        means = [shown.objective[place] * (last - first) for shown, (first, last) in zip(seen, parts, strict=True)]
        norms = {name: float(values[place]) for name, values in seen[-1].norms.items()}
        numbers = {"fit_loss": float(sum(means)) / steps, "loss": float(losses[place].mean()), **norms}
        yield Trained(numbers=numbers, weights=weights)


def compare(framework: Framework, setup: Setup) -> Iterator[dict[str, Any]]:
    """Of each engine and arm, how far the engine's network is from the plain program's, in relative terms.

    In float32 a pre-activation within rounding of a ReLU's kink may fall on either side of it, and two networks part
    from there: an arm that is far off is tried with the next seed, as often as there are seeds, and the nearest counts.
    A fault is far off in all of them.
    """
    with framework.precision(setup.dtype):
        problem = framework.prepare(setup)
        replicas = next(chunks(problem.heads, problem.rates, problem.seeds, 10_000))
        rates = dict(zip(problem.heads, problem.rates * len(problem.heads), strict=False))
        plain: dict[int, Trained] = {}
        for name, make in framework.engines.items():
            factory = make()
            if factory.unsupported(problem):
                continue
            trained: dict[int, Trained] = {}
            if factory.at_once(problem) > 1:
                trained = dict(enumerate(by_engine(problem, factory, replicas)))
            far = set(problem.heads)
            for attempt in range(1 if setup.dtype == "float64" else setup.seeds):
                tried = [
                    index for index, r in enumerate(replicas)
                    if r.head in far and r.learning_rate == rates[r.head]
                    and (r.seed - problem.heads.index(r.head)) % setup.seeds == attempt
                ]  # fmt: skip
                for index in tried:
                    replica = replicas[index]
                    if index not in plain:
                        rows = problem.rows("test", replica.seed, 200)
                        plain[index] = framework.plain(problem, chunk_of(problem, [replica]), rows)
                    if index not in trained:
                        (trained[index],) = by_engine(problem, factory, [replica])
                    mine, its = trained[index], plain[index]
                    assert mine.numbers.keys() == its.numbers.keys(), (mine.numbers.keys(), its.numbers.keys())
                    differences = gaps(mine, its)
                    if all(gap <= TOLERANCE[setup.dtype] for gap in differences.values()):
                        far.remove(replica.head)
                    for quantity, gap in differences.items():
                        yield {
                            "engine": name, "network": setup.network, "optimizer": setup.optimizer,
                            "dtype": setup.dtype, "head": replica.head.name, "seed": replica.seed,
                            "quantity": quantity, "gap": gap,
                        }  # fmt: skip


def gaps(mine: Trained, its: Trained) -> dict[str, float]:
    """Relative differences by quantity; a norm that is rounding beside the whole gradient's is none."""
    least = max(1e-300, 1e-9 * its.numbers["total"])
    numbers = {
        name: relative(np.array(mine.numbers[name]), np.array(value), 1e-300 if "loss" in name else least)
        for name, value in its.numbers.items()
    }
    pairs = zip(mine.weights, its.weights, strict=True)
    return {**numbers, "weights": max(relative(one, other, least=1e-3) for one, other in pairs)}


def comparison(framework: Framework, given: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """`compare` in cells, each at its optimizer's own rate and at half of it."""
    for cell in given:
        setup = Setup(**{**cell, "heads": tuple(cell["heads"])})
        rate = OPTIMIZERS[setup.optimizer].learning_rate
        yield from compare(framework, replace(setup, learning_rates=(rate, rate / 2)))
        framework.forget()


def control(framework: Framework, given: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Of each engine that takes a cell: how far `softmax_matched` and `softmax` are from `sigmoid` at each step.

    And at the first step the ratio of the gradients' norms, `softmax_init` over `sigmoid`, of the head and the trunk.
    """
    for cell in given:
        setup = Setup(**{**cell, "heads": tuple(cell["heads"])})
        with framework.precision(setup.dtype):
            problem = framework.prepare(setup)
            for name, make in framework.engines.items():
                factory = make()
                if factory.unsupported(problem) or factory.at_once(problem) == 1:
                    continue
                records = {(r.replica.head.name, r.replica.seed): r.curves for r in driver.run(problem, factory)}
                for (head, seed), curves in records.items():
                    where = {"engine": name, "network": setup.network, "optimizer": setup.optimizer, "head": head}
                    sigmoid = records["sigmoid", seed]
                    for key in (("test", "nll", ""), ("train", "grad_norm", "trunk")):
                        mine, its = np.array(curves[key]), np.array(sigmoid[key])
                        yield {**where, "quantity": key[1], "value": relative(mine, its)}
                    for scope in ("head", "trunk") if problem.trunk.first_weights(0) else ("head",):
                        key = "train", "grad_norm", scope
                        yield {**where, "quantity": f"first_{scope}", "value": curves[key][0] / sigmoid[key][0]}
        framework.forget()


def layers(framework: Framework, given: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """`compare` with networks that the framework's module has for this, each a layer that the suite's own have not."""
    for name, build in framework.layers.items():
        network(name, takes=("vector", "image"), description="of one test")(build)
        cells = [{**cell, "network": name} for cell in given]
        yield from comparison(framework, cells)
        NETWORKS.remove(name)


def stamps(framework: Framework, given: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The curves of a cell whose rows have a column of `offset` ± 100 that decides the class, for two offsets."""
    for offset in (0.0, 1.7e9):
        rows = as_data(*stamped(offset))
        task("stamped", kind="vector", description="of one test", source="here")(lambda rows=rows: rows)
        for cell in given:
            setup = Setup(**{**cell, "heads": tuple(cell["heads"]), "task": "stamped"})
            with framework.precision(setup.dtype):
                problem = framework.prepare(setup)
                for name, make in framework.engines.items():
                    for record in driver.run(problem, make()):
                        where = {"engine": name, "head": record.replica.head.name, "offset": offset}
                        for quantity in ("nll", "loss", "accuracy"):
                            value = record.finals["test", quantity]
                            yield {**where, "quantity": quantity, "value": value}
        TASKS.remove("stamped")


def equal(framework: Framework, given: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The losses of cells whose trunks start from weights that NumPy draws, for one framework beside another.

    Those under Adam once more under "adam_float32", with constants that float32 holds: Keras on TensorFlow makes a
    float32 of 0.999 first.
    """
    made = optimizer("adam_float32", learning_rate=2.0**-9, description="of one test")
    made(lambda optimizers, rate: optimizers.Adam(rate, beta_1=0.875, beta_2=1 - 2.0**-10, epsilon=2.0**-23))
    exact = [{**cell, "optimizer": "adam_float32"} for cell in given if cell["optimizer"] == "adam"]
    for cell in [*given, *exact]:
        setup = Setup(**{**cell, "heads": tuple(cell["heads"])})
        with framework.precision(setup.dtype):
            problem = framework.prepare(setup)
            streams = {seed: replace(s, trunk=drawn(s.trunk, seed)) for seed, s in problem.streams.items()}
            (make,) = list(framework.engines.values())[:1]
            for record in driver.run(replace(problem, streams=streams), make()):
                for step, loss in zip(record.steps["test", "loss", ""], record.curves["test", "loss", ""], strict=True):
                    yield {
                        "network": setup.network, "optimizer": setup.optimizer, "head": record.replica.head.name,
                        "seed": record.replica.seed, "step": step, "loss": loss,
                    }  # fmt: skip
    OPTIMIZERS.remove("adam_float32")


def drawn(trunk: Sequence[np.ndarray], seed: int) -> tuple[np.ndarray, ...]:
    """Weights of the same shapes: kernels by the root of their inputs, biases 0."""
    rng = np.random.default_rng(seed)
    return tuple(
        rng.normal(size=w.shape) / np.sqrt(np.prod(w.shape[:-1])) if w.ndim > 1 else np.zeros(w.shape) for w in trunk
    )


PARTS: dict[str, Callable[..., Iterator[dict[str, Any]]]] = {
    "compare": comparison, "control": control, "equal": equal, "layers": layers, "stamps": stamps,
}  # fmt: skip


def main(framework: str, given: str, out: str) -> None:
    """Do parts of the suite in this process: each with the cells that a JSON file names; write the table of each."""
    module: Any = import_module(FRAMEWORKS[framework][0])
    for part, cells in json.loads(Path(given).read_text()).items():
        pd.DataFrame(PARTS[part](module, cells)).to_parquet(Path(out) / f"{part}.parquet")
    (Path(out) / "loaded.json").write_text(json.dumps(sorted(HEAVY & sys.modules.keys())))


if __name__ == "__main__":
    main(*sys.argv[1:])
