"""Cache keys: a hash of everything that decides what a cell's notebook stores, and of nothing else."""

from __future__ import annotations

import ast
import hashlib
import json
import threading
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from experiments.records import Cell, UserError
from experiments.tasks import TASKS, data_hash

PACKAGE = Path(__file__).resolve().parent.parent
NOTEBOOKS = PACKAGE.parent / "notebooks"
VERSIONED = ("tensorflow", "keras", "numpy")  # decide numbers everywhere; other backends where a notebook uses them
SCHEDULING = frozenset({"out", "tables", "memory_gib"})  # parameters that decide where and how, not what
_LOADERS = {"import_module", "iter_modules", "walk_packages"}  # imports that the source does not spell out
_OTHER_BACKENDS = ("torch", "jax", "jaxlib")
_PARSER = threading.Lock()


def cache_key(cell: Cell, notebooks: Path = NOTEBOOKS, inputs: Sequence[str] = ()) -> str:
    """SHA-256, as 64 hexadecimal digits, of what decides the result of `cell`.

    That is: its parameters, the source of its notebook, the modules of this package that the notebook uses, the
    data of its task, the versions of TensorFlow, Keras and NumPy, and `inputs`, the digests of the stored tables
    that a cell of the last stage reads. Memory, threads and workers are no part of it.
    """
    notebook = read_notebook(notebooks / cell.notebook)
    parameters = {name: value for name, value in cell.parameters.items() if name not in SCHEDULING}
    parts = {
        "parameters": parameters,
        "notebook": _sha256(json.dumps([[cell["cell_type"], _text(cell)] for cell in notebook["cells"]]).encode()),
        "modules": code_hash(notebook),
        "data": _data_of(parameters),
        "versions": versions(notebook),
        "inputs": sorted(inputs),
    }
    return _sha256(json.dumps(parts, sort_keys=True, allow_nan=False).encode())


def versions(notebook: dict[str, Any]) -> dict[str, str]:
    """The versions that decide a notebook's numbers; "absent" for a package that is not installed. Imports none."""
    used = {name.partition(".")[0] for name in _imports(notebook)}
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
        raise UserError(
            f"There is no notebook {path}. Install the project from its own folder: pip install -e ."
        ) from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is no notebook that can be read.") from None
    return notebook


def code_hash(notebook: dict[str, Any]) -> str:
    """SHA-256 over every file of this package that the notebook uses, with its path in the package."""
    return _hash_files(modules_of(notebook))


def fingerprint(notebook: dict[str, Any]) -> str:
    """What two machines must share to run the notebook alike: the code it uses, and the versions that move numbers."""
    return _sha256(json.dumps([code_hash(notebook), versions(notebook)]).encode())


def _text(cell: dict[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


@cache
def _hash_files(files: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.relative_to(PACKAGE).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def modules_of(notebook: dict[str, Any]) -> tuple[Path, ...]:
    """The files of this package that a notebook imports, directly or through others, found without running any.

    A folder whose `__init__` loads modules by a computed name counts as a whole; the files beside a package's
    `__init__` that are not Python (texts, templates) count too.
    """
    waiting = set(_imported(_code(notebook), PACKAGE))
    found: set[Path] = set()
    while waiting:
        file = waiting.pop()
        found.add(file)
        waiting |= _uses(file) - found
    return tuple(sorted(found))


def _code(notebook: dict[str, Any]) -> ast.Module:
    lines = [line for cell in notebook["cells"] if cell["cell_type"] == "code" for line in _text(cell).splitlines()]
    try:
        return _parse("\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines))
    except SyntaxError as error:
        raise UserError(f"A notebook holds code that is not Python: {error.text!r} ({error.msg}).") from None


def preload_of(notebook: dict[str, Any]) -> tuple[str, ...]:
    """What a notebook and the modules that it uses import, by dotted name, other packages first.

    Importing these ahead saves every kernel the time; what only another backend than TensorFlow needs is left out.
    """
    names = _imports(notebook)
    others = sorted(name for name in names if name.partition(".")[0] not in (PACKAGE.name, *_OTHER_BACKENDS))
    own = [
        ".".join((PACKAGE.name, *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        for file in modules_of(notebook)
        if file.suffix == ".py"
    ]
    return (*others, *own)


def _imports(notebook: dict[str, Any]) -> set[str]:
    """Every dotted name that a notebook and the modules that it uses may import."""
    sources = (file for file in modules_of(notebook) if file.suffix == ".py")
    return set(_dotted(_code(notebook))).union(*map(_dotted_in, sources))


@cache
def _dotted_in(file: Path) -> frozenset[str]:
    return frozenset(_dotted(_parsed(file)))


@cache
def _parsed(file: Path) -> ast.Module:
    """What running a file may do: its source less what only a type checker reads."""
    return _WithoutTypes().visit(_parse(file.read_text(encoding="utf-8")))


def _parse(source: str) -> ast.Module:
    """`ast.parse`, one thread at a time: in CPython 3.11 all share its count of the depth (`SystemError`)."""
    with _PARSER:
        return ast.parse(source)


class _WithoutTypes(ast.NodeTransformer):
    def visit_If(self, node: ast.If) -> Any:
        return [] if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else self.generic_visit(node)


def _dotted(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def _uses(file: Path) -> frozenset[Path]:
    """The files of this package that one file of it brings in directly."""
    if file.suffix != ".py":
        return frozenset()
    used = set(_imported(_parsed(file), file.parent))
    if file.name == "__init__.py":
        used |= {beside for beside in file.parent.iterdir() if beside.is_file() and not beside.suffix.startswith(".py")}
    return frozenset(used)


def _imported(tree: ast.AST, folder: Path) -> Iterator[Path]:
    """The files of this package that the imports in `tree`, a module that stands in `folder`, bring in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            base = (node.module or "").split(".") if node.module else []
            if node.level:
                above = folder.parents[node.level - 2] if node.level > 1 else folder
                base = [PACKAGE.name, *above.relative_to(PACKAGE).parts, *base]
            for alias in node.names:
                yield from _files([*base, alias.name])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node.value.startswith(f"{PACKAGE.name}."):
                yield from _files(node.value.split("."))
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            computed = not (node.args and isinstance(node.args[0], ast.Constant))
            if name in _LOADERS and computed and folder != PACKAGE:
                yield from folder.rglob("*.py")


def _files(dotted: list[str]) -> Iterator[Path]:
    """The files that importing the dotted name runs, as far as it names modules of this package."""
    if dotted[:1] != [PACKAGE.name]:
        return
    place = PACKAGE
    yield place / "__init__.py"
    for part in dotted[1:]:
        if (place / part / "__init__.py").is_file():
            place = place / part
            yield place / "__init__.py"
        elif part.isidentifier() and (place / f"{part}.py").is_file():
            yield place / f"{part}.py"
            return
        else:
            return  # a name inside the module


def _data_of(parameters: dict[str, Any]) -> dict[str, str]:
    """The data hash of every task that the parameters name."""
    names = [parameters["task"]] if "task" in parameters else list(parameters.get("tasks", ()))
    return {name: _data_hash(name, int(parameters.get("image_side", 28))) for name in names}


@cache
def _data_hash(task: str, image_side: int) -> str:
    return data_hash(TASKS[task].load(image_side))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
