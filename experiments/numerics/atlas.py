"""The atlas: every path of one backend swept, beside its reference, as one tidy table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import Any

import numpy as np
import pandas as pd

from experiments import tables
from experiments.keras_backend import BACKENDS, use_backend
from experiments.numerics import keras_programs, native_programs, numpy_sweeps, references
from experiments.numerics.axes import (
    COLUMNS,
    DTYPES,
    LABELS,
    MEASURED,
    NOT_INSTALLED,
    PATH,
    SWEEP,
    Path,
    installed,
    keras_paths,
    unmeasured,
)
from experiments.numerics.engines import ENGINES, Engine, Jax
from experiments.numerics.programs import Program
from experiments.numerics.sweeps import Sweep, SweepResult, suppress_warnings
from experiments.records import require

CATEGORIES = [name for name in PATH if name != "units"]
Progress = Callable[[int, int], None]


def paths(backend: str, dtypes: Sequence[str] = ()) -> list[Path]:
    """Every path that `backend` answers for: Keras on it and its own losses; NumPy goes with TensorFlow.

    `dtypes`: only those of these dtypes; empty means all. Raises `UserError` for an unknown name.
    """
    require(backend in BACKENDS, f"Unknown backend {backend!r}. Known: {', '.join(BACKENDS)}.")
    for dtype in dtypes:
        require(dtype in DTYPES, f"Unknown dtype {dtype!r}. Known: {', '.join(DTYPES)}.")
    others = {
        "tensorflow": lambda: [*native_programs.tensorflow_paths(), *numpy_sweeps.paths()],
        "torch": native_programs.torch_paths,
        "jax": list,
    }[backend]
    return [path for path in (*keras_paths(backend), *others()) if not dtypes or path.dtype in dtypes]


def bind(path: Path, labels: np.ndarray = LABELS) -> Program:
    """The program of any path of a differentiating framework, for rows with these labels."""
    binders = {"torch": native_programs.bind_torch, "tensorflow": native_programs.bind_tensorflow}
    return binders.get(path.framework, keras_programs.bind)(path, labels)


def _measured(results: Sequence[tuple[Path, SweepResult]]) -> pd.DataFrame:
    """The rows of the paths that were swept, in the order given."""
    references_of = [references.sweep(path) for path, _ in results]
    columns = {name: np.repeat([getattr(path, name) for path, _ in results], len(SWEEP)) for name in PATH}
    values = {
        "loss_value": [result.loss for _, result in results],
        "loss_reference": [loss for loss, _ in references_of],
        "grad": [result.grad for _, result in results],
        # scikit-learn has no gradient, so there is nothing to compare it with
        "grad_reference": [
            np.full_like(grad, np.nan) if path.framework == "scikit-learn" else grad
            for (path, _), (_, grad) in zip(results, references_of, strict=True)
        ],
        "loss_of_prediction": [result.loss_of_prediction for _, result in results],
    }
    return pd.DataFrame(
        {
            **columns,
            "label": np.tile(LABELS, len(results)),
            "z": np.tile(SWEEP, len(results)),
            **{name: np.concatenate(parts) for name, parts in values.items()},
            "status": MEASURED,
        }
    )[COLUMNS]


def _differentiated(engine: Engine, selected: Iterable[Path]) -> Iterator[tuple[Path, SweepResult | str]]:
    """Sweep the paths of a framework: those that share arithmetic are bound once and run in one call an execution."""
    for batch_key, group in groupby(sorted(selected, key=engine.batch_key), key=engine.batch_key):
        reasons = {path: _reason_absent(engine, path) for path in group}
        yield from ((path, why) for path, why in reasons.items() if why)
        programs: dict[Path, Program] = {}
        sweeping = Sweep(engine, SWEEP)
        with engine.precision(batch_key), suppress_warnings():
            for execution in engine.executions:
                members = [path for path, why in reasons.items() if not why and path.execution == execution]
                for path in {path.on("any") for path in members} - programs.keys():
                    programs[path] = bind(path)
                bound = [programs[path.on("any")] for path in members]
                yield from zip(members, sweeping.run(bound, execution), strict=True)


def _reason_absent(engine: Engine, path: Path) -> str:
    """Why `engine` cannot have this path, or nothing."""
    if path.execution not in engine.executions:
        return f"does not exist: {engine.reason_absent}"
    if path.dtype == "float64_without_x64" and not isinstance(engine, Jax):
        return "does not exist: only JAX has this switch"
    return ""


def _block(result: tuple[Path, Any]) -> tuple[str, ...]:
    """The order of the table."""
    path, _ = result
    return (path.framework, path.dtype, path.form, path.execution)


def sweep(backend: str, selected: Iterable[Path], progress: Progress | None = None) -> pd.DataFrame:
    """The atlas rows of `selected` paths of `backend`, in this process; `progress(done, of)` after each path."""
    selected = list(selected)
    use_backend(backend)
    by_hand = [path for path in selected if path.framework in ("numpy", "scikit-learn")]
    framed = [path for path in selected if path.framework not in ("numpy", "scikit-learn")]
    results: dict[Path, SweepResult | str] = {}
    hand_swept = ((path, numpy_sweeps.sweep(path)) for path in by_hand)
    for path, result in chain(hand_swept, _differentiated(ENGINES[backend](), framed)):
        results[path] = result
        if progress is not None:
            progress(len(results), len(selected))
    ordered = [(path, results[path]) for path in by_hand] + sorted(((p, results[p]) for p in framed), key=_block)
    swept = [(path, result) for path, result in ordered if isinstance(result, SweepResult)]
    absent = [(path, result) for path, result in ordered if isinstance(result, str)]
    parts = [_measured(swept)] if swept else []
    parts += [unmeasured(absent)] if absent else []
    return tidy(pd.concat(parts, ignore_index=True))


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """The columns in the order of the schema, the names as categories: a tenth of the memory."""
    kinds = dict.fromkeys([*CATEGORIES, "status"], "category")
    return tables.validate("numerics", table.astype({**kinds, "label": "int8", "units": "int8"}))


def atlas(backend: str, progress: Progress | None = None, dtypes: Sequence[str] = ()) -> pd.DataFrame:
    """Every path of `backend`, see `paths`, over the sweep of z and both labels: the table `numerics`.

    A path has 246 rows with the status "measured", or one row (z is nan) whose status says why it has none:
    "not installed", "does not exist: ..." or "raises ...". More columns than the schema: `units`,
    `loss_of_prediction` (the same loss, of what `predict` returns) and `status`.
    Raises `UserError` for an unknown backend, and where Keras runs on another one already: see `study`.
    """
    selected = paths(backend, dtypes)
    if not installed(backend):
        return tidy(unmeasured([(path, NOT_INSTALLED) for path in selected]))
    return sweep(backend, selected, progress)
