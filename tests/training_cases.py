"""Small cells, the problems drawn from them, and how two engines' records compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from experiments.heads import HEADS, binary_heads
from experiments.networks import NETWORKS
from experiments.optimizers import OPTIMIZERS
from experiments.problem import Record
from experiments.records import Setup

TINY = np.finfo(float).tiny


def arms(optimizer: str, framework: str = "keras-tensorflow") -> tuple[str, ...]:
    """Every arm of a framework that says something of its own under `optimizer`."""
    decays = OPTIMIZERS[optimizer].decays
    return tuple(name for name in binary_heads(framework) if decays or not HEADS[name].needs_decay)


def cell(network: str, optimizer: str, **rest: object) -> Setup:
    """A small cell on a task that the network takes."""
    takes = NETWORKS[network].takes
    task = {"vector": "breast_cancer", "text": "chinese_reviews"}.get(takes[0], "digits_3v8")
    defaults: dict[str, object] = {
        "task": task,
        "heads": arms(optimizer),
        "seeds": 2,
        "steps": 50,
        "record_every": 50,
        "batch_size": 16,
    }
    return Setup(network=network, optimizer=optimizer, **{**defaults, **rest})  # type: ignore[arg-type]


def pairs(names: Sequence[str] = tuple(NETWORKS), optimizers: Sequence[str] = tuple(OPTIMIZERS)) -> list[Any]:
    """Every pair of a network and an optimizer, as parameters of a test: every other one is marked slow."""
    places = list(NETWORKS)
    return [
        pytest.param(name, optimizer, marks=[pytest.mark.slow] if (one + one // 2 + other) % 2 else [])
        for name in names
        for one in [places.index(name)]
        for other, optimizer in enumerate(optimizers)
    ]


def gap(ours: Record, theirs: Record, quantities: tuple[str, ...], rounding: float = 0.0) -> float:
    """The largest relative difference of two records over the named quantities.

    `rounding`: from which share of the whole gradient's norm on norms are compared; a layer's gradient that the next
    one cancels is nothing but rounding.
    """
    assert ours.steps == theirs.steps
    assert ours.curves.keys() == theirs.curves.keys()
    least = max(TINY, rounding * np.max(theirs.curves["train", "grad_norm", "total"]))
    return max(
        relative(np.array(ours.curves[key]), np.array(theirs.curves[key]), least if key[1] == "grad_norm" else TINY)
        for key in theirs.curves
        if key[1] in quantities
    )


def relative(a: np.ndarray, b: np.ndarray, least: float = TINY) -> float:
    """The largest difference over the largest size, at least `least`; inf where a value is not finite.

    Weights need a `least`: a bias whose gradient cancels holds nothing but rounding, about 1e-18.
    """
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("inf")
    size = max(np.abs(b).max(initial=0.0), least)
    return float(np.abs(a - b).max(initial=0.0) / size)


def stamped(offset: float) -> tuple[np.ndarray, np.ndarray]:
    """300 rows of two columns, the second of which is `offset` ± 100 and decides the class: time stamps, in seconds.

    Identical rows are told by their bytes and numbered in the order of these, here by the first column alone.
    """
    rng = np.random.default_rng(0)
    noise, spread = rng.normal(size=300), rng.normal(0, 100, size=300).round(3)
    return np.stack([noise, spread + offset], axis=1), (spread + rng.normal(0, 30, size=300) > 0).astype(int)
