"""`python -m experiments.check [RESULT]`: what the findings cost, from the tables of a result, for costs.toml.

Without a word it reads results/reference. It writes the table of docs/check.md too. `make reference` calls it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.check.costs import FILE, collect_costs


def main(folder: Path) -> None:
    """Write costs.toml from the result in `folder`, and the table of docs/check.md from it and the registry."""
    lines = ["# What each pathology of the numerics atlas cost: written by `python -m experiments.check`."]
    for name, by_framework in collect_costs(folder).items():
        for framework, fields in by_framework.items():
            lines += ["", f"[{name}.{framework}]", *(f"{key} = {_as_toml(value)}" for key, value in fields.items())]
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    from experiments.check.registry import document, documented  # here: it reads what has just been written

    page = document()
    page.write_text(documented(page.read_text(encoding="utf-8")), encoding="utf-8")


def _as_toml(value: str | float) -> str:
    """A value as TOML, with the digits that are told."""
    return f'"{value}"' if isinstance(value, str) else f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main(Path(*sys.argv[1:2] or ["results/reference"]))
