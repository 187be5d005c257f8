"""The numerics atlas: what each framework really computes on the way from a logit to a loss and its gradient.

`atlas(backend)` sweeps every path of a backend beside its exact reference; `pathologies(atlas)` says which paths
go wrong, how, why and where in the framework; `consequences(backend, pathologies)` trains on them.
`study(backend)` is all three, in whichever process that takes.
"""

from experiments.keras_backend import BACKENDS, use_backend
from experiments.numerics.atlas import atlas, paths, sweep
from experiments.numerics.axes import MEASURED, NOT_INSTALLED, Path, installed
from experiments.numerics.consequences import consequences
from experiments.numerics.measures import measures
from experiments.numerics.pathologies import PATHOLOGIES, SOUND, UNEXPLAINED, pathologies
from experiments.numerics.study import study
from experiments.numerics.summary import summary

__all__ = [
    "BACKENDS",
    "MEASURED",
    "NOT_INSTALLED",
    "PATHOLOGIES",
    "SOUND",
    "UNEXPLAINED",
    "Path",
    "atlas",
    "consequences",
    "installed",
    "measures",
    "pathologies",
    "paths",
    "study",
    "summary",
    "sweep",
    "use_backend",
]
