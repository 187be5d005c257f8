"""The tasks: real data that ships in packages, and synthetic data that stresses the heads.

Add one with a decorated function here or in a module of this folder: the command line, the plan, the conformance
tests and the report pick it up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Literal

from experiments.records import Data, Kind, Row, Task
from experiments.registry import Registry
from experiments.tasks.data import as_data, data_hash
from experiments.tasks.splits import PARTS, SHARES, Scaling, Split, fit_scaling, sample, split
from experiments.tasks.text import LARGEST_VOCABULARY, VOCABULARY, length_of, tokens_of

__all__ = [
    "LARGEST_VOCABULARY",
    "PARTS",
    "SHARES",
    "TASKS",
    "VOCABULARY",
    "Scaling",
    "Split",
    "as_data",
    "data_hash",
    "fit_scaling",
    "length_of",
    "sample",
    "split",
    "task",
    "tokens_of",
]


def _import_tasks() -> None:
    for module in ("bundled", "synthetic"):
        import_module(f"{__name__}.{module}")


TASKS: Registry[Task] = Registry("task", load=_import_tasks, texts={"task": lambda record: record.called})


def task(
    name: str,
    *,
    kind: Kind,
    description: str,
    source: str,
    synthetic: bool = False,
    sample: int | None = None,
    target: Literal["binary", "multiclass", "multilabel"] = "binary",
    called: Mapping[str, str] | None = None,
    rows: tuple[Row, ...] = (),
) -> Callable[[Callable[..., Data]], Task]:
    """Register the decorated function, which returns `Data`, as the task `name`.

    A function of an image task takes `image_side`, and one of a synthetic task takes `seed`, which draws the rows.
    `sample`: how many rows of a large table each seed draws. `called`: its name by language; `rows`: where presets
    train it.
    It should import what it needs within: listing the tasks must stay quick.
    """

    def register(function: Callable[..., Data]) -> Task:
        def load(image_side: int, seed: int = 0) -> Data:
            arguments: dict[str, Any] = {"image_side": image_side} if kind == "image" else {}
            return function(**arguments, **({"seed": seed} if synthetic else {}))

        return TASKS.add(
            Task(
                name=name,
                kind=kind,
                load=load,
                description=description,
                source=source,
                synthetic=synthetic,
                sample=sample,
                target=target,
                called=called or {},
                rows=rows,
            )
        )

    return register
