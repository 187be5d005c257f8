"""How the rows of a table meet what a model takes: the shape of a row, and text as numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from experiments import keras_internals
from experiments.engines import Part
from experiments.records import Kind, UserError, require
from experiments.tasks import LARGEST_VOCABULARY, VOCABULARY
from experiments.tasks.files import Scale, Table, encoder, kind_and_message, listed, one_line, plain

Shape = tuple[int | None, ...]
# what looks numbers up, so that they may stand for words: a layer's place in Keras does not matter
_LOOK_UP = ("Embedding", "CategoryEncoding", "Hashing", "IntegerLookup")


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a model is given for a row.

    `row`: its shape. `length`, `vocabulary`: of a row of text, its tokens and the numbers that there may be.
    `strings`: the model's own way from texts to numbers, (n, *row), if it has one. `notes`: what a user should know.
    """

    row: tuple[int, ...]
    length: int | None = None
    vocabulary: int = VOCABULARY
    strings: Callable[[list[str]], np.ndarray] | None = None
    notes: tuple[str, ...] = ()

    def rows(
        self, table: Table, train: np.ndarray, rows: np.ndarray, scale: Scale = "standard", block: int = 8192
    ) -> np.ndarray:
        """Float32 (k, *row) of some rows, encoded by what the rows `train` say.

        Block after block: what scikit-learn needs in between is in float64 and several times as large.
        """
        if self.strings is not None:
            texts, strings = table.x, self.strings
            parts = [strings(texts[rows[at : at + block]].tolist()) for at in range(0, len(rows), block)]
        else:
            encode = encoder(table, train, scale=scale, length=self.length, vocabulary=self.vocabulary)
            parts = [encode(rows[at : at + block]) for at in range(0, len(rows), block)]
        return np.concatenate(parts).astype(np.float32, copy=False).reshape(-1, *self.row)


Arrays = tuple[tuple[str, tuple[int, ...]], ...]


def inputs_of(
    model: keras.Model, kind: Kind, row: tuple[int, ...], name: str, arrays: Arrays = ()
) -> tuple[keras.Model, Inputs]:
    """The model without what makes numbers of text, and what it is given for a row that has the shape `row` itself.

    `arrays`: names and shapes of those that a row is made of, if they are several, for a model of several inputs.
    A row of another shape is given where it holds the same numbers in the same order, and it is said. What fits in no
    way is left to `model_surgery.functional`, which says so.
    """
    model = _opened(model, name)
    model_inputs = getattr(model, "inputs", None) or []
    if len(model_inputs) > 1 and arrays:
        return _of_arrays(model, row, name, arrays)
    if kind == "text" and not model_inputs:
        return model, _of_tokens(model, (None,), row, name)
    if len(model_inputs) != 1:
        return model, Inputs(row=row)
    if keras.backend.standardize_dtype(model_inputs[0].dtype) == "string":
        return _of_strings(model, kind, name)
    expected: Shape = tuple(model_inputs[0].shape[1:])
    if kind == "text":
        return model, _of_tokens(model, expected, row, name)
    if _fits(expected, row):
        return model, Inputs(row=row)
    for shape, manner in (
        ((*row, 1), "with an axis of one channel behind it"),
        (row[:-1] if row[-1] == 1 else (), "without its axis of one channel"),
        ((math.prod(row),), "as one vector of its numbers"),
    ):
        if shape and _fits(expected, shape):
            note = f"{name} takes rows of shape {shape}: each row of the data, {row}, is given {manner}."
            return model, Inputs(row=shape, notes=(note,))
    return model, Inputs(row=row)


def _fits(expected: Shape, row: tuple[int, ...]) -> bool:
    pairs = zip(expected, row, strict=False)
    return len(expected) == len(row) and all(size is None or size == row_size for size, row_size in pairs)


def _of_arrays(
    model: keras.Model, row: tuple[int, ...], name: str, arrays: Arrays
) -> tuple[keras.Model, Inputs]:
    """The model with one input, from which each of its own takes the numbers of the array of its name."""
    names = [plain(model_input.name) for model_input in model.inputs]
    shapes = dict(arrays)
    if set(names) != set(shapes) and len(names) == len(shapes):
        names = list(shapes)  # a model without names of its own takes them in their order
    require(
        set(names) == set(shapes),
        f"{name} returned a model with the inputs {listed(names)}; the data has "
        f"{listed(shapes)}. Give the inputs the arrays' names: keras.Input(shape, name=...).",
    )
    starts, start = {}, 0
    for array, shape in arrays:
        starts[array] = start
        start += math.prod(shape)
    for model_input, array in zip(model.inputs, names, strict=True):
        require(
            _fits(tuple(model_input.shape[1:]), shapes[array]),
            f"The input {array!r} of {name} takes rows of shape {tuple(model_input.shape[1:])}; the array has "
            f"{shapes[array]}.",
        )
    graph = keras_internals.graph_of(model)
    require(graph is not None, f"{name} returned a model of several inputs that is no functional one.")
    joined = keras.Input(row)
    parts = [Part(starts[array], shapes[array])(joined) for array in names]
    outputs = keras_internals.run_graph(model, parts, lambda operation: operation)
    note = f"{name} takes {listed(names)}, each from the array of that name."
    return keras.Model(joined, outputs), Inputs(row=row, notes=(note,))


def _opened(model: keras.Model, name: str) -> keras.Model:
    """A stack of layers that begins with a TextVectorization, and has no input yet, with the one that it takes."""
    layers = model.layers if type(model) is keras.Sequential and not getattr(model, "inputs", None) else []
    if not (layers and isinstance(layers[0], keras.layers.TextVectorization)):
        return model
    try:
        return keras.Sequential([keras.Input((1,), dtype="string"), *layers])
    except Exception as error:  # rows of no fixed length, and whatever a user's own layer raises
        raise UserError(
            f"{name} returned layers that do not fit behind their TextVectorization: {one_line(error)}. Is "
            "its output_sequence_length set?"
        ) from error


def _check_looks_up(model: keras.Model, name: str) -> None:
    """Raise `UserError` for a model that would compute with the numbers of tokens as if they were sizes.

    Only a model of Keras's own layers is known to: an operation, a Lambda or a class of the user's own may look up.
    """
    layers = keras_internals.layers_within(model)
    graphs = [keras_internals.graph_of(layer) for layer in layers]
    parts = [*layers, *(operation for graph in graphs if graph is not None for operation in graph.operations)]
    unknown = any(
        not isinstance(part, keras.Layer)
        or isinstance(part, keras.layers.Lambda)
        or not type(part).__module__.startswith("keras.")
        for part in parts
    )
    require(
        unknown or any(type(part).__name__ in _LOOK_UP for part in parts),
        f"{name} returned a model of text that computes with the numbers of tokens as if they were sizes: it has no "
        "Embedding. Begin it with keras.layers.Embedding, or with a TextVectorization of its own, whose output_mode "
        "'multi_hot' makes a bag of words.",
    )


def _of_tokens(model: keras.Model, expected: Shape, row: tuple[int, ...], name: str) -> Inputs:
    """Token numbers, as many as the model takes and none that its embedding does not know."""
    _check_looks_up(model, name)
    length = expected[0] if len(expected) == 1 and expected[0] is not None else row[0]
    vocabulary = min(LARGEST_VOCABULARY, _vocabulary_size(model, length))
    note = f"Each text is given as {length} token numbers below {vocabulary:,}, as TextVectorization makes them."
    return Inputs(row=(length,), length=length, vocabulary=vocabulary, notes=(note,))


def _vocabulary_size(model: keras.Model, length: int) -> int:
    """How many token numbers the tables of a model's embeddings have; as many as there may be without a table.

    Of tables of several sizes, some may be of positions: the largest counts with which the model still runs.
    """
    tables = (layer for layer in keras_internals.layers_within(model) if isinstance(layer, keras.layers.Embedding))
    sizes = sorted({table.input_dim for table in tables if table.input_dim > 2}) or [LARGEST_VOCABULARY]
    vocabulary = sizes[0]
    for size in sizes[1:]:
        try:
            with keras.device("cpu"):  # where a number beyond a table is an error
                model(np.full((1, length), size - 1, dtype=np.float32))
        except Exception:  # a table that tokens do reach, or whatever a user's own layer raises
            break
        vocabulary = size
    return vocabulary


def _of_strings(model: keras.Model, kind: Kind, name: str) -> tuple[keras.Model, Inputs]:
    """What follows a model's own TextVectorization, which has no weights: it is applied once, beforehand."""
    require(kind == "text", f"{name} returned a model that takes text; the rows of the data are {kind}s.")
    graph = keras_internals.graph_of(model)
    vectorizers = [] if graph is None else [
        layer for layer in graph.operations if isinstance(layer, keras.layers.TextVectorization)
    ]  # fmt: skip
    require(
        len(vectorizers) == 1,
        f"{name} returned a model that takes text and has {len(vectorizers)} TextVectorization layers. It must have "
        "one.",
    )
    (layer,) = vectorizers
    numbers = keras_internals.calls_of(layer)[-1].output_tensors[0]
    row = tuple(numbers.shape[1:])
    require(
        len(row) == 1 and row[0] is not None,
        f"The TextVectorization of {name} gives rows of shape {row}. Set its output_sequence_length; for a bag of "
        "words let its input have the shape (): keras.Input((), dtype='string').",
    )

    def strings(texts: list[str]) -> np.ndarray:
        try:
            return np.asarray(keras.ops.convert_to_numpy(layer(np.array(texts, dtype=object))))
        except Exception as error:  # also whatever a user's own split raises
            if "not initialized" in str(error):
                raise UserError(
                    f"The TextVectorization of {name} has no vocabulary. Give it one, or let the function call adapt."
                ) from error
            message = kind_and_message(error)
            raise UserError(f"The TextVectorization of {name} raised {message}.") from error

    strings(["a text"])
    note = f"The TextVectorization of {name} makes numbers of the texts beforehand, with its first call's vocabulary."
    rest = keras.Model(numbers, model.outputs)
    if layer.get_config()["output_mode"] == "int":
        _check_looks_up(rest, name)
    return rest, Inputs(row=(int(row[0]),), strings=strings, notes=(note,))
