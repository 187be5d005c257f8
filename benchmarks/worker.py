"""What the fresh process of one job does."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from experiments.records import Setup


def work(name: str, setup: Setup, options: dict[str, Any]) -> dict[str, Any]:
    """Run one contestant once: its `Timing`, the memory of the imports and the most that came on top of them, MiB."""
    from benchmarks import imported
    from benchmarks.contestants import CONTESTANTS, NotInstalled, peak_mib

    before = peak_mib()
    try:
        timing = CONTESTANTS[name](setup, **options)
    except NotInstalled as missing:
        return {"missing": str(missing)}
    return {**asdict(timing), "imported_mib": imported.PEAK_MIB, "grown_mib": peak_mib() - before}
