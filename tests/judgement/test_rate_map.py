"""The rate map: what it concludes, what it draws, and what the report says of it, from tables worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import synthetic_tables as synthetic
from lettering_cases import DRAWN

from experiments.figures import Chart, Messages, colour, rate_map, rate_map_in_short
from experiments.figures.lettering import messages_in
from experiments.figures.rate_map import finding
from experiments.figures.style import INK
from experiments.heads import HEADS
from experiments.networks import NETWORKS
from experiments.report import CATALOGUES
from experiments.report.sections.rates import rates
from experiments.report.stored import Stored
from experiments.tables import MAIN, SCHEMAS

MARGIN = 0.02
CELLS = [(task, network, "sgd") for task in ("moons", "fair", "phishing") for network in ("linear", "gru")]


def points(slopes: list[float], most: float = 0.0) -> pd.DataFrame:
    """A `rate_map` with a line a cell through 0 at sigmoid's best rate; at 8 times that the difference is `most`."""
    rows = [
        (MAIN, *cell, 2.0 ** (step - 5), step, "softmax", "sigmoid", "nll", 20,
         most if step == 3 and most else slope * step, slope * step - 0.001, slope * step + 0.001, MARGIN)
        for cell, slope in zip(CELLS, slopes, strict=False) for step in range(-3, 4)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=SCHEMAS["rate_map"])


def law(*found: tuple[float, float, bool, bool]) -> pd.DataFrame:
    """A `rate_law`, a cell for each (mean below, mean above, decided for fresh rows, decided for these rows)."""
    rows = [
        (MAIN, *cell, estimand, 2.0**-5, 20, 0.1, -0.1, 0.3, below, below - 0.01, below + 0.01, 0.001, above,
         above - 0.01, above + 0.01, 0.001, decided, (below < 0 < above) if decided else None)
        for cell, (below, above, fresh, these) in zip(CELLS, found, strict=False)
        for estimand, decided in (("fresh rows", fresh), ("these rows", these))
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=SCHEMAS["rate_law"])


USUAL = law((-0.1, 0.1, True, True), (-0.1, 0.2, False, True), (-0.1, -0.1, False, True), (0.1, 0.3, False, False))
FOUR = [0.01, 0.02, 0.03, 0.1]


def drawn(figure: Chart) -> dict[str, list[np.ndarray]]:
    """The heights of the lines by colour."""
    lines: dict[str, list[np.ndarray]] = {}
    for line in figure.axes[0].lines:
        if len(line.get_xdata()) > 2:
            lines.setdefault(str(line.get_color()), []).append(np.asarray(line.get_ydata(), float))
    return lines


@pytest.mark.parametrize("lang", DRAWN)
@pytest.mark.parametrize("width", [3.58, 5.2])
@pytest.mark.parametrize("slopes", [FOUR, [0.001, 0.0], [-0.02, -0.03, 0.001]])
def test_the_medians_name_stands_beside_its_line(slopes: list[float], width: float, lang: str) -> None:
    figure = rate_map_in_short(points(slopes), USUAL, width=width, messages=messages_in(lang))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    (name,) = axes.texts[:1]
    assert name.get_text() == messages_in(lang)("rate_map.median_of", cells=len(slopes))
    box = name.get_window_extent()
    (line,) = (line for line in axes.lines if line.get_color() == INK and len(line.get_xdata()) > 2)
    x, y = axes.transData.transform(np.column_stack([line.get_xdata(), line.get_ydata()])).T
    across = np.linspace(box.x0, box.x1, 50)
    heights = np.interp(across, x, y)
    # pixels: all of the name is under the line, or all of it over the line
    assert max((heights - box.y1).min(), (box.y0 - heights).min()) > 2
    assert axes.bbox.y0 < box.y0 < box.y1 < axes.bbox.y1
    assert axes.bbox.x0 < box.x0


def test_the_finding_counts_the_cells_that_are_decided_on_both_sides() -> None:
    figure = rate_map(points(FOUR), USUAL)
    assert "in 2 of the 3 cells that are decided on both sides for their own rows" in figure.finding
    assert "and in 1 of 1 for fresh rows (4 cells swept)" in figure.finding
    nothing = rate_map(points(FOUR), USUAL.assign(decided=False, predicted=None))
    assert "is not decided in any of 4 cells" in nothing.finding
    chinese = finding(USUAL, messages_in("zh"))  # drawing it would take a font with Chinese letters
    assert all(text in chinese for text in ("3 个单元中有 2 个", "1 个中有 1 个", "4 个单元"))


def test_a_line_a_cell_in_its_networks_colour_and_their_median() -> None:
    lines = drawn(rate_map(points(FOUR), USUAL))
    steps = np.arange(-3, 4)
    by_size = {ink: sorted(found, key=max) for ink, found in lines.items()}
    np.testing.assert_allclose(by_size[NETWORKS["linear"].colour], [0.01 * steps, 0.03 * steps])
    np.testing.assert_allclose(by_size[NETWORKS["gru"].colour], [0.02 * steps, 0.1 * steps])
    np.testing.assert_allclose(lines[INK], [0.025 * steps])


def test_each_network_has_a_colour_that_no_arm_has() -> None:
    arms = {colour(head) for head in HEADS}
    inks = [network.colour for network in NETWORKS.values() if network.colour]
    assert len(inks) >= 6
    assert len({*inks} | arms) == len(inks) + len(arms)
    mine = points(FOUR).assign(network="my_network")
    assert rate_map(mine.drop_duplicates(["task", "network", "optimizer", "relative"]), USUAL).png()[:4] == b"\x89PNG"


def test_the_axes_count_from_the_best_rate_and_from_no_difference() -> None:
    axes = rate_map(points(FOUR), USUAL).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1/8", "1/4", "1/2", "best", "2", "4", "8"]
    assert list(axes.get_xticks()) == list(range(-3, 4))
    assert axes.get_yscale() == "symlog"
    low, high = axes.get_ylim()
    assert low == -high
    shown = ["−0.2", "−0.06", "−0.02", "0", "+0.02", "+0.06", "+0.2"]  # multiples of the margin
    assert [label.get_text() for label in axes.get_yticklabels()] == shown
    crossed = [np.transpose(line.get_data()).tolist() for line in axes.lines if len(line.get_xdata()) == 2]
    assert [[0, 1], [0, 0]] in [np.transpose(line).tolist() for line in crossed]  # no difference, from edge to edge
    assert [[0, 0], [0, 1]] in [np.transpose(line).tolist() for line in crossed]  # the best rate
    better = {text.get_text(): text.get_position()[1] for text in axes.texts}
    assert better["softmax better"] < 0.5 < better["sigmoid better"]


def test_what_broke_down_neither_flattens_the_map_nor_leaves_it() -> None:
    wild = points(FOUR, most=400.0)
    figure = rate_map(wild, USUAL)
    assert figure.axes[0].get_ylim()[1] == pytest.approx(30 * MARGIN)
    assert max(line.max() for line in drawn(figure)[NETWORKS["gru"].colour]) == pytest.approx(30 * MARGIN)
    gone = wild.assign(mean=wild["mean"].where(wild["mean"] < 400))
    lines = drawn(rate_map(gone, USUAL))
    assert {len(line) for line in lines[NETWORKS["gru"].colour]} == {6}
    assert len(lines[INK][0]) == 6


def test_a_map_without_a_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="no cell"):
        rate_map(points(FOUR).iloc[:0], USUAL)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_report_shows_the_map_first_then_the_cells_and_names_each_exception(tmp_path: Path, lang: str) -> None:
    made = synthetic.tables()
    known = {name: made[name] for name in ("cells", "learning_rates", "shifts", "rate_gaps")}
    out = synthetic.write(tmp_path / "out", {**known, "rate_map": points(FOUR), "rate_law": USUAL}, notebooks=False)
    messages = Messages(lang=lang, paths=CATALOGUES)
    section = rates(Stored(out, out), messages)
    assert section is not None
    names = [getattr(block, "name", "").removesuffix(f".{lang}") for block in section.blocks]
    pictures = [name for name in names if name]
    assert pictures == ["rate_map", "learning_rates"]
    exceptions, fold = section.blocks[2:4]
    (table,) = fold.blocks
    cell = messages.cell(("fair", "linear", "sgd"))
    assert exceptions.body.count(" · ") == 2
    said = messages("rates.exception.lowerlower", cell=cell, estimand=messages("rates.these"))
    assert said in exceptions.body
    outcomes = {row[0]: [span.text for span in row[-2:]] for row in table.rows}
    yes, no, still = messages("rates.predicted"), messages("rates.unpredicted"), messages("outcome.undecided")
    assert outcomes == {
        messages.cell(("moons", "linear", "sgd")): [yes, yes], messages.cell(("moons", "gru", "sgd")): [still, yes],
        cell: [still, no], messages.cell(("fair", "gru", "sgd")): [still, still],
    }  # fmt: skip
    assert table.rows[0][3].text == "−0.100 [−0.110, −0.090]"
    assert table.rows[0][2].text == "+0.100 [−0.100, 0.300]"


def test_without_exceptions_the_report_says_so(tmp_path: Path) -> None:
    made = synthetic.tables()
    known = {name: made[name] for name in ("cells", "learning_rates", "shifts", "rate_gaps")}
    table = law((-0.1, 0.1, True, True), (-0.1, 0.2, False, True))
    out = synthetic.write(tmp_path / "out", {**known, "rate_map": points(FOUR[:2]), "rate_law": table}, notebooks=False)
    section = rates(Stored(out, out), Messages(paths=CATALOGUES))
    assert section is not None
    assert section.blocks[2].body == "No cell that is decided on both sides contradicts the prediction."
    table.assign(decided=False, predicted=None).to_parquet(out / "tables" / "rate_law.parquet", index=False)
    section = rates(Stored(out, out), Messages(paths=CATALOGUES))
    assert section is not None
    assert section.blocks[2].body == "No cell is decided on both sides."  # which is no agreement
