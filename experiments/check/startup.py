"""What Keras and TensorFlow load at their start without need: left until something of it is asked for.

It is a third of their start, and a check needs none of it. A program that uses it finds it as ever.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from typing import Any

from experiments import keras_internals

# loaded at the first use of one of their names: the wrappers load scikit-learn and scipy.stats
LAZY = ("keras.wrappers", "IPython")
# these go without what they would load where it is not installed
WITHOUT = {"jax": (keras_internals.MENDS_JAX, "tensorflow.lite.")}


class _Finder(MetaPathFinder):
    def find_spec(self, name: str, folders: Any, target: Any = None) -> ModuleSpec | None:
        if name in WITHOUT and _importer().startswith(WITHOUT[name]):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if name not in LAZY:
            return None
        spec = PathFinder.find_spec(name, folders)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


def _importer() -> str:
    """The name of the module that imports."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("importlib."):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", ""))


@contextmanager
def lean_imports() -> Iterator[None]:
    """Within, Keras and TensorFlow load what they need alone."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
