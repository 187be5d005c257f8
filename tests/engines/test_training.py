"""What a trained cell shows: the control, the pairing, the chunks, and what is refused."""

from __future__ import annotations

import logging
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from training_cases import arms, cell, pairs, relative

from experiments import engines, tables
from experiments.engines import driver, prepare
from experiments.engines.keras_trunk import precision
from experiments.engines.stacked import Stacked
from experiments.engines.stacked.budget import at_once, replica_bytes
from experiments.heads import HEADS
from experiments.networks import NETWORKS, network
from experiments.optimizers import OPTIMIZERS
from experiments.problem import chunks
from experiments.problem._metrics import ALONG, MEASURES
from experiments.records import UserError


def curve(curves: pd.DataFrame, head: str, quantity: str, scope: str = "", split: str = "test") -> np.ndarray:
    """One arm's values, (seeds, recorded steps)."""
    mine = curves[
        (curves["head"] == head)
        & (curves["quantity"] == quantity)
        & (curves["scope"] == scope)
        & (curves["split"] == split)
    ]
    return mine.pivot_table(index="seed", columns="step", values="value", observed=True).to_numpy()


@pytest.mark.parametrize(("name", "optimizer"), pairs())
def test_the_matched_arm_is_sigmoid_and_the_pair_is_sigmoid_at_twice_the_heads_rate(name: str, optimizer: str) -> None:
    """In float64, over 300 steps; the decay's coefficient halved where the rate is doubled. And both are controls: the
    arms that are not matched, by rate or by first weights, leave sigmoid.
    """
    doubled = replace(HEADS["sigmoid"], name="sigmoid_doubled", rate_scale=2.0, decay_scale=0.5)
    heads = ("sigmoid", "softmax_matched", "softmax", "softmax_init")
    setup = cell(name, optimizer, heads=heads, dtype="float64", steps=300, record_every=100, image_side=8)
    with precision("float64"):
        problem = prepare(setup)
        records = driver.run(replace(problem, heads=(*problem.heads, doubled)), Stacked())

    def curves(head: str, split: str, quantity: str, scope: str = "") -> np.ndarray:
        return np.array([r.curves[split, quantity, scope] for r in records if r.replica.head.name == head])

    for key in (("test", "nll"), ("test", "loss"), ("train", "grad_norm", "trunk")):
        # the penalty of [-w/2, +w/2] is another number, with the same gradient along u
        if key[1] != "loss" or not OPTIMIZERS[optimizer].l2:
            assert relative(curves("softmax_matched", *key), curves("sigmoid", *key)) <= 1e-9, key
        if key[1] != "loss":
            assert relative(curves("softmax_init", *key), curves("sigmoid_doubled", *key)) <= 1e-9, key
    for head in ("softmax", "softmax_init"):
        assert relative(curves(head, "test", "nll"), curves("sigmoid", "test", "nll")) > 1e-4, head


def test_half_of_the_decay_is_part_of_the_law() -> None:
    """AdamW's decay goes with the rate, an L2 penalty is in the gradient: a doubled rate alone is another arm."""
    for optimizer in ("adamw", "sgd_l2"):
        whole = replace(HEADS["sigmoid"], name="sigmoid_doubled", rate_scale=2.0)
        heads = ("sigmoid", "softmax_init")
        setup = cell("linear", optimizer, heads=heads, dtype="float64", steps=300, record_every=300)
        with precision("float64"):
            problem = prepare(setup)
            problem = replace(problem, heads=(problem.heads[1], whole))
            records = driver.run(problem, Stacked())
        paired, twin = (
            np.array([r.curves["test", "nll", ""] for r in records if r.replica.head.name == head])
            for head in ("softmax_init", "sigmoid_doubled")
        )
        assert relative(paired, twin) > 1e-6, optimizer


@pytest.mark.parametrize(("task", "units"), [("digits", 10), ("yeast", 14)])
def test_the_sum_over_units_is_their_mean_at_as_many_times_the_rate(task: str, units: int) -> None:
    """Under SGD, every weight after every step, in float64; at the same rate the two part."""
    heads, rate = ("k_sigmoid", "k_sigmoid_sum"), 2.0**-4
    rates = (rate, units * rate)
    with precision("float64"):
        setup = cell("mlp", "sgd", task=task, heads=heads, dtype="float64", learning_rates=rates, record_every=1)
        problem = prepare(setup)
        (replicas,) = chunks(problem.heads, problem.rates, problem.seeds, 1000)
        engine = Stacked().engine(problem, [replica.head for replica in replicas])
        steps: list[list[tuple[np.ndarray, ...]]] = []
        driver.train(problem, engine, replicas, lambda _: steps.append(engine.weights()))
    assert len(steps) == setup.steps
    places = {(r.head.name, r.learning_rate, r.seed): place for place, r in enumerate(replicas)}

    def gap(one: tuple[str, float], other: tuple[str, float], seed: int) -> float:
        pairs = [(weights[places[*one, seed]], weights[places[*other, seed]]) for weights in steps]
        return max(relative(a, b, least=1e-3) for mine, theirs in pairs for a, b in zip(mine, theirs, strict=True))

    for seed in problem.seeds:
        assert gap(("k_sigmoid_sum", rate), ("k_sigmoid", units * rate), seed) <= 1e-11
        assert gap(("k_sigmoid_sum", rate), ("k_sigmoid", rate), seed) > 0.1


@pytest.mark.parametrize("name", list(NETWORKS))
def test_first_head_gradient_is_root_two_larger(name: str) -> None:
    """In float32, at the same function: the head's norm by the square root of two, the trunk's and u's not at all."""
    curves = engines.train(cell(name, "sgd", heads=("sigmoid", "softmax_matched"), steps=1))["curves"]
    norms = {
        scope: curve(curves, "softmax_matched", "grad_norm", scope, "train")
        / np.maximum(curve(curves, "sigmoid", "grad_norm", scope, "train"), 1e-30)
        for scope in ("head", "trunk", "effective_head")
    }
    np.testing.assert_allclose(norms["head"], np.sqrt(2), rtol=1e-6)
    np.testing.assert_allclose(norms["effective_head"], 1, rtol=1e-6)
    if name != "linear":  # which has no trunk
        np.testing.assert_allclose(norms["trunk"], 1, rtol=1e-6)


@pytest.fixture(scope="module")
def trained() -> dict[str, pd.DataFrame]:
    return engines.train(cell("mlp", "adam", seeds=3, steps=30, record_every=10))


def test_pairs_start_and_go_alike(trained: dict[str, pd.DataFrame]) -> None:
    runs = trained["runs"]
    assert len(runs) == 3 * len(arms("adam"))
    assert (runs.groupby("seed")["trunk_hash"].nunique() == 1).all()
    assert runs["trunk_hash"].nunique() == 3
    paired = runs[runs["paired"]]
    assert (paired.groupby("seed")["order_hash"].nunique() == 1).all()
    assert paired["order_hash"].nunique() == 3
    assert set(runs.loc[~runs["paired"], "head"]) == {"sigmoid_again", "sigmoid_reordered"}
    assert runs["order_hash"].nunique() == 6
    assert (runs.groupby("seed")["shared"].nunique() == 1).all()
    assert runs["shared"].between(0.98, 1).all()  # 30 batches of 16 miss some of breast_cancer's 341 training rows


def test_pairing_is_checked(trained: dict[str, pd.DataFrame]) -> None:
    finals, runs = trained["finals"], trained["runs"]
    assert len(tables.pair(finals, runs, "softmax")) == len(finals[finals["head"] == "sigmoid"])
    for column in ("trunk_hash", "order_hash"):
        broken = runs.copy()
        broken.loc[(broken["head"] == "softmax") & (broken["seed"] == 1), column] = "another"
        with pytest.raises(ValueError, match="not a pair"):
            tables.pair(finals, broken, "softmax")


def test_same_command_same_bits(trained: dict[str, pd.DataFrame]) -> None:
    again = engines.train(cell("mlp", "adam", seeds=3, steps=30, record_every=10))
    for name, table in trained.items():
        pd.testing.assert_frame_equal(table, again[name], check_exact=True)


def test_tables_have_their_schemas(trained: dict[str, pd.DataFrame]) -> None:
    for name, table in trained.items():
        assert list(table.columns) == tables.SCHEMAS[name]
    curves = trained["curves"]
    assert sorted(curves.loc[curves["quantity"] == "nll", "step"].unique()) == [0, 10, 20, 30]
    assert sorted(curves.loc[curves["quantity"] == "grad_norm", "step"].unique()) == [1, 10, 20, 30]
    scopes = set(curves.loc[curves["quantity"] == "grad_norm", "scope"])
    assert scopes == {"trunk", "head", "total", "effective_head", "layer:1_Dense", "layer:2_Dense"}
    assert set(curves.loc[curves["split"] == "test", "quantity"]) == {*ALONG}
    finals = trained["finals"]
    assert set(finals["split"]) == {"train", "validation", "test"}
    assert set(finals.loc[finals["split"] == "test", "quantity"]) == {*MEASURES, "nll_curve"}


def test_training_learns(trained: dict[str, pd.DataFrame]) -> None:
    """An engine that moves nothing, or the wrong way, would pass every comparison of arms."""
    loss = curve(trained["curves"], "sigmoid", "loss")
    assert (loss[:, -1] < 0.6 * loss[:, 0]).all()
    finals = trained["finals"].query("head == 'sigmoid' and split == 'test' and quantity == 'accuracy'")
    assert finals["value"].min() > 0.85


@pytest.mark.parametrize("most", [1, 4, 13, 30])
def test_chunks_hold_every_network_once(most: int) -> None:
    setup = cell("linear", "sgd", seeds=3)
    problem = prepare(setup)
    parts = list(chunks(problem.heads, (0.5, 0.25), range(3), most))
    networks = [replica for part in parts for replica in part]
    assert len(networks) == len({(r.head.name, r.learning_rate, r.seed) for r in networks}) == 6 * len(setup.heads)
    assert max(map(len, parts)) <= max(most, 1)


@pytest.mark.parametrize("most", [2, 5, 10])
def test_chunking_moves_nothing(most: int) -> None:
    heads = ("sigmoid", "softmax", "softmax_matched", "softmax_bce", "sigmoid_again")
    rates = (2.0**-9, 2.0**-8)
    setup = cell("mlp", "adam", heads=heads, dtype="float64", learning_rates=rates, steps=20)
    with precision("float64"):
        problem = prepare(setup)
        tables = (engines.tabulate(problem, driver.run(problem, Stacked(), at_once=n)) for n in (1000, most))
        whole, parts = (trained["curves"] for trained in tables)
    pd.testing.assert_frame_equal(whole, parts, rtol=1e-10)


def test_memory_budget_bounds_the_chunk() -> None:
    setup = cell("cnn", "adam", seeds=20)
    problem = prepare(setup)
    wide = at_once(problem)
    training_bytes, evaluation_bytes = replica_bytes(problem)
    rows = 4 * problem.data.x.size
    small = prepare(cell("cnn", "adam", seeds=20, memory_gib=(rows + 3 * evaluation_bytes) / 2**30))
    assert at_once(small) == 3 < wide
    assert rows + wide * max(training_bytes, evaluation_bytes) <= 4 * 2**30
    with pytest.raises(UserError, match="memory_gib"):
        at_once(prepare(cell("cnn", "adam", memory_gib=1e-6)))


def test_unsupported_layer_trains_with_plain_keras(caplog: pytest.LogCaptureFixture) -> None:
    """A layer without a rule: a notice that names it, and the numbers that the stacked engine gives its equal."""

    def build(input_shape: tuple[int, ...], last: type[layers.Layer]) -> keras.Model:
        return keras.Sequential([layers.Input(input_shape), layers.Dense(5, activation="tanh"), last(name="mine")])

    class Mine(layers.Layer):
        """Computes nothing new, but no rule knows it."""

        def call(self, x: object) -> object:
            return x

    results = {}
    for kind in (Mine, layers.Identity):
        network("throwaway", takes=("vector",), description="of one test")(lambda shape, kind=kind: build(shape, kind))
        try:
            with caplog.at_level(logging.WARNING):
                results[kind] = engines.train(
                    cell(
                        "throwaway",
                        "momentum",
                        task="moons",
                        heads=("sigmoid", "softmax_lr"),
                        dtype="float64",
                        steps=10,
                    )
                )
        finally:
            NETWORKS.remove("throwaway")
    assert "mine (Mine)" in caplog.text
    slow, fast = results[Mine], results[layers.Identity]
    assert set(slow["runs"]["engine"]) == {"reference"}
    assert set(fast["runs"]["engine"]) == {"stacked"}
    pd.testing.assert_frame_equal(slow["curves"], fast["curves"], rtol=1e-9)
    pd.testing.assert_frame_equal(slow["finals"], fast["finals"], rtol=1e-9)


def test_divergence_is_kept_and_flagged() -> None:
    trained = engines.train(
        cell("mlp", "sgd", heads=("sigmoid", "softmax"), learning_rates=(2.0**-5, 2.0**40), steps=20, record_every=5)
    )
    runs = trained["runs"].set_index(["learning_rate", "head", "seed"])["finite"]
    assert runs[2.0**-5].all()
    assert not runs[2.0**40].any()
    diverged = trained["finals"].query("quantity == 'diverged'").set_index("learning_rate")["value"]
    assert (diverged[2.0**40] == 1).all()
    assert (diverged[2.0**-5] == 0).all()
    wild = trained["curves"].query("quantity == 'loss' and learning_rate > 1 and step == 20")
    assert not np.isfinite(wild["value"]).any()


def test_progress_reaches_the_end() -> None:
    seen: list[tuple[int, int]] = []
    engines.train(
        cell("linear", "sgd", steps=20, record_every=5), progress=lambda done, total: seen.append((done, total))
    )
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1] == 20 * 2 * len(arms("sgd"))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"task": "mons"}, "Unknown task 'mons'. Did you mean 'moons'"),
        ({"network": "mpl"}, "Unknown network 'mpl'"),
        ({"optimizer": "adm"}, "Unknown optimizer 'adm'"),
        ({"heads": ("sigmod",)}, "Unknown head 'sigmod'"),
        ({"heads": ()}, "No head"),
        ({"seeds": 0}, "seeds is 0"),
        ({"steps": -1}, "steps is -1"),
        ({"learning_rates": (-0.1,)}, "learning rate -0.1"),
        ({"learning_rates": (float("nan"),)}, "learning rate nan"),
        ({"dtype": "float16"}, "Unknown dtype 'float16'"),
        ({"network": "gru", "task": "moons"}, "'gru' does not take the task 'moons'"),
    ],
)
def test_mistakes_are_one_line(setting: dict[str, object], words: str) -> None:
    with pytest.raises(UserError) as caught:
        engines.train(cell(**{"network": "mlp", "optimizer": "sgd", **setting}))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
