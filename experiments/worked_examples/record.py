"""What an example is, and the decorator that registers one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from experiments.registry import Registry

Measure = Callable[["Place"], dict[str, float]]


@dataclass(frozen=True, kw_only=True)
class Place:
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
    places: tuple[Place, ...]
    quantities: tuple[str, ...]
    measure: Measure
    article: Mapping[str, float] = field(default_factory=dict)


def _load() -> None:
    from experiments.worked_examples import functions, losses, recipes  # noqa: F401  (they register)


EXAMPLES: Registry[Example] = Registry("example", _load)


def example(
    name: str,
    *,
    section: str,
    places: Sequence[Place],
    quantities: Sequence[str],
    article: Mapping[str, float] | None = None,
) -> Callable[[Measure], Measure]:
    """Register a function from a place to its numbers under `name`, the id of a claim."""

    def register(measure: Measure) -> Measure:
        EXAMPLES.add(
            Example(
                name=name,
                section=section,
                places=tuple(places),
                quantities=tuple(quantities),
                measure=measure,
                article=article or {},
            )
        )
        return measure

    return register
