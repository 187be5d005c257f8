"""What is trained, in NumPy alone: rows, splits, streams of random numbers, replicas, records and measures.

No framework is imported here: the first weights of a trunk come from the engine's side (`problem.Trunk`).
"""

from experiments.problem._chunk import Chunk, chunk_of
from experiments.problem._draws import GLOROT_UNIFORM, KERAS_START, PYTORCH_START, ZEROS, Initialiser, Law, Start
from experiments.problem._problem import CURVE_ROWS, FINAL_ROWS, READERS, Problem, Trunk, TrunkOf, prepare
from experiments.problem._records import NORMS, Curves, Record, summary, tabulate
from experiments.problem._replicas import Replica, Slice, chunks, kind_of, slices
from experiments.problem._samples import sample_of, shares
from experiments.problem._streams import Stream, draw, hash_of, seed_of

__all__ = [
    "CURVE_ROWS",
    "FINAL_ROWS",
    "GLOROT_UNIFORM",
    "KERAS_START",
    "NORMS",
    "PYTORCH_START",
    "READERS",
    "ZEROS",
    "Chunk",
    "Curves",
    "Initialiser",
    "Law",
    "Problem",
    "Record",
    "Replica",
    "Slice",
    "Start",
    "Stream",
    "Trunk",
    "TrunkOf",
    "chunk_of",
    "chunks",
    "draw",
    "hash_of",
    "kind_of",
    "prepare",
    "sample_of",
    "seed_of",
    "shares",
    "slices",
    "summary",
    "tabulate",
]
