"""Gradient norms of anyone's own `fit`, against gradients that a tape computes beside it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from experiments import GradientNorms
from experiments.records import UserError

ROWS, BATCH = 24, 8


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(ROWS, 5)).astype("float32"), rng.integers(0, 2, size=ROWS)


def model_of(units: int, seed: int = 0, **options: object) -> keras.Model:
    keras.utils.set_random_seed(seed)
    block = keras.Sequential([layers.Dense(4, activation="tanh", name="inner")], name="block")
    model = keras.Sequential(
        [
            layers.Input((5,)),
            block,
            layers.Dense(3, activation="relu", kernel_regularizer="l2", name="hidden"),
            layers.Dense(units, name="last"),
        ]
    )
    loss = keras.losses.BinaryCrossentropy if units == 1 else keras.losses.SparseCategoricalCrossentropy
    model.compile(keras.optimizers.SGD(0.1, **options), loss(from_logits=True))
    return model


def norms_by_tape(model: keras.Model, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """The norms at the weights at hand, of Keras's own total loss."""
    variables = model.trainable_variables
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x=x, y=y, y_pred=model(x, training=True))
    found = {v.path: g for v, g in zip(variables, tape.gradient(loss, variables), strict=True)}
    kernel, bias = (g.numpy() for path, g in found.items() if "last" in path.split("/"))
    both = [(kernel[:, 1] - kernel[:, 0]) / 2, (bias[1] - bias[0]) / 2] if kernel.shape[1] == 2 else [kernel, bias]

    def norm(*parts: object) -> float:
        return float(np.sqrt(sum(np.square(np.asarray(part, dtype=np.float64)).sum() for part in parts)))

    inner, hidden, last = (
        [g for path, g in found.items() if name in path.split("/")] for name in ("inner", "hidden", "last")
    )
    return {
        "total": norm(*found.values()),
        "trunk": norm(*inner, *hidden),
        "head": norm(*last),
        "effective_head": norm(*both),
        "layer:inner": norm(*inner),
        "layer:hidden": norm(*hidden),
        "layer:last": norm(*last),
    }


@pytest.mark.parametrize("units", [1, 2])
def test_records_every_scope_of_any_model(units: int, rows: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = rows
    norms = GradientNorms()
    model = model_of(units)
    model.fit(x, y, batch_size=BATCH, shuffle=False, epochs=2, verbose=0, callbacks=[norms])
    found = norms.history.pivot(index="step", columns="scope", values="value")
    assert found.index.tolist() == [1, 2, 3, 4, 5, 6]
    assert norms.history.groupby("step")["epoch"].first().tolist() == [0, 0, 0, 1, 1, 1]
    twin = model_of(units)  # the same first weights, stepped by hand
    for step in range(1, 7):
        batch = slice((step - 1) % 3 * BATCH, ((step - 1) % 3 + 1) * BATCH)
        wanted = norms_by_tape(twin, x[batch], y[batch])
        assert found.loc[step].to_dict() == pytest.approx(wanted, rel=1e-5)
        twin.train_on_batch(x[batch], y[batch])
    assert norms.last == pytest.approx(wanted, rel=1e-5)


def test_leaves_the_training_as_it_is_and_the_optimizer_as_it_was(rows: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = rows
    with_it, without = model_of(2, momentum=0.9), model_of(2, momentum=0.9)
    for model, callbacks in ((with_it, [GradientNorms()]), (without, [])):
        model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0, callbacks=callbacks)
    for mine, theirs in zip(with_it.get_weights(), without.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert "apply" not in vars(with_it.optimizer)


def test_fewer_records_and_a_second_fit_that_goes_on(rows: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = rows
    norms, model = GradientNorms(every=4), model_of(1)
    for _ in range(2):
        model.fit(x, y, batch_size=BATCH, epochs=2, verbose=0, callbacks=[norms])
    assert norms.history["step"].unique().tolist() == [1, 4, 8, 12]


def test_scaled_losses_are_recorded_unscaled(rows: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = rows
    plain, scaled = GradientNorms(), GradientNorms()
    for norms, scale in ((plain, False), (scaled, True)):
        model = model_of(1)
        if scale:
            model.compile(
                keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)),
                keras.losses.BinaryCrossentropy(from_logits=True),
            )
        model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0, callbacks=[norms])
    np.testing.assert_allclose(scaled.history["value"], plain.history["value"], rtol=1e-4)


def test_mistakes_are_one_line(rows: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(UserError, match="every is 0"):
        GradientNorms(every=0)
    model = keras.Sequential([layers.Input((5,)), layers.Flatten(), layers.GlobalAveragePooling1D()][:2])
    model.compile("sgd", "mse")
    with pytest.raises(UserError, match="no layer that trains"):
        model.fit(rows[0], rows[0], verbose=0, callbacks=[GradientNorms()])


def test_importing_the_package_imports_nothing_else() -> None:
    program = (
        "import sys, experiments; heavy = {'tensorflow', 'keras', 'pandas', 'numpy'} & sys.modules.keys();"
        "print(*heavy, *sorted({'compare', 'Comparison', 'GradientNorms'} & set(dir(experiments))))"
    )
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["Comparison", "GradientNorms", "compare"]
