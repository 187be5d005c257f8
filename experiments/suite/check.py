"""What papermill only warns of, as errors before anything runs."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from experiments import sources
from experiments.plan import kind_of
from experiments.plan.keys import read_notebook
from experiments.records import Cell, require

_GIVEN = ("out",)
_GIVEN_LAST = ("out", "tables")


def check(cells: Iterable[Cell], notebooks: Path) -> None:
    """Raise `UserError` if a notebook has no cell tagged `parameters`, or lacks a parameter that a cell would set."""
    known: dict[str, set[str]] = {}
    for cell in cells:
        if cell.notebook not in known:
            known[cell.notebook] = parameters_of(notebooks / cell.notebook)
        wanted = {*cell.parameters, *(_GIVEN_LAST if kind_of(cell).last else _GIVEN)}
        unknown = sorted(wanted - known[cell.notebook])
        require(
            not unknown,
            f"The notebook {cell.notebook} has no parameter {', '.join(map(repr, unknown))} (cell {cell.id}). "
            f"It has: {', '.join(sorted(known[cell.notebook]))}. Add it to the cell tagged `parameters`.",
        )


def parameters_of(notebook: Path) -> set[str]:
    """The names that the cell tagged `parameters` assigns. Raises `UserError` if there is no such cell."""
    tagged = [
        "".join(cell["source"])
        for cell in read_notebook(notebook)["cells"]
        if cell["cell_type"] == "code" and "parameters" in cell.get("metadata", {}).get("tags", ())
    ]
    require(bool(tagged), f"The notebook {notebook.name} has no cell tagged `parameters`: papermill could not set any.")
    targets = []
    for node in ast.walk(sources.parse("\n".join(tagged))):
        if isinstance(node, ast.Assign):
            targets += node.targets
        elif isinstance(node, ast.AnnAssign):
            targets.append(node.target)
    return {target.id for target in targets if isinstance(target, ast.Name)}
