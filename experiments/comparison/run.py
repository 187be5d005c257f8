"""Seeds trained batch after batch and looked at on the way, until the answer is decided or the means are spent."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pandas as pd

from experiments.comparison.judge import BASELINE, HEAD, overall, primary
from experiments.comparison.options import duration
from experiments.comparison.seed_data import Plan, problem, seeds_at_once
from experiments.comparison.tuning import QUANTITIES, Tuning, tune
from experiments.engines import Factory, driver, precision
from experiments.engines.keras_fit import KerasFit
from experiments.engines.stacked import Stacked
from experiments.judgement import Design, Sequential, differences, looks, pair_up
from experiments.problem import Problem, Record, Replica, hash_of, shares, tabulate
from experiments.records import UserError
from experiments.tables import SCHEMAS, concat

# what is being done, and how much of it: (text, share from 0 to 1)
Progress = Callable[[str, float], None]
_SHARE_OF_BUDGET = 0.9  # the rest is for the last look and the report
LEAST_SEEDS = 2
COMPILING = 2  # stretches between two records in which an engine may still compile: one step, and several in one graph


class _TooSlow(Exception):
    """The seeds at hand would take longer than the budget allows; holds the estimate in seconds for one seed."""

    def __init__(self, per_seed: float) -> None:
        super().__init__(per_seed)
        self.per_seed = per_seed


@dataclass(kw_only=True)
class _Pace:
    """How fast the networks of some seeds train. `marks`: (second, share that is done), from the start on."""

    marks: list[tuple[float, float]]

    def seconds(self, share: float) -> float | None:
        """How long all of it takes by its fastest stretch, for the first ones compile; None while that is all there is.

        `share`: what is done by now.
        """
        self.marks.append((time.monotonic(), share))
        stretches = [(later - at) / (more - part) for (at, part), (later, more) in pairwise(self.marks)]
        return min(stretches) if len(stretches) > COMPILING and self.marks[-1][0] - self.marks[0][0] > 2 else None


@dataclass(kw_only=True)
class RunResult:
    """What a comparison has trained and found. `looks`: a row a look. `stopped`: decided, seeds or budget.

    `tables`: of the networks at the model's own rate. `sweep`: the finals of both heads at all rates. `tuning`: what
    they say; None where only the own rate was trained.
    """

    tables: dict[str, pd.DataFrame]
    sweep: pd.DataFrame
    tuning: Tuning | None
    differences: pd.DataFrame
    looks: pd.DataFrame
    design: Design
    stopped: str
    engine: str
    notices: tuple[str, ...]
    seconds: float


@dataclass(kw_only=True)
class _Runner:
    plan: Plan
    tell: Progress
    started: float
    factory: Factory  # that of plain Keras keeps the arms compiled
    per_batch: int  # seeds whose rows the memory holds
    replicas: int | None = None  # networks that advance together, measured once
    parts: list[dict[str, pd.DataFrame]] = field(default_factory=list)
    trunks: set[str] = field(default_factory=set)
    used: dict[int, np.ndarray] = field(default_factory=dict)  # by seed, its rows' numbers in the table
    samples: dict[int, int] = field(default_factory=dict)  # by seed, the number of its split
    done: int = 0

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    @property
    def seconds_left(self) -> float:
        """Seconds of the budget that training may still take."""
        budget = self.plan.options.budget
        return float("inf") if budget is None else _SHARE_OF_BUDGET * budget - self.elapsed

    def train(self, until: int, *, interrupt: bool) -> None:
        """Train the seeds that lack, batch after batch, each once.

        With `interrupt`, raises `_TooSlow` as soon as it shows that they will not be done in time.
        """
        first = self.done
        while self.done < until:
            seeds = range(self.done, min(self.done + self.per_batch, until))
            self.tell(f"Encoding the rows of seeds {seeds[0] + 1} to {seeds[-1] + 1}", self.done / until)
            batch = problem(self.plan, seeds)
            pace = _Pace(marks=[(time.monotonic(), 0.0)])

            def report(done: int, total: int, seeds: range = seeds, pace: _Pace = pace) -> None:
                share = done / total
                self.tell(f"Training seeds {first + 1} to {until}", (self.done + share * len(seeds)) / until)
                total_seconds = pace.seconds(share)
                if interrupt and total_seconds is not None and share < 1:
                    per_seed = total_seconds / len(seeds)
                    if per_seed * (until - self.done) - total_seconds * share > self.seconds_left:
                        raise _TooSlow(per_seed)

            records = self._records(batch, report)
            self.parts.append(tabulate(batch, records))
            self.used |= batch.used
            self.samples |= batch.samples
            self.trunks |= {hash_of(stream.trunk) for stream in batch.streams.values()}
            self.done = seeds[-1] + 1

    def _records(self, batch: Problem, report: Callable[[int, int], None]) -> list[Record]:
        if self.replicas is None:
            self.replicas = self.factory.at_once(batch)
        return driver.run(batch, self.factory, at_once=self.replicas, progress=report)

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables of all seeds that are done, at the model's own rate."""
        tables = {name: self._joined(name) for name in ("curves", "finals", "runs")}
        # a batch knew of its own seeds alone
        shared = shares(self.used, self.samples, len(self.plan.table.y))
        tables["runs"] = tables["runs"].assign(shared=tables["runs"]["seed"].map(shared))
        return {name: table[table["learning_rate"] == self.plan.rate] for name, table in tables.items()}

    def sweep(self) -> pd.DataFrame:
        """What both heads reach at every rate, on validation and on test rows."""
        finals = self._joined("finals")
        of_heads = finals["head"].isin([BASELINE, HEAD]) & finals["quantity"].isin(QUANTITIES)
        columns = SCHEMAS["learning_rates"]
        return finals.loc[of_heads & (finals["split"] != "train"), columns].reset_index(drop=True)

    def _joined(self, name: str) -> pd.DataFrame:
        return concat([part[name] for part in self.parts], name)


def run(plan: Plan, tell: Progress) -> RunResult:
    """Train and judge. Raises `UserError` when the budget or the memory is too small for any answer."""
    started = time.monotonic()
    options, model = plan.options, plan.model
    notices: list[str] = []
    most = seeds_at_once(plan)
    with precision("float32"):
        runner = _Runner(
            plan=plan,
            tell=tell,
            started=started,
            factory=KerasFit() if model.reasons else Stacked(),
            per_batch=1 if model.reasons else most,
        )
        look_sizes = looks(options.seeds)
        if model.reasons:
            per_seed = _measured(plan)
            notices.append(
                f"Plain Keras trains this model, one network after another, since the fast engine lacks "
                f"{', '.join(model.reasons)}: about {duration(per_seed)} a seed, {duration(per_seed * look_sizes[0])} "
                f"until the first look, {duration(per_seed * look_sizes[-1])} for all {look_sizes[-1]} seeds."
            )
            tell(notices[-1], 0.0)
            look_sizes = _affordable(look_sizes, per_seed, runner.seconds_left, options.budget)
        try:
            runner.train(look_sizes[0], interrupt=options.budget is not None and not model.reasons)
        except _TooSlow as slow:
            look_sizes = _affordable(
                look_sizes, slow.per_seed, runner.seconds_left + runner.done * slow.per_seed, options.budget
            )
            if runner.done < look_sizes[0]:
                runner.train(look_sizes[0], interrupt=False)
        if not runner.plan.rates[1:]:
            notices.append("Only the model's own learning rate is tried: plain Keras trains one network after another.")
        return _look_on(runner, Design(looks=look_sizes), notices, full=options.seeds)


def _look_on(runner: _Runner, design: Design, notices: list[str], full: int) -> RunResult:
    """Look at the seeds that are done, train more, look again."""
    corrector, look_rows = Sequential(design=design), []
    stopped = "seeds" if design.looks[-1] >= full else "budget"
    for number, n in enumerate(design.looks):
        spent = runner.elapsed / max(runner.done, 1)
        if number and spent * (n - runner.done) > runner.seconds_left:
            stopped = "budget"
            break
        runner.train(n, interrupt=False)
        runner.tell(f"Judging {n} seeds", n / design.looks[-1])
        tables = runner.tables()
        judged = differences(pair_up(tables["finals"], None, tables["runs"], BASELINE), corrector)
        rows = primary(judged)
        open_ = rows.loc[rows["outcome"] == "undecided", "quantity"].tolist()
        look_rows.append({
            "look": number + 1, "seeds": n, "level": design.levels(2)[number], "level_tost": design.levels(1)[number],
            "outcome": overall(judged), "undecided": ", ".join(open_), "seconds": runner.elapsed,
        })  # fmt: skip
        if not open_:
            stopped = "decided"
            break
    if len(runner.trunks) < runner.done and runner.plan.model.parameters:
        notices.append(
            "The model's function gives the same first weights again and again (it sets a seed, or loads weights): "
            "seeds differ in their split, their order and their head alone."
        )
    # what was stopped by looking at it is told at the level of the last look
    confidence = 1 - design.levels(2)[len(look_rows) - 1]
    sweep = runner.sweep()
    tuned = tune(sweep, tables["runs"], runner.plan.rate, confidence) if runner.plan.rates[1:] else None
    return RunResult(
        tables=tables,
        sweep=sweep,
        tuning=tuned,
        differences=judged,
        looks=pd.DataFrame(look_rows),
        design=design,
        stopped=stopped,
        engine=str(tables["runs"]["engine"].iloc[0]),
        notices=tuple(notices),
        seconds=runner.elapsed,
    )


def _affordable(
    look_sizes: tuple[int, ...], per_seed: float, seconds_left: float, budget: float | None
) -> tuple[int, ...]:
    """The looks that the time allows; fewer seeds than the first look wants, if need be."""
    if budget is None:
        return look_sizes
    seeds = int(seconds_left / per_seed) if per_seed > 0 else look_sizes[-1]
    if seeds < LEAST_SEEDS:
        raise UserError(
            f"A budget of {duration(budget)} is too short: one seed of all arms takes about {duration(per_seed)}, and "
            f"a comparison needs at least {LEAST_SEEDS}. Give --budget {duration(1.5 * LEAST_SEEDS * per_seed)} or "
            "more, or lower --steps."
        )
    return look_sizes if seeds >= look_sizes[0] else looks(seeds)


def _measured(plan: Plan) -> float:
    """Seconds that plain Keras takes for all arms of one seed, from short fits: to compile, to start, and a step.

    Compiling comes once an arm or less, so it counts as spread over the fewest seeds that make an answer.
    """
    steps = min(plan.options.steps, 20)
    batch = problem(replace(plan, options=replace(plan.options, steps=steps + 1)), [0])
    setup = replace(batch.setup, record_every=plan.options.record_every)
    replica = Replica(head=plan.heads[0], learning_rate=batch.rates[0], seed=0)

    def fits(length: int, count: int) -> list[float]:
        short = replace(batch, setup=replace(setup, steps=length))
        engine = KerasFit().engine(short, [replica.head])
        times = []
        for _ in range(count):
            began = time.monotonic()
            driver.train(short, engine, [replica])
            times.append(time.monotonic() - began)
        return times

    fits(1, 1)  # has costs that come once a process
    first, start = fits(1, 2)
    (longer,) = fits(steps + 1, 1)
    step = max(0.0, longer - first) / steps
    compiling = max(0.0, first - start) / LEAST_SEEDS
    return len(plan.heads) * (compiling + start + step * plan.options.steps)
