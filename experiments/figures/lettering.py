"""Texts that fit their place: broken into lines, or cut, by the width of their letters."""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Iterable, Sequence

from experiments.figures.fonts import drawable
from experiments.words import SEPARATOR, Words

_CJK = re.compile("[\u2e80-\uffef]")
_CLOSING = re.compile("[\u3001\u3002\uff09\uff0c\uff1a\uff1b\uff1f ]")  # stops, commas, a closing bracket, a space
_PIECES = re.compile("[\u2e80-\uffef]| +|[^\u2e80-\uffef ]+")


def wrap(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """Break `text` into lines of at most `width` inches at `size` points.

    A Chinese letter is two wide, and a line may end after any of them, but begins with none that closes a phrase.
    """
    room = max(8, int(width / (size / 72 * (0.665 if bold else 0.6))))
    if not _CJK.search(text):
        return textwrap.fill(text, room)
    lines, line, used = [], "", 0
    for piece in _PIECES.findall(text):
        wide = sum(2 if _CJK.match(letter) else 1 for letter in piece)
        if line and used + wide > room and not _CLOSING.match(piece):
            lines.append(line.rstrip())
            line, used = "", 0
        if line or not piece.isspace():
            line, used = line + piece, used + wide
    return "\n".join([*lines, line.rstrip()])


def clip(text: str, width: float, size: float = 9) -> str:
    """`text`, cut with an ellipsis where it would be wider than `width` inches at `size` points.

    A Chinese letter is two wide, and one that no font here has becomes a question mark: names come from users' data.
    """
    letters = max(6, int(width / (size / 72 * 0.58)))
    text = drawable(text)
    ends = list(itertools.accumulate(2 if _CJK.match(letter) else 1 for letter in text))
    return text if not ends or ends[-1] <= letters else text[: sum(end < letters for end in ends)] + "…"


def in_two(text: str, width: float, size: float = 9) -> str:
    """`text` in one line where it fits into `width` inches, else in two, the second of them cut if need be."""
    if clip(text, width, size) == text:
        return text
    first, _, rest = wrap(text, width, size).partition("\n")
    return f"{first}\n{clip(rest.replace(chr(10), ' '), width, size)}"


def panel_title(key: Sequence[str], width: float, size: float = 9) -> str:
    """A cell's names in `width` inches: in one line where they fit, else the task above its network and optimizer."""
    whole = SEPARATOR.join(key)
    return (
        whole
        if clip(whole, width, size) == whole
        else "\n".join(clip(part, width, size) for part in (key[0], SEPARATOR.join(key[1:])))
    )


def row_names(keys: Iterable[Sequence[str]], width: float, words: Words) -> list[str]:
    """A cell's names as a row's label, in two fifths of a wide figure and in half of a narrow one."""
    room = 0.54 * width if width < 5 else 0.42 * width
    return [clip(words.cell(key), room, 8) for key in keys]
