"""What an answer costs: core-seconds of a run for each of its primary comparisons of both heads that it decides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from experiments.heads import BASELINE
from experiments.suite import Cells

TARGET = 3.0  # core-seconds a decided comparison, at most


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one run. `core_seconds`: of all its cells, each on one core. `compared`, `decided`: primary comparisons of
    softmax with sigmoid at the optimizer's own rate, on fresh rows, in any framework.
    """

    core_seconds: float
    compared: int
    decided: int

    @property
    def each(self) -> float:
        """Core-seconds for each comparison that is decided; nan where none is."""
        return self.core_seconds / self.decided if self.decided else float("nan")


def cost(out: Path) -> Cost | None:
    """That of the results in a folder; None where no run has ended there."""
    table = out / "tables" / "differences.parquet"
    if not table.is_file():
        return None
    rows = pd.read_parquet(table)
    of_both = (rows["head"] == "softmax") & (rows["baseline"] == BASELINE)
    rows = rows[of_both & rows["primary"].astype(bool) & (rows["at"] == "default") & (rows["estimand"] == "fresh rows")]
    return Cost(
        core_seconds=sum(stored.seconds for stored in Cells(out).manifests()),
        compared=len(rows),
        decided=int((rows["outcome"] != "undecided").sum()),
    )


def in_words(out: Path) -> str:
    """One line for the end of a benchmark."""
    found = cost(out)
    if found is None:
        return f"The cost of an answer: not measured, since {out} holds no run (`./run_all.sh` makes it)."
    reached = "reached" if found.each <= TARGET else "MISSED"
    return (
        f"The cost of an answer, in {out}: {found.core_seconds:,.0f} core-seconds for {found.decided} decided of "
        f"{found.compared} primary comparisons of both heads, {found.each:.1f} each; the target is at most {TARGET:g}: "
        f"{reached}."
    )
