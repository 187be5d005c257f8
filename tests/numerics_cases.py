"""Parts of the atlas that are quick to sweep, once a test process: TensorFlow here, the other backends in children."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path as File

import pandas as pd
import pytest

from experiments.numerics import Path, installed, pathologies, paths, sweep

ROOT = File(__file__).resolve().parents[1]

# what is swept compiled, or in more dtypes than these, belongs to the whole atlas
DTYPES = ("float32", "mixed_float16", "mixed_float16_float32_head", "float64", "float64_layers_only")


def wanted(path: Path) -> bool:
    """Whether the quick part has this path."""
    if path.framework in ("numpy", "scikit-learn"):
        return True
    if path.execution == "eager":
        if path.framework == "keras-jax" and path.form not in ("in_layer", "from_logits"):
            return False  # JAX compiles every operation once a dtype
        return path.dtype in DTYPES or (path.dtype == "float16" and path.form == "layer_after")
    compiled = path.framework == "keras-tensorflow" and path.dtype == "float32" and path.form == "in_layer"
    return compiled or path.framework.endswith("torch")


_CHILD = """
import sys
sys.path.insert(0, {tests!r})
from numerics_cases import wanted
from experiments.numerics import paths, sweep
from experiments.numerics.axes import DTYPES
kept = [p for p in paths({backend!r}) if wanted(p) or p.dtype == "float64_without_x64" and p.execution == "eager"]
sweep({backend!r}, kept).to_parquet({target!r})
"""


@cache
def tensorflow() -> pd.DataFrame:
    """The quick part of TensorFlow's atlas."""
    return sweep("tensorflow", [path for path in paths("tensorflow") if wanted(path)])


@cache
def other(backend: str, folder: File) -> pd.DataFrame:
    """The quick part of the atlas of another backend; the test is skipped where it is not installed."""
    if not installed(backend):
        pytest.skip(f"{backend} is not installed")
    target = folder / f"{backend}.parquet"
    program = _CHILD.format(tests=str(File(__file__).parent), backend=backend, target=str(target))
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return pd.read_parquet(target)


def one(atlas: pd.DataFrame, **where: object) -> pd.DataFrame:
    """The rows of a table whose columns have these values."""
    keep = pd.Series(True, index=atlas.index)
    for name, value in where.items():
        keep &= atlas[name] == value
    rows = atlas.loc[keep]
    assert len(rows), where
    return rows


def gradient(atlas: pd.DataFrame, z: float, label: int, **where: object) -> float:
    """The one gradient of a path at a point."""
    (value,) = one(atlas, z=z, label=label, **where)["grad"]
    return float(value)


@cache
def tensorflow_pathologies() -> pd.DataFrame:
    """The pathologies of the quick part of TensorFlow's atlas."""
    return pathologies(tensorflow())


KERAS_TF = {"framework": "keras-tensorflow", "execution": "eager", "dtype": "float32", "form": "in_layer"}
SIGMOID = {"activation": "sigmoid", "units": 1, "loss": "binary_crossentropy"}
SOFTMAX = {"activation": "softmax", "units": 2, "loss": "categorical_crossentropy"}
