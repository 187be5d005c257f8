"""A user's own data: files, folders of images, OpenML and arrays, read into one checked form.

A mistake in the data is a `UserError` of one line that says the way out; what is dropped stands in the notices.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from experiments.records import require
from experiments.tasks.files.arrays import from_parts, read_npz
from experiments.tasks.files.encoding import Encoder, Scale, encoder
from experiments.tasks.files.file_formats import existing, form_of
from experiments.tasks.files.finish import finish, from_frame
from experiments.tasks.files.formatting import kind_and_message, listed, one_line, plain, quoted_path
from experiments.tasks.files.table import Table
from experiments.tasks.files.texts import read_texts

__all__ = [
    "Encoder",
    "Scale",
    "Table",
    "encoder",
    "from_arrays",
    "kind_and_message",
    "listed",
    "one_line",
    "plain",
    "read",
]

LARGEST_SIDE = 1024


def read(
    source: str,
    *,
    target: str | None = None,
    positive: str | None = None,
    group: str | None = None,
    weight: str | None = None,
    text: str | None = None,
    sequence_id: str | None = None,
    time: str | None = None,
    images: bool = False,
    image_side: int = 28,
    memory_gib: float = 4.0,
) -> Table:
    """Return the rows of a file, of a folder of texts or of images (`images`), or of `openml:NAME`.

    `target`, `group` and `weight` name columns, or arrays of an NPZ file; a folder takes none of them. `text`: the one
    column that is read, as text; it is found where all others carry nothing. `sequence_id`: each of its values is a
    sequence, whose steps are lines of a table in the order of the column `time`, or of the file.
    `positive` is the label of class 1; with more than two, the rest is class 0. `image_side`: images of a folder are
    reduced to so many pixels a side. `memory_gib`: what needs more is refused before it is read, but of a table's file
    as many rows are drawn as it holds.
    Raises `UserError`, and nothing else, for anything that is wrong with the data or the call.
    """
    require(
        isinstance(image_side, int) and 4 <= image_side <= LARGEST_SIDE,
        f"The side of the images is {image_side!r} pixels. It must be a whole number of 4 to {LARGEST_SIDE}.",
    )
    require(
        math.isfinite(memory_gib) and memory_gib > 0,
        f"The memory limit is {memory_gib!r} GiB. It must be above 0.",
    )
    options: dict[str, Any] = {"target": target, "group": group, "weight": weight}
    of_tables: dict[str, Any] = {"text": text, "sequence_id": sequence_id, "time": time}
    if source.startswith("openml:"):
        from experiments.tasks.files.openml import read_openml  # it imports what other sources have no use for

        require(not images, f"{quoted_path(source)} is no folder of images. Leave out --images.")
        frame, default = read_openml(source)
        options["target"] = target or default
        return finish(from_frame(frame, source, **options, **of_tables, memory_gib=memory_gib), positive, memory_gib)
    path = existing(source, images)
    given_options = [
        f"--{name.replace('_', '-')}" for name, value in (options | of_tables).items() if value is not None
    ]
    if images:
        from experiments.tasks.files.images import read_images

        require(not given_options, f"A folder of images has no columns: leave out {', '.join(given_options)}.")
        return finish(read_images(path, source, image_side=image_side, memory_gib=memory_gib), positive, memory_gib)
    if path.is_dir():
        require(not given_options, f"A folder of texts has no columns: leave out {', '.join(given_options)}.")
        return finish(read_texts(path, source, memory_gib=memory_gib), positive, memory_gib)
    form = form_of(path)
    if form == "npz":
        given_options = [name for name in given_options if name in ("--text", "--sequence-id", "--time")]
        require(
            not given_options,
            f"An NPZ file has no columns: leave out {', '.join(given_options)}; its shape says what a row is.",
        )
        return finish(read_npz(path, source, **options, memory_gib=memory_gib), positive, memory_gib)
    if form == "parquet":
        from experiments.tasks.files.parquet import read_parquet

        frame, notice = read_parquet(path, source, memory_gib, all_rows=sequence_id is not None)
    else:
        from experiments.tasks.files.csv import read_csv

        all_rows = sequence_id is not None  # a sequence of which some steps are drawn is another one
        frame, notice = read_csv(
            path, source, tabs=form == "tsv", target=target, memory_gib=memory_gib, all_rows=all_rows
        )
    raw = from_frame(frame, source, **options, **of_tables, memory_gib=memory_gib)
    if notice:
        raw = replace(raw, notices=(notice, *raw.notices))
    return finish(raw, positive, memory_gib, sampled=bool(notice))


def from_arrays(x: Any, y: Any, *, positive: Any = None, groups: Any = None, weights: Any = None) -> Table:
    """Return the rows of a frame or an array, with the same checks as those of a file.

    `x`: a DataFrame of mixed columns, or an array: (n, features), sequences (n, steps, channels), images (n, height,
    width, channels), or texts (n,).
    `y`, `groups`, `weights`: (n,). Raises `UserError` for anything that is wrong with them.
    """
    raw = from_parts(x, y, groups=groups, weights=weights)
    return finish(raw, None if positive is None else str(positive), float("inf"))
