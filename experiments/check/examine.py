"""One output examined: swept under the labels it may have, judged, and put into words with the lines to change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from experiments.check import judge, judge_labels, judge_metrics
from experiments.check.labels import Encoding
from experiments.check.messages import one_line
from experiments.check.record import Finding, Output
from experiments.check.registry import KINDS
from experiments.check.remedies import changes
from experiments.check.rolled_classes import RolledClasses, labels_without_loss
from experiments.check.split import squashed
from experiments.check.sweep import Sweep, run_sweep

# one output under each encoding that its labels may have; it is traced under an encoding when that is asked for
Reading = Iterable[tuple[Output, Encoding]]


def examine(reading: Reading, file: Path | None, function: str) -> tuple[Output, Sweep | None, list[Finding]]:
    """The output under the encoding that fits it, what was swept, and what was found."""
    output, sweep, error = _best(reading)
    observations = list(_observations(output, sweep, error))
    listed: list[Finding] = []
    for name in dict.fromkeys(name for name, _ in observations):
        kind = KINDS[name]
        listed.append(
            Finding(
                name=name,
                level=kind.level,
                output=output.name,
                seen=tuple(text for observed_name, text in observations if observed_name == name),
                cause=kind.cause,
                remedy=kind.remedy,
                cost=kind.cost(output.framework),
                changes=changes(name, output, sweep, file, function),
            )
        )
    return output, sweep, sorted(listed, key=lambda finding: finding.level != "problem")


def _best(reading: Reading) -> tuple[Output, Sweep | None, str]:
    """The reading whose loss follows a known formula, or whose rows do not mix; else the first that could be swept."""
    sweeps: list[tuple[Output, Sweep]] = []
    first: Output | None = None
    error = ""
    for output, encoding in reading:
        first = first or output
        if output.tail is None:
            error = error or output.unmeasured
            continue
        try:
            sweep = _sweep(output, encoding)
        except Exception as raised:  # what the program raises at some logit
            error = error or one_line(raised)
            continue
        sweeps.append((output, sweep))
        if sweep.formula.name and sweep.batch_loss_gap < 0.01:
            break
    if not sweeps:
        assert first is not None  # there is an encoding
        return first, None, error
    output, sweep = min(sweeps, key=lambda pair: (not pair[1].formula.name, pair[1].batch_loss_gap > 0.01))
    return output, sweep, ""


def _sweep(output: Output, encoding: Encoding) -> Sweep:
    """The sweep with the labels 0 and 1, or, if no cross-entropy shows, with the two that the program has.

    Of several classes the first may be left out of the loss: then two that are not are swept.
    """
    assert output.tail is not None
    sweep = run_sweep(output.tail, output.shape, encoding)
    if output.units > 2 and output.tail.shape[-1:] == output.shape[-1:] and labels_without_loss(sweep).any():
        for first in (1, 2):
            rolled = RolledClasses(output.tail, first, onehot=encoding.onehot)
            if not labels_without_loss(rolled_sweep := run_sweep(rolled, output.shape, encoding)).any():
                return rolled_sweep
    if sweep.formula.name or output.labels is None or output.units > 1 or output.labels.dtype.kind not in "iuf":
        return sweep
    values = np.unique(output.labels)
    if len(values) != 2 or tuple(values) == (0, 1):
        return sweep
    return run_sweep(output.tail, output.shape, replace(encoding, values=(float(values[0]), float(values[1]))))


def _observations(output: Output, sweep: Sweep | None, error: str) -> Iterator[judge.Observation]:
    labels = list(judge_labels.labels(output, sweep))
    yield from labels
    yield from judge_labels.weights(output)
    if any(KINDS[name].level == "problem" for name, _ in labels) and (output.raised or sweep is None):
        return
    if output.raised and not labels and not output.refused:
        yield "program_raises", f"On its own first rows: {output.raised}."
        return
    if sweep is None:
        yield "not_measured", f"The framework says: {error}."
        return
    if not _measurable(output):
        yield "not_measured", "The prediction joins several outputs of layers with weights."
        return
    regression = judge_labels.continuous(output.labels)
    objective = list(judge.objective(output, sweep))
    yield from objective
    if not objective and not regression:
        yield from judge.gradient(output, sweep)
    if not any(KINDS[name].level == "problem" for name, _ in objective):
        assert output.tail is not None
        yield from judge_metrics.metrics(output, output.tail, sweep)
    for kind in KINDS.values():
        if kind.judge is not None:
            yield from ((kind.name, text) for text in kind.judge(output, sweep))


def _measurable(output: Output) -> bool:
    """Whether the sweep says anything: not if the prediction joins parts whose squashed values alone are seen."""
    assert output.tail is not None
    return output.tail.logits_suffice or not squashed(output.tail.logits)
