"""Networks that several processes share: each trains whole chunks, and the tables are those of one process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from experiments import engines
from experiments.engines import driver
from experiments.records import Setup, UserError

MLP = Setup(
    task="moons", network="mlp", optimizer="sgd", heads=("sigmoid", "softmax", "sigmoid_again"), seeds=3, steps=6,
    record_every=3,
)  # fmt: skip
CASES = {
    # the greatest rate diverges: what is not a number is stored too
    "rates": replace(MLP, learning_rates=(0.1, 1e30)),
    "classes": replace(MLP, task="digits", heads=("k_sigmoid", "k_softmax"), seeds=7),
    "double": replace(MLP, network="linear", dtype="float64", seeds=7),
    "torch": replace(MLP, framework="torch", seeds=5),
}


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of at most six networks."""
    real = driver.planned_chunks
    monkeypatch.setattr(driver, "planned_chunks", lambda problem, factory, _=None: real(problem, factory, 6))


@pytest.mark.parametrize("case", CASES)
def test_shared_networks_show_the_same_bit_for_bit(case: str, tmp_path: Path) -> None:
    if case == "torch":
        pytest.importorskip("torch")
    setup = CASES[case]
    whole, told = engines.train(setup), list[tuple[int, int]]()
    for parts in (2, 3):
        folder = tmp_path / str(parts)
        folder.mkdir()
        with pytest.raises(engines.NotTrained) as raised:
            engines.train(setup, parts=folder)
        assert len(raised.value.chunks) >= 3
        assert sum(raised.value.chunks) == setup.networks
        assert str(raised.value) == " ".join(map(str, raised.value.chunks))
        for part in range(1, parts + 1):
            with pytest.raises(engines.NotTrained):
                engines.train(setup, parts=folder)
            engines.train_part(setup, part, parts, folder, lambda done, total: told.append((done, total)))
            assert told[-1][0] == told[-1][1] < setup.networks * setup.steps
        for name, table in engines.train(setup, parts=folder).items():
            pd.testing.assert_frame_equal(table, whole[name], check_exact=True)
    if case == "rates":
        assert whole["finals"]["value"].isna().any()


def test_nothing_is_trained_where_all_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in (1, 2):
        engines.train_part(MLP, part, 2, tmp_path)
    monkeypatch.setattr(driver, "train", None)
    assert len(engines.train(MLP, parts=tmp_path)["runs"]) == MLP.networks
    # networks of other seeds are not those
    with pytest.raises(engines.NotTrained, match=r"^6 6$"):
        engines.train(replace(MLP, seeds=4), parts=tmp_path)


def test_one_chunk_is_not_shared(tmp_path: Path) -> None:
    one = replace(MLP, seeds=2)
    told: list[Any] = []
    trained = engines.train(one, lambda *steps: told.append(steps), parts=tmp_path)
    assert told[-1] == (36, 36)
    for name, table in engines.train(one).items():
        pd.testing.assert_frame_equal(trained[name], table, check_exact=True)


def test_a_process_has_one_backend(tmp_path: Path) -> None:
    pytest.importorskip("jax")
    with pytest.raises(UserError, match="Keras already runs on 'tensorflow'"):
        engines.train_part(replace(MLP, framework="keras-jax"), 1, 2, tmp_path)
