"""Sections to files: Jinja2 templates with autoescape, a content-security policy by hashes, figures as data."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from experiments.figures import FONT, Messages, source_of
from experiments.report.blocks import Picture, Section
from experiments.report.sections.components import font_supports
from experiments.report.stored import Stored

_HERE = Path(__file__).parent / "templates"


def names(lang: str) -> tuple[str, str]:
    """The page's and the text's file names in a language."""
    suffix = "" if lang == "en" else f".{lang}"
    return f"report{suffix}.html", f"report{suffix}.md"


def _environment(messages: Messages, stored: Stored, langs: Collection[str]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    other = "en" if messages.lang == "zh" else "zh"
    html_name, md_name = names(other)
    has_other = other in langs or (stored.into / html_name).is_file()
    environment.globals.update(
        t=messages,
        lang=messages.lang,
        started=str(stored.run.get("started", ""))[:10],
        other_lang=other,
        other_page=html_name if has_other else "",
        other_text=md_name if has_other else "",
        english_figures=not font_supports(messages),
    )
    return environment


def page(sections: Sequence[Section], stored: Stored, messages: Messages, langs: Collection[str]) -> Path:
    """Write the page: everything it shows is inside it, and its policy allows nothing else.

    `langs`: the languages that are made with it, and so can be linked to.
    """
    path = stored.into / names(messages.lang)[0]
    environment = _environment(messages, stored, langs)
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    script += (_HERE / "explore.js").read_text(encoding="utf-8")
    style = f":root {{ --font: {FONT}; }}\n{style}"
    # `<style>` and `<script>` hold exactly what is hashed
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src {_hash(style)}; script-src {_hash(script)}"
    )
    environment.filters["data_uri"] = _data_uri
    environment.filters["json"] = _json
    text = environment.get_template("report.html.jinja").render(
        sections=sections, policy=policy, style=Markup(style), script=Markup(script)
    )
    path.write_text(text, encoding="utf-8")
    return path


def markdown(sections: Sequence[Section], stored: Stored, messages: Messages, langs: Collection[str]) -> None:
    """Write the same as Markdown, with the figures as PNG files beside it."""
    draw(sections, stored)
    path = stored.into / names(messages.lang)[1]
    path.write_text(render_markdown("report.md.jinja", stored, messages, langs, sections=sections), encoding="utf-8")


def draw(sections: Sequence[Section], stored: Stored) -> None:
    """Write the figures that are files of their own, as far as those that are there show something else."""
    folder = stored.into / "figures"
    folder.mkdir(exist_ok=True)
    for picture in (picture for section in sections for picture in section.unfolded):
        _draw_unless_current(folder / f"{picture.name}.png", picture)


def _draw_unless_current(path: Path, picture: Picture) -> None:
    """Write the PNG of a picture, unless the one that is there shows the same: drawing it takes longest of all."""
    source = hashlib.sha256(picture.wide.svg.encode()).hexdigest()
    if source_of(path) != source:
        path.write_bytes(picture.wide.draw().png(source=source))


def render_markdown(template: str, stored: Stored, messages: Messages, langs: Collection[str], **values: Any) -> str:
    """A template of Markdown, filled in; every text in it shows as it is."""
    environment = _environment(messages, stored, langs)
    environment.filters["md"] = _escaped_markdown
    text = environment.get_template(template).render(**values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(content: Mapping[str, Any]) -> Markup:
    """Data for a script to read: no text in it can end the element that holds it."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


# what means something else in an address, or is taken out of one
_QUOTED = str.maketrans({"%": "%25", "#": "%23", "<": "%3C", ">": "%3E", "\n": "%0A", "\t": "%09"})


def _data_uri(svg: str, *, listed: bool = False) -> Markup:
    """The picture as an address, a quarter shorter than in base64: single quotes need no escaping in an attribute.

    `listed`: for a `srcset`, in which a space ends the address.
    """
    if not re.search(r"""="[^"]*'[^"]*\"""", svg):
        svg = svg.replace('"', "'")
    address = "data:image/svg+xml," + svg.translate(_QUOTED)
    address = address.replace(" ", "%20") if listed else address
    return Markup(address.replace("&", "&amp;").replace('"', "&#34;"))


def _escaped_markdown(text: str) -> Markup:
    """Text that Markdown shows as it is: HTML escaped, and so are the characters that Markdown reads."""
    flat = re.sub(r"[ \t\r\n]+", " ", str(text))  # a space that keeps words together stays
    return Markup(html.escape(re.sub(r"([\\`*_{}\[\]|~#])", r"\\\1", flat), quote=False))
