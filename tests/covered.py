"""A pytest plugin: which lines of the package the tests' own processes run. `-p tests.covered` turns it on.

Slipcover counts with calls that it adds to each line's bytecode (from Python 3.12 on with `sys.monitoring`); a tracer
would take a third of the time. Its own plugin takes those calls out again while the tests run, in functions that it
finds through the globals of all threads, which may change meanwhile, and its table leaves out the processes of xdist.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import slipcover

PACKAGE = Path(__file__).resolve().parents[1] / "experiments"
LEAST = 90  # percent of all lines
NO_CODE = ["@overload", "raise NotImplementedError"]

counter = slipcover.Slipcover(d_miss_threshold=2**31 - 1, exclude_also=NO_CODE)
# before anything imports the package
slipcover.ImportManager(counter, slipcover.FileMatcher(sources=[PACKAGE])).__enter__()
elsewhere: list[dict[str, Any]] = []  # what the processes of xdist counted
COUNTED = pytest.StashKey[dict[str, Any]]()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    if hasattr(node, "workeroutput"):  # else it crashed
        elsewhere.append(json.loads(node.workeroutput["covered"]))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["covered"] = json.dumps(counter.get_coverage())
        return
    counter.source = [str(PACKAGE)]  # files that nothing imported count too
    session.config.stash[COUNTED] = counted = counter.get_coverage()
    for part in elsewhere:
        slipcover.merge_coverage(counted, part)
    if counted["summary"]["percent_covered"] < LEAST and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    counted = config.stash[COUNTED]
    table = io.StringIO()
    slipcover.print_coverage(counted, outfile=table, skip_covered=True)
    terminalreporter.write(table.getvalue())
    percent = counted["summary"]["percent_covered"]
    told = f"{percent:.1f} % of the package's lines were run; at least {LEAST} % must be"
    terminalreporter.write_sep("=", told, red=percent < LEAST, green=percent >= LEAST)
