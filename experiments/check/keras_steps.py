"""How `fit` would run a step of a Keras model, and whether that step minimises the loss that was compiled."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from experiments import keras_internals
from experiments.check.messages import one_line


def execution(model: Any) -> str:
    """How `fit` would run a step of the model: "eager", "graph" or "xla"."""
    import keras

    eager = bool(model.run_eagerly)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        eager = eager or tf.config.functions_run_eagerly()
    return "eager" if eager else "xla" if model.jit_compile else "graph"


def bypassed(model: Any, x: Any, y: Any) -> str:
    """Why the compiled loss may not be what `fit` minimises: a step of its own that does not call it; "" if it is.

    The step is traced, so nothing is executed and no variable changes. `x`, `y`: tensors of some rows.
    """
    import keras

    kind = type(model)
    own = [name for name in ("train_step", "compute_loss") if not getattr(kind, name).__module__.startswith("keras.")]
    if not own:
        return ""
    told = f"{kind.__name__} has its own {'() and '.join(own)}()"
    if keras.backend.backend() != "tensorflow":
        return f"{told}, which is looked into on TensorFlow alone"
    import tensorflow as tf

    CompileLoss = keras_internals.compiled_loss_class()
    calls = []
    proceed = CompileLoss.call

    def call(self: Any, *args: Any, **options: Any) -> Any:
        calls.append(self)
        return proceed(self, *args, **options)

    try:
        with patch.object(CompileLoss, "call", call):
            tf.function(model.train_step, autograph=False).get_concrete_function((x, y))
    except Exception as error:  # the user's own step
        return f"{told}, which cannot be traced: {one_line(error)}"
    return "" if calls else f"{told}, which does not call the compiled loss"
