"""From rows and a model to the answer."""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from experiments.comparison.language import messages_in
from experiments.comparison.options import Options, seconds
from experiments.comparison.result import Comparison
from experiments.records import UserError, require
from experiments.tensorflow_startup import start_tensorflow

if TYPE_CHECKING:
    import pandas as pd

    from experiments.comparison.run import Progress
    from experiments.tasks.files import Table

log = logging.getLogger(__name__)


def compare(
    x: ArrayLike | pd.DataFrame | dict[str, ArrayLike],
    y: ArrayLike | pd.Series,
    *,
    network: str | None = None,
    build: Callable[..., Any] | None = None,
    optimizer: str | None = None,
    learning_rate: float | None = None,
    seeds: int = 20,
    steps: int = 400,
    batch_size: int = 32,
    budget: str | float | None = None,
    groups: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: Literal["balanced"] | dict[Any, float] | None = None,
    scale: Literal["standard", "none"] = "standard",
    positive: object = None,
    memory_gib: float = 4.0,
    lang: str = "en",
    progress: Progress | None = None,
) -> Comparison:
    """Train the same network with a sigmoid and with a softmax head, seed after seed, and say whether they differ.

    `x`: a frame of numbers, categories, dates and text, or an array: (n, features), sequences (n, steps, channels),
    images (n, height, width, channels), or texts (n,); or a dictionary of several such arrays of numbers, by the names
    of a model's inputs.
    `y`: (n,) of two values; `positive` is the one that counts as class 1, by default the second in order. With more
    than two values, `positive` is compared with the rest.
    `network`: a trunk by its name (`headtohead list networks`), or `build`: a function of nothing or of the shape of a
    row that returns an uncompiled Keras trunk, or a whole classifier, whose trunk and optimizer are taken from it.
    `optimizer`, `learning_rate`: those of the compiled classifier, else `adam` (`headtohead list optimizers`).
    `seeds`: at most so many splits, first weights and orders; fewer if the answer is clear before, at 5 % error over
    all looks, or if the `budget` ("5min", or seconds) is spent.
    `groups`: (n,); rows of one value never straddle a split. `sample_weight`: (n,), and `class_weight`: "balanced" or
    {value of y: factor}, multiply a row's loss in the objective as in Keras's `fit`; no measure knows of them.
    `scale`: "none" leaves numbers as they are, which are otherwise standardised by the training part.
    `lang`: "en" or "zh", the language of the answer and of its page.
    `progress(text, share)` is called now and then. Python's and NumPy's random states are left as they were; Keras's
    and TensorFlow's are not.

    Raises `UserError`, in one line, for whatever is wrong with the data, the model or the settings.
    """
    from experiments.tasks.files import from_arrays

    require(network is None or build is None, "Both network and build are given. Give one of them.")
    table = from_arrays(x, y, positive=positive, groups=groups, weights=sample_weight)
    options = Options(
        optimizer=optimizer,
        learning_rate=learning_rate,
        seeds=seeds,
        steps=steps,
        batch_size=batch_size,
        budget=seconds(budget),
        class_weight=weights_of_classes(class_weight, table),
        scale=scale,
        memory_gib=memory_gib,
        lang=lang,
    )
    return of_table(table, options, network=network, build=build, progress=progress)


def of_table(
    table: Table,
    options: Options,
    *,
    network: str | None = None,
    build: Callable[..., Any] | None = None,
    name: str = "",
    progress: Progress | None = None,
) -> Comparison:
    """The comparison on a table that has been read; `name` is what messages call `build`."""
    start_tensorflow()
    from experiments.comparison import answer, run
    from experiments.comparison.advice import advice
    from experiments.comparison.judge import primary
    from experiments.comparison.model import of_function, registered
    from experiments.comparison.seed_data import Plan, row_shape
    from experiments.judgement import attribution, pair_up

    tell = progress or (lambda text, share: None)
    task = task_name(table.source)
    tell("Looking at the model", 0.0)
    with _random_states():
        row = row_shape(table, task)
        settings = (row, options.optimizer, options.learning_rate)
        kind = table.kind
        if build is None:
            model = registered(network, *settings, kind=kind)
        else:
            model = of_function(build, *settings, name=name, kind=kind, arrays=table.arrays)
        plan = Plan(table=table, model=model, options=options, task=task)
        result = run.run(plan, tell)
    pairs = pair_up(result.tables["finals"], None, result.tables["runs"])
    level = float(primary(result.differences)["level"].max())  # of the last look: what was stopped by looking at it
    shares = attribution(pairs, decays=model.optimizer.record.decays, confidence=1 - level)
    rows = np.bincount(table.y, minlength=2)
    shape = " × ".join(map(str, plan.row))
    each = {"text": "tokens", "sequence": "numbers (steps × channels)"}.get(table.kind, "numbers")
    classes = ", ".join(f"{count:,} of {label!r}" for label, count in zip(table.labels, rows, strict=True))
    data = f"{len(table.y):,} rows of {table.source} ({classes}), each {shape} {each} once encoded."
    messages = messages_in(options.lang)
    return Comparison(
        verdict=answer.verdict(result, messages),
        why=answer.cause(shares, result, messages),
        advice=advice(result, model, messages),
        lang=options.lang,
        differences=result.differences,
        attribution=shares,
        curves=result.tables["curves"],
        finals=result.tables["finals"],
        runs=result.tables["runs"],
        looks=result.looks,
        rates=result.sweep,
        tuning=result.tuning,
        recognised=(data, *model.recognised),
        notices=(*table.notices, *result.notices),
        settings={
            "source": table.source,
            "labels": list(table.labels),
            "rows": len(table.y),
            "row": list(plan.row),
            "scale": options.scale,
            "network": model.name,
            "optimizer": model.optimizer.text,
            "learning_rate": plan.rate,
            "learning_rates": list(plan.rates),
            "arms": [head.name for head in plan.heads],
            "seeds": len(result.tables["runs"]["seed"].unique()),
            "seeds_at_most": options.seeds,
            "looks_planned": list(result.design.looks),
            "stopped": result.stopped,
            "steps": options.steps,
            "batch_size": options.batch_size,
            "class_weight": options.class_weight,
            "sample_weight": table.weights is not None,
            "engine": result.engine,
            "seconds": round(result.seconds, 1),
            "versions": {package: version(package) for package in ("tensorflow", "keras", "numpy")},
        },
    )


def task_name(source: str) -> str:
    """A name for streams, tables and folders, from where the rows come from."""
    stem = source.removeprefix("openml:")
    stem = Path(stem).stem if stem == source else stem
    return re.sub(r"[^\w-]+", "_", stem).strip("_")[:60] or "data"


def weights_of_classes(class_weight: Any, table: Table) -> Literal["balanced"] | tuple[float, float] | None:
    """The factor of each class, in the order of the table's labels."""
    if class_weight is None:
        return None
    if class_weight == "balanced":
        return "balanced"
    require(
        isinstance(class_weight, dict),
        f"class_weight is {class_weight!r}. Give 'balanced', or a factor for each class.",
    )
    factors = {str(label): factor for label, factor in class_weight.items()}
    names = table.labels if set(factors) == set(table.labels) else ("0", "1")
    require(
        set(factors) == set(names),
        f"class_weight names {', '.join(sorted(factors))}. The classes are {' and '.join(map(repr, table.labels))}.",
    )
    try:
        return float(factors[names[0]]), float(factors[names[1]])
    except (TypeError, ValueError) as error:
        raise UserError(f"class_weight is {class_weight!r}. Each factor must be a number above 0.") from error


@contextmanager
def _random_states() -> Iterator[None]:
    """Leave Python's and NumPy's global random states as they were: Keras's seeding sets them."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 (it is the caller's that is kept)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
