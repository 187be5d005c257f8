"""An executed notebook as one page: code folded, no script, nothing fetched from anywhere."""

from __future__ import annotations

import logging
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbconvert import HTMLExporter
    from nbformat import NotebookNode

_TEMPLATES = Path(__file__).parent


def render(notebook: NotebookNode, title: str) -> str:
    """The page of `notebook`."""
    page, _ = _exporter().from_notebook_node(notebook, {"title": title})
    # what can be wider than a phone scrolls within itself, and so must be reachable by keyboard
    return re.sub(r"<(pre|table)\b(?![^>]*tabindex)", r'<\1 tabindex="0"', page)


@cache  # loading the templates costs more than a page
def _exporter() -> HTMLExporter:
    from nbconvert import HTMLExporter  # here: half a second that the command line need not wait for

    logging.getLogger("traitlets").setLevel(logging.ERROR)  # figures carry their own texts
    return HTMLExporter(
        template_name="page",
        extra_template_basedirs=[str(_TEMPLATES)],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
