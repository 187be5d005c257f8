"""One backend's tables in a few sentences."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from experiments.numerics.axes import NOT_INSTALLED, PATH
from experiments.numerics.pathologies import SOUND

_USUAL_HEADS = (("sigmoid", 1, "binary_crossentropy"), ("softmax", 2, "categorical_crossentropy"))


def summary(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the tables of `study` say, as Markdown, every number computed from them.

    How many paths are sound, how the heads do as people write them, what harms, and what it did to training.
    """
    numerics, diagnosed, trained = tables["numerics"], tables["pathologies"], tables["consequences"]
    if (numerics["status"] == NOT_INSTALLED).all():
        return f"{', '.join(numerics['framework'].astype(str).unique())}: not installed, so nothing was measured."
    swept = len(diagnosed[PATH].drop_duplicates())
    sound = len(diagnosed.loc[diagnosed["pathology"] == SOUND, PATH].drop_duplicates())
    parts = [f"**Of {swept} paths that were swept, {sound} compute what their program says at every logit.**"]
    parts += [_first_dead_logit(diagnosed, *head) for head in _USUAL_HEADS]
    harmful = diagnosed.loc[diagnosed["harms"].astype(bool)].groupby("pathology", sort=False)[PATH].size()
    listed = ", ".join(
        f"{_display_name(name)} ({paths})" for name, paths in harmful.sort_values(ascending=False).items()
    )
    parts.append(f"Pathologies that do harm, with the number of paths that have them: {listed}.")
    if len(trained):
        nonfinite = trained.loc[~trained["finite"].astype(bool)]
        ended = f"Of {len(trained)} trained networks {len(nonfinite)} ended in values that are not finite"
        names = ", ".join(map(_display_name, nonfinite["pathology"].unique()))
        parts.append(f"{ended}{f': {names}' if names else ''}.")
    return "\n\n".join(parts)


def _display_name(pathology: object) -> str:
    """A pathology as a sentence calls it."""
    return str(pathology).replace("_", " ")


def _first_dead_logit(diagnosed: pd.DataFrame, activation: str, units: int, loss: str) -> str:
    """From which logit on the head as people write it, in float32 under Keras, has no gradient."""
    rows = diagnosed.loc[
        diagnosed["framework"].astype(str).str.startswith("keras")
        & (diagnosed["dtype"] == "float32") & (diagnosed["form"] == "in_layer")
        & (diagnosed["activation"] == activation) & (diagnosed["units"] == units) & (diagnosed["loss"] == loss)
    ]
    dead = rows["dead_from"].min()
    head = f"Keras's {activation} head with {loss}, in float32,"
    if dead != dead:
        return f"{head} learns from every mistake in the sweep."
    return f"{head} has a gradient of exactly 0 on mistakes from |z| = {dead:g} on."
