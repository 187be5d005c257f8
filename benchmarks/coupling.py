"""`python -m benchmarks.coupling`: what drawing the two heads coupled does to a paired difference.

Softmax is trained twice beside sigmoid: with its head coupled to sigmoid's draw, as the suite has it, and with its
head drawn independently. Both are Keras's law, so the two mean differences agree within their Monte-Carlo error; the
ratio of their variances is how many times more seeds independent draws would take.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import typer

from benchmarks.command import run
from experiments.engines import driver, prepare
from experiments.engines.keras_trunk import precision
from experiments.engines.stacked import Stacked
from experiments.heads import BASELINE, HEADS
from experiments.protocols import STANDARD
from experiments.records import Setup, require

COUPLED = HEADS["softmax"]
INDEPENDENT = replace(COUPLED, name="softmax_independent", draw="again")
# linear models, networks on tables and on populations, each kind of optimizer
CELLS = (
    "breast_cancer/linear/sgd,fair/linear/sgd,separable/linear/adam,"
    "breast_cancer/mlp/sgd,bananas/mlp/sgd,imbalance/mlp/sgd,label_noise/mlp/sgd,"
    "moons/mlp/adam,phishing/mlp/adam,fair/mlp/adamw,bananas/deep_mlp/adam"
)

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Softmax minus sigmoid in the mean NLL over training, one value a seed, in nats: (seeds,) each."""

    coupled: np.ndarray
    independent: np.ndarray

    @property
    def z(self) -> float:
        """The difference of the two means over its Monte-Carlo standard error; the seeds' rows are the same."""
        apart = self.coupled - self.independent
        return float(apart.mean() / standard_error(apart))

    @property
    def ratio(self) -> float:
        """The variance with independent draws over that with coupled ones."""
        return float(self.independent.var(ddof=1) / self.coupled.var(ddof=1))


def standard_error(values: np.ndarray) -> float:
    """Of the mean of independent values."""
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def compare(task: str, network: str, optimizer: str, *, seeds: int, steps: int) -> Comparison:
    """Train the three arms in one cell, as the standard preset would."""
    setup = Setup(
        task=task,
        network=network,
        optimizer=optimizer,
        heads=(BASELINE, COUPLED.name),
        seeds=seeds,
        steps=steps,
        batch_size=STANDARD.batch_size,
        record_every=STANDARD.record_every,
        image_side=STANDARD.image_side,
    )
    with precision(setup.dtype):
        problem = prepare(setup)
        problem = replace(problem, heads=(*problem.heads, INDEPENDENT))
        records = driver.run(problem, Stacked())
    nll = {(r.replica.head.name, r.replica.seed): float(np.mean(r.curves["test", "nll", ""])) for r in records}
    sigmoid, coupled, independent = (
        np.array([nll[name, seed] for seed in problem.seeds]) for name in (BASELINE, COUPLED.name, INDEPENDENT.name)
    )
    return Comparison(coupled=coupled - sigmoid, independent=independent - sigmoid)


@app.command(epilog="Example: python -m benchmarks.coupling --seeds 50 --cells moons/mlp/adam")
def coupling(
    cells: Annotated[str, typer.Option(metavar="A,B", help="Cells, each task/network/optimizer.")] = CELLS,
    seeds: Annotated[int, typer.Option(metavar="N", help="Seeds a cell.")] = 200,
    steps: Annotated[int, typer.Option(metavar="N", help="Steps of training.")] = STANDARD.steps,
) -> None:
    """Print, for each cell, the mean difference with coupled and with independent draws, and the variances' ratio."""
    require(seeds >= 3, f"--seeds is {seeds}. A variance takes at least 3.")
    named = [tuple(cell.split("/")) for cell in cells.split(",")]
    for parts in named:
        require(len(parts) == 3, f"--cells has {'/'.join(parts)!r}. Write task/network/optimizer, with commas between.")
    print(f"Softmax minus sigmoid, mean test NLL over {steps} steps, {seeds} seeds; ± Monte-Carlo standard error.")
    print(f"{'cell':34} {'coupled':>20} {'independent':>20} {'z':>6} {'variances':>10} {'seconds':>8}")
    ratios = []
    for task, network, optimizer in named:
        started = time.perf_counter()
        found = compare(task, network, optimizer, seeds=seeds, steps=steps)
        ratios.append(found.ratio)
        means = [f"{d.mean():+.5f} ± {standard_error(d):.5f}" for d in (found.coupled, found.independent)]
        took = time.perf_counter() - started
        cell = f"{task}/{network}/{optimizer}"
        print(f"{cell:34} {means[0]:>20} {means[1]:>20} {found.z:6.2f} {found.ratio:9.1f}x {took:8.0f}", flush=True)
    print(f"Independent draws have {statistics.median(ratios):.1f} times the variance of coupled ones, in the median.")


if __name__ == "__main__":
    run(app)
