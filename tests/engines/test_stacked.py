"""What the stacked engine takes of a user's layers: it computes what Keras does, or says that it cannot."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from parity_cases import assert_same, fit, throwaway
from training_cases import cell

from experiments.engines import prepare, stacked
from experiments.engines.keras_trunk import precision
from experiments.engines.objectives import encode
from experiments.engines.stacked.convolution import _taps
from experiments.heads import HEADS
from experiments.problem import Replica

Layers = Callable[[keras.KerasTensor], keras.KerasTensor]
ops, Dense = keras.ops, layers.Dense


def rows(x):
    """Thirty columns as a sequence of six."""
    return layers.Reshape((6, 5))(x)


def attended(x, **settings: object):
    return layers.Flatten()(layers.MultiHeadAttention(2, 3)(rows(x), rows(x), **settings))


def nested_twice(inner: keras.layers.Layer) -> Layers:
    def through(x):
        model = keras.Sequential([layers.Input((30,)), Dense(30, activation="relu"), inner])
        return model(model(x))

    return through


def model_of(through: Layers) -> keras.Model:
    inputs = layers.Input((30,))
    return keras.Model(inputs, through(inputs))


REFUSED: dict[str, tuple[Layers, str]] = {
    "a layer without a rule": (lambda x: layers.Lambda(lambda z: 2 * z)(x), "(Lambda)"),
    "a penalty on outputs": (Dense(4, activity_regularizer="l2"), "with a penalty on its output"),
    "a penalty without a rule": (
        Dense(4, kernel_regularizer=keras.regularizers.OrthogonalRegularizer()), "with a OrthogonalRegularizer penalty",
    ),
    "a constraint": (Dense(4, kernel_constraint="non_neg"), "with a NonNeg constraint"),
    "over the batch": (Dense(4, activation=lambda z: z - ops.mean(z, axis=0)), "whose activation mixes rows"),
    "over axis 1": (Dense(4, activation=lambda z: ops.softmax(z, axis=1)), "whose activation mixes rows"),
    "an activation with weights": (Dense(4, activation=layers.PReLU()), "rows or has weights"),
    "one that takes two axes": (Dense(4, activation=lambda z: ops.reshape(z, (-1, 4))), "whose activation mixes"),
    "in a recurrent layer": (
        lambda x: layers.GRU(3, recurrent_activation=lambda z: z / ops.max(z))(rows(x)), "whose recurrent_activation",
    ),
    "a mask of attention": (
        lambda x: attended(x, attention_mask=ops.ones((1, 6, 6))), "called with attention_mask",
    ),
    "causal attention": (lambda x: attended(x, use_causal_mask=True), "called with use_causal_mask"),
    "a first state": (lambda x: layers.GRU(3)(rows(x), initial_state=Dense(3)(x)), "called with initial_state"),
    "a first state, by place": (lambda x: layers.GRU(3)(rows(x), Dense(3)(x)), "called with more inputs"),
    "any of another axis": (lambda x: ops.any(rows(x), axis=1), "with axis=[1]"),
    "another axis": (lambda x: layers.Flatten()(layers.LayerNormalization(axis=1)(rows(x))), "with axis=[1]"),
    "random layers, called twice": (nested_twice(layers.Dropout(0.3)), "with random layers, called twice"),
}  # fmt: skip


@pytest.mark.parametrize("case", list(REFUSED))
def test_what_no_rule_covers_is_named(case: str) -> None:
    through, words = REFUSED[case]
    (reason,) = stacked.unsupported(model_of(through))
    assert words in reason


def by_place(z):
    """As many factors as a row of six steps has numbers: it takes no other shape."""
    return z * ops.reshape(ops.arange(24, dtype=z.dtype), (6, 4))


@pytest.mark.parametrize(
    "through", [lambda x: layers.GRU(3)(layers.Masking()(rows(x))), lambda x: Dense(4, activation=by_place)(rows(x))],
    ids=["masked steps", "an activation of one shape"],
)  # fmt: skip
def test_what_rules_cover_is_taken(through: Layers) -> None:
    assert stacked.unsupported(model_of(through)) == []


def normal_twice(x):
    """Statistics that move twice a step, under a training flag that Keras overrides."""
    normal = layers.BatchNormalization(momentum=0.8)
    return normal(Dense(30)(normal(x)), training=False)


def nested_statistics(x):
    return nested_twice(layers.BatchNormalization())(x)


def frozen(x):
    """A penalty that does not count, for its weights do not train."""
    still = Dense(5, activation=layers.LeakyReLU(), kernel_regularizer="l2", trainable=False)
    return Dense(4, activation=tf.nn.relu, kernel_regularizer="l1")(still(x))


def sequences(x):
    own = layers.LSTM(3, activation=tf.nn.relu, recurrent_activation="hard_sigmoid", unit_forget_bias=False,
                      use_bias=False, return_sequences=True)(rows(x))  # fmt: skip
    mixed = layers.MultiHeadAttention(2, 3, use_bias=False, output_shape=4)(query=own, value=rows(x), key=rows(x))
    return layers.Flatten()(layers.Dropout(0.3, noise_shape=(None, 1, 4))(mixed))


@pytest.mark.parametrize(
    "through", [normal_twice, nested_statistics, frozen, sequences],
    ids=["shared statistics", "a model called twice", "frozen", "sequences"],
)  # fmt: skip
def test_what_is_taken_is_keras(through: Layers) -> None:
    with precision("float64"), throwaway(lambda _: model_of(through)) as name:
        assert_same(prepare(cell(name, "sgd", heads=("sigmoid", "softmax_matched"), dtype="float64", steps=6)))


@pytest.mark.parametrize(
    ("padding", "dilation", "read"),
    [
        ("valid", 1, [[0, 1, 2], [2, 3, 4], [4, 5, 6]]),
        ("valid", 2, [[0, 2, 4], [2, 4, 6]]),
        ("causal", 1, [[-1, -1, 0], [0, 1, 2], [2, 3, 4], [4, 5, 6]]),
        ("causal", 2, [[-1, -1, 0], [-1, 0, 2], [0, 2, 4], [2, 4, 6]]),
        ("same", 1, [[-1, 0, 1], [1, 2, 3], [3, 4, 5], [5, 6, -1]]),
    ],
)
def test_what_a_convolution_reads_by_hand(padding: str, dilation: int, read: list[list[int]]) -> None:
    """Of seven steps, three at a time, every second; -1 is padding."""
    assert _taps(7, 3, 2, dilation, padding).tolist() == read


def test_what_needs_no_weights_is_done_once_for_replicas_of_one_stream() -> None:
    rows = tf.random.stateless_normal((2, 3, 4), [0, 1])
    of_replica = tf.constant([1, 0, 0, 1, 1])
    x = tf.gather(rows, of_replica)
    taken: list[int] = []

    def twice(part: tf.Tensor) -> tf.Tensor:
        taken.append(part.shape[0])
        return 2 * part

    context = stacked.Context({}, replicas=5, training=False, source=(rows, of_replica))
    stacked.evaluate(keras.Sequential([layers.Input((4,)), layers.Identity()]), context, x)
    for tensor in (x, x + 1):  # only the model's input is known to be the same in several replicas
        np.testing.assert_array_equal(context.once_a_stream(tensor, twice), 2 * tensor)
    assert taken == [2, 5]


def test_a_token_finds_its_row_in_its_own_table() -> None:
    table = layers.Embedding(4, 2)
    model = keras.Sequential([layers.Input((3,)), table])
    each = np.arange(16, dtype="float32").reshape(2, 4, 2)

    def look_up(tokens: list[int]) -> np.ndarray:
        context = stacked.Context({id(table.embeddings): tf.reshape(each, (8, 2))}, replicas=2, training=False)
        return stacked.evaluate(model, context, tf.constant([[tokens], [tokens]], "float32")).numpy()

    found = look_up([0, 3, -1])
    for place, weights in enumerate(each):
        table.set_weights([weights])
        np.testing.assert_array_equal(found[place], model.predict(np.array([[0, 3, -1]]), verbose=0))
    for unknown in (4, -5):  # rows of the other table, if they were counted from the first
        with pytest.raises(tf.errors.InvalidArgumentError, match="is not in"):
            look_up([0, 0, unknown])


def test_penalties_on_outputs_are_in_the_loss() -> None:
    def build(input_shape: tuple[int, ...]) -> keras.Model:
        penalised = Dense(4, activity_regularizer="l2", kernel_regularizer="l1")
        return keras.Sequential([layers.Input(input_shape), penalised, layers.ActivityRegularization(l1=0.1)])

    with precision("float64"), throwaway(build) as name:
        problem = prepare(cell(name, "sgd", heads=("softmax",), dtype="float64", steps=4, seeds=1))
        head, stream = HEADS["softmax"], problem.streams[0]
        record, engine = fit(problem, Replica(head=head, learning_rate=problem.rates[0], seed=0))
        test = problem.rows("test", 0, 10**6)
        x = stream.scaling.apply(problem.data.x[test])
        y = encode(head, tf.constant(problem.data.y[test], tf.int32), "float64", labels=False)
        found = record.finals["test", "loss"]
        assert found == pytest.approx(engine.compiled.model.evaluate(x, y, batch_size=len(x), verbose=0), rel=1e-9)
        assert found > 1.1 * record.finals["test", "nll"]
