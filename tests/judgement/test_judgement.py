"""From stored tables to the tables of differences, shares, rates and means over tasks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats as sps
from small_tables import RATE, factor_arms, finals, runs

from experiments import judgement
from experiments.judgement import FRESH, pair_up
from experiments.records import UserError
from experiments.tables import SCHEMAS

TWO = {("sigmoid", "accuracy"): [0.80, 0.82, 0.84], ("softmax", "accuracy"): [0.81, 0.83, 0.88]}


def compare(table: pd.DataFrame, **options: object) -> pd.DataFrame:
    """The comparisons as they hold for fresh rows."""
    found = judgement.differences(pair_up(table, None, runs(table)), **options)  # type: ignore[arg-type]
    return found[found["estimand"] == FRESH].reset_index(drop=True)


def over_tasks(table: pd.DataFrame, baseline: str = "sigmoid") -> pd.DataFrame:
    found = judgement.overall(pair_up(table, None, runs(table), baseline))
    return found[found["estimand"] == FRESH].reset_index(drop=True)


def shares(table: pd.DataFrame, **options: object) -> pd.DataFrame:
    return judgement.attribution(pair_up(table, None, runs(table)), **options)  # type: ignore[arg-type]


def one(table: pd.DataFrame, **equals: object) -> pd.Series:
    """The only row whose columns equal what is given."""
    for column, value in equals.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_a_difference_by_hand() -> None:
    row = compare(finals(TWO)).iloc[0]
    assert (row["head"], row["baseline"], row["n"], row["margin"]) == ("softmax", "sigmoid", 3, 0.01)
    assert row["mean"] == pytest.approx(0.02)  # 0.01, 0.01, 0.04
    assert row["sd"] == pytest.approx(np.sqrt(0.0003))
    assert row["d_z"] == pytest.approx(0.02 / np.sqrt(0.0003))
    reach = 4.302653 * np.sqrt(0.0003 * (1 / 3 + 1 / 3))
    assert (row["low"], row["high"]) == (pytest.approx(0.02 - reach, abs=1e-7), pytest.approx(0.02 + reach, abs=1e-7))
    assert row["p"] == pytest.approx(2 / 8)  # all three have one sign
    assert row["outcome"] == "undecided"
    assert list(compare(finals(TWO)).columns[: len(SCHEMAS["differences"])]) == SCHEMAS["differences"]


def test_seeds_are_paired_whatever_their_order() -> None:
    table = family(4)
    shuffled = table.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(compare(table), compare(shuffled), check_exact=False)


def test_tables_whose_names_are_categories_make_the_same_tables() -> None:
    table = finals(TWO)
    names = ["task", "network", "optimizer", "head", "split", "quantity"]
    categories = table.astype(dict.fromkeys(names, "category"))
    for made in (judgement.differences, judgement.overall, judgement.attribution):
        found, plain = (made(pair_up(values, None, runs(table))) for values in (categories, table))
        assert isinstance("of " + found["head" if "head" in found else "factor"], pd.Series)
        pd.testing.assert_frame_equal(found, plain, check_dtype=False, check_categorical=False)


def test_a_value_that_stands_twice_is_refused() -> None:
    table = finals(TWO)
    with pytest.raises(ValueError, match="twice"):
        pair_up(pd.concat([table, table[table["head"] == "softmax"].iloc[:1]]), None, runs(table))


def test_noise_floor_is_the_same_figure_between_two_sigmoids() -> None:
    table = finals({**TWO, ("sigmoid_again", "accuracy"): [0.83, 0.79, 0.84]})
    found = compare(table)
    assert found["noise_floor"].tolist() == pytest.approx([0.02, 0.02])  # 0.03, 0.03, 0
    assert one(found, head="softmax")["mean_abs"] == pytest.approx(0.02)


def test_runs_that_never_diverged_may_still_diverge_one_time_in_twenty() -> None:
    """Of a share of 0.05 that diverges, 20 seeds show nothing with a probability of 0.95^20; 59 make it 5 %."""

    def never(seeds: int) -> pd.Series:
        table = {(head, "diverged"): [0.0] * seeds for head in ("sigmoid", "softmax")}
        return compare(finals(table)).iloc[0]

    assert never(20)["p_tost"] == pytest.approx(0.95**20)
    assert never(20)["bound"] == pytest.approx(1 - 0.05 ** (1 / 20))
    assert (never(58)["outcome"], never(59)["outcome"]) == ("undecided", "equivalent")
    assert (never(20)["seeds_needed"], never(20)["fresh_seeds_needed"]) == (59, 59)


def test_relative_margins_follow_the_baseline_of_the_cell() -> None:
    table = finals({("sigmoid", "grad_norm_head"): [2.0, 4.0], ("softmax", "grad_norm_head"): [2.9, 5.6]})
    assert compare(table).iloc[0]["margin"] == pytest.approx(0.3)


def test_only_registered_quantities_on_their_own_split() -> None:
    table = pd.concat([finals(TWO), finals(TWO, split="validation"), finals({("softmax", "loss"): [1.0]})])
    assert len(compare(table)) == 1


def test_infinite_losses_are_kept() -> None:
    """softmax1 has an infinite NLL in every seed; a run that diverges in one seed leaves its cell undecided."""
    six = [0.5] * 6
    table = finals({("sigmoid", "nll"): six, ("softmax1", "nll"): [np.inf] * 6, ("softmax", "nll"): [np.inf, *six[1:]]})
    found = compare(table)
    always, once = one(found, head="softmax1"), one(found, head="softmax")
    assert (always["mean"], always["low"], always["high"]) == (np.inf, np.inf, np.inf)
    assert (always["outcome"], always["p"], always["nonfinite"]) == ("larger", 2 / 2**6, 6)
    assert (once["outcome"], once["nonfinite"], once["mean"]) == ("undecided", 1, np.inf)
    assert np.isnan(once["low"])
    both = compare(finals({("sigmoid", "nll"): [np.inf, 0.5], ("softmax", "nll"): [np.inf, 0.5]})).iloc[0]
    assert (both["outcome"], both["nonfinite"]) == ("undecided", 1)


def test_infinite_losses_have_no_mean_over_tasks_and_no_shares() -> None:
    values = {
        (arm, "nll"): [np.inf if arm == "softmax" else 0.5, 0.5, 0.6]
        for arm in ("sigmoid", "softmax", "softmax_init", "softmax_lr", "softmax_matched", "softmax1")
    }
    values["softmax1", "nll"] = [np.inf] * 3
    table = finals({**values, ("softmax_lr", "nll"): [np.inf, 0.5, 0.6]})
    found = over_tasks(table).set_index("head")
    assert found.loc[["softmax", "softmax1"], "mean"].tolist() == [np.inf, np.inf]
    assert found.loc[["softmax", "softmax1"], ["low", "high"]].isna().all(axis=None)
    assert found.loc[["softmax", "softmax1"], "outcome"].tolist() == ["undecided", "undecided"]
    parts = shares(table).set_index("factor")
    assert not np.isfinite(parts.loc["initialisation", ["share", "low", "high"]].to_numpy(float)).any()
    assert parts.loc["arithmetic", "share"] == 0.0


def test_means_over_steps_come_from_the_curves_where_finals_lack_them() -> None:
    keys = {"framework": "f", "task": "moons", "network": "mlp", "optimizer": "sgd", "learning_rate": RATE}
    rows = [
        {
            **keys,
            "head": head,
            "seed": 0,
            "step": step,
            "split": split,
            "quantity": q,
            "scope": scope,
            "value": v + step,
        }
        for head, v in (("sigmoid", 0.0), ("softmax", 1.0))
        for step in (0, 10)
        for q, split, scope in (("nll", "test", ""), ("nll", "train", ""), ("grad_norm", "train", "head"))
    ]
    curves = pd.DataFrame(rows)[SCHEMAS["curves"]]
    table = finals({("sigmoid", "nll"): [0.4], ("softmax", "nll"): [0.5]})
    found = judgement.differences(pair_up(table, curves, runs(table)))
    found = found[found["estimand"] == FRESH]
    assert found.set_index("quantity")["mean"].to_dict() == pytest.approx(
        {"nll_curve": 1.0, "nll": 0.1, "grad_norm_head": 1.0}
    )
    assert one(found, quantity="nll_curve")["baseline_mean"] == 5.0


def family(cells: int, seed: int = 0) -> pd.DataFrame:
    """Cells in which softmax gains 0.03 accuracy with some spread, and one primary and one secondary quantity."""
    rng = np.random.default_rng(seed)
    parts = []
    for cell in range(cells):
        base = rng.uniform(0.7, 0.9, 10)
        gain = 0.03 + rng.normal(0, 0.017, 10)
        values = {("sigmoid", q): base for q in ("accuracy", "auc")} | {
            ("softmax", q): base + gain for q in ("accuracy", "auc")
        }
        parts.append(finals(values, task=f"task{cell}"))
    return pd.concat(parts, ignore_index=True)


def test_tables_put_together_are_one_family_after_correct() -> None:
    table = family(2, seed=1)
    whole = compare(table)
    apart = pd.concat([compare(table[table["task"] == task]) for task in table["task"].unique()], ignore_index=True)
    assert (apart["p_holm"] == np.maximum(apart["p"], apart["p_t"])).all()
    order = ["task", "quantity"]
    together = judgement.correct(apart).sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(together, whole.sort_values(order, ignore_index=True), check_like=True)
    assert (whole["p_holm"] > np.maximum(whole["p"], whole["p_t"])).any()


def test_an_undecided_cell_says_what_it_would_take() -> None:
    found = compare(family(3))
    undecided = found["outcome"] == "undecided"
    assert undecided.any()
    assert not undecided.all()
    assert (found.loc[undecided, "seeds_needed"] > 10).all()
    assert found.loc[~undecided, "seeds_needed"].isna().all()


def test_too_few_seeds_can_show_no_difference_of_any_size() -> None:
    values = {("sigmoid", "accuracy"): [0.5] * 5, ("softmax", "accuracy"): [0.80, 0.81, 0.82, 0.80, 0.81]}
    row = compare(finals(values)).iloc[0]
    assert (row["p"], row["outcome"], row["detectable"]) == (2 / 32, "undecided", np.inf)
    assert row["seeds_needed"] == 6


@pytest.mark.parametrize(
    ("low", "high", "p_difference", "p_larger", "p_equivalence", "outcome"),
    [
        # the margin is 0.01
        (0.012, 0.030, 0.01, 0.01, 1.00, "larger"),  # the whole interval is beyond the margin
        (-0.030, -0.012, 0.01, 0.01, 1.00, "larger"),
        (0.012, 0.030, 0.01, 0.06, 1.00, "different"),  # beyond the margin on its own, not in its family
        (0.005, 0.030, 0.01, 0.01, 1.00, "different"),  # its mean is beyond the margin, its interval is not
        (0.004, 0.014, 0.01, 0.90, 0.30, "different"),  # its sign is known, whether it matters is open
        (-0.014, -0.004, 0.01, 0.90, 0.30, "different"),
        (0.001, 0.009, 0.01, 0.90, 0.01, "negligible"),
        (-0.004, 0.006, 0.70, 1.00, 0.01, "equivalent"),
        (0.001, 0.009, 0.20, 1.00, 0.01, "equivalent"),  # away from 0 on its own, not in its family
        (0.011, 0.021, 0.20, 1.00, 0.01, "undecided"),  # its mean is outside the margin, whatever was shown before
        (-0.005, 0.030, 0.30, 1.00, 0.70, "undecided"),
        (0.012, 0.030, 0.06, 0.01, 1.00, "undecided"),  # away from 0 on its own, not in its family
        (np.inf, np.inf, 0.01, 0.01, 1.00, "larger"),
        (-np.inf, -np.inf, 0.01, 0.01, 1.00, "larger"),
        (np.nan, np.nan, 1.00, 1.00, 1.00, "undecided"),
        (0.0, 0.0, 1.00, 1.00, 0.00, "equivalent"),
    ],
)
def test_outcome(
    low: float, high: float, p_difference: float, p_larger: float, p_equivalence: float, outcome: str
) -> None:
    assert judgement.outcome(low, high, 0.01, p_difference, p_larger, p_equivalence) == outcome


def test_overall_counts_each_task_once() -> None:
    parts = [finals(TWO, network=network) for network in ("mlp", "linear", "deep_mlp")]
    other = {("sigmoid", "accuracy"): [0.8, 0.8, 0.8], ("softmax", "accuracy"): [0.9, 0.9, 0.9]}
    table = pd.concat([*parts, finals(other, task="fair")])
    row = over_tasks(table).iloc[0]
    assert row["mean"] == pytest.approx((0.02 + 0.10) / 2)
    assert (row["n_tasks"], row["n_cells"]) == (2, 4)
    assert row["low"] < row["bca_low"] < row["mean"] < row["bca_high"] < row["high"]


def test_overall_is_judged_like_a_cell() -> None:
    """By hand: two tasks of means 0.02 and 0.10, the second without spread; Welch leaves 2 degrees of freedom."""
    other = {("sigmoid", "accuracy"): [0.8, 0.8, 0.8], ("softmax", "accuracy"): [0.9, 0.9, 0.9]}
    table = pd.concat([finals(TWO), finals(other, task="fair")])
    row = over_tasks(table).iloc[0]
    se = np.sqrt(0.0003 * (1 / 3 + 1 / 3)) / 2
    assert row["p"] == pytest.approx(2 * sps.t.sf(0.06 / se, 2))
    assert row["p_tost"] == pytest.approx(sps.t.sf((0.01 - 0.06) / se, 2))
    assert row["p_larger"] == pytest.approx(2 * sps.t.sf((0.06 - 0.01) / se, 2))
    assert row["outcome"] == "larger"


def test_overall_keeps_kinds_of_task_apart() -> None:
    several = {("k_sigmoid", "nll"): [0.4, 0.4], ("k_softmax", "nll"): [0.5, 0.5]}
    labels = {**several, ("k_sigmoid", "micro_f1"): [0.5, 0.5], ("k_softmax", "micro_f1"): [0.5, 0.5]}
    table = pd.concat([finals(several, task="digits"), finals(labels, task="yeast")])
    found = over_tasks(table, "k_sigmoid")
    assert found[["kind", "quantity"]].to_numpy().tolist() == [
        ["several classes", "nll"],
        ["several labels", "nll"],
        ["several labels", "micro_f1"],
    ]
    assert set(found["n_tasks"]) == {1}


def test_overall_gradient_norms_are_shares_of_the_baseline() -> None:
    small = {("sigmoid", "grad_norm_head"): [1.0, 1.0], ("softmax", "grad_norm_head"): [1.5, 1.5]}
    large = {key: [100 * v for v in values] for key, values in small.items()}
    table = pd.concat([finals(small), finals(large, task="fair")])
    assert over_tasks(table).iloc[0]["mean"] == pytest.approx(0.5)


@pytest.mark.parametrize(("optimizer", "decays"), [("sgd", False), ("adamw", True)])
def test_attribution_finds_what_was_put_in(optimizer: str, decays: bool) -> None:
    table = finals(factor_arms(np.random.default_rng(0), 8, decays), optimizer=optimizer)
    found = shares(table).set_index("factor")
    # the 0.02 of start and head rate together is halved between them
    wanted = {"initialisation": 0.31, "head_rate": 0.11, "arithmetic": 0.0} | ({"decay": 0.05} if decays else {})
    assert found["share"].to_dict() == pytest.approx(wanted, abs=1e-8)
    assert found["share"].sum() == pytest.approx(found["difference"].iloc[0])
    assert found["method"].str.startswith("Shapley").all()
    assert ((found["low"] <= found["share"]) & (found["share"] <= found["high"])).all()
    assert 0 < found.loc["arithmetic", "part"] < 1e-8
    assert found.loc["initialisation", "part"] == pytest.approx(0.31 / found["difference"].iloc[0])


def test_what_two_rows_double_is_not_put_down_to_arithmetic() -> None:
    """At the same function softmax's head has two rows and so sqrt(2) times the gradient norm."""
    arms = ("sigmoid", "softmax", "softmax_init", "softmax_lr", "softmax_matched")
    values = {(arm, "grad_norm_head"): [1.0 if arm == "sigmoid" else 2**0.5] * 3 for arm in arms}
    values |= {(arm, "grad_norm_effective_head"): [1.0, 1.1, 1.2] for arm in arms}
    table = finals(values)
    assert set(shares(table)["quantity"]) == {"grad_norm_effective_head"}


def test_attribution_says_when_arms_are_lacking() -> None:
    table = finals(factor_arms(np.random.default_rng(0), 8, decays=True), optimizer="adamw")
    two = table[table["head"].isin(["sigmoid", "softmax", "softmax_init", "softmax_lr", "softmax_matched"])]
    found = shares(two).set_index("factor")
    assert found["method"].str.startswith("one order").all()
    # start first: 0.3 + 0.02; the rest is head rate and decay together
    assert found["share"].to_dict() == pytest.approx(
        {"initialisation": 0.32, "head_rate+decay": 0.15, "arithmetic": 0.0}, abs=1e-8
    )
    none = table[table["head"].isin(["sigmoid", "softmax", "softmax_matched"])]
    assert shares(none).empty


def test_a_part_of_nothing_is_measured_by_the_noise_floor() -> None:
    values = {(arm, "nll"): [0.5, 0.5] for arm in ("sigmoid", "softmax", "softmax_init", "softmax_lr")}
    values |= {("softmax_matched", "nll"): [0.5, 0.5001], ("sigmoid_again", "nll"): [0.6, 0.4]}
    table = finals(values)
    found = shares(table).set_index("factor")
    assert found.loc["arithmetic", "noise_floor"] == pytest.approx(0.1)
    assert found.loc["arithmetic", "part"] == pytest.approx(0.00005 / 0.1)


RATES = 2.0 ** np.arange(-7, 0)


def swept(arms: dict[str, float], seeds: int = 4, edge: bool = False) -> pd.DataFrame:
    """A sweep in which each arm is best at -4 (log2), less its shift; the test NLL is 0.1 above the validation's."""
    parts = []
    for head, shift in arms.items():
        for step, rate in zip(range(-7, 0), RATES, strict=True):
            own = np.linspace(0, 0.01, seeds)
            nll = 0.4 + 0.02 * (step + shift + (9 if edge else 4)) ** 2 + own
            parts.append(finals({(head, "nll"): nll}, network="linear", rate=rate, split="validation"))
            parts.append(finals({(head, "nll"): nll + 0.1}, network="linear", rate=rate))
    return pd.concat(parts, ignore_index=True)


def test_best_rate_is_chosen_on_validation_rows_alone() -> None:
    table = swept({"sigmoid": 0, "softmax": 1})
    chosen = judgement.best_rates(table)
    assert set(chosen.loc[chosen["head"] == "sigmoid", "learning_rate"]) == {2.0**-4}
    assert set(chosen.loc[chosen["head"] == "softmax", "learning_rate"]) == {2.0**-5}
    misleading = table.copy()
    misleading.loc[(misleading["split"] == "test") & (misleading["learning_rate"] == 2.0**-1), "value"] = -1.0
    pd.testing.assert_frame_equal(judgement.best_rates(misleading), chosen)
    assert not chosen["at_edge"].any()
    assert judgement.best_rates(swept({"sigmoid": 0}, edge=True))["at_edge"].all()


def test_gap_at_each_arms_own_best() -> None:
    """Two arms that differ by a shift of the rate alone differ at each rate, and not at their best."""
    table = swept({"sigmoid": 0, "softmax": 1})
    found = judgement.gaps(table, runs(table))
    best = one(found, at="best", estimand=FRESH)
    assert (best["mean"], best["outcome"]) == (pytest.approx(0.0, abs=1e-12), "equivalent")
    assert (best["best_rate"], best["baseline_best_rate"]) == (pytest.approx(2.0**-5), pytest.approx(2.0**-4))
    at_rates = found[(found["at"] == "rate") & (found["estimand"] == FRESH)].set_index("learning_rate")["mean"]
    assert len(at_rates) == 7
    assert at_rates[2.0**-4] == pytest.approx(0.02)
    assert at_rates[2.0**-5] == pytest.approx(-0.02)


@pytest.mark.parametrize("steps", [-1.0, 0.0, 1.0, 2.0, 0.5])
def test_shift_is_found(steps: float) -> None:
    row = judgement.shifts(swept({"sigmoid": 0, "softmax": steps}), seed=1).iloc[0]
    if steps == round(steps):
        assert row["shift"] == steps
        assert row["misfit"] == pytest.approx(0.0, abs=1e-12)
    assert row["shift_fine"] == pytest.approx(steps, abs=0.11)
    assert row["low"] <= row["shift_fine"] <= row["high"]
    assert row["misfit_unshifted"] >= row["misfit"]


def test_a_shift_needs_rates_that_double() -> None:
    table = swept({"sigmoid": 0, "softmax": 1})
    table["learning_rate"] = table["learning_rate"].replace(2.0**-1, 0.4)
    with pytest.raises(UserError, match="powers of two"):
        judgement.shifts(table)


def parabola(power: np.ndarray) -> np.ndarray:
    return 0.3 + 0.02 * (power + 4.0) ** 2


def sweep_of(curve: Callable[[np.ndarray], np.ndarray], shift: float, noise: float = 0.002) -> pd.DataFrame:
    """A sweep over 2^-9 .. 2^1 in which softmax at a rate is sigmoid `shift` steps further up, and a little noise."""
    powers, seeds = np.arange(-9, 2), 12
    rng = np.random.default_rng(5)
    parts = []
    for power in powers:
        base = curve(np.array(power)) + rng.normal(0, 0.05, seeds)
        values = {
            ("sigmoid", "nll"): base,
            ("softmax", "nll"): base - curve(np.array(power)) + curve(power + shift) + rng.normal(0, noise, seeds),
        }
        parts += [finals(values, rate=2.0**power), finals(values, rate=2.0**power, split="validation")]
    return pd.concat(parts, ignore_index=True)


def law_of(table: pd.DataFrame) -> pd.DataFrame:
    law = judgement.rate_map(table, runs(table))[1]
    return law[law["estimand"] == FRESH].reset_index(drop=True)


def test_the_difference_changes_its_sign_at_the_best_rate() -> None:
    """L is a parabola around 2^-4; L(2r) - L(r) is below 0 to the left, above 0 to the right, and 0 half a step off."""
    table = sweep_of(parabola, shift=1)
    points, law = judgement.rate_map(table, runs(table))[0], law_of(table)
    row = law.iloc[0]
    assert row["best_rate"] == 2.0**-4
    assert points["relative"].tolist() == list(range(-5, 6))
    by_hand = 0.02 * ((points["relative"] + 1) ** 2 - points["relative"] ** 2)
    assert points["mean"].to_numpy() == pytest.approx(by_hand.to_numpy(), abs=0.003)
    assert row["crossing"] == pytest.approx(-0.5, abs=0.05)
    assert row["crossing_low"] <= row["crossing"] <= row["crossing_high"]
    # rates a factor of 2 to 4 from the best: 0.02 (2 k + 1) at k = -1, -2 and at 1, 2
    assert row["below_mean"] == pytest.approx(0.02 * -2, abs=0.003)
    assert row["above_mean"] == pytest.approx(0.02 * 4, abs=0.003)
    assert (row["decided"], row["predicted"]) == (True, True)


@pytest.mark.parametrize(
    ("curve", "shift", "decided", "predicted"),
    [
        (parabola, -1, True, False),  # the doubled step the wrong way round
        (parabola, 0, False, None),  # one function: nothing to decide
        (lambda power: 0.3 - 0.1 * power, 1, False, None),  # the best rate is at the edge: no side above it
    ],
)
def test_a_law_that_does_not_hold_is_told(
    curve: Callable[[np.ndarray], np.ndarray], shift: float, decided: bool, predicted: bool | None
) -> None:
    table = sweep_of(curve, shift)
    row = law_of(table).iloc[0]
    assert row["decided"] == decided
    assert pd.isna(row["predicted"]) if predicted is None else row["predicted"] == predicted
