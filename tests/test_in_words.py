"""The first lines of a notebook: what they say follows from its tables."""

from __future__ import annotations

import pandas as pd
from claim_tables import comparison

from experiments.judgement import binary_answer, rates_answer, verdicts_answer

CELL = ("breast_cancer", "mlp", "adam")


def rows(side: int, outcome: str = "larger") -> pd.DataFrame:
    return pd.DataFrame([
        comparison("nll", outcome, side), comparison("nll", "equivalent", head="softmax_matched"),
        comparison("accuracy", "larger", -side),
    ])  # fmt: skip


def test_a_binary_notebook_says_who_ends_lower_by_how_much_and_why() -> None:
    shares = pd.DataFrame({"quantity": "nll", "factor": ["head_rate", "arithmetic"], "share": [-0.05, 0.0]})
    said = binary_answer(rows(-1), shares, CELL)
    assert said.startswith("**On breast cancer · MLP · Adam, softmax's final test loss is 0.05 nats lower than sigmoid")
    assert "(95 % interval of the difference −0.06 to −0.04): larger than the margin.**" in said
    assert "Of the difference, in nats: head's learning rate −0.05, arithmetic (left when matched) +0." in said
    assert "With start and head rate matched, it is 0.0025 nats higher" in said
    assert "0.05 nats higher than sigmoid's" in binary_answer(rows(1), shares, CELL)
    assert "nothing to compare" in binary_answer(rows(1).iloc[1:2], shares, CELL)


def test_a_sweeps_notebook_says_the_factor_of_the_rate_and_what_is_left_at_the_best() -> None:
    shifts = pd.DataFrame({"head": ["softmax"], "shift_fine": [1.0]})
    best = rows(1, "equivalent").assign(at="best")
    said = rates_answer(shifts, best, CELL)
    assert "softmax is most like sigmoid at 2 times its rate; each at its own best rate" in said
    assert "0.0025 nats higher than sigmoid's" in said
    assert "most like" not in rates_answer(shifts.assign(shift_fine=float("nan")), best, CELL)


def test_the_verdicts_are_counted_and_each_is_stated() -> None:
    table = pd.DataFrame({"outcome": ["supported", "refuted", "supported"], "description": ["a", "b", "c"],
                          "section": "1", "statement": ["A.", "B.", "C."]})  # fmt: skip
    said = verdicts_answer(table).splitlines()
    assert said[0] == "**Of 3 claims, 2 supported, 1 refuted.**"
    assert said[3] == "- **refuted**: b (§ 1). B."
