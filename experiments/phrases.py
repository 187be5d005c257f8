"""English that is composed where it is found out, told in another language: a pattern a phrase.

What readers of a user's data say, and the figures behind a verdict, are English sentences with names and numbers in
them. A file of phrases has each as its English text with places, `{like} this`, and the text in the other language with
the same places. What fills a place is told by the same phrases, so that "3 rows" within a sentence is told as well.

A place is whatever stands there; but {n}, {n1}, ... are numbers, {quantity} and {table} identifiers, {dtype} is a
floating-point type, {cell} the key of a cell (moons/mlp/sgd), {maybe...} may be empty, and {names...} and {parts...}
are lists, joined by commas and by semicolons, whose items are told one by one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from experiments.messages import Messages

_SLOT = re.compile(r"\\\{(\w+)\\\}")
_NUMBER = r"(?:[-−+]?[\d,.]*\d(?:e[-+]?\d+)?|not a number|(?:minus |\+)?infinite)"
_KINDS = {"n": _NUMBER, "cell": r"\w+/\w+/\w+", "quantity": r"\w+", "table": r"\w+", "dtype": r"b?float\d+",
          "maybe": ".*?"}
_SENTENCES = re.compile(r"(?<=\.) (?=[A-Z(0-9])")
# what a list is joined by: in English, and there
_LISTS = {"names": (", ", "、"), "parts": ("; ", "；")}


@dataclass(frozen=True)
class Phrases:
    """The phrases of one file. In it `within` names what follows a comma without beginning another item of a list."""

    path: Path

    def translate(self, text: str, messages: Messages) -> str:
        """`text` in the language of `messages`; what no phrase fits, such as a name of the user's, stays as it is."""
        if messages.lang == "en" or not text:
            return text
        sentences = _SENTENCES.split(text)
        if len(sentences) > 1 and all(self.fits(sentence, messages.lang) for sentence in sentences):
            return "".join(self._translated(sentence, messages) or sentence for sentence in sentences)
        return self._translated(text, messages) or text

    def fits(self, text: str, lang: str) -> bool:
        """Whether one phrase fits the whole of `text`."""
        return any(pattern.fullmatch(text) for pattern, _ in _patterns(self.path, lang, text.endswith(".")))

    def _translated(self, text: str, messages: Messages) -> str | None:
        for pattern, phrase in _patterns(self.path, messages.lang, text.endswith(".")):
            if match := pattern.fullmatch(text):
                return phrase.format(**{slot: self._filled(slot, what, messages)
                                        for slot, what in match.groupdict().items()})  # fmt: skip
        return None

    def _filled(self, slot: str, text: str, messages: Messages) -> str:
        """What fills a place, of a list an item at a time."""
        joint = next((joints for kind, joints in _LISTS.items() if slot.startswith(kind)), None)
        if joint is None:
            return self.translate(text, messages)
        within = "|".join(map(re.escape, _content(self.path).get("within", ["$."])))
        items = re.split(rf"{joint[0]}(?!{within})", text)
        return joint[1].join(self.translate(item, messages) for item in items)


@cache
def _content(path: Path) -> Mapping[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def _patterns(path: Path, lang: str, stops: bool) -> tuple[tuple[re.Pattern[str], str], ...]:
    """The phrases in the order of the file, those that end in a full stop or the others; the first that fits counts."""
    phrases = [phrase for phrase in _content(path)["phrase"] if phrase["en"].endswith(".") == stops]
    return tuple((_compiled(phrase["en"]), phrase[lang]) for phrase in phrases)


def _compiled(text: str) -> re.Pattern[str]:
    def group(match: re.Match[str]) -> str:
        kind = match[1].rstrip("0123456789")
        return rf"(?P<{match[1]}>{_KINDS.get(kind, '.+?')})"

    return re.compile(_SLOT.sub(group, re.escape(text)), re.DOTALL)
