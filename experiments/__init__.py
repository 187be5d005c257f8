"""Head to Head: one sigmoid unit or two softmax units, compared fairly. Others import it as `headtohead`.

Importing the package is cheap: TensorFlow is imported only by the modules that train.

`headtohead.compare(x, y, ...)` compares the two on anyone's data and network and returns a `Comparison`.
`headtohead.check(model, x, y)` says what is wrong with a model's last layers, loss, metrics and labels;
`headtohead.CheckHead()` is a Keras callback that does so before the first batch.
`headtohead.GradientNorms()` is a Keras callback that records gradient norms in anyone's own `model.fit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.lazy_imports import importer

if TYPE_CHECKING:
    from experiments.callbacks import GradientNorms
    from experiments.check import CheckHead, check
    from experiments.comparison import Comparison, compare

__version__ = "1.0.0"
__all__ = ["CheckHead", "Comparison", "GradientNorms", "check", "compare"]

_HOMES = {
    "CheckHead": "check",
    "Comparison": "comparison",
    "GradientNorms": "callbacks",
    "check": "check",
    "compare": "comparison",
}
__getattr__ = importer(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
