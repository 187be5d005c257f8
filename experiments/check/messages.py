"""What a framework or a user's program raises, in one line."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_FRAMES = ("Exception encountered", "in user code", "File ", "Arguments received", "Traceback")


def one_line(error: BaseException) -> str:
    """An exception's kind and the first sentence of its message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = next((line for line in lines if not line.startswith(_FRAMES)), "")
    # Keras puts its layers' names in colours
    text = text.replace("\x1b[1m", "").replace("\x1b[0m", "")
    text = re.sub(r"\{\{.*?\}\}", "", text).strip()[:200].rstrip(".")  # TensorFlow's names of nodes
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


@contextmanager
def warnings_ignored() -> Iterator[None]:
    """Within, no warning of the user's program is shown: the findings say it better."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
