"""The notebooks stay thin: parameters, load, train, show, store; the logic is in the package."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LOGIC = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.AsyncFor, ast.While)

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def test_is_valid_and_has_at_most_ten_code_cells(path: Path) -> None:
    nbformat.validate(read(path))
    assert len(code_cells(path)) <= 10


def test_defines_nothing_and_loops_over_nothing(path: Path) -> None:
    to_python = TransformerManager().transform_cell
    for number, cell in enumerate(code_cells(path)):
        found = [node for node in ast.walk(ast.parse(to_python(cell.source))) if isinstance(node, LOGIC)]
        assert not found, f"code cell {number} holds a {type(found[0]).__name__}: move it into the package"


def test_has_one_cell_of_parameters(path: Path) -> None:
    tagged = [cell for cell in code_cells(path) if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1, "papermill needs one cell tagged `parameters`"


def test_begins_with_its_question(path: Path) -> None:
    first = read(path).cells[0]
    assert first.cell_type == "markdown"
    assert "?" in first.source


def test_outputs_are_stripped(path: Path) -> None:
    for number, cell in enumerate(code_cells(path)):
        assert not cell.outputs, f"code cell {number} has outputs: `make strip`"
        assert cell.execution_count is None, f"code cell {number} has a number: `make strip`"
