"""The count of the lines that tests run: it is made in every process, and too few of them fail the run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("processes", ["0", "2"])
def test_few_lines_fail_a_run_whose_tests_pass(processes: str) -> None:
    some = "tests/protocols/test_protocols.py"
    command = [sys.executable, "-m", "pytest", "-p", "tests.covered", "-n", processes, some]
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, cwd=Path(__file__).parents[1], env=alone, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout
    assert "failed" not in done.stdout
    found = re.search(r"([\d.]+) % of the package's lines were run; at least 90 % must be", done.stdout)
    assert found is not None
    assert 1 < float(found[1]) < 50
    # a file that was read whole, and one that nothing read
    assert "experiments/protocols/record.py" not in done.stdout
    assert re.search(r"experiments/report/\S+ +(\d+) +\1 +0 ", done.stdout)
