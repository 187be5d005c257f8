"""`headtohead compare`: read, train, judge, write, and say it."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from experiments.comparison.api import of_table, task_name, weights_of_classes
from experiments.comparison.language import NOTES, messages_in
from experiments.comparison.options import Options
from experiments.comparison.result import Comparison
from experiments.networks import NETWORKS
from experiments.records import require
from experiments.tensorflow_startup import start_tensorflow

EXAMPLE = "Example: headtohead compare customers.csv --target churned --model my_model.py:build"
_WIDTH = 100
_LONG = 90  # letters; a longer text is a notice, and stays on the screen


def main(
    data: str | None,
    options: Options,
    *,
    images: str | None = None,
    network: str | None = None,
    model: str | None = None,
    out: Path | None = None,
    as_json: bool = False,
    class_weight: Any = None,
    **reading: Any,
) -> Comparison:
    """Compare on a file (`data`) or a folder of images, write the folder, print the answer; `reading` is for `read`.

    `class_weight`: "balanced", or a factor by the label of each class.
    Raises `UserError` for whatever is wrong with the call, the data or the model; then nothing is written.
    """
    require(
        (data is None) != (images is None),
        f"Give a file of rows, or a folder of images with --images, and not both. {EXAMPLE}",
    )
    require(network is None or model is None, "Both --network and --model are given. Give one of them.")
    if network is not None:
        NETWORKS[network]
    source = data if data is not None else str(images)
    folder = out or Path("results") / f"compare-{task_name(source)}"
    with _reporter() as tell, redirect_stdout(sys.stderr):  # what the user's own code prints is no part of the answer
        from experiments.comparison.save import require_replaceable  # matplotlib takes a second to import

        require_replaceable(folder)
        tell(f"Reading {source}", 0.0)
        comparison = _compare(source, options, images is not None, network, model, tell, reading, class_weight)
        tell("Writing the report", 1.0)
        page = comparison.save(folder)
    sys.stdout.write(comparison.to_json() + "\n" if as_json else _summary(comparison, page))
    return comparison


def _compare(
    source: str,
    options: Options,
    images: bool,
    network: str | None,
    model: str | None,
    tell: Callable[[str, float], None],
    reading: dict[str, Any],
    class_weight: Any,
) -> Comparison:
    build, name = None, ""
    if model is not None:
        start_tensorflow()  # before the user's file does it aloud
        from experiments.check import find

        build, name = find(model, EXAMPLE)[1], model.rpartition(":")[2]
    from experiments.tasks.files import read

    table = read(source, images=images, memory_gib=options.memory_gib, **reading)
    options = replace(options, class_weight=weights_of_classes(class_weight, table))
    for notice in table.notices:
        tell(f"Note: {notice}", 0.0)
    tell("Starting TensorFlow", 0.0)
    return of_table(table, options, network=network, build=build, name=name, progress=tell)


def _summary(comparison: Comparison, page: Path) -> str:
    """The answer as a few paragraphs."""
    messages = messages_in(comparison.lang)
    questions = (("why", comparison.why), ("rate", comparison.advice.rate), ("use", comparison.advice.sentence))
    answers = [_wrapped(messages(f"compare.{question}_question") + reply) for question, reply in questions if reply]
    parts = [
        *(_wrapped(NOTES.translate(line, messages)) for line in comparison.recognised),
        *(
            _wrapped(messages("compare.given.note", text=NOTES.translate(line, messages)))
            for line in comparison.notices
        ),
        "",
        *(_wrapped(part) for part in comparison.verdict.parts),
        "",
        "\n\n".join(answers),
        textwrap.indent(comparison.advice.code, "    "),
        "",
        messages("compare.given.report", page=_relative(page)),
    ]
    return "\n".join(parts) + "\n"


def _wrapped(text: str) -> str:
    """Lines of at most `_WIDTH` columns of a terminal; a Chinese sign fills two, and a line may end at each."""
    if cell_len(text) > len(text):
        return "\n".join(line.plain.rstrip() for line in Text(text).wrap(Console(width=_WIDTH), _WIDTH))
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _relative(page: Path) -> Path:
    """Relative where that is shorter."""
    return page.relative_to(Path.cwd()) if page.is_relative_to(Path.cwd()) else page


@contextmanager
def _reporter() -> Iterator[Callable[[str, float], None]]:
    """What shows progress: a bar on a terminal, else a plain line for each thing that is begun."""
    began = time.monotonic()
    if not sys.stderr.isatty():
        printed: set[str] = set()

        def line(text: str, share: float) -> None:
            if text not in printed:
                printed.add(text)
                print(f"{time.monotonic() - began:6.1f} s  {text}", file=sys.stderr, flush=True)

        yield line
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        bar = progress.add_task("", total=1.0)
        printed_above: set[str] = set()

        def move(text: str, share: float) -> None:
            if len(text) <= _LONG and not text.startswith("Note: "):
                progress.update(bar, description=text, completed=share)
            elif text not in printed_above:
                printed_above.add(text)
                progress.console.print(text, markup=False, highlight=False)

        yield move
