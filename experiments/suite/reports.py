"""The report of a result: made in this process, or in those that are forked from one in which all is imported."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from experiments.messages import LANGUAGES
from experiments.records import UserError

Call = Callable[..., Callable[[], Any]]  # see `ForkServer.call`


def report(out: Path, *langs: str) -> Path:
    """Make the report of `out` in `langs`, by default all; return the first page."""
    from experiments.report import build  # here: matplotlib takes a second

    return build(out, langs) if langs else build(out)


def report_of_run(out: Path, call: Call | None) -> Path:
    """Make the report in every language, each in a process that `call` forks; where none can be, or is killed, here."""
    if call is not None:
        with suppress(RuntimeError):
            how = {"out": str(out), "langs": LANGUAGES}
            pages = [call("experiments.report:build_one", lang=lang, **how) for lang in LANGUAGES]
            first, *_ = [page() for page in pages]
            return Path(first)
    return report(out)


def drawn_ahead(out: Path, call: Call | None) -> Callable[[], None]:
    """Begin to draw the figures that need no verdict, in processes that `call` forks; returns what waits for them.

    What goes wrong is left to the report, which draws what is not drawn.
    """
    drawings: list[Callable[[], Any]] = []
    if call is not None:
        with suppress(RuntimeError):
            drawings += [call("experiments.report:draw_ahead", out=str(out), lang=lang) for lang in LANGUAGES]

    def wait() -> None:
        for drawing in drawings:
            with suppress(UserError, RuntimeError):
                drawing()

    return wait
