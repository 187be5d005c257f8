"""The answer in plain words or as JSON, and the exit code that goes with it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from experiments.check.messages import one_line
from experiments.check.record import Checked, Finding
from experiments.check.startup import lean_imports
from experiments.check.target import check_target, is_script
from experiments.records import UserError
from experiments.tensorflow_startup import startup_aside

WIDTH = 100
SOUND = "Sound: what is minimised and reported is what the program says, and every mistake has its gradient."
UNMEASURED = "No problem was seen, and not everything could be measured: it is not called sound."


def main(target: str, arguments: Sequence[str] = (), *, as_json: bool = False, seconds: float | None = None) -> int:
    """Check the target and print what is found. Returns 0 if there is no problem, 1 if there is one.

    A script ends this process where it would train. Raises `UserError` for a wrong call, which the command line turns
    into exit code 2.
    """

    def print_result(checked: Checked) -> int:
        print(as_text(checked, as_json=as_json))
        return 1 if checked.problems else 0

    if is_script(target):
        from experiments.check import script

        limit = script.SECONDS if seconds is None else seconds
        with lean_imports():
            script.check_and_exit(Path(target), arguments, limit, print_result, _complain)
    with startup_aside(), lean_imports():
        try:
            checked = check_target(target)
        except UserError:
            raise
        except Exception as error:  # of a program that nobody thought of: one line, as for every other
            raise UserError(f"{target} could not be checked: {one_line(error)}.") from error
    return print_result(checked)


def _complain(message: str) -> int:
    import sys

    print(f"Error: {' '.join(message.split())}", file=sys.stderr)
    return 2


def as_text(checked: Checked, *, as_json: bool = False) -> str:
    """The whole answer."""
    return to_json(checked) if as_json else "\n".join(render(checked))


def to_json(checked: Checked) -> str:
    """The answer for machines: `verdict` is "problem", "note", "sound" or "not measured"."""
    verdict = (
        "problem" if checked.problems else "not measured" if not checked.measured else
        "note" if checked.notes else "sound"
    )  # fmt: skip
    return json.dumps({"verdict": verdict, **asdict(checked)}, indent=2)


def render(checked: Checked) -> Iterable[str]:
    """The lines to print."""
    yield from checked.described
    several = len(checked.described) > 1
    for number, finding in enumerate(checked.findings, start=1):
        yield ""
        where = f" ({finding.output})" if several else ""
        yield f"{number}. {finding.level}: {finding.name}{where}"
        yield from _finding(finding, checked.file)
    yield ""
    yield summary(checked)


def _finding(finding: Finding, file: str) -> Iterable[str]:
    for text in finding.seen:
        yield from _wrapped(text, "   - ")
    yield from _wrapped(f"Why: {finding.cause}", "   ")
    if finding.cost:
        yield from _wrapped(f"Cost: {finding.cost}", "   ")
    yield from _wrapped(f"Remedy: {finding.remedy}", "   ")
    for line, change in finding.changes:
        if line or file:
            yield f"   {file}:{line.number}: {line.text}" if line else f"   {file}:"
        yield f"      -> {change}"


def summary(checked: Checked) -> str:
    """The last line."""
    problems, notes = len(checked.problems), len(checked.notes)
    if not problems and not checked.measured:
        return UNMEASURED
    if not problems:
        return SOUND if not notes else f"{SOUND} ({notes} note{'s' * (notes > 1)}.)"
    return f"{problems} problem{'s' * (problems > 1)}" + (f", {notes} note{'s' * (notes > 1)}." if notes else ".")


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent))
