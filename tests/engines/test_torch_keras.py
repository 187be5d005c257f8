"""PyTorch beside Keras: the same networks from equal weights, and the optimizers' formulas where they differ."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch_cases import EPSILON, Alike, alike, both, twins  # noqa: E402
from training_cases import pairs, relative  # noqa: E402

from experiments.engines import driver, keras_draws  # noqa: E402
from experiments.engines.stacked import Stacked  # noqa: E402
from experiments.engines.torch.keras_layout import from_keras, to_keras  # noqa: E402
from experiments.networks import NETWORKS  # noqa: E402
from experiments.optimizers import OPTIMIZERS  # noqa: E402
from experiments.problem import Record  # noqa: E402

# sides and lengths of which one is odd, for the padding
ROWS = {"vector": [(5,), (5,)], "image": [(7, 6, 1), (8, 5, 2)], "sequence": [(7, 3), (8, 2)]}
IN_TORCH = [network.name for network in NETWORKS.values() if network.torch is not None]


@pytest.mark.parametrize("name", IN_TORCH)
def test_both_frameworks_build_one_network(name: str) -> None:
    """With Keras's weights in PyTorch's layout: the same function of the same rows, on images of odd and even sides."""
    rng = np.random.default_rng(0)
    for kind in NETWORKS[name].takes:
        for row in ROWS[kind]:
            with both("float64"):
                theirs = NETWORKS[name].build(row)
                weights = tuple(rng.normal(size=v.shape) for v in keras_draws.weights_of(theirs))
                for variable, value in zip(keras_draws.weights_of(theirs), weights, strict=True):
                    variable.assign(value)
                module = NETWORKS[name].torch(row)
                mine = from_keras(module, weights)
                for again, value in zip(to_keras(module, mine), weights, strict=True):
                    np.testing.assert_array_equal(again, value)
                with torch.no_grad():
                    for parameter, value in zip(module.parameters(), mine, strict=True):
                        parameter.copy_(torch.tensor(value))
                    x = rng.normal(size=(4, *row))
                    got = module(torch.tensor(x)).numpy()
                wanted = np.asarray(theirs(x))
                assert got.shape == wanted.shape
                # Keras's attention rounds its scale to float32
                assert relative(got, wanted) < (1e-7 if name == "attention" else 1e-13)


def test_weights_of_another_network_are_refused() -> None:
    with both("float32"):
        module = NETWORKS["mlp"].torch((5,))
        weights = [v.numpy() for v in keras_draws.weights_of(NETWORKS["mlp"].build((6,)))]
        with pytest.raises(ValueError, match="not the weights of this network"):
            from_keras(module, weights)
        with pytest.raises(ValueError, match="not the weights of this network"):
            from_keras(module, [*weights, weights[0]])


def run(name: str, optimizer: str, dtype: str, **rest: object) -> tuple[list[Record], list[Record]]:
    """Both frameworks' records of the same networks."""
    with both(dtype):
        mine, theirs = twins(name, optimizer, dtype=dtype, **rest)
        return driver.run(mine, Stacked()), driver.run(theirs, Alike())


def distances(ours: list[Record], theirs: list[Record]) -> np.ndarray:
    """Of each network, the largest difference of the losses on the way, over the largest loss."""
    found = []
    for mine, its in zip(ours, theirs, strict=True):
        assert mine.replica == its.replica
        assert mine.order_hash == its.order_hash
        keys = (("train", "fit_loss", ""), ("train", "loss", ""), ("test", "nll", ""))
        found.append(max(relative(np.array(mine.curves[key]), np.array(its.curves[key])) for key in keys))
    return np.array(found)


ARMS = ("sigmoid", "softmax", "softmax_matched")


@pytest.mark.parametrize(("name", "optimizer"), pairs(IN_TORCH, ("sgd", "momentum", "adam", "adamw")))
def test_tensorflow_and_pytorch_train_alike(name: str, optimizer: str) -> None:
    """From equal weights and batches, in float64, with equal formulas: losses and norms over 60 steps."""
    ours, theirs = run(name, optimizer, "float64", heads=ARMS, steps=60, record_every=20, image_side=8)
    assert distances(ours, theirs).max() < 1e-9
    for mine, its in zip(ours, theirs, strict=True):
        for scope in ("trunk", "head", "total", "effective_head"):
            key = ("train", "grad_norm", scope)
            assert relative(np.array(mine.curves[key]), np.array(its.curves[key]), least=1e-30) < 1e-8, scope


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("name", IN_TORCH)
def test_tensorflow_and_pytorch_train_alike_for_long(name: str, optimizer: str) -> None:
    """Over 400 steps."""
    ours, theirs = run(name, optimizer, "float64", heads=ARMS, steps=400, record_every=20, image_side=8)
    found = distances(ours, theirs)
    print(f"\n{name} {optimizer}: largest {found.max():.1e}, median {np.median(found):.1e}")
    assert found.max() < 1e-9


# by name, one step of one weight: (weight, gradient, state, step from 1, rate) to the weight and the state after it
State = dict[str, np.ndarray]
Rule = Callable[[np.ndarray, np.ndarray, State, int, float], tuple[np.ndarray, State]]


def adam(epsilon: float, before_correction: bool, decay: float = 0.0) -> Rule:
    """Kingma & Ba 2015: epsilon beside the root of the corrected moment (algorithm 1), or of the moment (section 2)."""

    def step(w: np.ndarray, g: np.ndarray, state: State, t: int, rate: float) -> tuple[np.ndarray, State]:
        m = 0.9 * state.get("m", 0) + 0.1 * g
        v = 0.999 * state.get("v", 0) + 0.001 * g**2
        first, second = 1 - 0.9**t, 1 - 0.999**t
        w = w * (1 - rate * decay)  # decay first, in both frameworks
        if before_correction:
            step = rate * np.sqrt(second) / first * m / (np.sqrt(v) + epsilon)
        else:
            step = rate * (m / first) / (np.sqrt(v / second) + epsilon)
        return w - step, {"m": m, "v": v}

    return step


def rmsprop(epsilon: float, rho: float, inside: bool) -> Rule:
    def step(w: np.ndarray, g: np.ndarray, state: State, t: int, rate: float) -> tuple[np.ndarray, State]:
        v = rho * state.get("v", 0) + (1 - rho) * g**2
        return w - rate * g / (np.sqrt(v + epsilon) if inside else np.sqrt(v) + epsilon), {"v": v}

    return step


def momentum(of_steps: bool) -> Rule:
    def step(w: np.ndarray, g: np.ndarray, state: State, t: int, rate: float) -> tuple[np.ndarray, State]:
        if of_steps:
            s = 0.9 * state.get("s", 0) - rate * g
            return w + s, {"s": s}
        s = 0.9 * state.get("s", 0) + g
        return w - rate * s, {"s": s}

    return step


def sgd(w: np.ndarray, g: np.ndarray, state: State, t: int, rate: float) -> tuple[np.ndarray, State]:
    return w - rate * g, {}


# Keras's formula, and PyTorch's
FORMULAS: dict[str, tuple[Rule, Rule]] = {
    "sgd": (sgd, sgd),
    "sgd_l2": (sgd, sgd),
    "momentum": (momentum(of_steps=True), momentum(of_steps=False)),
    "adam": (adam(1e-7, before_correction=True), adam(1e-8, before_correction=False)),
    "adamw": (adam(1e-7, before_correction=True, decay=0.04), adam(1e-8, before_correction=False, decay=0.04)),
    "rmsprop": (rmsprop(1e-7, rho=0.9, inside=True), rmsprop(1e-8, rho=0.99, inside=False)),
}
SAME_AT_ONE_RATE = {"sgd", "sgd_l2", "momentum"}


def gradients(steps: int = 30) -> np.ndarray:
    """Small ones too, where an epsilon shows."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(steps, 8)) * 10.0 ** np.arange(0, -8, -1)


def by_formula(rule: Rule, rates: list[float]) -> np.ndarray:
    w, state = np.ones(8), {}
    for t, (g, rate) in enumerate(zip(gradients(), rates, strict=True), start=1):
        w, state = rule(w, g, state, t, rate)
    return w


def by_keras(name: str, rates: list[float]) -> np.ndarray:
    with both("float64"):
        rule, w = OPTIMIZERS[name].make(rates[0]), keras.Variable(np.ones(8))
        for g, rate in zip(gradients(), rates, strict=True):
            rule.learning_rate = rate
            rule.apply([keras.ops.convert_to_tensor(g)], [w])
        return w.numpy()


def by_torch(name: str, rates: list[float], optimizer: object = None) -> np.ndarray:
    w = torch.ones(8, dtype=torch.float64, requires_grad=True)
    rule = (optimizer or OPTIMIZERS[name]).torch([{"params": [w], "lr": rates[0]}])
    for g, rate in zip(gradients(), rates, strict=True):
        rule.param_groups[0]["lr"], w.grad = rate, torch.tensor(g)
        rule.step()
    return w.detach().numpy()


ONE_RATE, TWO_RATES = [2.0**-6] * 30, [2.0**-6] * 15 + [2.0**-9] * 15


@pytest.mark.parametrize("rates", [ONE_RATE, TWO_RATES], ids=["one rate", "two rates"])
@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_optimizers_are_their_formulas(name: str, rates: list[float]) -> None:
    """PyTorch's to rounding; Keras's to what float32 leaves of a number that it casts."""
    in_keras, in_torch = FORMULAS[name]
    np.testing.assert_allclose(by_torch(name, rates), by_formula(in_torch, rates), rtol=1e-13)
    np.testing.assert_allclose(by_keras(name, rates), by_formula(in_keras, rates), rtol=1e-6)


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_where_the_frameworks_formulas_part(name: str) -> None:
    """SGD never; momentum when the rate changes; Adam and RMSprop in their epsilons, RMSprop in its memory too."""
    one, two = (relative(by_torch(name, rates), by_keras(name, rates)) for rates in (ONE_RATE, TWO_RATES))
    assert (one < 1e-7) == (name in SAME_AT_ONE_RATE)
    assert (two < 1e-7) == (name in SAME_AT_ONE_RATE - {"momentum"})


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw"])
def test_formulas_made_equal_are_equal(name: str) -> None:
    """With Keras's epsilon at its place, and the numbers that it rounds to float32 rounded."""
    assert relative(by_torch(name, ONE_RATE, alike(name)), by_keras(name, ONE_RATE)) < 1e-14
    if name == "adam":
        scaled = by_formula(adam(EPSILON, before_correction=True), ONE_RATE)
        np.testing.assert_allclose(by_torch(name, ONE_RATE, alike(name)), scaled, rtol=1e-6)
