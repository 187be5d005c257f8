"""Programs as people write them, each sound form beside its wrong twin, and what is right to say of each.

A program is the body of a function `build`; `keras`, `layers`, `ops`, `np`, `tf`, `x` (64 x 4) and labels are there:
`y` (64,) integers 0 and 1, `hot` the same one-hot, `three` integers 0 to 2, `hot3` one-hot, `many` 64 x 3 of 0 and 1.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Program:
    """`finding`: the name of the first finding; "" for a sound program; `level` is its level, or "sound"."""

    name: str
    level: str
    finding: str
    body: str

    def source(self) -> str:
        return "def build():\n" + textwrap.indent(textwrap.dedent(self.body), "    ")

    def build(self) -> Any:
        """What the function returns."""
        scope = names()
        exec(compile(self.source(), self.name, "exec"), scope)
        return scope["build"]()


def names() -> dict[str, Any]:
    """What a program finds in its module."""
    import keras
    import tensorflow as tf

    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 4)).astype("float32")
    y, three = np.arange(64) % 2, np.arange(64) % 3

    def net(*last: Any, **compiled: Any) -> Any:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="relu"), *last])
        model.compile(**compiled)
        return model

    return {"keras": keras, "layers": keras.layers, "ops": keras.ops, "np": np, "tf": tf, "x": x, "y": y, "net": net,
            "hot": np.eye(2, dtype="float32")[y], "three": three, "hot3": np.eye(3, dtype="float32")[three],
            "many": rng.integers(0, 2, (64, 3))}  # fmt: skip


PROGRAMS: list[Program] = []


def _both(name: str, sound: str, wrong: str, finding: str, *, level: str = "problem", sound_level: str = "sound",
          note: str = "") -> None:  # fmt: skip
    PROGRAMS.append(Program(f"{name}, sound", sound_level, note, sound))
    PROGRAMS.append(Program(f"{name}, wrong", level, finding, wrong))


_both(
    "sigmoid and its loss",
    'return net(layers.Dense(1, activation="sigmoid"), loss="binary_crossentropy", metrics=["accuracy"]), x, y',
    'return net(layers.Dense(1), loss="binary_crossentropy", metrics=["accuracy"]), x, y',
    "logits_taken_for_probabilities",
)
_both(
    "logits told",
    "return net(layers.Dense(1), loss=keras.losses.BinaryCrossentropy(from_logits=True),\n"
    "           metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)]), x, y",
    "return net(layers.Dense(1), loss=keras.losses.BinaryCrossentropy(from_logits=True), metrics=['accuracy']), x, y",
    "metric_cuts_the_logit",
)
_both(
    "from_logits",
    'return net(layers.Dense(1, activation="sigmoid"), loss=keras.losses.BinaryCrossentropy()), x, y',
    'return net(layers.Dense(1, activation="sigmoid"), loss=keras.losses.BinaryCrossentropy(from_logits=True)), x, y',
    "probabilities_taken_for_logits",
)
_both(
    "softmax from_logits",
    "return net(layers.Dense(3), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),\n"
    "           metrics=['accuracy']), x, three",
    "return net(layers.Dense(3, activation='softmax'),\n"
    "           loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)), x, three",
    "probabilities_taken_for_logits",
)
_both(
    "three logits",
    "return net(layers.Dense(3, activation='softmax'), loss='sparse_categorical_crossentropy'), x, three",
    "return net(layers.Dense(3), loss='sparse_categorical_crossentropy'), x, three",
    "logits_taken_for_probabilities",
)
_both(
    "one-hot logits",
    "return net(layers.Dense(3), loss=keras.losses.CategoricalCrossentropy(from_logits=True)), x, hot3",
    "return net(layers.Dense(3), loss=keras.losses.CategoricalCrossentropy()), x, hot3",
    "logits_taken_for_probabilities",
)
_both(
    "softmax pair",
    "return net(layers.Dense(2, activation='softmax'), loss='categorical_crossentropy', metrics=['accuracy']), x, hot",
    "return net(layers.Dense(2, activation='softmax'), loss='binary_crossentropy', metrics=['accuracy']), x, hot",
    "crossed_pair_swaps_the_objective",
)
_both(
    "sigmoid pair",
    "return net(layers.Dense(3, activation='sigmoid'), loss='binary_crossentropy'), x, many",
    "return net(layers.Dense(3, activation='sigmoid'), loss='categorical_crossentropy'), x, hot3",
    "crossed_pair_swaps_the_objective",
)
_both(
    "softmax over one unit",
    "return net(layers.Dense(2, activation='softmax'), loss='sparse_categorical_crossentropy'), x, y",
    "return net(layers.Dense(1, activation='softmax'), loss='binary_crossentropy', metrics=['accuracy']), x, y",
    "one_unit_softmax",
)
_both(
    "categorical loss of one unit",
    "return net(layers.Dense(1, activation='sigmoid'), loss=keras.losses.binary_crossentropy), x, y",
    "return net(layers.Dense(1, activation='sigmoid'), loss='categorical_crossentropy'), x, y",
    "one_unit_categorical",
)
_both(
    "sparse loss of one unit",
    "return net(layers.Dense(2), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)), x, y",
    "return net(layers.Dense(1, activation='sigmoid'), loss='sparse_categorical_crossentropy'), x, y",
    "one_unit_categorical",
)
_both(
    "reshape",
    "return net(layers.Dense(6), layers.Reshape((2, 3)), layers.Activation('sigmoid'), loss='binary_crossentropy')",
    "return net(layers.Dense(6, activation='sigmoid'), layers.Reshape((2, 3)), loss='binary_crossentropy')",
    "logits_lost_to_a_layer",
)
_both(
    "flatten",
    "return net(layers.Dense(1), layers.Flatten(), layers.Activation('sigmoid'), loss='binary_crossentropy'), x, y",
    "return net(layers.Dense(1, activation='sigmoid'), layers.Flatten(), loss='binary_crossentropy'), x, y",
    "logits_lost_to_a_layer",
)
_both(
    "dropout",
    "return net(layers.Dropout(0.5), layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy'), x, y",
    "return net(layers.Dense(1, activation='sigmoid'), layers.Dropout(0.5), loss='binary_crossentropy'), x, y",
    "training_differs",
)
_both(
    "half precision",
    "return net(layers.Dense(1, activation='sigmoid', dtype='float32'), loss='binary_crossentropy'), x, y",
    "return net(layers.Dense(1, activation='sigmoid', dtype='mixed_float16'), loss='binary_crossentropy'), x, y",
    "one_sided_saturation",
)
_both(
    "bfloat16",
    "return net(layers.Dense(4, activation='relu', dtype='mixed_bfloat16'), layers.Dense(1, dtype='float32'),\n"
    "           loss=keras.losses.BinaryCrossentropy(from_logits=True)), x, y",
    "return net(layers.Dense(1, activation='sigmoid', dtype='mixed_bfloat16'), loss='binary_crossentropy'), x, y",
    "one_sided_saturation",
)
_both(
    "relu",
    "return net(layers.Dense(1, activation='relu'), loss='mse'), x, 5 + 3 * x[:, 0]",
    "return net(layers.Dense(1, activation='relu'), loss='binary_crossentropy'), x, y",
    "prediction_leaves_the_range",
)
_both(
    "tanh",
    "return net(layers.Dense(1, activation='tanh'), loss='hinge'), x, 2 * y - 1",
    "return net(layers.Dense(1, activation='tanh'), loss='binary_crossentropy'), x, y",
    "prediction_leaves_the_range", sound_level="note", note="gradient_fades",
)  # fmt: skip
_both(
    "tanh as logits",
    "return net(layers.Dense(1, activation='linear'), loss=keras.losses.BinaryCrossentropy(from_logits=True)), x, y",
    "return net(layers.Dense(1, activation='tanh'), loss=keras.losses.BinaryCrossentropy(from_logits=True)), x, y",
    "squashed_logits",
)
_both(
    "square loss",
    "return net(layers.Dense(1, activation='sigmoid'), loss='mse', metrics=['accuracy']), x, y",
    "return net(layers.Dense(1), loss='mse', metrics=['accuracy']), x, 5 + 3 * x[:, 0]",
    "accuracy_of_a_regression", sound_level="note", note="gradient_fades",
)  # fmt: skip
_both(
    "regression",
    "return net(layers.Dense(1), loss='mse', metrics=['mae']), x, 5 + 3 * x[:, 0]",
    "return net(layers.Dense(1, activation='sigmoid'), loss='mse'), x, 100 * y",
    "labels_out_of_reach",
)
_both(
    "linear probability",
    "return net(layers.Dense(1), loss='mse', metrics=['accuracy']), x, y.astype('float32')",
    "return net(layers.Dense(1), loss='hinge', metrics=['accuracy']), x, y.astype('float32')",
    "metric_cuts_the_logit",
)
_both(
    "focal",
    "return net(layers.Dense(1, activation='sigmoid'), loss=keras.losses.BinaryFocalCrossentropy(gamma=2.0)), x, y",
    "return net(layers.Dense(1, activation='sigmoid'),\n"
    "           loss=keras.losses.BinaryFocalCrossentropy(gamma=2.0, from_logits=True)), x, y",
    "probabilities_taken_for_logits",
)
_both(
    "smoothing",
    "return net(layers.Dense(3, activation='softmax'),\n"
    "           loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1)), x, hot3",
    "return net(layers.Dense(3), loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1)), x, hot3",
    "logits_taken_for_probabilities",
)
_both(
    "nested head",
    "return net(keras.Sequential([layers.Dense(4, activation='relu'), layers.Dense(1, activation='sigmoid')]),\n"
    "           loss='binary_crossentropy', metrics=['accuracy']), x, y",
    "return net(keras.Sequential([layers.Dense(4, activation='relu'), layers.Dense(2, activation='softmax')]),\n"
    "           loss='binary_crossentropy', metrics=['accuracy']), x, hot",
    "crossed_pair_swaps_the_objective",
)
_both(
    "time distributed",
    "return net(layers.RepeatVector(3), layers.TimeDistributed(layers.Dense(1, activation='sigmoid')),\n"
    "           loss='binary_crossentropy')",
    "return net(layers.RepeatVector(3), layers.TimeDistributed(layers.Dense(1)), loss='binary_crossentropy')",
    "logits_taken_for_probabilities", sound_level="note", note="probability_clipped",
)  # fmt: skip
_both(
    "lambda",
    "return net(layers.Dense(1), layers.Lambda(lambda t: ops.sigmoid(t)), loss='binary_crossentropy'), x, y",
    "return net(layers.Dense(1), layers.Lambda(lambda t: 2 * t), loss='binary_crossentropy'), x, y",
    "logits_taken_for_probabilities",
)
_both(
    "tf.nn.softmax",
    "return net(layers.Dense(3, activation=tf.nn.softmax), loss='sparse_categorical_crossentropy'), x, three",
    "return net(layers.Dense(3, activation=tf.nn.softmax), loss='binary_crossentropy'), x, hot3",
    "softmax_under_a_binary_loss", level="note",
)  # fmt: skip
_both(
    "no input layer",
    "model = keras.Sequential([layers.Dense(3), layers.Dense(1, activation='sigmoid')])\n"
    "model.compile(loss='binary_crossentropy', metrics=['AUC'])\nreturn model",
    "model = keras.Sequential([layers.Dense(3), layers.Dense(1)])\n"
    "model.compile(loss='binary_crossentropy')\nreturn model",
    "logits_taken_for_probabilities",
)
_SUBCLASS = """
class Mine(keras.Model):
    def __init__(self):
        super().__init__()
        self.head, self.trunk = layers.Dense(1), layers.Dense(3)
    def call(self, inputs, training=False):
        return {}
model = Mine()
model.compile(loss="binary_crossentropy", metrics=["accuracy"])
return model, x, y
"""
_both(
    "subclassed model",
    _SUBCLASS.format("ops.sigmoid(self.head(self.trunk(inputs)))"),
    _SUBCLASS.format("self.head(self.trunk(inputs))"),
    "logits_taken_for_probabilities",
)
_both(
    "loss as lambda",
    "return net(layers.Dense(1), loss=lambda t, p: keras.losses.binary_crossentropy(t, p, from_logits=True)), x, y",
    "return net(layers.Dense(1), loss=lambda t, p: keras.losses.binary_crossentropy(t, p)), x, y",
    "logits_taken_for_probabilities",
)
_OWN = """
def loss(truth, p):
    truth = ops.cast(truth, p.dtype)
    {}
    return -ops.mean(truth * ops.log(p) + (1 - truth) * ops.log(1 - p), axis=-1)
return net(layers.Dense(1, activation="sigmoid"), loss=loss), x, y[:, None]
"""
_both(
    "own formula",
    _OWN.format("p = ops.clip(p, 1e-7, 1 - 1e-7)"),
    _OWN.format("pass"),
    "loss_is_not_finite", sound_level="note", note="probability_clipped",
)  # fmt: skip
_both(
    "sign",
    "return net(layers.Dense(1), loss=lambda t, p: ops.logaddexp(0.0, p) - ops.cast(t, p.dtype) * p), x, y[:, None]",
    "return net(layers.Dense(1), loss=lambda t, p: ops.cast(t, p.dtype) * p - ops.logaddexp(0.0, p)), x, y[:, None]",
    "gradient_points_away",
)
_BROADCAST = """
class Loss(keras.losses.Loss):
    def call(self, truth, prediction):
        return ops.square(ops.cast(truth, prediction.dtype) - prediction)
return net(layers.Dense(1, activation="sigmoid"), loss=Loss()), x, {}
"""
_both(
    "broadcast", _BROADCAST.format("y[:, None]"), _BROADCAST.format("y"), "rows_are_mixed",
    sound_level="note", note="gradient_fades",
)  # fmt: skip
_both(
    "rounded predictions",
    "return net(layers.Dense(1, activation='sigmoid'), loss=lambda t, p: ops.abs(ops.cast(t, p.dtype) - p)),"
    " x, y[:, None]",
    "return net(layers.Dense(1, activation='sigmoid'), loss=lambda t, p: ops.abs(ops.cast(t, p.dtype) - ops.round(p))),"
    " x, y[:, None]",
    "gradient_dies", sound_level="note", note="gradient_fades",
)  # fmt: skip
_both(
    "precision on logits",
    "return net(layers.Dense(1), loss=keras.losses.BinaryCrossentropy(from_logits=True),\n"
    "           metrics=[keras.metrics.Precision(thresholds=0.0), keras.metrics.Recall(thresholds=0.0)]), x, y",
    "return net(layers.Dense(1), loss=keras.losses.BinaryCrossentropy(from_logits=True),\n"
    "           metrics=[keras.metrics.Precision(), keras.metrics.Recall()]), x, y",
    "metric_cuts_the_logit",
)
_both(
    "AUC on logits",
    "return net(layers.Dense(1), loss=keras.losses.BinaryCrossentropy(from_logits=True),\n"
    "           metrics=[keras.metrics.AUC(from_logits=True)]), x, y",
    "return net(layers.Dense(1), loss=keras.losses.BinaryCrossentropy(from_logits=True), metrics=['AUC']), x, y",
    "metric_of_logits",
)
_both(
    "metrics of two columns",
    "return net(layers.Dense(2, activation='softmax'), loss='categorical_crossentropy',\n"
    "           metrics=['accuracy', keras.metrics.Precision(class_id=1)]), x, hot",
    "return net(layers.Dense(2, activation='softmax'), loss='categorical_crossentropy',\n"
    "           metrics=['accuracy', keras.metrics.Precision()]), x, hot",
    "metric_over_columns",
)
_both(
    "binary accuracy of three columns",
    "return net(layers.Dense(3, activation='softmax'), loss='categorical_crossentropy',\n"
    "           metrics=['categorical_accuracy']), x, hot3",
    "return net(layers.Dense(3, activation='softmax'), loss='categorical_crossentropy',\n"
    "           metrics=['binary_accuracy']), x, hot3",
    "metric_over_columns",
)
_both(
    "accuracy of several labels",
    "return net(layers.Dense(3, activation='sigmoid'), loss='binary_crossentropy', metrics=['binary_accuracy']),"
    " x, many",
    "return net(layers.Dense(3, activation='sigmoid'), loss='binary_crossentropy', metrics=['accuracy']), x, many",
    "accuracy_of_other_labels",
)
_both(
    "exact accuracy",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy',\n"
    "           metrics=[keras.metrics.BinaryAccuracy()]), x, y",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy',\n"
    "           metrics=[keras.metrics.Accuracy()]), x, y",
    "accuracy_of_other_labels",
)
_both(
    "sparse accuracy of one unit",
    "return net(layers.Dense(2, activation='softmax'), loss='sparse_categorical_crossentropy',\n"
    "           metrics=['sparse_categorical_accuracy']), x, y",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy',\n"
    "           metrics=['sparse_categorical_accuracy']), x, y",
    "accuracy_of_other_labels",
)
_both(
    "a metric that refuses the labels",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy',\n"
    "           metrics=['binary_crossentropy']), x, y[:, None]",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy',\n"
    "           metrics=['binary_crossentropy']), x, y",
    "program_raises",
)
_both(
    "AUC of two columns",
    "return net(layers.Dense(2, activation='softmax'), loss='categorical_crossentropy',\n"
    "           metrics=[keras.metrics.AUC(multi_label=True, label_weights=[0.0, 1.0])]), x, hot",
    "return net(layers.Dense(2, activation='softmax'), loss='categorical_crossentropy', metrics=['AUC']), x, hot",
    "metric_over_columns",
)
_both(
    "labels 1 and 2",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy'), x, y",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy'), x, y + 1",
    "labels_are_no_probabilities",
)
_both(
    "labels -1 and 1",
    "return net(layers.Dense(1), loss='hinge'), x, 2 * y - 1",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy'), x, 2 * y - 1",
    "labels_are_no_probabilities",
)
_both(
    "classes from 1",
    "return net(layers.Dense(4, activation='softmax'), loss='sparse_categorical_crossentropy'), x, three + 1",
    "return net(layers.Dense(3, activation='softmax'), loss='sparse_categorical_crossentropy'), x, three + 1",
    "label_names_no_unit",
)
_both(
    "one-hot for a sparse loss",
    "return net(layers.Dense(3, activation='softmax'), loss='categorical_crossentropy'), x, hot3",
    "return net(layers.Dense(3, activation='softmax'), loss='sparse_categorical_crossentropy'), x, hot3",
    "one_hot_labels_for_integers",
)
_both(
    "integers for a categorical loss",
    "return net(layers.Dense(3, activation='softmax'), loss='sparse_categorical_crossentropy'), x, three",
    "return net(layers.Dense(3, activation='softmax'), loss='categorical_crossentropy'), x, three",
    "integer_labels_for_one_hot",
)
_both(
    "one-hot for one unit",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy'), x, y[:, None]",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy'), x, hot",
    "labels_and_units_differ",
)
_both(
    "several labels under a softmax",
    "return net(layers.Dense(3), loss=keras.losses.BinaryCrossentropy(from_logits=True)), x, many",
    "return net(layers.Dense(3, activation='softmax'), loss='categorical_crossentropy'), x, many",
    "several_labels_for_one_class",
)
_both(
    "one class",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy'), x, 1 - y",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy'), x, 0 * y",
    "one_class_only",
)
_both(
    "labels with nan",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy'), x, y.astype(float)",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy'),"
    " x, np.where(x[:, 0] > 1, np.nan, y)",
    "labels_not_finite",
)
_TWO = """
inputs = keras.Input((4,))
a = layers.Dense(1, activation="sigmoid", name="first")(inputs)
b = layers.Dense(3, activation={}, name="second")(inputs)
model = keras.Model(inputs, {{"risk": a, "kind": b}})
model.compile(loss={{"risk": "binary_crossentropy", "kind": "sparse_categorical_crossentropy"}},
              metrics={{"risk": ["accuracy"], "kind": ["accuracy"]}})
return model, x, {{"risk": y, "kind": three}}
"""
_both("two outputs", _TWO.format('"softmax"'), _TWO.format("None"), "logits_taken_for_probabilities")
_both(
    "temperature",
    "return net(layers.Dense(3), layers.Rescaling(0.5),\n"
    "           loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)), x, three",
    "return net(layers.Dense(3), layers.Rescaling(0.5), loss='sparse_categorical_crossentropy'), x, three",
    "logits_taken_for_probabilities",
)
_both(
    "softmax axis",
    "return net(layers.Dense(6), layers.Reshape((2, 3)), layers.Softmax(), loss='sparse_categorical_crossentropy')",
    "return net(layers.Dense(6), layers.Reshape((6, 1)), layers.Softmax(), loss='binary_crossentropy')",
    "one_unit_softmax",
)
_both(
    "threshold of a probability",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy',\n"
    "           metrics=[keras.metrics.BinaryAccuracy(threshold=0.3)]), x, y",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy',\n"
    "           metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)]), x, y",
    "metric_is_constant",
)
_SEQUENCE = """
return net(layers.RepeatVector(3), layers.TimeDistributed(layers.Dense(1)), metrics=[{}],
           loss=keras.losses.BinaryCrossentropy(from_logits=True)), x, np.tile(y[:, None, None], (1, 3, 1))
"""
_both(
    "metrics of a sequence", _SEQUENCE.format("keras.metrics.BinaryAccuracy(threshold=0.0)"),
    _SEQUENCE.format("'accuracy'"), "metric_cuts_the_logit",
)  # fmt: skip
_PRIVATE = """
def _loss(truth, p):
    p = ops.clip(p, 1e-7, 1 - 1e-7)
    return -ops.mean(truth * ops.log(p) + (1 - truth) * ops.log(1 - p), axis=-1)
return net(layers.Dense(1, activation={}), loss=_loss), x, y[:, None].astype('float32')
"""
_both(
    "a loss with a private name", _PRIVATE.format("'sigmoid'"), _PRIVATE.format("None"),
    "logits_taken_for_probabilities", sound_level="note", note="probability_clipped",
)  # fmt: skip
_both(
    "two labels a row",
    "return net(layers.Dense(2, activation='sigmoid'), loss='binary_crossentropy', metrics=['binary_accuracy']),"
    " x, many[:, :2]",
    "return net(layers.Dense(2, activation='sigmoid', dtype='float64'), loss='categorical_crossentropy'), x, hot",
    "crossed_pair_swaps_the_objective",
)
_both(
    "focal loss of several labels",
    "return net(layers.Dense(3, activation='sigmoid'), loss='binary_focal_crossentropy'), x, many",
    "return net(layers.Dense(3, activation='softmax'), loss='categorical_focal_crossentropy'), x, many",
    "several_labels_for_one_class",
)
_both(
    "Huber",
    "return net(layers.Dense(1), loss='huber', metrics=['accuracy']), x, y",
    "return net(layers.Dense(1), loss='huber', metrics=['accuracy']), x, 5 + 3 * x[:, 0]",
    "accuracy_of_a_regression",
)
_both(
    "labels that relu cannot give",
    "return net(layers.Dense(1, activation='relu'), loss='mse'), x, y",
    "return net(layers.Dense(1, activation='relu'), loss='mse'), x, 2 * y - 1",
    "labels_out_of_reach", sound_level="note", note="gradient_is_one_sided",
)  # fmt: skip
_both(
    "accuracy of a softplus",
    "return net(layers.Dense(1, activation='softplus'), loss='mse', metrics=['accuracy']), x, y",
    "return net(layers.Dense(1, activation='softplus'), loss='mse', metrics=['sparse_categorical_accuracy']), x, y",
    "accuracy_of_other_labels", sound_level="note", note="gradient_fades",
)  # fmt: skip
_TWO_LOGITS = """
return net(layers.Dense(2), metrics=[keras.metrics.Precision({})],
           loss=keras.losses.CategoricalCrossentropy(from_logits=True)), x, hot
"""
_both(
    "precision of two logits", _TWO_LOGITS.format("top_k=1, class_id=1"), _TWO_LOGITS.format(""), "metric_over_columns",
)  # fmt: skip
_both(
    "numbers of classes",
    "return net(layers.Dense(3), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)), x, three[:, None]",
    "return net(layers.Dense(3), loss='mse'), x, three[:, None]",
    "integer_labels_for_one_hot",
)
_REFUSED = """
return net(layers.RepeatVector(3), layers.TimeDistributed(layers.Dense(2)), metrics=[{}],
           loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)), x, np.tile(y[:, None], (1, 3))
"""
_both(
    "a metric that refuses its labels at the first batch", _REFUSED.format("'sparse_categorical_accuracy'"),
    _REFUSED.format("keras.metrics.BinaryAccuracy(threshold=0.0)"), "program_raises",
)  # fmt: skip
_both(
    "binary accuracy of independent units",
    "return net(layers.Dense(3, activation='sigmoid'), loss='binary_crossentropy', metrics=['binary_accuracy']),"
    " x, hot3",
    "return net(layers.Dense(3, activation='softmax'), loss='categorical_crossentropy',"
    " metrics=['binary_accuracy']), x, hot3",
    "metric_over_columns",
)
_MASKED = """
model = keras.Sequential([keras.Input((7,), dtype="int32"), layers.Embedding(20, 8, mask_zero=True),
                          layers.SimpleRNN(4, return_sequences=True), layers.Dense(3, activation={})])
model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
words = np.random.default_rng(0).integers(0, 20, (32, 7))
return model, words, words % 3
"""
_both(
    "masked words", _MASKED.format("'softmax'"), _MASKED.format("None"), "logits_taken_for_probabilities",
)  # fmt: skip
_DOT = """
users, items = keras.Input((4,)), keras.Input((4,))
score = layers.Dot(1)([layers.Dense(6)(users), layers.Dense(6)(items)])
model = keras.Model([users, items], layers.Activation("sigmoid")(score))
model.compile(loss=keras.losses.BinaryCrossentropy(from_logits={}), metrics=["accuracy"])
return model, [x, x[::-1].copy()], y
"""
_both(
    "a product of two layers", _DOT.format("False"), _DOT.format("True"), "probabilities_taken_for_logits",
)  # fmt: skip
_both(
    "among the k most probable",
    "return net(layers.Dense(3, activation='softmax'), loss='categorical_crossentropy',\n"
    "           metrics=[keras.metrics.TopKCategoricalAccuracy(k=2)]), x, hot3",
    "return net(layers.Dense(3, activation='softmax'), loss='categorical_crossentropy',\n"
    "           metrics=[keras.metrics.SparseCategoricalAccuracy()]), x, hot3",
    "program_raises",
)
_both(
    "F1 of one unit",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy',\n"
    "           metrics=[keras.metrics.F1Score(threshold=0.5)]), x, y[:, None].astype('float32')",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy',\n"
    "           metrics=[keras.metrics.F1Score()]), x, y[:, None].astype('float32')",
    "metric_is_constant",
)
_both(
    "overlap of probabilities",  # MeanIoU rounds them down to class 0
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy',\n"
    "           metrics=[keras.metrics.BinaryIoU()]), x, y",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy',\n"
    "           metrics=[keras.metrics.MeanIoU(num_classes=2)]), x, y",
    "metric_is_constant",
)
_both(
    "rectified logits",
    "return net(layers.Dense(3, activation='leaky_relu'),\n"
    "           loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)), x, three",
    "return net(layers.Dense(3, activation='relu'),\n"
    "           loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)), x, three",
    "squashed_logits",
)
_both(
    "softmax behind a relu",
    "return net(layers.Dense(3), layers.Softmax(), loss='sparse_categorical_crossentropy'), x, three",
    "return net(layers.Dense(3), layers.ReLU(), layers.Softmax(), loss='sparse_categorical_crossentropy'), x, three",
    "gradient_dies",
)
_both(
    "the order of the arguments",
    "return net(layers.Dense(1, activation='sigmoid'),\n"
    "           loss=lambda labels, p: keras.losses.binary_crossentropy(labels, p)), x, y",
    "return net(layers.Dense(1, activation='sigmoid'),\n"
    "           loss=lambda p, labels: keras.losses.binary_crossentropy(labels, p)), x, y[:, None].astype('float32')",
    "arguments_swapped",
)
_both(
    "a class that is left out",
    "return net(layers.Dense(3), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)),"
    " x, np.where(x[:, 0] > 1, -1, three)",
    "return net(layers.Dense(3), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)),"
    " x, np.where(x[:, 0] > 1, -1, three)",
    "label_names_no_unit",
)
_both(
    "the first class is left out",
    "return net(layers.Dense(4), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)),"
    " x, three",
    "return net(layers.Dense(4), loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=0)), x, three",
    "logits_taken_for_probabilities",
)
_both(
    "counts of logits",
    "return net(layers.Dense(1), loss=keras.losses.BinaryCrossentropy(from_logits=True),\n"
    "           metrics=[keras.metrics.TruePositives(thresholds=0.0), keras.metrics.FalseNegatives(0.0)]), x, y",
    "return net(layers.Dense(1), loss=keras.losses.BinaryCrossentropy(from_logits=True),\n"
    "           metrics=[keras.metrics.TruePositives()]), x, y",
    "metric_cuts_the_logit",
)
_both(
    "thresholds that are tried",
    "return net(layers.Dense(1, activation='sigmoid'), loss='binary_crossentropy',\n"
    "           metrics=[keras.metrics.SensitivityAtSpecificity(0.5)]), x, y",
    "return net(layers.Dense(1), loss=keras.losses.BinaryCrossentropy(from_logits=True),\n"
    "           metrics=[keras.metrics.SensitivityAtSpecificity(0.5)]), x, y",
    "metric_of_logits",
)
_both(
    "hinge",
    "return net(layers.Dense(1), loss='hinge'), x, 2 * y - 1",
    "return net(layers.Dense(1, activation='sigmoid'), loss='hinge'), x, 2 * y - 1",
    "squashed_logits",
)
_POOLED = """
model = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(3, 3), layers.GlobalAveragePooling2D(), {}])
model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits={}), metrics=["accuracy"])
return model, np.random.default_rng(0).normal(size=(16, 8, 8, 1)).astype("float32"), three[:16]
"""
_both(
    "logits that are pooled", _POOLED.format("layers.Softmax()", "False"), _POOLED.format("layers.Softmax()", "True"),
    "probabilities_taken_for_logits",
)  # fmt: skip
_both(
    "Dice",
    "return net(layers.Dense(1, activation='sigmoid'), loss='dice'), x, y[:, None].astype('float32')",
    "return net(layers.Dense(1, activation='sigmoid'), loss='dice'), x, 0 * y[:, None].astype('float32')",
    "one_class_only", sound_level="note", note="loss_of_its_own_formula",
)  # fmt: skip
_both(
    "Poisson",
    "return net(layers.Dense(1, activation='exponential'), loss='poisson', metrics=['mae']), x, three",
    "return net(layers.Dense(1), loss='poisson', metrics=['mae']), x, three",
    "prediction_leaves_the_range",
)
