"""One output examined: swept under the labels it may have, judged, and put into words with the lines to change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from experiments.check import judge, judge_labels, judge_metrics
from experiments.check.labels import Encoding
from experiments.check.messages import one_line
from experiments.check.other_classes import OtherClasses, left_out
from experiments.check.record import Finding, Output
from experiments.check.registry import KINDS
from experiments.check.remedies import changes
from experiments.check.split import squashed
from experiments.check.sweep import Sweep, sweep

# one output under each encoding that its labels may have; it is traced under an encoding when that is asked for
Reading = Iterable[tuple[Output, Encoding]]


def examine(reading: Reading, file: Path | None, function: str) -> tuple[Output, Sweep | None, list[Finding]]:
    """The output under the encoding that fits it, what was swept, and what was found."""
    output, found, error = _best(reading)
    seen = list(_seen(output, found, error))
    listed: list[Finding] = []
    for name in dict.fromkeys(name for name, _ in seen):
        kind = KINDS[name]
        listed.append(
            Finding(
                name=name,
                level=kind.level,
                output=output.name,
                seen=tuple(text for one, text in seen if one == name),
                cause=kind.cause,
                remedy=kind.remedy,
                cost=kind.cost(output.framework),
                changes=changes(name, output, found, file, function),
            )
        )
    return output, found, sorted(listed, key=lambda finding: finding.level != "problem")


def _best(reading: Reading) -> tuple[Output, Sweep | None, str]:
    """The reading whose loss has a known meaning, or whose rows do not mix; else the first that could be swept."""
    swept: list[tuple[Output, Sweep]] = []
    first: Output | None = None
    error = ""
    for output, encoding in reading:
        first = first or output
        if output.tail is None:
            error = error or output.unmeasured
            continue
        try:
            found = _sweep(output, encoding)
        except Exception as raised:  # what the program raises at some logit
            error = error or one_line(raised)
            continue
        swept.append((output, found))
        if found.meaning.name and found.mixed < 0.01:
            break
    if not swept:
        assert first is not None  # there is an encoding
        return first, None, error
    output, found = min(swept, key=lambda one: (not one[1].meaning.name, one[1].mixed > 0.01))
    return output, found, ""


def _sweep(output: Output, encoding: Encoding) -> Sweep:
    """The sweep with the labels 0 and 1, or, if no cross-entropy shows, with the two that the program has.

    Of several classes the first may be left out of the loss: then two that are not are swept.
    """
    assert output.tail is not None
    found = sweep(output.tail, output.shape, encoding)
    if output.units > 2 and output.tail.shape[-1:] == output.shape[-1:] and left_out(found).any():
        for first in (1, 2):
            others = OtherClasses(output.tail, first, onehot=encoding.onehot)
            if not left_out(swept := sweep(others, output.shape, encoding)).any():
                return swept
    if found.meaning.name or output.labels is None or output.units > 1 or output.labels.dtype.kind not in "iuf":
        return found
    values = np.unique(output.labels)
    if len(values) != 2 or tuple(values) == (0, 1):
        return found
    return sweep(output.tail, output.shape, replace(encoding, values=(float(values[0]), float(values[1]))))


def _seen(output: Output, found: Sweep | None, error: str) -> Iterator[judge.Seen]:
    labels = list(judge_labels.labels(output, found))
    yield from labels
    yield from judge_labels.weights(output)
    if any(KINDS[name].level == "problem" for name, _ in labels) and (output.raised or found is None):
        return
    if output.raised and not labels and not output.refused:
        yield "program_raises", f"On its own first rows: {output.raised}."
        return
    if found is None:
        yield "not_measured", f"The framework says: {error}."
        return
    if not _measurable(output):
        yield "not_measured", "The prediction joins several outputs of layers with weights."
        return
    regression = judge_labels.continuous(output.labels)
    objective = list(judge.objective(output, found))
    yield from objective
    if not objective and not regression:
        yield from judge.gradient(output, found)
    if not any(KINDS[name].level == "problem" for name, _ in objective):
        assert output.tail is not None
        yield from judge_metrics.metrics(output, output.tail, found)
    for kind in KINDS.values():
        if kind.judge is not None:
            yield from ((kind.name, text) for text in kind.judge(output, found))


def _measurable(output: Output) -> bool:
    """Whether the sweep says anything: not if the prediction joins parts whose squashed values alone are seen."""
    assert output.tail is not None
    return output.tail.whole or not squashed(output.tail.logits)
