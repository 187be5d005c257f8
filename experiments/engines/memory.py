"""How many networks the stated memory and the cache hold at once, from what one of them takes."""

from __future__ import annotations

import numpy as np

from experiments.problem import Problem
from experiments.records import require


def network_bytes(problem: Problem, *, weights: int, elements: int, evaluated: int) -> tuple[int, int]:
    """Bytes that one network takes in a training step, and in an evaluation of `evaluated` rows.

    `weights`: how many numbers its trunk has. `elements`: how many one row of it leaves in memory.
    """
    size, weights = np.dtype(problem.setup.dtype).itemsize, weights + 2 * (problem.trunk.features + 1)
    # weight, gradient, two optimizer slots, and a temporary of the update; each result has a gradient
    training = size * (5 * weights + 2 * elements * problem.setup.batch_size)
    return training, size * (weights + elements * evaluated)


def at_once(problem: Problem, *, training: int, evaluation: int, working_set: int) -> int:
    """Networks that advance together: within `working_set` bytes for speed, and within the memory budget always.

    `training`, `evaluation`: bytes that one network takes in a step, and in an evaluation. The rows, which an engine
    holds for all seeds together, count against the budget. The arms of one seed stay together where the budget allows.
    Raises `UserError` when not even one network fits what the rows leave.
    """
    rows, most_of_one = problem.data.x.nbytes, max(training, evaluation)
    most = int((problem.setup.memory_gib * 2**30 - rows) // most_of_one)
    require(
        most >= 1,
        f"One {problem.setup.network!r} network takes {most_of_one / 2**30:.2g} GiB beside the rows' "
        f"{rows / 2**30:.2g}, and memory_gib allows {problem.setup.memory_gib:g}. Raise it, or lower batch_size "
        f"(now {problem.setup.batch_size}).",
    )
    return min(most, max(working_set // training, len(problem.heads)))
