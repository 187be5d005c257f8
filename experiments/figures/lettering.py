"""What figures say in each language, and how it fits its place: fonts, lines broken or cut by their width."""

from __future__ import annotations

import itertools
import logging
import re
import textwrap
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager, get_font

from experiments import frameworks, heads, networks, optimizers, tasks  # noqa: F401  (their names are with them)
from experiments.messages import NAMES, SEPARATOR, Messages, catalogue

STRINGS = Path(__file__).with_name("strings.toml")


def messages_in(lang: str) -> Messages:
    """The figures' messages in a language."""
    return Messages(lang=lang, paths=(STRINGS, NAMES))


ENGLISH = messages_in("en")


# most Chinese fonts have one weight, and matplotlib would complain of it at every bold title
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)

LATIN = "DejaVu Sans"  # matplotlib brings it along

# Fonts with simplified Chinese letters, as Linux, macOS and Windows name them; the first that is installed is taken.
# Of a collection of several (Noto's and Adobe's) matplotlib may know only the Japanese face, which has them as well.
CHINESE = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Noto Sans CJK JP",
    "Source Han Sans", "PingFang SC", "Hiragino Sans GB", "Heiti SC", "STHeiti", "Microsoft YaHei", "DengXian",
    "SimHei", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Songti SC", "SimSun",
    "Noto Serif CJK SC", "Noto Serif CJK JP", "AR PL UMing CN", "AR PL UKai CN", "Arial Unicode MS",
)  # fmt: skip
_FILES = re.compile(
    "noto.*(cjk|sc)|sourcehan|pingfang|hiragino.*gb|heiti|msyh|deng|simhei|simsun|wqy|droidsansfallback|songti|uming|ukai"
    "|arial.*uni",
    re.IGNORECASE,
)
_CJK = re.compile("[\u2e80-\uffef]")
_EM = 0.58  # of the size: about how wide a letter is
_CLOSING = re.compile("[\u3001\u3002\uff09\uff0c\uff1a\uff1b\uff1f ]")  # stops, commas, a closing bracket, a space
_PIECES = re.compile("[\u2e80-\uffef]| +|[^\u2e80-\uffef ]+")


def families() -> list[str]:
    """What a figure is drawn with; letters that the first font lacks come from the next."""
    return [LATIN, *filter(None, [chinese_font()])]


@cache
def chinese_font() -> str | None:
    """The name of an installed font that has every Chinese letter the figures use, if there is one."""
    if (font := _first()) is None:
        # matplotlib lists the installed fonts once and keeps the list: what was installed since then is not in it
        for path in findSystemFonts():
            if _FILES.search(Path(path).name):
                with suppress(OSError, RuntimeError):  # a broken file is no font
                    fontManager.addfont(path)
        font = _first()
    return font


def _first() -> str | None:
    installed = set(fontManager.get_font_names())
    texts = (text["zh"] for path in ENGLISH.paths for text in catalogue(path).values() if "zh" in text)
    needed = {ord(letter) for text in texts for letter in text if letter > "\u2e80"}
    return next((name for name in CHINESE if name in installed and needed <= _letters(name)), None)


def drawable(text: str) -> str:
    """`text`, with a question mark for each letter that no font here has: never an empty box."""
    letters = set().union(*map(_letters, families()))
    return "".join(letter if ord(letter) in letters else "?" for letter in text)


def is_latin(text: str) -> bool:
    """Whether the first font has every letter of `text`: others are looked for only where they are needed."""
    return text.isascii() or _letters(LATIN).issuperset(map(ord, text.replace("\n", "")))


@cache
def _letters(name: str) -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties(family=name), fallback_to_default=False)).get_charmap())


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


def width_of(text: str, size: float = 9) -> float:
    """About how wide `text` is, in inches at `size` points; a Chinese letter is as wide as two."""
    return sum(2 if _CJK.match(letter) else 1 for letter in text) * size / 72 * _EM


def clip(text: str, width: float, size: float = 9) -> str:
    """`text`, cut with an ellipsis where it would be wider than `width` inches at `size` points.

    A Chinese letter is two wide, and one that no font here has becomes a question mark: names come from users' data.
    """
    letters = max(6, int(width / (size / 72 * _EM)))
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


def row_names(keys: Iterable[Sequence[str]], width: float, messages: Messages) -> list[str]:
    """A cell's names as a row's label, in two fifths of a wide figure and in half of a narrow one."""
    room = 0.54 * width if width < 5 else 0.42 * width
    return [clip(messages.cell(key), room, 8) for key in keys]
