"""The layering of the package, proved over its sources: imports only point downwards."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "experiments"
SOURCES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 300

# a module imports from its own level or from lower ones; a folder counts as one module
LEVELS: dict[int, set[str]] = {
    0: {
        "atomic", "code_hash", "keras_backend", "lazy_imports", "marks", "messages", "phrases", "progress",
        "records", "registry", "tables", "tensorflow_startup",
    },
    1: {"tasks", "networks", "heads", "optimizers", "frameworks", "protocols"},
    2: {"plan", "problem", "engines", "keras_internals", "callbacks", "numerics", "worked_examples"},
    3: {"stats", "judgement", "claims"},
    4: {"figures", "report"},
    5: {"check", "comparison", "store", "suite", "__main__"},
}
LEVEL = {module: level for level, modules in LEVELS.items() for module in modules}
# what L3 and L4 never import, however late: a report is rebuilt from tables alone
HEAVY = {"tensorflow", "keras", "torch", "jax"}
# (module, module it may import although that one is higher), each with its reason
ALLOWED: set[tuple[str, str]] = set()


def module_of(path: Path) -> str:
    """The module of the layering that a source belongs to: `stacked` for experiments/engines/stacked/rules.py."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def is_module(name: str) -> bool:
    """Whether the dotted name is a source or a folder of this package."""
    place = ROOT.joinpath(*name.split("."))
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def imports_of(path: Path, *, lazy: bool = True) -> set[str]:
    """Dotted names of all that the source imports; those within functions only if `lazy`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    late = {id(node) for function in functions for node in ast.walk(function)}
    package = ["experiments", *path.relative_to(PACKAGE).parts[:-1]]
    found = set()
    for node in ast.walk(tree):
        if not lazy and id(node) in late:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            # what is imported may be a module or a name in one
            names = [f"{start}.{alias.name}" for alias in node.names]
            found.update(name if is_module(name) else start for name in names)
    return found


def inner_imports() -> dict[str, set[str]]:
    """Each module of the layering with the others that it imports."""
    edges: dict[str, set[str]] = {}
    for path in SOURCES:
        mine = module_of(path)
        names = [name.split(".") for name in imports_of(path)]
        others = {name[1] for name in names if name[0] == "experiments" and len(name) > 1}
        edges.setdefault(mine, set()).update(others - {mine})
    return edges


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_is_short_enough_to_read(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST, f"{lines} lines: make a folder of it"


def test_every_module_has_a_level() -> None:
    unknown = {module_of(path) for path in SOURCES} - LEVEL.keys() - {"__init__"}
    assert not unknown, f"give {', '.join(sorted(unknown))} a level in {Path(__file__).name}"


def test_imports_point_downwards() -> None:
    upwards = [
        f"{mine} (L{LEVEL[mine]}) imports {other} (L{LEVEL[other]})"
        for mine, others in inner_imports().items()
        for other in others
        if mine in LEVEL and other in LEVEL and LEVEL[other] > LEVEL[mine] and (mine, other) not in ALLOWED
    ]
    assert not upwards, "; ".join(upwards)


def name_of(path: Path) -> str:
    """The dotted name of a source; that of a package for its `__init__`."""
    return ".".join(("experiments", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


def parents(name: str) -> set[str]:
    """The packages that importing the dotted name brings with it."""
    parts = name.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts))}


def brought(path: Path) -> set[str]:
    """Dotted names of this package's sources that importing the source runs first, but those it lies in itself.

    Imports within functions do not count: they are how a registry loads what registers.
    """
    imported = {name for name in imports_of(path, lazy=False) if is_module(name)}
    return imported.union(*map(parents, imported)) - parents(name_of(path)) - {name_of(path)}


def test_no_two_modules_import_each_other() -> None:
    """A module that is imported brings its parents with it, and all that they import."""
    list(graphlib.TopologicalSorter({name_of(path): brought(path) for path in SOURCES}).static_order())


def test_private_modules_are_used_in_their_own_package_alone() -> None:
    """Others import what the package's face, its `__init__`, has of them."""
    past = [
        f"{name_of(path)} imports {name}"
        for path in SOURCES
        for name in imports_of(path)
        if re.search(r"\._[a-z]", name) and is_module(name) and name.split(".")[1] != module_of(path)
    ]
    assert not past, "; ".join(past)


@pytest.mark.parametrize("level", [3, 4])
def test_statistics_and_report_know_no_framework(level: int) -> None:
    banned = HEAVY | {f"experiments.{module}" for module in LEVELS[2]}
    for path in SOURCES:
        if LEVEL.get(module_of(path)) == level:
            bad = {n for n in imports_of(path) if n.split(".")[0] in banned or ".".join(n.split(".")[:2]) in banned}
            assert not bad, f"{path.name} imports {', '.join(sorted(bad))}"


def started_by(names: list[str]) -> list[str]:
    """The frameworks that a process has loaded which imports the modules."""
    program = (
        f"import importlib, sys\nfor m in {names!r}: importlib.import_module(m)\n"
        f"print(*sorted({HEAVY!r} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_importing_the_report_starts_no_framework() -> None:
    """What the sources say is one thing, what is loaded in the end another: lower levels count too."""
    present = sorted(m for m in LEVELS[0] | LEVELS[3] | LEVELS[4] if {module_of(p) for p in SOURCES} & {m})
    assert started_by([f"experiments.{m}" for m in present]) == []


def private_names(tree: ast.AST) -> set[str]:
    """Names with one leading underscore that a source asks other objects for, and Keras's own modules."""
    own = {"self", "cls", "super()"}
    # what other libraries document under such a name
    public = {"_exit", "_getframe", "_replace", "_fields", "_asdict"}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) not in own:
            found.add(node.attr)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("getattr", "hasattr", "setattr"):
            found.update(part.value for part in node.args[1:2] if isinstance(part, ast.Constant))
    return {name for name in found if re.match(r"_[a-z]", str(name))} - public


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_keras_keeps_to_itself_is_used_in_one_module(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    used = private_names(ast.parse(source)) | set(re.findall(r"keras\.src[\w.]*", source))
    assert not used or module_of(path) == "keras_internals", f"{path.name} uses {', '.join(sorted(used))}"


def test_what_is_trained_is_numpy_alone() -> None:
    """The problem's modules start no framework, whatever they import."""
    names = [name_of(path) for path in SOURCES if module_of(path) == "problem"]
    assert started_by(names) == []


def test_what_is_imported_is_required() -> None:
    """Each third-party import stands in a requirements file, pinned."""
    pins: set[str] = set()
    for name in ("requirements.txt", "requirements-frameworks.txt"):
        lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
        assert all("==" in line for line in lines if line), f"{name} has a line without =="
        pins |= {re.sub(r"[-_.]+", "-", line.split("==")[0].lower()) for line in lines if line}
    homes = packages_distributions()
    for path in SOURCES:
        for top in {name.split(".")[0] for name in imports_of(path)} - {"experiments"} - sys.stdlib_module_names:
            named = {re.sub(r"[-_.]+", "-", home.lower()) for home in homes.get(top, [top])}
            assert named & pins, f"{path.name} imports {top}: pin {' or '.join(sorted(named))} in requirements.txt"


def committed() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in done.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and path.suffix not in {".png", ".parquet", ".gz"}]


def test_nothing_names_a_path_of_one_machine() -> None:
    # written in parts, so that this file passes its own test
    places = re.compile("|".join([r"\.\./" + "shared", r"(?<![\w.])/" + "work/", "/" + "root/", "/" + r"Users/\w"]))
    for path in committed():
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            assert not places.search(line), f"{path.relative_to(ROOT)}:{number} names {line.strip()[:100]!r}"


def test_nothing_large_is_committed() -> None:
    large = [str(path.relative_to(ROOT)) for path in committed() if path.stat().st_size > 2_000_000]
    assert not large
