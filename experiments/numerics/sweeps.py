"""Sweeping programs: their numbers, or what the framework raised.

Programs run in one call; when one of them raises, they run in smaller calls, so that only the guilty one is lost.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from experiments.numerics.engines import Engine
from experiments.numerics.programs import Outcome, Program


@dataclass(frozen=True, kw_only=True)
class SweepResult:
    """One program's numbers over the sweep, in float64: each (n,)."""

    loss: np.ndarray
    grad: np.ndarray
    loss_of_prediction: np.ndarray


@contextmanager
def suppress_warnings() -> Iterator[None]:
    """Silence the warnings that misused losses give: misuse is what is swept here."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


class Sweep:
    """Sweeps of one engine. A loss of a prediction that is known from another program is not computed again."""

    def __init__(self, engine: Engine, z: np.ndarray) -> None:
        self.engine, self.z = engine, z
        self._losses: dict[Hashable, np.ndarray] = {}
        self._traces: dict[int, tuple[Program, Hashable]] = {}

    def run(self, programs: Sequence[Program], execution: str) -> list[SweepResult | str]:
        """Sweep z (n,) through each program: its numbers, or what it raised, in the order of `programs`.

        Of programs with the same trace one is run, for all of them.
        """
        with suppress_warnings():
            traces = [self._trace(program) for program in programs]
            first = dict(zip(reversed(traces), reversed(programs), strict=True))
            outcomes = self._distinct([*first.values()], execution)
            return [
                result if isinstance(result := outcomes[id(first[trace])], str) else self._result(program, result)
                for program, trace in zip(programs, traces, strict=True)
            ]

    def _trace(self, program: Program) -> Hashable:
        """The program's trace, made once; its own where it cannot be traced."""
        if id(program) not in self._traces:
            try:
                trace = self.engine.trace(program)
            except Exception:  # it will raise in the sweep too, or only there where the labels are known
                trace = id(program)
            self._traces[id(program)] = (program, trace)  # the program is kept, or another might get its id
        return self._traces[id(program)][1]

    def _distinct(self, programs: Sequence[Program], execution: str) -> dict[int, Outcome | str]:
        """What each program gave, as arrays, or what it raised, by its id."""
        # those that are likely to raise stand apart, so as not to spoil the one call of all the others; and so do
        # the frameworks, because a graph is optimized as a whole and may merge what different users write
        groups: dict[Hashable, list[Program]] = {}
        for program in programs:
            groups.setdefault(id(program) if program.path.doubtful else program.path.framework, []).append(program)
        # XLA checks no label, so there nothing is likely to raise
        calls = [[*groups.values()]] if execution == "xla" else [[group] for group in groups.values()]
        results = [result for call in calls for result in self._run(call, execution)]
        called = (program for call in calls for group in call for program in group)
        return dict(zip(map(id, called), results, strict=True))

    def _run(self, groups: Sequence[Sequence[Program]], execution: str) -> list[Outcome | str]:
        programs = [program for group in groups for program in group]
        try:
            outcomes = self.engine.compiled(groups, execution)([self.z])
            return [Outcome(*map(self.engine.numpy, outcome)) for outcome in outcomes]
        except Exception as error:  # whatever a framework raises is a finding
            if len(programs) == 1:
                return [reason(error)]
            parts = [[group] for group in groups] if len(groups) > 1 else [[[program]] for program in programs]
            return [result for part in parts for result in self._run(part, execution)]

    def _result(self, program: Program, outcome: Outcome) -> SweepResult:
        loss, grad, prediction = outcome
        return SweepResult(
            loss=loss.reshape(-1).astype(np.float64),
            grad=grad.reshape(-1).astype(np.float64),
            loss_of_prediction=self._loss_of_prediction(program, prediction),
        )

    def _loss_of_prediction(self, program: Program, prediction: np.ndarray) -> np.ndarray:
        """The loss of what the program predicted, (n,), nan if that raises."""
        key = (program.objective, str(prediction.dtype), prediction.tobytes())
        if key not in self._losses:
            try:
                loss = self.engine.numpy(self.engine.loss_of_prediction(program, prediction))
            except Exception:  # a compiled loss may accept the label that the same loss refuses op by op
                loss = np.full(len(prediction), np.nan)
            self._losses[key] = loss.reshape(-1).astype(np.float64)
        return self._losses[key]


def reason(error: Exception) -> str:
    """One line that says what a framework raised."""
    lines = [re.sub(r"\{\{.*?\}\}", "", line).strip() for line in str(error).splitlines()]
    lines = [line.split("  Label values")[0] for line in lines]
    candidates = [line for line in lines if "Received" in line or "not implemented" in line.lower()] or [
        *filter(None, lines)
    ]
    return f"raises {type(error).__name__}: {candidates[0][:140] if candidates else 'no message'}"
