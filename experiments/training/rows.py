"""Which rows each seed of a cell has, and how many of them other seeds have too."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from experiments.records import Data, Task, require
from experiments.tasks import Split, sample, split


def rows_of(task: Task, image_side: int, seeds: int) -> tuple[Data, dict[int, Split], float]:
    """The rows of all seeds, the parts of each seed as row numbers among them, and how many rows there are to draw.

    A population, of which there are infinitely many rows, gives each seed rows of its own: they lie end to end. A
    table is there once: each seed splits it, or a sample of it, again.
    Raises `UserError` if the rows of a seed hold fewer classes than those of another, or too few of one to be split.
    """
    if task.synthetic:
        drawn = [task.load(image_side, seed) for seed in range(seeds)]
        data = _end_to_end(drawn)
        starts = np.cumsum([0, *(len(one.y) for one in drawn)])
        places = [np.arange(first, first + len(one.y)) for first, one in zip(starts, drawn, strict=False)]
    else:
        data = task.load(image_side)
        n = len(data.y)
        places = [
            np.arange(n) if task.sample is None else sample(data, task.sample, seed, task.name) for seed in range(seeds)
        ]
    parts = {seed: _split(data, rows, seed, task.name) for seed, rows in enumerate(places)}
    return data, parts, math.inf if task.synthetic else float(len(data.y))


def _end_to_end(drawn: list[Data]) -> Data:
    """One `Data` of several, whose groups stay apart."""
    groups, start = [], 0
    for one in drawn:
        numbers = np.unique(one.groups, return_inverse=True)[1]
        groups.append(numbers + start)
        start += int(numbers.max()) + 1
    return Data(
        x=np.concatenate([one.x for one in drawn]),
        y=np.concatenate([one.y for one in drawn]),
        groups=np.concatenate(groups),
    )


def _split(data: Data, rows: np.ndarray, seed: int, task: str) -> Split:
    """The split of some rows, as row numbers of `data`."""
    y = data.y[rows]
    if y.ndim == 1:
        missing = np.setdiff1d(data.y, y)
        require(
            not len(missing),
            f"Seed {seed} of the task {task!r} draws no row of the class {', '.join(map(str, missing))}: "
            "let the task draw more rows.",
        )
    nothing = np.zeros((len(rows), 1), dtype=np.float32)  # a split asks for classes and groups alone
    found = split(Data(x=nothing, y=y, groups=data.groups[rows]), seed, task)
    return Split(train=rows[found.train], validation=rows[found.validation], test=rows[found.test])


def shares(used: Mapping[int, np.ndarray], available: float) -> dict[int, float]:
    """For each seed, the mean over the other seeds of the share of its rows that the other one uses too: in [0, 1].

    `used`: by seed, the distinct row numbers that it uses. `available`: how many rows there are to draw from,
    infinitely many in a population. Of one seed alone, what another that draws as many rows would share on average.
    """
    if len(used) < 2:
        return {seed: len(rows) / available for seed, rows in used.items()}
    _, place, count = np.unique(np.concatenate(list(used.values())), return_inverse=True, return_counts=True)
    others = np.split(count[place] - 1, np.cumsum([len(rows) for rows in used.values()])[:-1])
    return {seed: float(found.mean()) / (len(used) - 1) for seed, found in zip(used, others, strict=True)}
