"""Files and folders that are written beside their place and renamed: a reader sees the old content or the new one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path, beside: Path | None = None) -> Iterator[Path]:
    """Within, write to the path that this gives; it takes the place of `path` at the end, or goes if there is an error.

    `beside`: that path, in the same folder; by default a hidden one of this process.
    """
    beside = beside or path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def replace_folder(folder: Path, new: Path, old: Path) -> None:
    """Put the folder `new` in the place of `folder`, which becomes `old`: a rename replaces none that holds a file."""
    if folder.exists():
        folder.rename(old)
    new.rename(folder)


def write_file(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write `path` so that there is never a part of it; `durable`: so that it survives a loss of power, which is slow.

    Raises `OSError` when the disk does not take it; the old content stays then.
    """
    with replacing(path) as beside:
        if durable:
            write_durably(beside, data)
        else:
            beside.write_bytes(data)


def write_durably(path: Path, data: bytes) -> None:
    """Write a file and wait until the disk has it."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
