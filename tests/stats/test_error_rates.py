"""How often the judgement is wrong with networks that are trained, and the arithmetic that finds it out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks import error_rates
from benchmarks.error_rates import AGAIN, ARM, DESIGNS, FRESH, NULL, PRIMARY, Size, allowance_needed, correlation
from experiments import judgement
from experiments.problem import shares
from experiments.stats import QUANTITIES

SMALL = Size(datasets=3, seeds=4, steps=40, rows=100, network="linear", optimizer="sgd")


def pairs(differences: np.ndarray, quantity: str, head: str = ARM, baseline: float = 2.0) -> judgement.Pairs:
    """Pairs of one arm and quantity from (datasets, seeds) differences."""
    datasets, seeds = differences.shape
    table = pd.DataFrame(
        {
            "head": head,
            "framework": "keras-tensorflow",
            "task": np.repeat([f"{number:05}" for number in range(datasets)], seeds),
            "network": "mlp",
            "optimizer": "adam",
            "learning_rate": 0.5,
            "quantity": quantity,
            "split": QUANTITIES[quantity].split,
            "seed": np.tile(np.arange(seeds), datasets),
            "baseline_value": baseline,
            "difference": differences.ravel(),
            "shared": 0.0,
            "sample": np.tile(np.arange(seeds), datasets),
            "reach": 0.0,
        }
    )
    return judgement.Pairs(table=table.assign(value=table["baseline_value"] + table["difference"]), baseline="sigmoid")


@pytest.mark.parametrize(("quantity", "margin"), [("nll", 0.02), ("grad_norm_trunk", 0.10 * 2.0)])
def test_moved_arms_are_at_the_margin(quantity: str, margin: float) -> None:
    """Softmax's own mean is taken away first; the null arm's is 0 whatever was drawn."""
    d = np.array([[0.1, 0.3], [0.5, 0.3]])
    softmax = error_rates.at_margin(pairs(d, quantity))
    assert error_rates.matrix(softmax, ARM, quantity) == pytest.approx(d - 0.3 + margin)
    null = error_rates.at_margin(pairs(d, quantity, NULL)).table
    assert null["difference"].to_numpy() == pytest.approx(d.ravel() + margin)
    assert (null["value"] - null["baseline_value"]).to_numpy() == pytest.approx(null["difference"].to_numpy())
    assert null["reach"].to_numpy() == pytest.approx(np.repeat([0.3 + margin, 0.5 + margin], 2))


def test_a_family_is_corrected_for_its_size() -> None:
    """0.03 is shown alone and not among two; the last data set makes no family of two."""
    p = np.array([0.03, 1.0, 0.02, 1.0, 0.0])
    table = pd.DataFrame(
        {"task": list("abcde"), "p": p, "p_t": p, "p_larger": 1.0, "p_tost": 1.0, "low": 1.0, "high": 3.0,
         "mean": 2.0, "margin": 9.0}
    )  # fmt: skip
    shown = ("different",)
    assert error_rates.in_families(table, 1, shown) == pytest.approx(3 / 5)
    assert error_rates.in_families(table, 2, shown) == pytest.approx(1 / 2)
    assert np.isnan(error_rates.in_families(table, 6, shown))


def test_correlation_of_seeds() -> None:
    """Mean squares between and within data sets of 16 and 2."""
    assert correlation(np.array([[1.0, 3.0], [5.0, 7.0]])) == pytest.approx((16 - 2) / (16 + 2))
    assert correlation(np.array([[1.0, 1.0], [5.0, 5.0]])) == pytest.approx(1)
    rng = np.random.default_rng(1)
    d = 0.5 * rng.normal(size=(4_000, 1)) + rng.normal(size=(4_000, 10))
    assert correlation(d) == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("rho", [0.0, 0.25])
def test_the_allowance_that_makes_intervals_cover(rho: float) -> None:
    rng = np.random.default_rng(2)
    shape = (20_000, 10)
    d = 3.0 + np.sqrt(rho) * rng.normal(size=(shape[0], 1)) + np.sqrt(1 - rho) * rng.normal(size=shape)
    assert allowance_needed(d, 3.0) == pytest.approx(rho / (1 - rho), abs=0.02)
    assert allowance_needed(np.full((5, 4), 3.0), 3.0) == pytest.approx(-1 / 4)


def test_rates_are_shares_of_the_data_sets() -> None:
    """Two of five null arms are apart from 0, and only their intervals miss it; softmax is the same everywhere."""
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(5, 10))
    noise -= noise.mean(axis=1, keepdims=True)
    apart = np.array([[4.0], [0.0], [-4.0], [0.0], [0.0]])
    tables = [pairs(noise + apart, q, NULL).table for q in PRIMARY] + [pairs(noise, q).table for q in PRIMARY]
    found = error_rates.rates(judgement.Pairs(table=pd.concat(tables), baseline="sigmoid"), cells=5)
    assert found["quantity"].tolist() == PRIMARY
    assert (found["different"] == 0.4).all()
    assert (found["covers_null"] == 0.6).all()
    assert (found["covers_arm"] == 1).all()
    assert (found["inside_arm"] == 0).all()


@pytest.mark.parametrize(("design", "shared"), [(FRESH, 0.0), (AGAIN, 1.0)])
def test_seeds_share_rows_within_their_data_set_alone(design: str, shared: float) -> None:
    problem = error_rates.problem(design, SMALL)
    used = problem.used
    by_dataset = [
        {number: used[number] for number in range(SMALL.seeds * k, SMALL.seeds * (k + 1))}
        for k in range(SMALL.datasets)
    ]
    for one in by_dataset:
        assert list(shares(one, problem.samples, problem.available).values()) == [shared] * SMALL.seeds
    every = [np.unique(np.concatenate(list(one.values()))) for one in by_dataset]
    assert len(np.unique(np.concatenate(every))) == sum(map(len, every))
    for number, stream in problem.streams.items():
        assert stream.scaling.mean == pytest.approx(problem.data.x[stream.split.train].mean(axis=0)), number
        assert np.isin(stream.order, stream.split.train).all()
    first = problem.streams[0]
    rows = sum(len(part) for part in (first.split.train, first.split.validation, first.split.test))
    assert rows == SMALL.rows


def test_trained_pairs_are_those_of_each_data_set() -> None:
    found = error_rates.trained(AGAIN, SMALL)
    assert found.table.groupby(["head", "task", "quantity"])["seed"].nunique().eq(SMALL.seeds).all()
    assert set(found.table["head"]) == {ARM, NULL}
    assert set(found.table["quantity"]) == {*PRIMARY} - {"grad_norm_trunk"}  # a linear network has none
    assert (found.table["shared"] == 1).all()
    assert found.table.loc[found.table["head"] == NULL, "difference"].ne(0).any()


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
def test_the_judgement_errs_rarely_with_trained_networks(design: str) -> None:
    """Over 60 data sets and five quantities, whose errors go together: the bounds allow for three standard errors."""
    size = Size(datasets=60, seeds=10, steps=100, rows=500, network="mlp", optimizer="adam")
    found = error_rates.rates(error_rates.trained(design, size))
    chance = 3 * (0.05 * 0.95 / size.datasets) ** 0.5
    kinds = ["different", "inside_null", "inside_arm"]
    assert (found[kinds].fillna(0) <= 0.05 + chance).all(axis=None)
    assert (found[kinds].mean() <= 0.05 + 2 / 3 * chance).all()
    fresh = found[found["estimand"] == judgement.FRESH]
    assert (fresh[["covers_null", "covers_arm"]] >= 0.95 - chance).all(axis=None)
    if design == FRESH:  # neither error is avoided by never saying anything
        assert found["different"].mean() > 0
        assert found["inside_null"].mean() > 0
