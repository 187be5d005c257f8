"""What an example is, the frameworks and precisions that it is computed in, and the decorator that registers one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from experiments.registry import Registry
from experiments.worked_examples.arrays import Numpy, ScikitLearn
from experiments.worked_examples.tensors import Keras, TensorFlow, Torch

Measure = Callable[["Variant"], dict[str, float]]


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Where an example is computed: a framework (or one of its functions), and the precision.

    `package`: what must be installed for it, by the name that Python imports.
    """

    framework: str
    package: str
    dtype: str


@dataclass(frozen=True, kw_only=True)
class Example:
    """One example: `measure` returns a number for each of `quantities`, and `article` holds the article's own."""

    name: str
    section: str
    variants: tuple[Variant, ...]
    quantities: tuple[str, ...]
    measure: Measure
    article: Mapping[str, float] = field(default_factory=dict)


def _load() -> None:
    for module in ("functions", "losses"):  # they register
        import_module(f"{__package__}.{module}")


EXAMPLES: Registry[Example] = Registry("example", _load)


def example(
    name: str,
    *,
    section: str,
    variants: Sequence[Variant],
    quantities: Sequence[str],
    article: Mapping[str, float] | None = None,
) -> Callable[[Measure], Measure]:
    """Register a function from a variant to its numbers under `name`, the id of a claim."""

    def register(measure: Measure) -> Measure:
        EXAMPLES.add(
            Example(
                name=name,
                section=section,
                variants=tuple(variants),
                quantities=tuple(quantities),
                measure=measure,
                article=article or {},
            )
        )
        return measure

    return register


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


def variants(frameworks: Sequence[str], dtypes: Sequence[str]) -> tuple[Variant, ...]:
    """Each framework at each dtype that it has: NumPy has no bfloat16, scikit-learn no half precision."""
    lacking = {"NumPy": {"bfloat16"}, "scikit-learn": set(HALF)}
    return tuple(
        Variant(framework=name, package=FRAMEWORKS[name][1], dtype=dtype)
        for dtype in dtypes
        for name in frameworks
        if dtype not in lacking.get(name, ())
    )


def calls(variant: Variant) -> Any:
    """The functions of a variant; imports its framework."""
    return FRAMEWORKS[variant.framework][0](variant.dtype)
