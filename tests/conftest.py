"""What every test runs under: quiet frameworks, one thread a test process, and `--slow`."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from browsing import browser  # noqa: F401  (a fixture)
from hypothesis import settings

# before anything imports TensorFlow; kernels and workers that a test starts inherit them
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
if "PYTEST_XDIST_WORKER" in os.environ:
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")

# PyTorch's CUDA builds bring a compiler that kills a process in which TensorFlow was loaded before it
with suppress(ImportError):
    import triton  # noqa: F401

# what these modules' tests share takes long to make: a run of the suite, a fork server, an atlas, a report
TOGETHER = {
    "test_claims", "test_cli", "test_conformance", "test_evidence_cells", "test_first_screen",
    "test_numerics_backends", "test_report", "test_report_browser", "test_suite", "test_suite_kernels",
    "test_worked_examples",
}  # fmt: skip

# the first example compiles a graph, so no deadline; the same examples each time, so a failure can be repeated
settings.register_profile("suite", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="include the tests that are marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="slow: runs with --slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """What a long test leaves behind, frameworks and their graphs, is not looked through again at each collection."""
    begin = time.monotonic()
    done = yield
    if time.monotonic() - begin > 1:
        gc.collect()
        gc.freeze()
    return done


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Under `--dist loadscope`: the tests of a module in `TOGETHER` in one process, every other test by itself."""
    if config.getoption("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::")[0]
            return file if Path(file).stem in TOGETHER else nodeid

    return Scheduling(config, log)
