"""Training loops of one's own on TensorFlow: checked at the first gradient of weights, and not one step further."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from test_check_scripts import names, run, shell

from experiments.check.startup import LAZY, lean_imports
from experiments.records import UserError

START = """
import numpy as np
import tensorflow as tf
import keras
rng = np.random.default_rng(0)
x = rng.normal(size=(64, 4)).astype("float32")
y, three = (x[:, 0] > 0).astype("float32"), np.arange(64) % 3
def net(*last):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="relu"), *last])
optimizer = keras.optimizers.SGD(0.1)
"""
LOOP = """
for rows, labels in tf.data.Dataset.from_tensor_slices((x, {labels})).shuffle(64).batch(16):
    with tf.GradientTape() as tape:
        prediction = model(rows, training=True)
        loss = {loss}
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    raise SystemExit("trained")
"""
STEP = """
@tf.function
def step(rows, labels):
    with tf.GradientTape() as tape:
        loss = objective(labels, model(rows, training=True))
    optimizer.apply(tape.gradient(loss, model.trainable_weights), model.trainable_weights)
    return loss
for rows, labels in tf.data.Dataset.from_tensor_slices((x, {labels})).batch(16):
    step(rows, labels)
    raise SystemExit("trained")
"""
SPARSE = "keras.losses.SparseCategoricalCrossentropy({})"
ONE, SQUASHED, THREE = (f"model = net(keras.layers.Dense({last}))\n" for last in (
    "1", "1, activation='sigmoid'", "3, activation='softmax'"))  # fmt: skip
SHOWN = ["probabilities_taken_for_logits"]
# Keras warns as the script runs
pytestmark = pytest.mark.filterwarnings("ignore:.*received `from_logits=True`:UserWarning")


def loop(model: str, loss: str, labels: str = "y[:, None]") -> str:
    return model + LOOP.format(loss=loss, labels=labels)


def step(model: str, loss: str, labels: str = "three") -> str:
    return f"{model}objective = {loss}\n" + STEP.format(labels=labels)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (loop(ONE, "keras.losses.BinaryCrossentropy(from_logits=True)(labels, prediction)", "y"), []),
        (loop(SQUASHED, "keras.losses.BinaryCrossentropy(from_logits=True)(labels, prediction)"), SHOWN),
        (loop(SQUASHED, "keras.losses.BinaryCrossentropy()(labels, prediction)"), []),
        (loop(ONE, "keras.losses.BinaryCrossentropy()(labels, prediction)"), ["logits_taken_for_probabilities"]),
        (loop(THREE, "keras.ops.mean(keras.losses.sparse_categorical_crossentropy(labels, prediction))", "three"), []),
        (loop(ONE, "tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, prediction))"), []),
        (loop(SQUASHED, "tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, prediction))"), SHOWN),
        (loop(ONE, "tf.reduce_mean(tf.square(labels - prediction))", "3 * x[:, 0]"), ["rows_are_mixed"]),
        (loop(ONE, "tf.reduce_mean(tf.square(labels - prediction))", "3 * x[:, :1]"), []),
        # what of Keras's loss finds the logits is not the loss of what the model predicts
        (loop("model = net(keras.layers.Dense(2, activation='softmax'))\n",
              "keras.losses.BinaryCrossentropy()(labels, prediction)", "np.eye(2, dtype='float32')[y.astype(int)]"),
         ["crossed_pair_swaps_the_objective"]),
        (loop("model = net(keras.layers.Dense(1), keras.layers.Dropout(0.5))\n",
              "keras.losses.BinaryCrossentropy(from_logits=True)(labels, prediction)"), ["training_differs"]),
        # a penalty is of the program, not of its end; so is a division by the replicas
        (loop(ONE, "keras.losses.BinaryCrossentropy(from_logits=True)(labels, prediction) / 2.0 + 1e-3 * tf.add_n(\n"
              "            [tf.nn.l2_loss(w) for w in model.trainable_variables])"), []),
        (step(THREE, SPARSE.format("")), []),
        (step(THREE, SPARSE.format("from_logits=True")), SHOWN),
        (step("model = net(keras.layers.Dense(3))\n", SPARSE.format("")), ["logits_taken_for_probabilities"]),
    ],
)  # fmt: skip
def test_a_loop_is_checked_at_its_first_gradient(body: str, expected: list[str], tmp_path: Path) -> None:
    before = (tf.GradientTape.__enter__, tf.GradientTape.gradient, type(tf.function(len)).__call__)
    checked = run(tmp_path, START + body)
    assert (names(checked), checked.measured) == (expected, True)
    assert (tf.GradientTape.__enter__, tf.GradientTape.gradient, type(tf.function(len)).__call__) == before
    assert not tf.config.functions_run_eagerly()


HEADS = """
given = keras.Input((4,))
h = keras.layers.Dense(8, activation="relu")(given)
model = keras.Model(given, [keras.layers.Dense(1)(h), keras.layers.Dense(3)(h)])
with tf.GradientTape() as tape:
    one, kinds = model(x)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)(y[:, None], one) + tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(three, {}))
tape.gradient(loss, model.trainable_variables)
"""


@pytest.mark.parametrize(("kinds", "expected"), [("kinds", []), ("tf.nn.softmax(kinds)", SHOWN)])
def test_each_output_of_a_loop_is_checked(kinds: str, expected: list[str], tmp_path: Path) -> None:
    checked = run(tmp_path, START + HEADS.format(kinds))
    assert names(checked) == expected
    assert [line.partition(":")[0] for line in checked.described] == ["output 1", "output 2"]


def test_labels_in_the_shape_of_a_prediction_do_not_come_from_it(tmp_path: Path) -> None:
    body = (
        f"{ONE}loss = keras.losses.BinaryCrossentropy(from_logits=True)\n@tf.function\ndef step(real, fake):\n"
        "    with tf.GradientTape() as tape:\n        one, two = model(real), model(fake)\n"
        "        total = loss(tf.ones_like(one), one) + loss(tf.zeros_like(two), two)\n"
        "    tape.gradient(total, model.trainable_variables)\nstep(x, -x)\n"
    )
    checked = run(tmp_path, START + body)
    assert (names(checked), checked.measured, len(checked.described)) == ([], True, 2)


def test_labels_may_be_the_rows(tmp_path: Path) -> None:
    body = (
        "model = net(keras.layers.Dense(4, activation='sigmoid'))\nrows = tf.constant(abs(x) % 1)\n"
        "with tf.GradientTape() as tape:\n"
        "    loss = tf.reduce_mean(keras.losses.binary_crossentropy(rows, model(rows)))\n"
        "tape.gradient(loss, model.trainable_variables)\n"
    )
    assert names(run(tmp_path, START + body)) == []


def test_a_gradient_of_the_rows_is_no_step_of_training(tmp_path: Path) -> None:
    """A penalty on it is a part of the program, and the tape within the tape is followed."""
    body = (
        f"{ONE}rows = tf.constant(x)\nwith tf.GradientTape() as tape:\n    with tf.GradientTape() as inner:\n"
        "        inner.watch(rows)\n        logits = model(rows)\n    slope = inner.gradient(logits, rows)\n"
        "    loss = keras.losses.BinaryCrossentropy(from_logits=True)(y[:, None], logits)\n"
        "    loss += tf.reduce_mean(slope ** 2)\n"
        "tape.gradient(loss, model.trainable_variables)\n"
    )
    checked = run(tmp_path, START + body)
    assert (names(checked), checked.measured, len(checked.described)) == ([], True, 1)
    assert "binary cross-entropy" in checked.described[0]  # not the penalty


def test_the_first_tape_or_fit_is_what_is_checked(tmp_path: Path) -> None:
    fit = "model.compile(loss='binary_crossentropy')\nmodel.fit(x, y)\n"
    assert names(run(tmp_path, f"{START}{SQUASHED}{fit}{loop(ONE, 'tf.reduce_mean(prediction)')}")) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (loop(ONE, "tf.reduce_mean(prediction)"), "a loss that takes no labels"),
        ("w = tf.Variable(tf.zeros((4, 1)))\nwith tf.GradientTape() as tape:\n    loss = tf.reduce_mean(x @ w)\n"
         "tape.gradient(loss, [w])", "comes from no layer of Keras"),
        ("@tf.function\ndef broken():\n    with tf.GradientTape():\n        return tf.zeros(2) @ tf.zeros(3)\nbroken()",
         "InvalidArgumentError"),
    ],
    ids=["no labels", "no layer", "raises"],
)  # fmt: skip
def test_a_loop_that_cannot_be_checked_says_so(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message) as told:
        run(tmp_path, START + body)
    assert "\n" not in str(told.value)


def test_what_is_recorded_is_what_the_formulas_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each logit: the loss, and its gradient (a mean over the rows of the last, smaller batch)."""
    seen: list[Any] = []
    from experiments.check import examine

    def keep(output: Any, encoding: Any) -> Any:
        seen.append(output.tail)
        return plain(output, encoding)

    plain = examine._sweep
    monkeypatch.setattr(examine, "_sweep", keep)
    run(tmp_path, START + loop(ONE, "3 * keras.losses.BinaryCrossentropy(from_logits=True)(labels, prediction)"))
    (tail,) = seen
    assert (tail.rows, tail.shape, tail.dtype, tail.logits.shape) == (16, (1,), "float32", (1, 16, 1))
    step = tail(np.full((16, 1), 2.0), np.zeros((16, 1)))
    np.testing.assert_allclose(step.prediction, 2.0)
    np.testing.assert_allclose(step.loss, 3 * np.log1p(np.exp(2.0)), rtol=1e-6)
    np.testing.assert_allclose(step.gradient, 3 / 16 / (1 + np.exp(-2.0)), rtol=1e-5)
    np.testing.assert_allclose(tail.score(np.ones((16, 1)), step.prediction), 3 * np.log1p(np.exp(-2.0)), rtol=1e-6)


# from the shell -----------------------------------------------------------------------------------------------------


def test_keras_starts_without_what_a_check_has_no_use_for(tmp_path: Path) -> None:
    body = (
        f"{START}import sys\nassert not {{'sklearn', 'jax'}} & {{*sys.modules}}\n"
        "assert callable(keras.wrappers.SKLearnClassifier)\n"
        "assert 'sklearn' in sys.modules\n" + loop(SQUASHED, "tf.reduce_mean(tf.keras.losses.mse(labels, prediction))")
    )
    done = shell(tmp_path, body)
    assert (done.returncode, "gradient_fades" in done.stdout) == (0, True), done.stderr


def test_what_starts_late_starts_whole() -> None:
    import importlib
    import sys

    kept = {name: sys.modules.pop(name) for name in LAZY if name in sys.modules}
    try:
        with lean_imports():
            finders = list(sys.meta_path)
            late = importlib.import_module("keras.wrappers")
            assert type(late).__name__ == "_LazyModule"
        assert callable(late.SKLearnClassifier)
        assert finders[1:] == sys.meta_path
    finally:
        sys.modules.update(kept)
