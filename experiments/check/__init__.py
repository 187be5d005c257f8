"""`headtohead check`: does a program minimise and report what it says, and does it learn from every mistake?

Keras and PyTorch are read into one neutral record by running the program; everything behind it is shared.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from experiments.check.record import Checked, Finding
from experiments.lazy_imports import importer

if TYPE_CHECKING:
    from experiments.check.callback import CheckHead
    from experiments.check.render import main
    from experiments.check.target import find

__all__ = ["CheckHead", "Checked", "Finding", "check", "find", "main"]

__getattr__ = importer(__name__, {"CheckHead": "callback", "find": "target", "main": "render"})


def check(
    model: Any, x: Any = None, y: Any = None, *, sample_weight: Any = None, class_weight: Any = None, loss: Any = None
) -> Checked:
    """Check a compiled Keras model, or a PyTorch module with its `loss`, on the arguments that `fit` would get.

    Nothing is trained and the weights stay as they are. Raises `UserError` for what is no such model.
    """
    if loss is not None:
        from experiments.check.torch_program import check_torch

        return check_torch(model, loss, x, y)
    from experiments.check.keras_model import check_keras

    return check_keras(model, x, y, sample_weight, class_weight)


class _Callable(ModuleType):
    """`experiments.check(...)` is a call whether or not this package has been imported by its own name."""

    def __call__(self, *args: Any, **options: Any) -> Checked:
        return check(*args, **options)


sys.modules[__name__].__class__ = _Callable
