"""Figures that were drawn before: one whose rows, messages and code are the same is not drawn again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd

from experiments.atomic import write_file
from experiments.code_hash import code_of
from experiments.figures import Chart, Messages, families


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure as a page holds it. `size`: its pixels. `draw` makes it anew, for its PNG, which is not cached."""

    finding: str
    size: tuple[int, int]
    svg: str
    draw: Callable[[], Chart]


def drawing(folder: Path | None, name: str, key: str, draw: Callable[[], Chart]) -> Drawing:
    """The figure that `draw` draws, or the one of that name and key that is cached in `folder`."""
    if folder is not None and (cached := _read(folder / f"{name}.json", key, draw)):
        return cached
    chart = draw()
    rendered = Drawing(finding=chart.finding, size=chart.pixels, svg=chart.svg(name), draw=lambda: chart)
    if folder is not None:
        with suppress(OSError):  # a result that can only be read: nothing is cached
            _write(folder / f"{name}.json", key, rendered)
    return rendered


def _read(path: Path, key: str, draw: Callable[[], Chart]) -> Drawing | None:
    with suppress(OSError, ValueError, TypeError, KeyError):  # none, or one that is damaged
        cached = json.loads(path.read_text(encoding="utf-8"))
        if cached["key"] == key and cached["digest"] == _sha256(cached["finding"], cached["svg"]):
            return Drawing(finding=cached["finding"], size=tuple(cached["size"]), svg=cached["svg"], draw=draw)
    return None


def _write(path: Path, key: str, rendered: Drawing) -> None:
    path.parent.mkdir(exist_ok=True)
    values = {"finding": rendered.finding, "size": rendered.size, "svg": rendered.svg}
    text = json.dumps({"key": key, "digest": _sha256(rendered.finding, rendered.svg), **values})
    write_file(path, text.encode(), durable=False)


def key_of(
    make: Callable[..., Chart],
    tables: Sequence[pd.DataFrame],
    messages: Messages,
    width: float,
    options: dict[str, Any],
) -> str:
    """What decides how `make(*tables)` looks: 64 hexadecimal digits."""
    parts = [
        make.__module__, make.__qualname__, [_digest(table) for table in tables], width,
        {name: repr(value) for name, value in options.items()}, messages.lang, _sha256(*map(_text, messages.paths)),
        code_of(make.__module__, __name__), mpl.__version__, families(),
    ]  # fmt: skip
    return _sha256(json.dumps(parts, sort_keys=True))


def _digest(table: pd.DataFrame) -> str:
    rows = pd.util.hash_pandas_object(table, index=False).to_numpy()
    columns = json.dumps([[str(name), str(kind)] for name, kind in table.dtypes.items()])
    return hashlib.sha256(columns.encode() + rows.tobytes()).hexdigest()


def _sha256(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
