"""Sequences from a table of their steps: one line a step, as a database or a logger writes them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.records import UserError, require
from experiments.tasks.files.formatting import counted, listed, quoted
from experiments.tasks.files.kinds import Numbers, read_column
from experiments.tasks.files.memory import require_memory
from experiments.tasks.files.table import Raw

LONGEST = 1_000  # steps of a sequence that are kept, the last ones


def sequences_of(raw: Raw, identity: pd.Series, time: pd.Series | None, memory_gib: float) -> Raw:
    """Return one row a value of `identity`: (n, longest, channels) float64, its steps in the order of `time`.

    `raw`: with a row a step. Shorter sequences end where the longest ends, and are NaN before they begin, as a value is
    that is missing. Columns that are no numbers are left out, with a notice. The order of rows is that of the first
    step in the file. Raises `UserError` if target, group or weight differ within a sequence, for a step without an
    identity or a time, and if no column of numbers is left.
    """
    assert isinstance(raw.x, pd.DataFrame)
    for values, option in ((identity, "--sequence-id"), (time, "--time")):
        missing = 0 if values is None else int(values.isna().sum())
        require(
            missing == 0,
            f"The column of {option} is missing in {counted(missing, 'row')}. Fill it in, or leave them out.",
        )
    number, names = pd.factorize(identity)
    ranks = np.arange(len(number)) if time is None else _ranks(time)
    order = np.lexsort((ranks, number))
    sequence = number[order]
    counts = np.bincount(sequence)
    columns, left_out = _channels(raw.x)
    notices = [*raw.notices]
    if left_out:
        column = counted(len(left_out), "column")
        notices.append(f"Left out {column} of the steps (no numbers, or always the same one): {listed(left_out)}.")
    tied = int(np.sum((np.diff(number[order]) == 0) & (np.diff(ranks[order]) == 0)))
    if tied:
        steps_tied = counted(tied, "step")
        notices.append(f"{steps_tied} of a sequence at the same time as another: they keep the file's order.")
    require(bool(columns), f"No column of numbers is left for the steps. {' '.join(notices)}".rstrip())
    steps = int(min(counts.max(), LONGEST))
    require_memory(raw.source, 3.0 * len(names) * steps * len(columns) * 8, memory_gib, "as sequences of one length")
    if counts.min() != counts.max() or steps < counts.max():
        cut = f"; of longer ones the last {LONGEST:,} are read" if steps < counts.max() else ""
        notices.append(
            f"The {len(names):,} sequences have {counts.min():,} to {counts.max():,} steps. Shorter ones are filled up "
            f"in front with each channel's mean{cut}."
        )
    from_end = counts[sequence] - 1 - (np.arange(len(sequence)) - np.repeat(np.cumsum(counts) - counts, counts))
    in_window = from_end < steps
    x = np.full((len(names), steps, len(columns)), np.nan)
    for channel, values in enumerate(columns.values()):
        x[sequence[in_window], steps - 1 - from_end[in_window], channel] = values[order][in_window]
    if np.isnan(np.concatenate([*columns.values()])).any():
        notices.append("Values that are missing within a sequence become their channel's mean.")

    def once(values: pd.Series | None, what: str) -> pd.Series | None:
        """A sequence's own value: the one of its steps."""
        if values is None:
            return None
        codes = pd.factorize(values)[0]
        first = np.full(len(names), -1)
        first[number[::-1]] = np.arange(len(number))[::-1]
        differs = codes != codes[first][number]
        if differs.any():
            name = names[number[np.flatnonzero(differs)[0]]]
            raise UserError(f"{what} differs within the sequence {quoted(name)}. A sequence must have one value of it.")
        return values.iloc[first].reset_index(drop=True)

    return Raw(
        x=x,
        y=once(raw.y, raw.target),  # type: ignore[arg-type]
        groups=once(raw.groups, raw.group),
        weights=once(raw.weights, raw.weight),
        source=raw.source,
        target=raw.target,
        group=raw.group,
        weight=raw.weight,
        notices=tuple(notices),
        gaps=True,
    )


def _ranks(time: pd.Series) -> np.ndarray:
    """The order of the times, as numbers or dates where they are, else as text; equal times keep the file's order."""
    column = read_column(str(time.name), time)
    if isinstance(column, Numbers):
        return np.unique(column.values, return_inverse=True)[1]
    values = getattr(column, "values", None)  # of dates
    return np.unique(time.astype(str).to_numpy(dtype=object) if values is None else values, return_inverse=True)[1]


def _channels(frame: pd.DataFrame) -> tuple[dict[str, np.ndarray], list[str]]:
    """The columns of numbers that are not constant, (rows,) each, and the names of the others."""
    channels: dict[str, np.ndarray] = {}
    left_out = []
    for name, series in frame.items():
        column = read_column(str(name), series)
        values = column.values if isinstance(column, Numbers) else np.empty(0)
        present = values[~np.isnan(values)]
        if len(present) and present.min() != present.max():
            channels[str(name)] = values
        else:
            left_out.append(str(name))
    return channels, left_out
