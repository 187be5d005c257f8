"""Cost of a step of one network against how many advance at once: what the engine's working set is chosen from."""

from __future__ import annotations

import statistics
import time

from benchmarks.contestants import Timing, contestant
from benchmarks.flops import mean_mflop
from experiments.engines import Problem, prepare
from experiments.engines.keras_trunk import precision
from experiments.engines.stacked import StackedEngine
from experiments.engines.stacked.budget import at_once, replica_bytes
from experiments.problem import chunk_of, chunks
from experiments.records import Setup

STEPS = 10  # a turn of one number of replicas


@contestant("replicas")
def replicas(setup: Setup, *, counts: list[int], seconds: float) -> Timing:
    """Milliseconds of a network's step, losses and norms included and tracing not, for each of `counts` at once.

    The counts take turns, at least five each and for `seconds` each in all; the median turn counts.
    """
    timing = Timing(networks=0)
    with precision(setup.dtype), timing.clock():
        problem = prepare(setup)
        runs = {count: started(problem, count) for count in counts}
        turns: dict[int, list[float]] = {count: [] for count in counts}
        while min(len(mine) for mine in turns.values()) < 5 or sum(map(sum, turns.values())) < seconds * len(counts):
            for count, engine in runs.items():
                turns[count].append(turn(engine))
        training, _ = replica_bytes(problem)
    timing.values = {
        "ms": {str(n): 1e3 * statistics.median(mine) / STEPS / n for n, mine in turns.items()},
        "turns": {str(n): len(mine) for n, mine in turns.items()},
        "mib_a_replica": training / 2**20,
        "mflop": mean_mflop(problem),
        "at_once": chosen(problem, counts),
    }
    return timing


def started(problem: Problem, count: int) -> StackedEngine:
    """`count` replicas ready to take steps, their step compiled."""
    seeds = range(-(-count // len(problem.heads)))
    members = next(iter(chunks(problem.heads, problem.rates, seeds, count)))
    engine = StackedEngine(problem, [replica.head for replica in members])
    engine.start(chunk_of(problem, members))
    turn(engine)
    return engine


def chosen(problem: Problem, counts: list[int]) -> int:
    """That of `counts` which is nearest, by ratio, to what the engine advances at once when there are enough."""
    most = at_once(problem)
    return min(counts, key=lambda count: max(count / most, most / count))


def turn(engine: StackedEngine) -> float:
    """Seconds of `STEPS` steps."""
    start = time.perf_counter()
    engine.advance(0, STEPS)
    return time.perf_counter() - start
