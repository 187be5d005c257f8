"""Fonts: the installed one that has Chinese letters, and which letters a figure can show at all."""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from functools import cache
from pathlib import Path

from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager, get_font

from experiments.figures.words import ENGLISH, catalogue

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


def families() -> list[str]:
    """What a figure is drawn with; letters that the first font lacks come from the next."""
    return [LATIN, *filter(None, [chinese_font()])]


@cache
def chinese_font() -> str | None:
    """The name of an installed font that has every Chinese letter the figures use, if there is one."""
    if (found := _first()) is None:
        # matplotlib lists the installed fonts once and keeps the list: what was installed since then is not in it
        for path in findSystemFonts():
            if _FILES.search(Path(path).name):
                with suppress(OSError, RuntimeError):  # a broken file is no font
                    fontManager.addfont(path)
        found = _first()
    return found


def _first() -> str | None:
    known = set(fontManager.get_font_names())
    texts = (text["zh"] for path in ENGLISH.paths for text in catalogue(path).values() if "zh" in text)
    needed = {ord(letter) for text in texts for letter in text if letter > "\u2e80"}
    return next((name for name in CHINESE if name in known and needed <= _letters(name)), None)


def drawable(text: str) -> str:
    """`text`, with a question mark for each letter that no font here has: never an empty box."""
    letters = set().union(*map(_letters, families()))
    return "".join(letter if ord(letter) in letters else "?" for letter in text)


@cache
def _letters(name: str) -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties(family=name), fallback_to_default=False)).get_charmap())
