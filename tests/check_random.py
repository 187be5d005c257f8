"""Random programs: a small Keras model, its loss, labels and metrics, each drawn from what people write."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

FEATURES = 4
BATCH = 32
STEPS = 2  # positions of a row under TimeDistributed

ACTIVATIONS = ("none", "none", "sigmoid", "sigmoid", "softmax", "softmax", "tanh", "relu", "hard_sigmoid", "softplus")
FORMS = ("string", "function", "layer", "lambda", "subclass", "nested", "wrapped", "reshaped", "called")
MODELS = ("sequential", "functional", "subclass")
LOSSES = ("binary", "binary", "categorical", "categorical", "sparse", "sparse", "square", "absolute", "huber", "hinge",
          "binary focal", "categorical focal")  # fmt: skip
LOSS_FORMS = ("string", "object", "function", "lambda", "logits", "logits", "partial", "smoothed", "own")
LABELS = ("column", "column", "flat", "one-hot", "one-hot", "several")
VALUES = ((0, 1),) * 8 + ((-1, 1), (1, 2))
METRICS = ("none", "none", "accuracy", "accuracy", "binary_accuracy", "categorical_accuracy", "threshold 0",
           "threshold 0.5", "AUC", "AUC of logits", "Precision", "Recall")  # fmt: skip
DTYPES = ("float32",) * 6 + ("mixed_float16", "mixed_bfloat16", "float64")
CLASSES = {"binary": "BinaryCrossentropy", "categorical": "CategoricalCrossentropy", "huber": "Huber",
           "sparse": "SparseCategoricalCrossentropy", "square": "MeanSquaredError", "absolute": "MeanAbsoluteError",
           "hinge": "Hinge", "binary focal": "BinaryFocalCrossentropy",
           "categorical focal": "CategoricalFocalCrossentropy"}  # fmt: skip
FUNCTIONS = {"binary": "binary_crossentropy", "categorical": "categorical_crossentropy", "huber": "huber",
             "sparse": "sparse_categorical_crossentropy", "square": "mean_squared_error",
             "absolute": "mean_absolute_error", "hinge": "hinge", "binary focal": "binary_focal_crossentropy",
             "categorical focal": "categorical_focal_crossentropy"}  # fmt: skip
CROSS_ENTROPIES = ("binary", "categorical", "sparse", "binary focal", "categorical focal")
SMOOTHED = 0.1


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One program; each property is one of the tuples above. `units`: 1, 2 or 3."""

    units: int
    activation: str
    form: str
    model: str
    loss: str
    loss_form: str
    labels: str
    integers: bool
    values: tuple[int, int]
    metric: str
    dtype: str

    @property
    def steps(self) -> int:
        """Positions of a row, each with a prediction of its own; 0 if a row has one prediction."""
        return STEPS if self.form == "wrapped" else 0

    @property
    def logits(self) -> bool:
        """Whether the loss is told that it gets logits."""
        return self.loss_form in ("logits", "partial") and self.loss in CROSS_ENTROPIES

    @property
    def smoothed(self) -> float:
        """The share of the uniform label that the loss mixes in."""
        return SMOOTHED if self.loss_form == "smoothed" and self.loss in ("binary", "categorical") else 0.0


# what belongs together: units, activation and loss, the last told of logits where the activation is none
PAIRED = ((1, "sigmoid", "binary"), (1, "none", "binary"), (2, "softmax", "categorical"), (2, "softmax", "sparse"),
          (3, "softmax", "categorical"), (3, "softmax", "sparse"), (3, "none", "sparse"), (2, "none", "categorical"),
          (3, "sigmoid", "binary"), (1, "none", "square"), (1, "sigmoid", "square"), (1, "sigmoid", "binary focal"),
          (3, "softmax", "categorical focal"), (3, "softmax", "square"), (2, "softmax", "binary"))  # fmt: skip


def draw(rng: np.random.Generator) -> Draw:
    """A program. In half, units, activation and loss belong together; the rest is drawn alone.

    Nine in ten have labels in an encoding that the loss takes; of one unit nobody makes one-hot rows.
    """
    units, activation, loss = int(rng.integers(1, 4)), str(rng.choice(ACTIVATIONS)), str(rng.choice(LOSSES))
    labels, loss_form = str(rng.choice(LABELS)), str(rng.choice(LOSS_FORMS))
    if rng.random() < 0.5:
        units, activation, loss = PAIRED[rng.integers(len(PAIRED))]
        told = activation == "none" and loss in CROSS_ENTROPIES
        plain = loss_form if loss_form not in ("logits", "partial") else "string"
        loss_form = str(rng.choice(("logits", "partial"))) if told else plain
    if rng.random() < 0.9:
        if units == 1 or loss == "sparse":
            labels = str(rng.choice(("column", "flat")))
        else:
            labels = "several" if labels == "several" and loss in ("binary", "binary focal") else "one-hot"
    elif units == 1:
        labels = str(rng.choice(("column", "flat")))
    metric = str(rng.choice(METRICS))
    if units == 3 and metric in ("AUC", "AUC of logits", "Precision", "Recall"):
        metric = "accuracy"  # which of three columns is meant is a matter of opinion
    return Draw(
        units=units, activation=activation, form=str(rng.choice(FORMS)),
        model=str(rng.choice(MODELS)), loss=loss, loss_form=loss_form, labels=labels,
        integers=bool(rng.integers(0, 2)), values=VALUES[rng.integers(len(VALUES))], metric=metric,
        dtype=str(rng.choice(DTYPES)),
    )  # fmt: skip


def encoded(one: Draw, classes: np.ndarray) -> np.ndarray:
    """Labels of rows of these classes, (n,), or of several labels, (n, units), as the program has them."""
    low, high = one.values
    if one.labels in ("one-hot", "several"):
        hot = classes if classes.ndim > 1 else np.eye(max(one.units, 2))[classes]
        values = low + (high - low) * hot
    else:
        values = low + (high - low) * classes[:, None] if max(one.units, 2) == 2 else low + classes[:, None]
        values = values[:, 0] if one.labels == "flat" else values
    values = values.astype("int64" if one.integers else "float32")
    return np.repeat(values[:, None], one.steps, axis=1) if one.steps else values


def rows(one: Draw, x: np.ndarray) -> np.ndarray:
    """Features (n, FEATURES) as the program's model takes them."""
    x = x.astype("float32")
    return np.repeat(x[:, None], one.steps, axis=1) if one.steps else x


def build(one: Draw) -> tuple[Any, Any]:
    """The compiled model and its last layer with weights."""
    import keras

    layers = keras.layers
    function = None if one.activation == "none" else getattr(keras.activations, one.activation)
    given = {"string": None if function is None else one.activation, "function": function, "wrapped": function,
             "reshaped": function}.get(one.form)  # fmt: skip
    head = layers.Dense(one.units, activation=given, dtype=one.dtype)
    last: list[Any] = [layers.TimeDistributed(head) if one.form == "wrapped" else head]
    if function is not None and one.form in ("layer", "lambda", "subclass", "nested", "called"):
        last.append(_activation(keras, one, function))
    if one.form == "nested":
        last = [keras.Sequential(last)]
    if one.form == "reshaped":
        last.append(layers.Reshape((one.units,)))
    shape = (STEPS, FEATURES) if one.steps else (FEATURES,)
    model = _model(keras, one.model, shape, last)
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss=_loss(keras, one), metrics=_metrics(keras, one))
    model.build((None, *shape))
    return model, head


def _activation(keras: Any, one: Draw, function: Any) -> Any:
    class Squash(keras.layers.Layer):
        def call(self, values: Any) -> Any:
            return function(values)

    classes = {"softmax": keras.layers.Softmax, "relu": keras.layers.ReLU}
    makers = {"lambda": lambda: keras.layers.Lambda(lambda values: function(values)), "subclass": Squash,
              "called": classes.get(one.activation, lambda: keras.layers.Activation(one.activation))}  # fmt: skip
    return makers.get(one.form, lambda: keras.layers.Activation(function))()


def _model(keras: Any, kind: str, shape: tuple[int, ...], last: list[Any]) -> Any:
    if kind == "sequential":
        return keras.Sequential([keras.Input(shape), *last])
    if kind == "functional":
        inputs = keras.Input(shape)
        values = inputs
        for layer in last:
            values = layer(values)
        return keras.Model(inputs, values)

    class Mine(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.parts = last

        def call(self, values: Any) -> Any:
            for layer in self.parts:
                values = layer(values)
            return values

    return Mine()


def _loss(keras: Any, one: Draw) -> Any:
    name = FUNCTIONS[one.loss]
    function, maker = getattr(keras.losses, name), getattr(keras.losses, CLASSES[one.loss])
    if one.loss_form == "own" and one.loss in ("binary", "categorical"):
        return _own_binary if one.loss == "binary" else _own_categorical
    if one.smoothed:
        return maker(label_smoothing=one.smoothed)
    if one.logits:
        told = partial(function, from_logits=True)
        return maker(from_logits=True) if one.loss_form == "logits" else told
    return {"string": name, "function": function, "lambda": lambda truth, prediction: function(truth, prediction)}.get(
        one.loss_form, maker()
    )


def _own_binary(truth: Any, prediction: Any) -> Any:
    """As people write it, clipped at 1e-7."""
    from keras import ops

    truth, prediction = ops.cast(truth, "float32"), ops.cast(prediction, "float32")
    prediction = ops.clip(prediction, 1e-7, 1 - 1e-7)
    return -ops.mean(truth * ops.log(prediction) + (1 - truth) * ops.log(1 - prediction), axis=-1)


def _own_categorical(truth: Any, prediction: Any) -> Any:
    from keras import ops

    truth, prediction = ops.cast(truth, "float32"), ops.cast(prediction, "float32")
    return -ops.sum(truth * ops.log(ops.clip(prediction, 1e-7, 1.0)), axis=-1)


def _metrics(keras: Any, one: Draw) -> list[Any]:
    metrics = keras.metrics
    made = {"none": list, "threshold 0": lambda: [metrics.BinaryAccuracy(threshold=0.0)],
            "threshold 0.5": lambda: [metrics.BinaryAccuracy(threshold=0.5)],
            "AUC of logits": lambda: [metrics.AUC(from_logits=True)], "Precision": lambda: [metrics.Precision()],
            "Recall": lambda: [metrics.Recall()]}  # fmt: skip
    return made.get(one.metric, lambda: [one.metric])()
