"""How much memory a source will need, asked before it is read."""

from __future__ import annotations

from experiments.records import require
from experiments.tasks.files.words import quoted

GIB = 2**30
# measured: the highest resident memory of reading a CSV file of mixed columns, over its size
CSV_FACTOR = 5


def require_memory(source: str, needed: float, memory_gib: float, how: str) -> None:
    """Raise `UserError` if `needed` bytes are more than `memory_gib`; `how` says in which form they are held."""
    require(
        needed <= memory_gib * GIB,
        f"{quoted(source)} needs about {needed / GIB:,.1f} GiB of memory {how}, more than the limit of "
        f"{memory_gib:g} GiB. Raise the limit, give a sample of its rows or fewer columns, or save it as Parquet.",
    )
