"""What is taken from a user's function, and how a wrong one is told so."""

from __future__ import annotations

import re
from pathlib import Path

import compared_models as compared
import keras
import pytest

from experiments.check.target import find
from experiments.comparison.model import of_function, registered
from experiments.records import UserError

ROW = (5,)


def taken(name: str, row: tuple[int, ...] = ROW, optimizer: str | None = None, rate: float | None = None):
    return of_function(getattr(compared, name), row, optimizer, rate)


def test_a_compiled_classifier_is_taken_apart() -> None:
    model = taken("cnn", (8, 8, 1))
    assert (model.name, model.head, model.features, model.reasons) == ("cnn", "sigmoid", 6, ())
    assert model.optimizer.record.learning_rate == pytest.approx(0.003)
    assert isinstance(model.optimizer.record.make(0.1), keras.optimizers.Adam)
    assert "Dense(1, sigmoid) under binary_crossentropy" in model.recognised[0]
    assert "Adam, rate 0.003" in model.recognised[1]
    trunk = model.build((8, 8, 1))
    assert trunk.output_shape == (None, 6)
    assert trunk.count_params() == model.parameters == 3 * 3 * 4 + 4 + 36 * 6 + 6


def test_an_activation_of_its_own_and_every_setting_of_the_optimizer() -> None:
    model = taken("residual")
    assert model.head == "softmax"
    made = model.optimizer.record.make(0.5)
    assert (made.momentum, made.nesterov, float(made.learning_rate)) == (0.9, True, 0.5)
    assert model.optimizer.code == "keras.optimizers.SGD({rate}, momentum=0.9, nesterov=True)"
    assert [w.regularizer is not None for w in model.build(ROW).trainable_variables] == [True, False, False, False]


def test_an_unknown_layer_is_named() -> None:
    assert taken("custom").reasons == ("the layer gate (Gate)",)


def test_weights_that_are_made_late_are_there() -> None:
    model = taken("late")
    assert model.parameters == 5 * 4 + 4 + 4
    (reason,) = model.reasons
    assert re.fullmatch(r"the layer dense_?\d* \(Dense whose activation mixes rows or has weights\)", reason)
    assert model.build(ROW).count_params() == model.parameters


def test_an_unbuilt_trunk_and_a_linear_classifier() -> None:
    assert taken("trunk").build(ROW).output_shape == (None, 4)
    assert (taken("trunk").head, taken("trunk").optimizer.record.name) == ("", "adam")
    linear = taken("linear")
    assert (linear.features, linear.parameters, linear.head) == (5, 0, "sigmoid")


def test_decay_is_taken_with_the_penalty_on_the_head() -> None:
    model = taken("decaying")
    assert model.optimizer.record.decays
    assert model.optimizer.record.l2 == pytest.approx(0.1)
    assert model.optimizer.record.make(0.1).weight_decay == pytest.approx(0.1)


def test_what_the_arms_leave_out_is_said_and_what_the_engine_lacks() -> None:
    model = taken("scheduled")
    assert model.reasons == ("the learning-rate schedule CosineDecay", "clipnorm=1")
    assert any("mean_squared_error" in sentence for sentence in model.recognised)
    assert isinstance(model.optimizer.record.make(0.1)._learning_rate, keras.optimizers.schedules.CosineDecay)


def test_an_optimizer_and_a_rate_that_are_named_come_first() -> None:
    model = taken("residual", optimizer="rmsprop", rate=0.25)
    assert isinstance(model.optimizer.record.make(0.25), keras.optimizers.RMSprop)
    assert model.optimizer.record.learning_rate == 0.25
    assert taken("scheduled", rate=0.25).reasons == ("clipnorm=1",)


def test_trunks_by_name() -> None:
    assert registered(None, ROW, None, None).name == "mlp"
    assert registered(None, (8, 8, 1), None, None).name == "cnn"
    with pytest.raises(UserError, match="takes images; the rows of the data are vectors"):
        registered("gru", ROW, None, None)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("raises", "raises() raised RuntimeError: the weights are not there."),
        ("returns_nothing", "returned nothing. It must return a Keras model: end it with `return model`"),
        ("returns_text", "returned a str"),
        ("asks_too_much", "asks for input_shape, units"),
        ("ends_in_a_map", "ends in the shape (5, 1)"),
        ("three_classes", "does not end in a Dense layer of one or two units"),
        ("two_inputs", "2 inputs"),
        ("averaged", "use_ema=True, which averages the weights: leave it out"),
        ("in_half", "computes in float16"),
        ("cnn", "takes rows of shape (8, 8, 1); the rows of the data, once encoded, have the shape (5,)"),
    ],
)
def test_a_wrong_function_is_told_in_one_line(name: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        taken(name)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_is_no_function() -> None:
    with pytest.raises(UserError, match="Give a function that builds one"):
        of_function(compared.cnn(), (8, 8, 1), None, None)


def test_a_file_that_exits_or_lacks_the_function(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("import sys\nsys.exit(3)\n")
    with pytest.raises(UserError, match="raised SystemExit: 3"):
        find(f"{file}:build")
    file.write_text("def other(): ...\n")
    with pytest.raises(UserError, match=r"has no function 'build'\. It has: other"):
        find(f"{file}:build")
    with pytest.raises(UserError, match=r"is not FILE\.py:FUNCTION"):
        find("model.h5")
