"""Sections to files: Jinja2 templates with autoescape, a content-security policy by hashes, figures as data."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from experiments.figures import Chart, Words
from experiments.report.blocks import Picture, Section
from experiments.report.stored import Stored

_TEMPLATES = PackageLoader("experiments.report", "templates")


def _environment(words: Words) -> Environment:
    environment = Environment(
        loader=_TEMPLATES, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(t=words, lang=words.lang)
    return environment


def html(sections: Sequence[Section], stored: Stored, words: Words, path: Path) -> None:
    """Write the page: everything it shows is inside it, and its policy allows nothing else."""
    environment = _environment(words)
    assert environment.loader is not None
    style, script = (environment.loader.get_source(environment, name)[0] for name in ("report.css", "report.js"))
    # `<style>` and `<script>` must hold exactly what is hashed
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src {_hash(style)}; script-src {_hash(script)}"
    )
    environment.filters["data_uri"] = _data_uri
    page = environment.get_template("report.html.jinja").render(
        sections=sections, run=stored.run, policy=policy, style=Markup(style), script=Markup(script)
    )
    path.write_text(page, encoding="utf-8")


def markdown(sections: Sequence[Section], stored: Stored, words: Words, path: Path) -> None:
    """Write the same as Markdown, with the figures as PNG files beside it."""
    folder = path.parent / "figures"
    folder.mkdir(exist_ok=True)
    for section in sections:
        for block in section.blocks:
            if isinstance(block, Picture):
                (folder / f"{block.name}.png").write_bytes(block.wide.png())
    environment = _environment(words)
    environment.filters["md"] = _plain
    text = environment.get_template("report.md.jinja").render(sections=sections, run=stored.run)
    path.write_text(re.sub(r"\n{3,}", "\n\n", text).strip() + "\n", encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _data_uri(figure: Chart, name: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(figure.svg(name).encode()).decode()


def _plain(text: str) -> Markup:
    """Text that Markdown shows as it is: HTML escaped, and so are the characters that Markdown reads."""
    flat = " ".join(str(text).split())
    return Markup(re.sub(r"([\\`*_{}\[\]|~])", r"\\\1", str(escape(flat))))
