"""Means over tasks and shares of causes, from numbers that stand in the test."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats as sps
from small_tables import RATE, finals, runs

from experiments import judgement
from experiments.judgement import FRESH, THESE, pair_up
from experiments.judgement._attribution import FACTORS, METHODS
from experiments.judgement._overall import KINDS, _in_common_units, mean_over_tasks, p_over_tasks
from experiments.stats import allowance, corrected_t, holm
from experiments.tables import SCHEMAS

# --- means over tasks ---

FOUR = np.array([[0.02, 0.04, 0.06, 0.08]])  # mean 0.05, variance 0.002 / 3
TWO = np.array([[0.00, 0.02]])  # mean 0.01, variance 0.0002


def test_each_task_has_its_own_allowance() -> None:
    """Four seeds with rows of their own, two seeds on one table: 1/4 and 1/2 + 1/3 of the variances."""
    variances = np.array([0.002 / 3 / 4, 0.0002 * (1 / 2 + 1 / 3)]) / 2**2
    se = np.sqrt(variances.sum())
    freedom = variances.sum() ** 2 / (variances[0] ** 2 / 3 + variances[1] ** 2 / 1)  # Welch and Satterthwaite
    p, p_larger, p_tost = p_over_tasks([FOUR, TWO], np.array([0.01]), [0.0, 1 / 3])
    assert p[0] == pytest.approx(2 * sps.t.sf(0.03 / se, freedom))
    assert p_larger[0] == pytest.approx(2 * sps.t.sf(0.02 / se, freedom))
    assert p_tost[0] == pytest.approx(sps.t.cdf(0.02 / se, freedom))
    turned = p_over_tasks([-FOUR, -TWO], np.array([0.01]), [0.0, 1 / 3])
    assert [each[0] for each in turned] == pytest.approx([p[0], p_larger[0], p_tost[0]])
    assert p_over_tasks([FOUR, TWO], np.array([0.05]), [0.0, 1 / 3])[1] == 1.0  # inside the margin


def test_the_p_over_one_task_is_that_of_its_cell() -> None:
    p, _, p_tost = p_over_tasks([FOUR], np.array([0.07]), [0.0])
    assert p[0] == pytest.approx(sps.ttest_1samp(FOUR[0], 0).pvalue)
    assert p_tost[0] == pytest.approx(sps.ttest_1samp(FOUR[0], 0.07, alternative="less").pvalue)


def test_no_spread_and_no_number_over_tasks() -> None:
    same, none = np.full((1, 2), 0.5), np.array([[0.1, np.nan]])
    assert [each[0] for each in p_over_tasks([same], np.array([0.1]), [0.0])] == [0.0, 0.0, 1.0]
    assert [each[0] for each in p_over_tasks([same], np.array([0.6]), [0.0])] == [0.0, 1.0, 0.0]
    assert [each[0] for each in p_over_tasks([same * 0], np.array([0.1]), [0.0])] == [1.0, 1.0, 0.0]
    assert [each[0] for each in p_over_tasks([FOUR, none], np.array([1.0]), [0.0, 0.0])] == [1.0, 1.0, 1.0]


def test_mean_over_tasks_by_hand() -> None:
    samples = [np.array([[0.0, 2.0], [5.0, 5.0]]), np.array([[3.0, 3.0], [7.0, 7.0]])]
    low, high = mean_over_tasks(samples, [0.0] * len(samples))
    # the first task resamples to 0, 1 or 2, widened by sqrt(2); the second is constant
    assert (low[0], high[0]) == (pytest.approx(2 - np.sqrt(2) / 2), pytest.approx(2 + np.sqrt(2) / 2))
    assert (low[1], high[1]) == (6.0, 6.0)
    wide_low, _ = mean_over_tasks(samples, [1 / 3] * len(samples))
    assert wide_low[0] == pytest.approx(2 - np.sqrt(2) / 2 * np.sqrt(1 + 2 / 3))
    low, high = mean_over_tasks([np.array([[1.0, np.inf], [1.0, 2.0]])], [1 / 3])
    assert np.isnan(low[0])
    assert low[1] < 1.5 < high[1]


def test_the_interval_over_tasks_widens_each_task_by_its_own_allowance() -> None:
    """Two seeds resample to either or the middle, so the ends are the values themselves, widened by sqrt(2 (1 + 2 r)):
    the first task alone, the second, both; the other is constant."""
    varied, constant = np.array([[0.0, 2.0]]), np.array([[3.0, 3.0]])
    for samples, ratios, reach in (
        ([varied, constant], [1 / 3, 0.0], np.sqrt(2 * (1 + 2 / 3)) / 2),
        ([varied, constant], [0.0, 1 / 3], np.sqrt(2) / 2),
        ([varied, constant, constant], [1 / 7, 0.0, 0.0], np.sqrt(2 * (1 + 2 / 7)) / 3),
    ):
        low, high = mean_over_tasks(samples, ratios)
        mean = np.mean([sample.mean() for sample in samples])
        assert [low[0], high[0]] == pytest.approx([mean - reach, mean + reach])
    assert np.isnan(mean_over_tasks([varied, np.array([[1.0]])], [0.0, 0.0])).all()
    assert np.isnan(mean_over_tasks([varied, np.array([[1.0, np.nan]])], [0.0, 0.0])).all()


def test_the_interval_over_tasks_by_its_size() -> None:
    """Near the normal one for many seeds; the confidence and the number of resamples are those asked for."""
    rng = np.random.default_rng(4)
    samples = [rng.normal(mean, 1, (1, 200)) for mean in (0.0, 1.0)]
    se = np.sqrt(sum(sample.var(ddof=1) / 200 for sample in samples)) / 2
    for confidence, z in ((0.95, 1.96), (0.5, 0.6745)):
        low, high = mean_over_tasks(samples, [0.0, 0.0], confidence)
        assert (high[0] - low[0]) / 2 == pytest.approx(z * se, rel=0.06)
    small = mean_over_tasks([sample * 1e-150 for sample in samples], [0.0, 0.0])
    assert np.array(small) * 1e150 == pytest.approx(np.array(mean_over_tasks(samples, [0.0, 0.0])))
    rows = np.concatenate([samples[0], np.full((1, 200), np.inf), samples[0]])
    assert np.isnan(mean_over_tasks([rows], [0.0])[0]).tolist() == [False, True, False]
    assert len({mean_over_tasks(samples, [0, 0], resamples=r)[0][0] for r in (50, 51)}) == 2


def in_units(
    twins: list[float], differences: list[float], quantity: str = "abs_logit", task: str = "a"
) -> pd.DataFrame:
    return pd.DataFrame({
        "framework": "f", "head": "softmax", "task": task, "network": "mlp", "optimizer": "sgd", "learning_rate": RATE,
        "quantity": quantity, "seed": range(len(twins)), "baseline_value": twins, "difference": differences,
        "shared": 0.0,
        "sample": range(len(twins)),
    })  # fmt: skip


def test_a_relative_quantity_is_a_share_of_the_baseline_s_mean() -> None:
    """Twins 1 and 3: mean 2, ratio 0.1. The seeds' shares: 0.1 + (0.2 - 0.1) / 2 and 0.1 + (0.2 - 0.3) / 2."""
    made = _in_common_units(pd.concat([in_units([1.0, 3.0], [0.2, 0.2]), in_units([-10.0, 30.0], [2.0, 2.0], task="b"),
                                       in_units([1.0, 3.0], [0.2, 0.2], "nll")]))  # fmt: skip
    assert made["difference"].tolist() == pytest.approx([0.15, 0.05, 0.15, 0.05, 0.2, 0.2])
    missing = _in_common_units(in_units([1.0, np.nan], [0.2, np.nan]))
    assert missing["difference"].isna().all()


def test_the_interval_of_a_ratio_covers() -> None:
    """Differences of nearly 0.3 at baselines that vary by 30 %: what is uncertain is the share's denominator."""
    rng = np.random.default_rng(6)
    cells, seeds = 1_000, 20
    twins = rng.normal(1.0, 0.3, (cells, seeds))
    differences = 0.3 + rng.normal(0, 0.02, (cells, seeds))
    table = in_units(list(twins.ravel()), list(differences.ravel()))
    table = table.assign(task=np.repeat(np.arange(cells), seeds))
    shares = _in_common_units(table)["difference"].to_numpy().reshape(cells, seeds)
    low, high = corrected_t(shares, 0.0)
    assert 0.93 <= np.mean((low <= 0.3) & (high >= 0.3)) <= 0.97
    low, high = corrected_t(differences / twins.mean(axis=1, keepdims=True), 0.0)  # the mean taken as known
    assert np.mean((low <= 0.3) & (high >= 0.3)) < 0.5


def test_overall_by_hand() -> None:
    """Two tasks; the first in two cells whose seeds share rows to different parts: 0.5 in the mean."""
    first = {("sigmoid", "nll"): [0.5, 0.5], ("softmax", "nll"): [0.52, 0.54]}
    other = {("sigmoid", "nll"): [0.5, 0.5], ("softmax", "nll"): [0.60, 0.70]}
    secondary = {(head, "auc"): [v - (head == "softmax") / 10 for v in (0.9, 0.8)] for head in ("sigmoid", "softmax")}
    parts = [(finals(first | secondary, network="mlp"), 0.2), (finals(first, network="linear"), 0.8),
             (finals(other, task="fair"), 0.0)]  # fmt: skip
    table = pd.concat([part for part, _ in parts])
    found = judgement.overall(pair_up(table, None, pd.concat([runs(*part) for part in parts])), at="best")
    assert list(found.columns) == SCHEMAS["overall"]
    assert found[["quantity", "estimand"]].to_numpy().tolist() == [
        ["nll", FRESH], ["nll", THESE], ["auc", FRESH], ["auc", THESE]
    ]  # fmt: skip
    assert (set(found["kind"]), set(found["at"]), set(found["baseline"])) == ({KINDS[0]}, {"best"}, {"sigmoid"})
    assert found["n_cells"].tolist() == [3, 3, 1, 1]
    assert found["n_tasks"].tolist() == [2, 2, 1, 1]
    assert found["primary"].tolist() == [True, True, False, False]
    assert found["mean"].tolist() == pytest.approx([0.09, 0.09, -0.10, -0.10])
    samples = [np.array([[0.1, 0.2]]), np.array([[0.02, 0.04]])]  # by name: fair, moons
    for row, ratios in ((0, [0.0, float(allowance(0.5))]), (1, [0.0, 0.0])):
        p = p_over_tasks(samples, np.array([0.02]), ratios)
        assert found.loc[row, ["p", "p_larger", "p_tost"]].tolist() == pytest.approx([each[0] for each in p])
        ends = mean_over_tasks(samples, ratios)
        assert found.loc[row, ["low", "high"]].tolist() == pytest.approx([end[0] for end in ends])
        assert found.loc[row, "bound"] == pytest.approx(max(-ends[0][0], ends[1][0]))
    bca = mean_over_tasks(samples, [0.0, 0.0])
    assert found.loc[0, ["bca_low", "bca_high"]].tolist() == pytest.approx([end[0] for end in bca])
    nobody = judgement.overall(pair_up(table, None, pd.concat([runs(*part) for part in parts]), "k_sigmoid"))
    assert (len(nobody), list(nobody.columns)) == (0, SCHEMAS["overall"])


def test_zeros_over_tasks_are_not_certain() -> None:
    """Two tasks of four seeds, and one of two: 2 x 4 zeros of the first ones' quantity, 3 x 2 of the other's."""
    def same(*quantities: str) -> dict[tuple[str, str], list[float]]:
        return {(head, q): [0.0] * 4 for head in ("sigmoid", "softmax") for q in quantities}

    few = {key: values[:2] for key, values in same("diverged").items()}
    varied = {("sigmoid", "accuracy"): [0.5] * 4, ("softmax", "accuracy"): [0.5, 0.5, 0.5, 0.52]}
    table = pd.concat([finals(same("accuracy", "diverged")), finals(same("accuracy", "diverged"), task="fair"),
                       finals(few, task="bananas")])  # fmt: skip
    found = judgement.overall(pair_up(table, None, runs(table))).set_index(["quantity", "estimand"])
    for estimand in (FRESH, THESE):
        for quantity, zeros, margin, reach in (("accuracy", 8, 0.01, 0.02), ("diverged", 6, 0.05, 1.0)):
            row = found.loc[quantity, estimand]
            assert row["p_tost"] == pytest.approx((1 - margin / reach) ** zeros)
            bound = (1 - 0.05 ** (1 / zeros)) * reach
            assert row[["low", "high", "bound"]].tolist() == pytest.approx([-bound, bound, bound])
    assert found["outcome"].to_dict() == {
        ("accuracy", FRESH): "equivalent", ("accuracy", THESE): "equivalent",
        ("diverged", FRESH): "undecided", ("diverged", THESE): "undecided",
    }  # fmt: skip
    table = pd.concat([finals(same("accuracy")), finals(varied, task="fair")])
    row = judgement.overall(pair_up(table, None, runs(table, 0.0))).iloc[0]
    assert row["p_tost"] == pytest.approx(sps.t.sf((0.01 - 0.0025) / 0.0025, 3))  # one seed in one task differs


def test_each_estimand_and_rank_is_a_family_of_means() -> None:
    rng = np.random.default_rng(1)
    names = ("nll", "accuracy", "ece")
    table = finals({(head, q): rng.normal(0.5, 0.1, 4) for head in ("sigmoid", "softmax") for q in names})
    found = judgement.overall(pair_up(table, None, runs(table, 0.5)))
    for _, part in found.groupby(["primary", "estimand"]):
        for name in ("p", "p_tost"):
            assert part[f"{name}_holm"].to_numpy() == pytest.approx(holm(part[name].to_numpy()))


# --- shares of causes ---

def test_shapley_by_hand() -> None:
    both = frozenset({"a", "b"})
    worth = {frozenset(): 10.0, frozenset({"a"}): 6.0, frozenset({"b"}): 7.0, both: 1.0}
    shares = judgement.shapley({s: np.array([v]) for s, v in worth.items()})
    # a: (10 - 6 + 7 - 1) / 2; b: (10 - 7 + 6 - 1) / 2
    assert {name: float(value[0]) for name, value in shares.items()} == {"a": 5.0, "b": 4.0, "arithmetic": 1.0}
    del worth[frozenset({"b"})]
    shares = judgement.shapley({s: np.array([v]) for s, v in worth.items()})
    assert {name: float(value[0]) for name, value in shares.items()} == {"a": 4.0, "b": 5.0, "arithmetic": 1.0}
    with pytest.raises(ValueError, match="No order"):
        judgement.shapley({frozenset(): np.zeros(1), both: np.zeros(1)})


ARMS = {"sigmoid": [0.5, 0.5, 0.5, 0.5], "softmax": [1.0, 1.1, 1.2, 1.3], "softmax_init": [0.7, 0.7, 0.8, 0.8],
        "softmax_lr": [0.8, 0.8, 0.8, 0.8], "softmax_matched": [0.5, 0.5, 0.5, 0.6]}  # fmt: skip
# what matching the start removes: (1.0 - 0.7 + 0.8 - 0.5) / 2 in the first seed
START, HEAD = [0.30, 0.35, 0.35, 0.35], [0.20, 0.25, 0.35, 0.35]
LEFT = [0.0, 0.0, 0.0, 0.1]


def attributed(arms: dict[str, list[float]], shared: float = 1.0, optimizer: str = "sgd", quantity: str = "nll",
               **given: object) -> pd.DataFrame:  # fmt: skip
    table = finals({(head, quantity): values for head, values in arms.items()}, optimizer=optimizer)
    return judgement.attribution(pair_up(table, None, runs(table, shared)), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(("shared", "ratio"), [(1.0, 1 / 3), (0.0, 0.0)])
@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_shares_by_hand(shared: float, ratio: float, confidence: float) -> None:
    found = attributed(ARMS, shared, confidence=confidence)
    assert list(found.columns) == SCHEMAS["attribution"]
    assert found["factor"].tolist() == ["initialisation", "head_rate", "arithmetic"]
    by_hand = np.array([START, HEAD, LEFT])
    assert found["share"].to_numpy() == pytest.approx(by_hand.mean(axis=1))
    assert found["difference"].tolist() == pytest.approx([0.65] * 3)
    assert found["part"].to_numpy() == pytest.approx(by_hand.mean(axis=1) / 0.65)
    assert found["mean_abs"].to_numpy() == pytest.approx(by_hand.mean(axis=1))
    low, high = corrected_t(by_hand, ratio, confidence)
    np.testing.assert_allclose(found[["low", "high"]], np.transpose([low, high]), atol=1e-12)
    assert (set(found["n"]), set(found["margin"])) == ({4}, {0.02})
    assert found["noise_floor"].isna().all()


def test_a_mean_of_shares_and_their_sizes() -> None:
    """A share that turns its sign has a size: 0.1 and -0.1 are 0 in the mean and 0.1 in size. Of a difference of 0.05
    under a noise floor of 0.2 (0.1 and 0.3), half."""
    arms = {head: [0.5, 0.5] for head in ("sigmoid", "softmax_init", "softmax_lr", "softmax_matched")}
    arms |= {"softmax": [0.7, 0.4], "sigmoid_again": [0.4, 0.8]}
    arms |= {"softmax_init": [0.5, 0.5], "softmax_lr": [0.7, 0.4]}
    found = attributed(arms).set_index("factor").loc["initialisation"]
    assert (found["share"], found["mean_abs"]) == (pytest.approx(0.05), pytest.approx(0.15))
    assert (found["difference"], found["noise_floor"]) == (pytest.approx(0.05), pytest.approx(0.2))
    assert found["part"] == pytest.approx(0.15 / 0.2)
    nothing = attributed({head: [0.5, 0.5] for head in ARMS})
    assert nothing["part"].isna().all()  # of nothing there is no part


def test_a_missing_number_has_no_share_and_an_arm_without_numbers_no_row() -> None:
    broken = ARMS | {"softmax_lr": [np.nan, 0.8, 0.8, 0.8]}
    found = attributed(broken).set_index("factor")
    assert found.loc[["initialisation", "head_rate"], ["share", "low", "high", "mean_abs"]].isna().all(axis=None)
    assert found.loc["arithmetic", "share"] == pytest.approx(0.025)
    rare = attributed(ARMS | {"softmax_lr": [0.8, np.nan, np.nan, np.nan]}).set_index("factor")
    assert rare["share"].isna().tolist() == [True, True, False]
    never = {key: values for key, values in ARMS.items() if key != "softmax_lr"}
    table = pd.concat([finals({(head, "nll"): values for head, values in ARMS.items()}),
                       finals({(head, "auc"): values for head, values in never.items()})])  # fmt: skip
    assert set(judgement.attribution(pair_up(table, None, runs(table)))["quantity"]) == {"nll"}
    empty = attributed(never)
    assert (len(empty), list(empty.columns)) == (0, SCHEMAS["attribution"])


@pytest.mark.parametrize(
    ("optimizer", "decays", "method"),
    [("sgd", None, 0), ("adamw", None, None), ("sgd_l2", None, None), ("adamw", False, 0), ("sgd", True, None)],
)
def test_where_weights_decay_head_rate_alone_is_no_cause(
    optimizer: str, decays: bool | None, method: int | None
) -> None:
    """The four arms of an optimizer without decay answer nothing where there is some, unless told otherwise."""
    names = list(METHODS)
    found = attributed(ARMS, optimizer=optimizer, decays=decays)
    lacking = {names[3]}  # start first: the arms at hand still match it, and then all
    assert set(found["method"]) == ({names[method]} if method is not None else lacking)


def test_the_finest_game_that_the_arms_can_play() -> None:
    """With the arm of head rate and decay together, either of the two first; with all eight, each cause by itself."""
    joint = ARMS | {"softmax_lr_decay": [0.7, 0.7, 0.7, 0.7]}
    found = attributed(joint, optimizer="adamw")
    assert found["factor"].tolist() == ["initialisation", "head_rate+decay", "arithmetic"]
    assert found["share"].iloc[0] == pytest.approx(np.mean([0.25, 0.3, 0.3, 0.3]))  # 1.0 - 0.7 and 0.7 - 0.5 halved
    more = ("softmax_decay", "softmax_init_lr", "softmax_init_decay")
    whole = attributed(joint | dict.fromkeys(more, [0.9] * 4), optimizer="adamw")
    assert whole["factor"].tolist() == ["initialisation", "head_rate", "decay", "arithmetic"]
    assert [FACTORS.index(factor) for factor in whole["factor"]] == [0, 1, 2, 4]
    assert whole["share"].sum() == pytest.approx(0.65)
