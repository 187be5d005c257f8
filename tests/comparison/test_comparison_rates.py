"""The rates that a comparison trains around the model's own: in the same step, and never among what is compared."""

from __future__ import annotations

import compared_models as compared
import numpy as np
import pytest
from comparison_plans import plan_of, table_of
from test_comparison import silent

from experiments.comparison import run
from experiments.comparison.seed_data import problem
from experiments.engines import driver
from experiments.engines.stacked import Stacked
from experiments.heads import HEADS
from experiments.problem import chunks


@pytest.mark.parametrize("most", [1, 3, 8, 1000])
def test_every_network_is_in_one_chunk(most: int) -> None:
    heads = [HEADS[name] for name in ("softmax", "sigmoid", "softmax_lr")]
    beside = [(HEADS["sigmoid"], 0.2), (HEADS["softmax"], 0.2), (HEADS["softmax"], 0.4)]
    parts = list(chunks(heads, (0.1,), range(3), most, beside))
    found = [(replica.head.name, replica.learning_rate, replica.seed) for part in parts for replica in part]
    arms = [
        ("softmax", 0.1),
        ("sigmoid", 0.1),
        ("softmax_lr", 0.1),
        ("sigmoid", 0.2),
        ("softmax", 0.2),
        ("softmax", 0.4),
    ]
    assert sorted(found) == sorted((*arm, seed) for arm in arms for seed in range(3))
    assert max(map(len, parts)) <= max(most, 1)
    assert all([r.head.units for r in part] == sorted(r.head.units for r in part) for part in parts)


def test_a_rate_beside_is_trained_as_it_would_be_alone() -> None:
    plan = plan_of(compared.decaying, (5,))
    cell = problem(plan, [0, 1])
    around = [plan.rate * factor for factor in (0.25, 0.5, 1, 2, 4)]
    (replicas,) = chunks(cell.heads, cell.rates, cell.seeds, 1000, cell.beside)
    assert sorted({r.learning_rate for r in replicas if r.head.name == "softmax"}) == around
    assert {r.learning_rate for r in replicas if r.head.name == "softmax_lr"} == {plan.rate}
    together = driver.run(cell, Stacked(), at_once=1000)
    for head in ("sigmoid", "softmax"):
        alone = next(r for r in replicas if (r.head.name, r.learning_rate, r.seed) == (head, around[-1], 1))
        single = driver.train(cell, Stacked().engine(cell, [alone.head]), [alone])[0]
        mine = next(record for record in together if record.replica == alone)
        np.testing.assert_allclose(mine.curves["test", "nll", ""], single.curves["test", "nll", ""], rtol=1e-4)


def test_other_rates_are_told_apart_from_what_is_compared() -> None:
    plan = plan_of(compared.linear, (5,), seeds=2, steps=5, learning_rate=0.25)
    ran = run.run(plan, silent)
    for name in ("curves", "finals", "runs"):
        assert ran.tables[name]["learning_rate"].unique().tolist() == [0.25]
    assert ran.differences["learning_rate"].unique().tolist() == [0.25]
    assert (ran.differences["n"] == 2).all()
    assert sorted(ran.sweep["learning_rate"].unique()) == [0.0625, 0.125, 0.25, 0.5, 1.0]
    assert set(ran.sweep["head"]) == {"sigmoid", "softmax"}
    keys = ["head", "seed", "split", "quantity"]
    own = ran.sweep[ran.sweep["learning_rate"] == 0.25].set_index(keys)["value"]
    finals = ran.tables["finals"].set_index(keys)["value"]
    assert len(own) == 2 * 2 * 2 * 2
    assert (own == finals.loc[own.index]).all()
    assert ran.tuning is not None
    assert ran.tuning.grid == (0.0625, 0.125, 0.25, 0.5, 1.0)


def test_a_large_table_shares_few_rows_and_is_judged_so() -> None:
    """60,000 rows, of which a seed of 10 steps uses 320 and those that it is measured on."""
    plan = plan_of(compared.linear, (4,), table_of((4,), n=60_000), seeds=3, steps=10, batch_size=32)
    ran = run.run(plan, silent)
    shared = ran.tables["runs"]["shared"].mean()
    assert 0.05 < shared < 0.25
    ratio = 0.25 * shared / (1 - 0.25 * shared)
    assert ratio < 1 / 12
    fresh = ran.differences[ran.differences["estimand"] == "fresh rows"]
    assert fresh["ratio"].to_numpy() == pytest.approx(ratio)
    row = fresh[(fresh["head"] == "softmax") & (fresh["quantity"] == "nll")].iloc[0]
    reach = 4.302653 * row["sd"] * np.sqrt(1 / 3 + ratio)  # the t of 2 degrees of freedom at 5 %
    assert (row["high"] - row["low"]) / 2 == pytest.approx(reach, rel=1e-5)
