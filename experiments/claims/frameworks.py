"""The claim that frameworks' arithmetic makes the difference: what remains once the causes are matched."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.claims.evidence import cell_name, n_cells, primary
from experiments.claims.phrasing import figure, share, size, tally
from experiments.claims.record import Claim, NotMeasured, Part, Tables, Verdict, claim, decide
from experiments.frameworks import FRAMEWORKS
from experiments.judgement import FRESH
from experiments.tables import MAIN

_VERBS = ("makes a difference of the margin or more", "makes none of that size")
GRADIENT_OFF = 1e-3  # a path whose gradient is further than this from the reference changes it


@claim(
    "framework-is-the-cause",
    section="1.3",
    description="the difference comes from how frameworks compute back-propagation",
    margin=1e-6,
    unit="share of the difference",
    needs=("attribution", "attribution_float64", "numerics"),
    called={"zh": "差异来自框架计算反向传播的方式"},
    measured={"zh": "float64 下差值中算术误差的最大占比"},
)
def framework_is_the_cause(tables: Tables, claim: Claim) -> Verdict:
    """What is left when all causes are matched, in each framework, in float64 and in float32; what the frameworks' own
    programs cost a trained network; and the paths that change a gradient.
    """
    exact, single = (
        _arithmetic(tables[f"{name}_by_framework"]) for name in ("attribution_float64", "attribution")
    )
    exact_parts = [
        Part(
            name=f"{row['quantity']} of {_cell(row)} in float64",
            holds=_caused(row, bool(row["part"] <= claim.margin)),
        )
        for _, row in exact.iterrows()
    ]
    single_parts = [
        Part(name=f"{row['quantity']} of {_cell(row)} in float32", holds=_caused(row, False))
        for _, row in single.iterrows()
    ]
    program_parts = _programs(tables)
    paths = _paths(tables["numerics"])
    path_parts = [Part(name=str(name), holds=bool(off)) for name, off in zip(paths["path"], paths["off"], strict=True)]
    parts = [*exact_parts, *single_parts, *program_parts, *path_parts]
    worst = float(exact["part"].max())
    return Verdict(
        outcome=decide(parts),
        statement=lambda messages: (
            messages(f"cause.{'none' if worst <= claim.margin else 'some'}", worst=_part(worst))
            + (messages("cause.paths") if paths["off"].any() else "")
        ),
        details=f"With start, head rate and decay matched, what is left of softmax - sigmoid in float64 is at most "
        f"{figure(worst)} of the difference (or of the noise floor, if that is larger) in {n_cells(exact)} cells"
        f"{_in_frameworks(exact)}. {_factors(tables['attribution'])}In float32 arithmetic "
        f"{tally(single_parts, *_VERBS)}. {_apart(tables)}{_cost(program_parts)}The framework itself changes the "
        f"gradient by more than 0.001 on {share(int(paths['off'].sum()), len(paths))} paths"
        f"{_first_wrong(paths)}.",
        evidence="attribution and attribution_float64: factor arithmetic of the primary quantities, every framework; "
        "framework_distances; differences and rate_gaps: each framework's other programs of a head, test NLL; "
        "numerics: |gradient - reference| > 0.001",
        measure="largest arithmetic part of a difference in float64",
        value=worst,
        n_cells=n_cells(exact),
        parts=tuple(parts),
    )


def _part(share: float) -> str:
    """A part of the whole as a sentence writes it: a percentage, in powers of ten where it is tiny."""
    return f"{size(100 * share)} %"


def _cell(row: pd.Series) -> str:
    """The name of a row's cell, and the framework if it is not the main one."""
    return cell_name(row) if row["framework"] == MAIN else f"{cell_name(row)} in {row['framework']}"


def _in_frameworks(exact: pd.DataFrame) -> str:
    """The frameworks whose control was trained, if there are several: " of keras-tensorflow, keras-jax and torch"."""
    names = list(dict.fromkeys(exact["framework"]))
    return f" of {', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else ""


def _programs(tables: Tables) -> list[Part]:
    """A part for each framework's other program of a head, in each cell at each rate: whether it costs the margin."""
    parts = []
    for name in ("differences_by_framework", "rate_gaps_by_framework"):
        rows = tables.get(name)
        if rows is None:
            continue
        rows = rows[(rows["quantity"] == "nll") & (rows["estimand"] == FRESH) & rows["at"].isin(["default", "rate"])]
        for framework in FRAMEWORKS.values():
            for arm, head in framework.programs.items():
                mine = rows[(rows["framework"] == framework.name) & (rows["head"] == arm) & (rows["baseline"] == head)]
                parts += [
                    Part(name=f"{arm} of {_cell(row)} at the rate {row['learning_rate']:g}", holds=_costs(row))
                    for _, row in mine.iterrows()
                ]
    return parts


def _costs(row: pd.Series) -> bool | None:
    """Whether the two programs end a margin or more apart."""
    return {"larger": True, "negligible": False, "equivalent": False}.get(str(row["outcome"]))


def _cost(parts: list[Part]) -> str:
    """What the frameworks' programs do to trained networks; empty where none were trained."""
    return f"Another program of the same head {tally(parts, *_VERBS)}. " if parts else ""


def _apart(tables: Tables) -> str:
    """How far frameworks are apart from equal weights, and the heads; empty where none were compared."""
    rows = tables.get("framework_distances")
    if rows is None or rows.empty:
        return ""
    last = rows[rows["step"] == rows.groupby(["task", "network", "optimizer"])["step"].transform("max")]
    between, heads = last[last["other"] != ""], last[last["other"] == ""]
    most = between.groupby("dtype", sort=True)["distance"].median().sort_index(ascending=False)
    texts = [f"{figure(value)} of their size in {dtype}" for dtype, value in most.items()]
    return (
        f"From equal weights the training losses of two frameworks end {' and '.join(texts)} apart in the median, "
        f"those of the two heads {figure(float(heads['distance'].median()))}. "
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
    paths = rows.groupby(keys, sort=False, observed=True).agg(**aggregated).reset_index()
    paths = paths[paths["gradients"] > 0]  # scikit-learn's losses have none
    names = zip(*(paths[key].astype(str) for key in keys), strict=True)
    return paths.assign(path=["/".join(name) for name in names])


def _first_wrong(paths: pd.DataFrame) -> str:
    """Say from which |z| on the pairs as people write them, in float32, go wrong in each framework."""
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
