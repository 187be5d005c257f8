"""Tables with the columns and the habits of real ones, made in milliseconds: what figures and reports are tested on.

A cell's curves follow the theory: softmax is sigmoid at twice the head's rate, `softmax_matched` is sigmoid, and the
head's gradient norm is sqrt(2) larger at the same function.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import small_tables
from filelock import FileLock
from scipy import stats

from experiments import judgement
from experiments.claims import verdicts
from experiments.judgement import derived
from experiments.report import build
from experiments.tables import MAIN, SCHEMAS, validate

SWEPT = (("breast_cancer", "linear", "sgd"), ("moons", "mlp", "sgd"), ("moons", "mlp", "adam"))
HEADS = ("sigmoid", "sigmoid_again", "softmax", "softmax_init", "softmax_lr", "softmax_matched",
         "softmax_bce", "softmax1")  # fmt: skip
SPEED = {"softmax": 1.35, "softmax_init": 1.3, "softmax_lr": 1.05}
CELLS = (
    ("breast_cancer", "mlp", "sgd"), ("breast_cancer", "mlp", "adam"), ("breast_cancer", "linear", "sgd"),
    ("moons", "mlp", "sgd"), ("mnist_4v9", "cnn", "adam"), ("phishing", "deep_mlp", "adam"),
    ("fair", "mlp", "adam"), ("mnist_odd_even", "gru", "adam"),
)  # fmt: skip


def curves(
    cells: Sequence[tuple[str, str, str]] = CELLS, heads: Sequence[str] = HEADS, seeds: int = 10, steps: int = 400
) -> pd.DataFrame:
    """A `curves` table: nll of both splits, and gradient norms of every scope."""
    at = np.unique(np.r_[0, np.arange(20, steps + 1, 20)])
    keys, values = [], []
    for number, (task, network, optimizer) in enumerate(cells):
        rng = np.random.default_rng(number)
        floor, pace = rng.uniform(0.05, 0.45), rng.uniform(40, 160)
        own = rng.normal(0, 0.06, (seeds, 1))  # what a seed's split costs it, in every arm alike
        again = rng.normal(0, 0.008, (seeds, 1))
        for head in heads:
            speed = SPEED.get(head, 1.0)
            start = 0.72 + own / 3 + (0.05 if head in ("softmax", "softmax_lr") else 0)
            fall = np.exp(-at * speed / pace)
            nll = floor + own + (start - floor) * fall + (again if head == "sigmoid_again" else 0)
            nll = np.full_like(nll, np.inf) if head == "softmax1" else nll
            norm = 0.5 * fall**0.5 + 0.02 + np.abs(own)
            made = {
                ("nll", "train", ""): nll,
                ("nll", "test", ""): nll + 0.03 + 0.00004 * at * speed,
                ("grad_norm", "train", "head"): norm * (1 if head.startswith("sigmoid") else np.sqrt(2)),
                ("grad_norm", "train", "total"): norm * 1.5,
                ("grad_norm", "train", "effective_head"): norm,
            }
            if network != "linear":
                made["grad_norm", "train", "trunk"] = norm * 1.1 * (speed if head != "softmax_matched" else 1)
                made["grad_norm", "train", "layer:dense"] = norm * 0.7
            keys += [(MAIN, task, network, optimizer, head, *names) for names in made]
            values += [value.ravel() for value in made.values()]
    columns = ["framework", "task", "network", "optimizer", "head", "quantity", "split", "scope"]
    names = pd.DataFrame(keys, columns=columns)
    table = names.loc[names.index.repeat(seeds * len(at))].reset_index(drop=True)
    return validate("curves", table.assign(
        learning_rate=2.0**-5, seed=np.tile(np.repeat(np.arange(seeds), len(at)), len(keys)),
        step=np.tile(at, seeds * len(keys)), value=np.concatenate(values),
    ))  # fmt: skip


def finals(curves: pd.DataFrame) -> pd.DataFrame:
    """A `finals` table that goes with `curves`: its last step, its means over steps, and what follows from the NLL."""
    keys = list(small_tables.RUN)
    plain = curves.loc[curves["scope"] == ""]
    last = plain.loc[plain["step"] == plain["step"].max()].drop(columns=["step", "scope"])
    test = plain.loc[plain["split"] == "test"]
    over = test.groupby(keys, as_index=False, sort=False)["value"].mean().assign(split="test", quantity="nll_curve")
    norms = curves.loc[(curves["quantity"] == "grad_norm") & ~curves["scope"].str.startswith("layer:")]
    means = norms.groupby([*keys, "scope"], as_index=False, sort=False)["value"].mean()
    means = means.assign(split="train", quantity="grad_norm_" + means["scope"]).drop(columns="scope")
    ends = last.loc[last["split"] == "test"]
    follow = {
        "accuracy": 1 - np.round(ends["value"] / 2, 2), "auc": 1 - ends["value"] / 4, "brier": ends["value"] / 3,
        "ece": ends["value"] / 10, "top_probability": np.exp(-ends["value"]), "abs_logit": 3 - ends["value"],
    }  # fmt: skip
    more = [ends.assign(quantity=quantity, value=value) for quantity, value in follow.items()]
    still = [ends.assign(split="train", quantity=quantity, value=0.0) for quantity in ("dead_share", "diverged")]
    return validate("finals", pd.concat([last, over, means, *more, *still], ignore_index=True))


def learning_rates(cells: Sequence[tuple[str, str, str]] = SWEPT, seeds: int = 6) -> pd.DataFrame:
    """A `learning_rates` table: softmax is sigmoid at twice the rate on a linear model, at 1.4 times elsewhere."""
    powers = np.arange(-9, 1)
    rows = []
    for number, (task, network, optimizer) in enumerate(cells):
        rng = np.random.default_rng(number)
        own = rng.normal(0, 0.02, seeds)
        for head, shift in (("sigmoid", 0.0), ("softmax", 1.0 if network == "linear" else 0.5)):
            for seed, power in itertools.product(range(seeds), powers):
                nll = 0.2 + 0.012 * (power + shift + 4) ** 2 + own[seed]
                nll = np.inf if power + shift > 0.5 and seed == 0 else nll
                rows += [(MAIN, task, network, optimizer, 2.0**power, head, seed, split, "nll", nll + extra)
                         for split, extra in (("test", 0.0), ("validation", 0.01))]  # fmt: skip
    return validate("learning_rates", pd.DataFrame(rows, columns=SCHEMAS["learning_rates"]))


def runs(curves: pd.DataFrame) -> pd.DataFrame:
    """The `runs` table of `curves`: a trunk and an order a (cell, seed), whatever the arm."""
    keys = list(small_tables.RUN)
    rows = curves[keys].drop_duplicates(ignore_index=True)
    origin = rows["task"] + rows["network"] + rows["seed"].astype(str)
    return validate("runs", rows.assign(
        trunk_hash=origin, order_hash=origin, paired=rows["head"] != "sigmoid_again", sample=rows["seed"], shared=1.0,
        finite=True, engine="stacked",
    ))  # fmt: skip


# (mean, half of its 95 % interval) of softmax in margins, a pattern an outcome; the noise floor is a third of a margin
SHAPES = {"larger": (2.5, 0.4), "different": (-1.3, 0.5), "negligible": (0.4, 0.15), "equivalent": (-0.05, 0.4),
          "undecided": (0.4, 1.6)}  # fmt: skip
MARGINS = {"nll": 0.02, "accuracy": 0.01, "auc": 0.005}


def differences(cells: Sequence[tuple[str, str, str]] = CELLS, seeds: int = 20) -> pd.DataFrame:
    """A `differences` table of softmax and the matched arm, three quantities, every outcome: see `SHAPES`.

    Made by the project's own function from values whose means and spreads are exactly as asked for.
    """
    return _differences(tuple(cells), seeds).copy()


@cache
def _differences(cells: tuple[tuple[str, str, str], ...], seeds: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    # half of the interval that seeds of one table have, in standard deviations: Nadeau and Bengio 2003
    reach = stats.t.isf(0.025, seeds - 1) * np.sqrt(1 / seeds + 1 / 3)
    parts = []
    for number, (task, network, optimizer) in enumerate(cells):
        shapes = list(SHAPES.values())
        for place, (quantity, margin) in enumerate(MARGINS.items()):
            mean, half = shapes[(number + place) % len(shapes)]
            shape = rng.normal(size=seeds)
            shape = (shape - shape.mean()) / shape.std(ddof=1)
            base = 0.5 + rng.normal(0, 0.05, seeds)
            values = {
                ("sigmoid", quantity): base,
                ("sigmoid_again", quantity): base + rng.choice([-1, 1], seeds) * margin / 3,
                ("softmax", quantity): base + margin * (mean * (1 + number / 100) + half / reach * shape),
                ("softmax_matched", quantity): base + margin / 1e5 * shape,
            }
            parts.append(small_tables.finals(values, task=task, network=network, optimizer=optimizer))
    table = pd.concat(parts, ignore_index=True)
    return judgement.differences(judgement.pair_up(table, None, small_tables.runs(table)))


def cells(cells: Sequence[tuple[str, str, str]] = CELLS, failed: str | None = None) -> pd.DataFrame:
    """A `cells` table; `failed` is the error of one more cell."""
    rows = [
        {"cell": f"binary-{task}-{network}-{optimizer}", "kind": "binary", "status": "cached" if i % 3 else "done",
         "seconds": 3.5 + i, "networks_trained": 120, "error": "",
         "notebook": f"notebooks/binary-{task}-{network}-{optimizer}.ipynb"}
        for i, (task, network, optimizer) in enumerate(cells)
    ]  # fmt: skip
    if failed is not None:
        rows.append({"cell": "binary-broken-mlp-sgd", "kind": "binary", "status": "failed", "seconds": 0.4,
                     "networks_trained": 0, "error": failed, "notebook": ""})  # fmt: skip
    return validate("cells", pd.DataFrame(rows))


PATH = {"framework": "keras-torch", "execution": "eager", "dtype": "float32", "form": "in_layer",
        "activation": "sigmoid", "units": 1, "loss": "binary_crossentropy"}  # fmt: skip


def pathologies() -> pd.DataFrame:
    """A table of pathologies: a harmful one on two paths, one that is rounding, and a sound path."""
    never = dict.fromkeys(
        ["wrong_from", "dead_from", "explodes_from", "inf_from", "nan_from", "loss_breaks_from"], np.nan
    )
    known = {
        "kind": "probabilities",
        "harms": True,
        "cause": "The loss `clips` the probability.",
        "place": "keras/src/backend/torch/nn.py: binary_crossentropy",
        "remedy": "Use `from_logits=True`.",
    }
    rows = [
        PATH | never | known | {"pathology": "clipped_probability", "off_from": 17.0, "wrong_from": 17.0},
        PATH | never | known | {"pathology": "clipped_probability", "off_from": 18.0, "dead_from": 16.0,
                                "execution": "xla"},
        PATH | never | known | {"pathology": "coarse_dtype", "dtype": "float16", "harms": False, "off_from": 3.0},
        PATH | never | known | {"pathology": "none", "form": "from_logits", "off_from": np.nan, "wrong_from": np.nan,
                                "cause": "",
                                "harms": False, "place": "", "remedy": ""},
    ]  # fmt: skip
    return pd.DataFrame(rows)


def numerics() -> pd.DataFrame:
    """A table of the atlas: one path whose gradient dies at |z| = 17, a sound one, and a backend that is absent."""
    z = np.tile(np.arange(-40.0, 41.0), 2)
    label = np.repeat([0, 1], len(z) // 2)
    reference = 1 / (1 + np.exp(-z)) - label
    rows = pd.DataFrame({"label": label, "z": z, "grad": reference, "grad_reference": reference, "loss_value": 0.0,
                         "loss_reference": 0.0, "status": "measured"})  # fmt: skip
    dead = rows.assign(grad=np.where(np.abs(z) >= 17, 0.0, reference), **PATH)
    sound = rows.assign(**PATH | {"form": "from_logits", "activation": "linear"})
    absent = rows.iloc[:1].assign(**PATH | {"framework": "keras-jax"}, z=np.nan, grad=np.nan, status="not installed")
    return validate("numerics", pd.concat([dead, sound, absent], ignore_index=True))


def consequences() -> pd.DataFrame:
    """Training on the harmful path and on its sound twin: three seeds, two tasks, one run that broke down."""
    rows = [
        PATH | {"pathology": "clipped_probability", "role": role, "task": task, "seed": seed, "accuracy": accuracy,
                "predicted_nll": np.nan if (seed, role, task) == (0, "pathology", "noisy") else nll, "nll": nll,
                "dead_share": 0.1,
                "finite": (seed, role, task) != (0, "pathology", "noisy")}
        for role, task, nll, accuracy in (("pathology", "easy", 0.2, 0.99), ("sound", "easy", 0.19, 0.99),
                                          ("pathology", "noisy", 2.5, 0.5), ("sound", "noisy", 0.4, 0.8))
        for seed in range(3)
    ]  # fmt: skip
    return pd.DataFrame(rows)


RUN = {
    "command": "headtohead run --out x --preset=quick --seeds 7", "started": "2026-01-02T03:04:05+0000",
    "versions": {"headtohead": "0.1.0", "python": "3.11.2", "tensorflow": "2.21.0", "keras": "3.15.1"},
    "git": {"commit": "0123456789abcdef0123456789abcdef01234567", "dirty": False},
    "machine": {"system": "Linux", "cpu": "Some CPU @ 2.00GHz", "cores": 2, "memory_gib": 7.5},
    "settings": {"preset": "quick", "seeds": 10, "steps": 400, "batch_size": 32},
    "cells": {"done": 8, "cached": 0, "failed": 1}, "networks_trained": 480, "overhead_share": None,
}  # fmt: skip


@cache
def tables() -> dict[str, pd.DataFrame]:
    """Every table of a run, the derived ones and the verdicts made by the project's own functions."""
    made = {"curves": curves(seeds=12), "learning_rates": learning_rates()}
    made |= {"finals": finals(made["curves"]), "runs": runs(made["curves"])}
    made["learning_rates_runs"] = runs(made["learning_rates"])
    made["curves_float64"] = made["curves"].loc[made["curves"]["task"].isin(["moons", "fair"])]
    made |= derived(made) | {
        "numerics": numerics(), "pathologies": pathologies(), "consequences": consequences(),
    }  # fmt: skip
    return made | {"verdicts": verdicts(made), "cells": cells(failed="ValueError: no rows")}


def built(factory: pytest.TempPathFactory) -> Path:
    """A whole result with its report in both languages, made once by whichever test process comes first."""
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    out = shared / "a result"
    with FileLock(shared / "a result.lock"):
        if not (out / "report.zh.html").is_file():
            write(out)
            build(out, processes=1)
    return out


def write(out: Path, made: dict[str, pd.DataFrame] | None = None, notebooks: bool = True) -> Path:
    """Lay out `results/<name>` under `out`, as a run leaves it before its report is built; return `out`."""
    made = tables() if made is None else made
    (out / "tables").mkdir(parents=True)
    for name, table in made.items():
        table.to_parquet(out / "tables" / f"{name}.parquet", index=False)
    (out / "run.json").write_text(json.dumps(RUN), encoding="utf-8")
    (out / "notebooks").mkdir()
    for path in made["cells"]["notebook"] if notebooks and "cells" in made else []:
        if path:
            (out / path).write_text("{}", encoding="utf-8")
            (out / path).with_suffix(".html").write_text("<!doctype html><title>a notebook</title>", encoding="utf-8")
    return out
