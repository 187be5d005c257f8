"""What a user's own head starts from, as the laws that the arms' heads are drawn by."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from experiments.problem import GLOROT_UNIFORM, KERAS_START, ZEROS, Initialiser, Law, Start

_SCALING = tuple(
    getattr(keras.initializers, name)
    for name in ("VarianceScaling", "GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform",
                 "LecunNormal")
)  # fmt: skip
_FANS = {"fan_in": "in", "fan_out": "out", "fan_avg": "mean"}
# Keras's name of a distribution -> its name here, and the scale of an entry at a variance of 1; a normal law that is
# truncated at two standard deviations keeps 0.8796 of one
_DISTRIBUTIONS = {
    "uniform": ("uniform", math.sqrt(3)),
    "truncated_normal": ("truncated_normal", 1 / 0.87962566103423978),
    "untruncated_normal": ("normal", 1.0),
}


def start_of(layer: keras.layers.Dense, features: int) -> tuple[Start, list[str]]:
    """The start of a user's Dense head for the arms, and sentences on what of it is carried over and what is not.

    `features`: of the trunk. Keras's defaults need no sentence. Reseeds Keras.
    """
    kernel, notes = _kernel(layer.kernel_initializer, features)
    if not layer.use_bias:
        return Start(kernel=kernel), notes
    bias, bias_notes = _bias(layer.bias_initializer, layer.units)
    return Start(kernel=kernel, bias=bias), notes + bias_notes


def law_of(initializer: Any) -> Law | None:
    """The law of one of Keras's initialisers that draw every entry by itself; None for any other."""
    kind = type(initializer)
    if kind in _SCALING:
        shape, unit = _DISTRIBUTIONS[initializer.distribution]
        fan = _FANS[initializer.mode]
        return Law(shape=shape, scale=unit * math.sqrt(initializer.scale), fan=fan)  # type: ignore[arg-type]
    if kind is keras.initializers.RandomUniform:
        low, high = float(initializer.minval), float(initializer.maxval)
        return Law(shape="uniform", mean=(low + high) / 2, scale=(high - low) / 2)
    if kind is keras.initializers.RandomNormal:
        return Law(shape="normal", mean=float(initializer.mean), scale=float(initializer.stddev))
    if kind is keras.initializers.TruncatedNormal:
        return Law(shape="truncated_normal", mean=float(initializer.mean), scale=float(initializer.stddev))
    constants = {keras.initializers.Zeros: 0.0, keras.initializers.Ones: 1.0}
    if kind in constants:
        return Law(shape="constant", mean=constants[kind])
    if kind is keras.initializers.Constant and np.size(initializer.value) == 1:
        return Law(shape="constant", mean=float(np.reshape(initializer.value, ())))
    return None


def as_function(initializer: Any) -> Initialiser:
    """The user's initialiser as a function of a shape and a seed.

    An instance of Keras's gives the same values at each call, so a new one is made; one with a seed keeps it.
    """

    def values(shape: tuple[int, ...], seed: int) -> np.ndarray:
        keras.utils.set_random_seed(seed)
        fresh = initializer
        if isinstance(initializer, keras.initializers.Initializer):
            try:
                fresh = initializer.clone()
            except Exception:  # a class of the user's that cannot be made from its settings
                fresh = initializer
        return np.asarray(keras.ops.convert_to_numpy(fresh(shape, dtype="float32")), np.float64)

    return values


def _kernel(initializer: Any, features: int) -> tuple[Law | Initialiser, list[str]]:
    name, law = _name(initializer), law_of(initializer)
    if law == GLOROT_UNIFORM:
        return law, []
    carried = f"Its head's initialiser is carried over: every arm starts from {name}"
    if law is not None:
        return law, [f"{carried}." if law.shape == "constant" else f"{carried}, coupled weight by weight."]
    draw = as_function(initializer)
    if all(_gives(draw, (features, units)) for units in (1, 2)):
        return draw, [
            f"{carried}. Heads of one and of two units are drawn independently, since it does not draw each weight by "
            "itself: that takes more seeds."
        ]
    return KERAS_START.kernel, [
        f"Its head starts from {name}, which gives no finite weights for one unit and for two; the arms start from "
        "Keras's default for Dense, Glorot's uniform."
    ]


def _bias(initializer: Any, units: int) -> tuple[Law | tuple[int, Initialiser], list[str]]:
    name, law = _name(initializer), law_of(initializer)
    if law == ZEROS:
        return law, []
    if law is not None and law.shape != "constant":
        return law, [f"Its head's bias is carried over: every arm draws it by {name}, coupled."]
    draw = as_function(initializer)
    if not _gives(draw, (units,)):
        return KERAS_START.bias, [f"Its head's bias starts from {name}, which gives no finite values; the arms' is 0."]
    first = draw((units,), 0)
    if not np.array_equal(first, draw((units,), 1)):
        return (units, draw), [f"Its head's bias is carried over: {name} draws it, and all arms start at its log-odds."]
    odds = first[-1] - (first[0] if units == 2 else 0)
    text = ", ".join(f"{value:.4g}" for value in first)
    return (units, draw), [
        f"Its head's initial bias of {text} is carried over: every arm starts at the log-odds {odds:.4g}."
    ]


def _gives(draw: Initialiser, shape: tuple[int, ...]) -> bool:
    try:
        values = draw(shape, 0)
    except Exception:  # whatever the user's function raises for a shape that its head does not have
        return False
    return values.shape == shape and bool(np.isfinite(values).all())


def _name(initializer: Any) -> str:
    return getattr(initializer, "__name__", type(initializer).__name__)
