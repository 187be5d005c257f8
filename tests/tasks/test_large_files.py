"""A file far larger than the memory gives an answer within it, the one that a sample of its rows gives."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow
import pytest

ROWS = 5_000_000
BLOCK = 250_000


def write(path: Path, rows: int) -> None:
    """20 columns of numbers, which tell the class, 14 of categories, 4 of dates, one of text, and the class."""
    rng = np.random.default_rng(0)
    slopes = rng.normal(size=20) / 3
    levels, texts = pa.array([f"v{number}" for number in range(12)]), pa.array(["good fine nice", "bad rude", "so so"])
    writer = None
    with pa.OSFile(str(path), "wb") as file:
        for _ in range(rows // BLOCK):
            x = rng.normal(size=(BLOCK, 20)).astype(np.float32)
            positive = x @ slopes + rng.logistic(size=BLOCK) > 0
            columns: dict[str, Any] = {f"n{number}": np.round(x[:, number], 4) for number in range(20)}
            columns |= {f"c{number}": levels.take(pa.array(rng.integers(0, 12, BLOCK))) for number in range(14)}
            first = np.datetime64("2020-01-01")
            columns |= {f"d{number}": pa.array(first + rng.integers(0, 900, BLOCK)) for number in range(4)}
            columns["t"] = texts.take(pa.array(rng.integers(0, 3, BLOCK)))
            columns["y"] = pa.array(["no", "yes"]).take(pa.array(positive.astype(int)))
            table = pa.table(columns)
            writer = writer or arrow.CSVWriter(file, table.schema)
            writer.write(table)
        assert writer is not None
        writer.close()


def compared(path: Path) -> tuple[dict[str, Any], float, float]:
    """The answer of the command, its seconds, and the most memory that the process held, in GiB."""
    began = time.monotonic()
    command = [sys.executable, "-m", "experiments", "compare", str(path), "--target", "y", "--json", "--budget", "3min"]
    done = subprocess.run([*command, "--out", str(path) + ".out"], check=True, capture_output=True, text=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return json.loads(done.stdout), time.monotonic() - began, peak


@pytest.mark.slow
def test_five_million_rows_of_forty_columns_are_answered_within_four_gib(tmp_path: Path) -> None:
    large, small = tmp_path / "large.csv", tmp_path / "small.csv"
    write(large, ROWS)
    answer, seconds, peak = compared(large)
    assert peak <= 4
    assert seconds <= 300
    assert any(notice.startswith("Of 5,000,000 rows ") for notice in answer["notices"])
    write(small, BLOCK)
    again, _, _ = compared(small)
    assert again["verdict"]["outcome"] == answer["verdict"]["outcome"]
