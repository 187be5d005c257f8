"""How much memory a source will need, asked before it is read."""

from __future__ import annotations

from experiments.records import UserError
from experiments.tasks.files.formatting import quoted_path

GIB = 2**30
# measured on files of 10 to 120 MB: the highest resident memory of reading one is so many times the bytes of its text,
# or of its columns after unpacking, plus so many bytes a value
TEXT_FACTOR = 4
PARQUET_FACTOR = 8
VALUE_BYTES = 28
SHARE_OF_ROWS = 0.15  # of the memory allowed, for a sample of a large file: frameworks and copies take the rest
SAMPLE = "Give a sample of its rows, or fewer columns"


def in_gib(size: float) -> str:
    """Return a size in bytes as `25.0 GiB`, or in MiB when it is small."""
    return f"{size / GIB:,.1f} GiB" if size >= GIB / 10 else f"{size / 2**20:,.2g} MiB"


class TooLarge(UserError):
    """What is to be read needs more memory than is allowed."""


def require_memory(source: str, needed: float, memory_gib: float, how: str, way_out: str = SAMPLE) -> None:
    """Raise `TooLarge` if `needed` bytes are more than `memory_gib`; `how` says in which form they are held."""
    if needed > memory_gib * GIB:
        raise TooLarge(
            f"{quoted_path(source)} needs about {in_gib(needed)} of memory {how}; the limit is {memory_gib:g} GiB "
            f"(--memory). {way_out}."
        )
