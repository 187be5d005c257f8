"""Head to Head: one sigmoid unit or two softmax units, compared fairly. Others import it as `headtohead`.

Importing the package is cheap: TensorFlow is imported only by the modules that train.

`headtohead.compare(x, y, ...)` compares the two on anyone's data and network and returns a `Comparison`.
`headtohead.check(model, x, y)` says what is wrong with a model's last layers, loss, metrics and labels;
`headtohead.CheckHead()` is a Keras callback that does so before the first batch.
`headtohead.GradientNorms()` is a Keras callback that records gradient norms in anyone's own `model.fit`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.callbacks import GradientNorms
    from experiments.check import check
    from experiments.check.callback import CheckHead
    from experiments.comparison import Comparison, compare

__version__ = "1.0.0"
__all__ = ["CheckHead", "Comparison", "GradientNorms", "check", "compare"]

_HOMES = {
    "CheckHead": "check.callback",
    "Comparison": "comparison",
    "GradientNorms": "callbacks",
    "check": "check",
    "compare": "comparison",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for (PEP 562)."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
