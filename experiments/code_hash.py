"""The sources of this package: which of its files a piece of code brings in, and a hash of them. Nothing is run."""

from __future__ import annotations

import ast
import hashlib
import os
import sysconfig
import threading
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
_LOADERS = {"import_module", "iter_modules", "walk_packages"}  # imports that the source does not spell out
_TELLING = (ast.Import, ast.ImportFrom, ast.Constant, ast.Call)  # what may name another module
_PARSER = threading.Lock()


def search_path() -> str:
    """`PYTHONPATH` for another process that shall import this package too: where it stands comes first.

    What is installed is found anyway, and in that variable would come before the standard library.
    """
    installed = PACKAGE.parent == Path(sysconfig.get_path("purelib")).resolve()
    root = "" if installed else str(PACKAGE.parent)
    return os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))


def parse(source: str) -> ast.Module:
    """`ast.parse`, one thread at a time: in CPython 3.11 all share its count of the depth (`SystemError`)."""
    with _PARSER:
        return ast.parse(source)


def used_by(tree: ast.Module, loaded: Iterable[str] = ()) -> tuple[Path, ...]:
    """The files of this package that a piece of code imports, directly or through others, and those that the modules
    `loaded` by name bring with them.

    A folder whose `__init__` loads modules by a computed name counts as a whole; the files beside a package's
    `__init__` that are not Python (texts, templates) count too.
    """
    named = (file for module in loaded for file in _files(module.split(".")))
    return _with_what_they_use({*_imported(ast.walk(tree), PACKAGE), *named})


@cache
def code_of(*modules: str) -> str:
    """`hash_of` these modules of this package, by dotted name, and all files that they use."""
    return hash_of(_with_what_they_use(file for module in modules for file in _files(module.split("."))))


@cache
def hash_of(files: tuple[Path, ...]) -> str:
    """SHA-256, as 64 hexadecimal digits, over files of this package, with their paths in it."""
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.relative_to(PACKAGE).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def dotted(tree: ast.AST) -> Iterator[str]:
    """Every dotted name that a piece of code may import."""
    yield from _dotted(ast.walk(tree))


def _dotted(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def dotted_in(file: Path) -> frozenset[str]:
    """`dotted` of a file of this package."""
    return frozenset(_dotted(_telling(file)))


def _with_what_they_use(files: Iterable[Path]) -> tuple[Path, ...]:
    waiting = set(files)
    reached: set[Path] = set()
    while waiting:
        file = waiting.pop()
        reached.add(file)
        waiting |= _uses(file) - reached
    return tuple(sorted(reached))


@cache
def _telling(file: Path) -> tuple[ast.AST, ...]:
    """What in a file may bring others in when it is run; the rest of its tree, which is large, is not kept."""
    return tuple(_in_running(parse(file.read_text(encoding="utf-8"))))


def _in_running(tree: ast.AST) -> Iterator[ast.AST]:
    """The imports, texts and calls in `tree`, but in what only a type checker reads."""
    waiting: list[ast.AST] = [tree]
    for node in waiting:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, _TELLING):
            yield node
        waiting.extend(ast.iter_child_nodes(node))


@cache
def _uses(file: Path) -> frozenset[Path]:
    """The files of this package that one file of it brings in directly."""
    if file.suffix != ".py":
        return frozenset()
    used = set(_imported(_telling(file), file.parent))
    if file.name == "__init__.py":
        used |= {beside for beside in file.parent.iterdir() if beside.is_file() and not beside.suffix.startswith(".py")}
    return frozenset(used)


def _imported(nodes: Iterable[ast.AST], folder: Path) -> Iterator[Path]:
    """The files of this package that the imports among `nodes`, of a module that stands in `folder`, bring in."""
    for node in nodes:
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
    folder = PACKAGE
    yield folder / "__init__.py"
    for part in dotted[1:]:
        if (folder / part / "__init__.py").is_file():
            folder = folder / part
            yield folder / "__init__.py"
        elif part.isidentifier() and (folder / f"{part}.py").is_file():
            yield folder / f"{part}.py"
            return
        else:
            return  # a name inside the module
