"""Figures: what they draw, what they conclude, and the colours and words that they share."""

from __future__ import annotations

import io
import itertools
import math
import re
import string
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import synthetic_tables as synthetic
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from experiments import tables
from experiments.figures import (
    ENGLISH,
    Messages,
    attribution,
    colour,
    finding_of,
    forest,
    gradient_norms,
    learning_rates,
    lettering,
    loss_curves,
    paired_differences,
    rounding,
    style,
)
from experiments.figures.causes import percent
from experiments.figures.files import FONT, small_png, source_of, squeeze
from experiments.figures.lettering import STRINGS, panel_title, wrap
from experiments.figures.panels import ARMS, interval, panels, telling
from experiments.figures.style import PAPER, label_ends, readable, spread
from experiments.figures.ticks import log_ticks
from experiments.heads import HEADS
from experiments.judgement import FRESH, OUTCOMES, shifts
from experiments.messages import LANGUAGES, catalogue
from experiments.records import UserError
from experiments.stats import clusters, corrected_t


@pytest.fixture(scope="module")
def curves() -> pd.DataFrame:
    return synthetic.curves(seeds=5)


@pytest.fixture(scope="module")
def one(curves: pd.DataFrame) -> pd.DataFrame:
    return curves.loc[curves["task"] == "moons"]


@pytest.fixture(scope="module")
def pairs(curves: pd.DataFrame) -> pd.DataFrame:
    finals, runs = synthetic.finals(curves), synthetic.runs(curves)
    return pd.concat([tables.pair(finals, runs, head).assign(head=head) for head in synthetic.HEADS[1:]])


# colours ------------------------------------------------------------------------------------------------------------


def luminance(name: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(name)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_every_arm_has_a_colour_of_its_own() -> None:
    assert len({head.colour for head in HEADS.values()} - {""}) == len(HEADS)


def test_an_arm_that_a_user_adds_gets_one_colour_that_no_arm_has() -> None:
    assert colour("my_head") == colour("my_head")
    assert colour("my_head") not in map(colour, HEADS)


@pytest.mark.parametrize("head", list(HEADS))
def test_colours_show_on_the_light_and_on_the_dark_page(head: str) -> None:
    assert contrast(colour(head), PAPER) >= 2.5
    assert contrast(colour(head), "#16191d") >= 2.5


@pytest.mark.parametrize("ground", [PAPER, "#16191d"])
@pytest.mark.parametrize("head", list(HEADS))
def test_writing_in_an_arms_colour_can_be_read_on_either_page(head: str, ground: str) -> None:
    """WCAG 2.2 AA; a colour that can be read stays as it is."""
    written = readable(colour(head), ground)
    assert contrast(written, ground) >= 4.5
    assert (written == colour(head)) == (contrast(colour(head), ground) >= 5)


def test_a_figures_writing_is_readable_in_the_light_and_in_the_dark(one: pd.DataFrame) -> None:
    text = loss_curves(one).svg("a")
    light, dark = (dict(re.findall(r"--([0-9a-f]{6}):(#[0-9a-f]{6})", sheet)) for sheet in text.split("@media", 1))
    dark = {name: dark[name] for name in light}
    assert {colour("sigmoid"), readable(colour("softmax"), PAPER)} <= set(light.values())
    for inks, ground in ((light, PAPER), (dark, "#16191d")):
        assert min(contrast(ink, ground) for ink in inks.values()) >= 4.5


# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB
BLIND = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lab(name: str, blindness: str) -> np.ndarray:
    """CIE L*a*b* (D65) of a colour as somebody with `blindness` sees it."""
    linear = np.array([c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(name)])
    seen = np.clip(np.array(BLIND[blindness]) @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(to_xyz @ seen / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("blindness", BLIND)
@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(ARMS, 2)))
def test_the_arms_of_most_figures_stay_apart_for_the_colour_blind(first: str, second: str, blindness: str) -> None:
    assert np.linalg.norm(lab(colour(first), blindness) - lab(colour(second), blindness)) > 15


# words --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", catalogue(STRINGS))
def test_every_string_is_there_in_every_language_with_the_same_placeholders(key: str) -> None:
    texts = catalogue(STRINGS)[key]
    assert set(texts) == set(LANGUAGES)
    fields = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in texts.values()]
    assert fields[0] == fields[1]


def test_an_unknown_language_names_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"'fr'.*en, zh"):
        Messages(lang="fr")


# statistics that figures draw ---------------------------------------------------------------------------------------


def test_interval_is_students_widened_for_overlapping_splits() -> None:
    mean, low, high = interval(np.array([[1.0], [2.0], [3.0]]))
    reach = 4.30265 * math.sqrt(1 / 3 + 1 / 3)  # t(2) at 97.5 %; 1/n + test over train
    assert mean[0] == 2
    assert (low[0], high[0]) == pytest.approx((2 - reach, 2 + reach), rel=1e-5)


def test_an_interval_over_a_diverged_seed_is_a_gap() -> None:
    assert np.isnan(interval(np.array([[1.0], [2.0], [math.inf]]))).all()


def test_spread_moves_labels_apart_and_no_further() -> None:
    np.testing.assert_allclose(spread([0.0, 0.5, 0.5, 1.0], 0.1), [0.0, 0.45, 0.55, 1.0])


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.01, 100.0, "0.01 0.1 1 10 100"),
        (2e-5, 30.0, "0.0001 0.001 0.01 0.1 1 10"),
        (9e-10, 30.0, "1e−09 1e−07 1e−05 0.001 0.1 10"),
        (0.2, 4.0, "0.3 1 3"),
        (0.5, 2.2, "0.5 1 2"),
        (0.07, 0.4, "0.07 0.1 0.15 0.2 0.3"),
        (0.1, 0.2, "0.1 0.15 0.2"),
        (0.12, 0.21, "0.12 0.14 0.16 0.18 0.2"),
        (0.75, 1.05, "0.8 0.9 1"),
    ],
)
def test_a_logarithmic_axis_is_labelled_in_three_to_seven_plain_numbers(low: float, high: float, labels: str) -> None:
    axes = Figure().add_subplot()
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    log_ticks(axes, low, high)
    ticks = [tick for tick in axes.get_yticks() if low <= tick <= high]
    assert axes.yaxis.get_major_formatter().format_ticks(ticks) == labels.split()
    assert len(axes.get_yticks(minor=True)) == 0


def test_names_take_a_second_line_before_they_are_cut() -> None:
    key = ENGLISH.parts(("breast_cancer", "mlp", "adamw"))
    assert panel_title(key, 3.0) == "breast cancer · MLP · AdamW"
    assert panel_title(key, 1.2) == "breast cancer\nMLP · AdamW"
    assert panel_title(key, 0.7).startswith("breast")


def test_a_picture_is_a_small_file_in_the_right_colours(one: pd.DataFrame) -> None:
    figure = loss_curves(one)
    picture = Image.open(io.BytesIO(figure.png(dpi=100)))
    assert picture.size == figure.pixels
    found = np.array([ink for _, ink in picture.convert("RGB").getcolors(1 << 24)])
    for name in (PAPER, colour("sigmoid"), colour("softmax")):
        assert np.abs(found - 255 * np.array(to_rgb(name))).sum(axis=1).min() < 24


def test_ratio_of_paired_norms_is_the_predicted_root_of_two(one: pd.DataFrame) -> None:
    (panel,) = panels(one, "grad_norm", "head", ARMS, "train")
    np.testing.assert_allclose(panel.ratio("softmax_matched"), math.sqrt(2))


# figures ------------------------------------------------------------------------------------------------------------


def test_loss_curves_of_one_cell_show_both_splits_and_conclude_from_the_test_rows(one: pd.DataFrame) -> None:
    figure = loss_curves(one)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["training rows", "", "test rows", ""]
    last = one.loc[(one["step"] == 400) & (one["quantity"] == "nll") & (one["split"] == "test")]
    gap = last.loc[last["head"] == "softmax", "value"].mean() - last.loc[last["head"] == "sigmoid", "value"].mean()
    assert f"{abs(gap):.3g} NLL {'above' if gap > 0 else 'below'} sigmoid on test rows" in figure.finding


def test_a_curve_is_a_median_and_its_band_reaches_to_the_quartiles(one: pd.DataFrame) -> None:
    """Of five seeds the third, and the second and fourth; a run that is not finite counts as the largest."""
    losses = dict(enumerate([5, 1, 4, 2, 3]))
    table = one.loc[one["head"] == "sigmoid"].assign(value=lambda rows: rows["seed"].map(losses))
    for most in (5.0, math.inf, math.nan):
        axes = loss_curves(table.assign(value=table["value"].replace(5, most)), heads=["sigmoid"]).axes[0]
        assert set(axes.lines[0].get_ydata()) == {3}
        assert set(axes.collections[0].get_paths()[0].vertices[:, 1]) == {2, 4}


def test_loss_curves_of_several_cells_count_the_cells(curves: pd.DataFrame) -> None:
    figure = loss_curves(curves)
    assert "lower in 8 and higher in 0 of 8 cells, in 0 the 95\u00a0% interval holds 0" in figure.finding
    assert len(figure.axes) == 2 * 6  # of more than six cells the six that tell most


def test_a_line_has_the_colour_of_its_arm_in_every_figure(one: pd.DataFrame) -> None:
    for figure in (loss_curves(one), gradient_norms(one)):
        drawn = {line.get_color() for axes in figure.axes for line in axes.lines}
        assert {colour("sigmoid"), colour("softmax"), colour("softmax_matched")} <= drawn


def test_gradient_norms_draw_and_state_the_predicted_ratio(curves: pd.DataFrame, one: pd.DataFrame) -> None:
    for table in (curves, one):
        figure = gradient_norms(table)
        lines = [line.get_ydata()[0] for axes in figure.axes for line in axes.lines if len(line.get_xdata()) == 2]
        assert pytest.approx(math.sqrt(2)) in lines
        assert "1.414 times sigmoid's and its trunk gradient 1.000 times" in figure.finding


def test_gradient_norms_of_very_different_sizes_fit_a_logarithmic_axis(one: pd.DataFrame) -> None:
    scale = np.where(one["head"] == "softmax", np.where(one["step"] > 200, 50.0, 0.02), 1.0)
    assert gradient_norms(one.assign(value=one["value"] * scale)).axes[0].get_ylim()[0] > 0


def test_a_scope_in_which_sigmoid_has_no_gradient_is_not_drawn(one: pd.DataFrame) -> None:
    """There is nothing that the other arms' norms could be multiples of."""
    norms = one["quantity"] == "grad_norm"
    for nothing in (norms & (one["head"] == "sigmoid"), norms):
        with pytest.raises(ValueError, match="no gradient norm"):
            gradient_norms(one.assign(value=one["value"].where(~nothing, 0.0)))
    trunk = norms & (one["scope"] == "trunk")
    drawn = gradient_norms(one.assign(value=one["value"].where(~trunk, 0.0)))
    assert not any("Trunk" in axes.get_title(loc="left") for axes in drawn.axes)


@pytest.mark.parametrize(
    ("values", "heights"),
    [
        ([18.0, 12.0], [0.8, 0.2]),
        ([15.0, 15.0], [0.45, 0.55]),  # pushed apart, as little as needed
        ([14.0, 14.5, 19.0], [0.375, 0.475, 0.9]),
        ([10.0, 20.0, math.nan], [0.05, 0.95]),  # inside the axes; what is no number has no end
        ([9.0, 10.0], [0.05, 0.15]),
        ([20.0, 20.0], [0.85, 0.95]),
        ([15.0] * 20, [(number + 0.5) / 20 for number in range(20)]),  # as far apart as there is room for
    ],
)
def test_names_stand_at_the_ends_of_their_lines_and_apart(values: list[float], heights: list[float]) -> None:
    """On axes from 10 to 20, at least a tenth of their height apart."""
    figure = Figure()
    axes = figure.subplots()
    axes.set_ylim(10, 20)
    label_ends(axes, [(f"line {number}", value, "black") for number, value in enumerate(values)], gap=0.1)
    placed = {text.get_text(): text.xy for text in axes.texts}  # type: ignore[attr-defined]
    assert [placed[f"line {number}"][1] for number in range(len(placed))] == pytest.approx(heights)
    assert {x for x, _ in placed.values()} == {1}


def test_a_linear_network_has_no_trunk_to_draw(curves: pd.DataFrame) -> None:
    figure = gradient_norms(curves.loc[curves["network"] == "linear"])
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert "Head (last layer)" in titles
    assert not any("Trunk" in title for title in titles)


def test_a_diverged_seed_leaves_a_figure(one: pd.DataFrame) -> None:
    broken = one.copy()
    hit = (broken["seed"] == 0) & (broken["head"] == "softmax") & (broken["step"] > 100)
    broken.loc[hit, "value"] = math.inf
    broken.loc[hit & (broken["step"] > 200), "value"] = math.nan
    figure = loss_curves(broken)
    assert figure.finding == "NLL: 1 of 5 pairs end at a value that is not finite"
    assert [text.get_text() for text in figure.axes[0].texts][-1] == "not finite: softmax 1"
    assert gradient_norms(broken).png()[:4] == b"\x89PNG"


def test_of_many_cells_each_network_shows_the_one_where_the_arms_differ_most(curves: pd.DataFrame) -> None:
    every = panels(curves, "nll", "", ARMS, "test")
    chosen = telling(every, 5)
    assert {panel.key[1] for panel in chosen} == {"mlp", "linear", "cnn", "deep_mlp", "gru"}
    size = {panel.key: abs(panel.difference("softmax").mean()) for panel in every if panel.key[1] == "mlp"}
    assert max(size, key=lambda key: size[key]) in {panel.key for panel in chosen}


def test_pairs_of_one_cell_are_drawn_a_row_an_arm(pairs: pd.DataFrame) -> None:
    figure = paired_differences(pairs.loc[pairs["task"] == "moons"])
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert shown == [ENGLISH.name("arm", head) for head in synthetic.HEADS[1:]]
    assert figure.finding.startswith("softmax differs most from sigmoid: NLL +")


def test_a_pair_is_a_dot_beside_its_rows_line_on_either_side(pairs: pd.DataFrame) -> None:
    rows = pairs.loc[(pairs["task"] == "moons") & (pairs["head"] != "softmax1")]
    (axes,) = paired_differences(rows).axes
    heads = list(dict.fromkeys(rows["head"]))
    assert len(axes.collections) == len(heads)
    away = []
    for row, (head, dots) in enumerate(zip(heads, axes.collections, strict=True)):
        at, beside = np.asarray(dots.get_offsets()).T
        drawn = rows.loc[(rows["head"] == head) & (rows["quantity"] == "nll") & (rows["split"] == "test")]
        np.testing.assert_allclose(np.sort(at), np.sort(drawn["difference"]))
        away += list(beside - row)
    assert -0.25 < min(away) < -0.15
    assert 0.15 < max(away) < 0.25


def test_pairs_of_several_cells_are_drawn_a_row_a_cell(pairs: pd.DataFrame) -> None:
    figure = paired_differences(pairs)
    assert len(figure.axes[0].get_yticklabels()) == len(synthetic.CELLS)
    assert "of 8 cells, by the 95\u00a0% intervals" in figure.finding


def test_the_forest_counts_outcomes() -> None:
    table = synthetic.differences()
    rows = table.loc[(table["quantity"] == "nll") & (table["head"] == "softmax") & (table["estimand"] == FRESH)]
    figure = paired_differences(table)
    # "larger" is what lies beyond the margin whole; "different", once the name of both, has its size open
    number = rows["outcome"].value_counts()
    assert set(number.index) == set(OUTCOMES)
    assert f"{number['larger']} of 8 cells differ by more than the margin" in figure.finding
    assert f"{number['different']} differ with the size open, {number['negligible']} by less" in figure.finding
    assert f"{number['equivalent']} are equivalent, {number['undecided']} undecided" in figure.finding
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    order = rows.sort_values("mean")[["task", "network", "optimizer"]]
    assert shown == [ENGLISH.cell(key) for key in order.itertuples(index=False)]
    assert "within the margin" in [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize("draw", [loss_curves, gradient_norms, paired_differences])
def test_a_table_without_the_quantity_is_refused_by_name(draw: Any, one: pd.DataFrame) -> None:
    table = one.loc[one["quantity"] == "brier"].assign(outcome="", baseline="sigmoid")
    with pytest.raises(ValueError, match="hold no"):
        draw(table)


def test_svg_takes_its_ink_from_the_readers_scheme_and_is_the_same_twice(one: pd.DataFrame) -> None:
    first, again = (loss_curves(one).svg("a") for _ in range(2))
    assert first == again
    assert "prefers-color-scheme:dark" in first
    assert "fill:var(--ink)" in first
    assert "<text" in first


def test_an_svg_has_no_group_that_groups_nothing_and_no_space_between_its_parts(one: pd.DataFrame) -> None:
    text = loss_curves(one).svg("a")
    assert "<g>" not in text
    assert text.count("<g ") == text.count("</g>")
    assert not re.search(r">\s+<", text)
    ElementTree.fromstring(text)


def test_the_letters_of_an_svg_are_the_readers_sans_serif(one: pd.DataFrame) -> None:
    """A variable that is defined by itself is no font at all: a browser then falls back to its serif."""
    text = loss_curves(one).svg("a")
    (defined,) = re.findall(r"--font:([^;}]*)", text)
    assert defined == FONT
    assert defined.endswith(",sans-serif")
    rules = dict(re.findall(r"\.(s\d+)\{([^}]*)\}", text))
    styles = [rules.get(found[1], found[0]) for found in re.findall(r"<text (?:style=\"([^\"]*)|class=\"(s\d+))", text)]
    assert len(styles) == len(re.findall(r"<text ", text)) > 10
    assert all("var(--font)" in style for style in styles)


def test_a_notebook_shows_a_chart_as_a_picture(one: pd.DataFrame) -> None:
    assert loss_curves(one)._repr_png_()[:4] == b"\x89PNG"


def test_a_forest_draws_the_intervals_for_fresh_rows_alone() -> None:
    table = synthetic.differences()
    rows = table.loc[(table["quantity"] == "nll") & (table["head"] == "softmax")]
    fresh = rows.loc[rows["estimand"] == FRESH]
    assert len(rows) == 2 * len(fresh)
    first, again = (forest(part).svg("a") for part in (rows, fresh))
    assert first == again


def test_a_wild_cell_does_not_flatten_the_others_and_ends_in_an_arrow() -> None:
    table = synthetic.differences()
    rows = table.loc[(table["quantity"] == "nll") & (table["head"] == "softmax")]
    rows = rows.loc[rows["estimand"] == FRESH].copy()
    rows.iloc[0, rows.columns.get_indexer(["mean", "low", "high"])] = [50.0, 40.0, 60.0]
    axes = forest(rows).axes[0]
    assert axes.get_xlim()[1] < 5
    assert ">" in {line.get_marker() for line in axes.lines}


def test_a_forest_reaches_beyond_the_widest_margin_and_to_the_furthest_end() -> None:
    """Half as far again as the margin; a cell without a margin changes nothing."""
    table = synthetic.differences()
    rows = table.loc[(table["quantity"] == "nll") & (table["head"] == "softmax") & (table["estimand"] == FRESH)]
    rows = rows.assign(mean=0.0, low=-0.01, high=0.01, margin=[math.nan, *[0.1] * (len(rows) - 1)])
    assert forest(rows).axes[0].get_xlim() == pytest.approx((-0.15 * 1.04, 0.15 * 1.04))
    far = rows.assign(low=-0.3, high=0.4)
    assert forest(far).axes[0].get_xlim() == pytest.approx((-0.4 * 1.04, 0.4 * 1.04))


def test_a_forest_of_hundreds_shows_both_ends() -> None:
    cells = [(f"task{n}", "mlp", "sgd") for n in range(60)]
    table = synthetic.differences(cells)
    figure = forest(table.loc[table["head"] == "softmax"], quantities=["nll", "accuracy"])
    assert len(figure.axes[0].get_yticklabels()) == 44
    assert "of 60 in NLL" in figure.finding


def attribution_table() -> pd.DataFrame:
    shares = {"initialisation": 0.01, "head_rate": -0.03, "arithmetic": 0.0}
    rows = [
        {"task": task, "network": "mlp", "optimizer": "sgd", "quantity": "nll_curve", "factor": factor,
         "share": share * size, "low": 0.0, "high": 0.0}
        for task, size in (("moons", 1.0), ("fair", 3.0)) for factor, share in shares.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_attribution_states_each_factors_part() -> None:
    figure = attribution(attribution_table())
    assert (
        "head's learning rate 75 %, starting weights 25 %; arithmetic, the framework's included, 0 %"
        in figure.finding.replace("\u00a0", " ")
    )


def test_attribution_bars_end_at_the_sums_and_a_dot_is_the_difference() -> None:
    axes = attribution(attribution_table()).axes[0]
    edges = sorted((round(bar.get_x(), 9), round(bar.get_x() + bar.get_width(), 9)) for bar in axes.patches)
    assert (0.0, 0.03) in edges
    assert (0.0, -0.09) in edges
    (dots,) = [line for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(dots.get_xdata(), [-0.06, -0.02])


def test_percent_never_rounds_something_to_nothing() -> None:
    shown = [percent(part).replace("\u00a0", " ") for part in (0.0, 1e-9, 0.042, 0.5, 0.9999)]
    assert shown == ["0 %", "< 0.1 %", "4.2 %", "50 %", "100.0 %"]


def test_learning_rates_draw_sigmoid_where_theory_puts_softmax() -> None:
    sweep = synthetic.learning_rates()
    figure = learning_rates(sweep, shifts(sweep))
    assert "Linear models: softmax is sigmoid at 2 times the rate" in figure.finding
    axes = figure.axes[0]
    assert axes.get_title(loc="left").startswith("breast cancer\nlinear · SGD\nshift +1 ")
    lines = {(line.get_color(), line.get_linestyle()): line for line in axes.lines}
    dotted, softmax = lines[colour("sigmoid"), ":"], lines[colour("softmax"), "-"]
    both = np.intersect1d(dotted.get_xdata(), softmax.get_xdata())
    values = [dict(zip(line.get_xdata(), line.get_ydata(), strict=True)) for line in (dotted, softmax)]
    finite = [x for x in both if np.isfinite([value[x] for value in values]).all()]
    assert len(finite) > 5
    np.testing.assert_allclose(*[[value[x] for x in finite] for value in values])


@pytest.mark.parametrize(("width", "across"), [(3.58, 1), (7.2, 3)])
def test_learning_rates_of_many_cells_stand_three_abreast_and_alone_on_a_phone(width: float, across: int) -> None:
    cells = [(task, network, "sgd") for task in ("moons", "fair", "phishing") for network in ("linear", "mlp", "gru")]
    sweep = synthetic.learning_rates(cells)
    figure = learning_rates(sweep, shifts(sweep), width=width)
    assert len(figure.axes) == 6
    boxes = [axes.get_position() for axes in figure.axes]
    assert len({round(box.x0, 3) for box in boxes}) == across
    assert len({round(box.y0, 3) for box in boxes}) == 6 // across
    titles = " ".join(axes.get_title(loc="left") for axes in figure.axes)
    assert [titles.count(network) for network in ("linear", "MLP", "GRU")] in ([3, 1, 2], [3, 2, 1])


def test_the_drift_of_the_matched_arm_is_that_of_the_last_step(one: pd.DataFrame) -> None:
    """1e-7 a step in float32 and 1e-16 in float64, and twice as much in the last seed."""
    matched = one["head"] == "softmax_matched"

    def drifting(rate: float) -> pd.DataFrame:
        """The matched arm apart from a sigmoid that stays at 0."""
        apart = rate * one["step"] * np.where(one["seed"] == one["seed"].max(), 2, 1)
        return one.assign(value=np.where(matched, apart, 0.0))

    single, double = drifting(1e-7), drifting(1e-16)
    figure = rounding(single, double)
    assert figure.finding == ENGLISH(
        "rounding.finding", unit=ENGLISH.or_key("unit", "nll"), single="4e−05", single_most="8e−05",
        double="4e−14", double_most="8e−14",
    )  # fmt: skip
    lines = [line for line in figure.axes[0].lines if line.get_color() == colour("softmax_matched")]
    assert {line.get_linestyle(): line.get_ydata()[-1] for line in lines} == {
        "--": pytest.approx(4e-5), "-": pytest.approx(4e-14),
    }  # fmt: skip


def test_chinese_breaks_after_any_letter_but_begins_no_line_with_a_comma() -> None:
    text = "训练结束时\uff0csoftmax 的负对数似然比 sigmoid 低"
    lines = wrap(text, 1.0, 10.5).split("\n")
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert max(sum(2 if ord(letter) > 0x2E80 else 1 for letter in line) for line in lines) <= 13
    assert not any(line.startswith("\uff0c") for line in lines)
    assert wrap("a figure wraps at its words", 1.0, 10.5) == "a figure\nwraps at\nits words"


def test_the_first_font_that_has_every_chinese_letter_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    every = frozenset(range(0x2E80, 0x10000))
    fonts = {"Noto Sans CJK SC": every - {ord("训")}, "SimHei": every, "SimSun": every, lettering.LATIN: frozenset()}
    monkeypatch.setattr(lettering, "_letters", fonts.__getitem__)
    for installed, taken in ((list(fonts), "SimHei"), (["SimSun", "SimHei"], "SimHei"), (["Noto Sans CJK SC"], None)):
        monkeypatch.setattr(lettering.fontManager, "get_font_names", lambda installed=installed: installed)
        assert lettering._first() == taken


def test_a_squeezed_picture_is_smaller_and_the_same(tmp_path: Path) -> None:
    pixels = np.zeros((64, 64, 4), dtype=np.uint8)
    pixels[::3, ::2] = 200
    pixels[..., 3] = 255
    path = tmp_path / "picture.png"
    path.write_bytes(small_png(pixels.tobytes(), (64, 64), "of the test"))
    before, size = np.asarray(Image.open(path).convert("RGB")), path.stat().st_size
    squeeze(path)
    assert path.stat().st_size < size
    assert np.array_equal(np.asarray(Image.open(path).convert("RGB")), before)
    assert source_of(path) == "of the test"


def test_the_interval_of_a_curve_allows_for_the_rows_that_its_seeds_share(one: pd.DataFrame) -> None:
    """Rows of their own, one table split again by each seed, and two seeds a split: as `clusters` has it."""
    keys = ["task", "network", "optimizer", "head", "seed"]
    runs = one[keys].drop_duplicates().assign(sample=lambda table: table["seed"], shared=1.0)
    for table in (runs.assign(shared=0.0), runs, runs.assign(sample=runs["seed"] // 2)):
        (panel,) = panels(one, "nll", "", ARMS, "test", table)
        d = panel.difference("softmax")[:, -1:]
        samples = table.drop_duplicates("seed").set_index("seed")["sample"].loc[panel.seeds].to_numpy()
        allowed = clusters(d.T, samples, float(table["shared"].mean())).fresh
        assert [end[0] for end in panel.interval(d)[1:]] == pytest.approx(
            [end[0] for end in corrected_t(d.T, allowed)]
        )
    (unknown,), (known,) = panels(one, "nll", "", ARMS, "test"), panels(one, "nll", "", ARMS, "test", runs)
    assert unknown.interval(d)[1] == pytest.approx(known.interval(d)[1])  # the worst case


def test_a_finding_is_asked_for_without_laying_a_figure_out(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = synthetic.differences()
    table = rows.loc[(rows["quantity"] == "nll") & (rows["head"] == "softmax")]
    drawn = forest(table).finding
    monkeypatch.setattr(style, "Chart", None)
    assert finding_of(forest, table) == drawn
    with pytest.raises(TypeError):  # asked for a figure again, it draws
        forest(table)
