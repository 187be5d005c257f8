"""The atlas's sweep through the user's own last layers and loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from experiments.check.program import Program, directions
from experiments.numerics import references
from experiments.numerics.axes import LABELS, SWEEP, backend_in_use
from experiments.numerics.engines import ENGINES, Swept, quietly, run_all
from experiments.numerics.engines import Program as Swept_program
from experiments.numerics.measures import Measures, measure


def probe(program: Program) -> Measures | str:
    """The measures of the program, or what it raised.

    The layer that squashes the logits is replaced by its activation alone; what follows are copies of the user's
    own layers, so that nothing of the model is touched. They run as in training: it is the gradient that counts.
    """
    backend = backend_in_use()
    assert backend is not None
    engine = ENGINES[backend]()
    with quietly():
        (found,) = run_all(engine, [_bound(program)], SWEEP, _input_dtype(program), "eager")
    return found if isinstance(found, str) else measure(_rows(program, found), program.path.precision)


def _input_dtype(program: Program) -> str:
    # JAX without its switch has no float64 to put the logits in
    return "float32" if program.path.dtype == "float64_without_x64" else str(program.objective.dtype)


def _bound(program: Program) -> Swept_program:
    import keras

    inputs = keras.Input(program.shape)
    policy = getattr(program.head, "dtype_policy", None)
    outputs = keras.layers.Activation(program.path.activation, dtype=policy)(inputs)
    for layer in program.after:
        copy = type(layer).from_config(layer.get_config())
        outputs = copy(outputs)
        if getattr(layer, "weights", None):
            copy.set_weights(layer.get_weights())
    tail = keras.Model(inputs, outputs)
    slope, offset = directions(program)
    targets = _targets(program, tuple(size or 1 for size in tail.output_shape[1:]))
    spread = (len(SWEEP), *[1] * len(program.shape))

    def rows(prediction: Any) -> Any:
        loss = program.objective(targets, prediction)
        return keras.ops.mean(keras.ops.reshape(loss, (len(SWEEP), -1)), axis=-1)

    def forward(z: Any) -> tuple[Any, Any]:
        dtype = z.dtype
        logits = keras.ops.reshape(z, spread) * keras.ops.cast(slope, dtype) + keras.ops.cast(offset, dtype)
        prediction = tail(logits, training=True)
        return rows(prediction), prediction

    return Swept_program(path=program.path, forward=forward, again=rows)


def _targets(program: Program, output: tuple[int, ...]) -> np.ndarray:
    """The labels of the sweep in the encoding of the loss and the shape of one sample's output."""
    if program.path.loss == "sparse_categorical_crossentropy":
        places = (*output[:-1], 1)
        return np.broadcast_to(LABELS.reshape(-1, *[1] * len(places)), (len(LABELS), *places)).astype("int32")
    rows = LABELS[:, None] if program.units == 1 else np.eye(program.units)[LABELS]
    spread = rows.reshape(len(LABELS), *[1] * (len(program.shape) - 1), program.units)
    logits = np.broadcast_to(spread, (len(LABELS), *program.shape))
    return logits.reshape(len(LABELS), *output).astype("float32")


def _rows(program: Program, found: Swept) -> pd.DataFrame:
    loss, grad = references.sweep(program.path)
    # the mean over all units of a binary loss: the further ones add nothing
    share = 2 / program.units if program.units > 2 and program.path.loss == "binary_crossentropy" else 1.0
    return pd.DataFrame(
        {
            "label": LABELS,
            "z": SWEEP,
            "loss_value": found.loss,
            "loss_reference": share * loss,
            "grad": found.grad,
            "grad_reference": share * grad,
            "loss_of_prediction": found.loss_of_prediction,
        }
    )
