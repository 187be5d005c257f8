"""Which rows each seed of a cell has, how many of them other seeds have too, and rows of text as token numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from experiments.records import Data, Task, require
from experiments.tasks import PARTS, Split, length_of, sample, split, tokens_of

SEEDS_A_SAMPLE = 2  # seeds that split one table alike: what differs between two of them is not the rows' doing


def sample_of(seed: int) -> int:
    """The number of the split that a seed of a table has: neighbouring seeds have the same rows in the same parts."""
    return seed // SEEDS_A_SAMPLE


def rows_of(task: Task, image_side: int, seeds: int) -> tuple[Data, dict[int, Split], dict[int, int], float]:
    """The rows of all seeds, each seed's parts as row numbers among them, its sample, and how many rows there are.

    A population, of which there are infinitely many rows, gives each seed rows of its own: they lie end to end. A
    table is there once: it, or a sample of it, is split again and again, and `SEEDS_A_SAMPLE` seeds have each split.
    The sample is the number of the draw: equal for seeds that have the same rows in the same parts.
    Raises `UserError` if the rows of a seed hold fewer classes than those of another, or too few of one to be split.
    """
    samples = {seed: seed if task.synthetic else sample_of(seed) for seed in range(seeds)}
    if task.synthetic:
        populations = [task.load(image_side, seed) for seed in range(seeds)]
        data = _end_to_end(populations)
        starts = np.cumsum([0, *(len(one.y) for one in populations)])
        row_numbers = {seed: np.arange(starts[seed], starts[seed + 1]) for seed in range(seeds)}
    else:
        data = task.load(image_side)
        n = len(data.y)
        row_numbers = {
            number: np.arange(n) if task.sample is None else sample(data, task.sample, number, task.name)
            for number in dict.fromkeys(samples.values())
        }
    parts = {number: _split(data, rows, number, task.name) for number, rows in row_numbers.items()}
    available = math.inf if task.synthetic else float(len(data.y))
    return data, {seed: parts[number] for seed, number in samples.items()}, samples, available


def _end_to_end(populations: list[Data]) -> Data:
    """Lay several `Data` end to end; their groups stay apart."""
    groups, start = [], 0
    for one in populations:
        numbers = np.unique(one.groups, return_inverse=True)[1]
        groups.append(numbers + start)
        start += int(numbers.max()) + 1
    return Data(
        x=np.concatenate([one.x for one in populations]),
        y=np.concatenate([one.y for one in populations]),
        groups=np.concatenate(groups),
    )


def _split(data: Data, rows: np.ndarray, number: int, task: str) -> Split:
    """The split of some rows, as row numbers of `data`, by the number of their sample."""
    y = data.y[rows]
    if y.ndim == 1:
        missing = np.setdiff1d(data.y, y)
        require(
            not len(missing),
            f"Sample {number} of the task {task!r} draws no row of the class {', '.join(map(str, missing))}: "
            "let the task draw more rows.",
        )
    nothing = np.zeros((len(rows), 1), dtype=np.float32)  # a split asks for classes and groups alone
    positions = split(Data(x=nothing, y=y, groups=data.groups[rows]), number, task)
    return Split(train=rows[positions.train], validation=rows[positions.validation], test=rows[positions.test])


def shares(used: Mapping[int, np.ndarray], samples: Mapping[int, int], available: float) -> dict[int, float]:
    """For each seed, the mean share of its rows that a seed of another sample uses too: in [0, 1].

    `used`: by seed, the distinct row numbers that it uses. `samples`: by seed, the number of its sample. `available`:
    how many rows there are to draw from, infinitely many in a population. Where there is one sample alone, what
    another that draws as many rows would share on average.
    """
    if len({samples[seed] for seed in used}) < 2:
        return {seed: len(rows) / available for seed, rows in used.items()}
    everywhere = _uses(used.values())
    alike: dict[int, list[np.ndarray]] = {}
    for seed, rows in used.items():
        alike.setdefault(samples[seed], []).append(rows)
    inside = {number: _uses(rows) for number, rows in alike.items()}
    shared = {}
    for seed, rows in used.items():
        others = len(used) - len(alike[samples[seed]])
        elsewhere = everywhere.loc[rows].sum() - inside[samples[seed]].reindex(rows).sum()
        shared[seed] = float(elsewhere) / len(rows) / others
    return shared


def _uses(used: Iterable[np.ndarray]) -> pd.Series:
    """Count the seeds that use each row, by its number."""
    rows, count = np.unique(np.concatenate(list(used)), return_counts=True)
    return pd.Series(count, index=rows)


def tokenised(
    data: Data, parts: Mapping[int, Split], samples: Mapping[int, int]
) -> tuple[Data, dict[int, Split], np.ndarray]:
    """Token numbers (rows, length), laid end to end for each sample; the parts among them; and each row's origin.

    `parts` and `samples`: by seed; seeds of one sample have the same rows. A vocabulary is the training part's.
    """
    texts = data.x.tolist()
    length = length_of(texts)  # one for all seeds: a network has one shape
    x, origin = [], []
    laid: dict[int, Split] = {}
    start = 0
    for seed, number in samples.items():
        if number in laid:
            continue
        chosen = parts[seed]
        rows = np.sort(np.concatenate([chosen.train, chosen.validation, chosen.test]))
        tokens = tokens_of([texts[row] for row in chosen.train], length)
        x.append(tokens(texts[row] for row in rows))
        origin.append(rows)
        row_numbers = {part: start + np.searchsorted(rows, getattr(chosen, part)) for part in PARTS}
        laid[number] = replace(chosen, **row_numbers)
        start += len(rows)
    where = np.concatenate(origin)
    tokens_data = Data(x=np.concatenate(x), y=data.y[where], groups=data.groups[where])
    return tokens_data, {seed: laid[number] for seed, number in samples.items()}, where
