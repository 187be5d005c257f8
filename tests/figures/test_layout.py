"""Layout: on a phone and on a wide page every figure's writing can be read, and no place is wasted."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest
import synthetic_tables as synthetic
from lettering_cases import DRAWN
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from experiments import figures, judgement, numerics, tables
from experiments.figures import Chart
from experiments.figures.lettering import messages_in
from experiments.numerics.axes import PATH, Z

PHONE, WIDE = 3.58, 7.2  # inches
TITLE, SIZES = 10.5, {7.5, 8.0, 8.5, 9.0}  # points
INCH = 100  # pixels


@cache
def curves() -> pd.DataFrame:
    return synthetic.curves(seeds=3)


def moons(table: pd.DataFrame) -> pd.DataFrame:
    return table.loc[table["task"] == "moons"]


def lost(table: pd.DataFrame) -> pd.DataFrame:
    """The curves with no number at the end of a run of softmax."""
    end = (table["head"] == "softmax") & (table["seed"] == 0) & (table["step"] == table["step"].max())
    return table.assign(value=table["value"].where(~end))


@cache
def pairs() -> pd.DataFrame:
    finals, runs = synthetic.finals(curves()), synthetic.runs(curves())
    return pd.concat([tables.pair(finals, runs, head).assign(head=head) for head in synthetic.HEADS[1:]])


@cache
def rates() -> tuple[pd.DataFrame, pd.DataFrame]:
    sweep = synthetic.learning_rates()
    return judgement.rate_map(sweep, synthetic.runs(sweep))


def learning_rates(width: float) -> Chart:
    sweep = synthetic.learning_rates()
    return figures.learning_rates(sweep, judgement.shifts(sweep), width=width)


def shares() -> pd.DataFrame:
    rows = [
        {"task": task, "network": "mlp", "optimizer": "sgd", "quantity": "nll_curve", "factor": factor, "share": share}
        for task in ("moons", "fair", "phishing")
        for factor, share in (("initialisation", 0.01), ("head_rate", -0.03), ("decay", 0.02), ("arithmetic", 0.0))
    ]
    return pd.DataFrame(rows)


@cache
def paths() -> pd.DataFrame:
    """What Keras on PyTorch is asked, run eagerly."""
    return pd.DataFrame([path for path in numerics.paths("torch") if path.framework == "keras-torch"
                         and path.execution == "eager"], columns=PATH)  # fmt: skip


@cache
def atlas() -> pd.DataFrame:
    """A table `numerics` in which every gradient of float32 is right for label 0 and dead for label 1."""
    single = paths().query("dtype == 'float32'")
    points = pd.DataFrame(itertools.product((0, 1), Z), columns=["label", "z"])
    reference = 1 / (1 + np.exp(-points["z"])) - points["label"]
    points = points.assign(grad=reference.where(points["label"] == 0, 0.0), grad_reference=reference)
    return single.merge(points, how="cross")


@cache
def pathologies() -> pd.DataFrame:
    """A table `pathologies` in which float16 is wrong from |z| = 17 on and infinite from 12."""
    half = paths()["dtype"] == "float16"
    wrong, infinite = np.where(half, 17.0, np.nan), np.where(half, 12.0, np.nan)
    return paths().assign(wrong_from=wrong, inf_from=infinite, nan_from=np.nan)


DRAWINGS: dict[str, Callable[[float], Chart]] = {
    "curves of a cell": lambda width: figures.loss_curves(moons(curves()), width=width),
    "curves of a cell with a run lost": lambda width: figures.loss_curves(lost(moons(curves())), width=width),
    "curves of cells": lambda width: figures.loss_curves(curves(), width=width),
    "gradients of a cell": lambda width: figures.gradient_norms(moons(curves()), width=width),
    "gradients of cells": lambda width: figures.gradient_norms(curves(), width=width),
    "pairs of a cell": lambda width: figures.paired_differences(moons(pairs()), width=width),
    "pairs of cells": lambda width: figures.paired_differences(pairs(), width=width),
    "forest": lambda width: figures.paired_differences(synthetic.differences(), width=width),
    "forest of two": lambda width: figures.forest(
        synthetic.differences().query("head == 'softmax'"), quantities=["nll", "accuracy"], width=width
    ),
    "attribution": lambda width: figures.attribution(shares(), width=width),
    "learning rates": learning_rates,
    "rate map": lambda width: figures.rate_map(*rates(), width=width),
    "rate map in short": lambda width: figures.rate_map_in_short(*rates(), width=width),
    "rounding": lambda width: figures.rounding(curves(), curves(), width=width),
    "states": lambda width: figures.gradient_states(atlas(), width=width),
    "thresholds": lambda width: figures.thresholds(pathologies(), framework="keras-torch", width=width),
    "consequences": lambda width: figures.consequences(synthetic.consequences(), width=width),
}
LISTS = ("pairs of a cell", "pairs of cells", "forest", "forest of two", "attribution", "states", "thresholds",
         "consequences")  # fmt: skip


@cache
def drawing(name: str, width: float) -> Chart:
    return DRAWINGS[name](width)


@cache
def writing(figure: Chart) -> list[tuple[Text, Bbox]]:
    """What is written, and where; of ticks there are some beyond the axes that are not drawn."""
    figure.draw_without_rendering()
    hidden = set()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        beyond = [tick for tick in axis.get_major_ticks() if not low - 1e-9 <= tick.get_loc() <= high + 1e-9]
        hidden |= {label for tick in beyond for label in (tick.label1, tick.label2)}
    shown = [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    return [(text, text.get_window_extent()) for text in shown if text not in hidden]  # type: ignore[attr-defined]


def meet(one: Bbox, other: Bbox) -> bool:
    """Whether two boxes have more in common than lines that touch: two pixels each way."""
    across = min(one.x1, other.x1) - max(one.x0, other.x0)
    up = min(one.y1, other.y1) - max(one.y0, other.y0)
    return across > 2 and up > 2


EACH = pytest.mark.parametrize(("name", "width"), list(itertools.product(DRAWINGS, (PHONE, WIDE))))


@EACH
def test_writing_stands_within_the_page_and_apart(name: str, width: float) -> None:
    figure = drawing(name, width)
    page = figure.bbox
    boxes = writing(figure)
    assert [text.get_text() for text, box in boxes if not (
        page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1)] == []  # fmt: skip
    upright = [(text.get_text(), box) for text, box in boxes if text.get_rotation() in (0, 90)]  # a slanted one's box
    assert [(one, other) for (one, first), (other, second) in itertools.combinations(upright, 2)  # is mostly empty
            if meet(first, second)] == []  # fmt: skip


@EACH
def test_writing_has_few_sizes_and_the_title_the_largest(name: str, width: float) -> None:
    figure = drawing(name, width)
    title = {text for text in figure.texts if text.get_text()}
    assert {text.get_fontsize() for text, _ in writing(figure) if text in title} <= {TITLE}
    assert {text.get_fontsize() for text, _ in writing(figure) if text not in title} <= SIZES


@EACH
def test_axes_stand_apart_and_fill_the_page_from_border_to_border(name: str, width: float) -> None:
    figure = drawing(name, width)
    areas = [axes.bbox for axes in figure.axes]
    assert all(min(area.x0, area.y0) >= 0 and area.x1 <= figure.bbox.x1 for area in areas)
    assert not any(itertools.starmap(meet, itertools.combinations(areas, 2)))
    boxes = [box for _, box in writing(figure)] + areas
    assert min(box.x0 for box in boxes) <= 0.05 * INCH
    assert min(box.y0 for box in boxes) <= 0.25 * INCH
    assert max(box.y1 for box in boxes) >= figure.bbox.y1 - 0.15 * INCH
    if len(figure.axes) == 1 and name not in LISTS:
        assert figure.get_figheight() - figure.above <= width


@pytest.mark.parametrize(("name", "width"), list(itertools.product(LISTS, (PHONE, WIDE))))
def test_rows_of_a_list_stand_as_close_as_their_names_allow(name: str, width: float) -> None:
    """From one to two lines of 10 points for a line of a name; the first and the last half a row from the edge, or a
    tenth of a row more.
    """
    figure = drawing(name, width)
    figure.draw_without_rendering()
    for axes in figure.axes:
        bottom, top = axes.get_ylim()
        pitch = axes.bbox.height / (bottom - top)
        lines = max(label.get_text().count("\n") + 1 for label in figure.axes[0].get_yticklabels())
        assert 1 <= pitch / INCH * 72 / 10 / lines <= 2
        rows = axes.get_yticks()
        assert rows.tolist() == list(range(len(rows)))
        assert (rows[0] - top, bottom - rows[-1]) == pytest.approx((0.6, 0.6), abs=0.11)
        assert not any(line.get_visible() for line in axes.yaxis.get_gridlines())


@pytest.mark.parametrize("lang", DRAWN)
@pytest.mark.parametrize("width", [PHONE, WIDE])
def test_the_longest_names_of_two_frameworks_stand_whole_beside_their_line(width: float, lang: str) -> None:
    pairs = [("keras-tensorflow", "keras-jax"), ("keras-tensorflow", "torch"), ("keras-jax", "")]
    made = pd.DataFrame([
        (*pair, dtype, "breast_cancer", "mlp", "adam", "sigmoid", seed, step, 1e-6 * (1 + seed))
        for pair in pairs for dtype in ("float32", "float64") for seed in range(2) for step in (0, 20, 40)
    ], columns=tables.SCHEMAS["framework_distances"])  # fmt: skip
    figure = figures.framework_distances(made, width=width, messages=messages_in(lang))
    assert [text.get_text() for text, box in writing(figure) if box.x1 > figure.bbox.x1] == []
