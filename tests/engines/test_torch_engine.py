"""What the PyTorch engine shows: the control, PyTorch's own losses, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from conformance_torch import prepare  # noqa: E402
from training_cases import cell, pairs, relative  # noqa: E402

from experiments.engines import driver  # noqa: E402
from experiments.engines.torch import Torch, precision, trunk_of  # noqa: E402
from experiments.engines.torch.objectives import row_losses  # noqa: E402
from experiments.heads import HEADS  # noqa: E402
from experiments.networks import NETWORKS  # noqa: E402
from experiments.optimizers import OPTIMIZERS  # noqa: E402
from experiments.problem import Problem, Record, Replica, chunk_of  # noqa: E402
from experiments.records import UserError  # noqa: E402
from experiments.tasks import TASKS, as_data, task  # noqa: E402

IN_TORCH = [network.name for network in NETWORKS.values() if network.torch is not None]


def values(records: list[Record], head: str, key: tuple[str, str, str]) -> np.ndarray:
    """One arm's curve, (seeds, recorded steps)."""
    return np.array([record.curves[key] for record in records if record.replica.head.name == head])


@pytest.mark.parametrize(("name", "optimizer"), pairs(IN_TORCH))
def test_matched_arm_follows_sigmoid(name: str, optimizer: str) -> None:
    """In float64, over 300 steps; and the arm that is not matched leaves it."""
    heads = ("sigmoid", "softmax_matched", "softmax")
    setup = cell(name, optimizer, heads=heads, dtype="float64", steps=300, record_every=100, image_side=8)
    with precision("float64"):
        records = driver.run(prepare(setup), Torch())
    for key in (("test", "nll", ""), ("test", "loss", ""), ("train", "grad_norm", "trunk")):
        if key[1] == "loss" and OPTIMIZERS[optimizer].l2:
            continue  # the penalty of [-w/2, +w/2] is another number, with the same gradient along u
        matched, sigmoid = (values(records, head, key) for head in ("softmax_matched", "sigmoid"))
        assert relative(matched, sigmoid) <= 1e-9, key
    assert (
        relative(values(records, "softmax", ("test", "nll", "")), values(records, "sigmoid", ("test", "nll", "")))
        > 1e-4
    )


@pytest.mark.parametrize("name", IN_TORCH)
def test_first_head_gradient_is_root_two_larger(name: str) -> None:
    """Of softmax_init, at sigmoid's function: the head's norm by the square root of two, the trunk's and u's not."""
    with precision("float64"):
        setup = cell(name, "sgd", heads=("sigmoid", "softmax_init"), dtype="float64", steps=1, image_side=8)
        records = driver.run(prepare(setup), Torch())
    for scope, ratio in (("head", np.sqrt(2)), ("effective_head", 1.0), ("trunk", 1.0)):
        if scope == "trunk" and name == "linear":
            continue  # which has no trunk
        key = ("train", "grad_norm", scope)
        np.testing.assert_allclose(
            values(records, "softmax_init", key), ratio * values(records, "sigmoid", key), rtol=1e-12
        )


@pytest.mark.parametrize(("task", "optimizer"), [("digits", "sgd"), ("yeast", "adam")])
def test_several_units_train_as_their_losses_say(task: str, optimizer: str) -> None:
    """Classes and labels: the sum over the units is their mean at as many times the rate, under SGD."""
    heads, rate = ("k_sigmoid", "k_sigmoid_sum", "k_softmax"), 2.0**-5
    with precision("float64"):
        units = {"digits": 10, "yeast": 14}[task]
        rates = (rate, units * rate) if optimizer == "sgd" else (2.0**-8,)
        setup = cell("mlp", optimizer, task=task, heads=heads, dtype="float64", steps=30, learning_rates=rates)
        records = driver.run(prepare(setup), Torch())
    losses = {(r.replica.head.name, r.replica.learning_rate): r.curves["test", "nll", ""][-1] for r in records}
    firsts = {r.replica.head.name: r.curves["train", "loss", ""][0] for r in records}
    assert firsts["k_sigmoid_sum"] == pytest.approx(units * firsts["k_sigmoid"], rel=1e-12)
    if optimizer == "sgd":
        mean, summed = losses["k_sigmoid", units * rate], losses["k_sigmoid_sum", rate]
        assert mean == pytest.approx(summed, rel=1e-11)
    assert all(record.curves["train", "loss", ""][-1] < record.curves["train", "loss", ""][0] for record in records)


def test_losses_are_pytorchs_own() -> None:
    """Of every kind of arm, from logits so large that probabilities are 0 and 1 in float32, and from nan."""
    z = torch.tensor([[0.3, -1.0], [200.0, -200.0], [-3.0, 40.0], [float("nan"), 0.0]])
    y = torch.tensor([1, 1, 0, 1])
    one = z[:, :1]
    wanted = {
        "sigmoid": torch.nn.BCEWithLogitsLoss(reduction="none")(one[:, 0], y.float()),
        "softmax": torch.nn.CrossEntropyLoss(reduction="none")(z, y),
        "softmax_nllloss": torch.nn.NLLLoss(reduction="none")(torch.nn.LogSoftmax(dim=1)(z), y),
    }
    for name, losses in wanted.items():
        head = HEADS[name]
        torch.testing.assert_close(
            row_losses(head, z if head.units == 2 else one, y), losses, rtol=0, atol=0, equal_nan=True
        )
    # which caps the logarithm at -100, and raises an error for nan
    bce = row_losses(HEADS["sigmoid_bceloss"], -one, y)
    assert bce[1] == 100
    assert bce[3].isnan()
    assert bce[0] == torch.nn.BCELoss()(torch.sigmoid(-one[0, 0]), torch.tensor(1.0))


def test_a_network_that_diverges_stops_no_other() -> None:
    """BCELoss raises an error for nan: its arm is nan on, and the others are what they are without it."""
    heads = ("sigmoid", "sigmoid_bceloss")
    sizes = {"steps": 12, "record_every": 6, "learning_rates": (2.0**-5, 1e30)}
    with precision("float32"):
        both = driver.run(prepare(cell("mlp", "sgd", heads=heads, **sizes)), Torch())
        alone = driver.run(prepare(cell("mlp", "sgd", heads=heads, **{**sizes, "learning_rates": (2.0**-5,)})), Torch())
    lost = [r for r in both if r.replica.learning_rate == 1e30]
    assert all(np.isnan(r.curves["train", "fit_loss", ""][-1]) for r in lost)
    for mine, its in zip([r for r in both if r not in lost], alone, strict=True):
        assert mine.replica == its.replica
        np.testing.assert_allclose(mine.curves["test", "nll", ""], its.curves["test", "nll", ""], rtol=1e-5)


def test_rows_count_by_their_weights() -> None:
    """A weight of 0 is a row that is not there, under a mean over as many rows."""
    with precision("float64"):
        problem = prepare(cell("mlp", "sgd", heads=("sigmoid", "softmax"), dtype="float64", seeds=1, steps=1))
        weights = np.random.default_rng(0).integers(0, 3, size=len(problem.data.y)).astype(float)
        plain, weighted = (driver.run(p, Torch()) for p in (problem, replace(problem, weights=weights)))
        losses = []
        for p in (problem, replace(problem, weights=weights)):
            engine, replicas = Torch().engine(p, p.heads[:1]), [Replica(head=p.heads[0], learning_rate=0.1, seed=0)]
            engine.start(chunk_of(p, replicas))
            losses.append(engine.evaluate(p.streams[0].order[:1])[1][0])
    np.testing.assert_allclose(losses[1], losses[0] * weights[problem.streams[0].order[0]], rtol=1e-14)
    first = ("train", "fit_loss", "")
    assert weighted[0].curves[first][0] == pytest.approx(losses[1].mean(), rel=1e-13)
    assert plain[0].curves[first][0] == pytest.approx(losses[0].mean(), rel=1e-13)


@pytest.mark.parametrize("name", ["mlp", "attention"])
def test_training_again_gives_the_same_bits(name: str) -> None:
    """And in other company: chunks of another size are within rounding."""
    with precision("float64"):
        problem = prepare(cell(name, "adam", heads=("sigmoid", "softmax"), dtype="float64", steps=20, image_side=8))
        one, again, apart = (driver.run(problem, Torch(), at_once=most) for most in (100, 100, 1))
    for mine, same in zip(one, again, strict=True):
        assert all(np.array_equal(mine.curves[key], same.curves[key]) for key in mine.curves)
    by_name = {(r.replica.head.name, r.replica.seed): r for r in apart}
    for mine in one:
        its = by_name[mine.replica.head.name, mine.replica.seed]
        assert mine.trunk_hash == its.trunk_hash
        np.testing.assert_allclose(mine.curves["test", "nll", ""], its.curves["test", "nll", ""], rtol=1e-10)


def test_drawing_leaves_pytorchs_generator_alone() -> None:
    with precision("float32"):
        torch.manual_seed(3)
        first = torch.rand(1)
        torch.manual_seed(3)
        trunk = prepare(cell("mlp", "sgd", seeds=1)).trunk
        one, other = trunk.first_weights(5), trunk.first_weights(5)
        assert torch.rand(1) == first
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert not np.array_equal(one[0], trunk.first_weights(6)[0])


def stamped(offset: float) -> Problem:
    """Two columns, the second of which is `offset` ± 100 and decides the class."""
    rng = np.random.default_rng(0)
    noise, spread = rng.normal(size=300), rng.normal(0, 100, size=300).round(3)
    x, y = np.stack([noise, spread + offset], axis=1), (spread + rng.normal(0, 30, size=300) > 0).astype(int)
    task("throwaway", kind="vector", description="of one test", source="here")(lambda: as_data(x, y))
    try:
        return prepare(cell("mlp", "adam", task="throwaway", heads=("sigmoid", "softmax_matched"), seeds=1))
    finally:
        TASKS.remove("throwaway")


def test_a_large_column_is_seen_as_its_spread() -> None:
    """1.7e9 ± 100, whose float32 are multiples of 128: trained in float32 as ± 100 is, and learned."""
    with precision("float32"):
        stamps, plain = (driver.run(stamped(offset), Torch()) for offset in (1.7e9, 0.0))
    for mine, its in zip(stamps, plain, strict=True):
        assert mine.finals["test", "accuracy"] == its.finals["test", "accuracy"] > 0.85
        for key in (("test", "nll", ""), ("train", "fit_loss", "")):
            np.testing.assert_allclose(mine.curves[key], its.curves[key], rtol=1e-5)


def test_an_arm_of_another_framework_and_a_network_without_a_form_are_refused() -> None:
    with precision("float32"):
        problem = prepare(cell("mlp", "sgd", heads=("sigmoid",)))
        with pytest.raises(UserError, match="The arm 'softmax1' exists in keras-tensorflow, keras-jax alone"):
            Torch().engine(problem, [HEADS["softmax1"]])
        lacking = replace(NETWORKS["mlp"], name="mine", torch=None)
        with pytest.raises(UserError, match=r"The network 'mine' has no PyTorch form. Networks that do: linear, mlp"):
            trunk_of(lacking, (4,), 0.0)
        lone = replace(problem, optimizer=replace(problem.optimizer, name="mine", torch=None))
        assert Torch().unsupported(lone) == ["the optimizer 'mine'"]
        assert Torch().unsupported(problem) == []


def test_a_memory_that_holds_no_network_is_refused() -> None:
    with precision("float32"):
        setup = cell("cnn", "sgd", task="digits_3v8", heads=("sigmoid",))
        most = Torch().at_once(prepare(setup))
        assert most > 1
        assert Torch().at_once(prepare(replace(setup, memory_gib=0.004))) < most
        with pytest.raises(UserError, match=r"One 'cnn' network takes .* GiB beside the rows' .*Raise it, or lower"):
            Torch().at_once(prepare(replace(setup, memory_gib=1e-6)))


def test_dead_rows_are_those_without_a_gradient_at_the_logits() -> None:
    """Steps so large that some rows saturate in float32, and others do not."""
    heads = ("sigmoid", "sigmoid_bceloss")
    with precision("float32"):
        problem = prepare(cell("linear", "sgd", heads=heads, steps=3, record_every=1, learning_rates=(12.0,), seeds=1))
        replicas = [Replica(head=head, learning_rate=12.0, seed=0) for head in problem.heads]
        engine, chunk = Torch().engine(problem, problem.heads), chunk_of(problem, replicas)
        engine.start(chunk)
        for step in range(3):
            order = chunk.order[:, step]
            logits, _ = engine.evaluate(order)
            dead = engine.advance(step, step + 1).dead
            for place, loss in enumerate(problem.heads):
                z = torch.tensor(logits[0][place]).requires_grad_()
                row_losses(loss, z, torch.tensor(problem.data.y[order[0]])).mean().backward()
                assert dead[place] == pytest.approx(
                    (z.grad.abs() < np.finfo("float32").tiny).all(1).double().mean().item(), abs=1e-7
                )
    assert 0 < dead.min() <= dead.max() < 1
