"""A Keras callback that checks the model which it is fitted with, on what `fit` was called with."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import keras

from experiments.check.keras_model import check_keras
from experiments.check.record import Checked
from experiments.check.render import as_text
from experiments.records import UserError


class CheckHead(keras.callbacks.Callback):
    """Checks the model before the first batch of `fit`, and warns of its problems.

    ```python
    model.fit(x, y, callbacks=[CheckHead(stop=True)])
    ```

    `stop`: raise `UserError` in the place of a warning, so that nothing is trained. `checked` holds the answer; it is
    None before. Data that can be read only once (a generator) is left alone: then the model is checked without it.
    """

    def __init__(self, *, stop: bool = False) -> None:
        super().__init__()
        self.stop = stop
        self.checked: Checked | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Check the model and what `fit` was called with, once."""
        if self.checked is not None:
            return
        arguments = _arguments_of_fit()
        if hasattr(arguments.get("x"), "__next__"):
            arguments = {}
        self.checked = check_keras(self.model, **arguments)
        if not self.checked.problems:
            return
        text = as_text(self.checked)
        if self.stop:
            names = ", ".join(dict.fromkeys(problem.name for problem in self.checked.problems))
            raise UserError(f"The model has problems: {names}.\n{text}")
        warnings.warn(text, UserWarning)


def _arguments_of_fit() -> dict[str, Any]:
    """What the innermost `fit` of Keras on the stack was called with; nothing if there is none."""
    frame = sys._getframe()
    names = ("x", "y", "sample_weight", "class_weight")
    while frame := frame.f_back:  # type: ignore[assignment]
        local_variables = frame.f_locals
        if frame.f_code.co_name == "fit" and all(name in local_variables for name in names):
            return {name: local_variables[name] for name in names}
    return {}
