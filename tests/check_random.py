"""Random programs, judged by brute force: real `fit`, `evaluate` and `predict`, and no piece of the checker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


ACTIVATIONS = ("none", "sigmoid", "softmax", "tanh", "relu")
FORMS = ("string", "function", "layer", "lambda", "nested", "subclass", "reshaped")
LOSSES = ("binary", "categorical", "sparse", "square")
LOSS_FORMS = ("string", "object", "function", "lambda", "logits")
METRICS = ("none", "accuracy", "binary_accuracy", "threshold")
DTYPES = ("float32", "float32", "float32", "mixed_float16")
ROWS = 256
WEIGHT = 8.0  # of the one feature, in the weights that brute force sets


@dataclass(frozen=True)
class Draw:
    """One program: every property is one of the tuples above; `units` is 1, 2 or 3."""

    units: int
    activation: str
    form: str
    loss: str
    loss_form: str
    metric: str
    dtype: str


def draw(rng: np.random.Generator) -> Draw:
    """A program whose labels its loss takes, so that it is not refused at once."""
    return Draw(
        units=int(rng.integers(1, 4)), activation=str(rng.choice(ACTIVATIONS)), form=str(rng.choice(FORMS)),
        loss=str(rng.choice(LOSSES)), loss_form=str(rng.choice(LOSS_FORMS)), metric=str(rng.choice(METRICS)),
        dtype=str(rng.choice(DTYPES)),
    )  # fmt: skip


def build(one: Draw) -> tuple[Any, Any, np.ndarray, np.ndarray, np.ndarray]:
    """The compiled model, its head, rows, labels and the number of each row's class."""
    import keras

    layers = keras.layers
    classes = np.arange(ROWS) % max(one.units, 2)
    x = np.random.default_rng(1).normal(size=(ROWS, 4)).astype("float32")
    y = classes if one.units == 1 or one.loss == "sparse" else np.eye(one.units, dtype="float32")[classes]
    y = y.astype("float32")[:, None] if one.units == 1 and one.loss != "sparse" else y
    function = None if one.activation == "none" else getattr(keras.activations, one.activation)
    given = {"string": None if function is None else one.activation, "function": function}.get(one.form)
    head = layers.Dense(one.units, activation=given, dtype=one.dtype)
    last: list[Any] = [head]
    if one.form not in ("string", "function") and function is not None:
        last.append(_activation(keras, one.form, function))
    if one.form == "nested":
        last = [keras.Sequential(last)]
    if one.form == "reshaped":
        last.append(layers.Reshape((one.units,)))
    model = keras.Sequential([keras.Input((4,)), *last])
    model.compile(optimizer="sgd", loss=_loss(keras, one), metrics=_metrics(keras, one))
    return model, head, x, y, classes


def _activation(keras: Any, form: str, function: Any) -> Any:
    class Squash(keras.layers.Layer):
        def call(self, values: Any) -> Any:
            return function(values)

    makers = {"lambda": lambda: keras.layers.Lambda(lambda values: function(values)), "subclass": Squash}
    return makers.get(form, lambda: keras.layers.Activation(function))()


def _loss(keras: Any, one: Draw) -> Any:
    name = {"binary": "binary_crossentropy", "categorical": "categorical_crossentropy",
            "sparse": "sparse_categorical_crossentropy", "square": "mean_squared_error"}[one.loss]  # fmt: skip
    class_name = {"binary": "BinaryCrossentropy", "categorical": "CategoricalCrossentropy",
                  "sparse": "SparseCategoricalCrossentropy", "square": "MeanSquaredError"}[one.loss]  # fmt: skip
    function = getattr(keras.losses, name)
    if one.loss_form == "logits" and one.loss != "square":
        return getattr(keras.losses, class_name)(from_logits=True)
    return {"string": name, "function": function, "lambda": lambda truth, prediction: function(truth, prediction)}.get(
        one.loss_form, getattr(keras.losses, class_name)()
    )


def _metrics(keras: Any, one: Draw) -> list[Any]:
    return {"none": [], "threshold": [keras.metrics.BinaryAccuracy(threshold=0.0)]}.get(one.metric, [one.metric])


def brute_force(one: Draw) -> dict[str, bool]:
    """What is plainly wrong with a program, by training and evaluating it; keys of what could be judged alone.

    `raises`: fit raises. `constant`: predictions do not move with the weights. `disagrees`: evaluate() is not the loss
    of predict(). `stuck`: from confidently wrong weights, a step of fit moves nothing. `metric`: the accuracy that is
    reported is not that of the classes.
    """
    import keras

    model, head, x, y, classes = build(one)
    try:
        model.fit(x[:32], y[:32], verbose=0, batch_size=32)
        wrong: dict[str, bool] = {"raises": False}
    except Exception:
        return {"raises": True}
    kernel = np.zeros((4, one.units), "float32")
    kernel[0] = 2.0 if one.units == 1 else np.linspace(-1, 1, one.units)
    head.set_weights([kernel, np.zeros(one.units, "float32")])
    prediction = model.predict(x, verbose=0, batch_size=ROWS)
    wrong["constant"] = bool(np.ptp(prediction, axis=0).max() < 1e-6)
    told = model.evaluate(x, y, verbose=0, batch_size=ROWS, return_dict=True)
    objective = _loss(keras, one)
    again = objective(keras.ops.convert_to_tensor(y), keras.ops.convert_to_tensor(prediction.astype("float32")))
    scored = float(np.mean(keras.ops.convert_to_numpy(again)))
    room = 0.05 if "16" in one.dtype else 0.02
    wrong["disagrees"] = not abs(told["loss"] - scored) <= room * (1 + abs(scored))
    wrong["stuck"] = _stuck(model, head, one, y, classes)
    accuracy = _accuracy(one, x @ kernel, classes)
    reported = next((value for name, value in told.items() if "acc" in name), None)
    if reported is not None and accuracy is not None:
        wrong["metric"] = abs(reported - accuracy) > 0.02
    return wrong


def _stuck(model: Any, head: Any, one: Draw, y: np.ndarray, classes: np.ndarray) -> bool:
    """Whether each row of one class, confidently taken for another, leaves the head's bias as it is."""
    moved = []
    for label in (0, 1):
        rows = np.flatnonzero(classes == label)[:8]
        bias = np.zeros(one.units, "float32")
        bias[0 if one.units == 1 else 1 - label] = WEIGHT * (1 - 2 * label) if one.units == 1 else WEIGHT
        head.set_weights([np.zeros((4, one.units), "float32"), bias])
        model.fit(np.zeros((8, 4), "float32"), y[rows], verbose=0, batch_size=8)
        moved.append(bool((head.get_weights()[1] != bias).any()))
    return not all(moved)


def _accuracy(one: Draw, z: np.ndarray, classes: np.ndarray) -> float | None:
    """The accuracy of the classes that the logits decide on, where a cross-entropy says how; None elsewhere."""
    if one.loss == "square" or one.activation in ("tanh", "relu"):
        return None
    if one.units == 1:
        return float(((z[:, 0] > 0) == (classes == 1)).mean())

    return float((z.argmax(axis=1) == classes).mean())
