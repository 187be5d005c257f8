"""`python -m benchmarks.error_rates`: how often the judgement is wrong, with networks that are trained.

Many data sets are drawn from one population, and in each the judgement says what the suite would say of a cell. Two
designs: "fresh rows", where every seed draws its own rows, and "split again", where the data set's rows are split anew
for every two seeds. Two arms stand beside sigmoid. `sigmoid_reordered` has sigmoid's own start and another order of the
same batches: exchanging the two orders changes the sign of the difference, so its true mean is exactly 0, for fresh
rows and for any given ones. The true mean of softmax minus sigmoid is that over all data sets.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from rich.console import Console
from rich.table import Table
from scipy import stats as scipy_stats

from benchmarks.command import run
from experiments import judgement
from experiments.engines import Problem, driver
from experiments.engines.keras_trunk import KerasTrunk, precision
from experiments.engines.stacked import Stacked
from experiments.heads import BASELINE, HEADS
from experiments.judgement._pairs import CELL
from experiments.networks import NETWORKS
from experiments.optimizers import OPTIMIZERS
from experiments.problem import READERS, Record, draw, sample_of, tabulate
from experiments.records import Data, Setup, require
from experiments.stats import ALPHA, QUANTITIES
from experiments.tasks import Split, as_data, fit_scaling, split

FRESH, AGAIN = "fresh rows", "split again"
DESIGNS = (FRESH, AGAIN)
NULL, ARM = "sigmoid_reordered", "softmax"
PRIMARY = [q.name for q in QUANTITIES.values() if q.primary]
CELLS = 20  # of a family; in one of 26 the sign flips of 10 seeds, whose p is 2 / 2^10 at least, can show nothing
SIGNED = (*judgement.APART, "negligible")  # outcomes that say on which side of 0 the mean is
ONE = ("head", "baseline", "task", "quantity", "estimand")  # every comparison a family of its own

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is drawn and trained. `rows`: of a seed with "fresh rows", of a data set with "split again"."""

    datasets: int
    seeds: int
    steps: int
    rows: int
    network: str
    optimizer: str


def population(rows: int, *entropy: int) -> Data:
    """`rows` rows of 10 features: unit normal clouds 3 apart, one label in ten flipped."""
    rng = np.random.default_rng(np.random.SeedSequence(entropy))
    cloud = rng.integers(0, 2, size=rows)
    x = rng.normal(size=(rows, 10))
    x[:, 0] += 3.0 * cloud - 1.5
    return as_data(x, cloud ^ (rng.random(rows) < 0.1))


def problem(design: str, size: Size) -> Problem:
    """The networks of all data sets as one problem: the stream of seed s of data set k is number k * seeds + s."""
    drawn: list[Data] = []
    parts: dict[int, Split] = {}
    samples: dict[int, int] = {}
    start = 0
    for number in range(size.datasets * size.seeds):
        dataset, seed = divmod(number, size.seeds)
        if design == FRESH or seed == 0:
            start += len(drawn[-1].y) if drawn else 0
            drawn.append(population(size.rows, DESIGNS.index(design), dataset, seed))
        sample = number if design == FRESH else number - seed + sample_of(seed)
        found = split(drawn[-1], sample, design)
        samples[number] = sample
        parts[number] = Split(train=start + found.train, validation=start + found.validation, test=start + found.test)
    x, y = np.concatenate([one.x for one in drawn]), np.concatenate([one.y for one in drawn])
    optimizer = OPTIMIZERS[size.optimizer]
    trunk = KerasTrunk(build=NETWORKS[size.network].build, row=x.shape[1:], draws=len(parts))
    setup = Setup(
        task=design,
        network=size.network,
        optimizer=size.optimizer,
        heads=(BASELINE, NULL, ARM),
        steps=size.steps,
        record_every=max(size.steps // 10, 1),
    )
    return Problem(
        setup=setup,
        data=Data(x=x, y=y, groups=np.arange(len(y))),
        heads=tuple(HEADS[name] for name in setup.heads),
        rates=(optimizer.learning_rate,),
        optimizer=optimizer,
        trunk=trunk,
        streams={
            number: draw(
                task=design,
                network=size.network,
                seed=number,
                sample=samples[number],
                split=part,
                scaling=fit_scaling(x, part.train, "vector"),
                first_weights=trunk.first_weights,
                steps=size.steps,
                batch_size=setup.batch_size,
            )
            for number, part in parts.items()
        },
        reader=READERS["binary"],
        available=math.inf if design == FRESH else float(size.rows),
    )


def trained(design: str, size: Size) -> judgement.Pairs:
    """The pairs of both arms with sigmoid in the primary quantities; each data set is a cell, by its number."""
    with precision("float32"):
        whole = problem(design, size)
        records = driver.run(whole, Stacked())
    finals, runs = [], []
    for dataset in range(size.datasets):
        numbers = range(dataset * size.seeds, (dataset + 1) * size.seeds)
        # what seeds share is a matter of their own data set
        one = replace(
            whole,
            setup=replace(whole.setup, task=f"{dataset:05}"),
            streams={number: whole.streams[number] for number in numbers},
        )
        tables = tabulate(one, records_of(records, numbers))
        finals.append(tables["finals"])
        runs.append(tables["runs"])
    pairs = judgement.pair_up(pd.concat(finals), None, pd.concat(runs), BASELINE)
    primary = pairs.table["quantity"].isin(PRIMARY)
    return replace(pairs, table=pairs.table[primary].astype({"task": str, "quantity": str}))


def records_of(records: list[Record], numbers: range) -> list[Record]:
    """The records of some streams."""
    return [record for record in records if record.replica.seed in numbers]


def true_means(pairs: judgement.Pairs) -> pd.DataFrame:
    """A row a (head, quantity) with `truth`: the true mean difference, of softmax as all data sets estimate it.

    Their number n makes a coverage wrong by what a factor of sqrt(1 - 1/n) in the distance from the truth does.
    """
    means = pairs.table.groupby(["head", "quantity"], observed=True)["difference"].mean().rename("truth").reset_index()
    return means.assign(truth=means["truth"].where(means["head"] != NULL, 0.0))


def at_margin(pairs: judgement.Pairs) -> judgement.Pairs:
    """`pairs` moved so that the true mean difference of each arm is at the margin: the least that matters.

    A relative margin is a share of sigmoid's own value, so that is added: its mean is then at the margin too.
    """
    table = pairs.table.merge(true_means(pairs), on=["head", "quantity"])
    records = [QUANTITIES[name] for name in table["quantity"]]
    margin = np.array([q.margin for q in records])
    relative = np.array([q.relative for q in records])
    step = np.where(relative, margin * table["baseline_value"].abs(), margin) - table["truth"]
    moved = table.assign(value=table["value"] + step, difference=table["difference"] + step)
    size = moved["difference"].abs().groupby([moved[key] for key in (*CELL, "quantity")])
    return replace(pairs, table=moved.assign(reach=size.transform("max")).drop(columns="truth"))


def in_families(table: pd.DataFrame, cells: int, outcomes: Sequence[str]) -> float:
    """The share of families that have one of the outcomes anywhere, each judged together; NaN where there is none.

    `table`: one arm, quantity and estimand. A family is `cells` data sets that follow one another; what is left over
    at the end is not one.
    """
    family = np.arange(len(table)) // cells
    whole = table.sort_values("task").assign(family=family)[family < len(table) // cells]
    judged = judgement.FixedFamily(by=["family"]).judge(whole)
    return float(judged["outcome"].isin(outcomes).groupby(judged["family"]).any().mean())


def correlation(differences: np.ndarray) -> float:
    """The correlation of two seeds of one data set, from the variances between and within: (datasets, seeds) in.

    Source: Shrout & Fleiss 1979, the intraclass correlation ICC(1, 1).
    """
    n = differences.shape[1]
    between = n * differences.mean(axis=1).var(ddof=1)
    within = differences.var(axis=1, ddof=1).mean()
    return float((between - within) / (between + (n - 1) * within))


def allowance_needed(differences: np.ndarray, truth: float, confidence: float = 1 - ALPHA) -> float:
    """What is to be added to 1/n so that the t intervals of these data sets cover the truth as often as they should.

    `differences`: (datasets, seeds). It is negative where even 1/n is too much.
    """
    n = differences.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(differences.mean(axis=1) - truth) / differences.std(axis=1, ddof=1)
    t = np.where(np.isnan(t), 0.0, t)  # the truth itself in every seed
    reach = scipy_stats.t.isf((1 - confidence) / 2, n - 1)
    return float((np.quantile(t, confidence) / reach) ** 2 - 1 / n)


def rates(pairs: judgement.Pairs, cells: int = CELLS) -> pd.DataFrame:
    """How often the judgement errs: a row an (estimand, quantity), shares of the data sets.

    `different`: the null arm is called so, or `larger` or `negligible`. `inside_null`, `inside_arm`: an arm whose true
    difference is at the margin is called `equivalent` or `negligible`. `different_family`, `inside_family`: the null
    arm is, anywhere in a family of `cells` data sets. `covers_null`, `covers_arm`: the interval holds the true mean.
    `correlation`: of two seeds' differences of softmax in one data set; `needed`: see `allowance_needed`.
    What softmax's true mean is on given rows is not known, so its columns answer for fresh rows alone; and where no
    two seeds share a row, intervals for these rows are those for fresh ones and not repeated.
    """
    corrector = judgement.FixedFamily(by=ONE)
    table = judgement.differences(pairs, corrector).merge(true_means(pairs), on=["head", "quantity"])
    table["covers"] = (table["low"] <= table["truth"]) & (table["truth"] <= table["high"])
    moved = judgement.differences(at_margin(pairs), corrector)
    rows = []
    for estimand in (judgement.FRESH, judgement.THESE) if table["ratio"].any() else (judgement.FRESH,):
        for quantity in [name for name in PRIMARY if name in set(table["quantity"])]:
            null, arm = (_of(table, head, quantity, estimand) for head in (NULL, ARM))
            moved_null, moved_arm = (_of(moved, head, quantity, estimand) for head in (NULL, ARM))
            d, truth = matrix(pairs, ARM, quantity), float(arm["truth"].iloc[0])
            row = {
                "estimand": estimand,
                "quantity": quantity,
                "different": null["outcome"].isin(SIGNED).mean(),
                "different_family": in_families(null, cells, SIGNED),
                "inside_null": moved_null["outcome"].isin(judgement.INSIDE).mean(),
                "inside_family": in_families(moved_null, cells, judgement.INSIDE),
                "covers_null": null["covers"].mean(),
            }
            if estimand == judgement.FRESH:
                row |= {
                    "inside_arm": moved_arm["outcome"].isin(judgement.INSIDE).mean(),
                    "covers_arm": arm["covers"].mean(),
                    "correlation": correlation(d),
                    "needed": allowance_needed(d, truth),
                }
            rows.append(row)
    return pd.DataFrame(rows)


def matrix(pairs: judgement.Pairs, head: str, quantity: str) -> np.ndarray:
    """The differences of one arm and quantity, (datasets, seeds)."""
    rows = pairs.table[(pairs.table["head"] == head) & (pairs.table["quantity"] == quantity)]
    rows = rows.sort_values(["task", "seed"])
    return rows["difference"].to_numpy().reshape(rows["task"].nunique(), -1)


def _of(table: pd.DataFrame, head: str, quantity: str, estimand: str) -> pd.DataFrame:
    return table[(table["head"] == head) & (table["quantity"] == quantity) & (table["estimand"] == estimand)]


COLUMNS = {
    "different": "false difference",
    "different_family": "in a family",
    "inside_null": "false equivalent",
    "inside_family": "in a family",
    "inside_arm": "(softmax)",
    "covers_null": "covers 0",
    "covers_arm": "covers softmax",
}


def show(design: str, found: pd.DataFrame, size: Size) -> Table:
    """The rates of one design, in per cent, with the mean over quantities below those of each estimand."""
    error = (ALPHA * (1 - ALPHA) / size.datasets) ** 0.5
    table = Table(title=f"{design}; a rate of 5 % has a standard error of {error:.1%}", title_justify="left")
    for name in ("interval for", "quantity", *COLUMNS.values(), "correlation", "allowance"):
        table.add_column(name, justify="left" if name in ("interval for", "quantity") else "right")
    for estimand, rows in found.groupby("estimand", sort=False):
        for row in rows.to_dict("records"):
            table.add_row(str(estimand), row["quantity"], *_cells(row), _number(row["correlation"], "+.2f"),
                          _number(row["needed"], "+.3f"))  # fmt: skip
        table.add_row(str(estimand), "all", *_cells(rows[[*COLUMNS]].mean().to_dict()), "", "", end_section=True)
    return table


def _cells(row: Mapping[str, float]) -> list[str]:
    return [_number(row[name], ".1%") for name in COLUMNS]


def _number(value: float, form: str) -> str:
    return "" if np.isnan(value) else format(value, form)


@app.command(epilog="Example: python -m benchmarks.error_rates --datasets 60")
def error_rates(
    datasets: Annotated[int, typer.Option(metavar="N", help="Data sets of each design.")] = 300,
    seeds: Annotated[int, typer.Option(metavar="N", help="Seeds of each data set.")] = 10,
    steps: Annotated[int, typer.Option(metavar="N", help="Steps of training.")] = 150,
    rows: Annotated[int, typer.Option(metavar="N", help="Rows of a seed, or of a data set split again.")] = 500,
    cells: Annotated[int, typer.Option(metavar="N", help="Data sets of a family.")] = CELLS,
    network: Annotated[str, typer.Option(help=f"One of {', '.join(NETWORKS)}, for vectors.")] = "mlp",
    optimizer: Annotated[str, typer.Option(help=f"One of {', '.join(OPTIMIZERS)}.")] = "adam",
) -> None:
    """Train both designs and print how often the judgement is wrong in each."""
    require(datasets >= 2 and seeds >= 3, f"{datasets} data sets of {seeds} seeds tell no rate: at least 2 of 3.")
    size = Size(datasets=datasets, seeds=seeds, steps=steps, rows=rows, network=network, optimizer=optimizer)
    console = Console(width=None if sys.stdout.isatty() else 150)
    for design in DESIGNS:
        started = time.perf_counter()
        found = rates(trained(design, size), cells)
        console.print(show(design, found, size))
        networks = datasets * seeds * 3
        console.print(f"{networks:,} {network} networks of {steps} steps: {time.perf_counter() - started:.0f} s.\n")


if __name__ == "__main__":
    run(app)
