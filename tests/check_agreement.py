"""Whether the check and a judge by brute force say the same of a random program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from experiments.records import UserError


def disagreement(seed: int, program: object, truth: Any, run: Callable[[], Any]) -> str:
    """What `run`, a check of the program, misses or calls a problem that is none; empty where they agree.

    `truth`: what the judge found, with `wrong` and `open`.
    """
    try:
        checked = run()
    except UserError as error:
        return "" if "raises" in truth.wrong else f"{seed}: refused {program}: {error}"
    names = [finding.name for finding in checked.findings]
    if truth.wrong and not checked.problems and checked.measured:
        return f"{seed}: missed {truth.wrong} of {program}: {names}"
    if checked.problems and not truth.wrong and not truth.open:
        return f"{seed}: false alarm {names} of {program}"
    return ""


def assert_decided(truths: Sequence[Any]) -> None:
    """Of ten programs brute force finds at least three wrong and one sound; the more, the more."""
    tens = len(truths) / 10
    assert sum(bool(truth.wrong) for truth in truths) >= 3 * tens
    assert sum(not truth.wrong and not truth.open for truth in truths) >= tens
