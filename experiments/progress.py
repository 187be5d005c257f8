"""How far something is: who is told of it, and how often."""

from __future__ import annotations

import time
from collections.abc import Callable

# what is called with how much is done, and how much there is in all
Progress = Callable[[int, int], None]
_EVERY = 0.2  # seconds


def throttled(progress: Progress) -> Progress:
    """`progress`, called at most five times a second, and at the end."""
    last = 0.0

    def tell(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY or done >= total:
            last = now
            progress(done, total)

    return tell
