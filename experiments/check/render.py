"""The findings in plain words, and the exit code that goes with them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from experiments.check.findings import Finding, inspect
from experiments.check.program import Program

WIDTH = 100


def main(target: str) -> int:
    """Check `FILE.py:FUNCTION` and print what is found. Returns 0 if the model is sound, 1 if it has problems.

    Raises `UserError` for a wrong call, which the command line turns into exit code 2.
    """
    checked, found = inspect(target)
    file = target.rpartition(":")[0]
    for line in render(file, checked, found):
        print(line)
    return 1 if found else 0


def render(file: str, checked: list[Program], found: list[Finding]) -> Iterable[str]:
    """The lines to print."""
    several = len(checked) > 1
    for program in checked:
        yield f"{f'{program.output}: ' if several else ''}{describe(program)}"
    shown: set[object] = set()  # what one sweep showed, and a line to change, are said once
    for number, finding in enumerate(found, start=1):
        yield ""
        yield f"{number}. {finding.name}{f' ({finding.output})' if several else ''}"
        for text in finding.seen if (finding.output, finding.seen) not in shown else ():
            yield from _wrapped(text, "   - ")
        yield from _wrapped(f"Why: {finding.cause}", "   ")
        if finding.place:
            yield from _wrapped(f"Where: {finding.place}", "   ")
        yield from _wrapped(f"Remedy: {finding.remedy}", "   ")
        for line, change in finding.changes:
            if (line, change) not in shown:
                yield f"   {file}:{line.number}: {line.text}" if line else f"   {file}:"
                yield f"      -> {change}"
        shown |= {(finding.output, finding.seen), *finding.changes}
    yield ""
    yield "Sound: loss and gradient are those of the written formula." if not found else _count(found)


def describe(program: Program) -> str:
    """One line on what was checked."""
    path = program.path
    head = f"{program.units} {path.activation} unit{'s' if program.units > 1 else ''}"
    logits = ", from logits" if path.form == "from_logits" else ""
    backend = path.framework.removeprefix("keras-")
    return f"{head}, {path.loss}{logits}, {path.precision} under a {path.floatx} loss, Keras on {backend}"


def _count(found: list[Finding]) -> str:
    return "1 problem." if len(found) == 1 else f"{len(found)} problems."


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent))
