"""What several tests of runs share."""

from collections.abc import Iterator

import pytest

from experiments.suite import worker


@pytest.fixture(scope="module")
def one_fork_server() -> Iterator[None]:
    """Keep what the kernels are forked from from one run to the next: starting it takes longest here."""
    close, worker.close = worker.close, lambda: None
    yield
    worker.close = close
    close()
