"""The first weights of a head: Keras's laws, and how far a two-unit head follows a one-unit head."""

from __future__ import annotations

import random
from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from scipy.integrate import quad
from typer.testing import CliRunner

from benchmarks import coupling
from experiments.engines.keras_draws import built_under, drawing_of, values_of
from experiments.heads import BASELINE, HEADS
from experiments.networks import NETWORKS
from experiments.problem._draws import GLOROT_UNIFORM, PYTORCH_START, SHAPES, Law, Start
from experiments.problem._streams import HeadStream
from experiments.records import Draw, UserError

STEPS = np.linspace(0.0005, 0.9995, 1999)

# each law of ours beside the Keras initialiser whose law it is
LAWS: dict[str, tuple[Law, keras.initializers.Initializer]] = {
    "glorot_uniform": (GLOROT_UNIFORM, keras.initializers.GlorotUniform(seed=1)),
    "he_normal": (
        Law(shape="truncated_normal", scale=np.sqrt(2) / 0.87962566103423978, fan="in"),
        keras.initializers.HeNormal(seed=1),
    ),
    "glorot_normal": (
        Law(shape="truncated_normal", scale=1 / 0.87962566103423978, fan="mean"),
        keras.initializers.GlorotNormal(seed=1),
    ),
    "truncated_normal": (
        Law(shape="truncated_normal", mean=0.1, scale=0.3),
        keras.initializers.TruncatedNormal(0.1, 0.3, seed=1),
    ),
    "normal": (Law(shape="normal", mean=-0.2, scale=0.5), keras.initializers.RandomNormal(-0.2, 0.5, seed=1)),
    "untruncated_fan_out": (
        Law(shape="normal", scale=1.0, fan="out"),
        keras.initializers.VarianceScaling(1.0, "fan_out", "untruncated_normal", seed=1),
    ),
    "uniform": (Law(shape="uniform", mean=0.5, scale=0.5), keras.initializers.RandomUniform(0.0, 1.0, seed=1)),
}
KINDS = list(LAWS)
# of w and u, for uniform laws: the two quantile functions' correlation, by hand 7 sqrt(2) / 10 = 0.98995
LEAST = {"uniform": 0.98, "truncated_normal": 0.98, "normal": 1 - 1e-12}


def heads(law: Law, features: int, seeds: int, units: int, drawn: Draw = "own") -> np.ndarray:
    """The kernels of many seeds, one below another: (seeds * features, units)."""
    streams = [HeadStream(task="moons", network="mlp", seed=seed) for seed in range(seeds)]
    return np.concatenate([stream.kernel(law, features, units, drawn) for stream in streams])


@pytest.mark.parametrize(("features", "seeds"), [(5, 600), (64, 60)])
@pytest.mark.parametrize("kind", KINDS)
def test_columns_are_keras_law_and_independent(kind: str, features: int, seeds: int) -> None:
    law, initializer = LAWS[kind]
    for units in (1, 2):
        mine = heads(law, features, seeds, units)
        # of the same shape, on which the variance depends
        theirs = np.concatenate([np.asarray(clone(initializer, seed)((features, units))) for seed in range(200)])
        for column in range(units):
            assert stats.ks_2samp(mine[:, column], theirs.ravel()).pvalue > 1e-4, (units, column)
    first, second = mine.T
    assert abs(stats.pearsonr(first, second).statistic) < 4 / np.sqrt(len(mine))
    # a grid of tenths: independent columns fill its cells alike
    grid = np.histogram2d(stats.rankdata(first), stats.rankdata(second), bins=10)[0]
    assert stats.chi2_contingency(grid).pvalue > 1e-4
    # rows are independent too
    assert abs(stats.pearsonr(first[:-1], first[1:]).statistic) < 4 / np.sqrt(len(mine))


def clone(initializer: keras.initializers.Initializer, seed: int) -> keras.initializers.Initializer:
    return type(initializer).from_config({**initializer.get_config(), "seed": seed})


@pytest.mark.parametrize("features", [1, 2, 9, 128])
@pytest.mark.parametrize("kind", KINDS)
def test_difference_follows_sigmoids_draw(kind: str, features: int) -> None:
    """An increasing function of w, entry by entry, with the correlation that the laws allow at most."""
    law, _ = LAWS[kind]
    seeds = 1000 // features + 1
    w, pair = (heads(law, features, seeds, units) for units in (1, 2))
    u = pair[:, 1] - pair[:, 0]
    assert stats.spearmanr(w[:, 0], u).statistic == pytest.approx(1, abs=1e-12)
    assert stats.pearsonr(w[:, 0], u).statistic >= LEAST[law.shape]
    # the sum is left open: it says nothing of w
    assert abs(stats.spearmanr(w[:, 0], pair.sum(axis=1)).statistic) < 4 / np.sqrt(len(w))


def test_normal_difference_is_root_two_sigmas_draw() -> None:
    law = Law(shape="normal", scale=1.0, fan="mean")
    w, pair = (heads(law, 5, 3, units) for units in (1, 2))
    ratio = law.width(5, 2) / law.width(5, 1)
    np.testing.assert_allclose(pair[:, 1] - pair[:, 0], np.sqrt(2) * ratio * w[:, 0], rtol=1e-12)


def test_glorots_difference_by_hand() -> None:
    """At the median 0, at the quartile q = 1/8 halfway to the edge; and the sum fills what the difference leaves."""
    uniform = SHAPES["uniform"]
    np.testing.assert_allclose(uniform.difference(np.array([0.125, 0.5, 0.875])), [-1, 0, 1], atol=1e-15)
    np.testing.assert_allclose(uniform.total(np.array([0.0, 0.5, 1.0]), np.array([-1.0, 0.0, 1.5])), [-1, 0, 0.5])


def test_truncated_difference_is_exact() -> None:
    """Against the probability as a double integral, by SciPy's own adaptive quadrature, to 1e-9."""
    law = stats.truncnorm(-2, 2)
    for q in (1e-6, 0.003, 0.2, 0.5, 0.71, 0.999):
        (v,) = SHAPES["truncated_normal"].difference(np.array([q]))
        low, high = max(-2.0, -2.0 - v), min(2.0, 2.0 - v)
        below, _ = quad(lambda x, v=v: law.pdf(x) * law.cdf(x + v), low, high, epsabs=1e-12, epsrel=1e-12)
        below += law.sf(high) if v > 0 else 0.0
        assert below == pytest.approx(q, abs=1e-9)


@pytest.mark.parametrize("shape", list(SHAPES))
def test_quantile_functions_rise(shape: str) -> None:
    law = SHAPES[shape]
    assert (np.diff(law.entry(STEPS)) > 0).all()
    assert (np.diff(law.difference(STEPS)) > 0).all()
    assert (np.diff(law.total(STEPS, np.full_like(STEPS, 0.7))) > 0).all()
    np.testing.assert_allclose(law.difference(1 - STEPS), -law.difference(STEPS), atol=1e-12)


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0])
def test_constants_are_constants(value: float) -> None:
    law, stream = Law(shape="constant", mean=value), HeadStream(task="moons", network="mlp", seed=0)
    for units in (1, 2):
        np.testing.assert_array_equal(stream.kernel(law, 4, units, "own"), np.full((4, units), value))
    np.testing.assert_array_equal(stream.kernel(law, 4, 2, "paired"), np.tile([-value / 2, value / 2], (4, 1)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_pair_is_sigmoids_function(kind: str) -> None:
    law, stream = LAWS[kind][0], HeadStream(task="moons", network="mlp", seed=3)
    w, pair = stream.kernel(law, 7, 1, "own"), stream.kernel(law, 7, 2, "paired")
    np.testing.assert_array_equal(pair, np.concatenate([-w / 2, w / 2], axis=1))


def test_the_noise_floor_is_independent_and_the_reordered_arm_is_not() -> None:
    again, reordered = HEADS["sigmoid_again"], HEADS["sigmoid_reordered"]
    assert (again.draw, again.order) == ("again", "again")
    assert (reordered.draw, reordered.order) == ("own", "again")
    w, second, pair = (
        heads(GLOROT_UNIFORM, 8, 500, units, drawn) for units, drawn in ((1, "own"), (1, "again"), (2, "again"))
    )
    for column in (second[:, 0], pair[:, 0], pair[:, 1], pair[:, 1] - pair[:, 0]):
        assert abs(stats.pearsonr(w[:, 0], column).statistic) < 4 / np.sqrt(len(w))
    assert HEADS[BASELINE].draw == "own"


def test_what_cannot_be_coupled_is_drawn_by_itself() -> None:
    """The user's own initialiser sees each shape, under a seed that is the arm's own and the same each time."""
    calls: list[tuple[tuple[int, ...], int]] = []

    def initialiser(shape: tuple[int, ...], seed: int) -> np.ndarray:
        calls.append((shape, seed))
        return np.random.default_rng(seed).normal(size=shape)

    stream = HeadStream(task="moons", network="mlp", seed=0)
    first, again = stream.kernel(initialiser, 3, 1, "own"), stream.kernel(initialiser, 3, 1, "again")
    pair = stream.kernel(initialiser, 3, 2, "own")
    assert [shape for shape, _ in calls] == [(3, 1), (3, 1), (3, 2)]
    assert len({seed for _, seed in calls}) == 3
    assert not np.isclose(first, again).any()
    np.testing.assert_array_equal(stream.kernel(initialiser, 3, 2, "paired")[:, 1], first[:, 0] / 2)
    np.testing.assert_array_equal(stream.kernel(initialiser, 3, 2, "own"), pair)


def stated(*values: float) -> Start:
    return Start(bias=(len(values), lambda shape, seed: np.array(values)))


@pytest.mark.parametrize(
    ("start", "one", "two", "paired"),
    [
        (Start(), [0.0], [0.0, 0.0], [0.0, 0.0]),
        (stated(-3.0), [-3.0], [1.5, -1.5], [1.5, -1.5]),
        (stated(0.5, -2.0), [-2.5], [0.5, -2.0], [1.25, -1.25]),
        (stated(-3.0, -3.0), [0.0], [-3.0, -3.0], [0.0, 0.0]),
    ],
)
def test_a_stated_bias_is_the_same_log_odds_in_every_arm(
    start: Start, one: list[float], two: list[float], paired: list[float]
) -> None:
    stream = HeadStream(task="moons", network="mlp", seed=0)
    for units, drawn, wanted in ((1, "own", one), (1, "again", one), (2, "own", two), (2, "paired", paired)):
        found = stream.bias(start.bias, 8, units, drawn)  # type: ignore[arg-type]
        np.testing.assert_array_equal(found, wanted)
        assert found[-1] - (found[0] if units == 2 else 0) == one[0]


def test_a_drawn_bias_is_coupled_like_a_kernel() -> None:
    law = Law(shape="normal", scale=2.0)
    streams = [HeadStream(task="moons", network="mlp", seed=seed) for seed in range(50)]
    one, two = (np.stack([stream.bias(law, 8, units, "own") for stream in streams]) for units in (1, 2))
    np.testing.assert_allclose(two[:, 1] - two[:, 0], np.sqrt(2) * one[:, 0], rtol=1e-12)
    kernels = np.stack([stream.kernel(law, 1, 1, "own")[0] for stream in streams])
    assert not np.isclose(one, kernels).any()


@pytest.mark.parametrize("features", [3, 32])
def test_pytorchs_law_is_that_of_its_linear_layer(features: int) -> None:
    """Kernel and bias of one and of two units: uniform within ±1 / sqrt(features), and coupled."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    streams = [HeadStream(task="moons", network="mlp", seed=seed) for seed in range(2000)]
    mine = {}
    for units in (1, 2):
        kernels = np.stack([s.kernel(PYTORCH_START.kernel, features, units, "own") for s in streams])
        biases = np.stack([s.bias(PYTORCH_START.bias, features, units, "own") for s in streams])
        torch.manual_seed(units)
        layers = [torch.nn.Linear(features, units) for _ in range(2000)]
        theirs = np.stack([layer.bias.detach().numpy() for layer in layers])
        for unit in range(units):
            assert stats.ks_2samp(biases[:, unit], theirs[:, unit]).pvalue > 1e-4
            weights = np.concatenate([layer.weight[unit].detach().numpy() for layer in layers])
            assert stats.ks_2samp(kernels[:, :, unit].ravel(), weights).pvalue > 1e-4
        assert np.abs(kernels).max() <= features**-0.5
        assert np.abs(biases).max() == pytest.approx(features**-0.5, rel=1e-2)
        mine[units] = biases
    u = mine[2][:, 1] - mine[2][:, 0]
    assert stats.spearmanr(mine[1][:, 0], u).statistic == pytest.approx(1, abs=1e-12)
    assert stats.pearsonr(mine[1][:, 0], u).statistic > LEAST["uniform"]
    assert abs(stats.spearmanr(mine[2][:, 0], mine[2][:, 1]).statistic) < 4 / np.sqrt(len(u))
    paired = np.stack([s.bias(PYTORCH_START.bias, features, 2, "paired") for s in streams])
    np.testing.assert_array_equal(paired, np.concatenate([-mine[1] / 2, mine[1] / 2], axis=1))


def test_the_benchmark_prints_what_coupling_does() -> None:
    """One cell, few seeds: the same mean within its error, and a variance that is several times smaller."""
    found = coupling.compare("breast_cancer", "linear", "sgd", seeds=12, steps=40)
    assert len(found.coupled) == len(found.independent) == 12
    assert abs(found.z) < 4
    assert found.ratio > 3
    done = CliRunner().invoke(
        coupling.app, ["--cells", "breast_cancer/linear/sgd", "--seeds", "12", "--steps", "40"], catch_exceptions=False
    )
    *_, row, last = done.output.splitlines()
    assert f"{found.coupled.mean():+.5f} ± {coupling.standard_error(found.coupled):.5f}" in row
    assert f"{found.z:.2f}" in row
    assert last == f"Independent draws have {found.ratio:.1f} times the variance of coupled ones, in the median."


def test_the_ratio_is_of_the_differences_by_hand() -> None:
    found = coupling.Comparison(coupled=np.array([1.0, 2.0, 3.0]), independent=np.array([0.0, 4.0, 8.0]))
    assert found.ratio == 16
    assert found.z == pytest.approx(-2 / (3 / np.sqrt(3)))


@pytest.mark.parametrize(
    ("arguments", "words"), [(["--seeds", "2"], "--seeds is 2"), (["--cells", "moons"], "'moons'")]
)
def test_a_mistake_in_the_benchmark_is_told(arguments: list[str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        CliRunner().invoke(coupling.app, arguments, catch_exceptions=False)


class OfTensorFlow(keras.initializers.Initializer):
    """What a user may write: a draw from TensorFlow's global generator."""

    def __call__(self, shape, dtype=None, **_):
        return tf.random.normal(shape, dtype=dtype or "float32")


def of_layer(layer: Callable[[], keras.layers.Layer], shape: tuple[int, ...] = (4,)) -> Callable[[], keras.Model]:
    return lambda: keras.Sequential([keras.layers.Input(shape), layer()])


def twice() -> keras.Model:
    """Two dropouts between that draw seeds as initialisers do, one initialiser in two layers, and a constant."""
    shared = keras.initializers.HeNormal()
    return keras.Sequential([
        keras.layers.Input((4,)), keras.layers.Dropout(0.1), keras.layers.Dense(4, kernel_initializer=shared),
        keras.layers.Dropout(0.1), keras.layers.Dense(4, kernel_initializer=shared), keras.layers.Dense(3),
        keras.layers.Dense(2, kernel_initializer=keras.initializers.RandomNormal(seed=5)),
    ])  # fmt: skip


def halved() -> keras.Model:
    """What no initialiser of it gives: a kernel that the user halves."""
    model = of_layer(lambda: keras.layers.Dense(3))()
    model.layers[0].kernel.assign(model.layers[0].kernel / 2)
    return model


def wayward() -> keras.Model:
    """What a trunk of one seed cannot tell: under some seeds a number is drawn between two initialisers."""
    first = keras.initializers.HeNormal()
    if first.seed < 5e8:  # not under 0, but under 1 and the seeds of the tests
        random.random()
    layers = [keras.layers.Dense(4, kernel_initializer=one) for one in (first, keras.initializers.HeNormal())]
    return keras.Sequential([keras.layers.Input((4,)), *layers])


ROWS = {"vector": (4,), "image": (6, 6, 1), "sequence": (6, 3), "text": (9,)}
TRUNKS = {
    **{name: lambda name=name: NETWORKS[name].build(ROWS[NETWORKS[name].takes[-1]]) for name in NETWORKS},
    "two of a kind": twice,
    "Bidirectional": of_layer(lambda: keras.layers.Bidirectional(keras.layers.LSTM(3)), (5, 2)),
    "halved": halved,
    "wayward": wayward,
    "of TensorFlow's generator": of_layer(lambda: keras.layers.Dense(3, kernel_initializer=OfTensorFlow())),
}


@pytest.mark.parametrize("name", TRUNKS)
def test_first_weights_are_those_of_a_trunk_built_under_the_seed(name: str) -> None:
    draw = drawing_of(TRUNKS[name], 6, built_under(TRUNKS[name], 0))
    for seed in (3, 4):
        keras.utils.set_random_seed(seed)
        wanted = values_of(TRUNKS[name]())
        TRUNKS[name]()  # whatever was drawn in between
        for mine, theirs in zip(draw(seed), wanted, strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("name", TRUNKS)
def test_a_trunk_whose_initialisers_can_be_called_again_is_built_no_more(name: str) -> None:
    built = []

    def counted() -> keras.Model:
        built.append(name)
        return TRUNKS[name]()

    draw = drawing_of(counted, 6, built_under(counted, 0))
    before = len(built)
    draw(3)
    assert len(built) - before == (name in ("halved", "wayward", "of TensorFlow's generator"))
