"""Start TensorFlow without the lines that its C++ libraries write to the terminal."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module

from experiments.keras_backend import before_tensorflow
from experiments.records import require

# what Abseil writes before its logging is set up, and what C++ tells for information
_STARTUP = re.compile(rb"WARNING: All log messages before absl|I\d{4} [\d:.]+ +\d+ \S+\.cc:\d+\]")


def stderr_aside() -> AbstractContextManager[None]:
    """Within, what is written to file descriptor 2 is set aside; it appears after all if an exception leaves.

    `sys.stderr` is aside too where it writes to that descriptor. Nothing happens where there is no descriptor 2.
    """
    return _aside(lambda text, failed: text if failed else b"")


def startup_aside() -> AbstractContextManager[None]:
    """Within, what is written to file descriptor 2 is held back; TensorFlow's start-up lines never appear.

    For code of the user, which may import TensorFlow or another backend, and may have something to say.
    """
    return _aside(
        lambda text, failed: b"".join(line for line in text.splitlines(keepends=True) if not _STARTUP.match(line))
    )


@contextmanager
def _aside(say: Callable[[bytes, bool], bytes]) -> Iterator[None]:
    """Hold descriptor 2 back; `say(text, failed)` is what appears of it at the end."""
    try:
        terminal = os.dup(2)
    except OSError:
        yield
        return
    failed = True
    with tempfile.TemporaryFile() as aside:
        try:
            sys.stderr.flush()
            os.dup2(aside.fileno(), 2)
            try:
                yield
                failed = False
            finally:
                sys.stderr.flush()
                os.dup2(terminal, 2)
        finally:
            aside.seek(0)
            os.write(terminal, say(aside.read(), failed))
            os.close(terminal)


def start_tensorflow() -> None:
    """Import TensorFlow and Keras and find the devices, in silence; at once where that has happened already.

    TF_CPP_MIN_LOG_LEVEL alone does not do it: what is logged before Abseil's logging is set up (oneDNN, the absence of
    CUDA) goes to descriptor 2 whatever the level is. Warnings of Python stay as they are.
    Raises `UserError` if Keras is set to another backend.
    """
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if "keras" in sys.modules:
        backend = sys.modules["keras"].backend.backend()
    require(
        backend == "tensorflow",
        f"This needs Keras on TensorFlow, and this process has it on {backend!r}. Unset KERAS_BACKEND.",
    )
    if "tensorflow" in sys.modules and "keras" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    before_tensorflow()
    with stderr_aside():
        tensorflow = import_module("tensorflow")
        import_module("keras")
        tensorflow.config.list_logical_devices()
