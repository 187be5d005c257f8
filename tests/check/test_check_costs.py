"""What a finding cost a trained network: the figures of the atlas, not of anyone's hand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.check import check, costs
from experiments.check.registry import KINDS
from experiments.check.render import as_text
from experiments.numerics.consequences import COLUMNS
from experiments.report.reference import REFERENCE, ROOT

TRAINED = pd.read_parquet(ROOT / REFERENCE / "tables" / "consequences.parquet")


def test_the_costs_are_those_of_the_reference() -> None:
    told, found = costs.costs(), costs.collect_costs(ROOT / REFERENCE)
    assert {name: set(of) for name, of in told.items()} == {name: set(of) for name, of in found.items()}, (
        "run `python -m experiments.check`"
    )
    for name, of in found.items():
        for framework, fields in of.items():
            for key, value in fields.items():
                expected = pytest.approx(value, rel=5e-3) if isinstance(value, float) else value
                assert told[name][framework][key] == expected


def test_every_finding_that_is_a_pathology_which_was_trained_has_its_cost() -> None:
    trained = set(TRAINED["pathology"].astype(str))
    assert {kind.name for kind in KINDS.values() if kind.cost()} == {
        kind.name for kind in KINDS.values() if kind.atlas in trained
    }
    assert sum(bool(kind.cost()) for kind in KINDS.values()) >= 9


def test_a_cost_is_the_median_on_the_task_where_the_two_ends_lie_furthest_apart(tmp_path: Path) -> None:
    rows = [
        ("separable", "pathology", 1.0, 0.5), ("separable", "pathology", 3.0, 0.7), ("separable", "sound", 0.25, 1.0),
        ("heavy_noise", "pathology", 0.6, 0.8), ("heavy_noise", "sound", 0.5, 0.8),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["task", "role", "predicted_nll", "accuracy"])
    table = table.assign(pathology="clipped", framework="keras-jax", dtype="float32", finite=True, seed=0)
    other = table.assign(framework="torch", predicted_nll=9.0)
    (tmp_path / "tables").mkdir()
    pd.concat([other, table]).to_parquet(tmp_path / "tables" / "consequences.parquet")
    (known,) = costs.collect_costs(tmp_path).values()
    assert set(known) == {"keras-jax", "torch"}
    jax = known["keras-jax"]
    assert jax == {
        "dtype": "float32", "task": "separable", "nll": 2.0, "sound_nll": 0.25, "accuracy": pytest.approx(0.6),
        "sound_accuracy": 1.0, "broken": 0, "seeds": 2,
    }  # fmt: skip
    told = costs.sentence("keras-jax", jax)
    assert told == (
        "Trained this way in the numerics atlas (keras-jax, float32, task separable), the same network ended at a loss "
        "of 2 instead of 0.25 and an accuracy of 0.6 instead of 1 (medians of 2)."
    )
    lost = costs.sentence("torch", {**jax, "nll": np.inf, "broken": 1})
    assert "a loss of infinity instead of 0.25" in lost
    assert lost.endswith("(medians of 2); 1 of 2 runs ended in infinite or undefined numbers.")
    same = {**jax, "nll": 0.25, "accuracy": 1.0}
    assert "ended as one that is written soundly, at a loss of 0.25 and an accuracy of 1" in costs.sentence("x", same)
    # a program is told what its own framework did; a reader of the document, what made a difference
    both = {"keras-tensorflow": same, "keras-jax": jax}
    assert costs.cost(both, "Keras on tensorflow") == costs.sentence("keras-tensorflow", same)
    assert costs.cost(both, "Keras on jax") == costs.cost(both) == told
    assert costs.cost({"keras-torch": same, "torch": jax}, "PyTorch") == costs.sentence("torch", jax)
    assert costs.cost({}) == ""


def test_the_answer_tells_the_cost() -> None:
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(loss="binary_crossentropy")
    cost = KINDS["logits_taken_for_probabilities"].cost(f"Keras on {keras.backend.backend()}")
    assert cost
    assert re.sub(r"\s+", " ", f"Cost: {cost}") in re.sub(r"\s+", " ", as_text(check(model)))


def test_the_kept_table_is_the_one_that_the_atlas_makes() -> None:
    assert list(TRAINED.columns) == COLUMNS
