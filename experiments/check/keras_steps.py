"""How `fit` would run a step of a Keras model, and what a step of its own minimises."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from experiments import keras_internals
from experiments.check.examine import Reading
from experiments.check.keras_data import variables_restored
from experiments.check.messages import one_line
from experiments.records import UserError


def execution(model: Any) -> str:
    """How `fit` would run a step of the model: "eager", "graph" or "xla"."""
    import keras

    eager = bool(model.run_eagerly)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        eager = eager or tf.config.functions_run_eagerly()
    return "eager" if eager else "xla" if model.jit_compile else "graph"


def custom_step(model: Any) -> str:
    """That a model has a training step of its own, in words; "" if it has none."""
    kind = type(model)
    names = [name for name in ("train_step", "compute_loss") if not getattr(kind, name).__module__.startswith("keras.")]
    return f"{kind.__name__} has its own {'() and '.join(names)}()" if names else ""


def follow_custom_step(model: Any, x: Any, y: Any) -> list[Reading]:
    """The outputs that have a loss in the model's own training step, run on TensorFlow up to its first gradient.

    `x`, `y`: tensors of some rows; `y` may be None. The model's variables stay as they are. Raises `UserError` where
    there is no such output or another backend, and whatever the step raises.
    """
    import keras

    description = custom_step(model)
    if keras.backend.backend() != "tensorflow":
        raise UserError(f"{description}, which is looked into on TensorFlow alone")
    from experiments.check.tape_script import read_step

    data = keras.utils.pack_x_y_sample_weight(x, y)
    with variables_restored([*model.non_trainable_variables, *model.metrics_variables]):
        return read_step(lambda: model.train_step(data), f"{type(model).__name__}.train_step()")


def bypass_reason(model: Any, x: Any, y: Any) -> str:
    """Why the compiled loss may not be what `fit` minimises: a step of its own that does not call it; "" if it is.

    The step is traced, so nothing is executed and no variable changes. `x`, `y`: tensors of some rows.
    """
    import keras

    description = custom_step(model)
    if not description:
        return ""
    if keras.backend.backend() != "tensorflow":
        return f"{description}, which is looked into on TensorFlow alone"
    import tensorflow as tf

    CompileLoss = keras_internals.compiled_loss_class()
    calls = []
    original = CompileLoss.call

    def call(self: Any, *args: Any, **options: Any) -> Any:
        calls.append(self)
        return original(self, *args, **options)

    try:
        with patch.object(CompileLoss, "call", call):
            tf.function(model.train_step, autograph=False).get_concrete_function((x, y))
    except Exception as error:  # the user's own step
        return f"{description}, which cannot be traced: {one_line(error)}"
    return "" if calls else f"{description}, which does not call the compiled loss"
