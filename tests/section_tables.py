"""Results of a few rows, written down whole, and what a section makes of them as a reader sees it; no figure is drawn.

A row says what matters to its test; the rest is as in `COMPARISON`: softmax against sigmoid on moons/mlp/sgd.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from experiments.figures import Messages
from experiments.judgement import FRESH
from experiments.report import CATALOGUES
from experiments.report.blocks import Block, Fold, Inline, Picture, Section, Table, Text, spans
from experiments.report.figure_cache import Drawing
from experiments.report.sections import components
from experiments.report.stored import Stored
from experiments.tables import MAIN, SCHEMAS

M = Messages(paths=CATALOGUES)
CELL = {"framework": MAIN, "task": "moons", "network": "mlp", "optimizer": "sgd", "learning_rate": 0.1}
COMPARISON = CELL | {
    "quantity": "nll", "split": "test", "head": "softmax", "baseline": "sigmoid", "at": "default", "estimand": FRESH,
    "n": 10, "mean": 0.05, "low": 0.04, "high": 0.06, "bound": 0.06, "margin": 0.02, "noise_floor": 0.01,
    "nonfinite": 0, "primary": True, "outcome": "larger", "detectable": 0.015, "p": 1e-6, "p_t": 1e-6,
    "p_larger": 1e-6, "seeds_needed": math.inf, "fresh_seeds_needed": math.inf, "best_rate": 0.1,
    "baseline_best_rate": 0.2, "at_edge": 0.25, "kind": "binary", "n_tasks": 3, "n_cells": 7, "shift": 0,
    "shift_fine": 0.5,
}  # fmt: skip
SHARE = CELL | {"quantity": "nll_curve", "factor": "arithmetic", "method": "shapley", "share": 0.01}
NOTEBOOK = {"kind": "binary", "status": "done", "seconds": 3.5, "networks_trained": 40, "error": "", "notebook": ""}


def rows(*changes: dict[str, Any], base: dict[str, Any] = COMPARISON) -> pd.DataFrame:
    """A table of a row a dictionary of what differs from `base`."""
    return pd.DataFrame([base | change for change in changes])


def write(out: Path, run: dict[str, Any] | None = None, **tables: pd.DataFrame) -> Stored:
    """A result of the tables, each with all columns of its schema."""
    (out / "tables").mkdir(parents=True)
    for name, table in tables.items():
        columns = [*SCHEMAS.get(name, ()), *(column for column in table if column not in SCHEMAS.get(name, ()))]
        table.reindex(columns=columns).to_parquet(out / "tables" / f"{name}.parquet", index=False)
    if run is not None:
        (out / "run.json").write_text(json.dumps(run), encoding="utf-8")
    return Stored(out, out)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures keep what would draw them, and none is drawn."""
    monkeypatch.setattr(components, "key_of", lambda *_: "")
    monkeypatch.setattr(
        components, "drawing", lambda _folder, _name, _key, draw: Drawing(finding="", size=(1, 1), svg="", draw=draw)
    )


def words(inline: Inline) -> str:
    return "".join(span.text for span in spans(inline))


def cells_of(table: Table) -> list[list[str]]:
    """The table's texts, a list a row."""
    return [[words(cell) for cell in row] for row in table.rows]


def flat(blocks: Sequence[Block]) -> Iterator[Block]:
    """The blocks and those that are folded away, in their order."""
    for block in blocks:
        yield block
        if isinstance(block, Fold):
            yield from flat(block.blocks)


def paragraphs(section: Section) -> list[str]:
    return [words(block.body) for block in flat(section.blocks) if isinstance(block, Text)]


def tables_of(section: Section) -> list[Table]:
    return [block for block in flat(section.blocks) if isinstance(block, Table)]


def pictures_of(section: Section) -> dict[str, tuple[pd.DataFrame, ...]]:
    """Of every picture the tables that it draws, by its name."""
    return {block.name: block.wide.draw.args  # type: ignore[attr-defined]
            for block in flat(section.blocks) if isinstance(block, Picture)}  # fmt: skip
