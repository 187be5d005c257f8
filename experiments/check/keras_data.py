"""Rows, labels and the first pass of a Keras model: what it is applied to, and which layers it calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from experiments import keras_internals
from experiments.check.messages import one_line
from experiments.check.record import ROWS
from experiments.records import UserError

BATCHES = 4  # of a data set that hands out batches: so many are read
# what rows of a model may look like that says nothing about it: vectors, images, sequences
SHAPES = ((4,), (8,), (28, 28, 1), (32, 32, 3), (28, 28), (6, 4))


@dataclass(frozen=True, kw_only=True)
class FitCall:
    """What `fit` was called with; `complete`: whether these are all of the labels; `refused`: why Keras takes none."""

    x: Any = None
    y: Any = None
    sample_weight: Any = None
    class_weight: dict[Any, float] | None = None
    complete: bool = True
    refused: str = ""


def fit_call(x: Any = None, y: Any = None, sample_weight: Any = None, class_weight: Any = None) -> FitCall:
    """The call of `fit` with arrays, or with a data set that hands out batches."""
    import keras

    if y is None and not _array(x) and x is not None and not _arrays(x):
        batches = (x[number] for number in range(len(x))) if isinstance(x, keras.utils.PyDataset) else iter(x)
        read = [keras.utils.unpack_x_y_sample_weight(_tuple(batch)) for batch in islice(batches, BATCHES)]
        if not read:
            raise UserError("The data set that the model is trained on is empty.")
        if any(np.ndim(leaf) == 0 for leaf in keras.tree.flatten(read) if leaf is not None):
            raise UserError("The data set hands out single rows, and fit() takes batches: .batch(32) behind it.")
        x, y, sample_weight = (
            None if part[0] is None else keras.tree.map_structure(lambda *rows: np.concatenate(rows), *part)
            for part in zip(*(keras.tree.map_structure(array, batch) for batch in read), strict=True)
        )
        return FitCall(x=x, y=y, sample_weight=sample_weight, class_weight=class_weight, complete=False)
    plain = [name for name, value in (("x", x), ("y", y)) if _is_nested_list(value)]
    refused = f"Keras takes arrays, and {' and '.join(plain)} is a plain list: numpy.array(...)" if plain else ""
    x, y = (np.asarray(value) if _is_nested_list(value) else value for value in (x, y))
    return FitCall(x=x, y=y, sample_weight=sample_weight, class_weight=class_weight, refused=refused)


def _is_nested_list(value: Any) -> bool:
    """Whether a value is rows written as plain lists of numbers."""
    while isinstance(value, (list, tuple)) and len(value) > 0:
        value = value[0]
        if isinstance(value, (int, float)):
            return True
    return False


def _tuple(batch: Any) -> Any:
    return tuple(batch) if isinstance(batch, list) else batch


def _array(value: Any) -> bool:
    return (hasattr(value, "shape") and hasattr(value, "dtype")) or hasattr(value, "iloc")


def _arrays(value: Any) -> bool:
    """Whether the value is a dict or list of arrays, one an input; or rows written as plain lists."""
    if isinstance(value, dict):
        return True
    return isinstance(value, (list, tuple)) and len(value) > 0


def array(value: Any) -> Any:
    """A tensor, data frame or list as an array; None stays None."""
    if value is None or isinstance(value, np.ndarray):
        return value
    if hasattr(value, "detach"):
        return value.detach().cpu().numpy()
    if type(value).__module__.startswith("scipy.sparse"):
        return value.toarray()
    return np.asarray(value)


def first_rows(tree: Any, rows: int) -> Any:
    """The first rows of every array, as the tensors that `fit` makes of them; fewer rows are repeated."""
    import keras

    return keras.tree.map_structure(lambda leaf: _tensor(_first(array(leaf), rows)), tree)


def _tensor(values: np.ndarray) -> Any:
    import keras

    if values.dtype.kind in "OUS" and keras.backend.backend() != "tensorflow":
        return values
    if values.dtype.kind == "f":
        values = values.astype(keras.config.floatx())
    return keras.ops.convert_to_tensor(values)


def apply_model(model: Any, x: Any) -> tuple[Any, list[np.ndarray], Any, list[Any]]:
    """Apply the model to ROWS rows, or as many as it takes.

    Returns their structure, the rows, the predictions, and the layers in the order of calls.
    Raises `UserError` if the model does not take the rows.
    """
    import keras

    errors = []
    inputs = keras.tree.flatten(keras_internals.inputs_of(model)) or [None]
    count = ROWS if inputs[0] is None else inputs[0].shape[0] or ROWS  # some models take batches of one size alone
    for candidate in _candidates(model) if x is None else [x]:
        candidate = list(candidate) if isinstance(candidate, tuple) else candidate
        rows = [_rows(array(leaf), count) for leaf in keras.tree.flatten(candidate)]
        structure = keras.tree.map_structure(lambda leaf: 0, candidate)
        try:
            with record_layers() as calls, variables_restored(model.non_trainable_variables):
                tensors = [_tensor(values) for values in rows]
                predicted = model(keras.tree.pack_sequence_as(structure, tensors), training=False)
            return structure, rows, predicted, [layer for layer, _, _ in calls]
        except Exception as error:  # the user's own model
            errors.append(one_line(error))
    hint = "" if x is not None else " Return the rows too: (model, x, y)."
    raise UserError(f"The model cannot be applied to its rows: {errors[0]}.{hint}")


@contextmanager
def variables_restored(variables: Any) -> Iterator[None]:
    """Afterwards, variables have the values that they had before: such as the state of a recurrent layer."""
    import keras

    before = [(variable, keras.ops.convert_to_numpy(variable)) for variable in variables]
    try:
        yield
    finally:
        for variable, value in before:
            variable.assign(value)


def _first(values: np.ndarray, count: int) -> np.ndarray:
    return values[np.arange(count) % len(values)] if len(values) else values


def _rows(values: np.ndarray, count: int) -> np.ndarray:
    import keras

    rows = _first(values, count)
    return rows.astype(keras.config.floatx()) if rows.dtype == np.float64 else np.ascontiguousarray(rows)


def _candidates(model: Any) -> Iterator[Any]:
    """Rows for a model that came without any."""
    import keras

    rng = np.random.default_rng(0)
    struct = keras_internals.inputs_of(model)
    if struct is not None:
        yield keras.tree.map_structure(lambda spec: _random_rows(rng, spec.shape[1:], spec.dtype), struct)
        return
    for shape in SHAPES:
        yield _random_rows(rng, shape, "float32")
    yield _random_rows(rng, (8,), "int32")


def _random_rows(rng: np.random.Generator, shape: Any, dtype: str) -> np.ndarray:
    shape = (ROWS, *(size or 8 for size in shape))
    if dtype == "string":
        return np.full(shape, b"a")
    return rng.integers(0, 2, shape).astype(dtype) if "int" in dtype else rng.normal(size=shape).astype(dtype)


@contextmanager
def record_layers() -> Iterator[list[tuple[Any, Any, Any]]]:
    """Within, the calls of layers that hold no other layer but what they wrap: layer, first argument and result."""
    import keras

    Operation = keras_internals.operation_class()
    calls: list[tuple[Any, Any, Any]] = []
    inner = 0
    original = Operation.__call__

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal inner
        if isinstance(self, keras.Model):
            return original(self, *args, **kwargs)
        inner += 1
        try:
            result = original(self, *args, **kwargs)
        finally:
            inner -= 1
        if inner == 0:
            calls.append((self, args[0] if args else None, result))
        return result

    Operation.__call__ = call  # type: ignore[method-assign]
    try:
        yield calls
    finally:
        Operation.__call__ = original  # type: ignore[method-assign]

