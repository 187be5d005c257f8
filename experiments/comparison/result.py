"""What a comparison found: frozen, shown in a notebook, saved as a folder."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from experiments.comparison.advice import Advice
from experiments.comparison.answer import Verdict
from experiments.comparison.judge import primary
from experiments.comparison.language import messages_in
from experiments.comparison.tuning import Tuning

if TYPE_CHECKING:
    from experiments.figures import Chart


@dataclass(frozen=True, kw_only=True, repr=False)
class Comparison:
    """Softmax against sigmoid on one problem.

    `verdict`: whether they differ, an outcome with a sentence; `why` and `advice` follow from it.
    `differences`: a row an arm and quantity, arm minus sigmoid; `attribution`: each factor's share of softmax minus
    sigmoid; `curves`, `finals`, `runs`: what every network at the model's own rate recorded; `rates`: the final loss
    and accuracy of both heads at every rate, and `tuning`, what follows from them (None if one rate alone was
    trained); `looks`: a row a look at the results. Columns as in `experiments.tables.SCHEMAS`, and some more.
    `recognised`: what was taken from the model; `notices`: what a reader should know; `settings`: all that decides the
    numbers. `lang`: the language of the sentences and of the page.
    """

    verdict: Verdict
    why: str
    advice: Advice
    differences: pd.DataFrame
    attribution: pd.DataFrame
    curves: pd.DataFrame
    finals: pd.DataFrame
    runs: pd.DataFrame
    looks: pd.DataFrame
    rates: pd.DataFrame
    tuning: Tuning | None
    recognised: tuple[str, ...]
    notices: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    lang: str = "en"

    @property
    def primary(self) -> pd.DataFrame:
        """The rows of `differences` that the verdict rests on."""
        return primary(self.differences)

    def plot(self) -> Chart:
        """A matplotlib figure: each primary quantity's difference and interval, in units of its margin."""
        from experiments.comparison.chart import margins  # matplotlib takes a second to import

        return margins(self.primary, messages=messages_in(self.lang))

    def save(self, folder: str | Path) -> Path:
        """Write the page, the same as Markdown, comparison.json, tables and figures into `folder`; return the page.

        In English they are called report.html and report.md, in Chinese report.zh.html and report.zh.md.

        Everything is written beside it first, so that there is never half of it; a folder that holds an earlier
        comparison is replaced. Raises `UserError` if `folder` holds something else or cannot be written.
        """
        from experiments.comparison.save import save

        return save(self, Path(folder))

    def to_json(self) -> str:
        """The answer without the per-step tables, as JSON text; what is not finite is null."""
        content = {
            "verdict": asdict(self.verdict) | {"sentence": self.verdict.sentence},
            "why": self.why,
            "advice": asdict(self.advice),
            "tuning": asdict(self.tuning) if self.tuning else None,
            "primary": _records(self.primary),
            "differences": _records(self.differences),
            "attribution": _records(self.attribution),
            "looks": _records(self.looks),
            "recognised": list(self.recognised),
            "notices": list(self.notices),
            "settings": dict(self.settings),
        }
        return json.dumps(_finite(content), ensure_ascii=False, indent=2, allow_nan=False)

    def __repr__(self) -> str:
        return f"Comparison({self.verdict.outcome}: {self.verdict.sentence})"

    def _repr_html_(self) -> str:
        """The answer as a notebook shows it: a few lines, the primary quantities, the figure."""
        from experiments.comparison.save import fragment

        return fragment(self)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    text = table.astype(object).to_json(orient="records", default_handler=str, double_precision=15)
    rows: list[dict[str, Any]] = json.loads(text)
    return rows


def _finite(value: Any) -> Any:
    """`value` with null in the place of every number that is not finite."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
