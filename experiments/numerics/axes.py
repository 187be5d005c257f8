"""The axes of the atlas: which paths there are from a logit to a loss and its gradient.

How the effective logit z enters a head: one unit receives z itself, two units receive (-z/2, +z/2), the split
of the matched arm. Then a softmax of the two units is the sigmoid of z, both labels are treated alike, and
every half of a swept z is exact in every dtype. A loss over two units is swept along that line only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import product

import numpy as np
import pandas as pd

from experiments.tables import SCHEMAS

EXECUTIONS = ("eager", "graph", "xla")

# all exact in bfloat16, and so are their halves
_POSITIVE = np.array([0.5, *range(1, 41), *range(44, 121, 4)], dtype=np.float64)
Z = np.concatenate([-_POSITIVE[::-1], [0.0], _POSITIVE])
# one call sweeps both labels: the first half of the rows has label 0, the second label 1
SWEEP = np.concatenate([Z, Z])
LABELS = np.repeat([0, 1], len(Z))

MEASURED = "measured"
NOT_INSTALLED = "not installed"


@dataclass(frozen=True, kw_only=True)
class Dtype:
    """How a program sets its precision: Keras's `floatx` (inputs and losses), the policy of the layers, and the
    policy of the last layer.
    """

    name: str
    floatx: str
    policy: str
    head: str


def _dtype(name: str, floatx: str, policy: str, head: str | None = None) -> Dtype:
    return Dtype(name=name, floatx=floatx, policy=policy, head=head or policy)


DTYPES: dict[str, Dtype] = {
    dtype.name: dtype
    for dtype in (
        _dtype("float64", "float64", "float64"),
        _dtype("float32", "float32", "float32"),
        _dtype("bfloat16", "bfloat16", "bfloat16"),
        _dtype("float16", "float16", "float16"),
        _dtype("mixed_float16", "float32", "mixed_float16"),
        _dtype("mixed_bfloat16", "float32", "mixed_bfloat16"),
        # variants of what people write, swept for the activation in the layer only
        _dtype("mixed_float16_float32_head", "float32", "mixed_float16", "float32"),
        _dtype("mixed_bfloat16_float32_head", "float32", "mixed_bfloat16", "float32"),
        # the layers are float64 by their policy, Keras's floatx is not
        _dtype("float64_layers_only", "float32", "float64"),
        # float64 throughout, but JAX's switch jax_enable_x64 left as it comes
        _dtype("float64_without_x64", "float64", "float64"),
    )
}
VARIANTS = tuple(DTYPES)[6:]
PLAIN = ("float64", "float32", "bfloat16", "float16")
# the unit roundoff of what the head computes in
EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23, "bfloat16": 2.0**-7, "float16": 2.0**-10}

FORMS = ("in_layer", "activation_layer", "layer_after", "from_logits")
HEADS = (("sigmoid", 1), ("sigmoid", 2), ("softmax", 2), ("softmax", 1), ("linear", 1), ("linear", 2))
LOSSES = ("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy")

PATH = ["framework", "execution", "dtype", "form", "activation", "units", "loss"]
COLUMNS = [*SCHEMAS["numerics"], "units", "loss_of_prediction", "status"]


@dataclass(frozen=True, kw_only=True)
class Path:
    """One way from a logit to a loss: a row of the cross product, before the sweep over z and the label."""

    framework: str
    execution: str
    dtype: str
    form: str
    activation: str
    units: int
    loss: str

    @property
    def precision(self) -> str:
        """The dtype that the head's activation computes in: float16 for a mixed_float16 head."""
        return DTYPES[self.dtype].head.removeprefix("mixed_")

    @property
    def floatx(self) -> str:
        """The dtype of the swept input."""
        return DTYPES[self.dtype].floatx

    @property
    def doubtful(self) -> bool:
        """Whether the program may well be refused: an integer label 1 names no unit of a head with one unit, and
        a linear unit is no probability.
        """
        if self.framework == "torch":
            return self.units == 1 or self.loss == "BCELoss"
        return self.units == 1 and self.loss.startswith("sparse")

    def on(self, execution: str) -> Path:
        """The same path under another execution."""
        return replace(self, execution=execution)


def keras_paths(backend: str) -> list[Path]:
    """The whole cross product of Keras on `backend`: every execution, dtype, form, head and loss."""
    shapes = [*product([name for name in DTYPES if name not in VARIANTS], FORMS), *product(VARIANTS, FORMS[:1])]
    return [
        Path(framework=f"keras-{backend}", execution=execution, dtype=dtype, form=form,
             activation=activation, units=units, loss=loss)
        for (dtype, form), execution, (activation, units), loss in product(shapes, EXECUTIONS, HEADS, LOSSES)
    ]


def split(z: np.ndarray, units: int) -> np.ndarray:
    """The logits of a head whose effective logit is `z` (n,): (n, units), as the module's docstring says."""
    return z[:, None] if units == 1 else np.stack([-z / 2, z / 2], axis=1)


def one_hot(labels: np.ndarray, units: int) -> np.ndarray:
    """`labels` (n,) as a probability loss wants them: (n, 1) for one unit, else one-hot (n, units)."""
    return labels[:, None].astype(float) if units == 1 else np.eye(units)[labels]


def unmeasured(paths: Sequence[tuple[Path, str]]) -> pd.DataFrame:
    """One row a path that was not swept, with the reason as its status and nan for every value."""
    table = pd.DataFrame([{name: getattr(path, name) for name in PATH} for path, _ in paths])
    values = dict.fromkeys([name for name in COLUMNS if name not in [*PATH, "label", "status"]], np.nan)
    return table.assign(label=-1, status=[status for _, status in paths], **values)[COLUMNS]


def installed(package: str) -> bool:
    """Whether `package` can be imported, found out without importing it."""
    return find_spec(package) is not None
