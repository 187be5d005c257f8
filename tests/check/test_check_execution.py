"""The sweep runs a program as its `fit` would: as a graph, eagerly or compiled by XLA."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from experiments.check import Checked, check
from experiments.records import UserError

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
Y = np.arange(64) % 2
MODES: dict[str, dict[str, bool]] = {
    "as a graph": {}, "eagerly": {"run_eagerly": True}, "by XLA": {"jit_compile": True}
}  # fmt: skip
MODE = pytest.mark.parametrize("mode", MODES)


def net(*last: Any, mode: str, loss: Any = "binary_crossentropy") -> Any:
    model = keras.Sequential([
        keras.Input((4,)), keras.layers.Dense(3, activation="relu"), keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.3), *last,
    ])  # fmt: skip
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss=loss, **MODES[mode])
    return model


def names(checked: Checked) -> list[str]:
    return [one.name for one in checked.findings]


def learns_from_a_confident_mistake(model: Any) -> bool:
    """Whether a real step of `fit` moves the last bias, from a logit of 30 under the label 0."""
    model.layers[3].set_weights([np.zeros((3, 1)), np.array([30.0])])
    model.fit(X[:8], np.zeros(8), batch_size=8, verbose=0)
    return bool(model.layers[3].get_weights()[1][0] != 30.0)


@MODE
def test_each_way_of_running_is_said_and_measured(mode: str) -> None:
    right = check(net(keras.layers.Dense(1, activation="sigmoid"), mode=mode), X, Y)
    assert (names(right), right.measured) == ([], True)
    assert right.described[0].endswith(mode)
    assert names(check(net(keras.layers.Dense(1), mode=mode), X, Y)) == ["logits_taken_for_probabilities"]


@pytest.mark.parametrize(
    ("mode", "expected"), [("as a graph", []), ("eagerly", ["probability_clipped"]), ("by XLA", [])]
)
def test_a_plain_sigmoid_of_tensorflow_has_its_logits_in_a_graph_alone(mode: str, expected: list[str]) -> None:
    """In a graph Keras sees that a Sigmoid made the prediction and takes its input; run eagerly it cannot."""
    model = net(keras.layers.Dense(1), keras.layers.Lambda(lambda z: tf.sigmoid(z)), mode=mode)
    assert names(check(model, X, Y)) == expected
    assert learns_from_a_confident_mistake(model) == (not expected)


@MODE
def test_the_variables_are_left_alone(mode: str) -> None:
    model = net(keras.layers.Dense(1, activation="sigmoid"), keras.layers.Dropout(0.5), mode=mode)
    before = [np.asarray(variable) for variable in model.variables]
    assert "training_differs" in names(check(model, X, Y))
    for old, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, np.asarray(variable))


def test_a_layer_that_python_steers_by_values_is_measured_where_it_runs_eagerly() -> None:
    class Read(keras.layers.Layer):
        def call(self, values: Any) -> Any:
            return values if float(np.asarray(values).max()) > 0.5 else values * 1.0

    def steered(mode: str) -> Checked:
        return check(net(keras.layers.Dense(1, activation="sigmoid"), Read(), mode=mode), X, Y)

    assert steered("eagerly").measured
    # a graph has no values to read
    assert names(steered("as a graph")) == ["not_measured"]


@MODE
def test_a_recurrent_model_is_measured(mode: str) -> None:
    model = keras.Sequential([
        keras.Input((4,)), keras.layers.Reshape((4, 1)), keras.layers.LSTM(3), keras.layers.Dense(1, "sigmoid"),
    ])  # fmt: skip
    model.compile(loss="binary_crossentropy", **MODES[mode])
    checked = check(model, X, Y)
    assert (names(checked), checked.measured) == ([], True)


def test_the_trunk_is_not_run_again_for_each_logit(monkeypatch: pytest.MonkeyPatch) -> None:
    from tensorflow.python import pywrap_tfe

    products, execute = [], pywrap_tfe.TFE_Py_FastPathExecute

    def counting(context: Any, name: Any, *arguments: Any) -> Any:
        products.extend([name] if name == "MatMul" else [])
        return execute(context, name, *arguments)

    model = net(keras.layers.Dense(1, activation="sigmoid"), mode="eagerly")
    monkeypatch.setattr(pywrap_tfe, "TFE_Py_FastPathExecute", counting)
    assert check(model, X, Y).measured
    passes = 3  # to see whether the model takes its rows, in training and not in training
    assert len(products) == 2 * passes


def test_what_xla_cannot_compile_is_not_called_sound() -> None:
    def with_numpy(z: Any) -> Any:
        return tf.sigmoid(z) + tf.ensure_shape(tf.numpy_function(np.zeros_like, [z], tf.float32), z.shape)

    last = [keras.layers.Dense(1), keras.layers.Lambda(with_numpy, output_shape=(1,))]
    checked = check(net(*last, mode="by XLA"), X, Y)
    assert names(checked) == ["not_measured"]
    assert not checked.measured
    assert "XLA" in checked.findings[0].seen[0]
    assert check(net(*last, mode="as a graph"), X, Y).measured


@pytest.mark.parametrize(
    ("last", "lost"),
    [
        ([keras.layers.Reshape((1,))], "Reshape"),
        ([keras.layers.Rescaling(1.0)], "Rescaling"),
        ([keras.layers.Activation("linear")], ""),  # hands its tensor through
        ([keras.layers.Lambda(lambda p: p)], ""),
        ([keras.layers.Lambda(lambda p: p * 1.0)], "Lambda"),
        ([keras.layers.Flatten(), keras.layers.Reshape((1,))], "Flatten"),
    ],
    ids=lambda last: last if isinstance(last, str) else "-".join(type(layer).__name__ for layer in last),
)
def test_the_layer_that_loses_the_logits_is_measured(last: list[Any], lost: str) -> None:
    """Not told by its class: what enters it still has its logits, and what leaves it has none."""
    model = net(keras.layers.Dense(1, activation="sigmoid"), *last, mode="as a graph")
    checked = check(model, X, Y)
    assert names(checked) == (["logits_lost_to_a_layer"] if lost else [])
    assert [change for finding in checked.findings for _, change in finding.changes] == (
        [f"remove {lost}, or put it before the activation"] if lost else []
    )
    assert learns_from_a_confident_mistake(model) == (not lost)


def test_an_own_formula_that_clips_is_noted() -> None:
    """As Keras's own losses of a probability do: legitimate, and worth knowing."""

    def loss(truth: Any, prediction: Any) -> Any:
        p = keras.ops.clip(prediction, 1e-7, 1 - 1e-7)
        return -keras.ops.mean(truth * keras.ops.log(p) + (1 - truth) * keras.ops.log(1 - p), axis=-1)

    checked = check(net(keras.layers.Dense(1, activation="sigmoid"), mode="as a graph", loss=loss), X, Y[:, None])
    assert ([one.level for one in checked.findings], names(checked)) == (["note"], ["probability_clipped"])


@pytest.mark.parametrize("calls", [True, False], ids=["calls the loss", "another loss"])
@pytest.mark.parametrize("method", ["train_step", "compute_loss"])
def test_what_a_step_of_ones_own_minimises_is_measured(method: str, calls: bool) -> None:
    """The compiled loss if it calls that, and else what its tape is asked for the gradient of."""

    class Own(keras.Model):
        pass

    def other(y: Any, prediction: Any) -> Any:
        return tf.reduce_mean(keras.losses.binary_crossentropy(y[:, None], prediction))

    def train_step(self: Any, data: Any) -> dict[str, Any]:
        x, y = data
        with tf.GradientTape() as tape:
            prediction = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=prediction) if calls else other(y, prediction)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}

    def compute_loss(self: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, training: bool = True) -> Any:
        if not calls:
            return other(y, y_pred)
        return 2 * keras.Model.compute_loss(self, x, y, y_pred, sample_weight, training)

    setattr(Own, method, train_step if method == "train_step" else compute_loss)
    inputs = keras.Input((4,))
    model = Own(inputs, keras.layers.Dense(1)(inputs))
    model.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
    before = model.get_weights()
    checked = check(model, X, Y)
    assert checked.measured
    assert names(checked) == ([] if calls else ["logits_taken_for_probabilities"])
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    model.compile("sgd", "binary_crossentropy")
    assert names(check(model, X, Y)) == ["logits_taken_for_probabilities"]


class Own(keras.Model):
    """Minimises `objective(labels, prediction)`, whatever it is compiled with."""

    objective: Any = None

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.objective(y, self(x, training=True))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


def own(objective: Any, *last: Any, **compiled: Any) -> Any:
    inputs = keras.Input((4,))
    output = keras.layers.Dense(1)(keras.layers.BatchNormalization()(inputs))
    for layer in last:
        output = layer(output)
    model = Own(inputs, output)
    model.objective = objective
    model.compile("sgd", **compiled)
    return model


def test_a_step_with_a_loss_of_its_own_needs_none_that_is_compiled() -> None:
    told = keras.losses.BinaryCrossentropy(from_logits=True)
    model = own(told)
    before = [np.asarray(variable) for variable in model.variables]
    assert names(check(model, X, Y[:, None])) == []
    assert names(check(own(told, keras.layers.Activation("sigmoid")), X, Y[:, None])) == [
        "probabilities_taken_for_logits"
    ]
    for old, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, np.asarray(variable))
    assert not tf.config.functions_run_eagerly()


def test_a_step_that_cannot_be_followed_says_so() -> None:
    unlabelled = own(lambda y, prediction: tf.reduce_mean(prediction))
    with pytest.raises(UserError, match=r"not compiled with a loss, and Own has its own train_step\(\).*no labels"):
        check(unlabelled, X, Y)
    unlabelled.compile("sgd", "binary_crossentropy")
    checked = check(unlabelled, X, Y)
    assert (names(checked), checked.measured) == (["not_measured"], False)
    assert "does not call the compiled loss" in checked.findings[0].seen[0]
