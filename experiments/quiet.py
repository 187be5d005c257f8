"""Start TensorFlow without the lines that its C++ libraries write to the terminal."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module


@contextmanager
def stderr_aside() -> Iterator[None]:
    """Within, what is written to file descriptor 2 is set aside; it appears after all if an exception leaves.

    `sys.stderr` is aside too where it writes to that descriptor. Nothing happens where there is no descriptor 2.
    """
    try:
        terminal = os.dup(2)
    except OSError:
        yield
        return
    with tempfile.TemporaryFile() as aside:
        try:
            sys.stderr.flush()
            os.dup2(aside.fileno(), 2)
            try:
                yield
            finally:
                sys.stderr.flush()
                os.dup2(terminal, 2)
        except BaseException:
            aside.seek(0)
            os.write(terminal, aside.read())
            raise
        finally:
            os.close(terminal)


def start_tensorflow() -> None:
    """Import TensorFlow and Keras and find the devices, in silence; at once where that has happened already.

    TF_CPP_MIN_LOG_LEVEL alone does not do it: what is logged before Abseil's logging is set up (oneDNN, the absence of
    CUDA) goes to descriptor 2 whatever the level is. Warnings of Python stay as they are.
    """
    if "tensorflow" in sys.modules and "keras" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with stderr_aside():
        tensorflow = import_module("tensorflow")
        import_module("keras")
        tensorflow.config.list_logical_devices()
