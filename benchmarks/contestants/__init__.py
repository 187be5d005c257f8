"""Everything that is timed: functions from a setup to a `Timing`, by name.

Add a contestant with one decorated function in a module that `load` imports.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from experiments.records import Setup


class NotInstalled(Exception):
    """A contestant whose library is not here: it is left out, and said to be."""


@dataclass(kw_only=True)
class Timing:
    """What one run of a contestant took.

    `seconds` of wall time and `cpu` seconds of all threads, for `networks` networks. `parts`: seconds by what was
    done in them. `losses`: by network, "head/seed/rate", the mean training loss over all steps, and over the last
    ones that were recorded (None where the contestant does not say). `values`: whatever else it measured.
    """

    networks: int
    seconds: float = 0.0
    cpu: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)
    losses: dict[str, tuple[float, float | None]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def clock(self, part: str = "") -> Iterator[None]:
        """Add the time within to the whole and to `part`."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.seconds += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu
        if part:
            self.parts[part] = self.parts.get(part, 0.0) + time.perf_counter() - wall


Contestant = Callable[..., Timing]
CONTESTANTS: dict[str, Contestant] = {}


def contestant(name: str) -> Callable[[Contestant], Contestant]:
    """Register a function `(setup, **options) -> Timing`."""

    def register(function: Contestant) -> Contestant:
        CONTESTANTS[name] = function
        return function

    return register


def load() -> None:
    """Import every module that registers contestants: TensorFlow starts here."""
    from benchmarks.contestants import fit, jax_vmap, machine, replicas, stacked  # noqa: F401


def peak_mib() -> float:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def name_of(head: str, seed: int, rate: float) -> str:
    """The key of one network in `Timing.losses`."""
    return f"{head}/{seed}/{rate:.10g}"


def training_losses(setup: Setup, curves: Any) -> dict[str, tuple[float, float | None]]:
    """Mean loss of the training batches over all steps and over the last recorded ones, from a `curves` table."""
    fitted = curves.loc[curves["quantity"] == "fit_loss"]
    found: dict[str, tuple[float, float | None]] = {}
    for (head, seed, rate), mine in fitted.groupby(["head", "seed", "learning_rate"], observed=True):
        since_last = mine["step"].diff().fillna(mine["step"].iloc[0])
        mean = float((mine["value"] * since_last).sum() / setup.steps)
        found[name_of(str(head), int(seed), float(rate))] = mean, float(mine["value"].iloc[-1])
    return found
