"""The frameworks that differentiate: many programs in one call, op by op, as a graph or compiled by XLA."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import numpy as np

from experiments.numerics.axes import Path
from experiments.numerics.programs import Outcome, Program, Tensor, by_head, leaves
from experiments.numerics.traces import Trace, jax_trace, tensorflow_trace

Tensors = Mapping[str, Tensor]
# from logits, each (n,) in float64, to what each program gives, in their order
Run = Callable[[Sequence[np.ndarray]], list[Outcome]]


class Engine(Protocol):
    """A framework that can differentiate.

    `executions`: those it has; `reason_absent`: why it has no other; `trace`: what a program computes, see `traces`.
    """

    executions: tuple[str, ...]
    reason_absent: str
    trace: Trace

    def batch_key(self, path: Path) -> str:
        """What paths must have in common to run in one call: those that share arithmetic have the same key."""
        ...

    def precision(self, batch_key: str) -> AbstractContextManager[Any]:
        """What must be switched on around such a call."""
        ...

    def numpy(self, tensor: Tensor) -> np.ndarray:
        """The tensor on the host, in its own dtype if NumPy has it."""
        ...

    def loss_of_prediction(self, program: Program, prediction: np.ndarray) -> Tensor:
        """The program's loss of a prediction that has left the framework, op by op."""
        ...

    def compiled(self, groups: Sequence[Sequence[Program]], execution: str) -> Run:
        """The programs of all groups, one after the other, as one call.

        A row's gradient is that of its own loss alone, as in a batch of one.
        """
        ...


def _each(sweep: Callable[[Sequence[Program], Tensors], list[Outcome]],
          groups: Sequence[Sequence[Program]], tensors: Tensors) -> list[Outcome]:  # fmt: skip
    return [one for programs in groups for one in sweep(programs, tensors)]


class TensorFlow:
    """TensorFlow: op by op, as a graph, or compiled by XLA."""

    executions: tuple[str, ...] = ("eager", "graph", "xla")
    reason_absent = ""

    def __init__(self) -> None:
        import tensorflow

        tensorflow.get_logger().setLevel("ERROR")  # it takes many small graphs for a mistake
        self.tf = tensorflow
        self.trace = tensorflow_trace()
        self._traced: dict[tuple[int, ...], tuple[Sequence[Program], Callable[[Tensors], list[Outcome]]]] = {}

    def batch_key(self, path: Path) -> str:
        return path.precision

    def precision(self, batch_key: str) -> AbstractContextManager[Any]:
        return nullcontext()

    def numpy(self, tensor: Tensor) -> np.ndarray:
        return tensor.numpy()

    def loss_of_prediction(self, program: Program, prediction: np.ndarray) -> Tensor:
        return program.loss_of_prediction(prediction)

    def _sweep(self, programs: Sequence[Program], tensors: Tensors) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        for members, x, kernel in by_head(programs, tensors):
            with self.tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
                tape.watch(x)
                prediction = members[0].predict(x, kernel)
                losses = [program.loss(prediction) for program in members]
            for program, loss in zip(members, losses, strict=True):
                grad = tape.gradient(loss, x, unconnected_gradients="zero")
                outcomes[id(program)] = Outcome(loss, grad, prediction)
        return [outcomes[id(program)] for program in programs]

    def _graph(self, programs: Sequence[Program], tensors: Tensors) -> list[Outcome]:
        """The graph of a group, traced once: XLA compiles the same one."""
        key = tuple(map(id, programs))
        read = {name: tensors[name] for program in programs for name in (program.input_leaf, program.kernel_leaf)}
        if key not in self._traced:
            graph = self.tf.function(lambda read: self._sweep(programs, read), autograph=False)
            # the programs are kept, or others might get their ids
            self._traced[key] = (programs, graph.get_concrete_function(read))
        return self._traced[key][1](read)

    def compiled(self, groups: Sequence[Sequence[Program]], execution: str) -> Run:
        tf = self.tf
        sweep = self._sweep if execution == "eager" else self._graph

        def call(tensors: Tensors) -> list[Outcome]:
            return _each(sweep, groups, tensors)

        run = tf.function(call, jit_compile=True, autograph=False) if execution == "xla" else call
        programs = [program for group in groups for program in group]
        return lambda logits: run(
            {name: tf.cast(tf.constant(x), dtype) for name, (x, dtype) in leaves(programs, logits).items()}
        )


class Torch:
    """PyTorch, op by op."""

    executions: tuple[str, ...] = ("eager",)
    reason_absent = (
        "PyTorch runs op by op; torch.compile is off unless asked for (keras/src/trainers/trainer.py, "
        "_resolve_auto_jit_compile) and needs a C++ compiler"
    )

    def __init__(self) -> None:
        import torch

        self.torch = torch
        self.trace: Trace = id  # nothing is compiled, so little would be saved

    def batch_key(self, path: Path) -> str:
        return path.precision

    def precision(self, batch_key: str) -> AbstractContextManager[Any]:
        return nullcontext()

    def numpy(self, tensor: Tensor) -> np.ndarray:
        tensor = tensor.detach()
        return (tensor.float() if tensor.dtype == self.torch.bfloat16 else tensor).numpy()

    def loss_of_prediction(self, program: Program, prediction: np.ndarray) -> Tensor:
        return program.loss_of_prediction(prediction)

    def _sweep(self, programs: Sequence[Program], tensors: Tensors) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        for members, x, kernel in by_head(programs, tensors):
            x = x.detach().requires_grad_()
            prediction = members[0].predict(x, kernel)
            for program in members:
                loss = program.loss(prediction)
                (grad,) = self.torch.autograd.grad(loss.sum(), x, retain_graph=True)
                outcomes[id(program)] = Outcome(loss, grad, prediction)
        return [outcomes[id(program)] for program in programs]

    def compiled(self, groups: Sequence[Sequence[Program]], execution: str) -> Run:
        torch = self.torch
        programs = [program for group in groups for program in group]

        def run(logits: Sequence[np.ndarray]) -> list[Outcome]:
            read = leaves(programs, logits).items()
            tensors = {name: torch.tensor(x, dtype=getattr(torch, dtype)) for name, (x, dtype) in read}
            return _each(self._sweep, groups, tensors)

        return run


class Jax:
    """JAX: op by op, or compiled by XLA."""

    executions: tuple[str, ...] = ("eager", "xla")
    reason_absent = "JAX has no graph but the one that XLA compiles"

    def __init__(self) -> None:
        import jax

        self.jax = jax
        self.trace = jax_trace()

    def batch_key(self, path: Path) -> str:
        # without its switch JAX computes float64 in float32; only programs that ask for float64 get it
        if path.dtype == "float64":
            return "float64"
        return "float32" if path.precision == "float64" else path.precision

    def precision(self, batch_key: str) -> AbstractContextManager[Any]:
        return self.jax.enable_x64(True) if batch_key == "float64" else nullcontext()

    def numpy(self, tensor: Tensor) -> np.ndarray:
        return np.asarray(tensor)

    def loss_of_prediction(self, program: Program, prediction: np.ndarray) -> Tensor:
        # as in training, so that JAX has the operations compiled already
        loss, _ = self.jax.vjp(program.loss_of_prediction, prediction)
        return loss

    def _sweep(self, programs: Sequence[Program], tensors: Tensors) -> list[Outcome]:
        jax = self.jax
        outcomes: dict[int, Outcome] = {}
        for members, x, kernel in by_head(programs, tensors):

            def predict(x: Tensor, kernel: Tensor = kernel, program: Program = members[0]) -> Tensor:
                return program.predict(x, kernel)

            prediction, to_x = jax.vjp(predict, x)
            for program in members:
                loss, to_prediction = jax.vjp(program.loss, prediction)
                (grad,) = to_x(*to_prediction(jax.numpy.ones_like(loss)))
                outcomes[id(program)] = Outcome(loss, grad, prediction)
        return [outcomes[id(program)] for program in programs]

    def compiled(self, groups: Sequence[Sequence[Program]], execution: str) -> Run:
        jax = self.jax

        def call(tensors: Tensors) -> list[Outcome]:
            return _each(self._sweep, groups, {name: tensors[real] for name, real in reals.items()})

        run = jax.jit(call) if execution == "xla" else call
        programs = [program for group in groups for program in group]
        # where JAX demotes float64 it is float32's own tensor, so that XLA sees the same arithmetic
        wide = str(jax.dtypes.canonicalize_dtype("float64"))
        reals = {name: name.replace("float64", wide) for p in programs for name in (p.input_leaf, p.kernel_leaf)}

        def compiled(logits: Sequence[np.ndarray]) -> list[Outcome]:
            read = leaves(programs, logits).items()
            return run({reals[name]: jax.numpy.asarray(x, dtype=dtype) for name, (x, dtype) in read})

        return compiled


ENGINES: dict[str, Callable[[], Engine]] = {"tensorflow": TensorFlow, "torch": Torch, "jax": Jax}
