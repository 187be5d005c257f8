"""What a figure finds, asked for alone: nothing is laid out then, which would take most of the figure's time."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

_alone: ContextVar[bool] = ContextVar("_alone", default=False)


class _Found(Exception):
    """The finding, on its way past the drawing."""


def finding_of(make: Callable[..., Any], *tables: Any, **options: Any) -> str:
    """The `finding` of the figure that `make(*tables, **options)` would draw."""
    before = _alone.set(True)
    try:
        return str(make(*tables, **options).finding)
    except _Found as found:
        return str(found)
    finally:
        _alone.reset(before)


def found(finding: str) -> None:
    """Said by a figure before it lays anything out: draws no further where `finding` is all that is asked for."""
    if _alone.get():
        raise _Found(finding)
