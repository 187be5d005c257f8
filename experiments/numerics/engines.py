"""Running programs on a framework: the loss of every row, its gradient with respect to z, and the prediction.

A program is a path bound to the framework's own layers and losses. Programs of one dtype run in one call (one
graph, one compilation); when one of them raises, each runs alone, so that only the guilty one is lost.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from experiments.numerics.axes import Path

Tensor = Any
Run = Callable[[np.ndarray], list[list[Tensor]]]


@dataclass(frozen=True, kw_only=True)
class Program:
    """A path, bound.

    `forward(x)` maps the swept input (n, 1) to the loss of each row (n,) and what the model predicts (n, units).
    `again(prediction)` is the same loss of a prediction that has left the framework: `loss(y, model.predict(x))`.
    """

    path: Path
    forward: Callable[[Tensor], tuple[Tensor, Tensor]]
    again: Callable[[np.ndarray], Any]


@dataclass(frozen=True, kw_only=True)
class Swept:
    """One program's numbers over the sweep, in float64: each (n,)."""

    loss: np.ndarray
    grad: np.ndarray
    loss_of_prediction: np.ndarray


class Engine(Protocol):
    """A framework that can differentiate.

    `executions`: those it has; `lacking`: why it has no other.
    """

    executions: tuple[str, ...]
    lacking: str

    def precision(self, dtype: str) -> AbstractContextManager[Any]:
        """What must be switched on around programs of this dtype (a key of `axes.DTYPES`)."""
        ...

    def numpy(self, tensor: Tensor) -> np.ndarray:
        """The tensor on the host, in its own dtype if NumPy has it."""
        ...

    def compiled(self, programs: Sequence[Program], floatx: str, execution: str) -> Run:
        """From the swept input (n, 1) to [loss, gradient, prediction] of each program; a row's gradient is that of
        its own loss alone, as in a batch of one.
        """
        ...


class TensorFlow:
    """TensorFlow: op by op, as a graph, or compiled by XLA."""

    executions: tuple[str, ...] = ("eager", "graph", "xla")
    lacking = ""

    def __init__(self) -> None:
        import tensorflow

        tensorflow.get_logger().setLevel("ERROR")  # it takes many small graphs for a mistake
        self.tf = tensorflow

    def precision(self, dtype: str) -> AbstractContextManager[Any]:
        return nullcontext()

    def numpy(self, tensor: Tensor) -> np.ndarray:
        return tensor.numpy()

    def compiled(self, programs: Sequence[Program], floatx: str, execution: str) -> Run:
        tf = self.tf

        def sweep(x: Tensor) -> list[list[Tensor]]:
            results = []
            for program in programs:
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(x)
                    loss, prediction = program.forward(x)
                grad = tape.gradient(loss, x, unconnected_gradients="zero")
                results.append([loss, grad, prediction])
            return results

        run = sweep if execution == "eager" else tf.function(sweep, jit_compile=execution == "xla", autograph=False)
        return lambda x: run(tf.cast(tf.constant(x), floatx))


class Torch:
    """PyTorch, op by op."""

    executions: tuple[str, ...] = ("eager",)
    lacking = (
        "PyTorch runs op by op; torch.compile is off unless asked for (keras/src/trainers/trainer.py, "
        "_resolve_auto_jit_compile) and needs a C++ compiler"
    )

    def __init__(self) -> None:
        import torch

        self.torch = torch

    def precision(self, dtype: str) -> AbstractContextManager[Any]:
        return nullcontext()

    def numpy(self, tensor: Tensor) -> np.ndarray:
        tensor = tensor.detach()
        return (tensor.float() if tensor.dtype == self.torch.bfloat16 else tensor).numpy()

    def compiled(self, programs: Sequence[Program], floatx: str, execution: str) -> Run:
        torch = self.torch

        def run(x: np.ndarray) -> list[list[Tensor]]:
            results = []
            for program in programs:
                rows = torch.tensor(x, dtype=getattr(torch, floatx), requires_grad=True)
                loss, prediction = program.forward(rows)
                (grad,) = torch.autograd.grad(loss.sum(), rows)
                results.append([loss, grad, prediction])
            return results

        return run


class Jax:
    """JAX: op by op, or compiled by XLA."""

    executions: tuple[str, ...] = ("eager", "xla")
    lacking = "JAX has no graph but the one that XLA compiles"

    def __init__(self) -> None:
        import jax

        self.jax = jax

    def precision(self, dtype: str) -> AbstractContextManager[Any]:
        # without it JAX computes float64 in float32; only programs that ask for float64 get it
        return self.jax.enable_x64(True) if dtype == "float64" else nullcontext()

    def numpy(self, tensor: Tensor) -> np.ndarray:
        return np.asarray(tensor)

    def compiled(self, programs: Sequence[Program], floatx: str, execution: str) -> Run:
        jax = self.jax

        def sweep(x: Tensor) -> list[list[Tensor]]:
            results = []
            for program in programs:

                def total(x: Tensor, program: Program = program) -> tuple[Tensor, tuple[Tensor, Tensor]]:
                    loss, prediction = program.forward(x)
                    return loss.sum(), (loss, prediction)

                (_, (loss, prediction)), grad = jax.value_and_grad(total, has_aux=True)(x)
                results.append([loss, grad, prediction])
            return results

        run = sweep if execution == "eager" else jax.jit(sweep)
        return lambda x: run(jax.numpy.asarray(x, dtype=floatx))


ENGINES: dict[str, Callable[[], Engine]] = {"tensorflow": TensorFlow, "torch": Torch, "jax": Jax}


@contextmanager
def quietly() -> Iterator[None]:
    """Silence the warnings that misused losses give: misuse is what is swept here."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def swept(engine: Engine, program: Program, tensors: list[Tensor]) -> Swept:
    """What `run` returned for one program, on the host, and the loss of its prediction (nan if that raises)."""
    loss, grad, prediction = (engine.numpy(tensor) for tensor in tensors)
    try:
        again = engine.numpy(program.again(prediction))
    except Exception:  # a compiled loss may accept the label that the same loss refuses op by op
        again = np.full(loss.shape, np.nan)
    return Swept(
        loss=loss.reshape(-1).astype(np.float64),
        grad=grad.reshape(-1).astype(np.float64),
        loss_of_prediction=again.reshape(-1).astype(np.float64),
    )


def _run(engine: Engine, programs: Sequence[Program], x: np.ndarray, floatx: str, execution: str) -> list[Swept | str]:
    try:
        found = engine.compiled(programs, floatx, execution)(x)
        return [swept(engine, program, tensors) for program, tensors in zip(programs, found, strict=True)]
    except Exception as error:  # whatever a framework raises is a finding
        if len(programs) == 1:
            return [reason(error)]
        return [result for program in programs for result in _run(engine, [program], x, floatx, execution)]


def run_all(
    engine: Engine, programs: Sequence[Program], z: np.ndarray, floatx: str, execution: str
) -> list[Swept | str]:
    """Sweep `z` (n,) through each program: its numbers, or what it raised, in the order of `programs`."""
    found: dict[Path, Swept | str] = {}
    with quietly():
        # those that are likely to raise run apart, so as not to spoil the one call of all the others
        for doubtful in (False, True):
            group = [program for program in programs if program.path.doubtful is doubtful]
            if group:
                results = _run(engine, group, z[:, None], floatx, execution)
                found |= {program.path: result for program, result in zip(group, results, strict=True)}
    return [found[program.path] for program in programs]


def reason(error: Exception) -> str:
    """One line that says what a framework raised."""
    lines = [re.sub(r"\{\{.*?\}\}", "", line).strip() for line in str(error).splitlines()]
    lines = [line.split("  Label values")[0] for line in lines]
    said = [line for line in lines if "Received" in line or "not implemented" in line.lower()] or [*filter(None, lines)]
    return f"raises {type(error).__name__}: {said[0][:140] if said else 'no message'}"
