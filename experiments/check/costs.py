"""What a finding cost a trained network in the numerics atlas: costs.toml, written by this module's command.

`python -m experiments.check.costs [RESULT]` reads the tables of a result, without a word those of results/reference.
It writes the table of docs/check.md too. `make reference` calls it.
"""

from __future__ import annotations

import math
import sys
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from experiments.sources import PACKAGE

FILE = PACKAGE / "check" / "costs.toml"
# whose path is shown where a pathology was trained in several
FRAMEWORKS = ("keras-tensorflow", "keras-torch", "keras-jax", "tensorflow", "torch")


def costs() -> dict[str, str]:
    """For each pathology of the atlas that was trained on, its cost in one sentence."""
    known = tomllib.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    return {name: sentence(fields) for name, fields in known.items()}


def sentence(fields: dict[str, Any]) -> str:
    """A cost in words; `fields` are those of costs.toml."""
    lost = f"; {fields['broken']} of {fields['seeds']} runs ended in infinite or undefined numbers"
    path = f"{fields['framework']}, {fields['dtype']}, task {fields['task'].replace('_', ' ')}"
    nll, sound_nll, accuracy, sound = (
        _number(fields[name]) for name in ("nll", "sound_nll", "accuracy", "sound_accuracy")
    )
    return (
        f"Trained this way in the numerics atlas ({path}), the same network ended at a loss of {nll} instead of "
        f"{sound_nll} and an accuracy of {accuracy} instead of {sound} "
        f"(medians of {fields['seeds']}{lost if fields['broken'] else ''})."
    )


def _number(value: float) -> str:
    return "infinity" if math.isinf(value) else f"{value:.3g}"


def collected(folder: Path) -> dict[str, dict[str, Any]]:
    """The costs that the result in `folder` holds, by the pathology."""
    import pandas as pd

    from experiments.report.sections.atlas import consequence

    trained = pd.read_parquet(folder / "tables" / "consequences.parquet")
    found: dict[str, dict[str, Any]] = {}
    for name in sorted(set(trained["pathology"].astype(str))):
        rows = trained.loc[trained["pathology"] == name]
        framework = min(set(rows["framework"].astype(str)), key=FRAMEWORKS.index)
        rows = rows.loc[rows["framework"] == framework]
        known = consequence(rows, name)
        if known is not None:
            path = rows.loc[rows["role"] == "pathology"].iloc[0]
            found[name] = {"framework": framework, "dtype": str(path["dtype"]), **asdict(known)}
    return found


def main(folder: Path) -> None:
    """Write costs.toml from the result in `folder`, and the table of docs/check.md from it and the registry."""
    lines = ["# What each pathology of the numerics atlas cost: written by `python -m experiments.check.costs`."]
    for name, fields in collected(folder).items():
        lines += ["", f"[{name}]"]
        lines += [f"{key} = {_written(value)}" for key, value in fields.items()]
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    from experiments.check.registry import document, documented  # reads what has just been written

    page = document()
    page.write_text(documented(page.read_text(encoding="utf-8")), encoding="utf-8")


def _written(value: str | float) -> str:
    """A value as TOML, with the digits that are told."""
    return f'"{value}"' if isinstance(value, str) else f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main(Path(*sys.argv[1:2] or ["results/reference"]))
