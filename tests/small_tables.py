"""Raw tables small enough to work out by hand: one call names every value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from experiments.tables import MAIN, RUN, SCHEMAS, validate

RATE = 2.0**-5
Values = Mapping[tuple[str, str], Sequence[float]]  # (head, quantity) -> a value a seed


def finals(
    values: Values,
    *,
    task: str = "moons",
    network: str = "mlp",
    optimizer: str = "sgd",
    rate: float = RATE,
    split: str | None = None,
) -> pd.DataFrame:
    """A `finals` table of one cell; each quantity on the split it is compared on, or on `split`."""
    train = ("grad_norm", "dead_share", "diverged")
    rows = [
        (MAIN, task, network, optimizer, rate, head, seed,
         split or ("train" if quantity.startswith(train) else "test"), quantity, value)
        for (head, quantity), seeds in values.items()
        for seed, value in enumerate(seeds)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=SCHEMAS["finals"])


def runs(finals: pd.DataFrame, shared: float = 1.0) -> pd.DataFrame:
    """The `runs` of the networks in `finals`, paired as the training pairs them, whose seeds share so many rows."""
    rows = finals[RUN].drop_duplicates(ignore_index=True)
    origin = rows["task"] + rows["network"] + rows["seed"].astype(str)
    again = rows["head"] == "sigmoid_again"
    order = origin.where(~again, origin + " again")
    return validate(
        "runs",
        rows.assign(trunk_hash=origin, order_hash=order, paired=~again, sample=rows["seed"], shared=shared,
                    finite=True, engine="stacked"),
    )


def factor_arms(rng: np.random.Generator, seeds: int, decays: bool) -> Values:
    """NLL of sigmoid and the factor arms, where start costs 0.3, head rate 0.1, decay 0.05, both first ones 0.02."""
    base = rng.normal(0.5, 0.05, seeds)
    arms = {
        "softmax": (1, 1, 1),
        "softmax_init": (0, 1, 1),
        "softmax_lr": (1, 0, 1),
        "softmax_matched": (0, 0, 0),
    }
    if decays:
        arms |= {
            "softmax_decay": (1, 1, 0),
            "softmax_init_lr": (0, 0, 1),
            "softmax_init_decay": (0, 1, 0),
            "softmax_lr_decay": (1, 0, 0),
        }
    values = {("sigmoid", "nll"): base}
    for arm, (start, rate, decay) in arms.items():
        cost = 0.3 * start + 0.1 * rate + 0.02 * start * rate + (0.05 * decay if decays else 0.0)
        values[arm, "nll"] = base + cost + 1e-9 * rng.normal(size=seeds)
    return values
