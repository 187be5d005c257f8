"""The benchmark on accelerators: what it trains, and what its page says with a card and without one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from training_cases import cell

from benchmarks import accelerators
from experiments.engines import prepare, trainer
from experiments.frameworks import FRAMEWORKS
from experiments.problem import chunk_of, slices

STEP = {"first": 2.5, "step": 0.004}


def test_as_many_networks_as_asked_with_those_of_a_computation_side_by_side() -> None:
    with trainer("keras-tensorflow").precision("float32"):
        problem = prepare(cell("mlp", "adam", heads=("softmax", "sigmoid"), seeds=3, steps=2))
    for count in (6, 7, 100):
        replicas = accelerators.many(problem, count)
        assert len(replicas) == count
        assert [piece.units for piece in slices([r.head for r in replicas])] == [1, 2]
        chunk = chunk_of(problem, replicas)
        assert len(chunk.order) == 3  # what networks share is held once
        assert np.bincount(chunk.of_replica).min() >= 1


def test_without_a_card_the_page_says_so() -> None:
    words = accelerators.page({"keras-jax": {"card": ""}, "torch": {"card": ""}})
    assert "Not measured: this machine has no accelerator." in words
    assert "|" not in words


def test_with_a_card_the_page_names_it_and_the_time_of_one_network() -> None:
    mine = {"card": "Card 1", "version": "torch 2", "steps": {"mlp/1000": STEP}}
    words = accelerators.page({"keras-jax": {"card": ""}, "torch": mine})
    assert "Measured on: Card 1." in words
    assert "| torch (torch 2) | mlp | 1000 | 2.5 | 4.00 | 4.00 |" in words
    assert "| keras-jax | | | | not measured | |" in words


def test_what_is_measured_is_a_step_without_what_is_compiled_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    if not FRAMEWORKS["torch"].installed:
        pytest.skip(f"torch is {FRAMEWORKS['torch'].missing}")
    from experiments.engines.torch import Torch

    monkeypatch.setattr(accelerators, "card_of", lambda framework: "Card 1")
    monkeypatch.setattr(accelerators, "factory_of", lambda framework: Torch)
    monkeypatch.setattr(accelerators, "TASKS", {"mlp": "breast_cancer"})
    for name, value in (("COUNTS", (12,)), ("STEPS", 2), ("TURNS", 2)):
        monkeypatch.setattr(accelerators, name, value)
    found = accelerators.measure("torch")
    assert list(found["steps"]) == ["mlp/12"]
    assert 0 < found["steps"]["mlp/12"]["step"] < found["steps"]["mlp/12"]["first"]
    assert "| torch (torch" in accelerators.page({"torch": found})


def test_the_page_that_is_kept_is_one_that_the_command_writes() -> None:
    kept = Path(accelerators.OUT).read_text()
    made = accelerators.page({})
    assert kept.splitlines()[:3] == made.splitlines()[:3]
