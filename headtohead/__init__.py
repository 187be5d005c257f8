"""Head to Head: one sigmoid unit or two softmax units, compared fairly. This is the package's public face.

`headtohead.compare(x, y, ...)` compares the two on anyone's data and network and returns a `Comparison`.
`headtohead.check(model, x, y)` says what is wrong with a model's last layers, loss, metrics and labels;
`headtohead.CheckHead()` is a Keras callback that does so before the first batch.
`headtohead.GradientNorms()` is a Keras callback that records gradient norms in anyone's own `model.fit`.

Importing it is cheap: no framework is started before one of these is used. All of it is in the package `experiments`,
a name that people's own folders have too: the one beside this package is meant, wherever the other stands on the path,
and the modules of the other can still be imported, but those whose names this one has.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from pkgutil import extend_path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments import CheckHead, Comparison, GradientNorms, __version__, check, compare

__all__ = ["CheckHead", "Comparison", "GradientNorms", "__version__", "check", "compare"]


def _own() -> ModuleType:
    """The package `experiments` beside this one. Raises `ImportError` where another of that name is loaded already."""
    place = Path(__file__).resolve().parents[1] / "experiments" / "__init__.py"
    loaded = sys.modules.get("experiments")
    if loaded is None:
        spec = importlib.util.spec_from_file_location("experiments", place)
        assert spec is not None
        assert spec.loader is not None
        loaded = sys.modules["experiments"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
        loaded.__path__ = extend_path(loaded.__path__, "experiments")
    elif Path(loaded.__file__ or "").resolve() != place:
        raise ImportError(
            f"A package `experiments` of your own is imported already, from {loaded.__file__}, and headtohead has one "
            "of that name inside: import headtohead first."
        )
    return loaded


_experiments = _own()


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for (PEP 562)."""
    if name in __all__:
        found: object = getattr(_experiments, name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
