"""What is said in every language: a catalogue of strings beside the module that says them, and one of names for all."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from experiments.records import require

LANGUAGES = ("en", "zh")
SEPARATOR = " · "  # between the names of a cell
NAMES = Path(__file__).with_name("names.toml")


# by a kind of text, from the name of what is registered to what it says of itself by language
_TEXTS: dict[str, Callable[[str], Mapping[str, str]]] = {}


def register_texts(kind: str, texts_of: Callable[[str], Mapping[str, str]]) -> None:
    """Have `Messages` find the texts `kind.NAME` in `texts_of(NAME)` where no catalogue has them."""
    _TEXTS[kind] = texts_of


@cache
def catalogue(path: Path) -> Mapping[str, Mapping[str, str]]:
    """Key -> language -> text, from a TOML file whose tables are named like `[loss_curves.title]`."""
    texts: dict[str, dict[str, str]] = {}

    def walk(prefix: str, node: Mapping[str, Any]) -> None:
        for name, value in node.items():
            key = f"{prefix}.{name}" if prefix else name
            if all(isinstance(text, str) for text in value.values()):
                texts[key] = dict(value)
            else:
                walk(key, value)

    walk("", tomllib.loads(path.read_text(encoding="utf-8")))
    return texts


@dataclass(frozen=True, kw_only=True)
class Messages:
    """The strings of one language: `messages("key", n=3)` is the text with its placeholders filled.

    Raises `UserError` for an unknown language and `KeyError` for a key that no catalogue holds.
    """

    lang: str = "en"
    paths: tuple[Path, ...] = (NAMES,)

    def __post_init__(self) -> None:
        require(self.lang in LANGUAGES, f"Unknown language {self.lang!r}. Known: {', '.join(LANGUAGES)}.")

    def __contains__(self, key: str) -> bool:
        return bool(self._texts(key))

    def _texts(self, key: str) -> Mapping[str, str]:
        """The text of `key` by language; nothing where there is none."""
        for path in self.paths:
            if key in catalogue(path):
                return catalogue(path)[key]
        kind, _, name = key.partition(".")
        return _TEXTS[kind](name) if kind in _TEXTS else {}

    def __call__(self, key: str, /, **values: object) -> str:
        """The text of `key` with its placeholders filled."""
        texts = self._texts(key)
        if not texts:
            raise KeyError(f"No catalogue holds the string {key!r}")
        return texts[self.lang].format(**values)

    def or_key(self, prefix: str, name: str) -> str:
        """The text of `prefix.name`, or `name` itself: what a user adds has a name and no translation."""
        return self(f"{prefix}.{name}") if f"{prefix}.{name}" in self else name

    def translated(self, prefix: str, name: str, english: str) -> str:
        """The text of `prefix.name`; `english` in English, and where the catalogue has no translation."""
        return english if self.lang == "en" or f"{prefix}.{name}" not in self else self(f"{prefix}.{name}")

    def name(self, kind: str, key: str) -> str:
        """What a thing is called: `name("task", "breast_cancer")` is "breast cancer"."""
        return self(f"{kind}.{key}") if f"{kind}.{key}" in self else key.replace("_", " ")

    def parts(self, key: Iterable[object]) -> list[str]:
        """The names of a task, a network and an optimizer; what follows them, such as a rate, is taken as it is."""
        kinds = itertools.chain(("task", "network", "optimizer"), itertools.repeat(""))
        return [self.name(kind, str(part)) for kind, part in zip(kinds, key, strict=False) if part != ""]

    def cell(self, key: Iterable[object]) -> str:
        """A cell's names, one behind the other: "breast cancer · MLP · Adam"."""
        return SEPARATOR.join(self.parts(key))

    def axis(self, quantity: str) -> str:
        """A quantity with its unit, for an axis: "NLL (nats)"."""
        return self.or_key("quantity", quantity) + self.unit(quantity)

    def unit(self, quantity: str) -> str:
        """A quantity's unit to set behind its name: " (nats)", or nothing where it has none."""
        return self("axis.unit", unit=self(f"unit.{quantity}")) if f"unit.{quantity}" in self else ""


def figure(value: float, digits: int = 3, sign: bool = False) -> str:
    """A number as a sentence writes it: so many significant digits, a true minus."""
    return f"{value:{'+' if sign else ''}.{digits}g}".replace("-", "−")


def fixed(value: float, decimals: int, sign: bool = False) -> str:
    """A number with so many decimals, and a true minus."""
    return f"{value:{'+' if sign else ''}.{decimals}f}".replace("-", "−")
