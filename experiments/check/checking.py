"""Checks the outputs that were read of any program, and describes what was checked."""

from __future__ import annotations

from pathlib import Path

from experiments.check.examine import Reading, examine
from experiments.check.messages import warnings_ignored
from experiments.check.record import Checked, Finding, Output
from experiments.check.sweep import Sweep

EXECUTIONS = {"eager": "run eagerly", "graph": "run as a graph", "xla": "compiled by XLA"}


def check_readings(readings: list[Reading], *, file: Path | None, function: str) -> Checked:
    """Examine each output of a program that was read."""
    findings: list[Finding] = []
    described = []
    measured = True
    several = len(readings) > 1
    for reading in readings:
        with warnings_ignored():
            output, sweep, listed = examine(reading, file, function)
        findings += listed
        described.append((f"{output.name}: " if several else "") + describe(output, sweep))
        measured = measured and sweep is not None and all(finding.name != "not_measured" for finding in listed)
    return Checked(
        file="" if file is None else str(file),
        described=tuple(described),
        findings=tuple(sorted(findings, key=lambda finding: finding.level != "problem")),
        measured=measured,
    )


def describe(output: Output, sweep: Sweep | None) -> str:
    """One line on what was checked."""
    units = f"{output.units} unit{'s' * (output.units > 1)}"
    if sweep is None:
        return f"{units}, loss {output.loss}, {output.framework}: not measured"
    ending = (
        "logits" if sweep.predicts_logits else "probabilities" if sweep.predicts_probabilities else
        "an activation of its own"
    )  # fmt: skip
    metrics = f", metrics {', '.join(metric.name for metric in output.metrics)}" if output.metrics else ""
    return f"{units} that end{'s' * (output.units == 1)} in {ending}, {sweep.formula.text}{metrics}, " \
           f"{sweep.dtype}, {output.framework}, {EXECUTIONS[output.execution]}"  # fmt: skip
