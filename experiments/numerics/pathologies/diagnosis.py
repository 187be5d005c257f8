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


def place_of(known: Pathology, path: Path) -> str:
    """Where in the framework's source the pathology of this path comes from."""
    if known.place != LOSS:
        return known.place
    if is_keras(path):
        return f"keras/src/backend/{path.framework.removeprefix('keras-')}/nn.py: {path.loss}"
    if path.framework == "torch":
        return f"torch/nn/functional.py: {_TORCH[path.loss]}"
    if path.loss in _TENSORFLOW:
        return f"tensorflow/python/ops/{_TENSORFLOW[path.loss]}: {path.loss}"
    return "the program itself"


def diagnose(path: Path, found: Measures) -> list[Pathology]:
    """The pathologies of one path, in the order of the registry."""
    return [known for known in PATHOLOGIES.values() if known.found(path, found)]


def ill(found: Measures) -> bool:
    """Whether the numbers of a path, whatever the cause, are not those of its program."""
    return happens(found.off_from, found.dead_from, found.inf_from, found.nan_from, found.loss_cap)


def pathologies(atlas: pd.DataFrame) -> pd.DataFrame:
    """One row a measured path and pathology: the path, the `Measures`, and name, cause, place and remedy.

    A sound path has one row with the pathology "none"; one whose numbers are wrong for no known reason has one
    with "unexplained", which asks for a new entry here.
    """
    table = measures(atlas)
    rows = []
    for record in table.to_dict("records"):
        path = Path(**{name: record[name] for name in PATH})
        found = Measures(**{name: record[name] for name in Measures.__dataclass_fields__})
        known = diagnose(path, found)
        if not known:
            rows.append({**record, "pathology": UNEXPLAINED if ill(found) else SOUND,
                         "kind": "", "harms": ill(found), "cause": "", "place": "", "remedy": ""})
        rows += [{**record, "pathology": one.name, "kind": one.kind, "harms": one.harms, "cause": one.cause,
                  "place": place_of(one, path), "remedy": one.remedy} for one in known]
    return pd.DataFrame(rows, columns=[*table.columns, "pathology", "kind", "harms", "cause", "place", "remedy"])
