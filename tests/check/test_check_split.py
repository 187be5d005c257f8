"""Where a computation falls into trunk and tail: graphs small enough to be drawn by hand.

x is the data, w and v are weights, y the target.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pytest

from experiments.check.split import Node, entry_points, split


def node(inputs: str, outputs: str, *, random: bool = False) -> Node:
    return Node(inputs=tuple(inputs.split()), outputs=tuple(outputs.split()), random=random)


DENSE = [node("x w", "h"), node("h v", "z"), node("z", "y")]


@pytest.mark.parametrize(
    ("nodes", "met", "narrow"),
    [
        (DENSE, ["z"], "z"),
        # a bias: a cast of a weight is a weight
        ([node("v", "c"), node("x w", "h"), node("h c", "z"), node("z", "y")], ["z"], "z"),
        # dropout behind: what it draws is no weight, though its seed is one
        ([*DENSE[:2], node("v", "mask", random=True), node("z mask", "y")], ["z"], "z"),
        # two parts that meet: both ends, and the last tensor on every way
        ([node("x w", "a"), node("x v", "b"), node("a", "p"), node("a b", "m"), node("p m", "s"), node("s", "y")],
         ["b", "a"], "s"),
        # the trunk of a part that joins behind is no end of its own
        ([node("x w", "h"), node("h v", "z"), node("z h", "j"), node("j", "y")], ["z", "h"], "j"),
        # a way without weights: there are no logits, only the last tensor that all goes through
        ([node("x w", "h"), node("h x", "j"), node("j", "y")], [], "j"),
        ([node("x", "y")], [], "x"),
        # a tensor that is changed in its place
        ([node("x w", "z"), node("z", "z y")], ["z"], "z"),
        # what only the labels are made of
        ([*DENSE, node("t", "u")], ["z"], "z"),
    ],
)  # fmt: skip
def test_the_last_weighted_operations_on_each_way(nodes: list[Node], met: list[Hashable], narrow: Hashable) -> None:
    ends, ways = split(nodes, ["x"], ["w", "v"], "y")
    assert (ends, ways[-1]) == (tuple(met), narrow)


def test_a_scalar_product_is_entered_behind_its_factors() -> None:
    """Fed with the same numbers, u * v would be a square, which no sign of a logit changes."""
    u, v = np.array([[1.0, 2.0]]), np.array([[3.0, 1.0]])
    product = {"u": u, "v": v, "m": u * v, "z": (u * v).sum(axis=1), "y": (u * v).sum(axis=1)}
    assert entry_points(("v", "u"), ("y", "z", "m"), product.__getitem__) == (("z",), True)
    assert entry_points(("v", "u"), ("z", "m"), product.__getitem__) == (("z",), True)  # the logits are the prediction
    half = np.array([0.5])
    mixture = {"a": u[:, 0], "b": v[:, 0], "m": half, "y": half}
    assert entry_points(("b", "a"), ("y", "m"), mixture.__getitem__) == (("b", "a"), True)
    experts = {"a": u, "b": v[:, 0], "m": half, "y": half}
    assert entry_points(("b", "a"), ("y", "m"), experts.__getitem__) == (("m",), False)
