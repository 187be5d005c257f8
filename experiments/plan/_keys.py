"""Cache keys: a hash of everything that decides what a cell's notebook stores, and of nothing else."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import resolve_name
from pathlib import Path
from typing import Any

from experiments.code_hash import PACKAGE, dotted, dotted_in, hash_of, parse, used_by
from experiments.frameworks import FRAMEWORKS
from experiments.records import Cell, UserError
from experiments.tables import MAIN
from experiments.tasks import TASKS, data_hash

# in an installed package within it, in a checkout beside it
NOTEBOOKS = next(path / "notebooks" for path in (PACKAGE, PACKAGE.parent) if (path / "notebooks").is_dir())
VERSIONED = ("tensorflow", "keras", "numpy")  # decide numbers everywhere; other backends where a notebook uses them
SCHEDULING = frozenset({"out", "tables", "parts", "memory_gib"})  # parameters that decide where and how, not what
_OTHER_BACKENDS = ("torch", "jax", "jaxlib")


def cache_key(cell: Cell, notebooks: Path = NOTEBOOKS, inputs: Sequence[str] = ()) -> str:
    """SHA-256, as 64 hexadecimal digits, of what decides the result of `cell`.

    That is: its parameters, the source of its notebook, the modules of this package that the notebook uses and those
    that train in the cell's framework, the data of its task, the versions of TensorFlow, Keras and NumPy and of what
    the framework needs, and `inputs`, the digests of the stored tables that a cell of the last stage reads. Memory,
    threads and workers are no part of it.
    """
    notebook = read_notebook(notebooks / cell.notebook)
    parameters = {name: value for name, value in cell.parameters.items() if name not in SCHEDULING}
    frameworks = frameworks_of(cell.parameters)
    parts = {
        "parameters": parameters,
        "notebook": _sha256(json.dumps([[cell["cell_type"], _text(cell)] for cell in notebook["cells"]]).encode()),
        "modules": code_hash(notebook, frameworks),
        "data": _data_of(parameters),
        "versions": versions(notebook, frameworks),
        "inputs": sorted(inputs),
    }
    return _sha256(json.dumps(parts, sort_keys=True, allow_nan=False).encode())


def frameworks_of(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """The frameworks that train a cell's networks, by its parameters; none for a cell that trains none."""
    one = parameters.get("framework", "")
    return (str(one),) if one else tuple(parameters.get("frameworks", ()))


def versions(notebook: dict[str, Any], frameworks: Sequence[str] = ()) -> dict[str, str]:
    """The versions that decide a notebook's numbers; "absent" for a package that is not installed. Imports none."""
    # a network may have a form in each framework: what trains decides which of them a cell depends on
    used = {package for name in frameworks for package in FRAMEWORKS[name].packages}
    used = used or {name.partition(".")[0] for name in _imports(notebook)}
    used |= {"jaxlib"} if "jax" in used else set()
    return {name: _version(name) for name in (*VERSIONED, *(other for other in _OTHER_BACKENDS if other in used))}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def read_notebook(path: Path) -> dict[str, Any]:
    """A notebook's JSON. Raises `UserError` if the file is missing or is no notebook."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        notebook["cells"]
    except FileNotFoundError:
        raise UserError(f"There is no notebook {path}. Install the project again.") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is no notebook that can be read.") from None
    return notebook


def code_hash(notebook: dict[str, Any], frameworks: Sequence[str] = ()) -> str:
    """SHA-256 over every file of this package that the notebook uses, with its path in the package.

    What trains in `frameworks` is among them, although it is loaded by name.
    """
    return hash_of(modules_of(notebook, frameworks))


def fingerprint(notebook: dict[str, Any], frameworks: Sequence[str] = ()) -> str:
    """What two machines must share to run the notebook alike: the code it uses, and the versions that move numbers."""
    return _sha256(json.dumps([code_hash(notebook, frameworks), versions(notebook, frameworks)]).encode())


def _text(cell: dict[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def modules_of(notebook: dict[str, Any], frameworks: Sequence[str] = ()) -> tuple[Path, ...]:
    """The files of this package that a notebook imports, directly or through others, found without running any.

    With `frameworks`, those too that train in them.
    """
    loaded = [resolve_name(FRAMEWORKS[name].module, PACKAGE.name) for name in frameworks]
    return used_by(_code(notebook), loaded)


def _code(notebook: dict[str, Any]) -> ast.Module:
    lines = [line for cell in notebook["cells"] if cell["cell_type"] == "code" for line in _text(cell).splitlines()]
    try:
        return parse("\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines))
    except SyntaxError as error:
        raise UserError(f"A notebook holds code that is not Python: {error.text!r} ({error.msg}).") from None


def preload_of(notebook: dict[str, Any], frameworks: Sequence[str] = ()) -> tuple[str, ...]:
    """What a notebook and the modules that it uses import, by dotted name, other packages first.

    Importing these ahead saves every kernel the time; what none of `frameworks` needs is left out, and without any what
    only another backend than TensorFlow needs.
    """
    names = _imports(notebook, frameworks)
    needed = {package for name in frameworks or (MAIN,) for package in FRAMEWORKS[name].packages}
    left_out = {PACKAGE.name, "tensorflow", *_OTHER_BACKENDS} - needed
    others = sorted(name for name in names if name.partition(".")[0] not in left_out)
    inner = [
        ".".join((PACKAGE.name, *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        for file in modules_of(notebook, frameworks)
        if file.suffix == ".py"
    ]
    return (*others, *inner)


def _imports(notebook: dict[str, Any], frameworks: Sequence[str] = ()) -> set[str]:
    """Every dotted name that a notebook and the modules that it uses may import."""
    files = (file for file in modules_of(notebook, frameworks) if file.suffix == ".py")
    return set(dotted(_code(notebook))).union(*map(dotted_in, files))


def _data_of(parameters: dict[str, Any]) -> dict[str, str]:
    """The data hash of every task that the parameters name."""
    names = [parameters["task"]] if "task" in parameters else list(parameters.get("tasks", ()))
    return {name: _data_hash(name, int(parameters.get("image_side", 28))) for name in names}


@cache
def _data_hash(task: str, image_side: int) -> str:
    """Hash the rows of a table and a seed's sample size, or the rows that two seeds draw of a population."""
    definition = TASKS[task]
    loaded = [definition.load(image_side, seed) for seed in ((0, 1) if definition.synthetic else (0,))]
    return _sha256(json.dumps([*map(data_hash, loaded), definition.sample]).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
