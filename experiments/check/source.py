"""Where in the user's file something is written: read from its syntax tree, without executing it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the user's file: its number, from 1, and what stands there."""

    number: int
    text: str


@cache
def _read(file: Path) -> tuple[ast.Module, list[str]]:
    text = file.read_text(encoding="utf-8")
    return ast.parse(text), text.splitlines()


def last_call(file: Path, function: str, name: str) -> Line | None:
    """The last call of something named `name` (`Dense`, `compile`), in `function` if there is one, else in the file."""
    tree, lines = _read(file)
    scopes: list[ast.AST] = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == function
    ]
    for scope in [*scopes, tree]:
        calls = [node for node in ast.walk(scope) if isinstance(node, ast.Call) and _name(node.func) == name]
        if calls:
            number = max((call.lineno, call.col_offset) for call in calls)[0]
            return Line(number=number, text=lines[number - 1].strip())
    return None


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
