"""The atlas in figures: which paths they show, what a gradient's state is, and where numbers and dots stand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import synthetic_tables as synthetic
from matplotlib.colors import to_hex

from experiments import numerics
from experiments.figures import consequences, gradient_states, thresholds
from experiments.figures.numerics import STATES, USUAL

RIGHT, OFF, DEAD, LOST, UNDEFINED = STATES
NAN, INF = np.nan, np.inf
SOUND, ILL = "#0072b2", "#d55e00"


def test_what_people_write_is_swept() -> None:
    swept = {(path.form, path.activation, path.units, path.loss)
             for backend in numerics.BACKENDS for path in numerics.paths(backend)}  # fmt: skip
    assert set(USUAL) <= swept
    assert len(set(USUAL)) == len(USUAL)


@pytest.mark.parametrize(
    ("grad", "reference", "state"),
    [
        (0.5, 0.5, RIGHT),
        (0.5, 0.5009, RIGHT),
        (0.5, 0.502, OFF),
        (-0.5, 0.5, OFF),
        (0.0, 0.5, DEAD),
        (0.0, -0.5, DEAD),
        (0.0, 0.0005, RIGHT),  # as good as 0
        (NAN, 0.5, LOST),
        (INF, 0.5, LOST),
        (0.5, NAN, UNDEFINED),
        (NAN, INF, UNDEFINED),
    ],
)
def test_the_state_of_a_gradient(grad: float, reference: float, state: str) -> None:
    """Right is within a thousandth; where there is no reference nothing is right or wrong."""
    rows = pd.DataFrame({"label": np.repeat([0, 1], 3), "z": [-1.0, 0.0, 1.0] * 2, "grad": 1.0, "grad_reference": 1.0})
    rows.loc[1, ["grad", "grad_reference"]] = grad, reference
    figure = gradient_states(rows.assign(**synthetic.PATH))
    (first, *_), (second, *_) = (axes.collections for axes in figure.axes)
    assert np.ravel(first.get_array()).tolist() == [0, STATES.index(state), 0]
    assert np.ravel(second.get_array()).tolist() == [0, 0, 0]
    assert f"on {int(state == RIGHT)} of 1 paths" in figure.finding


def test_a_line_parts_two_paths() -> None:
    figure = gradient_states(synthetic.numerics())
    for axes in figure.axes:
        assert [line.get_ydata() for line in axes.lines] == [[0.5, 0.5]]
        assert len(axes.get_yticks()) == 2


def test_a_cell_of_the_table_says_from_which_logit_on_a_gradient_is_wrong() -> None:
    """The smallest over what goes wrong and over executions; redder where it is smaller."""
    firsts = {"float64": (NAN, NAN, NAN), "float32": (17.0, 15.0, NAN), "bfloat16": (NAN, NAN, 5.0),
              "float16": (4.5, NAN, NAN), "mixed_float16": (0.5, NAN, NAN)}  # fmt: skip
    rows = pd.DataFrame([
        synthetic.PATH | {"dtype": dtype, "execution": execution, "wrong_from": wrong + later, "inf_from": inf + later,
                          "nan_from": nan + later}
        for dtype, (wrong, inf, nan) in firsts.items() for execution, later in (("eager", 0), ("xla", 1))
    ])  # fmt: skip
    figure = thresholds(rows, framework="keras-torch")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == [name.replace("_", " ") for name in firsts]
    assert [text.get_text() for text in axes.texts] == ["right", "15", "5", "4.5", "all"]
    assert [text.get_position() for text in axes.texts] == [(column, 0) for column in range(5)]
    inks = [to_hex(patch.get_facecolor()) for patch in axes.patches]
    assert inks[0] == "#cfe3f2"
    assert inks[1:] == ["#f6d3b3", "#eb9a5b", ILL, ILL]
    assert [patch.get_x() + patch.get_width() / 2 for patch in axes.patches] == pytest.approx(list(range(5)))
    assert [patch.get_y() + patch.get_height() / 2 for patch in axes.patches] == pytest.approx([0] * 5)
    assert "1 of 5 paths" in figure.finding


def trained(pathology: float, sound: float, lost: int = 0) -> pd.DataFrame:
    """`consequences` of one pathology on one task, four seeds; of its runs `lost` end in no number."""
    rows = [
        synthetic.PATH | {"pathology": "clipped_probability", "role": role, "task": "easy", "seed": seed,
                          "predicted_nll": NAN if role == "pathology" and seed < lost else nll,
                          "finite": not (role == "pathology" and seed < lost)}
        for role, nll in (("pathology", pathology), ("sound", sound)) for seed in range(4)
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("table", "worse"),
    [(trained(0.4, 0.31), 0), (trained(0.4, 0.29), 1), (trained(0.2, 0.4), 0), (trained(0.3, 0.3, lost=1), 1)],
)
def test_a_pathology_does_worse_by_a_tenth_of_a_nat_or_by_a_lost_run(table: pd.DataFrame, worse: int) -> None:
    figure = consequences(table)
    assert f"Of 1 pathologies, {worse} " in figure.finding
    (axes,) = figure.axes
    dots = {line.get_color(): line.get_xdata().tolist() for line in axes.lines if line.get_marker() == "o"}
    middle = table.groupby("role")["predicted_nll"].median()
    assert dots == {SOUND: [middle["sound"]], ILL: [middle["pathology"]]}


@pytest.mark.parametrize(("nll", "left"), [(2.5, True), (0.11, True), (0.09, False), (0.0012, False)])
def test_how_many_runs_are_lost_stands_where_no_dot_is(nll: float, left: bool) -> None:
    figure = consequences(trained(nll, nll, lost=1))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    (text,) = axes.texts
    assert "1" in text.get_text()
    box, dot = text.get_window_extent(), axes.transData.transform((nll, 0))[0]
    assert (box.x1 < dot) == left
    assert (dot < box.x0) != left
    assert axes.bbox.x0 <= box.x0 < box.x1 <= axes.bbox.x1
    assert {line.get_xdata()[0] for line in axes.lines} == {nll}
    assert not consequences(trained(nll, nll)).axes[0].texts
