"""The cells behind the claims: learning rates, the float64 control, several classes and labels, and all verdicts."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.claims import CLAIMS, OUTCOMES, verdicts
from experiments.engines import train
from experiments.heads import HEADS
from experiments.judgement import attribution, derived, gaps, pair_up, shifts
from experiments.optimizers import OPTIMIZERS
from experiments.plan import Choice, narrow, plan
from experiments.plan._setups import selected, triples
from experiments.protocols import FULL, PRESETS, QUICK, STANDARD, Group, Protocol, Selection
from experiments.records import Cell, Setup
from experiments.suite import Options, run
from experiments.tables import MAIN, SCHEMAS
from experiments.tasks import TASKS

Tables = dict[str, pd.DataFrame]
MINE = ("learning_rates", "control", "multiclass", "multilabel", "worked_examples", "verdicts")


def cells(protocol: Protocol, kind: str, **choice: object) -> list[Cell]:
    return [cell for cell in plan(protocol, Choice(**choice)) if cell.notebook == f"{kind}.ipynb"]  # type: ignore[arg-type]


# --- what is planned


@pytest.mark.parametrize("protocol", PRESETS.values(), ids=lambda protocol: protocol.name)
def test_every_preset_has_some_of_each_kind(protocol: Protocol) -> None:
    for kind in MINE:
        assert cells(protocol, kind), kind
    assert plan(protocol)[-1].id == "verdicts"
    assert {"linear", "mlp"} <= {cell.parameters["network"] for cell in cells(protocol, "learning_rates")}


@pytest.mark.parametrize("protocol", [QUICK, STANDARD], ids=lambda protocol: protocol.name)
def test_what_is_trained_again_is_part_of_the_main_cells(protocol: Protocol) -> None:
    """Else a name in the preset would be passed over in silence."""
    for groups in (protocol.swept.groups, protocol.control.groups, protocol.every_arm, protocol.explained):
        for group in groups:
            found = selected(protocol, [group])
            assert set(found) <= set(triples(protocol.groups))
            for place, names in enumerate((group.tasks, group.networks, group.optimizers)):
                assert set(names) - {"*"} <= {triple[place] for triple in found}


def test_a_sweep_has_both_heads_at_the_same_rates_and_in_some_cells_the_arms_that_tell_causes_apart() -> None:
    causes = ["sigmoid", "sigmoid_again", "softmax", "softmax_init", "softmax_lr", "softmax_matched"]
    for protocol in (STANDARD, FULL):
        explained = set(selected(narrow(protocol, Choice()), protocol.explained))
        told = 0
        for cell in cells(protocol, "learning_rates"):
            if cell.parameters["framework"] != MAIN:
                continue
            names = tuple(cell.parameters[name] for name in ("task", "network", "optimizer"))
            assert cell.parameters["heads"] == (causes if names in explained else ["sigmoid", "softmax"])
            told += names in explained
        assert told == len(explained) > 0
    for cell in [*cells(STANDARD, "learning_rates"), *cells(FULL, "learning_rates")]:
        rates = cell.parameters["learning_rates"]
        np.testing.assert_allclose(np.diff(np.log2(rates)), 1.0)
        assert OPTIMIZERS[cell.parameters["optimizer"]].learning_rate in rates
        assert cell.networks == len(rates) * len(cell.parameters["heads"]) * cell.parameters["seeds"]


def test_the_control_is_in_float64_and_has_the_arms_of_decay_where_there_is_some() -> None:
    for cell in cells(STANDARD, "control"):
        assert cell.parameters["dtype"] == "float64"
        decays = OPTIMIZERS[cell.parameters["optimizer"]].decays
        assert decays == any(HEADS[head].needs_decay for head in cell.parameters["heads"])
        assert not {HEADS[head].role for head in cell.parameters["heads"]} & {"crossed", "pitfall"}


def test_several_classes_and_labels_are_swept_through_the_default_rate() -> None:
    found = {kind: cells(STANDARD, kind) for kind in ("multiclass", "multilabel")}
    assert {cell.parameters["task"] for cell in found["multiclass"]} == {"digits", "segments", "mnist"}
    assert {cell.parameters["task"] for cell in found["multilabel"]} == {"yeast"}
    for kind, planned in found.items():
        for cell in planned:
            assert TASKS[cell.parameters["task"]].target == kind
            assert cell.parameters["heads"] == ["k_sigmoid", "k_sigmoid_sum", "k_softmax"]
            assert OPTIMIZERS[cell.parameters["optimizer"]].learning_rate in cell.parameters["learning_rates"]
    optimizers = {cell.parameters["optimizer"] for cell in cells(FULL, "multilabel")}
    assert optimizers == set(OPTIMIZERS)  # "*" is spelled out


def test_a_mean_over_units_asks_for_larger_rates_where_a_factor_of_the_loss_does() -> None:
    rates = {cell.parameters["optimizer"]: cell.parameters["learning_rates"] for cell in cells(FULL, "multilabel")}
    for name in ("sgd", "momentum"):
        assert [rate / OPTIMIZERS[name].learning_rate for rate in rates[name]] == [2.0**k for k in range(-1, 11)]
    for name in ("adam", "adamw", "rmsprop"):
        assert [rate / OPTIMIZERS[name].learning_rate for rate in rates[name]] == [2.0**k for k in range(-1, 8)]


def test_what_the_user_names_narrows_these_cells_too() -> None:
    one = {"tasks": ("breast_cancer",), "networks": ("linear",)}
    assert [cell.id for cell in cells(QUICK, "learning_rates", **one)] == [
        "learning_rates-breast_cancer-linear-sgd", "learning_rates-breast_cancer-linear-adam",
    ]  # fmt: skip
    assert cells(QUICK, "control", **one) == cells(QUICK, "multiclass", **one) == []
    assert [cell.id for cell in cells(QUICK, "verdicts", **one)] == ["verdicts"]
    (short,) = cells(QUICK, "control", seeds=2, steps=7)
    assert (short.parameters["seeds"], short.parameters["steps"]) == (2, 7)
    fewer = cells(QUICK, "learning_rates", heads=("softmax", "softmax_bce"))[0]
    assert fewer.parameters["heads"] == ["sigmoid", "softmax"]
    assert cells(QUICK, "learning_rates", heads=("softmax_bce",)) == []  # nothing but the baseline is left
    assert cells(QUICK, "control", heads=("softmax", "softmax_matched")) == []  # two of the causes' arms are not there


# --- what theory says of them

RATES = tuple(2.0**k for k in range(-5, 2))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_softmax_on_a_linear_model_is_sigmoid_at_twice_the_rate(optimizer: str) -> None:
    """To 1e-9 in float64 under plain SGD; the shift of the curves is exactly one step of the grid."""
    found = train(
        Setup(task="breast_cancer", network="linear", optimizer=optimizer, heads=("sigmoid", "softmax_init"), seeds=3,
              steps=120, record_every=40, learning_rates=RATES, dtype="float64")
    )  # fmt: skip
    for table, keys in (("curves", ["seed", "step", "split"]), ("finals", ["seed", "split"])):
        rows = found[table][found[table]["quantity"] == "nll"]
        wide = rows.pivot(index=keys, columns=["head", "learning_rate"], values="value")
        for rate in RATES[:-1]:
            gap = (wide["softmax_init", rate] - wide["sigmoid", 2 * rate]).abs().max()
            assert gap <= (1e-9 if optimizer == "sgd" else 1e-6), (table, rate, gap)
            assert (wide["softmax_init", rate] - wide["sigmoid", rate]).abs().max() > 1e-4
    (row,) = shifts(found["finals"]).to_dict("records")
    assert row["rates"] == len(RATES)
    assert (row["shift"], row["shift_fine"], row["low"], row["high"]) == (1.0, 1.0, 1.0, 1.0)
    assert row["misfit"] < 1e-6 < row["misfit_unshifted"]


def test_with_a_trunk_the_shift_is_less_than_a_step() -> None:
    """Only the head's rate is doubled: at twice the rate sigmoid is another network."""
    found = train(
        Setup(task="moons", network="mlp", optimizer="sgd", heads=("sigmoid", "softmax_init"), seeds=3, steps=120,
              record_every=120, learning_rates=RATES[:5], dtype="float64")
    )  # fmt: skip
    (row,) = shifts(found["finals"]).to_dict("records")
    assert 0 < row["shift_fine"] < 0.9
    assert row["misfit"] > 1e-3


@pytest.mark.parametrize(
    ("network", "optimizer"), [("linear", "sgd"), ("mlp", "adam"), ("mlp", "adamw"), ("mlp", "sgd_l2")]
)
def test_once_matched_only_arithmetic_is_left(network: str, optimizer: str) -> None:
    """In float64 under 1e-6 of every difference, or of the noise floor where that is larger."""
    protocol = replace(
        QUICK,
        groups=(Group(tasks=("breast_cancer",), networks=(network,), optimizers=(optimizer,)),),
        control=Selection(groups=(Group(tasks=("*",), networks=("*",), optimizers=("*",)),), seeds=3, steps=40),
    )
    (cell,) = cells(protocol, "control")
    found = train(Setup(**cell.parameters))
    shares = attribution(pair_up(found["finals"], None, found["runs"]))
    wanted = {"initialisation", "head_rate", "arithmetic"}
    assert set(shares["factor"]) == (wanted | {"decay"} if OPTIMIZERS[optimizer].decays else wanted)
    left = shares[shares["factor"] == "arithmetic"]
    assert {"nll", "nll_curve", "accuracy", "grad_norm_effective_head"} <= set(left["quantity"])
    size = np.maximum(left["difference"].abs(), left["noise_floor"])
    assert (left["mean_abs"] <= 1e-6 * size).all(), left[["quantity", "mean_abs", "difference", "noise_floor"]]
    # that is no matter of differences too small to see
    whole = left.set_index("quantity")["difference"]
    assert abs(whole["nll_curve"]) > 1e-4


def test_several_units_are_swept_and_compared() -> None:
    found = train(
        Setup(task="digits", network="linear", optimizer="sgd", heads=("k_sigmoid", "k_softmax"), seeds=3, steps=60,
              record_every=60, learning_rates=tuple(2.0**k for k in range(-5, 5)))
    )  # fmt: skip
    # the mean over ten units makes sigmoid's steps ten times smaller, so its curve lies about log2(10) steps higher up
    (row,) = shifts(found["finals"], "k_sigmoid").to_dict("records")
    assert row["shift"] == 3.0
    best = gaps(found["finals"], found["runs"], "k_sigmoid").query("at == 'best' and quantity == 'nll'").iloc[0]
    assert best["baseline_best_rate"] > 2 * best["best_rate"]


# --- all of it, through the notebooks

TINY = replace(
    QUICK,
    groups=(Group(tasks=("moons",), networks=("mlp",), optimizers=("sgd",)),),
    heads=("sigmoid", "sigmoid_again", "softmax", "softmax_init", "softmax_lr", "softmax_matched"),
    seeds=2,
    steps=4,
    record_every=2,
    swept=Selection(groups=(Group(tasks=("moons",), networks=("mlp",), optimizers=("sgd",)),), seeds=2, steps=4),
    control=Selection(groups=(Group(tasks=("moons",), networks=("mlp",), optimizers=("sgd",)),), seeds=2, steps=4),
    multi_unit=Selection(
        groups=(Group(tasks=("digits", "yeast"), networks=("linear",), optimizers=("sgd",)),), seeds=2, steps=4
    ),
)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a run of all kinds, small."""
    folder = tmp_path_factory.mktemp("results") / "tiny"
    planned = [cell for cell in plan(TINY) if cell.notebook.removesuffix(".ipynb") in ("binary", *MINE)]
    summary = run(planned, Options(out=folder, workers=1))
    assert not summary.failed, [(failure.cell, failure.error) for failure in summary.failed]
    assert summary.done == len(planned) == 7
    return folder


def stored(out: Path) -> Tables:
    return {path.stem: pd.read_parquet(path) for path in (out / "tables").glob("*.parquet")}


def test_a_tiny_run_stores_every_table(out: Path) -> None:
    tables = stored(out)
    # these have a backend for a cell, or several frameworks in one
    wanted = set(SCHEMAS) - {"numerics", "framework_distances"}
    assert wanted <= set(tables)
    assert {name for name in wanted if tables[name].empty} == set()
    assert {"k_sigmoid", "sigmoid"} <= set(tables["learning_rates"]["head"])
    # what several units are compared in at the default rate stands with the other cells, and only that
    several = tables["finals"][tables["finals"]["head"].isin(["k_sigmoid", "k_softmax"])]
    assert set(several["learning_rate"]) == {OPTIMIZERS["sgd"].learning_rate}
    assert set(tables["curves_float64"]["quantity"]) == {"nll"}


def test_a_tiny_run_has_all_sixteen_verdicts(out: Path) -> None:
    found = stored(out)["verdicts"]
    assert list(found["claim"]) == [claim.name for claim in sorted(CLAIMS.values(), key=lambda claim: claim.section)]
    assert len(found) == 16
    assert found["outcome"].isin(OUTCOMES).all()
    assert (found["evidence"].str.len() > 20).all()
    unmeasured = found[found["details"].str.startswith("Not measured")]
    assert list(unmeasured["claim"]) == ["framework-is-the-cause"]  # the atlas was left out


def test_the_stored_verdicts_follow_from_the_stored_tables(out: Path) -> None:
    """Made again here from the raw tables they are the same, and other tables make other verdicts."""
    tables = stored(out)
    raw = {name: tables[name] for name in tables if name in (
        "finals", "runs", "finals_float64", "runs_float64", "learning_rates", "learning_rates_runs", "worked_examples"
    )}  # fmt: skip
    again = verdicts({**raw, **derived(raw)})
    pd.testing.assert_frame_equal(again, tables["verdicts"], check_dtype=False)
    worse = raw["worked_examples"].copy()
    worse.loc[(worse["example"] == "three-class-example") & (worse["quantity"] == "loss_model_1"), "value"] = 0.0
    flipped = verdicts({**raw, **derived(raw), "worked_examples": worse}).set_index("claim")["outcome"]
    assert again.set_index("claim").loc["three-class-example", "outcome"] == "supported"
    assert flipped["three-class-example"] == "refuted"


def test_the_notebooks_begin_with_an_answer_from_their_own_tables(out: Path) -> None:
    """Before the first figure and the first table, whose code is folded."""
    pages = list((out / "notebooks").glob("*.html"))
    assert len(pages) == 7
    for page in pages:
        text = page.read_text(encoding="utf-8")
        start = text.index(">The answer<")
        shown = [text.find(mark, text.index("</nav>")) for mark in ("<img", "<table")]
        answer = text[start : min(place for place in shown if place >= 0)]
        assert start < min(place for place in shown if place >= 0), page.name
        said = re.search(r"<strong>(.*?)</strong>", answer, flags=re.DOTALL)
        assert said, page.name
        assert any(digit in said[1] for digit in "0123456789"), page.name
