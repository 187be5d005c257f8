"""From `FILE.py:FUNCTION` to the compiled Keras model that the function returns."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.records import UserError, require

EXAMPLE = "Example: headtohead check models.py:build"


@dataclass(frozen=True, kw_only=True)
class Target:
    """What the user's function returned.

    `labels` are those that it returned beside the model, or None: without them their encoding is not checked.
    """

    file: Path
    function: str
    model: Any
    labels: np.ndarray | None


def load(target: str) -> Target:
    """Import the file of `target` and call its function, with nothing.

    The function returns a compiled Keras model, or a pair of that and the labels to train on.
    Raises `UserError` for whatever is not so.
    """
    file, build = find(target)
    function = target.rpartition(":")[2]
    try:
        returned = build()
    except Exception as error:  # the user's own code
        raise UserError(f"{function}() of {file} raised {type(error).__name__}: {error}") from error
    model, labels = returned if isinstance(returned, tuple) and len(returned) == 2 else (returned, None)
    keras = sys.modules.get("keras")
    kind = type(model).__name__
    require(
        keras is not None and isinstance(model, keras.Model),
        f"{function}() of {file} returned a {kind}. It must return a compiled Keras model, or (model, labels).",
    )
    require(
        getattr(model, "loss", None) is not None,
        f"The model of {function}() is not compiled, so it has no loss to check. Call model.compile(loss=...) first.",
    )
    return Target(file=file, function=function, model=model, labels=None if labels is None else np.asarray(labels))


def find(target: str, example: str = EXAMPLE) -> tuple[Path, Callable[..., Any]]:
    """The file and the function of `FILE.py:FUNCTION`; the file is imported, the function is not called.

    Its folder is on the path, as when Python runs the file. Raises `UserError`, which ends in the `example` of a right
    call, if there is no such file or function or if the file raises.
    """
    name, _, function = target.rpartition(":")
    require(name.endswith(".py") and function.isidentifier(), f"{target!r} is not FILE.py:FUNCTION. {example}")
    file = Path(name)
    require(file.is_file(), f"There is no file {name!r}. {example}")
    spec = importlib.util.spec_from_file_location(f"headtohead_checked_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # pickles and dataclasses of the file look themselves up
    sys.path.insert(0, str(file.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the user's own code
        raise UserError(f"Importing {file} raised {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    found = getattr(module, function, None)
    if callable(found):
        return file, found
    own = (item for item in vars(module).items() if getattr(item[1], "__module__", "") == module.__name__)
    known = ", ".join(sorted(name for name, value in own if callable(value)))
    raise UserError(f"{file} has no function {function!r}. It has: {known or 'none'}. {example}")
