"""The stacked engine against plain Keras `compile` and `fit`: the same losses, weights and gradient norms."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from keras import layers
from parity_cases import COMPARED, TOLERANCE, assert_same, fit, throwaway
from training_cases import arms, cell, gap, relative

from experiments.comparison.optimizer import from_compiled
from experiments.engines import driver, prepare
from experiments.engines.keras_fit import KerasFit
from experiments.engines.keras_trunk import precision
from experiments.engines.objectives import loss_of, row_losses
from experiments.engines.stacked import Stacked
from experiments.heads import HEADS, binary_heads
from experiments.networks import NETWORKS
from experiments.optimizers import OPTIMIZERS
from experiments.problem import Replica

# every network with every optimizer, in one of the precisions and with a sixth of the arms: which sixth, the sum of
# their places says, so that any two of a network, an optimizer, an arm and a precision meet; all products are a slow
# test
EVERY = binary_heads()
CROSSED = [
    (name, optimizer, ("float64", "float32")[(one // 2 + other // 2) % 2], (one + other) % 6)
    for one, name in enumerate(NETWORKS)
    for other, optimizer in enumerate(OPTIMIZERS)
]


def sixth_of(optimizer: str, sixth: int) -> tuple[str, ...]:
    return tuple(arm for arm in EVERY[sixth::6] if arm in arms(optimizer))


@pytest.mark.parametrize(("name", "optimizer", "dtype", "sixth"), CROSSED)
def test_stacked_is_keras(name: str, optimizer: str, dtype: str, sixth: int) -> None:
    rate = OPTIMIZERS[optimizer].learning_rate
    rates, heads = (rate, rate / 2), sixth_of(optimizer, sixth)
    with precision(dtype):
        assert_same(prepare(cell(name, optimizer, heads=heads, dtype=dtype, seeds=3, learning_rates=rates)))
    keras.backend.clear_session()  # a thousand compiled models are gigabytes


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
@pytest.mark.parametrize("name", list(NETWORKS))
def test_stacked_is_keras_in_every_arm(name: str, optimizer: str, dtype: str) -> None:
    rate = OPTIMIZERS[optimizer].learning_rate
    with precision(dtype):
        assert_same(prepare(cell(name, optimizer, dtype=dtype, seeds=3, learning_rates=(rate, rate / 2))))
    keras.backend.clear_session()


def test_each_pair_of_network_optimizer_arm_and_precision_is_met() -> None:
    met = [(name, rule, dtype, arm) for name, rule, dtype, sixth in CROSSED for arm in sixth_of(rule, sixth)]
    both = {"float64", "float32"}
    assert {(name, rule) for name, rule, _, _ in met} == {(name, rule) for name in NETWORKS for rule in OPTIMIZERS}
    assert {(name, dtype) for name, _, dtype, _ in met} == {(name, dtype) for name in NETWORKS for dtype in both}
    assert {(rule, dtype) for _, rule, dtype, _ in met} == {(rule, dtype) for rule in OPTIMIZERS for dtype in both}
    assert {(arm, dtype) for _, _, dtype, arm in met} == {(arm, dtype) for arm in EVERY for dtype in both}
    assert {(arm, rule) for _, rule, _, arm in met} == {(arm, rule) for rule in OPTIMIZERS for arm in arms(rule)}
    assert {(arm, name) for name, _, _, arm in met} >= {(arm, name) for name in NETWORKS for arm in arms("sgd")}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_step_by_xla_is_a_step(dtype: str) -> None:
    """What XLA fuses and reorders stays within rounding of what TensorFlow computes, which is what Keras does."""
    with precision(dtype):
        problem = prepare(cell("gru", "adam", dtype=dtype, seeds=1, steps=20, record_every=20))
        assert not problem.xla  # too short to pay for the compilation
        plain, fused = (driver.run(replace(problem, xla=xla), Stacked()) for xla in (False, True))
    for one, other in zip(plain, fused, strict=True):
        assert one.replica == other.replica
        assert gap(one, other, COMPARED) <= TOLERANCE[dtype], one.replica.head.name


@pytest.mark.parametrize("name", list(NETWORKS))
def test_xla_is_used_from_the_steps_on_that_pay_for_it(name: str) -> None:
    pays = NETWORKS[name].xla_from
    setup = cell(name, "sgd", seeds=1, steps=1, heads=("sigmoid", "softmax"))
    for steps in (7_500 - 1, 7_500):
        assert prepare(replace(setup, steps=steps)).xla == (2 * steps >= pays)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("task", ["digits", "yeast"])
def test_several_units_are_keras(task: str, optimizer: str) -> None:
    """Classes and labels: the arms of several units, with the mean and with the sum of their losses."""
    heads = tuple(head.name for head in HEADS.values() if head.multi_unit)
    with precision("float64"):
        problem = prepare(cell("mlp", optimizer, task=task, heads=heads, dtype="float64", seeds=3, steps=20))
        assert_same(problem)


def test_the_sum_over_units_is_a_loss_that_users_can_write() -> None:
    """As many times Keras's mean as there are units, of probabilities and of logits."""
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(6, 5)), rng.integers(2, size=(6, 5)).astype(float)
    z[0] *= 100  # where Keras clips probabilities, and computes from the logits behind an activation instead
    head = replace(HEADS["k_sigmoid_sum"], units=5)
    theirs = 5 * keras.losses.binary_crossentropy(y, keras.activations.sigmoid(keras.ops.convert_to_tensor(z)))
    np.testing.assert_allclose(row_losses(head, keras.ops.convert_to_tensor(z), y.astype(int)), theirs, rtol=1e-14)
    np.testing.assert_allclose(theirs, np.logaddexp(0, np.where(y == 1, -z, z)).sum(axis=1), rtol=1e-6)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Activation("sigmoid")])
    model.compile(loss=loss_of(head))
    reported = model.evaluate(z, y, verbose=0)
    assert reported == pytest.approx(float(np.mean(theirs)), rel=1e-5)


def head_of_image(x, kernel: int, stride: int, padding: str, activation: str, then: str):
    """A convolution over an image, and one layer after it."""
    x = layers.Conv2D(3, kernel, strides=stride, padding=padding, activation=activation)(x)
    after = {
        "nothing": layers.Identity(),
        "maximum": layers.MaxPooling2D(2, padding="same"),
        "average": layers.AveragePooling2D(2),
        "normal": layers.BatchNormalization(momentum=0.8),
        "dropout": layers.Dropout(0.25),
        "dilated": layers.Conv2D(2, 2, dilation_rate=2, use_bias=False),
    }
    return after[then](x)


IMAGE = st.none() | st.tuples(
    st.integers(1, 3),
    st.integers(1, 2),
    st.sampled_from(["same", "valid"]),
    st.sampled_from(["relu", "tanh", "gelu"]),
    st.sampled_from(["nothing", "maximum", "average", "normal", "dropout", "dilated"]),
)
SEQUENCE = st.sampled_from(["flatten", "gru", "gru_backwards", "lstm", "conv1d", "attention", "embedding"])
DENSE = st.lists(st.sampled_from(["relu", "residual", "concatenate", "batch", "layer", "dropout", "swish"]), max_size=3)


def over_rows(x, kind: str):
    """The rows of an image as a sequence, and what reads it."""
    if kind == "flatten":
        return layers.Flatten()(x)
    rows = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)
    if kind == "attention":
        attended = layers.MultiHeadAttention(2, 3, value_dim=2)(rows, rows)
        return layers.GlobalAveragePooling1D()(layers.Add()([rows, attended]))
    if kind == "conv1d":
        return layers.GlobalMaxPooling1D()(layers.Conv1D(4, 2, padding="causal")(rows))
    if kind == "embedding":
        # scaled pixels as tokens 0 .. 7
        return layers.Flatten()(layers.Embedding(8, 2)(layers.ReLU(max_value=7)(layers.Flatten()(x))))
    if kind == "lstm":
        return layers.LSTM(4)(layers.LSTM(3, return_sequences=True)(rows))
    return layers.GRU(4, go_backwards=kind == "gru_backwards", reset_after=kind == "gru")(rows)


def on_top(x, kind: str):
    """One dense block: what users stack."""
    if kind == "residual":
        return layers.Add()([x, layers.Dense(x.shape[-1], activation="tanh", kernel_regularizer="l2")(x)])
    if kind == "concatenate":
        return layers.Concatenate()([x, layers.Dense(3, use_bias=False)(x)])
    block = {
        "relu": lambda: layers.Dense(6, activation="relu"),
        "swish": lambda: keras.Sequential([layers.Dense(5), layers.Activation("swish")]),
        "batch": lambda: layers.BatchNormalization(scale=False),
        "layer": lambda: layers.LayerNormalization(),
        "dropout": lambda: layers.Dropout(0.4),
    }
    return block[kind]()(x)


@settings(max_examples=10, phases=(Phase.explicit, Phase.generate))  # no shrinking: each example compiles for seconds
@given(
    image=IMAGE, sequence=SEQUENCE, dense=DENSE, optimizer=st.sampled_from(list(OPTIMIZERS)),
    head=st.sampled_from(["sigmoid", "softmax_matched"]),
)  # fmt: skip
def test_random_models_are_keras(image, sequence: str, dense: list[str], optimizer: str, head: str) -> None:
    def build(input_shape: tuple[int, ...]) -> keras.Model:
        x = inputs = layers.Input(input_shape)
        # tokens have no gradient, and what only a penalty moves, TensorFlow may read before its step or after
        if image is not None and sequence != "embedding":
            x = head_of_image(x, *image)
        x = over_rows(x, sequence)
        for kind in dense:
            x = on_top(x, kind)
        return keras.Model(inputs, x)

    with precision("float64"), throwaway(build) as name:
        setup = cell(name, optimizer, task="digits_3v8", heads=(head,), dtype="float64", steps=10)
        # a bias that normalisation or attention cancels has a gradient of pure rounding, which these make steps of:
        # such a weight says nothing, and nothing depends on it
        assert_same(prepare(setup), with_weights=optimizer not in ("adam", "adamw", "rmsprop"), rounding=1e-6)


def test_long_sequences_are_keras() -> None:
    """More steps than are unrolled: the loop of the recurrence."""

    def build(input_shape: tuple[int, ...]) -> keras.Model:
        steps = [layers.Reshape((64, 1)), layers.GRU(3, return_sequences=True), layers.LSTM(3)]
        return keras.Sequential([layers.Input(input_shape), *steps])

    with precision("float64"), throwaway(build) as name:
        setup = cell(name, "adam", task="digits_3v8", heads=("sigmoid", "softmax"), dtype="float64", steps=5)
        assert_same(prepare(setup))


@pytest.mark.parametrize(("optimizer", "penalty"), [("adam", None), ("rmsprop", None), ("adamw", "l2")])
def test_tables_whose_tokens_repeat_are_keras(optimizer: str, penalty: str | None) -> None:
    """Without a penalty the gradient is a list of rows, whose entries Keras squares one by one."""

    def build(input_shape: tuple[int, ...]) -> keras.Model:
        tokens = [layers.ReLU(max_value=7), layers.Flatten()]
        table = layers.Embedding(8, 3, embeddings_regularizer=penalty)
        return keras.Sequential([layers.Input(input_shape), *tokens, table, layers.Flatten()])

    with precision("float64"), throwaway(build) as name:
        assert_same(prepare(cell(name, optimizer, task="digits_3v8", heads=("sigmoid", "softmax"), dtype="float64")))


@pytest.mark.parametrize(
    "rule",
    [
        keras.optimizers.Adagrad(0.1),
        keras.optimizers.Adamax(0.01),
        keras.optimizers.Lion(0.01, weight_decay=0.1),
        keras.optimizers.Adam(0.01, amsgrad=True),
        keras.optimizers.RMSprop(0.01, momentum=0.9, centered=True),
        keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    ],
    ids=lambda rule: type(rule).__name__,
)
def test_rules_that_users_bring_are_keras(rule: keras.optimizers.Optimizer) -> None:
    record = OPTIMIZERS.add(replace(from_compiled(rule, None, 0.0).record, name="throwaway"))
    try:
        with precision("float64"):
            heads = ("sigmoid", "softmax_matched")
            assert_same(prepare(cell("mlp", record.name, heads=heads, dtype="float64", steps=20)))
    finally:
        OPTIMIZERS.remove(record.name)


def test_dead_rows_are_counted_with_the_masks_of_their_step() -> None:
    """Steps so large that rows saturate; which ones, the dropout of the step decides."""

    def build(input_shape: tuple[int, ...]) -> keras.Model:
        return keras.Sequential([layers.Input(input_shape), layers.Dropout(0.5)])

    with precision("float64"), throwaway(build) as name:
        sizes = {"steps": 6, "record_every": 1, "learning_rates": (100.0,)}
        problem = prepare(cell(name, "sgd", heads=("sigmoid", "softmax"), dtype="float64", **sizes))
        assert_same(problem)
        record, _ = fit(problem, Replica(head=HEADS["sigmoid"], learning_rate=100.0, seed=0))
        assert len(set(record.curves["train", "dead_share", ""])) > 2


@pytest.mark.parametrize("optimizer", ["adamw", "momentum"])
def test_a_model_that_starts_anew_is_a_new_model(optimizer: str) -> None:
    """Arms share a compiled model: no weight, statistic or slot of a network is left for the next."""

    def build(input_shape: tuple[int, ...]) -> keras.Model:
        steps = [layers.Dense(5, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.3)]
        return keras.Sequential([layers.Input(input_shape), *steps])

    with precision("float64"), throwaway(build) as name:
        pairs = [("sigmoid", "sigmoid_again"), ("softmax_lr", "softmax_matched")]
        heads = tuple(head for pair in pairs for head in pair)
        setup = cell(name, optimizer, heads=heads, dtype="float64", steps=5, record_every=1, learning_rates=(0.1, 0.01))
        problem = prepare(setup)
        factory = KerasFit()
        for first, second in pairs:
            fit(problem, Replica(head=HEADS[first], learning_rate=0.1, seed=0), factory)
            replica = Replica(head=HEADS[second], learning_rate=0.01, seed=1)
            (again, mine), (new, theirs) = fit(problem, replica, factory), fit(problem, replica)
            # TensorFlow adds in the order in which buffers become free: the last bit is not its own
            assert gap(again, new, (*COMPARED, "accuracy")) < 1e-13
            variables = zip(mine.compiled.model.variables, theirs.compiled.model.variables, strict=True)
            for one, other in variables:
                assert relative(one.numpy(), other.numpy(), least=1e-3) < 1e-13
