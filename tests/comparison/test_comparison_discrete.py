"""Quantities that count rows: their differences are multiples of one row's share, and often exactly 0."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import experiments
from experiments.judgement import APART, INSIDE, Design, Sequential, correct, looks
from experiments.judgement._differences import summary
from experiments.judgement._pairs import Block
from experiments.stats import QUANTITIES

SEEDS = 20
CELL = {"framework": "f", "task": "t", "network": "n", "optimizer": "adam", "learning_rate": 0.1}


def judged(d: np.ndarray, others: np.ndarray | float = 0.0, shared: float = 1.0) -> list[pd.DataFrame]:
    """What each look says of accuracies that differ by `d`, (problems, seeds); other arms differ by up to `others`.

    Each problem is an arm of its own, so that each is a family of its own.
    """
    design = Design(looks=looks(SEEDS))
    corrector, found = Sequential(design=design), []
    arms = [f"arm {place}" for place in range(len(d))]
    keys = pd.DataFrame([{"head": arm, **CELL, "quantity": "accuracy", "split": "test"} for arm in arms])
    for n in design.looks:
        block = Block(
            keys=keys, values=0.5 + d[:, :n], baselines=np.full((len(d), n), 0.5),
            seeds=np.tile(np.arange(n), (len(d), 1)),
            samples=np.tile(np.arange(n), (len(d), 1)),
            shared=np.full(len(d), shared), reach=np.fmax(others, np.abs(d[:, :n]).max(axis=1)),
        )  # fmt: skip
        table = summary(block).assign(baseline="sigmoid", at="default", noise_floor=0.0)
        found.append(correct(table, corrector))
    return found


PROBLEM = st.tuples(
    st.integers(10, 400),  # rows of the test part
    st.floats(0.0, 0.6),  # how often a seed differs at all
    st.integers(1, 40),  # by how many rows at most
    st.floats(0.0, 1.0),  # how often softmax is the better one then
)


@given(problems=st.lists(PROBLEM, min_size=10, max_size=10), draw=st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_a_mean_outside_of_the_margin_is_never_inside(problems: list[tuple[int, float, int, float]], draw: int) -> None:
    rng = np.random.default_rng(draw)
    rows, rare, size, lean = (np.array(column)[:, None] for column in zip(*problems, strict=True))
    steps = rng.integers(1, size + 1, (len(problems), SEEDS)) * (rng.random((len(problems), SEEDS)) < rare)
    d = steps * np.where(rng.random(steps.shape) < lean, 1, -1) / rows
    margin = QUANTITIES["accuracy"].margin
    for table in judged(d, others=(size / rows)[:, 0]):
        inside = table["outcome"].isin(INSIDE)
        assert (table.loc[inside, "mean"].abs() < margin).all()
        # no spread is no certainty, unless all seeds differ alike
        assert ((table["low"] < table["high"]) | (table["mean"] != 0)).all()
        # a sign that is said to be known is that of the whole interval
        apart = table["outcome"].isin([*APART, "negligible"])
        assert (table.loc[apart, "low"] * table.loc[apart, "high"] > 0).all()


def test_zeros_of_an_arm_leave_open_what_others_show_to_be_possible() -> None:
    """No seed differs, but another arm by 20 points: 20 zeros do not exclude that one seed in 14 does so too."""
    *_, last = judged(np.zeros((1, SEEDS)), others=0.2)
    assert set(last["outcome"]) == {"undecided"}
    assert last["high"].to_numpy() == pytest.approx((1 - 0.05 ** (1 / 20)) * 0.2)
    *_, small = judged(np.zeros((1, SEEDS)), others=0.01)
    assert set(small["outcome"]) == {"equivalent"}
    assert (small["high"] < 0.01).all()


def test_a_look_that_contradicts_an_earlier_one_takes_it_back() -> None:
    """Six and ten seeds inside the margin, then ten of three points: inside no more."""
    d = np.r_[np.tile([0.001, -0.001], 5), np.full(10, 0.03)]
    *early, _, last = judged(d[None], others=0.03, shared=0.0)
    assert set(early[1]["outcome"]) == {"equivalent"}
    assert last["mean"].iloc[0] > 0.01
    assert not last["outcome"].isin(INSIDE).any()


def test_a_coarse_table_is_answered() -> None:
    """2,000 rows of three columns with 3 × 2 × 2 values: no part of a split is a handful of groups."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.choice(values, 2000) for name, values in
                          (("class", ["1", "2", "3"]), ("sex", ["f", "m"]), ("age", ["adult", "child"]))})  # fmt: skip
    odds = 0.2 + 0.4 * (frame["sex"] == "f") + 0.2 * (frame["class"] == "1")
    found = experiments.compare(frame, (rng.random(2000) < odds).astype(int), network="linear", seeds=2, steps=20)
    accuracy = found.finals.query("quantity == 'accuracy' and split == 'test'")["value"]
    # multiples of one of about 400 rows
    assert (accuracy * 400).to_numpy() == pytest.approx(np.round(accuracy * 400), abs=0.03 * 400)
    inside = found.differences[found.differences["outcome"].isin(INSIDE)]
    assert (inside["mean"].abs() < inside["margin"]).all()
    assert any("identical" in notice for notice in found.notices)
