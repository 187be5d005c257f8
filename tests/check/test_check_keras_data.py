"""What Keras is asked with: the call of `fit` as a record, first rows as tensors, and models applied to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from scipy import sparse

from experiments.check import keras_data
from experiments.check.keras_data import apply_model, array, first_rows, fit_call, record_layers, variables_restored
from experiments.check.keras_metrics import metrics_of
from experiments.records import UserError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras with NumPy 2
Array = np.ndarray
X, Y = np.arange(40.0).reshape(10, 4), np.arange(10)


# the call of fit ----------------------------------------------------------------------------------------------------


def test_arrays_are_all_that_is_trained_on() -> None:
    for x in (X, {"a": X}, [X, X], None, keras.ops.convert_to_tensor(X)):
        call = fit_call(x, Y, None, {0: 1.0})
        assert call.x is x
        assert (call.y is Y, call.complete, call.refused, call.class_weight) == (True, True, "", {0: 1.0})
    alone = fit_call(X)
    assert (alone.x is X, alone.y, alone.complete) == (True, None, True)
    several = fit_call([X, X])
    assert (len(several.x), several.y, several.complete) == (2, None, True)
    named = fit_call({"a": X})
    assert (list(named.x), named.complete) == (["a"], True)
    assert (fit_call().x, fit_call().complete) == (None, True)


def test_plain_lists_are_refused_by_keras() -> None:
    rows, labels = X.tolist(), Y.tolist()
    for x, y, names in ((rows, Y, "x is"), (X, labels, "y is"), (rows, labels, "x and y is")):
        call = fit_call(x, y)
        assert call.refused == f"Keras takes arrays, and {names} a plain list: numpy.array(...)"
        assert isinstance(call.x, np.ndarray)
        assert isinstance(call.y, np.ndarray)
        assert (call.x.shape, call.y.shape) == ((10, 4), (10,))
    for plain, expected in (
        ([1, 2], True), ([0.5], True), ([[1]], True), (((1.0,),), True), ([], False), ([[]], False), ([X], False),
        ([np.float64(1)], True), (X, False), (3, False), (["a"], False),
    ):  # fmt: skip
        assert keras_data._is_nested_list(plain) == expected


def batches(count: int, rows: int = 3, **parts: bool) -> Iterator[Any]:
    for number in range(count):
        x, y = np.full((rows, 4), number), np.full(rows, number)
        yield (x, y, np.full(rows, 2.0)) if parts.get("weights") else (x, y) if parts.get("labels", True) else x


def test_four_batches_of_a_data_set_are_read() -> None:
    call = fit_call(batches(9))
    assert (call.complete, call.sample_weight) == (False, None)
    assert call.x[:, 0].tolist() == call.y.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert fit_call(batches(2)).y.tolist() == [0, 0, 0, 1, 1, 1]
    weighted = fit_call(batches(2, weights=True), class_weight={1: 2.0})
    assert (weighted.sample_weight.tolist(), weighted.class_weight) == ([2.0] * 6, {1: 2.0})
    alone = fit_call(iter([[X], [X]]))
    assert (alone.x.shape, alone.y) == ((20, 4), None)
    pairs = fit_call(iter([[X, Y]]))  # a list in the place of a pair
    assert (pairs.x.shape, pairs.y.shape) == ((10, 4), (10,))
    named = fit_call(iter([({"a": X}, {"b": Y}), ({"a": X}, {"b": Y})]))
    assert (named.x["a"].shape, named.y["b"].shape) == ((20, 4), (20,))

    class Numbered(keras.utils.PyDataset):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> Any:
            return X + index, Y + index

    assert fit_call(Numbered()).y.tolist() == [*Y, *(Y + 1)]


def test_a_data_set_without_batches_says_so() -> None:
    with pytest.raises(UserError, match="is empty"):
        fit_call(iter([]))
    with pytest.raises(UserError, match="hands out single rows"):
        fit_call(iter([(X[0], 1), (X[1], 0)]))
    with pytest.raises(UserError, match="hands out single rows"):
        fit_call(iter([(1.0, Y)]))


def test_whatever_holds_rows_is_an_array() -> None:
    class Detached:
        def detach(self) -> Detached:
            return self

        def cpu(self) -> Detached:
            return self

        def numpy(self) -> Array:
            return X

    class Frame:
        iloc = None

    assert array(None) is None
    assert array(X) is X
    assert array(Detached()) is X
    np.testing.assert_array_equal(array(sparse.csr_matrix(X)), X)
    np.testing.assert_array_equal(array(keras.ops.convert_to_tensor(Y)), Y)
    np.testing.assert_array_equal(array([1, 2]), [1, 2])
    shape_alone, kind_alone = type("S", (), {"shape": 1})(), type("D", (), {"dtype": 1})()
    known = [keras_data._array(one) for one in (X, Frame(), [X], shape_alone, kind_alone)]
    assert known == [True, True, False, False, False]
    assert [keras_data._arrays(one) for one in ({}, [X], (X,), [], (), X)] == [True, True, True, False, False, False]


# first rows ---------------------------------------------------------------------------------------------------------


def test_the_first_rows_are_tensors_as_fit_makes_them() -> None:
    first = first_rows({"a": X, "b": Y}, 3)
    assert (np.asarray(first["a"]).dtype, np.asarray(first["b"]).dtype.kind) == ("float32", "i")
    np.testing.assert_array_equal(first["a"], X[:3])
    np.testing.assert_array_equal(first_rows(Y[:3], 8), [0, 1, 2, 0, 1, 2, 0, 1])  # fewer are repeated
    assert len(first_rows(Y[:0], 8)) == 0
    rows = keras_data._rows(X[:, ::2], 4)
    assert (rows.dtype, rows.shape, rows.flags["C_CONTIGUOUS"]) == ("float32", (4, 2), True)
    assert keras_data._rows(X.astype("float16")[:, ::2], 4).dtype == "float16"
    assert keras_data._rows(Y[::2], 3).tolist() == [0, 2, 4]
    words = first_rows(np.array(["a", "b"]), 3)
    assert np.asarray(words).tolist() == [b"a", b"b", b"a"]


def test_words_are_left_to_other_backends_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    for words in (np.array(["a"]), np.array([b"a"]), np.array(["a"], object)):
        assert keras_data._tensor(words) is words
    assert keras_data._tensor(Y) is not Y


def test_rows_for_a_model_that_came_without_any() -> None:
    assert keras_data._random_rows(np.random.default_rng(0), (None, 3), "float32").shape == (8, 8, 3)
    numbers = keras_data._random_rows(np.random.default_rng(0), (50,), "int32")
    assert (numbers.dtype, set(numbers.ravel())) == ("int32", {0, 1})
    reals = keras_data._random_rows(np.random.default_rng(0), (50,), "float16")
    assert (reals.dtype, len(np.unique(reals)) > 100) == ("float16", True)
    assert keras_data._random_rows(np.random.default_rng(0), (2,), "string").tolist() == [[b"a"] * 2] * 8

    class Unbuilt(keras.Model):
        pass

    shapes = [(one.shape[1:], one.dtype.kind) for one in keras_data._candidates(Unbuilt())]
    assert shapes == [
        ((4,), "f"), ((8,), "f"), ((28, 28, 1), "f"), ((32, 32, 3), "f"), ((28, 28), "f"), ((6, 4), "f"), ((8,), "i"),
    ]  # fmt: skip
    built = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    (only,) = keras_data._candidates(built)
    np.testing.assert_array_equal(
        keras.tree.flatten(only)[0], np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    )


# a model is applied -------------------------------------------------------------------------------------------------


class Counts(keras.Model):
    """Takes rows of `size` numbers, counts its calls in training, and scales by a layer in a layer."""

    def __init__(self, size: int = 8) -> None:
        super().__init__()
        self.size, self.inner = size, keras.Sequential([keras.layers.Dense(2), keras.layers.Dropout(0.5)])
        self.steps = self.add_weight(shape=(), trainable=False, initializer="zeros")
        self.trained: list[Any] = []

    def call(self, x: Any, training: bool = False) -> Any:
        if x.shape[-1] != self.size:
            raise ValueError(f"{x.shape[-1]} numbers are not {self.size}")
        self.trained.append(training)
        self.steps.assign_add(1.0)
        return self.inner(x, training=training)


def test_a_model_is_applied_to_eight_rows_or_as_many_as_it_takes() -> None:
    model = Counts()
    apply_model(model, None)  # which builds it
    structure, rows, predicted, layers = apply_model(model, None)
    assert (structure, rows[0].shape, tuple(predicted.shape)) == (0, (8, 8), (8, 2))
    assert [type(one).__name__ for one in layers] == ["Dense", "Dropout"]
    assert set(model.trained) == {False}
    assert float(model.steps) == 0  # as before
    fixed = keras.Sequential([keras.Input((3,), batch_size=5), keras.layers.Dense(1)])
    assert apply_model(fixed, None)[1][0].shape == apply_model(fixed, np.zeros((9, 3)))[1][0].shape == (5, 3)
    plain = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    _, (rows_,), _, _ = apply_model(plain, np.arange(6.0).reshape(2, 3))
    assert (rows_.tolist()[:3], rows_.dtype, len(rows_)) == ([[0, 1, 2], [3, 4, 5], [0, 1, 2]], "float32", 8)
    two = keras.Input((2,)), keras.Input((1,))
    joined = keras.Model(two, keras.layers.Dense(1)(keras.layers.Concatenate()(two)))
    structure, parts, _, _ = apply_model(joined, (np.zeros((9, 2)), np.zeros((9, 1))))
    assert (structure, [one.shape for one in parts]) == ([0, 0], [(8, 2), (8, 1)])


def test_a_model_that_takes_no_rows_says_why() -> None:
    with pytest.raises(UserError, match=r"rows: ValueError: 3 numbers are not 8\.$"):
        apply_model(Counts(), np.zeros((9, 3)))
    with pytest.raises(
        UserError, match=r"rows: ValueError: 4 numbers are not 7\. Return the rows too: \(model, x, y\)\."
    ):
        apply_model(Counts(7), None)


def test_variables_are_put_back_whatever_happens() -> None:
    variable = keras.Variable(1.0)
    with variables_restored([variable]):
        variable.assign(2.0)
    assert float(variable) == 1
    with suppress(KeyError), variables_restored([variable]):
        variable.assign(3.0)
        raise KeyError
    assert float(variable) == 1


def test_layers_that_hold_others_are_met_through_them() -> None:
    """But a wrapper is one layer with what it wraps."""
    model = keras.Sequential([
        keras.Input((3, 2)), keras.Sequential([keras.layers.Dense(2)]),
        keras.layers.TimeDistributed(keras.layers.Dense(1)),
    ])  # fmt: skip
    with record_layers() as calls:
        result = model(np.zeros((8, 3, 2), "float32"))
    assert [type(layer).__name__ for layer, _, _ in calls] == ["Dense", "TimeDistributed"]
    assert calls[1][1] is calls[0][2]
    assert calls[1][2] is result
    dense = model.layers[0].layers[0]
    with record_layers() as calls:
        with pytest.raises(ValueError, match="axis"):
            dense(np.zeros((8, 5), "float32"))
        dense(np.zeros((8, 2), "float32"))  # nothing is left of the call that raised
    assert len(calls) == 1


# metrics ------------------------------------------------------------------------------------------------------------


def test_metrics_are_those_of_keras_and_stay_as_they_are() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, "sigmoid")])

    def own(truth: Any, prediction: Any) -> Any:
        return keras.ops.mean(prediction, axis=-1)

    known = [keras.metrics.BinaryAccuracy(threshold=0.7), keras.metrics.Precision(thresholds=0.25), own, "accuracy",
             keras.metrics.AUC()]  # fmt: skip
    model.compile(loss="binary_crossentropy", metrics=known)
    truth, predicted = np.eye(2, dtype="float32"), model(np.zeros((2, 2), "float32"))
    metrics, refused = metrics_of(model, predicted, keras.ops.convert_to_tensor(truth))
    assert (list(metrics), refused) == ([0], "")
    assert [(one.kind, one.threshold) for one in metrics[0]] == [
        ("BinaryAccuracy", 0.7), ("Precision", 0.25), ("own", None), ("CategoricalAccuracy", None), ("AUC", None),
    ]  # fmt: skip
    prediction = np.array([[0.6, 0.2], [0.8, 0.9]], "float32")
    assert [one.value(truth, prediction) for one in metrics[0][:3]] == pytest.approx([0.5, 2 / 3, 0.625])
    assert metrics[0][0].value(truth, 1 - prediction) == pytest.approx(0.25)  # each from its start
    refuses, told = metrics_of(model, predicted, keras.ops.zeros((2, 5)))
    assert refuses == {}
    assert told.startswith("its metrics: ")
    bare = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    bare.compile(loss="mse")
    assert metrics_of(bare, predicted, keras.ops.convert_to_tensor(truth)) == ({}, "")


def test_a_stored_model_that_is_none(tmp_path: Path) -> None:
    from experiments.check.target import check_target

    file = tmp_path / "model.keras"
    file.write_text("no model")
    with pytest.raises(UserError, match="cannot be loaded as a Keras model"):
        check_target(str(file))
