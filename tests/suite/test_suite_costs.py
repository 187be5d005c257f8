"""How long cells are said to take, from those that were timed."""

from __future__ import annotations

from typing import Any

import pytest

from experiments.records import Cell
from experiments.suite.cells import Manifest
from experiments.suite.costs import OTHER, OVERHEAD, estimate


def parameters(**changed: Any) -> dict[str, Any]:
    return {"framework": "keras-tensorflow", "network": "cnn", "task": "strokes", "image_side": 14, "steps": 100,
            **changed}  # fmt: skip


def timed(seconds: float, **changed: Any) -> Manifest:
    known = {"cell": f"cell-{changed}", "kind": "binary", "key": "k", "networks": 10}
    return Manifest(**known, parameters=parameters(**changed), seconds=seconds)


def told(measured: list[Manifest], networks: int = 10, **changed: Any) -> float:
    cell = Cell(id="new", notebook="binary.ipynb", parameters=parameters(**changed), networks=networks)
    return estimate([cell], measured)["new"]


@pytest.mark.parametrize(("network", "times"), [("cnn", 4), ("attention", 4), ("gru", 2), ("mlp", 1)])
def test_larger_images_take_longer(network: str, times: int) -> None:
    measured = [timed(OVERHEAD + 3.0, network=network, steps=99)]
    same = told(measured, network=network)
    assert same == pytest.approx(OVERHEAD + 3.0 * 100 / 99)
    assert told(measured, network=network, image_side=28) - OVERHEAD == pytest.approx(times * (same - OVERHEAD))
    large = [timed(OVERHEAD + 12.0, network=network, image_side=28)]
    assert told(large, network=network) == pytest.approx(OVERHEAD + 12.0 / times)


def test_the_nearest_cells_tell() -> None:
    """The same framework, network and task before the same framework and network, and that before the network alone."""
    measured = [timed(OVERHEAD + 9.0, framework="torch"), timed(OVERHEAD + 5.0, task="digits_3v8")]
    assert told(measured) == pytest.approx(OVERHEAD + 5.0)
    assert told(measured, framework="torch", task="digits_3v8") == pytest.approx(OVERHEAD + 9.0)
    assert told([*measured, timed(OVERHEAD + 2.0, steps=50)]) == pytest.approx(OVERHEAD + 4.0)
    assert told(measured, networks=20) == pytest.approx(OVERHEAD + 10.0)


def test_a_cell_that_trains_nothing_takes_the_median_of_its_kind() -> None:
    measured = [Manifest(cell=f"verdicts-{s}", kind="verdicts", key="k", parameters={}, networks=0, seconds=s)
                for s in (1.0, 9.0, 5.0, 7.0, 2.0)]  # fmt: skip
    cell = Cell(id="verdicts", notebook="verdicts.ipynb")
    assert estimate([cell], measured) == {"verdicts": 5.0}
    assert estimate([cell], []) == {"verdicts": OTHER}
