"""What matplotlib writes, made smaller: a page holds twenty figures, and a result keeps a page in each language."""

from __future__ import annotations

import io
import re
from collections import Counter
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from experiments.figures.lettering import LATIN

# what a page and its figures are written in: the reader's own sans-serif, which is as wide as the font that a figure
# is laid out with (one of the widest there is), or narrower
FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif"
_FAMILIES = re.compile(rf"'{LATIN}'(?:, (?:'[^']*'|sans-serif))*")
_PLACES = re.compile(r' (d|x|y)="([^"]*)"')
_LONG = re.compile(r"(\d\.\d)\d+")
_AROUND = re.compile(r"\s*([A-Za-z])\s*")
_STYLES = re.compile(r' style="[^"]*"')
_GROUPS = re.compile(r"<g(?: [^>]*[^/])?>|</g>")
_UNUSED = re.compile(r'<metadata>.*?</metadata>| transform="rotate\(-0 [^"]*"|(?<=<g) id="[^"]*"', re.DOTALL)


def small_svg(text: str, sheet: str) -> str:
    """A figure's SVG with the style `sheet`, which defines `--font`; to a tenth of a point, without names."""
    text = _UNUSED.sub("", text[text.index("<svg") :])
    text = _PLACES.sub(_shorter, text)
    text = _FAMILIES.sub("var(--font)", text)
    text = _STYLES.sub(lambda match: match[0].replace("; ", ";").replace(": ", ":"), text)
    text, rules = _classes(text)
    text = _without_plain_groups(re.sub(r">\s+<", "><", text))
    head = text.index(">") + 1
    # after the fonts are replaced: the sheet names them, and a variable defined by itself is no font at all
    return f"{text[:head]}<style>{sheet}{rules}</style>{text[head:]}"


def _without_plain_groups(text: str) -> str:
    """The text without groups that have no attribute: they group nothing."""
    open_groups: list[bool] = []

    def keep(match: re.Match[str]) -> str:
        if match[0] == "</g>":
            plain = open_groups.pop()
        else:
            plain = match[0] == "<g>"
            open_groups.append(plain)
        return "" if plain else match[0]

    return _GROUPS.sub(keep, text)


def _classes(text: str) -> tuple[str, str]:
    """The text with a class in the place of each style that stands in it more than once, and the classes' rules."""
    often = [style for style, n in Counter(_STYLES.findall(text)).most_common() if n > 1]
    names = {style: f"s{index}" for index, style in enumerate(often)}
    text = _STYLES.sub(lambda match: f' class="{names[match[0]]}"' if match[0] in names else match[0], text)
    return text, "".join(f".{name}{{{style[8:-1]}}}" for style, name in names.items())


def _shorter(match: re.Match[str]) -> str:
    points = _AROUND.sub(r"\1", _LONG.sub(r"\1", match[2])).strip()
    return f' {match[1]}="{points}"'


def small_png(rgba: bytes, size: tuple[int, int], source: str = "") -> bytes:
    """A PNG of raw pixels, (height, width, 4), in at most 256 colours: a third of the size.

    `source` goes with it: what `source_of` says of the file.
    """
    into, notes = io.BytesIO(), PngInfo()
    if source:
        notes.add_text("Source", source)
    whole = Image.frombuffer("RGBA", size, rgba).convert("RGB")
    whole.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(into, "png", pnginfo=notes)
    return into.getvalue()


def squeeze(path: Path) -> None:
    """Pack the pixels of a PNG more tightly, which takes seven times as long; what it shows and notes stays."""
    with Image.open(path) as image:
        image.load()
        notes = PngInfo()
        for name, text in getattr(image, "text", {}).items():
            notes.add_text(name, text)
        image.save(path, "png", pnginfo=notes, optimize=True)


def source_of(path: Path) -> str:
    """The `source` that a PNG file was made with; empty for another file and for none."""
    try:
        with Image.open(path) as picture:
            return str(picture.info.get("Source", ""))
    except OSError:
        return ""
