"""The worked examples against closed forms, and the verdicts that follow from them."""

from __future__ import annotations

import math
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments import worked_examples as package
from experiments.claims import CLAIMS, verdicts
from experiments.tables import SCHEMAS
from experiments.worked_examples import EXAMPLES, Variant, example, worked_examples
from experiments.worked_examples.functions import EPSILON
from experiments.worked_examples.record import DIFFERENTIATES, FRAMEWORKS, calls, variants

# significant bits
BITS = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}
LN2 = math.log(2)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return worked_examples()


def values(table: pd.DataFrame, name: str, quantity: str, dtype: str | None = None) -> pd.Series:
    """The measured values by framework (and dtype); there is at least one."""
    rows = table[(table["example"] == name) & (table["quantity"] == quantity) & (table["status"] == "measured")]
    rows = rows if dtype is None else rows[rows["dtype"] == dtype]
    assert len(rows)
    return rows.set_index(["framework", "dtype"])["value"]


def test_every_example_is_a_claim_that_needs_it(table: pd.DataFrame) -> None:
    wanted = {claim.name for claim in CLAIMS.values() if "worked_examples" in claim.needs}
    assert set(table["example"]) == wanted
    assert list(table.columns[: len(SCHEMAS["worked_examples"])]) == SCHEMAS["worked_examples"]
    assert not table.duplicated(["example", "framework", "dtype", "quantity"]).any()
    installed = {name for name, (_, package_of) in FRAMEWORKS.items() if find_spec(package_of)}
    measured = table[table["status"] == "measured"]
    assert installed <= set(measured["framework"])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_article_s_losses_in_closed_form(table: pd.DataFrame, dtype: str) -> None:
    within = 4 * EPSILON[dtype]
    forms = {
        ("log-loss-example", "loss_model_1"): -(2 * math.log(0.4) + math.log(0.1)) / 3,
        ("log-loss-example", "loss_model_2"): -(2 * math.log(0.7) + math.log(0.3)) / 3,
        ("three-class-example", "loss_model_1"): LN2,
        ("three-class-example", "loss_model_2"): -math.log(0.7),
        ("log-loss-example", "accuracy_model_1"): 2 / 3,
        ("log-loss-example", "accuracy_model_2"): 2 / 3,
    }
    for (name, quantity), exact in forms.items():
        np.testing.assert_allclose(values(table, name, quantity, dtype), exact, rtol=within, err_msg=quantity)
    given_figures = table.dropna(subset="article_value").drop_duplicates("quantity").set_index("quantity")
    assert given_figures["article_value"].to_dict() == {
        "loss_model_1": pytest.approx(forms["log-loss-example", "loss_model_1"], rel=1e-15),
        "loss_model_2": pytest.approx(forms["log-loss-example", "loss_model_2"], rel=1e-15),
    }


def test_the_article_s_logits_become_a_distribution(table: pd.DataFrame) -> None:
    powers = np.exp([3.0, 1.0, -3.0])
    for number, p in enumerate(powers / powers.sum(), start=1):
        for (_, dtype), value in values(table, "softmax-sums-to-one", f"probability_{number}").items():
            assert value == pytest.approx(p, rel=4 * EPSILON[dtype])
    moved = powers[0] / (powers[0] + powers[1] + np.exp(3.0))
    coupling = values(table, "softmax-sums-to-one", "coupling", "float64")
    np.testing.assert_allclose(coupling, powers[0] / powers.sum() - moved, rtol=1e-14)
    assert (values(table, "sigmoid-range", "coupling") == 0).all()
    np.testing.assert_allclose(values(table, "softmax-sharpens", "softmax_top", "float64"), powers[0] / powers.sum())
    assert (values(table, "softmax-sharpens", "plain_top") == 0.6).all()


def test_a_sigmoid_reaches_one_where_its_precision_ends(table: pd.DataFrame) -> None:
    """1 + e^-z rounds to 1 from z = bits ln 2 on; what is computed more precisely rounds at (bits + 1) ln 2."""
    for (framework, dtype), value in values(table, "sigmoid-range", "one_from").items():
        # the next logit that was swept: 1/64 in the wider types, 1/32 where bfloat16 is that coarse
        limits = [(BITS[dtype] + more) * LN2 for more in (0, 1)]
        assert any(limit <= value <= limit + 1 / 32 for limit in limits), (framework, dtype, value)
    # 0 is far nearer to the smallest numbers than 1 is to the next one: in float64 no swept logit gets there
    assert values(table, "sigmoid-range", "zero_from", "float64").isna().all()
    assert (values(table, "sigmoid-range", "zero_from", "float32") > 87).all()


def test_identities_hold_to_rounding(table: pd.DataFrame) -> None:
    for name, quantities in {
        "binary-identity": ("value_error", "loss_error", "gradient_error"),
        "cross-entropy-is-kl-plus-entropy": ("identity_error", "gradient_error"),
    }.items():
        for quantity in quantities:
            assert (values(table, name, quantity) < 1e-15).all(), quantity
    assert (values(table, "binary-identity", "loss_error_rowwise") < 1e-6).all()


def test_a_recipe_goes_wrong_where_its_probability_is_clipped(table: pd.DataFrame) -> None:
    wrong = values(table, "loss-recipes", "first_wrong_logit")
    largest = values(table, "loss-recipes", "largest_loss")
    for key, logit in wrong.items():
        framework, dtype = key
        clip = {"TensorFlow categorical_crossentropy on tf.nn.softmax": 1e-7,
                "scikit-learn log_loss on its softmax": EPSILON[dtype]}.get(framework)  # fmt: skip
        if clip is None:
            assert np.isnan(logit)
            assert largest[key] == pytest.approx(120, rel=1e-6)
        else:
            assert largest[key] == pytest.approx(-math.log(clip), rel=1e-5)
            assert -math.log(clip) <= logit <= -math.log(clip) + 1


def test_a_hardmax_is_not_its_maximum(table: pd.DataFrame) -> None:
    assert (values(table, "hardmax", "maximum") == 5).all()
    assert (values(table, "hardmax", "numbers_returned") == 1).all()
    assert (values(table, "hardmax", "numbers_of_hardmax") == 5).all()


@pytest.mark.parametrize("framework", DIFFERENTIATES)
def test_gradients_against_their_formula(framework: str) -> None:
    """p - y, whichever function p comes from, and whichever of the three losses is differentiated."""
    (variant,) = variants([framework], ["float64"])
    if not find_spec(variant.package):
        pytest.skip(f"{variant.package} is not installed")
    use, rng = calls(variant), np.random.default_rng(1)
    z, truth = rng.normal(scale=3.0, size=(50, 4)), rng.dirichlet(np.ones(4), size=50)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    loss, slope = use.categorical(z, truth)
    np.testing.assert_allclose(loss, -(truth * np.log(p)).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(slope, p - truth, atol=1e-14)
    divergence, slope = use.divergence(z, truth)
    np.testing.assert_allclose(divergence, (truth * np.log(truth / p)).sum(axis=1), rtol=1e-11)
    np.testing.assert_allclose(slope, p - truth, atol=1e-14)
    label = (z[:, 1] > 0).astype(float)
    chance = 1 / (1 + np.exp(-z[:, 0]))
    loss, slope = use.binary(z[:, 0], label)
    np.testing.assert_allclose(loss, -np.log(np.where(label == 1, chance, 1 - chance)), rtol=1e-10)
    np.testing.assert_allclose(slope, chance - label, atol=1e-14)


VARIANTS = [variant for variant in variants(DIFFERENTIATES, tuple(BITS)) if find_spec(variant.package)]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: f"{variant.framework}-{variant.dtype}")
@given(logits=st.lists(st.floats(-1, 1, width=16), min_size=2, max_size=8), scale=st.sampled_from([1.0, 30.0, 110.0]))
def test_outputs_over_logits(variant: Variant, logits: list[float], scale: float) -> None:
    """Below the limit a sigmoid is strictly inside (0, 1); a softmax sums to 1 within 4 units in the last place."""
    use, shares = calls(variant), np.array(logits)
    inside = use.sigmoid(shares * (BITS[variant.dtype] * LN2 - 0.1))
    assert ((inside > 0) & (inside < 1)).all()
    p = use.softmax(scale * shares[None])[0]
    assert ((p >= 0) & (p <= 1)).all()
    assert abs(math.fsum(p) - 1) <= 4 * EPSILON[variant.dtype]


def test_a_framework_that_is_absent_has_its_rows(table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "find_spec", lambda name: None if name != "numpy" else object())
    absent = worked_examples()
    keys = ["example", "framework", "dtype", "quantity", "article_value"]
    pd.testing.assert_frame_equal(absent[keys], table[keys])
    assert set(absent.loc[absent["framework"] != "NumPy", "status"]) == {"not installed"}
    assert absent.loc[absent["status"] == "not installed", "value"].isna().all()
    # claims are judged from what was measured
    found = verdicts({"worked_examples": absent}).set_index("claim")
    assert found.loc["log-loss-example", "n_cells"] == 2
    assert found.loc["loss-recipes", "outcome"] == "undecided"


def test_an_example_returns_what_it_promised() -> None:
    (variant,) = variants(["NumPy"], ["float64"])

    @example("throwaway", section="0", variants=[variant], quantities=["promised"])
    def throwaway(variant: Variant) -> dict[str, float]:
        return {"other": 1.0}

    try:
        with pytest.raises(ValueError, match=r"'throwaway' measured \['other'\] and not \['promised'\]"):
            package._row(EXAMPLES["throwaway"], variant, throwaway(variant))
    finally:
        EXAMPLES.remove("throwaway")


def test_the_verdicts_of_these_examples(table: pd.DataFrame) -> None:
    found = verdicts({"worked_examples": table}).set_index("claim")["outcome"]
    assert {name: found[name] for name in EXAMPLES if name in found and found[name] != "undecided"} == {
        "sigmoid-range": "refuted",  # each dtype has a limit from which on outputs are exactly 0 or 1
        "softmax-sums-to-one": "supported",
        "binary-identity": "supported",
        "loss-recipes": "depends",  # clipped where it gets probabilities
        "hardmax": "refuted",
        "log-loss-example": "supported",
        "cross-entropy-is-kl-plus-entropy": "supported",
        "three-class-example": "supported",
    }
