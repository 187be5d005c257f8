"""The sections of a report in their order, each a function of the stored tables; without its tables it is None."""

from __future__ import annotations

from collections.abc import Callable

from experiments.figures import Messages
from experiments.report.blocks import Section
from experiments.report.sections.answer import answer
from experiments.report.sections.atlas import atlas
from experiments.report.sections.cells import cells, failures, missing
from experiments.report.sections.claims import claims
from experiments.report.sections.curves import curves
from experiments.report.sections.explore import explore
from experiments.report.sections.frameworks import frameworks
from experiments.report.sections.pitfalls import pitfalls
from experiments.report.sections.provenance import provenance
from experiments.report.sections.rates import rates
from experiments.report.sections.where import where
from experiments.report.sections.why import why
from experiments.report.stored import Stored

__all__ = ["BEFORE_VERDICTS", "SECTIONS"]

SECTIONS: tuple[Callable[[Stored, Messages], Section | None], ...] = (
    answer,
    explore,
    claims,
    why,
    frameworks,
    where,
    curves,
    rates,
    atlas,
    pitfalls,
    cells,
    failures,
    missing,
    provenance,
)

# those with figures that show what was trained and computed alone, and nothing that is derived from all cells
BEFORE_VERDICTS = (curves, atlas)
