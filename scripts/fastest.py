"""`fastest.py PYTHON...` prints the one to make .venv with: the first, unless another is more than a tenth faster.

What takes the time here is Python as much as TensorFlow, whose graphs are traced in Python, and builds of one version
differ by a quarter: pyenv's, for one, are made without the compiler's profile. A Python that cannot make environments
is passed over. Each does the same work in turn, many times, because a machine's own speed changes within a second.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import sys

ROUNDS = 12
GAIN = 1.1  # less than that is not worth another Python than the newest
NEEDED = "venv" if shutil.which("uv") else "venv, ensurepip"  # to make an environment
WORK = """
import copy, difflib, inspect, timeit

table = {str(key): [key] * 5 for key in range(200)}
text = " ".join(table)

def work():
    copy.deepcopy(table)
    difflib.SequenceMatcher(None, text[:600], text[200:]).ratio()
    for _ in range(50):
        inspect.signature(difflib.SequenceMatcher.ratio)

print(min(timeit.repeat(work, number=1, repeat=10)))
"""


def output(python: str, program: str) -> str:
    """What a program prints; nothing where it fails."""
    try:
        done = subprocess.run(
            [python, "-I", "-c", program], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def real(python: str) -> str:
    """The file behind a name: one Python may have several."""
    return output(python, "import os, sys; print(os.path.realpath(sys.executable))")


def seconds(python: str) -> float:
    """What the work takes; infinite where it cannot be done."""
    try:
        return float(output(python, f"import {NEEDED}\n{WORK}"))
    except ValueError:
        return math.inf


def fastest(pythons: list[str]) -> str:
    """The first of `pythons`, or the fastest of them where it is faster by more than `GAIN`."""
    first = pythons[0]
    different = {real(python): python for python in reversed(pythons)}.values()
    if len(different) == 1:
        return first
    least = {python: seconds(python) for python in different}
    able = [python for python in different if least[python] < math.inf]
    for _ in range(ROUNDS):
        for python in able:
            least[python] = min(least[python], seconds(python))
    best = min(least, key=lambda python: least[python])
    if least[first] <= GAIN * least[best]:
        return first
    why = f"{least[first] / least[best] - 1:.0%} faster than" if first in able else "complete, unlike"
    print(f"{best} is {why} {first}. For another, remove .venv and set HEADTOHEAD_PYTHON.", file=sys.stderr)
    return best


if __name__ == "__main__":
    print(fastest(sys.argv[1:]))
