"""Pairs: hashes checked, no seed and no missing number lost; and comparisons that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats as sps
from small_tables import RATE, finals, runs

from experiments import judgement
from experiments.judgement import FRESH, THESE, FixedFamily, pair_up
from experiments.judgement import _pairs as pairing
from experiments.judgement._differences import summary
from experiments.judgement._pairs import Block
from experiments.stats import bca, corrected_t
from experiments.tables import SCHEMAS

TWO = {("sigmoid", "accuracy"): [0.80, 0.82, 0.84], ("softmax", "accuracy"): [0.81, 0.83, 0.88]}
CURVES = pd.DataFrame(
    [("keras-tensorflow", "moons", "mlp", "sgd", RATE, head, 0, step, "test", "nll", "", start + slope * step)
     for head, start, slope in (("sigmoid", 0.0, 1.0), ("softmax", 1.0, np.nan)) for step in (0, 1)],
    columns=SCHEMAS["curves"],
)  # fmt: skip


def block(values: list[list[float]], twins: list[list[float]], quantity: str = "nll", **given: object) -> Block:
    """Comparisons of one quantity, a row a list; with shared tables and a reach of 0 unless given."""
    rows, n = np.shape(values)
    seeds = np.tile(np.arange(n), (rows, 1))
    plain = {"samples": seeds, "shared": np.ones(rows), "reach": np.zeros(rows)}
    return Block(
        keys=pd.DataFrame({"task": [f"t{row}" for row in range(rows)], "quantity": quantity}),
        values=np.array(values), baselines=np.array(twins), seeds=seeds, **(plain | given),
    )  # fmt: skip


def of(table: pd.DataFrame, estimand: str) -> pd.DataFrame:
    return table[table["estimand"] == estimand].reset_index(drop=True)


@pytest.mark.parametrize("column", ["trunk_hash", "order_hash"])
def test_arms_that_did_not_start_alike_are_refused(column: str) -> None:
    table = finals(TWO)
    started = runs(table)
    started.loc[(started["head"] == "softmax") & (started["seed"] == 2), column] = "another"
    with pytest.raises(ValueError, match=r"softmax and sigmoid are not a pair.*'seed': 2"):
        pair_up(table, None, started)


def test_an_arm_with_an_order_of_its_own_says_so() -> None:
    table = finals(TWO)
    started = runs(table)
    own = started["head"] == "softmax"
    started.loc[own, "order_hash"] = "another"
    assert len(pair_up(table, None, started.assign(paired=~own)).table) == 3


@pytest.mark.parametrize("short", ["sigmoid", "softmax"])
def test_a_seed_that_one_side_lacks_is_refused(short: str) -> None:
    table = finals({(head, q): values[: 2 if head == short else 3] for (head, q), values in TWO.items()})
    with pytest.raises(ValueError, match="same seeds"):
        pair_up(table, None, runs(table))


def test_pairs_by_hand() -> None:
    third = {("softmax_lr", "accuracy"): [0.80, 0.92, 0.84]}
    table = finals({**TWO, **third})
    pairs = pair_up(table, None, runs(table, shared=0.25))
    assert pairs.baseline == "sigmoid"
    found = pairs.table.set_index(["head", "seed"]).sort_index()
    assert found["difference"].tolist() == pytest.approx([0.01, 0.01, 0.04, 0.0, 0.10, 0.0])
    assert found["baseline_value"].tolist() == [0.80, 0.82, 0.84] * 2
    assert set(found["shared"]) == {0.25}
    assert found["reach"].tolist() == pytest.approx([0.10] * 6)  # the largest that any arm shows in the cell
    assert set(pairs.of(["softmax"]).table["head"]) == {"softmax"}
    assert pairs.of(["softmax"]).baseline == "sigmoid"
    assert set(pair_up(table, None, runs(table), heads=["softmax_lr"]).table["head"]) == {"softmax_lr"}


def test_shared_and_reach_are_a_cell_s_own() -> None:
    near, far = finals(TWO), finals({**TWO, ("softmax", "accuracy"): [np.inf, 0.82, 0.84]}, task="fair")
    both = pd.concat([runs(near, 0.2), runs(far).assign(shared=[0.5] * 3 + [1.0] * 3)])
    found = pair_up(pd.concat([near, far]), None, both).table.groupby("task")
    assert found["shared"].max().to_dict() == {"moons": pytest.approx(0.2), "fair": 0.75}
    assert found["reach"].max().to_dict() == {"moons": pytest.approx(0.04), "fair": 0.0}  # the largest finite one


def test_cells_of_another_baseline_are_left_out() -> None:
    several = {("k_sigmoid", "nll"): [0.4, 0.4], ("k_softmax", "nll"): [0.5, 0.5]}
    table = pd.concat([finals(TWO), finals(several, task="digits")])
    assert set(pair_up(table, None, runs(table)).table["task"]) == {"moons"}
    assert set(pair_up(table, None, runs(table), "k_sigmoid").table["task"]) == {"digits"}


def test_a_missing_number_is_kept() -> None:
    """Whatever is a mean over seeds has no number then: not that of the other seeds."""
    table = finals({("sigmoid", "nll"): [0.5, 0.5], ("softmax", "nll"): [np.nan, 0.7],
                    ("sigmoid_again", "nll"): [np.nan, 0.5]})  # fmt: skip
    pairs = pair_up(table, None, runs(table))
    assert pairs.table["difference"].isna().sum() == 2
    assert pairs.table["reach"].tolist() == pytest.approx([0.2] * 4)
    found = judgement.differences(pairs)
    assert found["mean"].isna().all()
    assert found["noise_floor"].isna().all()
    assert (found["nonfinite"] == 1).all()
    assert set(found["outcome"]) == {"undecided"}
    assert judgement.overall(pairs)["mean"].isna().all()


def test_a_step_without_a_number_leaves_the_mean_over_steps_without_one() -> None:
    table = finals({("sigmoid", "nll"): [0.4], ("softmax", "nll"): [0.5]})
    made = pairing.registered(table, CURVES).set_index(["quantity", "head"])["value"]
    assert made["nll_curve", "sigmoid"] == 0.5
    assert np.isnan(made["nll_curve", "softmax"])
    assert len(made) == 4
    assert len(pairing.registered(table, CURVES.iloc[:0])) == len(pairing.registered(table)) == 2
    own = finals({(head, "nll_curve"): [9.0] for head in ("sigmoid", "softmax")})
    assert pairing.registered(own, CURVES)["value"].tolist() == [9.0, 9.0]  # what `finals` has is not made again


@pytest.mark.parametrize(
    ("quantity", "values", "kept"),
    [
        ("grad_norm_trunk", [0.0, 0.0], False),
        ("grad_norm_trunk", [np.nan, np.nan], False),
        ("grad_norm_trunk", [0.0, 0.1], True),  # one that has died in one seed is there
        ("dead_share", [0.0, 0.0], True),
        ("accuracy", [0.0, 0.0], True),
    ],
)
def test_only_a_gradient_that_no_seed_has_is_absent(quantity: str, values: list[float], kept: bool) -> None:
    table = finals({(head, quantity): values for head in ("sigmoid", "softmax")})
    assert len(pair_up(table, None, runs(table)).table) == (2 if kept else 0)


@pytest.mark.parametrize("lost", [0.0, np.nan])
@pytest.mark.parametrize("head", ["sigmoid", "softmax"])
def test_a_gradient_that_one_side_alone_has_is_kept(head: str, lost: float) -> None:
    table = finals({(name, "grad_norm_trunk"): [lost if name == head else 0.1] * 2 for name in ("sigmoid", "softmax")})
    assert len(pair_up(table, None, runs(table)).table) == 2


def test_blocks_hold_comparisons_of_as_many_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pd.concat([
        finals(TWO), finals({key: values[:2] for key, values in TWO.items()}, task="fair"),
        finals({("sigmoid", "accuracy"): [0.5, 0.6], ("softmax", "accuracy"): [0.7, 0.9]}, task="bananas"),
    ])  # fmt: skip
    shared = {"bananas": 0.0, "fair": 0.5, "moons": 1.0}
    started = pd.concat([runs(part, shared[task]) for task, part in table.groupby("task")])
    pairs = pair_up(table, None, started).table.sample(frac=1, random_state=1)
    two, three = pairing.blocks(pairs, ["task", "quantity"])
    assert two.keys["task"].tolist() == ["bananas", "fair"]
    assert two.values.tolist() == [[0.7, 0.9], [0.81, 0.83]]
    assert two.baselines.tolist() == [[0.5, 0.6], [0.80, 0.82]]
    assert two.differences == pytest.approx(np.array([[0.2, 0.3], [0.01, 0.01]]))
    assert two.seeds.tolist() == [[0, 1], [0, 1]]
    assert two.samples.tolist() == [[0, 1], [0, 1]]
    assert two.shared.tolist() == [0.0, 0.5]
    assert two.reach.tolist() == pytest.approx([0.3, 0.01])
    assert (three.values.shape, three.shared.tolist()) == ((1, 3), [1.0])
    monkeypatch.setattr(pairing, "ROWS", 1)
    assert [part.values.shape for part in pairing.blocks(pairs, ["task", "quantity"])] == [(1, 2), (1, 2), (1, 3)]
    assert list(pairing.blocks(pairs.iloc[:0], ["task"])) == []


def test_a_relative_margin_is_a_share_of_the_seed_s_own_twin() -> None:
    norms = block([[1.0, 1.0]] * 2, [[2.0, -4.0], [np.inf, 1.0]], "grad_norm_head")
    np.testing.assert_allclose(norms.margins, [[0.2, 0.4], [np.nan, 0.1]])
    assert block([[1.0, 1.0]], [[2.0, 4.0]]).margins.tolist() == [[0.02, 0.02]]


def test_two_estimands_by_hand() -> None:
    """Four seeds on one table: -0.02, 0.01, 0.02, 0.03. For these rows 1/4, for fresh ones 1/4 + 1/3."""
    d = [-0.02, 0.01, 0.02, 0.03]
    table = summary(block([[0.5 + each for each in d]], [[0.5] * 4]))
    sd = np.std(d, ddof=1)
    for estimand, ratio in ((THESE, 0.0), (FRESH, 1 / 3)):
        row, se = of(table, estimand).iloc[0], sd * np.sqrt(1 / 4 + ratio)
        assert (row["n"], row["mean"], row["sd"]) == (4, pytest.approx(0.01), pytest.approx(sd))
        assert row["d_z"] == pytest.approx(0.01 / sd)
        reach = 3.182446 * se
        assert [row["low"], row["high"]] == pytest.approx([0.01 - reach, 0.01 + reach], abs=1e-7)
        assert row["p_t"] == pytest.approx(2 * sps.t.sf(0.01 / se, 3))
        assert row["p_tost"] == pytest.approx(sps.t.sf(0.01 / se, 3))  # 0.01 from the margin of 0.02
        assert row["p_larger"] == 1.0
        assert row["ratio"] == pytest.approx(ratio)
        # the same of either: |sum| of 0.04 or more takes signs that agree but for the two smallest parts
        assert row["p"] == pytest.approx(np.mean([abs(s1 * 2 + s2 + s3 * 2 + s4 * 3) >= 4 for s1 in (1, -1)
                                                  for s2 in (1, -1) for s3 in (1, -1) for s4 in (1, -1)]))  # fmt: skip
        assert (row["mean_abs"], row["baseline_mean"], row["margin"]) == (pytest.approx(0.02), 0.5, 0.02)
        assert [row["bca_low"], row["bca_high"]] == pytest.approx([end[0] for end in bca(np.array([d]))])
        assert (row["nonfinite"], row["shared"], row["primary"]) == (0, pytest.approx(1.0), True)


def test_where_nothing_is_shared_the_estimands_are_one() -> None:
    values = [[0.51, 0.52, 0.50, 0.53], [0.50, 0.50, 0.40, 0.60]]
    table = summary(block(values, [[0.5] * 4] * 2, shared=np.array([0.0, 1.0])))
    fresh, these = (of(table, estimand).drop(columns=["estimand", "ratio"]) for estimand in (FRESH, THESE))
    pd.testing.assert_series_equal(fresh.iloc[0], these.iloc[0])
    assert fresh.loc[1, "high"] > these.loc[1, "high"]


def test_n_zeros_of_a_quantity_that_counts_rows_are_not_certain() -> None:
    """Four zeros leave open a share of 1 - 0.05^(1/4) = 0.53; a difference, were there one, is taken as 0.04 or less
    where another arm shows as much, else as two margins of 0.01."""
    same = [[0.8] * 4] * 2
    table = summary(block(same, same, "accuracy", reach=np.array([0.04, 0.0])))
    for estimand in (FRESH, THESE):
        row = of(table, estimand)
        q = 1 - 0.05**0.25
        assert row["high"].tolist() == pytest.approx([0.04 * q, 0.02 * q])
        assert row["low"].tolist() == pytest.approx([-0.04 * q, -0.02 * q])
        assert row["p_tost"].tolist() == pytest.approx([(3 / 4) ** 4, (1 / 2) ** 4])
        assert row["p"].tolist() == row["p_t"].tolist() == row["p_larger"].tolist() == [1.0, 1.0]
    # a network diverges or does not: a difference that is not 0 is one of 1
    never = summary(block([[0.0] * 4], [[0.0] * 4], "diverged"))
    assert never["high"].tolist() == pytest.approx([q, q])
    assert never["p_tost"].tolist() == pytest.approx([0.95**4] * 2)
    # a loss has no steps: four equal ones are one function
    assert of(summary(block(same, same, "nll")), FRESH)["p_tost"].tolist() == [0.0, 0.0]


def test_the_same_row_more_in_every_seed_is_not_certain_either() -> None:
    """Four times 0.004, but for rounding: another one, 0.02 or less from 0, is at most 0.024 away. Inside the margin of
    0.01 unless a share of 0.006 / 0.024 is."""
    values = [[0.804, 0.804, 0.704, 0.804], [0.82, 0.82, 0.72, 0.82]]
    table = summary(block(values, [[0.8, 0.8, 0.7, 0.8]] * 2, "accuracy"))
    for estimand in (FRESH, THESE):
        row = of(table, estimand)
        q = 1 - 0.05**0.25
        assert row["low"].tolist() == pytest.approx([0.004 - 0.024 * q, 0.02 - 0.04 * q])
        assert row["high"].tolist() == pytest.approx([0.004 + 0.024 * q, 0.02 + 0.04 * q])
        assert row["p_tost"].tolist() == pytest.approx([(3 / 4) ** 4, 1.0])
        assert row["p"].tolist() == [2 / 16, 2 / 16]
        assert row["sd"].tolist() == [0.0, 0.0]
    one = of(summary(block([[0.804]], [[0.8]], "accuracy")), FRESH)
    assert one[["low", "high", "sd"]].isna().all(axis=None)


@pytest.mark.parametrize("n", [2, 3, 6, 20])
@pytest.mark.parametrize("rows", [10, 100, 1_000])
def test_no_discrete_problem_is_certain(n: int, rows: int) -> None:
    """200 problems of `rows` test rows, where n pairs of heads differ by a few rows: no p of 0, no interval without a
    width, nothing inside the margin whose mean is outside."""
    rng = np.random.default_rng(rows + n)
    most = rng.integers(1, 4, size=(200, 1))
    often = rng.uniform(size=(200, n)) < rng.uniform(size=(200, 1))
    counts = rng.integers(-most, most + 1, size=(200, n)) * often
    counts[::10] = most[::10]  # the same everywhere
    d = counts / rows
    table = summary(block((0.5 + d).tolist(), [[0.5] * n] * 200, "accuracy", reach=np.abs(d).max(axis=1)))
    assert (table["p_tost"] > 0).all()
    assert (table["high"] > table["low"]).all()
    alone = FixedFamily(by=["task", "estimand"]).judge(table)
    inside = alone["outcome"].isin(judgement.INSIDE)
    assert (alone.loc[inside, "mean"].abs() < 0.01).all()
    if n <= 3:  # at least (1/2)^3 is left
        assert not inside[::10].any()


@pytest.mark.parametrize("sign", [1, -1])
def test_the_same_infinity_in_every_seed_is_a_difference(sign: int) -> None:
    """By the sign flips: 2 patterns of 2^4. Once, or of either sign, it is no number."""
    inf = np.inf * sign
    values = [[inf] * 4, [inf, 0.5, 0.5, 0.5], [inf, -inf, inf, inf]]
    table = of(summary(block(values, [[0.5] * 4] * 3)), FRESH)
    assert table.loc[0, ["mean", "low", "high", "bca_low", "bca_high"]].tolist() == [inf] * 5
    assert table.loc[0, ["p", "p_t", "p_larger", "p_tost"]].tolist() == [1 / 8, 1 / 8, 1 / 8, 1.0]
    assert table.loc[1:, ["low", "high", "bca_low", "bca_high", "sd", "d_z"]].isna().all(axis=None)
    assert (table.loc[1:, ["p", "p_t", "p_larger", "p_tost"]] == 1.0).all(axis=None)
    assert table["nonfinite"].tolist() == [4, 1, 4]


def test_one_seed_has_no_spread() -> None:
    row = of(summary(block([[0.6]], [[0.5]])), FRESH).iloc[0]
    assert np.isnan(row[["sd", "d_z", "low", "high"]].astype(float)).all()
    assert row[["p", "p_t", "p_larger", "p_tost"]].tolist() == [1.0] * 4


def test_rows_come_in_the_order_of_registration_and_are_corrected_together() -> None:
    values = {("sigmoid", "auc"): [0.5, 0.6], ("softmax", "auc"): [0.6, 0.8]}
    values |= {("sigmoid", "nll"): [0.5, 0.6], ("softmax", "nll"): [0.6, 0.8]}
    table = finals(values)
    found = judgement.differences(pair_up(table, None, runs(table)), at="rate")
    assert found[["quantity", "estimand"]].to_numpy().tolist() == [
        ["nll", FRESH], ["nll", THESE], ["auc", FRESH], ["auc", THESE]
    ]  # fmt: skip
    assert set(found["at"]) == {"rate"}
    low, high = corrected_t(np.array([[0.1, 0.2]]), 1 / 3)
    assert found.loc[0, "bound"] == pytest.approx(max(-low[0], high[0]))
    empty = judgement.differences(pair_up(table, None, runs(table), "k_sigmoid"))
    assert (len(empty), list(empty.columns)) == (0, SCHEMAS["differences"])
    assert judgement.correct(empty) is empty
