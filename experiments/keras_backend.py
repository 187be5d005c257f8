"""The Keras backend of a process, which it has once and for all; and another process where another one is needed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

from experiments.code_hash import search_path
from experiments.progress import Progress
from experiments.records import require

BACKENDS = ("tensorflow", "torch", "jax")


def backend_in_use() -> str | None:
    """The Keras backend of this process, or None while Keras is not imported."""
    return sys.modules["keras"].config.backend() if "keras" in sys.modules else None


def use_backend(backend: str) -> None:
    """Choose the Keras backend of this process, before Keras is imported.

    Raises `UserError` for an unknown backend, or when Keras already runs on another one.
    """
    require(backend in BACKENDS, f"Unknown backend {backend!r}. Known: {', '.join(BACKENDS)}.")
    present = backend_in_use()
    require(
        present in (None, backend),
        f"Keras already runs on {present!r} in this process, not on {backend!r}. "
        "A process has one backend: choose it in a fresh kernel, before Keras is imported.",
    )
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if backend == "tensorflow":
        before_tensorflow()


def before_tensorflow() -> None:
    """Import what must be there before TensorFlow is: the compiler that PyTorch's CUDA builds bring, where it is.

    Each has an LLVM of its own, and a process that loads this one second is killed: by PyTorch's first optimizer.
    So where TensorFlow is there already, nothing is imported.
    """
    if "tensorflow" not in sys.modules:
        with suppress(ImportError):
            import_module("triton")


def beside_tensorflow() -> None:
    """Have PyTorch look for a GPU now where TensorFlow was imported before it.

    TensorFlow answers for CUDA then, and PyTorch's CUDA builds warn of that answer once, in the first gradient.
    """
    if "tensorflow" in sys.modules:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="CUDA initialization")
            import_module("torch").cuda.is_available()


def run_fresh(module: str, arguments: Sequence[str], backend: str, progress: Progress | None = None) -> None:
    """Run `python -m module arguments` with Keras on `backend`; each line it prints is "DONE TOTAL", for `progress`.

    Raises `RuntimeError` with the end of what it wrote to its standard error if it fails.
    """
    with tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": search_path()},
        )
        assert child.stdout is not None
        with child:
            for line in child.stdout:
                done, _, total = line.partition(" ")
                if progress is not None:
                    progress(int(done), int(total))
        if child.returncode:
            errors.seek(0)
            raise RuntimeError(f"{module} failed with Keras on {backend}:\n{errors.read()[-2000:]}")
