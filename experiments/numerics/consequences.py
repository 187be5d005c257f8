"""What a pathology does to training: one network on that path beside the same network on a sound one.

Everything but the path is one and the same NumPy code in float64: the data, the network (two inputs, a layer of
tanh, one effective logit), plain full-batch gradient descent. Only dL/dz comes from the framework: from the very
program that the atlas sweeps. So a difference between the two runs has no other cause than the path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import pandas as pd
from scipy.special import expit, softmax

from experiments.keras_backend import use_backend
from experiments.numerics import references
from experiments.numerics.atlas import bind
from experiments.numerics.axes import DTYPES, LOSSES, PATH, Path
from experiments.numerics.engines import ENGINES, Engine, Run
from experiments.numerics.measures import Measures
from experiments.numerics.pathologies import PATHOLOGIES, Pathology, diagnose
from experiments.numerics.programs import Program
from experiments.numerics.sweeps import suppress_warnings

SEEDS = 8
ROWS = 128  # of one network: the first half has label 0, the second label 1
STEPS = 200
HIDDEN = 8
CLIP = 1e-7  # of a reported probability, as Keras does
COLUMNS = ["pathology", "role", *PATH, "task", "seed", "nll", "predicted_nll", "accuracy", "dead_share", "finite"]

# from effective logits (paths, n) to dL/dz and the predicted probability of class 1, row by row
Gradient = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, kw_only=True)
class Task:
    """Two Gaussian clouds.

    `distance` is between their centres, in standard deviations; `flipped` the share of rows drawn from the other
    class's cloud; `rate` the learning rate; `scale` multiplies the starting weights of the last layer.
    """

    name: str
    distance: float
    flipped: float
    rate: float
    scale: float


TASKS = (
    Task(name="separable", distance=6.0, flipped=0.0, rate=0.5, scale=1.0),
    Task(name="heavy_noise", distance=3.0, flipped=0.2, rate=0.5, scale=1.0),
    Task(name="large_rate", distance=3.0, flipped=0.05, rate=16.0, scale=8.0),
)


def data(task: Task, seed: int) -> np.ndarray:
    """The inputs (ROWS, 2) of one seed; the labels are fixed: half 0, then half 1."""
    rng = np.random.default_rng([seed, 1])
    side = np.repeat([-0.5, 0.5], ROWS // 2)
    side = np.where(rng.random(ROWS) < task.flipped, -side, side)
    centre = np.stack([task.distance * side, np.zeros(ROWS)], axis=1)
    return centre + rng.normal(size=(ROWS, 2))


def weights(task: Task, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The starting weights of one network: (2, HIDDEN) and (HIDDEN,). The biases start at 0."""
    rng = np.random.default_rng([seed, 2])
    inner = rng.normal(size=(2, HIDDEN)) / np.sqrt(2)
    return inner, task.scale * rng.normal(size=HIDDEN) / np.sqrt(HIDDEN)


def train(gradient: Gradient, seeds: int = SEEDS, steps: int = STEPS, paths: int = 1) -> list[pd.DataFrame]:
    """Full-batch gradient descent of `seeds` networks on each of `TASKS` with the gradient of each path, in one stack.

    Returns a table a path, with one row a task and seed: `nll` and `predicted_nll`, the negative log-likelihood of
    the final effective logit and of the probability that the model itself predicts (clipped at 1e-7); `accuracy` of
    that prediction; `dead_share`, the share of rows, averaged over the steps, whose gradient is exactly 0 although
    the sigmoid of their logit is more than 0.001 from the label; `finite`, whether every weight is finite in the end.
    """
    with np.errstate(all="ignore"):  # a network that blows up is a finding
        return _train(gradient, seeds, steps, paths)


def _train(gradient: Gradient, seeds: int, steps: int, paths: int) -> list[pd.DataFrame]:
    networks = [(task, seed) for task in TASKS for seed in range(seeds)]
    runs = networks * paths
    x = np.stack([data(*run) for run in runs])
    inner, outer = (np.stack(parts) for parts in zip(*(weights(*run) for run in runs), strict=True))
    inner_bias, outer_bias = np.zeros((len(runs), 1, HIDDEN)), np.zeros((len(runs), 1))
    rate = np.array([task.rate for task, _ in runs])[:, None] / ROWS
    label = np.repeat([0.0, 1.0], ROWS // 2)
    dead = np.zeros(len(runs))
    hidden, slopes = np.empty((2, len(runs), ROWS, HIDDEN))  # written over: new ones cost more than the sums
    for step in range(steps + 1):
        h = np.matmul(x, inner, out=hidden)
        np.tanh(np.add(h, inner_bias, out=h), out=h)
        z = np.einsum("rnh,rh->rn", h, outer) + outer_bias
        # a network that has blown up stays so; the others go on
        grad, chance = (
            np.where(np.isfinite(z), part.reshape(z.shape), np.nan)
            for part in gradient(np.nan_to_num(z).reshape(paths, -1))
        )
        if step == steps:
            break
        dead += ((grad == 0) & (np.abs(expit(z) - label) > 1e-3)).mean(axis=1) / steps
        slope = rate * grad
        back = np.multiply(slope[:, :, None], outer[:, None, :], out=slopes)
        outer = outer - np.einsum("rn,rnh->rh", slope, h)
        back *= np.subtract(1, np.square(h, out=h), out=h)
        outer_bias = outer_bias - slope.sum(axis=1, keepdims=True)
        inner = inner - x.transpose(0, 2, 1) @ back
        inner_bias = inner_bias - back.sum(axis=1, keepdims=True)
    likelihood = np.clip(np.where(label == 1, chance, 1 - chance), CLIP, 1 - CLIP)
    results = pd.DataFrame(
        {
            "task": [task.name for task, _ in runs],
            "seed": [seed for _, seed in runs],
            "nll": (np.logaddexp(0, z) - label * z).mean(axis=1),
            "predicted_nll": -np.log(likelihood).mean(axis=1),
            "accuracy": (((chance > 0.5) == label) & np.isfinite(chance)).mean(axis=1),
            "dead_share": dead,
            "finite": np.isfinite(z).all(axis=1),
        }
    )
    return [part.reset_index(drop=True) for _, part in results.groupby(np.arange(len(runs)) // len(networks))]


def probability(path: Path, prediction: np.ndarray) -> np.ndarray:
    """The probability of class 1 (n,) that a user reads off what the path's model predicts (n, units)."""
    if path.activation == "log_softmax":
        prediction = np.exp(prediction)
    elif path.activation == "linear" and path.form == "from_logits":
        by_class = path.units == 2 and "binary" not in path.loss and "BCE" not in path.loss
        prediction = softmax(prediction, axis=1) if by_class else expit(prediction)
    if path.units == 1:
        return prediction[:, 0]
    return prediction[:, 1] / prediction.sum(axis=1)


def _gradient(engine: Engine, paths: Sequence[Path], seeds: int) -> Gradient:
    """The gradient of each path: those of one execution that share arithmetic in one call."""
    labels = np.tile(np.repeat([0, 1], ROWS // 2), seeds * len(TASKS))

    def call(path: Path) -> tuple[str, str]:
        return (engine.batch_key(path), path.execution)

    calls: list[tuple[str, list[Program], Run]] = []
    for (batch_key, execution), members in groupby(sorted(paths, key=call), key=call):
        with engine.precision(batch_key):
            programs = [replace(bind(path, labels), logits_index=paths.index(path)) for path in members]
            calls.append((batch_key, programs, engine.compiled([programs], execution)))

    def gradient(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        grad, chance = np.empty_like(z), np.empty_like(z)
        for batch_key, programs, run in calls:
            with engine.precision(batch_key), suppress_warnings():
                outcomes = run([*z])
            for program, outcome in zip(programs, outcomes, strict=True):
                grad[program.logits_index] = engine.numpy(outcome.grad).reshape(-1)
                prediction = engine.numpy(outcome.prediction).astype(np.float64)
                chance[program.logits_index] = probability(program.path, prediction)
        return grad, chance

    return gradient


def sound_counterpart(path: Path, measures_by_path: dict[Path, Measures]) -> Path | None:
    """The sound path of the same framework and execution that is most like `path`.

    First among those that mean the same loss, so that nothing differs but the arithmetic; if there is none, the
    one that the remedies lead to, one after the other; None if they leave what was swept.
    `measures_by_path`: the measures of every swept path.
    """

    def sound(other: Path) -> bool:
        return other in measures_by_path and not any(
            pathology.harms for pathology in diagnose(other, measures_by_path[other])
        )

    meaning = references.sweep(path)
    same = [
        other for other in measures_by_path
        if (other.framework, other.execution) == (path.framework, path.execution) and sound(other)
        and np.allclose(references.sweep(other), meaning, equal_nan=True)
    ]
    if same:
        dtypes = (path.dtype, "float32", *DTYPES)
        return min(
            same,
            key=lambda other: (dtypes.index(other.dtype), sum(getattr(other, n) != getattr(path, n) for n in PATH)),
        )
    for _ in range(len(PATHOLOGIES)):
        if path not in measures_by_path or sound(path):
            return path if path in measures_by_path else None
        path = next(pathology for pathology in diagnose(path, measures_by_path[path]) if pathology.harms).cured(path)
    return None


def _strangeness(path: Path, pathology: Pathology, diagnoses: list[Pathology]) -> tuple[int, ...]:
    """How far a path is from what people write who have this pathology and no other, for sorting."""
    others = [other for other in diagnoses if other is not pathology]
    dtypes = ("float32", "mixed_float16", "float16", *DTYPES)
    forms = ("in_layer", "layer_after", "activation_layer", "from_logits")
    return (
        not path.framework.startswith("keras"),
        sum(other.kind == "objectives" for other in others),
        dtypes.index(path.dtype),
        forms.index(path.form),
        [*LOSSES, path.loss].index(path.loss),
        path.units,
        len(others),
    )


def examples(table: pd.DataFrame) -> dict[str, tuple[Path, Path]]:
    """For each harmful pathology found in `table` (of `pathologies`), a path that has it, and its sound counterpart.

    The path is Keras's if Keras has it, and the one most like what people write; it is compiled where the
    framework compiles.
    """
    measures_by_path = {
        Path(**{name: row[name] for name in PATH}): Measures(**{n: row[n] for n in Measures.__dataclass_fields__})
        for row in table.drop_duplicates(PATH).to_dict("records")
        if row["framework"] not in ("numpy", "scikit-learn")  # they do not differentiate
    }
    chosen: dict[str, tuple[Path, Path]] = {}
    for pathology in (one for one in PATHOLOGIES.values() if one.harms):
        carriers = [
            path for path in measures_by_path
            if path.execution == ("eager" if "torch" in path.framework else "xla")
            and pathology.applies(path, measures_by_path[path])
        ]
        carriers.sort(key=lambda path: _strangeness(path, pathology, diagnose(path, measures_by_path[path])))
        pairs = ((path, sound_counterpart(path, measures_by_path)) for path in carriers)
        pair = next(((path, counterpart) for path, counterpart in pairs if counterpart is not None), None)
        if pair is not None:
            chosen[pathology.name] = pair
    return chosen


def consequences(backend: str, table: pd.DataFrame, seeds: int = SEEDS, steps: int = STEPS) -> pd.DataFrame:
    """Train on each pathology's path and on its sound counterpart: a row a (pathology, role, task, seed).

    `table`: the pathologies of `backend`'s atlas. `role` is "pathology" or "sound"; the columns of `PATH` say
    which path it is; the measurements are those of `train`. The backend must be free to use in this process.
    """
    use_backend(backend)
    if table.empty:
        return pd.DataFrame(columns=COLUMNS)
    pairs = examples(table)
    paths = list(dict.fromkeys(path for pair in pairs.values() for path in pair))
    trained = train_on(ENGINES[backend](), paths, seeds, steps)
    rows = [
        trained[path].assign(pathology=name, role=role, **vars(path))
        for name, pair in pairs.items()
        for role, path in zip(("pathology", "sound"), pair, strict=True)
    ]
    return pd.concat(rows, ignore_index=True)[COLUMNS]


def train_on(
    engine: Engine, paths: Sequence[Path], seeds: int = SEEDS, steps: int = STEPS
) -> dict[Path, pd.DataFrame]:
    """The table of `train` for the program of each of `paths`."""
    return dict(zip(paths, train(_gradient(engine, paths, seeds), seeds, steps, len(paths)), strict=True))
