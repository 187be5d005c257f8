"""The records that everything else passes around: frozen, checked at construction, free of TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    import keras
    import torch

Kind = Literal["vector", "image", "text", "sequence"]
Role = Literal["default", "crossed", "factor", "control", "null", "pitfall"]
Loss = Literal[
    "binary_crossentropy", "binary_crossentropy_sum", "categorical_crossentropy", "sparse_categorical_crossentropy",
    "bce_loss", "nll_loss",
]  # fmt: skip
Encoding = Literal["binary", "onehot", "sparse"]
Draw = Literal["own", "paired", "again"]
Order = Literal["shared", "again"]
Dtype = Literal["float32", "float64"]
KINDS: tuple[str, ...] = get_args(Kind)


class UserError(ValueError):
    """A mistake of the caller: shown as one line, without a traceback, and exit code 2."""


def require(condition: bool, message: str) -> None:
    """Raise `UserError(message)` unless `condition` holds."""
    if not condition:
        raise UserError(message)


@dataclass(frozen=True, kw_only=True)
class Data:
    """The rows of one task, before any split.

    `x`: (n, features) for vectors, (n, height, width, channels) for images, (n, steps, channels) for sequences, all
    unscaled; (n,) of Python's own for text.
    `y`: (n,) integers, the class of each row (0 and 1 for a binary task), or (n, labels) of 0 and 1.
    `groups`: (n,) integers; rows that share one never straddle a split.
    """

    x: np.ndarray
    y: np.ndarray
    groups: np.ndarray

    def __post_init__(self) -> None:
        if not len(self.x) == len(self.y) == len(self.groups):
            raise ValueError(f"x, y and groups differ in length: {len(self.x)}, {len(self.y)}, {len(self.groups)}")
        if self.x.dtype != object and not np.isfinite(self.x).all():
            raise ValueError("x holds values that are not finite")


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a preset trains of one task, network or optimizer, beside its own groups; what is empty is that one itself.

    "*" stands for every name.
    """

    preset: str
    tasks: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    optimizers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        named = [axis for axis in ("tasks", "networks", "optimizers") if getattr(self, axis)]
        require(len(named) == 2, f"A row of the preset {self.preset!r} names {named}. It must name two of three.")


@dataclass(frozen=True, kw_only=True)
class Task:
    """A data set and the question asked of it.

    `load(image_side, seed=0)` returns the `Data`; images wider than `image_side` are reduced to it, vectors ignore it.
    `synthetic`: a population, of which every seed draws rows of its own. A real table is the same for every seed;
    `sample` says how many of its rows each seed draws before its split, None that it takes all.
    `target` is "binary", "multiclass" or "multilabel". `called`: its name by language. `rows`: where presets train it.
    """

    name: str
    kind: Kind
    load: Callable[..., Data]
    description: str
    source: str
    synthetic: bool = False
    sample: int | None = None
    target: Literal["binary", "multiclass", "multilabel"] = "binary"
    called: Mapping[str, str] = field(default_factory=dict, compare=False)
    rows: tuple[Row, ...] = ()

    def __post_init__(self) -> None:
        require(self.kind in KINDS, f"Task {self.name!r} has the kind {self.kind!r}. Known: {', '.join(KINDS)}.")
        require(
            self.sample is None or (self.sample >= 1 and not self.synthetic),
            f"Task {self.name!r} has the sample {self.sample!r}. It must be a whole number of at least 1, and a "
            "synthetic task, whose seeds draw their own rows, has none.",
        )


@dataclass(frozen=True, kw_only=True)
class Network:
    """A trunk: `build(input_shape)` returns an uncompiled Keras model from one row to (features,).

    `torch`: the same network as a PyTorch module, from rows of that shape to (batch, features); None if there is none.
    `xla_from`: the steps, summed over the networks of a cell, from which XLA's step, which takes seconds to compile,
    costs less than that of TensorFlow's graph; infinity where it never does.
    `step_ms`: milliseconds of one network's step, at one thread of a machine of 2024 and images of 14 x 14, for
    estimates before anything is measured; it grows with the side of an image to the power `side_power`.
    `called`: its name by language, and `in_full` a longer one. `colour`: that of its lines. `rows`: where presets train
    it.
    """

    name: str
    takes: tuple[Kind, ...]
    build: Callable[[tuple[int, ...]], keras.Model]
    description: str
    torch: Callable[[tuple[int, ...]], torch.nn.Module] | None = None
    xla_from: float = math.inf
    step_ms: float = 1.0
    side_power: int = 0
    colour: str = ""
    in_full: Mapping[str, str] = field(default_factory=dict, compare=False)
    called: Mapping[str, str] = field(default_factory=dict, compare=False)
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Head:
    """An arm: the last layer, its loss, its initialisation and its step size.

    `units` 0 stands for "as many as there are classes or labels".
    `frameworks`: those in which people write such a program; one name is the same program in each, as it is written
    there. `loss` is Keras's, whose `binary_crossentropy` is the mean over the units; `binary_crossentropy_sum` is their
    sum. PyTorch computes the same from logits; its `bce_loss` and `nll_loss` take what the activation gives, or its
    logarithm.
    `rate_scale` and `decay_scale` multiply the learning rate and the weight decay of the head's own weights.
    `draw`: where the head starts. "own" is Keras's draw for as many units, which two units have coupled to that of
    one; "paired" is W = [-w/2, +w/2] from the sigmoid head's w, so that both start as one function; "again" is Keras's
    draw from a stream of the arm's own, independent of every other arm's.
    `order`: the batches, "shared" with all arms of the seed or in another order, "again".
    `on_request`: presets leave the arm out; who wants it names it.
    `needs_decay`: without weight decay or an L2 penalty the arm repeats another one, so it is left out.
    `colour`: that of its lines, as #rrggbb; without one it has a spare one. `called`: its name by language;
    `descriptions`: its description in other languages.
    """

    name: str
    units: int
    activation: Literal["sigmoid", "softmax", "linear"]
    loss: Loss
    role: Role
    description: str
    draw: Draw = "own"
    order: Order = "shared"
    rate_scale: float = 1.0
    decay_scale: float = 1.0
    needs_decay: bool = False
    on_request: bool = False
    frameworks: tuple[str, ...] = ()
    colour: str = ""
    called: Mapping[str, str] = field(default_factory=dict, compare=False)
    descriptions: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def multi_unit(self) -> bool:
        """Whether the arm is for several classes or labels, with a unit each, and not for a binary task."""
        return self.units == 0

    def exists_in(self, framework: str) -> bool:
        """Whether the framework has this arm."""
        return not self.frameworks or framework in self.frameworks

    @property
    def from_logits(self) -> bool:
        """Whether the loss is told that it receives logits."""
        return self.activation == "linear"

    @property
    def encoding(self) -> Encoding:
        """How the labels are written for this head's loss."""
        if self.loss in ("sparse_categorical_crossentropy", "nll_loss"):
            return "sparse"
        return "binary" if self.units == 1 else "onehot"

    def __post_init__(self) -> None:
        require(self.rate_scale > 0 and self.decay_scale >= 0, f"Head {self.name!r} has a scale that is negative.")
        require(self.draw != "paired" or self.units == 2, f"Head {self.name!r}: only two units can be paired.")


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """An optimizer with the rate it is used at by default.

    `make(rate)` returns the Keras optimizer. `torch(groups)` returns PyTorch's, for parameter groups that have their
    rates; None if there is none. `l2` is an L2 penalty on every kernel (Keras's `kernel_regularizer`).
    `rate_exponents`: the rates of a sweep, as powers of two of its own: sigmoid's best lies inside with room on either
    side, and the last diverge. `scale_invariant`: whether a factor of the loss changes none of its steps, but for its
    epsilon.
    `called`: its name by language. `rows`: where presets train with it.
    """

    name: str
    make: Callable[[float], keras.optimizers.Optimizer]
    learning_rate: float
    description: str
    torch: Callable[[list[dict[str, Any]]], torch.optim.Optimizer] | None = None
    decays: bool = False
    l2: float = 0.0
    rate_exponents: range = range(-3, 8)
    scale_invariant: bool = False
    called: Mapping[str, str] = field(default_factory=dict, compare=False)
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Everything that decides the numbers of one training cell; scheduling is no part of it.

    `framework`: a name of `frameworks.FRAMEWORKS`. `learning_rates`: rates that ride in the same compiled step;
    empty means the optimizer's default.
    `seeds`: how many; the seeds are 0 .. seeds-1. One seed is one split, one initialisation and one order.
    `record_every`: steps between two records; step 0 and the last step are always recorded.
    """

    task: str
    network: str
    optimizer: str
    heads: tuple[str, ...]
    seeds: int = 20
    steps: int = 400
    batch_size: int = 32
    record_every: int = 20
    learning_rates: tuple[float, ...] = ()
    dtype: Dtype = "float32"
    image_side: int = 14
    memory_gib: float = 4.0
    framework: str = "keras-tensorflow"

    def __post_init__(self) -> None:
        object.__setattr__(self, "heads", tuple(self.heads))
        object.__setattr__(self, "learning_rates", tuple(float(r) for r in self.learning_rates))
        for name, least in (("seeds", 1), ("steps", 1), ("batch_size", 1), ("record_every", 1), ("image_side", 4)):
            value = getattr(self, name)
            require(
                isinstance(value, int) and not isinstance(value, bool) and value >= least,
                f"{name} is {value!r}. It must be a whole number of at least {least}.",
            )
        for rate in self.learning_rates:
            require(
                math.isfinite(rate) and rate > 0,
                f"The learning rate {rate!r} is not positive. Give one above 0, for example 0.01.",
            )
        require(len(self.heads) > 0, "No head is named. See `headtohead list heads`.")
        require(len(set(self.heads)) == len(self.heads), f"A head is named twice in {', '.join(self.heads)}.")
        require(self.dtype in ("float32", "float64"), f"Unknown dtype {self.dtype!r}. Known: float32, float64.")
        require(self.memory_gib > 0, f"memory_gib is {self.memory_gib!r}. It must be above 0.")

    @property
    def networks(self) -> int:
        """How many networks are trained: every arm of every seed at every rate."""
        return len(self.heads) * self.seeds * max(1, len(self.learning_rates))


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One notebook to execute: which one, and with which parameters.

    `id` is what a person reads and the name of the folder that holds the result.
    """

    id: str
    notebook: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    networks: int = 0

    def __post_init__(self) -> None:
        if not self.id or "/" in self.id or self.id.startswith("."):
            raise ValueError(f"A cell's id is a folder's name, not {self.id!r}")
