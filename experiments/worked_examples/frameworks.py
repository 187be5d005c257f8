"""The frameworks that an example can be computed in, and the precisions that they have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments.worked_examples.arrays import Numpy, ScikitLearn
from experiments.worked_examples.record import Place
from experiments.worked_examples.tensors import Keras, TensorFlow, Torch

FRAMEWORKS: dict[str, tuple[type, str]] = {
    "NumPy": (Numpy, "numpy"),
    "scikit-learn": (ScikitLearn, "sklearn"),
    "TensorFlow": (TensorFlow, "tensorflow"),
    "Keras": (Keras, "keras"),
    "PyTorch": (Torch, "torch"),
}
DIFFERENTIATES = ("NumPy", "TensorFlow", "Keras", "PyTorch")
TENSORS = ("TensorFlow", "Keras", "PyTorch")
HALF = ("float16", "bfloat16")


def places(frameworks: Sequence[str], dtypes: Sequence[str]) -> tuple[Place, ...]:
    """Each framework at each dtype that it has: NumPy has no bfloat16, scikit-learn no half precision."""
    lacking = {"NumPy": {"bfloat16"}, "scikit-learn": set(HALF)}
    return tuple(
        Place(framework=name, package=FRAMEWORKS[name][1], dtype=dtype)
        for dtype in dtypes
        for name in frameworks
        if dtype not in lacking.get(name, ())
    )


def calls(place: Place) -> Any:
    """The functions of a place; imports its framework."""
    return FRAMEWORKS[place.framework][0](place.dtype)
