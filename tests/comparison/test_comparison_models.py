"""What is taken from a user's function, and how a wrong one is told so."""

from __future__ import annotations

import re
from pathlib import Path

import compared_models as compared
import keras
import numpy as np
import pytest
from scipy import stats

from experiments.check import find
from experiments.comparison.initialisers import law_of
from experiments.comparison.model import of_function, registered
from experiments.comparison.model_surgery import loss_name
from experiments.heads import HEADS
from experiments.problem import Start
from experiments.problem._streams import HeadStream
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


LAWS = {
    "glorot_uniform": keras.initializers.GlorotUniform,
    "he_normal": keras.initializers.HeNormal,
    "lecun_uniform": keras.initializers.LecunUniform,
    "random_normal": lambda seed: keras.initializers.RandomNormal(0.5, 2.0, seed=seed),
    "random_uniform": lambda seed: keras.initializers.RandomUniform(-0.1, 0.7, seed=seed),
    "truncated_normal": lambda seed: keras.initializers.TruncatedNormal(-1.0, 0.2, seed=seed),
    "fan_out": lambda seed: keras.initializers.VarianceScaling(3.0, "fan_out", "untruncated_normal", seed=seed),
}


@pytest.mark.parametrize("name", list(LAWS))
def test_the_law_of_an_initialiser_is_kerass(name: str) -> None:
    """Of kernels of both kinds of head, and of a bias, whose fans are its length."""
    law = law_of(LAWS[name](seed=1))
    rng = np.random.default_rng(0)
    for shape, inputs in (((6, 1), 6), ((6, 2), 6), ((2,), 2)):
        theirs = np.concatenate([np.ravel(LAWS[name](seed=seed)(shape)) for seed in range(300)])
        mine = law.draw(rng, 300 * 6, shape[-1], inputs).ravel()
        assert stats.ks_2samp(mine, theirs).pvalue > 1e-4, shape


def started(build, arm: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray, str]:
    """The first kernel and bias of an arm on a user's model, and what the comparison says of them."""
    model, head = of_function(build, ROW, None, None), HEADS[arm]
    stream = HeadStream(task="t", network=model.name, seed=seed)
    kernel = stream.kernel(model.start.kernel, model.features, head.units, head.draw)
    return kernel, stream.bias(model.start.bias, model.features, head.units, head.draw), " ".join(model.recognised)


@pytest.mark.parametrize("value", [-3.0, [-3.0], np.array([-3.0])])
def test_an_initial_bias_is_kept_as_the_same_log_odds(value: object) -> None:
    """What users write for unbalanced classes: Constant(log(positives / negatives)), a number or an array of one."""
    build = compared.of_one_unit(bias_initializer=keras.initializers.Constant(value))
    for arm in ("sigmoid", "sigmoid_again"):
        assert started(build, arm)[1] == [-3]
    for arm in ("softmax", "softmax_init", "softmax_matched"):
        np.testing.assert_array_equal(started(build, arm)[1], [1.5, -1.5])
    assert "initial bias of -3 is carried over: every arm starts at the log-odds -3." in started(build, "sigmoid")[2]


def test_two_units_biases_are_read_by_their_difference() -> None:
    build = compared.of_two_units(bias_initializer=keras.initializers.Constant([0.25, -2.0]))
    assert started(build, "sigmoid")[1] == [-2.25]
    np.testing.assert_array_equal(started(build, "softmax")[1], [0.25, -2.0])
    np.testing.assert_array_equal(started(build, "softmax_init")[1], [1.125, -1.125])
    both = compared.of_two_units(bias_initializer=keras.initializers.Constant(-3.0))
    assert started(both, "sigmoid")[1] == [0]


def test_an_initialiser_is_carried_over_and_coupled() -> None:
    build = compared.of_one_unit(kernel_initializer="he_normal", bias_initializer="random_normal")
    w, b, said = started(build, "sigmoid")
    pair, biases, _ = started(build, "softmax")
    assert stats.spearmanr(w[:, 0], pair[:, 1] - pair[:, 0]).statistic == pytest.approx(1)
    assert biases[1] - biases[0] == pytest.approx(np.sqrt(2) * b[0])
    assert "every arm starts from HeNormal, coupled" in said
    assert "every arm draws it by RandomNormal" in said


def test_what_cannot_be_coupled_is_carried_over_and_said() -> None:
    build = compared.of_one_unit(kernel_initializer=keras.initializers.Orthogonal())
    w, _, said = started(build, "sigmoid")
    assert np.linalg.norm(w) == pytest.approx(1)
    pair, _, _ = started(build, "softmax")
    np.testing.assert_allclose(pair.T @ pair, np.eye(2), atol=1e-6)
    assert not np.allclose(started(build, "sigmoid", seed=1)[0], w)
    assert "from Orthogonal" in said
    assert "drawn independently" in said


def test_an_initialiser_for_one_shape_alone_is_said() -> None:
    build = compared.of_one_unit(kernel_initializer=lambda shape, dtype=None: keras.ops.ones((4, 1)))
    assert "the arms start from Keras's default for Dense" in started(build, "sigmoid")[2]


def test_keras_defaults_need_no_word() -> None:
    assert taken("cnn", (8, 8, 1)).start == Start()
    assert len(taken("cnn", (8, 8, 1)).recognised) == 2


def test_an_optimizer_and_a_rate_that_are_named_come_first() -> None:
    model = taken("residual", optimizer="rmsprop", rate=0.25)
    assert isinstance(model.optimizer.record.make(0.25), keras.optimizers.RMSprop)
    assert model.optimizer.record.learning_rate == 0.25
    assert taken("scheduled", rate=0.25).reasons == ("clipnorm=1",)


def test_trunks_by_name() -> None:
    assert registered(None, ROW, None, None).name == "mlp"
    assert registered(None, (8, 8, 1), None, None).name == "cnn"
    with pytest.raises(UserError, match="takes images and sequences; the rows of the data are vectors"):
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
        ("of_eight_columns", "takes rows of shape (8,); the rows of the data, once encoded, have the shape (5,)"),
        ("cnn", "takes rows of shape (8, 8, 1); the rows of the data, once encoded, have the shape (5,)"),
    ],
)
def test_a_wrong_function_is_told_in_one_line(name: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        taken(name)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "row", "ends"),
    [
        ("three_classes_uncompiled", ROW, "softmax over 3 values"),
        ("pooled_classes", (8, 8, 1), "softmax over 2 values"),
        ("pooled_unit", (8, 8, 1), "sigmoid over 1 value"),
        ("nested_head", ROW, "linear over 1 value"),
        ("class_of_its_own", ROW, "linear over 2 values"),
    ],
)
def test_a_classifier_whose_head_cannot_be_replaced_is_no_trunk(name: str, row: tuple[int, ...], ends: str) -> None:
    with pytest.raises(UserError) as caught:
        taken(name, row)
    said = str(caught.value)
    assert f"{name}() returned an uncompiled model that ends in {ends}, as a classifier does" in said
    assert "End it in Dense(1, 'sigmoid') or Dense(2, 'softmax')" in said
    assert "\n" not in said


def test_one_unit_is_a_head_whatever_its_activation_and_few_features_are_a_trunk() -> None:
    model = taken("between_minus_one_and_one")
    assert (model.head, model.features) == ("sigmoid", 4)
    assert any("Its head applies 'tanh'" in sentence for sentence in model.recognised)
    for name, features in (("few_features", 2), ("nested_trunk", 3)):
        assert (taken(name).head, taken(name).features) == ("", features)


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


def test_names_of_losses() -> None:
    assert loss_name("mse") == ("mean_squared_error", False)
    assert loss_name(keras.losses.BinaryCrossentropy()) == ("binary_crossentropy", False)
    assert loss_name(keras.losses.BinaryCrossentropy(from_logits=True)) == ("binary_crossentropy", True)
    assert loss_name(keras.losses.MeanSquaredError()) == ("mean_squared_error", False)
    with pytest.raises(UserError, match="Keras knows no loss 'no'"):
        loss_name("no")
