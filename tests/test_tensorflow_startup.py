"""What a terminal gets to see while TensorFlow starts, in processes of their own: the descriptor is what counts."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

from experiments.keras_backend import beside_tensorflow

SAID = """
import os, sys
from experiments.tensorflow_startup import startup_aside, stderr_aside
with {within}():
    os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\\n")
    os.write(2, b"I0000 00:00:1795376785.472391   13267 port.cc:153] oneDNN custom operations are on.\\n")
    os.write(2, b"W0000 00:00:1795376785.472391   13267 file.cc:9] something is wrong\\n")
    print("from the user's file", file=sys.stderr)
    {end}
print("after", file=sys.stderr)
"""
STARTUP, WARNING, OWN = "oneDNN", "something is wrong", "from the user's file"


@pytest.mark.parametrize(
    ("within", "end", "shown", "hidden"),
    [
        ("startup_aside", "pass", (WARNING, OWN, "after"), (STARTUP, "absl")),
        ("startup_aside", "sys.exit(3)", (WARNING, OWN), (STARTUP, "after")),
        ("stderr_aside", "pass", ("after",), (STARTUP, WARNING, OWN)),
        ("stderr_aside", "sys.exit(3)", (STARTUP, WARNING, OWN), ("after",)),
    ],
)
def test_what_appears(within: str, end: str, shown: tuple[str, ...], hidden: tuple[str, ...]) -> None:
    code = SAID.format(within=within, end=end)
    child = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    assert child.returncode == (3 if "exit" in end else 0)
    for text in shown:
        assert text in child.stderr
    for text in hidden:
        assert text not in child.stderr


@pytest.mark.parametrize(
    ("start", "seen"),
    [
        ("from experiments.tensorflow_startup import start_tensorflow; start_tensorflow()", "False\n"),
        ("from experiments.keras_backend import use_backend; use_backend('tensorflow'); import tensorflow", "False\n"),
        ("import experiments.suite.forkserver as f; f.before_tensorflow(); f._import(['tensorflow'])", "False\n"),
        # too late: it would kill a process of somebody who imported TensorFlow
        ("import tensorflow; from experiments.keras_backend import use_backend; use_backend('tensorflow')", ""),
        ("import tensorflow; from experiments.tensorflow_startup import start_tensorflow; start_tensorflow()", ""),
    ],
)
def test_the_compiler_of_pytorch_comes_before_tensorflow_or_not_at_all(start: str, seen: str, tmp_path: Path) -> None:
    """The other way round its LLVM meets TensorFlow's, and the process is killed."""
    (tmp_path / "triton.py").write_text("import sys\nprint('tensorflow' in sys.modules)\n")
    (tmp_path / "tensorflow.py").write_text("class config:\n    list_logical_devices = staticmethod(list)\n")
    (tmp_path / "keras.py").write_text("")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = [sys.executable, "-c", f"{start}\nimport sys; assert 'tensorflow' in sys.modules"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == seen


@pytest.mark.parametrize("beside", [False, True])
def test_pytorch_looks_for_a_gpu_in_silence_where_tensorflow_is(beside: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def look() -> bool:
        warnings.warn("CUDA initialization: Unexpected error from cudaGetDeviceCount()", stacklevel=1)
        asked.append(True)
        return False

    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=SimpleNamespace(is_available=look)))
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    if beside:
        monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace())
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        beside_tensorflow()
    assert asked == [True] * beside
    assert not said
