"""One suite over every engine: equal weights and batches give what plain programs of its framework give."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conformance import FRAMEWORKS, TOLERANCE
from training_cases import arms, cell

from experiments import frameworks
from experiments.heads import HEADS
from experiments.networks import NETWORKS
from experiments.optimizers import OPTIMIZERS
from experiments.records import Setup

HERE = Path(__file__).parents[1]
Cells = Mapping[str, Sequence[Setup]]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one framework's process found: the tables of its parts, and the frameworks that it has loaded."""

    framework: str
    parts: dict[str, pd.DataFrame]
    loaded: set[str]


def small(network: str, optimizer: str, heads: Sequence[str], **rest: object) -> Setup:
    return cell(network, optimizer, heads=tuple(heads), image_side=8, **{"dtype": "float64", **rest})


# every optimizer and arm, and each way of computing a network, at least once
SOME = ("sigmoid", "softmax_matched", "softmax_sparse", "sigmoid2_bce")
PAIR = ("sigmoid", "softmax_matched")
ORDINARY: Cells = {
    "compare": [
        small("mlp", "adam", arms("adam")),
        small("mlp", "sgd", SOME, dtype="float32", seeds=3),
        small("linear", "sgd_l2", (*SOME, "softmax_decay")),
        small("cnn", "adamw", (*PAIR, "softmax_decay")),
        small("gru", "rmsprop", ("sigmoid",)),
        small("attention", "momentum", ("softmax_matched",)),
        small("text_mean", "adam", ("sigmoid",), steps=20, record_every=20),
        small("text_gru", "adam", ("softmax_matched",), steps=20, record_every=20),
    ],
    "layers": [small("mlp", "adam", ("softmax_matched",), task="digits_3v8", steps=20)],
    "control": [
        small(network, optimizer, (*PAIR, "softmax_init", "softmax"), steps=300, record_every=100)
        for network, optimizer in [("mlp", "sgd"), ("attention", "rmsprop")]
    ],
    "stamps": [cell("mlp", "adam", heads=PAIR, seeds=1, task="stamped")],
}
WHOLE: Cells = {
    "compare": [
        small(network, optimizer, arms(optimizer), dtype=dtype, seeds=2 if dtype == "float64" else 3)
        for network in NETWORKS
        for optimizer in OPTIMIZERS
        for dtype in TOLERANCE
    ],
    "control": [
        small(network, optimizer, (*PAIR, "softmax_init", "softmax"), steps=300, record_every=100)
        for network in NETWORKS
        for optimizer in OPTIMIZERS
    ],
}


def in_process(framework: str, cells: Cells, folder: Path) -> Found:
    """What a process of that framework finds in some parts of the suite."""
    known = frameworks.FRAMEWORKS[framework]
    if not known.installed:
        pytest.skip(f"{framework} is {known.missing}")
    told = folder / "given.json"
    told.write_text(json.dumps({part: list(map(asdict, of(framework, mine))) for part, mine in cells.items()}))
    program = [sys.executable, str(HERE / "conformance.py"), framework, str(told), str(folder)]
    done = subprocess.run(program, env={**os.environ, **FRAMEWORKS[framework][1]}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    parts = {part: pd.read_parquet(folder / f"{part}.parquet") for part in cells}
    return Found(framework=framework, parts=parts, loaded=set(json.loads((folder / "loaded.json").read_text())))


def of(framework: str, cells: Sequence[Setup]) -> list[Setup]:
    """The cells whose networks the framework has, with those of their arms that it has; all of its own for all arms."""
    found = []
    for setup in cells:
        if framework != "torch" or NETWORKS[setup.network].torch is not None:
            heads = arms(setup.optimizer, framework) if setup.heads == arms(setup.optimizer) else setup.heads
            heads = tuple(head for head in heads if HEADS[head].exists_in(framework))
            found.append(replace(setup, framework=framework, heads=heads))
    return found


@pytest.fixture(scope="module", params=list(FRAMEWORKS))
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Found:
    return in_process(request.param, ORDINARY, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module", params=list(FRAMEWORKS))
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Found:
    return in_process(request.param, WHOLE, tmp_path_factory.mktemp(f"{request.param}-whole"))


def assert_alike(found: pd.DataFrame) -> None:
    """Of every cell and arm the nearest try is within the tolerance of its precision, in every quantity."""
    keys = ["engine", "network", "optimizer", "dtype", "head"]
    gaps = found.groupby([*keys, "seed"])["gap"].max().groupby(keys).min().reset_index()
    far = gaps[~(gaps["gap"] <= gaps["dtype"].map(TOLERANCE))]
    assert far.empty, far.to_string()


def assert_complete(found: pd.DataFrame, framework: str, cells: Sequence[Setup]) -> None:
    """Each engine trained every cell and every arm."""
    asked = {(c.network, c.optimizer, c.dtype, head) for c in of(framework, cells) for head in c.heads}
    for engine, mine in found.groupby("engine"):
        trained = set(zip(*(mine[name] for name in ("network", "optimizer", "dtype", "head")), strict=True))
        assert trained == asked, (engine, trained ^ asked)


def assert_control(found: pd.DataFrame) -> None:
    """The matched arm is sigmoid's network to rounding and the other is not; the first gradients are as predicted."""
    keys = ["engine", "network", "optimizer", "head", "quantity"]
    by = found.groupby(keys)["value"].agg(["min", "max"]).reset_index()
    matched = by.query("head == 'softmax_matched' and quantity in ('nll', 'grad_norm')")
    assert len(matched) >= 2
    assert matched["max"].max() <= 1e-9, matched[matched["max"] > 1e-9].to_string()
    assert by.query("head == 'softmax' and quantity == 'nll'")["max"].min() > 1e-4
    # the penalty's own gradient is another one
    first = by.query("head == 'softmax_init' and optimizer != 'sgd_l2'").set_index("quantity")
    assert np.allclose(first.loc["first_head", ["min", "max"]].astype(float), np.sqrt(2), rtol=1e-12)
    assert np.allclose(first.loc["first_trunk", ["min", "max"]].astype(float), 1, rtol=1e-12)


def test_an_engine_is_a_plain_program_of_its_framework(found: Found) -> None:
    compared = found.parts["compare"]
    assert {"fit_loss", "loss", "trunk", "head", "total", "effective_head", "weights"} < set(compared["quantity"])
    assert_complete(compared, found.framework, ORDINARY["compare"])
    assert_alike(compared)


def test_layers_that_the_suite_does_not_have_are_trained_as_plain_keras(found: Found) -> None:
    if found.framework == "torch":
        pytest.skip("its networks are written by hand")
    compared = found.parts["layers"]
    assert set(compared.query("engine in ('keras-jax', 'keras_fit')")["network"]) >= {
        "statistics", "dropout", "lstm", "separable", "convolved", "table", "penalised",
    }  # fmt: skip
    assert_alike(compared)


def test_the_matched_arm_follows_sigmoid(found: Found) -> None:
    assert_control(found.parts["control"])


def test_a_large_column_is_seen_as_its_spread(found: Found) -> None:
    """1.7e9 ± 100, whose float32 are multiples of 128: trained in float32 as ± 100 is, and learned."""
    values = found.parts["stamps"].set_index(["engine", "head", "quantity", "offset"])["value"].unstack("offset")
    np.testing.assert_allclose(values[1.7e9], values[0.0], rtol=1e-5)
    assert (values.xs("accuracy", level="quantity") > 0.85).all(axis=None)


def test_a_framework_loads_no_other(found: Found) -> None:
    needed = {"keras-tensorflow": {"keras", "tensorflow"}, "keras-jax": {"keras", "jax"}, "torch": {"torch"}}
    assert found.loaded - {"jax"} == needed[found.framework] - {"jax"}


def test_keras_on_jax_is_keras_on_tensorflow_where_formulas_are_equal(tmp_path_factory: pytest.TempPathFactory) -> None:
    """400 steps in float64 from equal weights. Adam's are not: TensorFlow's 0.999 is float32's, 0.9990000129."""
    heads = ("sigmoid_logits", "softmax_logits")
    cells = [small("mlp", optimizer, heads, steps=400, record_every=100) for optimizer in ("sgd", "adam")]
    keys = ["network", "optimizer", "head", "seed", "step"]
    found = [
        in_process(framework, {"equal": cells}, tmp_path_factory.mktemp(framework))
        for framework in ("keras-tensorflow", "keras-jax")
    ]
    losses = [mine.parts["equal"].set_index(keys)["loss"] for mine in found]
    apart = (abs(losses[1] - losses[0]) / losses[0]).groupby("optimizer").max()
    assert len(losses[0]) == 3 * len(heads) * 2 * 5
    assert apart["sgd"] < 1e-9
    assert apart["adam_float32"] < 1e-9
    assert apart["adam"] > 1e-9


@pytest.mark.slow
def test_every_network_optimizer_and_arm_is_a_plain_program(whole: Found) -> None:
    assert_complete(whole.parts["compare"], whole.framework, WHOLE["compare"])
    assert_alike(whole.parts["compare"])


@pytest.mark.slow
def test_the_matched_arm_follows_sigmoid_in_every_network(whole: Found) -> None:
    assert_control(whole.parts["control"])
