"""From measured paths to named pathologies."""

from __future__ import annotations

import pandas as pd

from experiments.numerics.axes import PATH, Path
from experiments.numerics.measures import Measures, measures
from experiments.numerics.pathologies.record import LOSS, PATHOLOGIES, Pathology
from experiments.numerics.pathologies.traits import happens, is_keras

SOUND = "none"
UNEXPLAINED = "unexplained"

_TORCH = {"CrossEntropyLoss": "cross_entropy", "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
          "BCELoss": "binary_cross_entropy", "NLLLoss": "nll_loss"}
_TENSORFLOW = {"sigmoid_cross_entropy_with_logits": "nn_impl.py", "softmax_cross_entropy_with_logits": "nn_ops.py",
               "sparse_softmax_cross_entropy_with_logits": "nn_ops.py"}


def location_of(pathology: Pathology, path: Path) -> str:
    """Where in the framework's source the pathology of this path comes from."""
    if pathology.location != LOSS:
        return pathology.location
    if is_keras(path):
        return f"keras/src/backend/{path.framework.removeprefix('keras-')}/nn.py: {path.loss}"
    if path.framework == "torch":
        return f"torch/nn/functional.py: {_TORCH[path.loss]}"
    if path.loss in _TENSORFLOW:
        return f"tensorflow/python/ops/{_TENSORFLOW[path.loss]}: {path.loss}"
    return "the program itself"


def diagnose(path: Path, measures: Measures) -> list[Pathology]:
    """The pathologies of one path, in the order of the registry."""
    return [pathology for pathology in PATHOLOGIES.values() if pathology.applies(path, measures)]


def ill(measures: Measures) -> bool:
    """Whether the numbers of a path, whatever the cause, are not those of its program."""
    return happens(measures.off_from, measures.dead_from, measures.inf_from, measures.nan_from, measures.loss_cap)


def pathologies(atlas: pd.DataFrame) -> pd.DataFrame:
    """One row a measured path and pathology: the path, the `Measures`, and name, cause, place and remedy.

    A sound path has one row with the pathology "none"; one whose numbers are wrong for no known reason has one
    with "unexplained", which asks for a new entry here.
    """
    table = measures(atlas)
    rows = []
    for record in table.to_dict("records"):
        path = Path(**{name: record[name] for name in PATH})
        path_measures = Measures(**{name: record[name] for name in Measures.__dataclass_fields__})
        diagnoses = diagnose(path, path_measures)
        if not diagnoses:
            rows.append({**record, "pathology": UNEXPLAINED if ill(path_measures) else SOUND,
                         "kind": "", "harms": ill(path_measures), "cause": "", "place": "", "remedy": ""})
        rows += [{**record, "pathology": pathology.name, "kind": pathology.kind, "harms": pathology.harms,
                  "cause": pathology.cause, "place": location_of(pathology, path), "remedy": pathology.remedy}
                 for pathology in diagnoses]
    return pd.DataFrame(rows, columns=[*table.columns, "pathology", "kind", "harms", "cause", "place", "remedy"])
