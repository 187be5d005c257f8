"""From what the user names to what is checked: a script, a function of a file, or a stored model."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.check.messages import one_line
from experiments.check.record import Checked
from experiments.records import UserError, require

EXAMPLE = "Example: headtohead check train.py, or models.py:build, or model.keras"
STORED = (".keras", ".h5")
RETURNS = "a compiled Keras model, (model, y), (model, x, y), or of PyTorch (module, loss) or (module, loss, x, y)"


def is_script(target: str) -> bool:
    """Whether the target is a file to run, not a function in it or a stored model. Raises `UserError` for neither."""
    require(
        target.endswith((".py", *STORED)) or ".py:" in target,
        f"{target!r} is no FILE.py, FILE.py:FUNCTION, MODEL.keras or MODEL.h5. {EXAMPLE}",
    )
    if target.endswith((".py", *STORED)):
        require(Path(target).is_file(), f"There is no file {target!r}. {EXAMPLE}")
    return target.endswith(".py")


def check_target(target: str) -> Checked:
    """Check a stored model, or what a function of a file returns. Raises `UserError` for whatever is neither."""
    if target.endswith(STORED):
        return _stored(Path(target))
    file, build = find(target)
    name = target.rpartition(":")[2]
    try:
        returned = build(*_arguments(build))
    except Exception as error:  # the user's own code
        raise UserError(f"{name}() of {file} raised {one_line(error)}") from error
    return _of_returned(returned, file, name)


def _arguments(build: Callable[..., Any]) -> tuple[Any, ...]:
    """The shape of a row for a function that asks for one, as `compare` gives it."""
    try:
        parameters = inspect.signature(build).parameters.values()
    except (TypeError, ValueError):
        return ()
    required = [p for p in parameters if p.default is p.empty and p.kind in (0, 1)]
    return ((8,),) if len(required) == 1 else ()


def _stored(file: Path) -> Checked:
    import keras

    from experiments.check.keras_model import check_keras

    try:
        model = keras.models.load_model(file)
    except Exception as error:  # no model, or one whose own layers are not known here
        raise UserError(
            f"{file} cannot be loaded as a Keras model: {one_line(error)}. A model with layers or losses of its own is "
            "checked by its source: FILE.py:FUNCTION."
        ) from error
    return check_keras(model)


def _of_returned(returned: Any, file: Path, name: str) -> Checked:
    parts = returned if isinstance(returned, tuple) and returned else (returned,)
    first = parts[0]
    torch, keras = sys.modules.get("torch"), sys.modules.get("keras")
    if torch is not None and isinstance(first, torch.nn.Module) and not _is_keras(first, keras):
        from experiments.check.torch_program import check_torch

        require(
            len(parts) >= 2 and callable(parts[1]),
            f"{name}() of {file} returned a module without a loss. It must return (module, loss) or (module, loss, x, "
            "y).",
        )
        if len(parts) == 3 and hasattr(parts[2], "dataset"):  # a loader: its first batch
            parts = (*parts[:2], next(iter(parts[2])))
        data = parts[2] if len(parts) == 3 and isinstance(parts[2], (tuple, list)) else parts[2:]
        return check_torch(first, parts[1], *data, file=file, function=name)
    require(
        _is_keras(first, keras),
        f"{name}() of {file} returned a {type(returned).__name__}. It must return {RETURNS}.",
    )
    from experiments.check.keras_model import check_keras

    x, y = (None, parts[1]) if len(parts) == 2 else (*parts[1:3], None, None)[:2]
    return check_keras(first, x, y, file=file, function=name)


def _is_keras(value: Any, keras: Any) -> bool:
    return keras is not None and isinstance(value, keras.Model)


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
    build = getattr(module, function, None)
    if callable(build):
        return file, build
    members = (item for item in vars(module).items() if getattr(item[1], "__module__", "") == module.__name__)
    names = ", ".join(sorted(name for name, value in members if callable(value)))
    raise UserError(f"{file} has no function {function!r}. It has: {names or 'none'}. {example}")
