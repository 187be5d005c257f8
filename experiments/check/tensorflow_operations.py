"""The operations that TensorFlow runs eagerly, one by one: watched, or answered by something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Run = Callable[[list[Any]], Any]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An operation that is about to run: its name and arguments, and what runs it on such arguments.

    `again` is for later: it tells the tapes of that time of the operation too, which is done for the first run by
    whoever called it.
    """

    name: str
    arguments: list[Any]
    run: Run
    again: Run


@contextmanager
def operations(handler: Callable[[Operation], Any]) -> Iterator[None]:
    """Within, `handler` decides what each operation of TensorFlow returns.

    TensorFlow calls its operations in two ways: quickly, with arguments that C++ reads, or, where those do not serve,
    with arguments that Python has converted.
    """
    from tensorflow.python import pywrap_tfe
    from tensorflow.python.eager import execute

    quick, slow = pywrap_tfe.TFE_Py_FastPathExecute, execute.execute
    inner = False  # what an operation calls on its way is a part of it

    def handle(name: str | bytes, arguments: Any, run: Run, again: Run) -> Any:
        nonlocal inner
        if inner:
            return run(list(arguments))
        inner = True
        try:
            name = name if isinstance(name, str) else name.decode()
            return handler(Operation(name=name, arguments=list(arguments), run=run, again=again))
        finally:
            inner = False

    def fast(context: Any, name: Any, label: Any, *arguments: Any) -> Any:
        def run(new_inputs: list[Any]) -> Any:
            return quick(context, name, label, *new_inputs)

        return handle(name, arguments, run, run)

    def converted(operation: Any, count: int, inputs: Any, attrs: Any, *rest: Any, **options: Any) -> Any:
        def run(new_inputs: list[Any]) -> Any:
            return slow(operation, count, new_inputs, attrs, *rest, **options)

        def again(new_inputs: list[Any]) -> Any:
            result = run(new_inputs)
            name = operation if isinstance(operation, str) else operation.decode()
            execute.record_gradient(name, new_inputs, attrs, result)
            return result

        return handle(operation, inputs, run, again)

    pywrap_tfe.TFE_Py_FastPathExecute, execute.execute = fast, converted
    try:
        yield
    finally:
        pywrap_tfe.TFE_Py_FastPathExecute, execute.execute = quick, slow


def tensors(tree: Any) -> tuple[Any, ...]:
    """Every tensor and variable in what an operation takes or returns."""
    import tensorflow as tf

    return tuple(tensor for tensor in tf.nest.flatten(tree) if tf.is_tensor(tensor))
