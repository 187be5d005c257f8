"""What a comparison's tables are said to show: sentences from made tables, nothing trained."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lettering_cases import DRAWN

from experiments.comparison import answer, chart, first
from experiments.comparison.advice import Advice, advice, around
from experiments.comparison.language import messages_in
from experiments.comparison.tuning import Tuning, tune
from experiments.judgement import FRESH
from experiments.stats import QUANTITIES, allowance

OWN = 0.01
GRID = tuple(OWN * factor for factor in (0.25, 0.5, 1.0, 2.0, 4.0))
LOSSES = ("nll_curve", "nll", "accuracy")
NORMS = ("grad_norm_trunk", "grad_norm_effective_head")


def rows(outcomes: dict[str, tuple[str, float]], n: int = 20, shared: float = 1.0, **needs: float) -> pd.DataFrame:
    """The primary rows for fresh rows: by quantity an outcome and a mean; those not named are equivalent, mean 0."""
    made = []
    for name in (*LOSSES, *NORMS):
        outcome, mean = outcomes.get(name, ("equivalent", 0.0))
        margin = QUANTITIES[name].margin
        made.append(
            {"head": "softmax", "quantity": name, "estimand": FRESH, "primary": True, "outcome": outcome, "n": n,
             "mean": mean, "low": mean - margin / 2, "high": mean + margin / 2, "bound": abs(mean) + margin / 2,
             "margin": margin, "baseline_mean": 1.0, "shared": shared, "seeds_needed": np.inf,
             "fresh_seeds_needed": np.inf, **needs}
        )  # fmt: skip
    return pd.DataFrame(made)


def ran(differences: pd.DataFrame, tuning: Tuning | None = None, stopped: str = "decided") -> Any:
    return SimpleNamespace(differences=differences, tuning=tuning, stopped=stopped)


def model(head: str = "") -> Any:
    record = SimpleNamespace(learning_rate=OWN)
    return SimpleNamespace(head=head, optimizer=SimpleNamespace(record=record, code="keras.optimizers.Adam({rate})"))


def sweep(
    best: float, *, depth: float = 0.1, twice: bool = True, noise: float = 1e-4, seeds: int = 20, shared: float = 1.0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Losses as a parabola over log2 rate, sigmoid's least at `best`, softmax's as sigmoid's at twice the rate.

    `depth`: by how much a doubling next to the best raises the loss.
    """
    rng = np.random.default_rng(0)
    made = []
    for head in ("sigmoid", "softmax"):
        for seed in range(seeds):
            for rate in GRID:
                steps = np.log2(rate * (2 if head == "softmax" and twice else 1) / best)
                for split in ("validation", "test"):
                    value = 1 + depth * steps**2 + noise * rng.normal()
                    key = {"framework": "f", "task": "t", "network": "n", "optimizer": "adam", "learning_rate": rate,
                           "head": head, "seed": seed, "split": split}  # fmt: skip
                    made.append({**key, "quantity": "nll", "value": value})
                    made.append({**key, "quantity": "accuracy", "value": 1 - value / 10})
    return pd.DataFrame(made), pd.DataFrame({"seed": range(seeds), "sample": range(seeds), "shared": shared})


# --- the rates


@pytest.mark.parametrize(("best", "side"), [(2, "below"), (1, "at"), (0.5, "above"), (4, "below"), (0.25, "above")])
def test_the_side_of_the_best_rate(best: float, side: str) -> None:
    found = tune(*sweep(best * OWN), OWN)
    assert found.side == side
    assert found.steps.mean == pytest.approx(np.log2(best))
    assert found.best["sigmoid"].rate == pytest.approx(best * OWN)
    assert found.best["softmax"].rate == pytest.approx(max(best / 2, 0.25) * OWN)
    assert found.best["sigmoid"].at_edge == (best in (4, 0.25))
    assert found.grid == GRID


def test_gains_are_those_of_the_best_rate_over_the_own_one() -> None:
    """Sigmoid's best is a doubling away: 0.1 nats and 1 point. Softmax has its best at its own rate: nothing."""
    found = tune(*sweep(2 * OWN), OWN)
    loss, accuracy = (found.best["sigmoid"].gains[name] for name in ("nll", "accuracy"))
    assert loss.mean == pytest.approx(-0.1, abs=1e-3)
    assert loss.low < loss.mean < loss.high < -0.099
    assert accuracy.mean == pytest.approx(0.01, abs=1e-4)
    assert found.best["sigmoid"].better
    nothing = found.best["softmax"].gains["nll"]
    assert (nothing.mean, nothing.low, nothing.high, nothing.significant) == (0, 0, 0, False)
    assert not found.best["softmax"].better
    assert found.apart["nll"].mean == pytest.approx(0, abs=1e-3)


def test_rates_are_chosen_on_validation_rows_and_told_on_test_rows() -> None:
    """Validation rows prefer the doubled rate, by which test rows lose 0.3 nats: that is what is told."""
    table, runs = sweep(2 * OWN, twice=False)
    at_best = (table["learning_rate"] == 2 * OWN) & (table["split"] == "test") & (table["quantity"] == "nll")
    found = tune(table.assign(value=table["value"] + 0.4 * at_best), runs, OWN)
    assert found.best["sigmoid"].rate == 2 * OWN
    assert found.best["sigmoid"].gains["nll"].mean == pytest.approx(0.3, abs=1e-3)
    assert not found.best["sigmoid"].better


@pytest.mark.parametrize(("away", "wanted"), [(2, "at"), (8, "open")])
def test_at_the_best_rate_is_an_interval_within_a_factor_of_two(away: int, wanted: str) -> None:
    """Of 20 seeds, half of `away` choose the last rate and half the first: mean 0, reach 1.3 sd."""
    table, runs = sweep(OWN)
    chosen = table["split"] == "validation"
    up = chosen & (table["seed"] < away) & (table["seed"] % 2 == 0) & (table["learning_rate"] == 4 * OWN)
    down = chosen & (table["seed"] < away) & (table["seed"] % 2 == 1) & (table["learning_rate"] == OWN / 4)
    found = tune(table.assign(value=table["value"] - 10 * (up | down)), runs, OWN)
    assert found.steps.mean == 0
    assert 0.5 < found.steps.high < 2
    assert found.side == wanted


def test_a_rate_outweighs_the_head_only_if_it_does_more() -> None:
    """Sigmoid two doublings below its best: 0.4 by the rate; softmax, one below, is 0.3 better at the own rate."""
    found = tune(*sweep(4 * OWN), OWN)
    assert found.best["sigmoid"].outweighs
    # softmax gains 0.1 from its best rate, less than the 0.3 between the heads
    assert found.best["softmax"].better
    assert not found.best["softmax"].outweighs


def test_intervals_of_rates_allow_for_shared_rows_and_for_the_level() -> None:
    wide, narrow, level = (
        tune(*sweep(2 * OWN, noise=0.01, shared=shared), OWN, confidence).best["sigmoid"].gains["nll"]
        for shared, confidence in ((1.0, 0.95), (0.0, 0.95), (0.0, 0.99))
    )
    ratio = np.sqrt((1 / 20 + allowance(1.0)) / (1 / 20))
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(ratio)
    assert level.high - level.low > 1.2 * (narrow.high - narrow.low)


def test_noise_alone_is_no_side() -> None:
    found = tune(*sweep(OWN, depth=0.0, noise=0.01), OWN)
    assert found.side == "open"
    assert not found.best["sigmoid"].at_edge
    assert not found.best["sigmoid"].outweighs


def test_few_seeds_that_agree_show_no_side() -> None:
    """Five seeds that all choose the next rate could do so by chance, with p = 2 / 2^5; six could not."""
    assert tune(*sweep(2 * OWN, seeds=5), OWN).side == "open"
    assert tune(*sweep(2 * OWN, seeds=6), OWN).side == "below"


def test_choices_at_either_end_are_no_edge_of_the_grid() -> None:
    """8 of 20 seeds choose the first rate: 12 choose the last, or 9 if three choose the middle one."""
    table, runs = sweep(4 * OWN)
    chosen = table["split"] == "validation"
    first = chosen & (table["seed"] < 8) & (table["learning_rate"] == GRID[0])
    middle = chosen & table["seed"].isin([8, 9, 10]) & (table["learning_rate"] == OWN)
    for lowered, wanted in ((first, True), (first | middle, False)):
        assert tune(table.assign(value=table["value"] - 10 * lowered), runs, OWN).best["sigmoid"].at_edge == wanted


def test_what_is_said_of_the_rates() -> None:
    shown = rows({"nll": ("larger", -0.1)})
    text = around(tune(*sweep(2 * OWN), OWN), shown)
    assert (
        "The learning rate 0.01 is below sigmoid's best here, about 0.02 (tried: 0.0025, 0.005, 0.01, 0.02, 0.04"
        in text
    )
    assert "With sigmoid its own best rate (about 0.02) changes the final test loss by −0.1 nats (" in text
    assert "the accuracy by +1 points (+1 to +1)" in text
    assert "helps below the best rate and hurts above it; so it is here." in text
    above = around(tune(*sweep(0.25 * OWN), OWN), shown)
    assert "above sigmoid's best here, at most 0.0025 (" in above
    assert "here it is the other way round." in above
    assert "With sigmoid and with softmax the rate matters more" not in above
    assert "at least 0.04" in around(tune(*sweep(4 * OWN), OWN), shown)
    assert "With sigmoid the rate matters more than the head." in around(tune(*sweep(4 * OWN), OWN), shown)
    level = around(tune(*sweep(OWN), OWN), shown)
    assert "is at sigmoid's best here, within a factor of two" in level
    assert "The rule" not in level
    flat = around(tune(*sweep(OWN, depth=0.0, noise=0.01), OWN), shown)
    assert "Whether the learning rate 0.01 is below or above sigmoid's best here is not decided" in flat
    assert "matters more" not in flat
    assert around(tune(*sweep(2 * OWN), OWN), rows({})).endswith("hurts above it.")


# --- which head, at which rate


def test_the_better_head_is_recommended() -> None:
    """Less loss and more accuracy are better: softmax minus sigmoid below 0 in a loss speaks for softmax."""
    for quantity, mean, wanted in (
        ("nll", -0.05, "softmax"), ("nll", 0.05, "sigmoid"), ("nll_curve", -0.05, "softmax"),
        ("accuracy", 0.05, "softmax"), ("accuracy", -0.05, "sigmoid"),
    ):  # fmt: skip
        for outcome in ("larger", "different"):
            found = advice(ran(rows({quantity: (outcome, mean)})), model())
            assert found.head == wanted
            assert found.sentence.startswith(f"Use {wanted} at this learning rate: it is better in ")
            assert answer.name_of(quantity) in found.sentence
            assert f"Dense({2 if wanted == 'softmax' else 1})" in found.code
            assert ("SparseCategorical" in found.code) == (wanted == "softmax")
            assert ("metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)]" in found.code) == (wanted == "sigmoid")
            assert ('metrics=["accuracy"]' in found.code) == (wanted == "softmax")
            assert "keras.optimizers.Adam(0.01)" in found.code
            assert (found.learning_rate, found.rate) == (OWN, "")


@pytest.mark.parametrize("outcome", ["negligible", "equivalent", "undecided"])
@pytest.mark.parametrize("head", ["", "sigmoid", "softmax"])
def test_what_does_not_matter_recommends_no_head(outcome: str, head: str) -> None:
    found = advice(ran(rows({"nll": (outcome, -0.01)})), model(head))
    assert found.head == "either"
    assert "neither is shown to predict better" in found.sentence
    assert ("keep " + head if head else "use what reads best") in found.sentence
    assert f"Dense({2 if head == 'softmax' else 1})" in found.code


def test_gradients_speak_for_no_head_and_a_tie_for_neither() -> None:
    assert advice(ran(rows({"grad_norm_trunk": ("larger", 5.0)})), model()).head == "either"
    mixed = advice(ran(rows({"nll": ("larger", -0.1), "accuracy": ("larger", -0.1)})), model("softmax"))
    assert mixed.head == "either"
    assert "each is better in one thing" in mixed.sentence


def test_a_model_is_told_to_change_or_to_stay() -> None:
    better = rows({"nll": ("larger", -0.1)})
    assert "That is what the model has." in advice(ran(better), model("softmax")).sentence
    assert "Replace the model's head" in advice(ran(better), model("sigmoid")).sentence
    assert "the model" not in advice(ran(better), model()).sentence


def at(best: float, head: str, outcomes: dict[str, tuple[str, float]], **more: Any) -> Advice:
    return advice(ran(rows(outcomes), tune(*sweep(best * OWN, **more), OWN)), model(head))


def test_a_better_rate_comes_before_the_head() -> None:
    """Two doublings below the best softmax is better by 0.3, but sigmoid gains 0.4 from its best rate."""
    found = at(4, "sigmoid", {"nll": ("larger", -0.3)})
    assert found.head == "either"
    assert found.learning_rate == pytest.approx(4 * OWN)
    assert found.sentence.startswith("Change the learning rate before the head: to at least 0.04. ")
    assert "keep sigmoid. If the rate must stay at 0.01: use softmax at this learning rate" in found.sentence
    assert "Dense(1)" in found.code
    assert "keras.optimizers.Adam(0.04)" in found.code
    assert found.rate


def test_a_head_that_is_better_at_the_best_rates_too_is_recommended() -> None:
    found = at(4, "sigmoid", {"nll": ("larger", -0.3)}, twice=False)
    assert found.head == "either"
    table, runs = sweep(4 * OWN, twice=False)
    for head, wanted in (("softmax", "sigmoid"), ("sigmoid", "softmax")):
        worse = table.assign(value=table["value"] + 0.05 * ((table["head"] == head) & (table["quantity"] == "nll")))
        made = advice(ran(rows({}), tune(worse, runs, OWN)), model("sigmoid"))
        assert made.head == wanted
        assert f"At their best rates {wanted} is better in final test loss." in made.sentence
        assert f"Dense({2 if wanted == 'softmax' else 1})" in made.code


def test_a_rate_that_gains_less_than_the_margin_is_left_alone() -> None:
    found = at(2, "sigmoid", {}, depth=0.015)
    assert found.learning_rate == OWN
    assert "Change the learning rate" not in found.sentence
    assert at(2, "sigmoid", {}, depth=0.03).learning_rate == pytest.approx(2 * OWN)


def test_at_the_best_rate_nothing_is_changed() -> None:
    found = at(1, "sigmoid", {"nll": ("larger", 0.1)})
    assert (found.head, found.learning_rate) == ("sigmoid", OWN)
    assert "Use sigmoid at this learning rate" in found.sentence


# --- the first screen


def on_first_screen(head: str, rate: float, outcomes: tuple[str, ...]) -> Any:
    return SimpleNamespace(
        advice=SimpleNamespace(head=head, learning_rate=rate), settings={"learning_rate": OWN},
        primary=pd.DataFrame({"outcome": outcomes}),
    )  # fmt: skip


def test_the_first_screen_says_which_head_and_which_rate() -> None:
    english = messages_in("en")
    told = [first._which(on_first_screen(head, rate, ()), english)
            for head in ("softmax", "either") for rate in (OWN, 4 * OWN)]  # fmt: skip
    one, either = "Use softmax: it predicts better here", "Either head: neither is shown to predict better"
    stay, change = ", at the learning rate that you have.", "; more is gained by the learning rate 0.04."
    assert told == [one + stay, one + change, either + stay, either + change]
    assert first.title(on_first_screen("softmax", OWN, ()), english).endswith("Use softmax")
    assert "Either: neither is shown" in first.title(on_first_screen("either", OWN, ()), english)


def test_the_first_screen_counts_the_outcomes() -> None:
    outcomes = ("larger", "different", "equivalent", "negligible", "equivalent", "undecided")
    assert first._whether(on_first_screen("either", OWN, outcomes), messages_in("en")) == (
        "Of 6 measures: shown to differ 2, shown to be within the margin 3, open 1."
    )


# --- the verdict


@pytest.mark.parametrize(
    ("outcomes", "predictions", "opening"),
    [
        ({}, "equivalent", "The two heads predict alike here and train with alike gradients."),
        ({"nll": ("larger", -0.1)}, "larger", "The two heads predict differently here, by more than the margin."),
        ({"nll": ("larger", -0.1), "grad_norm_trunk": ("larger", 1.0)}, "larger",
         "The two heads predict differently here, by more than the margin, and train with different gradients."),
        ({"nll": ("different", -0.03), "accuracy": ("undecided", 0.0)}, "different",
         "The two heads predict differently here."),
        ({"nll_curve": ("negligible", -0.01), "nll": ("undecided", -0.01)}, "different",
         "The two heads predict differently here."),
        ({"nll": ("negligible", -0.01)}, "negligible", "The two heads predict differently here by less than matters."),
        ({"accuracy": ("undecided", 0.0)}, "undecided",
         "Whether the two heads predict differently here is not decided."),
        ({"nll": ("undecided", -0.01)}, "undecided",
         "The two heads are equally accurate here; whether their probabilities differ is not decided."),
        ({"grad_norm_trunk": ("larger", 1.0)}, "equivalent",
         "The two heads predict alike here, though they train with different gradients."),
        ({"accuracy": ("undecided", 0.0), "grad_norm_trunk": ("different", 1.0)}, "undecided",
         "Whether the two heads predict differently here is not decided, but they do train with different gradients."),
    ],
)  # fmt: skip
def test_the_opening_says_what_is_shown(outcomes: dict[str, tuple[str, float]], predictions: str, opening: str) -> None:
    found = answer.verdict(ran(rows(outcomes)))
    assert found.predictions == predictions
    assert found.parts[0] == opening
    assert found.parts[-1].startswith("Every primary quantity is decided after 20 seeds.")


def test_the_numbers_stand_behind_their_outcome() -> None:
    found = answer.verdict(ran(rows({"nll": ("larger", -0.1), "accuracy": ("undecided", 0.004)}), stopped="seeds"))
    assert "larger than the margin in final test loss (−0.1 nats, −0.11 nats to −0.09 nats)" in found.parts[1]
    assert "open in accuracy (+0.4 points, −0.1 points to +0.9 points)" in found.parts[1]
    assert found.parts[1].index("larger") < found.parts[1].index("open")
    assert found.outcome == "larger"
    assert found.gradients == "equivalent"
    assert found.parts[-1].startswith("All 20 seeds are used. Accuracy differs by at most 0.9 points either way.")


@pytest.mark.parametrize(
    ("needs", "shared", "words"),
    [
        ({"seeds_needed": 60, "fresh_seeds_needed": 30}, 1.0, "About 60 seeds would probably decide it (seeds=60)."),
        ({"fresh_seeds_needed": 30}, 1.0, "about 30 seeds with rows of their own would, so it takes more rows."),
        ({"fresh_seeds_needed": 30}, 0.02, "About 30 seeds would probably decide it if they had rows of their own "
         "each; these share 2 % of theirs, so it takes some more."),
        ({}, 1.0, "More seeds would probably not be enough: it takes more rows."),
    ],
)  # fmt: skip
def test_what_would_decide_what_is_open(needs: dict[str, float], shared: float, words: str) -> None:
    found = answer.verdict(ran(rows({"nll": ("undecided", 0.01)}, shared=shared, **needs), stopped="seeds"))
    assert found.parts[-1].endswith(words)
    assert ("more rows" in found.parts[-1]) == (shared == 1.0 and "seeds_needed" not in needs)


def test_the_seeds_are_those_of_the_quantity_that_has_most() -> None:
    """A seed whose loss is not finite counts for the accuracy still."""
    made = rows({}).assign(n=[17, 17, 20, 20, 20])
    assert answer.verdict(ran(made)).parts[-1].startswith("Every primary quantity is decided after 20 seeds.")


def test_the_cause_is_told_of_what_differs_most() -> None:
    shares = pd.DataFrame(
        [{"quantity": q, "factor": f, "share": s * scale} for q, scale in (("nll", 1.0), ("accuracy", 0.01))
         for f, s in (("initialisation", 0.02), ("head_rate", -0.12), ("arithmetic", 1e-9))]
    )  # fmt: skip
    text = answer.cause(shares, ran(rows({"nll": ("larger", -0.1)})))
    assert text == (
        "Of softmax minus sigmoid in final test loss (−0.1 nats), +0.02 nats come from its wider start, −0.12 nats "
        "come from its doubled step in the head; undo all of that, and nothing that could be seen is left: arithmetic."
    )
    left = shares.assign(share=shares["share"].where(shares["factor"] != "arithmetic", 0.03))
    assert "and +0.03 nats is left: arithmetic." in answer.cause(left, ran(rows({"nll": ("larger", -0.1)})))
    assert "nothing to explain" in answer.cause(shares.assign(share=0.0), ran(rows({})))
    assert "no finite values" in answer.cause(shares.iloc[:0], ran(rows({})))


def test_amounts_are_in_the_quantity_s_own_unit() -> None:
    table = rows({"grad_norm_trunk": ("larger", 1.0)}).set_index("quantity", drop=False).assign(baseline_mean=2.0)
    assert answer.amount(table.loc["grad_norm_trunk"], 1.0) == "+50 %"
    assert answer.amount(table.loc["accuracy"], -0.012) == "−1.2 points"
    assert answer.amount(table.loc["nll"], 0.0) == "0 nats"
    assert [answer.figure(v) for v in (123.4, 100, -0.0123, 1e6)] == ["+123", "+100", "−0.012", "+1e+06"]
    assert [answer.figure(v) for v in (0.0, 1.9e-15, -2e-14, 1e-6)] == ["0", "0", "0", "+1e-06".replace("-", "−")]


# --- the figure of the rates


@pytest.mark.parametrize("width", [3.5, 5.2, 7.2])
@pytest.mark.parametrize("lang", DRAWN)
def test_the_axis_of_the_figure_of_the_rates_is_named_in_full(width: float, lang: str) -> None:
    """It is drawn with the ticks that it was laid out with: else longer ones push the name over the edge."""
    for depth in (0.001, 0.006, 0.015, 0.03):
        table, _ = sweep(OWN, depth=depth)
        figure = chart.rates(table.assign(value=table["value"] - 0.56), OWN, width=width, messages=messages_in(lang))
        (baseline,) = re.findall(r"rotate\(-90 ([-\d.]+) ", figure.svg("x"))
        assert float(baseline) > 7  # points: a letter of 8.5 rises by less
