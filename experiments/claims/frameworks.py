"""The claim that frameworks' arithmetic makes the difference: what remains once the causes are matched."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.claims.evidence import cell_name, n_cells, primary
from experiments.claims.record import Claim, NotMeasured, Part, Tables, Verdict, claim, decide
from experiments.claims.words import figure, share, tally

_VERBS = ("makes a difference of the margin or more", "makes none of that size")
GRADIENT_OFF = 1e-3  # a path whose gradient is further than this from the reference changes it


@claim(
    "framework-is-the-cause",
    section="1.3",
    description="the difference comes from how frameworks compute back-propagation",
    margin=1e-6,
    unit="share of the difference",
    needs=("attribution", "attribution_float64", "numerics"),
)
def framework_is_the_cause(tables: Tables, known: Claim) -> Verdict:
    """What is left when all causes are matched, in float64 and in float32, and the paths that change a gradient."""
    exact, single = (_arithmetic(tables[name]) for name in ("attribution_float64", "attribution"))
    exact_parts = [
        Part(
            name=f"{row['quantity']} of {cell_name(row)} in float64",
            holds=_caused(row, bool(row["part"] <= known.margin)),
        )
        for _, row in exact.iterrows()
    ]
    single_parts = [
        Part(name=f"{row['quantity']} of {cell_name(row)} in float32", holds=_caused(row, False))
        for _, row in single.iterrows()
    ]
    paths = _paths(tables["numerics"])
    path_parts = [Part(name=str(name), holds=bool(off)) for name, off in zip(paths["path"], paths["off"], strict=True)]
    parts = [*exact_parts, *single_parts, *path_parts]
    worst = float(exact["part"].max())
    return Verdict(
        outcome=decide(parts),
        statement=f"With start, head rate and decay matched, what is left of softmax - sigmoid in float64 is at most "
        f"{figure(worst)} of the difference (or of the noise floor, if that is larger) in {n_cells(exact)} cells. "
        f"{_factors(tables['attribution'])}In float32 arithmetic {tally(single_parts, *_VERBS)}. The framework itself "
        f"changes the gradient by more than 0.001 on {share(int(paths['off'].sum()), len(paths))} paths"
        f"{_first_wrong(paths)}.",
        evidence="attribution and attribution_float64: factor arithmetic of the primary quantities; numerics: "
        "|gradient - reference| > 0.001",
        measure="largest arithmetic part of a difference in float64",
        value=worst,
        n_cells=n_cells(exact),
        parts=tuple(parts),
    )


def _arithmetic(table: pd.DataFrame) -> pd.DataFrame:
    rows = table[(table["factor"] == "arithmetic") & table["quantity"].isin(primary())]
    if rows.empty:
        raise NotMeasured("the attribution has no arithmetic share of a primary quantity")
    return rows.assign(part=rows["part"].where(rows["share"] != 0, 0.0))


def _caused(row: pd.Series, negligible: bool) -> bool | None:
    """Whether arithmetic makes a difference that matters: None if its interval tells neither."""
    if negligible or max(abs(row["low"]), abs(row["high"])) < row["margin"]:
        return False
    return True if (row["low"] > 0 or row["high"] < 0) and abs(row["share"]) >= row["margin"] else None


def _factors(table: pd.DataFrame) -> str:
    """How the size of the differences of the loss curve divides over the factors, summed over all cells."""
    rows = table[(table["quantity"] == "nll_curve") & np.isfinite(table["share"])]
    if rows.empty:
        return ""
    sizes = rows.assign(size=rows["share"].abs()).groupby("factor", sort=False)["size"].sum()
    total = sizes.sum()
    if not total > 0:
        return ""
    texts = ", ".join(f"{name.replace('_', ' ')} {figure(100 * size / total)} %" for name, size in sizes.items())
    return f"Over all cells, the shares of the loss curve's difference have the sizes: {texts}. "


def _paths(numerics: pd.DataFrame) -> pd.DataFrame:
    """One row a measured path: whether its gradient is off anywhere, and from which |z|."""
    keys = ["framework", "execution", "dtype", "form", "activation", "loss"]
    keys += [name for name in ("units",) if name in numerics]
    rows = numerics[numerics["z"].notna() & numerics["grad_reference"].notna()]
    if rows.empty:
        raise NotMeasured("the table numerics has no measured path")
    gap = (rows["grad"] - rows["grad_reference"]).abs()
    wrong = ~(gap <= GRADIENT_OFF)  # a gradient that is no number is wrong too
    rows = rows.assign(wrong=wrong, reach=rows["z"].abs().where(wrong))
    aggregated = {"off": ("wrong", "any"), "first": ("reach", "min"), "gradients": ("grad", "count")}
    found = rows.groupby(keys, sort=False, observed=True).agg(**aggregated).reset_index()
    found = found[found["gradients"] > 0]  # scikit-learn's losses have none
    return found.assign(path=found[keys].astype(str).agg("/".join, axis=1))


def _first_wrong(paths: pd.DataFrame) -> str:
    """Of the pairs as people write them, in float32: from which |z| on, a framework at a time."""
    usual = ((paths["activation"] == "sigmoid") & (paths["loss"] == "binary_crossentropy")) | (
        (paths["activation"] == "softmax") & (paths["loss"] == "categorical_crossentropy")
    )
    if "units" in paths:
        usual &= paths["units"] == np.where(paths["activation"] == "sigmoid", 1, 2)
    written = paths[usual & (paths["dtype"] == "float32") & (paths["form"] == "in_layer")]
    if written.empty:
        return ""
    texts = []
    for framework, part in written.groupby("framework", sort=False):
        first = part["first"].min()
        texts.append(f"{framework} {'nowhere' if np.isnan(first) else f'from |z| = {figure(first)}'}")
    return f"; with the head as people write it, in float32: {', '.join(texts)}"
