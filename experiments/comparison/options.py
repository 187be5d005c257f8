"""What a comparison is asked for, checked before anything is read or trained."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from experiments.comparison.language import messages_in
from experiments.optimizers import OPTIMIZERS
from experiments.records import require
from experiments.tasks.files import Scale

_UNITS = {"s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}
_BUDGET = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The settings of a comparison.

    `seeds`: the most there may be. `steps`: of the optimizer, per network. `budget`: seconds, or None for no limit.
    `optimizer`, `learning_rate`: None means those of the model, if it is compiled, else Adam and its usual rate here.
    `class_weight`: "balanced", or a factor for each of the two classes (the negative one first), or None.
    `scale`: "standard", or "none" for numbers as they are.
    `memory_gib`: what the process may take. `lang`: "en" or "zh", the language of the answer and of its page.
    """

    optimizer: str | None = None
    learning_rate: float | None = None
    seeds: int = 20
    steps: int = 400
    batch_size: int = 32
    budget: float | None = None
    scale: Scale = "standard"
    class_weight: Literal["balanced"] | tuple[float, float] | None = None
    memory_gib: float = 4.0
    lang: str = "en"

    def __post_init__(self) -> None:
        for name, least in (("seeds", 2), ("steps", 1), ("batch_size", 1)):
            value = getattr(self, name)
            require(
                isinstance(value, int) and not isinstance(value, bool) and value >= least,
                f"{_option(name)} is {value!r}. It must be a whole number of at least {least}.",
            )
        if self.optimizer is not None:
            OPTIMIZERS[self.optimizer]
        rate = self.learning_rate
        require(
            rate is None or (math.isfinite(rate) and rate > 0),
            f"The learning rate is {rate!r}. It must be above 0, for example 0.001.",
        )
        require(
            self.budget is None or (math.isfinite(self.budget) and self.budget > 0),
            f"The budget is {self.budget!r}. It must be above 0, for example 90s, 5min or 1h.",
        )
        require(self.memory_gib > 0, f"The memory is {self.memory_gib!r} GiB. It must be above 0.")
        require(self.scale in ("standard", "none"), f"The scale is {self.scale!r}. Known: standard, none.")
        messages_in(self.lang)
        weight = self.class_weight
        require(
            weight is None
            or weight == "balanced"
            or (isinstance(weight, tuple) and len(weight) == 2 and all(w > 0 and math.isfinite(w) for w in weight)),
            f"The class weight is {weight!r}. Known: balanced, or a factor above 0 for each of the two classes.",
        )

    @property
    def record_every(self) -> int:
        """Steps between two records: about twenty along the way."""
        return max(1, round(self.steps / 20))


def seconds(text: str | float | None) -> float | None:
    """A budget in seconds: "90s", "5min", "1h", or a number of seconds. Raises `UserError` for anything else."""
    if text is None:
        return None
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return float(text)
    match = _BUDGET.fullmatch(str(text).strip().lower())
    unit = match.group(2) or "s" if match else ""
    require(
        match is not None and unit in _UNITS and float(match.group(1)) > 0,
        f"The budget {text!r} is no time. Write for example 90s, 5min or 1h.",
    )
    assert match is not None
    return float(match.group(1)) * _UNITS[unit]


def duration(seconds: float) -> str:
    """A time as `seconds` reads it: 45s, 4min, 1.5h."""
    if seconds < 90:
        return f"{max(1, round(seconds))}s"
    return f"{round(seconds / 60)}min" if seconds < 5400 else f"{seconds / 3600:.1f}h"


def class_weights(text: str | None) -> Literal["balanced"] | dict[str, float] | None:
    """What --class-weight says: "balanced", or LABEL:FACTOR for each class, with a comma between."""
    if text is None or text == "balanced":
        return text  # type: ignore[return-value]
    factors: dict[str, float] = {}
    for part in text.split(","):
        label, colon, factor = part.rpartition(":")
        try:
            factors[label.strip()] = float(factor)
        except ValueError:
            colon = ""
        require(
            bool(colon),
            f"--class-weight is {text!r}. Write balanced, or a factor for each class, for example no:1,yes:3.",
        )
    return factors


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
