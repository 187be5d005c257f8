"""A training script, run as Python runs it until it trains: what it trains is checked there, and the script ends."""

from __future__ import annotations

import importlib.abc
import importlib.util
import inspect
import os
import runpy
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from pkgutil import extend_path
from types import ModuleType
from typing import Any, NoReturn

from experiments import keras_internals
from experiments.check.keras_model import check_keras
from experiments.check.messages import one_line
from experiments.check.record import Checked
from experiments.records import UserError
from experiments.tensorflow_startup import startup_aside

SECONDS = 60.0
# the methods of Keras's trainers that need labels, and so end a script
METHODS = ("fit", "train_on_batch", "evaluate", "test_on_batch")


class Ended(BaseException):
    """Ends a script from within, whatever it catches that is an `Exception`."""


def check_script(path: Path, arguments: Sequence[str] = (), seconds: float = SECONDS) -> Checked:
    """Run the script until its first `fit` or `backward()`, and check what it trains.

    Nothing is imported before the script does. Raises `UserError` if it raises, exits or ends before that, or takes
    longer than `seconds` to get there. What the script does about `Ended` itself (a bare `except`) is in its hands:
    the command line ends the process instead (`check_and_exit`).
    """
    return _run(path, arguments, seconds, _stop, _stop)


def check_and_exit(
    path: Path, arguments: Sequence[str], seconds: float, report: Callable[[Checked], int],
    complain: Callable[[str], int],
) -> NoReturn:  # fmt: skip
    """As `check_script`, but `report` prints and the process ends where the script would train: none of it goes on."""

    startup = ExitStack()

    exit_process = os._exit  # the script gets another

    def exit_with(result: Checked | UserError) -> NoReturn:
        startup.close()
        code = complain(str(result)) if isinstance(result, UserError) else report(result)
        sys.stdout.flush()
        sys.stderr.flush()
        exit_process(code)

    startup.enter_context(startup_aside())
    with open(os.devnull, encoding="utf-8") as nothing:
        os.dup2(nothing.fileno(), 0)  # nobody answers, neither the script nor what it starts
    try:
        exit_with(_run(path, arguments, seconds, exit_with, exit_with))
    except UserError as error:
        exit_with(error)


def _stop(result: Checked | UserError) -> NoReturn:
    raise Ended(result)


def _run(
    path: Path, arguments: Sequence[str], seconds: float, on_checked: Callable[[Any], NoReturn],
    on_timeout: Callable[[Any], NoReturn],
) -> Checked:  # fmt: skip
    training_begun = threading.Event()
    terminal = sys.stdout

    def finish(check: Callable[[], Checked]) -> NoReturn:
        training_begun.set()  # the limit is on the script, not on the check
        try:
            with redirect_stdout(sys.stderr):
                result: Any = check()
        except UserError as error:
            result = error
        except Exception as error:  # of a program that nobody thought of: one line, as for every other
            result = UserError(f"{path} trains a model that could not be checked: {one_line(error)}.{_way_out()}")
        sys.stdout = terminal
        on_checked(result)

    def watch() -> None:
        if not training_begun.wait(seconds) and on_timeout is not _stop:
            sys.stdout = terminal
            on_timeout(UserError(f"{path} did not train within {seconds:g} s. Allow more with --seconds."))

    threading.Thread(target=watch, daemon=True).start()
    try:
        with _as_main(path, arguments), _hooks(path, finish, training_begun.is_set):
            runpy.run_path(str(path), run_name="__main__")
    except Ended as ended:
        if isinstance(ended.args[0], UserError):
            raise ended.args[0] from None
        return ended.args[0]
    except SystemExit as error:
        raise UserError(f"{path} ended with sys.exit({error.code!r}) before it trained a model.{_way_out()}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the user's own code
        raise UserError(f"{path} raised {one_line(error)}, before it trained a model.{_hint(error)}") from error
    finally:
        training_begun.set()
    raise UserError(f"{path} ended without a call of fit() or backward(), so there is nothing to check.{_way_out()}")


def _way_out() -> str:
    return " Arguments of the script follow `--`; FILE.py:FUNCTION checks what a function returns."


def _hint(error: BaseException) -> str:
    if isinstance(error, EOFError):
        return " A check answers input() with an end of file: pass what is asked for as an argument after `--`."
    if isinstance(error, FileNotFoundError):
        return " Run the check in the folder where the script finds its files."
    return _way_out()


@contextmanager
def _as_main(path: Path, arguments: Sequence[str]) -> Iterator[None]:
    """Within, the process looks as when Python runs the script; what it prints goes to the standard error."""
    argv, stdin, folders, original_exit, process = sys.argv, sys.stdin, list(sys.path), os._exit, os.getpid()

    def exit_(status: int) -> NoReturn:
        if os.getpid() != process:  # what the script has forked ends as ever
            original_exit(status)
        raise SystemExit(status)

    os._exit = exit_
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["MPLBACKEND"] = "Agg"  # a figure must not open a window
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, str(path.resolve().parent))
    # the user's folder may have a package of this one's name: its modules are found behind this one's
    package = sys.modules[__name__.partition(".")[0]]
    package_path, package.__path__ = package.__path__, extend_path(package.__path__, package.__name__)
    try:
        with open(os.devnull, encoding="utf-8") as nothing, redirect_stdout(sys.stderr):
            sys.stdin = nothing
            yield
    finally:
        sys.argv, sys.stdin, os._exit = argv, stdin, original_exit
        sys.path[:] = folders
        package.__path__ = package_path


@contextmanager
def _hooks(
    path: Path, finish: Callable[[Callable[[], Checked]], NoReturn], is_over: Callable[[], bool]
) -> Iterator[None]:
    """Within, training a model ends in `finish`, in whichever framework and under whatever name it is called.

    `is_over`: whether it has done so already.
    """
    undo: list[Callable[[], None]] = []

    def keras_trainer(module: ModuleType) -> None:
        trainer = getattr(module, keras_internals.TRAINERS[module.__name__])
        for name in METHODS:
            if name in vars(trainer):
                original = vars(trainer)[name]
                setattr(trainer, name, _checking_method(original, path, finish))
                undo.append(lambda name=name, original=original: setattr(trainer, name, original))  # type: ignore[misc]

    def torch(module: ModuleType) -> None:
        from experiments.check.torch_script import watch, without_compiling

        undo.append(watch(path, finish))
        undo.append(without_compiling())

    def tapes(module: ModuleType) -> None:
        from experiments.check.tape_script import check, watch

        undo.append(watch(module, lambda recording, loss: finish(lambda: check(path, recording, loss)), is_over))

    def functions(module: ModuleType) -> None:
        from experiments.check.tape_script import run_eagerly_with_a_tape

        undo.append(run_eagerly_with_a_tape(module))

    def matplotlib(module: ModuleType) -> None:
        original = module.use  # type: ignore[attr-defined]
        module.use = lambda *args, **options: None  # type: ignore[attr-defined]
        undo.append(lambda: setattr(module, "use", original))

    def pyplot(module: ModuleType) -> None:
        original = module.switch_backend  # type: ignore[attr-defined]
        module.switch_backend = lambda name: original("agg")  # type: ignore[attr-defined]
        undo.append(lambda: setattr(module, "switch_backend", original))

    hooks: dict[str, Callable[[ModuleType], None]] = {
        "torch": torch, "matplotlib": matplotlib, "matplotlib.pyplot": pyplot,
        "tensorflow.python.eager.backprop": tapes,
        "tensorflow.python.eager.polymorphic_function.polymorphic_function": functions,
    }  # fmt: skip
    hooks |= dict.fromkeys(keras_internals.TRAINERS, keras_trainer)
    finder = _Finder(hooks)
    for name in list(hooks):
        if name in sys.modules:
            hooks.pop(name)(sys.modules[name])
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for step in reversed(undo):
            step()


def _checking_method(
    original: Any, path: Path, finish: Callable[[Callable[[], Checked]], NoReturn]
) -> Callable[..., Any]:
    signature = inspect.signature(original)

    def method(self: Any, *args: Any, **options: Any) -> Any:
        arguments = signature.bind(self, *args, **options).arguments
        names = ("x", "y", "sample_weight", "class_weight")
        finish(lambda: check_keras(self, *(arguments.get(name) for name in names), file=path))

    return method


class _Finder(importlib.abc.MetaPathFinder):
    """Calls what is wanted of a module as soon as the module has been executed."""

    def __init__(self, hooks: dict[str, Any]) -> None:
        self._hooks = hooks

    def find_spec(self, name: str, folders: Any, target: Any = None) -> Any:
        hook = self._hooks.pop(name, None)
        if hook is None:
            return None
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            loader, run = spec.loader, spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                run(module)
                vars(loader).pop("exec_module", None)
                hook(module)

            loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
