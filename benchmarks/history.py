"""The benchmark's ratios, a line a release: benchmarks/history.csv."""

from __future__ import annotations

import csv
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.answer import Cost
from benchmarks.contestants.names import CELL, FIT, JAX

FILE = Path(__file__).with_name("history.csv")
NETWORKS = ("mlp", "cnn", "gru", "attention")
AGAINST = {"fit": FIT, "jax": JAX}
COLUMNS = (
    "date", "version", "commit", "processor", "cores",
    *(f"{network}_{name}" for network in NETWORKS for name in AGAINST),
    "core_seconds", "decided", "core_seconds_an_answer",
)  # fmt: skip

Found = Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]


def ratios(found: Found) -> dict[str, float]:
    """How many times the engine's time a network others take, the median of repeats; what was not timed is left out."""
    made = {}
    for network in NETWORKS:
        timed = found.get(network, {})
        for name, contestant in AGAINST.items():
            theirs, ours = timed.get(contestant, []), timed.get(CELL, [])
            if theirs and ours and "missing" not in theirs[0]:
                each = [_a_network(one) / _a_network(mine) for one, mine in zip(theirs, ours, strict=True)]
                made[f"{network}_{name}"] = statistics.median(each)
    return made


def _a_network(timing: Mapping[str, Any]) -> float:
    return float(timing["seconds"]) / int(timing["networks"])


def line(machine: Mapping[str, Any], found: Found, answer: Cost | None) -> dict[str, str]:
    """A row of the history; what was not measured is empty."""
    row = dict.fromkeys(COLUMNS, "")
    row |= {"date": datetime.now(UTC).date().isoformat(), "version": _version(), "commit": _commit()}
    row |= {"processor": str(machine["processor"]), "cores": str(machine["cores"])}
    row |= {name: f"{ratio:.3g}" for name, ratio in ratios(found).items()}
    if answer is not None:
        row |= {"core_seconds": f"{answer.core_seconds:.0f}", "decided": str(answer.decided)}
        row["core_seconds_an_answer"] = f"{answer.each:.3g}"
    return row


def keep(row: Mapping[str, str], file: Path = FILE) -> None:
    """Add a row to the history, which is begun if there is none."""
    new = not file.is_file()
    with file.open("a", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def _version() -> str:
    try:
        return version("headtohead")
    except PackageNotFoundError:
        return ""


def _commit() -> str:
    """The commit of the checkout, in short; empty outside of one."""
    command = ["git", "-C", str(FILE.parent), "rev-parse", "--short", "HEAD"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return told.stdout.strip()
