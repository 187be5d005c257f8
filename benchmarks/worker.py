"""One contestant, once, in a fresh process: `python -m benchmarks.worker JOB.json RESULT.json`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.contestants import CONTESTANTS, NotInstalled, load, peak_mib
from experiments.records import Setup


def main(job: Path, result: Path) -> None:
    """Run what `job` says and write the timing, with the peak memory before and after."""
    asked = json.loads(job.read_text())
    load()
    before = peak_mib()
    try:
        timing = CONTESTANTS[asked["contestant"]](Setup(**asked["setup"]), **asked["options"])
    except NotInstalled as missing:
        result.write_text(json.dumps({"missing": str(missing)}))
        return
    result.write_text(json.dumps({**asdict(timing), "peak_mib": peak_mib(), "imported_mib": before}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
