"""Imports what every contestant needs, once, for the processes that are forked from then on.

`PEAK_MIB`: the most memory that held the imports; a fork shows less, as it shares what it does not touch.
"""

import os
from importlib import import_module

from benchmarks.contestants import load, peak_mib

# TensorFlow writes lines on oneDNN and CUDA to the file itself, whatever its log level; an error is raised all the same
kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
os.dup2(nothing, 2)
try:
    load()
finally:
    os.dup2(kept, 2)
    os.close(kept)
    os.close(nothing)
import_module("tensorflow").get_logger().setLevel("ERROR")  # it takes one engine after another for retracing
PEAK_MIB = peak_mib()
