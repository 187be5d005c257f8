"""What an answer costs, and the history of the benchmark's ratios."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks import answer, history
from benchmarks.contestants.names import CELL, FIT, JAX


def rows(**changed: Any) -> dict[str, Any]:
    return {"head": "softmax", "baseline": "sigmoid", "primary": True, "at": "default", "estimand": "fresh rows",
            "outcome": "larger", **changed}  # fmt: skip


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "tables").mkdir()
    others = [rows(head="softmax_lr"), rows(primary=False), rows(at="best"), rows(estimand="these rows")]
    table = [rows(), rows(outcome="equivalent"), rows(outcome="undecided"), *others]
    pd.DataFrame(table).to_parquet(tmp_path / "tables" / "differences.parquet")
    return tmp_path


def test_the_cost_is_of_decided_primary_comparisons_alone(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stored:
        seconds = 2.5

    monkeypatch.setattr(answer.Cells, "manifests", lambda self: iter([Stored(), Stored()]))
    found = answer.cost(results)
    assert found == answer.Cost(core_seconds=5.0, compared=3, decided=2)
    assert found.each == 2.5
    assert "5 core-seconds for 2 decided of 3 primary" in answer.in_words(results)
    assert "2.5 each; the target is at most 3: reached" in answer.in_words(results)
    assert math.isnan(answer.Cost(core_seconds=1.0, compared=1, decided=0).each)


def test_no_run_is_told(tmp_path: Path) -> None:
    assert answer.cost(tmp_path) is None
    assert "not measured" in answer.in_words(tmp_path)


def test_the_history_has_medians_of_turns_and_leaves_empty_what_was_not_timed(tmp_path: Path) -> None:
    ours = [{"seconds": 2.0, "networks": 2}, {"seconds": 4.0, "networks": 2}, {"seconds": 2.0, "networks": 2}]
    theirs = [{"seconds": 9.0, "networks": 1}, {"seconds": 10.0, "networks": 1}, {"seconds": 7.0, "networks": 1}]
    found = {"mlp": {CELL: ours, FIT: theirs, JAX: [{"missing": "jax"}] * 3}}
    assert history.ratios(found) == {"mlp_fit": 7.0}  # of 9, 5 and 7
    row = history.line({"processor": "one", "cores": 2}, found, answer.Cost(core_seconds=30.0, compared=12, decided=10))
    file = tmp_path / "history.csv"
    for _ in range(2):
        history.keep(row, file)
    first, second = csv.DictReader(file.read_text().splitlines())
    assert first == second
    assert tuple(first) == history.COLUMNS
    assert (first["mlp_fit"], first["mlp_jax"], first["cnn_fit"]) == ("7", "", "")
    assert (first["core_seconds"], first["decided"], first["core_seconds_an_answer"]) == ("30", "10", "3")
    assert json.loads(json.dumps(first)) == row
