"""Files that are written beside their place and renamed: a reader sees the old content or the new one."""

from __future__ import annotations

import os
from pathlib import Path


def write_file(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write `path` so that there is never a part of it; `durable`: so that it survives a loss of power, which is slow.

    Raises `OSError` when the disk does not take it; the old content stays then.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if durable:
            write_durably(beside, data)
        else:
            beside.write_bytes(data)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_durably(path: Path, data: bytes) -> None:
    """Write a file and wait until the disk has it."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
