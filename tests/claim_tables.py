"""Tables of comparisons whose outcome is written by hand, so that what a claim makes of them can be told in advance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from experiments.claims import verdicts
from experiments.judgement._outcomes import ESTIMANDS, FRESH
from experiments.stats import QUANTITIES
from experiments.tables import MAIN, SCHEMAS, validate

Tables = Mapping[str, pd.DataFrame]

# (mean, half of its 95 % interval) in margins, an outcome each
SHAPES = {"larger": (2.5, 0.5), "different": (1.25, 0.5), "negligible": (0.5, 0.25), "equivalent": (0.125, 0.5),
          "undecided": (0.5, 1.25)}  # fmt: skip


def comparison(
    quantity: str,
    outcome: str,
    side: int = 1,
    *,
    cell: str = "moons/mlp/sgd",
    head: str = "softmax",
    baseline: str = "sigmoid",
    at: str = "default",
    estimand: str = FRESH,
    seeds_needed: float = np.nan,
    fresh_seeds_needed: float = np.nan,
) -> dict[str, object]:
    """A row of `differences` (or `rate_gaps`) of that outcome; `side` is the sign of arm - baseline."""
    margin = QUANTITIES[quantity].margin
    middle, half = (margin * figure for figure in SHAPES[outcome])
    low, high = sorted((side * middle - half, side * middle + half))
    names = dict(zip(("task", "network", "optimizer"), cell.split("/"), strict=True))
    shown = outcome in ("larger", "different", "negligible")
    return dict.fromkeys(SCHEMAS["rate_gaps"], np.nan) | names | {
        "framework": MAIN,
        "quantity": quantity, "head": head, "baseline": baseline, "at": at, "estimand": estimand, "margin": margin,
        "mean": side * middle, "low": low, "high": high, "bound": max(abs(low), abs(high)), "outcome": outcome,
        "p": 1e-6 if shown else 0.5, "p_t": 1e-6 if shown else 0.5, "p_larger": 1e-6 if outcome == "larger" else 0.5,
        "seeds_needed": seeds_needed, "fresh_seeds_needed": fresh_seeds_needed,
    }  # fmt: skip


def mean_over(quantity: str, outcome: str, side: int = 1, *, kind: str = "two classes", n_tasks: int = 3,
              **arms: str) -> dict[str, object]:  # fmt: skip
    """A row of `overall` of that outcome."""
    row = comparison(quantity, outcome, side, **arms)  # type: ignore[arg-type]
    return {name: row.get(name, np.nan) for name in SCHEMAS["overall"]} | {"kind": kind, "n_tasks": n_tasks}


def table(name: str, rows: Iterable[Mapping[str, object]]) -> pd.DataFrame:
    """The rows as the table `name`, each also for the estimand that they are not of, as the judgement leaves it."""
    made = pd.DataFrame(list(rows))
    other = made.assign(estimand=made["estimand"].map(dict(zip(ESTIMANDS, reversed(ESTIMANDS), strict=True))))
    # what holds of these rows alone is another outcome: a claim that reads it would say so
    other = other.assign(outcome=np.where(made["outcome"] == "undecided", "larger", "undecided"), mean=99.0)
    return validate(name, pd.concat([other, made], ignore_index=True))


def swapped(rows: pd.DataFrame) -> pd.DataFrame:
    """The same comparisons with the two heads' values exchanged."""
    return rows.assign(mean=-rows["mean"], low=-rows["high"], high=-rows["low"])


def verdict(tables: Tables, name: str) -> pd.Series:
    """The row of one claim."""
    return verdicts(tables, [name]).set_index("claim").loc[name]


def counts(row: pd.Series) -> tuple[int, int, int]:
    """In how many comparisons the claim holds, fails and is open."""
    return row["hold"], row["fail"], row["open"]
