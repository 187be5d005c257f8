"""One run at a time on a folder of results; the parts of a sharded run side by side."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from experiments.records import UserError

LOCKS = ".locks"


@contextmanager
def hold(root: Path, shard: str = "") -> Iterator[None]:
    """Keep `root` for this process; with `shard` = "I/N", share it with the other parts.

    Raises `UserError` if another process holds it, saying which, or if `root` cannot be written.
    The lock is the operating system's, so that it ends with the process, however that ends.
    """
    folder = root / LOCKS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f".{os.getpid()}").touch()
        (folder / f".{os.getpid()}").unlink()
    except OSError as error:
        raise UserError(
            f"--out {str(root)!r} cannot be written: {error.strerror}. Name another folder with --out."
        ) from None
    mine = folder / (f"shard-{shard.replace('/', '-of-')}.lock" if shard else "run.lock")
    with ExitStack() as held:
        with FileLock(folder / "gate", timeout=60):  # so that no two processes look and take at once
            for other in [folder / "run.lock"] if shard else sorted(folder.glob("shard-*.lock")):
                _take(other, root).release()
            lock = _take(mine, root)
            held.callback(lock.release)
            note = mine.with_suffix(".json")
            since = time.strftime("%Y-%m-%d %H:%M:%S")
            note.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}))
            held.callback(note.unlink, missing_ok=True)
        yield


@contextmanager
def alone(root: Path, name: str) -> Iterator[None]:
    """Wait for the one place called `name`: what the parts of a sharded run must do one after another."""
    with FileLock(root / LOCKS / name, timeout=600):
        yield


def _take(path: Path, root: Path) -> FileLock:
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        who = ""
        with suppress(OSError, ValueError, KeyError):
            note = json.loads(path.with_suffix(".json").read_text())
            who = f" by process {note['pid']} on {note['host']} since {note['since']}"
        raise UserError(f"{root} is in use{who}. Wait for it to end, or name another folder with --out.") from None
    return lock
