"""How long cells take: from those measured in the store, and, where none are, from figures measured once."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from experiments.networks import NETWORKS
from experiments.records import Cell, Network
from experiments.suite.cells import Manifest

STARTUP = 8.0  # seconds until the first cell begins: importing TensorFlow
FINISH = 4.0  # seconds from the last cell to the end: merging tables, drawing the report
OVERHEAD = 4.0  # seconds of a cell that do not grow with its training: kernel, compiling, figures, page
# Seconds of cells that train nothing, by their ids; the atlas of a backend that is not installed takes none
FIXED = {"numerics-tensorflow": 47.0, "numerics-torch": 6.0, "numerics-jax": 41.0, "worked_examples": 3.0}
OTHER = 6.0  # seconds of a cell of which nothing is known
PART = 30.0  # seconds that a part of a cell takes at least: each starts and compiles anew


def estimate(cells: Sequence[Cell], measured: Iterable[Manifest]) -> dict[str, float]:
    """Seconds that each cell will take on one worker, by its id.

    A cell that was measured with the same parameters takes as long again. Else the part that grows with networks and
    steps is scaled from the nearest measured cells of its kind: of the same framework, network and task, and then of
    fewer of these; and with the size of the images.
    """
    stored = list(measured)
    return {cell.id: _one(cell, stored) for cell in cells}


def wall_time(seconds: Iterable[float], workers: int) -> float:
    """Seconds until `workers` have done cells of these lengths, the longest first, each by who is free first."""
    free = [0.0] * workers
    for length in sorted(seconds, reverse=True):
        heapq.heappush(free, heapq.heappop(free) + length)
    return max(free)


def parts_of(costs: Mapping[str, float], workers: int, cells: Iterable[str]) -> dict[str, int]:
    """In how many parts each of those of `cells` that one worker would be too long at is trained, at most.

    `costs`: seconds of everything that is to be done. A part is as long as a worker's share of all that, if there are
    enough chunks; nothing is cut where the whole would not end earlier, by as much as is known before.
    """
    share = max(sum(costs.values()) / workers, PART)
    wanted = {cell: min(math.ceil(costs[cell] / share), int(costs[cell] // PART)) for cell in cells}
    wanted = {cell: parts for cell, parts in wanted.items() if parts > 1}
    after = [length for cell, seconds in costs.items() for length in lengths(seconds, wanted.get(cell, 1))]
    return wanted if wall_time(after, workers) + OVERHEAD < wall_time(costs.values(), workers) else {}


def lengths(seconds: float, parts: int) -> list[float]:
    """Seconds of each job of a cell in as many parts: itself, or its parts and then what is left of it."""
    if parts == 1:
        return [seconds]
    return [*[OVERHEAD + (seconds - OVERHEAD) / parts] * parts, OVERHEAD]


def _one(cell: Cell, measured: Sequence[Manifest]) -> float:
    kind = cell.notebook.rpartition(".")[0]
    alike = [stored for stored in measured if stored.kind == kind]
    for stored in alike:
        if stored.cell == cell.id and dict(stored.parameters) == dict(cell.parameters):
            return stored.seconds
    work = _work(cell.networks, cell.parameters)
    for names in (
        ("framework", "network", "task", "image_side"), ("framework", "network", "image_side"),
        ("framework", "network"), ("network",),
    ):  # fmt: skip
        rates = sorted(
            max(stored.seconds - OVERHEAD, 0.1) / _work(stored.networks, stored.parameters) / _side(stored.parameters)
            for stored in alike
            if work and _work(stored.networks, stored.parameters) and _same(stored, cell, names)
        )
        if rates:
            return OVERHEAD + rates[len(rates) // 2] * work * _side(cell.parameters)
    if not work:
        lengths = sorted(stored.seconds for stored in alike)
        return FIXED.get(cell.id) or (lengths[len(lengths) // 2] if lengths else OTHER)
    network = _network(cell.parameters)
    return OVERHEAD + (network.step_ms if network else 1.0) / 1000 * _side(cell.parameters) * work


def _side(parameters: Mapping[str, Any]) -> float:
    """How many times as long a step takes as on images of 14 x 14; the other networks hardly feel their size."""
    network = _network(parameters)
    return (float(parameters.get("image_side", 14)) / 14) ** (network.side_power if network else 0)


def _network(parameters: Mapping[str, Any]) -> Network | None:
    """The network that a cell trains; None for one that is not registered, or no longer."""
    name = parameters.get("network")
    return next((network for network in NETWORKS.values() if network.name == name), None)


def _work(networks: int, parameters: object) -> float:
    """Networks times steps: what training time is proportional to, all else equal."""
    steps = parameters.get("steps", 0) if hasattr(parameters, "get") else 0
    return float(networks * steps)


def _same(stored: Manifest, cell: Cell, names: Sequence[str]) -> bool:
    return all(stored.parameters.get(name) == cell.parameters.get(name) for name in names)
