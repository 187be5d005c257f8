"""How long cells are said to take, from those that were timed."""

from __future__ import annotations

from typing import Any

import pytest

from experiments.networks import NETWORKS
from experiments.records import Cell
from experiments.suite.cells import Manifest
from experiments.suite.costs import FIXED, OTHER, OVERHEAD, estimate, wall_time


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


def test_an_estimate_by_hand() -> None:
    """Of 14 seconds 4 do not grow, so twice the networks take 24; a cell that took no 4 seconds trained for 0.1."""
    assert told([timed(14.0)], networks=20) == pytest.approx(24.0)
    assert told([timed(1.0)], networks=20) == pytest.approx(4.2)


def test_among_cells_that_are_as_near_the_median_tells() -> None:
    measured = [timed(OVERHEAD + seconds, batch_size=n) for n, seconds in enumerate((9.0, 1.0, 5.0, 7.0, 2.0))]
    assert told(measured) == pytest.approx(OVERHEAD + 5.0)


def test_cells_that_trained_nothing_or_are_of_another_kind_say_nothing_of_training() -> None:
    others = [timed(99.0, steps=0), timed(98.0, network="mlp")]
    assert told([timed(14.0), *others]) == pytest.approx(14.0)
    assert told(others) == told([])


def test_where_nothing_is_measured_a_step_of_a_network_takes_what_it_took_once() -> None:
    """A step of a network that is not registered takes a millisecond: 30 networks of 100 steps three seconds."""
    assert told([], networks=30, network="of a user", image_side=28) == pytest.approx(OVERHEAD + 3.0)
    cnn = NETWORKS["cnn"]
    assert cnn.side_power == 2
    assert told([], networks=30) == pytest.approx(OVERHEAD + 3.0 * cnn.step_ms)
    assert told([], networks=30, image_side=28) == pytest.approx(OVERHEAD + 3.0 * 4 * cnn.step_ms)


def test_the_atlas_takes_what_it_took_once() -> None:
    cell = Cell(id="numerics-torch", notebook="numerics.ipynb")
    assert estimate([cell], []) == {"numerics-torch": FIXED["numerics-torch"]}


def test_the_run_ends_with_its_last_worker() -> None:
    assert wall_time([5.0, 1.0], 2) == 5.0
    assert wall_time([1.0, 2.0, 3.0, 4.0, 5.0], 2) == 8.0  # 5 + 2 + 1 beside 4 + 3
