"""Sweeping programs: their numbers, or what the framework raised.

Programs run in one call; when one of them raises, they run in smaller calls, so that only the guilty one is lost.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from experiments.numerics.engines import Engine
from experiments.numerics.programs import Outcome, Program


@dataclass(frozen=True, kw_only=True)
class Swept:
    """One program's numbers over the sweep, in float64: each (n,)."""

    loss: np.ndarray
    grad: np.ndarray
    loss_of_prediction: np.ndarray


@contextmanager
def quietly() -> Iterator[None]:
    """Silence the warnings that misused losses give: misuse is what is swept here."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def swept(engine: Engine, program: Program, outcome: Outcome) -> Swept:
    """What one program gave, on the host, and the loss of its prediction (nan if that raises)."""
    loss, grad, prediction = map(engine.numpy, outcome)
    try:
        again = engine.numpy(engine.again(program, prediction))
    except Exception:  # a compiled loss may accept the label that the same loss refuses op by op
        again = np.full(loss.shape, np.nan)
    return Swept(
        loss=loss.reshape(-1).astype(np.float64),
        grad=grad.reshape(-1).astype(np.float64),
        loss_of_prediction=again.reshape(-1).astype(np.float64),
    )


def _run(engine: Engine, groups: Sequence[Sequence[Program]], z: np.ndarray, execution: str) -> list[Swept | str]:
    programs = [program for group in groups for program in group]
    try:
        found = engine.compiled(groups, execution)([z])
        return [swept(engine, program, outcome) for program, outcome in zip(programs, found, strict=True)]
    except Exception as error:  # whatever a framework raises is a finding
        if len(programs) == 1:
            return [reason(error)]
        parts = [[group] for group in groups] if len(groups) > 1 else [[[program]] for program in programs]
        return [result for part in parts for result in _run(engine, part, z, execution)]


def run_all(engine: Engine, programs: Sequence[Program], z: np.ndarray, execution: str) -> list[Swept | str]:
    """Sweep `z` (n,) through each program: its numbers, or what it raised, in the order of `programs`."""
    # those that are likely to raise stand apart, so as not to spoil the one call of all the others
    groups = [[program for program in programs if program.path.doubtful is doubtful] for doubtful in (False, True)]
    groups = [group for group in groups if group]
    # XLA checks no label, so there nothing is likely to raise
    calls = [groups] if execution == "xla" else [[group] for group in groups]
    with quietly():
        results = [result for call in calls for result in _run(engine, call, z, execution)]
    found = dict(zip((id(program) for group in groups for program in group), results, strict=True))
    return [found[id(program)] for program in programs]


def reason(error: Exception) -> str:
    """One line that says what a framework raised."""
    lines = [re.sub(r"\{\{.*?\}\}", "", line).strip() for line in str(error).splitlines()]
    lines = [line.split("  Label values")[0] for line in lines]
    said = [line for line in lines if "Received" in line or "not implemented" in line.lower()] or [*filter(None, lines)]
    return f"raises {type(error).__name__}: {said[0][:140] if said else 'no message'}"
