"""Progress is told at most five times a second, and at the end."""

from __future__ import annotations

import pytest

from experiments.progress import throttled


def test_progress_is_told_once_in_a_fifth_of_a_second_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, told = iter([100.0, 100.1, 100.25, 100.3, 100.31]), []
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    tell = throttled(lambda done, total: told.append((done, total)))
    for done in range(1, 6):
        tell(done, 5)
    assert told == [(1, 5), (3, 5), (5, 5)]
