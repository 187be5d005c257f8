"""The claims that are computed, without a network: each example in tables of figures that are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from claim_tables import counts, verdict

from experiments.claims.phrasing import figure
from experiments.tables import SCHEMAS

# a figure a computation: NumPy in float64, Torch in float32
Figures = dict[str, tuple[float, float]]
WHERE = [("NumPy", "float64"), ("Torch", "float32")]
NUMPY, TORCH = "NumPy float64", "Torch float32"
RIGHT = (1.3783888722474517, 0.6391075640678003)  # the article's two losses


def judged(name: str, figures: Figures, article: dict[str, float] | None = None) -> pd.Series:
    """The verdict on an example with these figures; another example's stand beside them, and one not measured."""
    rows = [
        (name, *where, quantity, value, (article or {}).get(quantity, np.nan), "measured")
        for quantity, values in figures.items()
        for where, value in zip(WHERE, values, strict=True)
    ]
    rows += [(name, "JAX", "float64", quantity, 1e9, np.nan, "not installed") for quantity in figures]
    rows += [("another", *WHERE[0], quantity, 1e9, np.nan, "measured") for quantity in figures]
    return verdict({"worked_examples": pd.DataFrame(rows, columns=SCHEMAS["worked_examples"])}, name)


def both(value: float) -> tuple[float, float]:
    return value, value


# --- sigmoid-range and softmax-sums-to-one -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("saturates", "moves", "outcome", "expected"),
    [
        ((np.nan, np.nan), (0.0, 0.0), "supported", (2, 0, 0)),
        ((36.8, 16.6), (0.0, 0.0), "refuted", (0, 2, 0)),  # that outputs are independent saves no dtype
        ((np.nan, 16.6), (0.0, 0.0), "depends", (1, 1, 0)),
        ((120.0, 120.5), (0.0, 0.0), "depends", (1, 1, 0)),  # logits are swept to 120
        ((np.nan, np.nan), (1e-300, 0.0), "depends", (1, 1, 0)),
        ((np.nan, np.nan), (0.1, 0.1), "refuted", (0, 2, 0)),
        ((np.nan, np.nan), (np.nan, 0.0), "supported", (1, 0, 1)),
        ((17.0, np.nan), (np.nan, np.nan), "refuted", (0, 1, 1)),
    ],
)
def test_a_sigmoid_stays_inside_where_no_output_is_an_end_or_moves_another(
    saturates: tuple[float, float], moves: tuple[float, float], outcome: str, expected: tuple[int, int, int]
) -> None:
    row = judged("sigmoid-range", {"saturates_at": saturates, "coupling": moves})
    assert (row["outcome"], counts(row), row["n_cells"]) == (outcome, expected, 2)


def test_the_range_ends_at_the_smallest_logit_of_each_precision() -> None:
    row = judged("sigmoid-range", {"saturates_at": (36.75, 16.625), "coupling": (0.0, 0.25)})
    assert row["value"] == 16.625
    assert row["details"] == (
        "Strictly inside (0, 1) until rounding takes over: the output is exactly 0 or 1 in float32 from |z| = 16.6; "
        "float64 from |z| = 36.8. Moving another unit's logit moved it by 0.25."
    )
    assert row["statement"].endswith("but in float32 it rounds to exactly 0 or 1 from a logit of 17 on.")
    assert row["evidence"] == f"worked_examples, example sigmoid-range: {NUMPY}, {TORCH}"
    # a precision ends where the first of its frameworks does, and is not said where none does
    first = [("sigmoid-range", framework, dtype, quantity, value, np.nan, "measured")
             for framework, dtype, logit in (("A", "float32", 90.0), ("B", "float32", 17.0), ("A", "float64", np.nan))
             for quantity, value in (("saturates_at", logit), ("coupling", 0.0))]  # fmt: skip
    several = verdict({"worked_examples": pd.DataFrame(first, columns=SCHEMAS["worked_examples"])}, "sigmoid-range")
    assert "exactly 0 or 1 in float32 from |z| = 17. Moving" in several["details"]
    never = judged("sigmoid-range", {"saturates_at": both(np.nan), "coupling": both(0.0)})
    assert never["details"].startswith("No output was exactly 0 or 1 up to |z| = 120. Moving another")
    assert never["statement"] == "No output was exactly 0 or 1, up to a logit of 120."


@pytest.mark.parametrize(
    ("error", "moves", "expected"),
    [((4.0, 0.0), (0.1, 0.2), (2, 0, 0)), ((4.01, 0.0), (0.1, 0.2), (1, 1, 0)), ((1.0, 1.0), (0.1, 0.0), (1, 1, 0))],
)
def test_softmax_sums_to_one_within_four_ulps_and_couples_its_outputs(
    error: tuple[float, float], moves: tuple[float, float], expected: tuple[int, int, int]
) -> None:
    row = judged("softmax-sums-to-one", {"sum_error_ulps": error, "coupling": moves})
    assert (counts(row), row["value"]) == (expected, max(error))
    if expected == (2, 0, 0):
        assert row["statement"].startswith("The outputs sum to 1 to within 4 units of the last digit, and moving")
    else:
        assert row["statement"].startswith(f"The sum misses 1 by {max(error):.2g} units of the last digit, or the outp")


def test_the_logits_of_the_article_become_the_distribution_that_is_stored_first() -> None:
    figures = {"sum_error_ulps": (0.5, 2.0), "coupling": (0.125, 0.25), "probability_1": (0.8789, 0.1),
               "probability_2": (0.1189, 0.2), "probability_3": (0.0022, 0.3)}  # fmt: skip
    said = judged("softmax-sums-to-one", figures)["details"]
    assert said == (
        "The sum misses 1 by at most 2 units in the last place; (3, 1, -3) becomes (0.8789, 0.1189, 0.0022). Moving "
        "one logit moved another output by up to 0.25."
    )


# --- identities ----------------------------------------------------------------------------------------------------

IDENTITIES = {
    "binary-identity": ("value_error", "loss_error", "gradient_error"),
    "cross-entropy-is-kl-plus-entropy": ("identity_error", "gradient_error"),
}


@pytest.mark.parametrize(("name", "quantity"), [(name, each) for name, all_ in IDENTITIES.items() for each in all_])
def test_an_identity_holds_where_each_of_its_errors_is_rounding(name: str, quantity: str) -> None:
    small = {each: both(1e-16) for each in IDENTITIES[name]}
    row = judged(name, small | {quantity: (1e-13, 1e-12)})
    assert (row["outcome"], counts(row), row["value"]) == ("supported", (2, 0, 0), 1e-12)
    assert row["statement"] == "The two sides agree to rounding: the largest relative error is 1e−12."
    assert row["details"].endswith(f"the largest relative error is 1e-12 ({TORCH}).")
    row = judged(name, small | {quantity: (1.01e-12, 1e-13)})
    assert (row["outcome"], counts(row), row["value"]) == ("depends", (1, 1, 0), 1.01e-12)
    assert row["statement"] == "The two sides do not agree everywhere: the largest relative error is 1e−12."
    assert row["details"].endswith(f"({NUMPY}).")
    row = judged(name, small | {quantity: (np.nan, 1e-16)})
    assert (row["outcome"], counts(row)) == ("supported", (1, 0, 1))
    row = judged(name, small | {quantity: both(np.nan)})
    assert (row["outcome"], row["n_cells"]) == ("undecided", 0)
    assert "has no number for" in row["details"]
    row = judged(name, {each: values for each, values in small.items() if each != quantity})
    assert f"has no {quantity} of {name}" in row["details"]


# --- losses --------------------------------------------------------------------------------------------------------


def test_a_recipe_is_sound_where_no_logit_is_off_and_no_error_is_above_a_thousandth() -> None:
    row = judged("loss-recipes", {"first_wrong_logit": both(np.nan), "largest_error": (1e-3, 1e-7)})
    assert (row["outcome"], counts(row), row["value"]) == ("supported", (2, 0, 0), 1e-3)
    assert row["details"] == f"Sound at every swept logit: {NUMPY}, {TORCH}."
    assert row["statement"] == "2 of the 2 programs are right at every logit."
    row = judged("loss-recipes", {"first_wrong_logit": (np.nan, 16.5), "largest_error": (1e-7, 1e-7)})
    assert (row["outcome"], counts(row)) == ("depends", (1, 1, 0))
    assert row["details"] == (
        f"Sound at every swept logit: {NUMPY}. Off by more than 0.001: {TORCH} from |z| = 16.5."
    )
    assert row["statement"].startswith("1 of the 2 programs are right at every logit. Wrong for large logits: ")
    row = judged("loss-recipes", {"first_wrong_logit": both(16.5), "largest_error": (1.01e-3, np.nan)})
    assert (row["outcome"], counts(row), row["value"]) == ("refuted", (0, 2, 0), 1.01e-3)
    assert row["details"].startswith("Sound at every swept logit: none. Off by")
    row = judged("loss-recipes", {"first_wrong_logit": both(np.nan), "largest_error": (1.01e-3, 1e-3)})
    assert counts(row) == (1, 1, 0)


def test_a_maximum_is_a_hardmax_if_it_returns_a_number_a_class() -> None:
    figures = {"maximum": (5.0, 4.0), "numbers_returned": (1.0, 2.0), "numbers_of_hardmax": (5.0, 5.0)}
    row = judged("hardmax", figures)
    assert (row["outcome"], counts(row), row["value"]) == ("refuted", (0, 2, 0), 4.0)
    assert row["details"] == (
        "The calls return 2 numbers, the largest (5); a hardmax, the one-hot vector of the arg max, has 5."
    )
    assert row["statement"].endswith("a hardmax has 5 numbers here, one for each class.")
    fewer = judged("hardmax", figures | {"numbers_returned": both(1.0), "numbers_of_hardmax": (5.0, 3.0)})
    assert fewer["details"].startswith("The calls return 1 number, the largest (5); a hardmax")
    assert fewer["details"].endswith("has 5.")
    row = judged("hardmax", figures | {"numbers_returned": (5.0, 6.0)})
    assert (row["outcome"], counts(row), row["value"]) == ("depends", (1, 1, 0), 0.0)


def animals(first: tuple[float, float], second: tuple[float, float], **accuracies: tuple[float, float]) -> pd.Series:
    article = dict(zip(("loss_model_1", "loss_model_2"), RIGHT, strict=True))
    return judged("log-loss-example", {"loss_model_1": first, "loss_model_2": second} | accuracies, article)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize(("off", "expected"), [(0.99e-6, (2, 0, 0)), (-0.99e-6, (2, 0, 0)), (1.01e-6, (1, 1, 0)),
                                               (-1.01e-6, (1, 1, 0)), (np.nan, (1, 1, 0))])  # fmt: skip
def test_both_losses_of_the_animals_are_the_articles_to_a_millionth(
    which: int, off: float, expected: tuple[int, int, int]
) -> None:
    moved = [both(figure) for figure in RIGHT]
    moved[which] = (RIGHT[which], RIGHT[which] * (1 + off))
    row = animals(*moved)
    assert counts(row) == expected
    right = "Both losses come out as the article has them (relative error 9.9e−07), and the second"
    wrong = "The losses do not come out as the article has them everywhere: the relative error is "
    assert row["statement"].startswith(right if expected == (2, 0, 0) else wrong)
    if not np.isnan(off):
        assert row["value"] == pytest.approx(abs(off), rel=1e-6)
        assert f"at most {figure(abs(off))} (relative) off the article's figures" in row["details"]
    assert row["details"].startswith("The mean losses are 1.378389 and 0.639108, at most ")
    assert "off the article's figures in 2 computations." in row["details"]


def test_the_second_model_is_better_by_loss_and_no_better_by_accuracy() -> None:
    """Were the article's figures the other way round, being right to a millionth would not make the second better."""
    article = dict(zip(("loss_model_1", "loss_model_2"), reversed(RIGHT), strict=True))
    figures = {"loss_model_1": both(RIGHT[1]), "loss_model_2": both(RIGHT[0])}
    assert counts(judged("log-loss-example", figures, article)) == (0, 2, 0)
    right = [both(figure) for figure in RIGHT]
    same = animals(*right, accuracy_model_1=(0.625, np.nan), accuracy_model_2=(0.625, 0.7))
    assert same["details"].endswith("Their accuracies are 0.625 and 0.625: accuracy does not tell them apart.")
    other = animals(*right, accuracy_model_1=(0.625, 0.1), accuracy_model_2=(0.75, 0.1))
    assert other["details"].endswith("Their accuracies are 0.625 and 0.75: accuracy differs too.")
    assert "accuracies" not in animals(*right, accuracy_model_1=both(0.625))["details"]


def test_the_less_certain_prediction_loses_more() -> None:
    row = judged("three-class-example", {"loss_model_1": (0.6931, 0.5), "loss_model_2": (0.3567, 0.4)})
    assert (row["outcome"], counts(row), row["value"]) == ("supported", (2, 0, 0), pytest.approx(0.1))
    assert row["statement"] == "The first prediction loses 0.1 nats more."
    assert row["details"] == f"The losses are 0.6931 and 0.3567 nats ({NUMPY}, {TORCH})."
    row = judged("three-class-example", {"loss_model_1": (0.5, 0.5), "loss_model_2": (0.5, 0.75)})
    assert (row["outcome"], counts(row), row["value"]) == ("refuted", (0, 2, 0), -0.25)
    assert row["statement"] == "The first prediction does not lose more everywhere: the difference is 0.25 nats."
    row = judged("three-class-example", {"loss_model_1": (0.5, 0.5), "loss_model_2": (0.4, 0.75)})
    assert (row["outcome"], counts(row)) == ("depends", (1, 1, 0))
