"""The process that others are forked from: it has imported what is slow and drawn once, and trained nothing.

It reads one JSON request a line from its standard input and answers each with one line. When the input ends, because
its owner closed it or died, it kills every kernel that it forked, removes their folders and ends. Run as
`python -m experiments.suite.forkserver`; with the arguments of a kernel it is one kernel itself, and forks none.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from experiments.keras_backend import before_tensorflow
from experiments.records import UserError

_PR_SET_PDEATHSIG = 1
# what every kernel imports when it starts
_KERNEL = ("ipykernel.kernelapp", "ipykernel.debugger", "IPython.core.completerlib", "IPython.extensions.storemagic")


def main(kernel: Sequence[str] = ()) -> None:
    """Serve requests until the input ends; or be the one kernel that has these arguments."""
    # nobody debugs these kernels, and the debugger, when it is loaded, warns of Python's frozen modules
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    if kernel:
        _run_kernel(kernel)
        return
    requests, replies = os.fdopen(os.dup(0), "r"), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)  # what an import prints must not be taken for an answer
    gc.disable()  # looking through what is imported, all of which stays, takes a fifth of the time
    before_tensorflow()
    _import(_KERNEL)
    children: dict[int, int | None] = {}
    folders: list[str] = []
    try:
        for line in requests:
            request = json.loads(line)
            if request["do"] == "import":
                _import(request["modules"])
                _answer(replies, {"ready": True})
            elif request["do"] in _CHILDREN:
                pid = os.fork()
                if pid == 0:
                    requests.close()
                    replies.close()
                    _CHILDREN[request["do"]](request)
                children[pid] = None
                if request["do"] == "fork":
                    folders.append(request["cwd"])
                _answer(replies, {"pid": pid})
            else:
                _answer(replies, {"code": _poll(children, request["pid"])})
    finally:
        for pid in children:
            if _poll(children, pid) is None:
                for target in (-pid, pid):  # the group first: a kernel may have started processes
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(target, signal.SIGKILL)
        for folder in folders:  # their owner removes them, unless it was killed
            shutil.rmtree(folder, ignore_errors=True)


def _import(modules: Sequence[str]) -> None:
    # TensorFlow's converter to TFLite imports JAX where there is one: half a second for what no notebook uses
    masked = os.environ.get("KERAS_BACKEND") != "jax"
    if masked:
        sys.modules["jax"] = None  # type: ignore[assignment]
    for module in modules:
        with suppress(ImportError):  # the notebook that needs it will say so
            import_module(module)
    if masked:
        del sys.modules["jax"]
    figures = sys.modules.get("experiments.figures")
    if figures is not None:
        figures.warm_up()
    gc.freeze()  # or the first collection in each kernel would copy every page


def _answer(replies: Any, answer: dict[str, Any]) -> None:
    replies.write(json.dumps(answer) + "\n")
    replies.flush()


def _poll(children: dict[int, int | None], pid: int) -> int | None:
    """The exit code of a child, negative for a signal; None while it runs."""
    if children[pid] is None:
        gone, status = os.waitpid(pid, os.WNOHANG)
        if gone:
            children[pid] = os.waitstatus_to_exitcode(status)
    return children[pid]


def _become_kernel(request: dict[str, Any]) -> NoReturn:
    """Turn this child into an IPython kernel; returns never."""
    code = 1
    try:
        os.setsid()  # one group, so that what the kernel starts can be killed with it
        _die_with(os.getppid())
        os.environ.update(request["env"])
        os.chdir(request["cwd"])
        gc.enable()
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        _run_kernel(request["argv"])
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stderr.flush()
        os._exit(code)


def _call(request: dict[str, Any]) -> NoReturn:
    """Call a function in this child and write what came of it to a file; returns never."""
    try:
        os.setsid()
        _die_with(os.getppid())
        gc.enable()
        Path(request["answer"]).write_text(json.dumps(_outcome(request["function"], request["arguments"])))
    finally:
        os._exit(0)


def _outcome(function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    module, _, name = function.partition(":")
    try:
        return {"result": getattr(import_module(module), name)(**arguments)}
    except UserError as refusal:
        return {"refused": str(refusal)}
    except BaseException:
        import traceback

        return {"error": traceback.format_exc()}


# by request, what a child becomes
_CHILDREN: dict[str, Callable[[dict[str, Any]], NoReturn]] = {"fork": _become_kernel, "call": _call}


def _run_kernel(argv: Sequence[str]) -> None:
    sys.argv = ["ipykernel_launcher", *argv]
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance()
    app.initialize(list(argv))
    app.start()


def _die_with(parent: int) -> None:
    """Be killed when the process that forked this one ends, however it ends (Linux; elsewhere ipykernel watches)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
