"""What a page says in words, the identifiers that no page should hold, and English left in a Chinese one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from experiments.claims import CLAIMS
from experiments.frameworks import FRAMEWORKS
from experiments.heads import HEADS
from experiments.networks import NETWORKS
from experiments.optimizers import OPTIMIZERS
from experiments.stats import QUANTITIES
from experiments.tables import SCHEMAS
from experiments.tasks import TASKS
from experiments.worked_examples import EXAMPLES

KINDS = {"arm": HEADS, "task": TASKS, "network": NETWORKS, "network_long": NETWORKS, "optimizer": OPTIMIZERS,
         "framework": FRAMEWORKS, "quantity": QUANTITIES}  # fmt: skip
# what a table calls a thing, where that is no word of a language
IDENTIFIERS = {
    name
    for names in (*KINDS.values(), SCHEMAS, *SCHEMAS.values(), EXAMPLES, CLAIMS, {"keras-torch"})
    for name in names
    if re.search("[_-]", str(name))
} | {"nll", "k_softmax"}  # fmt: skip
# a name within a longer one is not that name: "sigmoid" of "sigmoid-range"
_NAME = re.compile(r"(?<![\w-])\w+(?:-\w+)*(?![\w-])", flags=re.ASCII)
_CELL = re.compile(rf"(?<![\w/])\w+/(?:{'|'.join(NETWORKS)})/\w+", flags=re.ASCII)


class Prose(HTMLParser):
    """What a page says in words: all but code, scripts and styles, and but the English behind a verdict."""

    SKIPPED = ("code", "pre", "script", "style")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "img", "source", "input", "br"):
            self.open.append(tag)
        self.texts += [str(value) for name, value in attributes if name in ("alt", "title", "aria-label")]

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not set(self.open) & set(self.SKIPPED):
            self.texts.append(data)


def prose(page: Path) -> list[str]:
    parser = Prose()
    parser.feed(page.read_text(encoding="utf-8"))
    return [text for text in parser.texts if text.strip()]


def identifiers(text: str) -> Iterator[str]:
    """The identifiers in a text, and every cell as tables write it."""
    yield from IDENTIFIERS & {*_NAME.findall(text), *re.findall(r"\w+", text, flags=re.ASCII)}
    yield from _CELL.findall(text)


def left_in_english(text: str) -> list[str]:
    """Runs of three English words or more: what is no name."""
    return re.findall(r"\b[A-Za-z][a-z]+(?: [a-z]{2,}){2,}", text, flags=re.ASCII)
