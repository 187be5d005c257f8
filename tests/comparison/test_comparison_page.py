"""The sections of a comparison's page and its figures, from a comparison that is written down by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from matplotlib.collections import LineCollection
from section_tables import cells_of, flat, paragraphs, pictures_of, tables_of, undrawn, words  # noqa: F401
from test_comparison_answer import LOSSES, OWN, rows, sweep

from experiments.comparison import chart, page
from experiments.comparison import save as saving
from experiments.comparison.advice import Advice
from experiments.comparison.answer import Verdict, name_of
from experiments.comparison.chart import margins, rates
from experiments.comparison.judge import primary
from experiments.comparison.result import Comparison
from experiments.comparison.save import page_messages
from experiments.comparison.tuning import tune
from experiments.heads import HEADS
from experiments.judgement import THESE
from experiments.records import UserError
from experiments.report import First, Section, Text
from experiments.stats import QUANTITIES

M = page_messages("en")
OUTCOMES = {"nll_curve": ("larger", 0.1), "nll": ("different", -0.03), "accuracy": ("undecided", 0.02)}


def comparison(**changes: Any) -> Comparison:
    """Five primary quantities, one other arm, two looks, three seeds' curves; one rate unless a sweep is given."""
    differences = rows(OUTCOMES).assign(noise_floor=0.01)
    other = differences.iloc[:1].assign(head="softmax_init", estimand=THESE, mean=-0.5, low=-0.6, high=-0.4)
    shares = pd.DataFrame({"quantity": ["nll_curve", "nll_curve", "nll", "nll"], "share": [0.08, 0.02, -0.03, 0],
                           "factor": ["arithmetic", "head_rate"] * 2})  # fmt: skip
    shares = shares.assign(low=shares["share"] - 0.01, high=shares["share"] + 0.01, task="rows", network="my_mlp",
                           optimizer="adam")  # fmt: skip
    curves = pd.DataFrame({"quantity": ["nll", "grad_norm"], "value": [0.5, 0.0]})
    looks = pd.DataFrame({
        "seeds": [6, 20], "level": [0.00123, 0.0456], "level_tost": [0.00234, 0.0789], "seconds": [1.5, 12.0],
        "outcome": ["undecided", "larger"], "undecided": ["nll, accuracy", ""],
    })  # fmt: skip
    settings = {"network": "my_mlp", "optimizer": "adam, 0.01", "learning_rate": OWN, "steps": 400,
                "class_weight": None, "source": "rows.csv", "looks_planned": [6, 20], "versions": {"keras": "3.15"},
                "of_no_interest": 1}  # fmt: skip
    values: dict[str, Any] = {
        "verdict": Verdict(outcome="larger", predictions="larger", gradients="equivalent", parts=("One.", "Two.")),
        "why": "Because.", "advice": Advice(head="softmax", learning_rate=OWN, sentence="Use it.", rate="", code="x"),
        "differences": pd.concat([differences, other]), "attribution": shares, "curves": curves,
        "finals": pd.DataFrame(), "runs": pd.DataFrame(), "looks": looks, "rates": pd.DataFrame(), "tuning": None,
        "recognised": (), "notices": (), "settings": settings,
    }  # fmt: skip
    return Comparison(**values | changes)


def sections(**changes: Any) -> dict[str, Section]:
    return {section.id: section for section in page.sections(comparison(**changes), M)}


@pytest.mark.usefixtures("undrawn")
def test_of_each_primary_quantity_the_page_has_its_difference_against_its_margin() -> None:
    (table,) = tables_of(sections()["differences"])
    assert cells_of(table)[:3] == [
        [name_of("nll_curve", M), "1", "+0.100 [0.090, 0.110]", "+0.1 nats", "0.02", "0.01", "larger than the margin"],
        [name_of("nll", M), "1", "−0.0300 [−0.0400, −0.0200]", "−0.03 nats", "0.02", "0.01", M("outcome.different")],
        [name_of("accuracy", M), "1", "+0.0200 [0.0150, 0.0250]", "+2 points", "0.01", "0.01", M("outcome.undecided")],
    ]  # fmt: skip
    assert len(table.rows) == 5


@pytest.mark.usefixtures("undrawn")
def test_the_shares_of_the_causes_are_told_of_what_was_attributed() -> None:
    section = sections(attribution=comparison().attribution.iloc[:2])["why"]
    (table,) = tables_of(section)
    assert table.columns[2:] == [M("factor.head_rate"), M("factor.arithmetic")]  # in the order of the causes
    assert cells_of(table) == [
        [name_of("nll_curve", M), "+0.1", "+0.0200 [0.0100, 0.0300]", "+0.0800 [0.0700, 0.0900]"]
    ]
    assert list(pictures_of(section)) == ["attribution"]
    alone = sections(attribution=comparison().attribution.iloc[2:])["why"]
    assert pictures_of(alone) == {}  # no share of the loss curve
    assert "why" not in sections(attribution=comparison().attribution.iloc[:0])


@pytest.mark.usefixtures("undrawn")
def test_the_rates_are_told_by_means_over_seeds_on_test_rows() -> None:
    swept, trained = sweep(OWN)
    section = sections(rates=swept, tuning=tune(swept, trained, OWN))["rates"]
    (table,) = tables_of(section)
    means = swept[swept["split"] == "test"].groupby(["learning_rate", "quantity", "head"])["value"].mean()
    assert cells_of(table) == [
        [f"{rate:.3g}", *(f"{means.loc[rate, name, head]:.3g}" for name in ("nll", "accuracy")
                          for head in ("sigmoid", "softmax"))]
        for rate in sorted(set(swept["learning_rate"]))
    ]  # fmt: skip
    assert len(table.columns) == 5
    assert "rates" not in sections()


@pytest.mark.usefixtures("undrawn")
def test_norms_of_gradients_are_drawn_where_any_is_above_0() -> None:
    assert list(pictures_of(sections()["curves"])) == ["loss_curves"]
    curves = pd.DataFrame({"quantity": ["nll", "grad_norm", "grad_norm"], "value": [0.5, 0.0, 2.0]})
    shown = pictures_of(sections(curves=curves)["curves"])
    assert {name: len(args[0]) for name, args in shown.items()} == {"loss_curves": 3, "gradient_norms": 2}


@pytest.mark.usefixtures("undrawn")
def test_every_arm_is_listed_and_said_what_it_is_once() -> None:
    section = sections()["arms"]
    (table,) = tables_of(section)
    assert table.sortable
    assert len(table.rows) == 6
    assert cells_of(table)[-1] == [M.name("arm", "softmax_init"), name_of("nll_curve", M), M("compare.estimand.these"),
                                   "−0.500 [−0.600, −0.400]", "0.02", M("outcome.larger")]  # fmt: skip
    assert paragraphs(section)[0] == "".join(
        M("compare.arms.means", arm=M.name("arm", head), description=HEADS[head].description)
        for head in ("softmax", "softmax_init")
    )


@pytest.mark.usefixtures("undrawn")
def test_a_look_has_its_seeds_its_levels_and_what_was_open() -> None:
    (table,) = tables_of(sections()["looks"])
    assert cells_of(table) == [
        ["6", "0.0012", "0.0023", M("outcome.undecided"), f"{name_of('nll', M)}, {name_of('accuracy', M)}", "1.5"],
        ["20", "0.046", "0.079", M("outcome.larger"), "–", "12"],
    ]
    assert table.caption == M("compare.caption.looks", planned="6, 20")


@pytest.mark.usefixtures("undrawn")
def test_what_was_compared_is_told_with_every_setting_and_version() -> None:
    section = sections()["given"]
    (table,) = tables_of(section)
    told = dict(cells_of(table))
    assert told == {
        M("compare.setting.source"): "rows.csv", M("compare.setting.network"): "my_mlp", "keras": "3.15",
        M("compare.setting.optimizer"): "adam, 0.01", M("compare.setting.learning_rate"): "0.01",
        M("compare.setting.steps"): "400", M("compare.setting.class_weight"): M("compare.given.no"),
    }  # fmt: skip
    assert paragraphs(section) == []
    noted = sections(recognised=("Its network is my_mlp.",), notices=("It uses adam.",))["given"]
    assert [text.spans[0].strong for text in noted.blocks if isinstance(text, Text)] == [False, True, False]
    assert paragraphs(noted) == ["Its network is my_mlp.", M("compare.given.know"), "It uses adam."]


def test_a_setting_is_written_by_what_it_is() -> None:
    assert [words(page._setting_value(value, M)) for value in (True, False, None, 0.123456, 7, "a")] == [
        M("compare.given.yes"), M("compare.given.no"), M("compare.given.no"), "0.1235", "7", "a",
    ]  # fmt: skip


@pytest.mark.usefixtures("undrawn")
def test_the_answer_comes_first_and_its_numbers_are_folded() -> None:
    swept, trained = sweep(OWN)
    told = comparison(rates=swept, tuning=tune(swept, trained, OWN))
    section = page.sections(told, M)[0]
    first = section.blocks[0]
    assert isinstance(first, First)
    assert [[span.href for span in reply.more] for reply in first.replies] == [["#rates"], ["#differences"], ["#why"]]
    assert first.picture is not None
    assert first.picture.name == "rates_in_short"
    assert paragraphs(section) == [
        f"{M('outcome.larger')} One.", "Two.", f"{M('compare.why_question')}Because.",
        f"{M('compare.use_question')}Use it.", M("compare.logits"),
    ]  # fmt: skip
    alone = page.sections(comparison(attribution=told.attribution.iloc[:0]), M)[0].blocks[0]
    assert isinstance(alone, First)
    assert [[span.href for span in reply.more] for reply in alone.replies] == [[], ["#differences"]]
    assert alone.picture is not None
    assert alone.picture.name == "margins_in_short"


def test_the_short_table_has_each_quantity_with_its_interval() -> None:
    table = page.short_table(comparison(), M)
    assert table.iloc[0].tolist() == [name_of("nll_curve", M), "+0.1 nats",
                                      M("compare.column.to", low="+0.09 nats", high="+0.11 nats"),
                                      M("outcome.larger")]  # fmt: skip
    assert len(table) == 5


@pytest.mark.parametrize(("lang", "file"), [("en", "report.html"), ("zh", "report.zh.html")])
def test_a_saved_comparison_is_a_folder_of_its_own_that_another_one_replaces(
    lang: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = Section(id="answer", title="It is so", blocks=[Text(body="and not otherwise")])
    monkeypatch.setattr(saving, "sections", lambda *_: [section])  # no figure is drawn
    folder = tmp_path / "not yet" / "there"
    assert saving.save(comparison(lang=lang), folder) == folder / file
    assert "and not otherwise" in (folder / file).read_text(encoding="utf-8")
    assert {path.stem for path in (folder / "tables").iterdir()} == set(saving.TABLES)
    told = comparison()
    assert pq.read_schema(folder / "tables" / "looks.parquet").names == list(told.looks)
    assert json.loads((folder / "comparison.json").read_text(encoding="utf-8"))["why"] == "Because."
    (folder / "left over").touch()
    saving.save(comparison(why="Else."), folder)
    assert json.loads((folder / "comparison.json").read_text(encoding="utf-8"))["why"] == "Else."
    assert not (folder / "left over").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["there"]


def test_a_folder_that_holds_something_else_and_a_file_are_spared(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    saving.require_replaceable(tmp_path / "mine")  # empty
    (tmp_path / "mine" / "thesis.tex").write_text("all of it")
    with pytest.raises(UserError, match="holds something else than a comparison"):
        saving.save(comparison(), tmp_path / "mine")
    with pytest.raises(UserError, match="is a file"):
        saving.save(comparison(), tmp_path / "mine" / "thesis.tex")
    with pytest.raises(UserError, match="cannot be written: "):
        saving.save(comparison(), tmp_path / "mine" / "thesis.tex" / "more")
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "all of it"


def test_what_is_not_finite_is_null_in_json() -> None:
    differences = comparison().differences.assign(high=math.inf, low=-math.inf)
    told = json.loads(comparison(differences=differences, settings={"rate": math.nan, "of": [1.5, math.inf]}).to_json())
    assert told["settings"] == {"rate": None, "of": [1.5, None]}
    assert (told["primary"][0]["high"], told["primary"][0]["mean"], len(told["differences"])) == (None, 0.1, 6)
    assert told["tuning"] is None
    assert told["verdict"]["sentence"] == "One. Two."


# figures --------------------------------------------------------------------------------------------------------------


def test_a_difference_stands_at_its_size_in_margins_and_what_is_further_out_ends_in_an_arrow() -> None:
    table = primary(rows({"nll_curve": ("larger", 0.05), "nll": ("larger", 0.09), "accuracy": ("larger", -0.05)}))
    (axes,) = margins(table).axes
    points = [line for line in axes.lines if line.get_marker() in ("o", "<", ">")]
    assert [(point.get_marker(), *map(float, point.get_xdata())) for point in points] == [
        ("o", 2.5), (">", 4.0), ("<", -4.0), ("o", 0.0), ("o", 0.0),
    ]  # fmt: skip
    assert [float(point.get_ydata()[0]) for point in points] == [0, 1, 2, 3, 4]
    (lines,) = (part for part in axes.collections if isinstance(part, LineCollection))
    ends = [tuple(segment[:, 0]) for segment in lines.get_segments()]
    assert ends[:3] == [pytest.approx((2.0, 3.0)), pytest.approx((4.0, 4.0)), pytest.approx((-4.0, -4.0))]
    (band,) = axes.patches
    assert (band.get_x(), band.get_x() + band.get_width()) == (-1, 1)
    low, high = axes.get_xlim()
    assert chart.REACH < high < 1.1 * chart.REACH
    assert low == -high


def test_each_row_of_the_figure_has_as_much_room() -> None:
    table = primary(rows({}))
    one, two, five = (margins(table.iloc[:n]).get_size_inches()[1] for n in (1, 2, 5))
    assert two - one == pytest.approx((five - two) / 3)
    assert 0.25 < two - one < 0.5  # inches


def test_what_is_no_number_has_no_point() -> None:
    (axes,) = margins(primary(rows({"nll": ("undecided", math.nan)}))).axes
    assert len([line for line in axes.lines if line.get_marker() == "o"]) == 4


def test_the_figure_says_what_differs_most_in_margins_or_how_many_are_inside() -> None:
    most = margins(
        primary(rows({"nll": ("larger", 0.05), "accuracy": ("different", -0.03), "nll_curve": ("undecided", 9.0)}))
    )
    assert most.finding == M("compare.chart.most", name=name_of("accuracy", M), amount="−3 points")
    inside = primary(rows(dict.fromkeys(LOSSES, ("negligible", 0.001))))
    assert margins(inside).finding == M("compare.chart.all", n=5, inside=5)
    some = primary(rows({"nll": ("undecided", 0.05)}))
    assert margins(some).finding == M("compare.chart.some", n=5, inside=4)


def test_the_loss_at_the_rates_is_the_mean_over_seeds_and_a_gap_where_one_diverged() -> None:
    table, _ = sweep(OWN, seeds=5)
    largest = table["learning_rate"].max()
    diverged = (table["head"] == "softmax") & (table["learning_rate"] == largest) & (table["seed"] == 0)
    table.loc[diverged, "value"] = np.inf
    drawn = rates(table, OWN)
    (axes,) = drawn.axes
    mark, *lines = (line for line in axes.lines if len(line.get_xdata()))
    assert list(mark.get_xdata()) == [OWN, OWN]
    test = table[(table["quantity"] == "nll") & (table["split"] == "test")]
    for head, line in zip(("sigmoid", "softmax"), lines, strict=True):
        means = test[test["head"] == head].groupby("learning_rate")["value"].mean()
        assert list(line.get_xdata()) == list(means.index)
        expected = means.where(np.isfinite(means)).to_numpy()
        assert np.allclose(line.get_ydata(), expected, equal_nan=True)
    assert np.isnan(lines[1].get_ydata()[-1])
    assert np.isfinite(lines[0].get_ydata()).all()
    assert drawn.finding == M("compare.chart.lowest", sigmoid="0.01", softmax="0.005")
    bands = [band.get_paths()[0].vertices[:, 1] for band in axes.collections]
    quartiles = test[test["head"] == "sigmoid"].groupby("learning_rate")["value"].quantile([0.25, 0.75])
    assert (bands[0].min(), bands[0].max()) == pytest.approx((quartiles.min(), quartiles.max()))


def test_the_margins_of_the_figure_are_those_that_were_registered() -> None:
    assert set(rows({})["margin"]) == {QUANTITIES[name].margin for name in rows({})["quantity"]}
