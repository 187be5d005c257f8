"""One suite over every engine: equal weights and batches give what plain programs of its framework give."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
from conformance import FRAMEWORKS
from training_cases import arms, cell

from experiments.heads import HEADS
from experiments.networks import NETWORKS
from experiments.optimizers import OPTIMIZERS
from experiments.records import Setup

HERE = Path(__file__).parent
TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
PACKAGE = {"keras-tensorflow": "tensorflow", "keras-jax": "jax", "torch": "torch"}

# every network, optimizer and arm at least once, and each kind of arm with and without decay
SOME = ("sigmoid", "softmax_matched", "softmax_sparse", "sigmoid2_bce")
COVERING = [
    cell("mlp", "adam", dtype="float64"),
    cell("mlp", "sgd", dtype="float32", seeds=3, heads=SOME),
    cell("linear", "sgd_l2", dtype="float64", heads=(*SOME, "softmax_decay")),
    cell("deep_mlp", "momentum", dtype="float64", heads=SOME),
    cell("cnn", "adamw", dtype="float64", heads=(*SOME, "softmax_decay"), image_side=8),
    cell("gru", "rmsprop", dtype="float64", heads=SOME[:2], image_side=8),
    cell("attention", "adam", dtype="float64", heads=SOME[:2], image_side=8),
    cell("text_mean", "adam", dtype="float64", heads=SOME[:2], steps=20, record_every=20),
    cell("text_gru", "momentum", dtype="float64", heads=SOME[:2], steps=20, record_every=20),
]  # fmt: skip
WHOLE = [
    cell(network, optimizer, dtype=dtype, seeds=2 if dtype == "float64" else 3, image_side=8)
    for network in NETWORKS
    for optimizer in OPTIMIZERS
    for dtype in TOLERANCE
]


ALONE = {"torch": ("sigmoid_bceloss", "softmax_nllloss")}  # arms of one framework


def of(framework: str, cells: list[Setup]) -> list[Setup]:
    """The cells with those of their arms that exist in the framework, and in one that has all of Keras's its own."""
    return [
        replace(
            setup,
            heads=tuple(head for head in setup.heads if framework in HEADS[head].frameworks) + ALONE.get(framework, ()),
        )
        for setup in cells
        if framework != "torch" or NETWORKS[setup.network].torch is not None
    ]


def in_process(framework: str, name: str, given: object, folder: Path) -> pd.DataFrame:
    """What a process of that framework finds in a part of the suite: see `conformance`."""
    if find_spec(PACKAGE[framework]) is None:
        pytest.skip(f"{PACKAGE[framework]} is not installed")
    told, out = folder / "given.json", folder / "found.parquet"
    told.write_text(json.dumps(given))
    _, environment = FRAMEWORKS[framework]
    program = [sys.executable, str(HERE / "conformance.py"), framework, name, str(told), str(out)]
    subprocess.run(program, check=True, env={**os.environ, **environment})
    return pd.read_parquet(out)


def assert_alike(found: pd.DataFrame, cells: list[Setup]) -> None:
    """Every engine, cell and arm is there, and the nearest try of each is within the tolerance of its precision."""
    keys = ["engine", "network", "optimizer", "dtype", "head"]
    gaps = found.groupby([*keys, "seed"])["gap"].max().groupby(keys).min().reset_index()
    for engine, of_engine in gaps.groupby("engine"):
        for setup in cells:
            mine = of_engine.query(f"network == {setup.network!r} and optimizer == {setup.optimizer!r}")
            missing = set(setup.heads) - set(mine.loc[mine["dtype"] == setup.dtype, "head"])
            assert not missing, (engine, setup.network, setup.optimizer, missing)
    far = gaps[~(gaps["gap"] <= gaps["dtype"].map(TOLERANCE))]
    assert far.empty, far.to_string()


@pytest.mark.parametrize("framework", list(FRAMEWORKS))
def test_an_engine_is_a_plain_program_of_its_framework(framework: str, tmp_path: Path) -> None:
    cells = of(framework, COVERING)
    found = in_process(framework, "compare", [asdict(setup) for setup in cells], tmp_path)
    assert {"fit_loss", "loss", "trunk", "head", "total", "effective_head", "weights"} < set(found["quantity"])
    assert_alike(found, cells)


@pytest.mark.slow
@pytest.mark.parametrize("framework", list(FRAMEWORKS))
def test_every_network_optimizer_and_arm_is_a_plain_program(framework: str, tmp_path: Path) -> None:
    cells = of(framework, WHOLE)
    assert all(set(setup.heads) == set(arms(setup.optimizer, framework)) for setup in cells)
    assert_alike(in_process(framework, "compare", [asdict(setup) for setup in cells], tmp_path), cells)
