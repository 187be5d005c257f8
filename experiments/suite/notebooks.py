"""What the suite asks of a notebook before it runs, and the page that it makes of one that ran."""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.code_hash import parse
from experiments.plan import kind_of, read_notebook
from experiments.records import Cell, require

if TYPE_CHECKING:
    from nbconvert import HTMLExporter
    from nbformat import NotebookNode

_TEMPLATES = Path(__file__).parent
_SET = ("out",)
_SET_IN_LAST = ("out", "tables")


def check(cells: Iterable[Cell], notebooks: Path) -> None:
    """Raise `UserError` if a notebook has no cell tagged `parameters`, or lacks a parameter that a cell would set."""
    parameters: dict[str, set[str]] = {}
    for cell in cells:
        if cell.notebook not in parameters:
            parameters[cell.notebook] = parameters_of(notebooks / cell.notebook)
        needed = {*cell.parameters, *(_SET_IN_LAST if kind_of(cell).last else _SET)}
        unknown = sorted(needed - parameters[cell.notebook])
        require(
            not unknown,
            f"The notebook {cell.notebook} has no parameter {', '.join(map(repr, unknown))} (cell {cell.id}). "
            f"It has: {', '.join(sorted(parameters[cell.notebook]))}. Add it to the cell tagged `parameters`.",
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
    for node in ast.walk(parse("\n".join(tagged))):
        if isinstance(node, ast.Assign):
            targets += node.targets
        elif isinstance(node, ast.AnnAssign):
            targets.append(node.target)
    return {target.id for target in targets if isinstance(target, ast.Name)}


def shares_training(cell: Cell, notebooks: Path) -> bool:
    """Whether the networks of a cell can be trained in parts: whether its notebook takes what others have trained."""
    return "parts" in parameters_of(notebooks / cell.notebook)


def render(notebook: NotebookNode, title: str) -> str:
    """The page of `notebook`."""
    from nbconvert import TemplateExporter

    # an `HTMLExporter` would then parse the page, pictures and all, and write it anew, to describe its images
    page, _ = TemplateExporter.from_notebook_node(_exporter(), notebook, {"title": title})
    page = re.sub(r"<img\b(?![^>]*\balt=)", '<img alt="No description has been provided for this image"', page)
    # what can be wider than a phone scrolls within itself, and so must be reachable by keyboard
    return re.sub(r"<(pre|table)\b(?![^>]*tabindex)", r'<\1 tabindex="0"', page)


@cache  # loading the templates costs more than a page
def _exporter() -> HTMLExporter:
    from nbconvert import HTMLExporter  # here: half a second that the command line need not wait for
    from nbconvert.filters import Highlight2HTML

    logging.getLogger("traitlets").setLevel(logging.ERROR)  # figures carry their own texts
    exporter = HTMLExporter(
        template_name="page",
        extra_template_basedirs=[str(_TEMPLATES)],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    exporter.register_filter("highlight_code", Highlight2HTML(pygments_lexer="ipython3"))
    return exporter
