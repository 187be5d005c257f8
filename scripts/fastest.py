"""`fastest.py PYTHON...` prints the one to make .venv with: the first, unless another is more than a tenth faster.

What takes the time here is Python as much as TensorFlow, whose graphs are traced in Python, and builds of one version
differ by a quarter: pyenv's, for one, are made without the compiler's profile. A Python that cannot make environments
is passed over. Each does the same work in turn, many times, because a machine's own speed changes within a second.
"""

from __future__ import annotations

import subprocess
import sys

ROUNDS = 12
GAIN = 1.1  # less than that is not worth another Python than the user's first
WORK = """
import copy, difflib, ensurepip, inspect, timeit, venv

table = {str(key): [key] * 5 for key in range(200)}
text = inspect.getsource(copy)[:1500]

def work():
    copy.deepcopy(table)
    difflib.SequenceMatcher(None, text[:1000], text[500:]).ratio()
    for _ in range(50):
        inspect.signature(difflib.SequenceMatcher.ratio)

print(min(timeit.repeat(work, number=1, repeat=10)))
"""


def output(python: str, program: str) -> str:
    """What a program prints; nothing where it fails."""
    try:
        done = subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def real(python: str) -> str:
    """The file behind a name: one Python may have several."""
    return output(python, "import os, sys; print(os.path.realpath(sys.executable))")


def seconds(python: str) -> float:
    """What the work takes; infinite where it cannot be done."""
    return float(output(python, WORK) or "inf")


def fastest(pythons: list[str]) -> str:
    """The first of `pythons`, or the fastest of them where it is faster by more than `GAIN`."""
    first = pythons[0]
    different = {real(python): python for python in reversed(pythons)}.values()
    if len(different) == 1:
        return first
    least = dict.fromkeys(different, float("inf"))
    for _ in range(ROUNDS):
        for python in different:
            least[python] = min(least[python], seconds(python))
    best = min(least, key=lambda python: least[python])
    if best == first or not least[first] > GAIN * least[best]:
        return first
    why = f"{least[first] / least[best] - 1:.0%} faster than" if least[first] < float("inf") else "complete, unlike"
    print(f"{best} is {why} {first}. HEADTOHEAD_PYTHON=/path/to/python names another.", file=sys.stderr)
    return best


if __name__ == "__main__":
    print(fastest(sys.argv[1:]))
