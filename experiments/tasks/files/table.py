"""The one form that a user's data takes, whatever file it came from."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.records import Kind

# of one row, without text
KIND_OF_RANK: dict[int, Kind] = {1: "vector", 2: "sequence", 3: "image"}


@dataclass(frozen=True, kw_only=True)
class Table:
    """A user's rows for a binary task, checked and ready for a split.

    `x`: a frame whose columns are float64 numbers (NaN is missing), categories without missing values, datetime64[us]
    (NaT is missing), or text; or an array: finite numbers (n, features) as float64; images (n, height, width, channels)
    as float32 in their own unit; sequences (n, steps, channels) as float64, NaN where a shorter one has no step; or
    texts (n,), Python's own.
    `y`: (n,) int64, 0 or 1. `labels`: what the file calls class 0 and class 1.
    `groups`: (n,) int64; rows of one value of the user's group column share one, and so do identical rows unless that
    leaves too few groups (`data.leaves_few`).
    `weights`: (n,) float64 sample weights, none negative, or None.
    `arrays`: the name and the shape of a row of each array, where `x` holds several side by side, (n, numbers).
    `source`: for display. `notices`: what was dropped or read in a way that a user should know, a sentence each.
    """

    x: pd.DataFrame | np.ndarray
    y: np.ndarray
    groups: np.ndarray
    weights: np.ndarray | None
    labels: tuple[str, str]
    source: str
    notices: tuple[str, ...] = ()
    arrays: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def __post_init__(self) -> None:
        lengths = {len(part) for part in (self.x, self.y, self.groups, self.weights) if part is not None}
        if len(lengths) != 1:
            raise ValueError(f"x, y, groups and weights differ in length: {sorted(lengths)}")

    @property
    def kind(self) -> Kind:
        """What a row is; of several arrays, a vector of all their numbers."""
        return "text" if self.x.ndim == 1 else KIND_OF_RANK[self.x.ndim - 1]

    @property
    def parts(self) -> list[tuple[str, slice, tuple[int, ...]]]:
        """Name, place among the numbers of a row, and shape of each of the arrays that a row is made of."""
        start, parts = 0, []
        for name, shape in self.arrays or (("", tuple(self.x.shape[1:])),):
            stop = start + math.prod(shape)
            parts.append((name, slice(start, stop), shape))
            start = stop
        return parts


@dataclass(frozen=True, kw_only=True)
class Raw:
    """What a reader found, before any check of its values: as many rows in every part.

    `target`, `group`, `weight`: how messages call `y`, `groups` and `weights`. `gaps`: whether NaN may be in an array.
    """

    x: pd.DataFrame | np.ndarray | dict[str, np.ndarray]
    y: pd.Series
    groups: pd.Series | None
    weights: pd.Series | None
    source: str
    target: str = "The target y"
    group: str = "groups"
    weight: str = "weights"
    notices: tuple[str, ...] = ()
    gaps: bool = False
