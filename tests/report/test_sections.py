"""The sections of a report, each from a few rows: its counts, its medians, its rows, and when it is left out."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from section_tables import (
    COMPARISON,
    NOTEBOOK,
    SHARE,
    M,
    cells_of,
    paragraphs,
    pictures_of,
    rows,
    tables_of,
    undrawn,  # noqa: F401  (a fixture)
    words,
    write,
)

from experiments.judgement import FRESH, OUTCOMES, THESE
from experiments.report.blocks import Code, Explorer, Fold, Section, Span, Table, Text
from experiments.report.sections import components
from experiments.report.sections.cells import _again, _key, cells, failures, missing
from experiments.report.sections.curves import curves
from experiments.report.sections.explore import explore
from experiments.report.sections.frameworks import frameworks
from experiments.report.sections.pitfalls import pitfalls
from experiments.report.sections.provenance import flat as lines_of
from experiments.report.sections.provenance import provenance
from experiments.report.sections.rates import rates
from experiments.report.sections.where import where
from experiments.report.sections.why import why
from experiments.stats import QUANTITIES
from experiments.tables import MAIN, SCHEMAS

OVERALL = rows({}, {"estimand": THESE})

pytestmark = pytest.mark.usefixtures("undrawn")


# every cell -----------------------------------------------------------------------------------------------------------


def test_the_table_of_cells_counts_cells_failures_and_networks_and_says_how_each_came_out(tmp_path: Path) -> None:
    listed = rows(
        {"cell": "binary-moons-mlp-sgd"}, {"cell": "binary-fair-mlp-sgd", "networks_trained": 60, "status": "cached"},
        {"cell": "binary-moons-mlp-adam", "status": "failed", "networks_trained": 0},
        {"cell": "numerics-keras-jax", "kind": "numerics", "networks_trained": 0}, base=NOTEBOOK,
    )  # fmt: skip
    found = rows({}, {"task": "fair", "mean": -0.3, "low": -0.4, "high": -0.2, "outcome": "different"},
                 {"quantity": "accuracy", "mean": 9.0}, {"estimand": THESE, "mean": 8.0},
                 {"head": "softmax_init", "mean": 7.0})  # fmt: skip
    stored = write(tmp_path, {"command": "headtohead run --seeds 3"}, cells=listed, differences=found)
    section = cells(stored, M)
    assert section is not None
    assert paragraphs(section) == [M("cells.total", cells=4, failed=1, networks=100)]
    (table,) = tables_of(section)
    assert table.sortable
    assert table.caption == M("cells.alone")  # no notebook lies there
    assert [row[3:5] for row in cells_of(table)] == [
        ["+0.0500 [0.0400, 0.0600]", "larger than the margin"], ["−0.300 [−0.400, −0.200]", M("outcome.different")],
        ["", ""], ["", ""],
    ]  # fmt: skip
    assert [row[5:7] for row in cells_of(table)] == [["3.5", "40"], ["3.5", "60"], ["3.5", "0"], ["3.5", "0"]]
    assert [row[2] for row in cells_of(table)] == ["done", "cached", "failed", "done"]
    assert cells_of(table)[1][-1] == "headtohead run --seeds 3 --tasks fair --networks mlp --optimizers sgd" \
                                     " --framework keras-tensorflow"  # fmt: skip
    assert cells_of(table)[3][-1] == "headtohead run --seeds 3"
    assert cells(write(tmp_path / "none"), M) is None


def test_a_cell_of_another_framework_has_that_frameworks_difference(tmp_path: Path) -> None:
    listed = rows({"cell": "binary-moons-mlp-sgd-torch"}, {"cell": "binary-moons-mlp-sgd"}, base=NOTEBOOK)
    found = rows({"mean": 0.1, "low": 0.1, "high": 0.1}, {"framework": "torch", "mean": 0.2, "low": 0.2, "high": 0.2})
    section = cells(write(tmp_path, {}, cells=listed, differences=found), M)
    assert section is not None
    shown = cells_of(tables_of(section)[0])
    assert [row[3] for row in shown] == ["+0.200 [0.200, 0.200]", "+0.100 [0.100, 0.100]"]
    assert [row[-1] for row in shown] == ["", ""]  # the run tells no command


@pytest.mark.parametrize(
    ("cell", "kind", "key"),
    [
        ("binary-moons-mlp-sgd", "binary", ("moons", "mlp", "sgd", MAIN)),
        ("binary-moons-mlp-sgd-keras-jax", "binary", ("moons", "mlp", "sgd", "keras-jax")),
        ("binary-moons-mlp", "binary", ()),
        ("binary-moons-mlp-sgd-more", "binary", ()),
        ("moons-mlp-sgd", "binary", ()),
        ("numerics-torch", "numerics", ()),
    ],
)
def test_the_key_of_a_cell_is_read_from_its_id(cell: str, kind: str, key: tuple[str, ...]) -> None:
    assert _key(cell, kind) == key


@pytest.mark.parametrize(
    ("command", "settings", "again"),
    [
        ("headtohead run --preset=quick --seeds 7 --out x", {}, "headtohead run --preset quick --seeds 7"),
        ("headtohead run --seeds 7 --preset quick", {"preset": "other"}, "headtohead run --seeds 7 --preset quick"),
        ("headtohead run --steps 9", {"preset": "quick"}, "headtohead run --preset quick --steps 9"),
        ("headtohead run seeds --heads", {}, "headtohead run --heads ''"),
    ],
)
def test_the_command_of_a_row_has_the_options_that_decide_its_numbers(
    command: str, settings: dict[str, str], again: str
) -> None:
    run = {"command": command, "settings": settings}
    assert _again((), run) == Span(text=again, code=True)
    assert words(_again(("moons", "mlp", "sgd", "torch"), run)) == (
        f"{again} --tasks moons --networks mlp --optimizers sgd --framework torch"
    )
    assert _again((), {}) == ""


def test_only_cells_that_failed_are_among_the_failures(tmp_path: Path) -> None:
    listed = rows({"cell": "binary-moons-mlp-sgd"}, {"cell": "binary-fair-mlp-sgd", "status": "failed", "error": "no"},
                  base=NOTEBOOK)  # fmt: skip
    section = failures(write(tmp_path, cells=listed), M)
    assert section is not None
    assert paragraphs(section)[1:] == [M.cell(("fair", "mlp", "sgd"))]
    assert isinstance(section.blocks[0], Text)
    assert section.blocks[0].spans == [
        Span(text=M("failures.read")), Span(text="headtohead run --retry-failed", code=True),
    ]  # fmt: skip
    assert [block.body for block in section.blocks if isinstance(block, Code)] == ["no"]
    assert failures(write(tmp_path / "sound", cells=listed.iloc[:1]), M) is None


def test_what_is_missing_is_each_table_that_holds_no_row(tmp_path: Path) -> None:
    stored = write(tmp_path, differences=rows({}), attribution=rows({}, base=SHARE).iloc[:0])
    section = missing(stored, M)
    assert section is not None
    assert [row[:2] for row in cells_of(tables_of(section)[0])] == [
        [M(f"{name}.title"), table]
        for name, table in (("claims", "verdicts"), ("why", "attribution"), ("rates", "learning_rates"),
                            ("atlas", "pathologies"))
    ]  # fmt: skip
    assert all("`" not in row[2] for row in cells_of(tables_of(section)[0]))


# where they differ ----------------------------------------------------------------------------------------------------


def test_a_network_is_summed_up_by_the_outcomes_of_its_final_losses(tmp_path: Path) -> None:
    """Of more cells than one figure shows: a fold a network."""
    outcomes = ["larger", "different", "negligible", "equivalent", "equivalent", "undecided", "undecided"]
    found = rows(*({"task": f"t{n}", "network": network, "outcome": outcome}
                   for network in ("mlp", "cnn") for n, outcome in enumerate(outcomes)),
                 {"task": "t0", "quantity": "accuracy"})  # fmt: skip
    section = where(write(tmp_path, differences=found, overall=OVERALL), M)
    assert section is not None
    folds = [block for block in section.blocks if isinstance(block, Fold)][:2]
    assert [words(fold.summary) for fold in folds] == [
        M("where.network", network=M(f"network_long.{network}"), n=7, apart=2, inside=3, open=2)
        for network in ("mlp", "cnn")
    ]
    assert [(name, len(args[0])) for name, args in pictures_of(section).items()] == [
        ("differences_mlp", 8), ("differences_cnn", 7),
    ]  # fmt: skip


def test_of_few_cells_one_figure_shows_all(tmp_path: Path) -> None:
    found = rows(*({"task": f"t{n}"} for n in range(12)))
    section = where(write(tmp_path, differences=found, overall=OVERALL), M)
    assert section is not None
    assert {name: len(args[0]) for name, args in pictures_of(section).items()} == {"differences": 12}


def test_the_mean_over_tasks_is_told_for_fresh_rows_and_the_outcome_for_these_rows_beside_it(tmp_path: Path) -> None:
    overall = rows(
        {}, {"estimand": THESE, "mean": 9.0, "outcome": "undecided"},
        {"quantity": "grad_norm_trunk", "mean": 0.25, "low": 0.125, "high": 0.375, "margin": 0.1, "n_tasks": 2,
         "outcome": "different"},
        {"quantity": "grad_norm_trunk", "estimand": THESE, "outcome": "larger"},
        {"quantity": "brier"}, {"quantity": "brier", "estimand": THESE},  # not primary: not listed
        {"head": "softmax_init", "mean": 5.0}, {"at": "best", "mean": 6.0},
    )  # fmt: skip
    section = where(write(tmp_path, differences=rows({}), overall=overall), M)
    assert section is not None
    assert cells_of(tables_of(section)[0]) == [
        [M.axis("nll"), "+0.0500 [0.0400, 0.0600]", "0.02", M("outcome.larger"), M("outcome.undecided"), "3", "7"],
        [M("quantity.grad_norm_trunk"), "+25.0 [12.5, 37.5] %", "10 %", M("outcome.different"), M("outcome.larger"),
         "2", "7"],
    ]  # fmt: skip


def test_an_arm_has_its_cells_by_outcome_and_its_mean_over_tasks(tmp_path: Path) -> None:
    found = rows(
        *({"task": f"t{n}", "quantity": "nll_curve", "outcome": outcome}
          for n, outcome in enumerate(("larger", "larger", "undecided"))),
        {"quantity": "nll_curve", "outcome": "equivalent", "head": "softmax_matched"}, {"outcome": "different"},
    )  # fmt: skip
    overall = rows({"quantity": "nll_curve", "mean": 0.5, "low": 0.4, "high": 0.6}, {"mean": 7.0},
                   *({"quantity": quantity, "estimand": THESE} for quantity in ("nll_curve", "nll")))  # fmt: skip
    section = where(write(tmp_path, differences=found, overall=overall), M)
    assert section is not None
    (arms,) = (table for table in tables_of(section) if table.caption == M("where.caption"))
    count = dict.fromkeys(OUTCOMES, "0")
    assert cells_of(arms) == [
        [M.name("arm", "softmax"), *(count | {"larger": "2", "undecided": "1"}).values(), "+0.500 [0.400, 0.600]"],
        [M.name("arm", "softmax_matched"), *(count | {"equivalent": "1"}).values(), ""],
    ]


def test_power_has_medians_over_cells_and_what_would_decide_the_open_ones(tmp_path: Path) -> None:
    open_ = {"outcome": "undecided", "noise_floor": 0.03, "detectable": 0.09}
    found = rows(
        {"task": "a", "noise_floor": 0.01, "detectable": 0.015, "seeds_needed": 1e9},  # decided: asks for nothing
        {"task": "b", "bound": 0.06, "seeds_needed": 30.0, "fresh_seeds_needed": 999.0} | open_,
        {"task": "c", "bound": 0.08, "seeds_needed": 50.0} | open_,
        {"task": "d", "bound": 0.04, "fresh_seeds_needed": 80.0} | open_,
        {"task": "e", "bound": 0.05} | open_,
        {"task": "f", "bound": 0.05} | open_, {"task": "g", "bound": 0.05} | open_,
        {"task": "a", "quantity": "brier"}, {"task": "a", "quantity": "of a user"},
    )  # fmt: skip
    section = where(write(tmp_path, differences=found, overall=OVERALL), M)
    assert section is not None
    (power,) = (table for table in tables_of(section) if table.caption == M("power.caption"))
    assert cells_of(power) == [[M.axis("nll"), "0.02", "0.09", "0.03", "6", "4", "40", "80", "3"]]


def test_several_units_have_a_table_at_the_best_rate_and_one_at_the_default(tmp_path: Path) -> None:
    arms = {"head": "k_softmax", "baseline": "k_sigmoid"}
    kinds = (("several classes", 0.1), ("several labels", 0.4))
    more = {"best": 0.0, "default": 0.25}
    overall = rows(*(
        arms | {"kind": kind, "at": at, "estimand": estimand} | dict.fromkeys(("mean", "low", "high"), base + further)
        for kind, base in kinds for at, further in more.items() for estimand in (FRESH, THESE)
    ))  # fmt: skip
    scale = SHARE | {"factor": "loss_scale", "difference": 0.8, "share": 0.2, "quantity": "nll"}
    shares = rows({"task": "labelled", "quantity": "micro_f1", "share": -0.3, "difference": 0.5}, {"task": "labelled"},
                  {"task": "classes", "share": 0.1, "difference": -0.6},
                  {"task": "labelled", "quantity": "grad_norm_trunk"}, base=scale)  # fmt: skip
    section = where(write(tmp_path, differences=rows({}), overall=overall, loss_scale=shares), M)
    assert section is not None
    names = {kind: M.translated("kind", kind.replace(" ", "_"), kind) for kind, _ in kinds}
    captions = [M(f"overall.several_{at}", kind=names[kind]) for kind, _ in kinds for at in ("best", "default")]
    assert [table.caption for table in tables_of(section)[-4:]] == captions
    assert [cells_of(table)[0][1][:6] for table in tables_of(section)[-4:]] == ["+0.100", "+0.350", "+0.400", "+0.650"]
    classes, labels = (text for text in paragraphs(section) if text.startswith(M("overall.scale", parts="")[:40]))
    assert classes == M("overall.scale", parts=M("overall.scale_part", part="+0.1", whole="−0.6",
                                                 quantity=M.axis("nll")))  # fmt: skip
    assert M("overall.scale_part", part="+0.2", whole="+0.8", quantity=M.axis("nll")) in labels
    assert M("overall.scale_part", part="−0.3", whole="+0.5", quantity=M.axis("micro_f1")) in labels
    assert M.axis("grad_norm_trunk") not in labels  # relative: no difference in a unit of its own


def test_before_there_are_statistics_where_they_differ_is_shown_by_the_pairs(tmp_path: Path) -> None:
    finals = rows(*({"head": head, "seed": seed, "value": seed + extra, "quantity": "nll"}
                    for head, extra in (("sigmoid", 0.0), ("softmax", 0.5)) for seed in range(3)))  # fmt: skip
    trained = finals.assign(trunk_hash="t", order_hash="o", paired=True, sample=finals["seed"], shared=1.0,
                            finite=True, engine="stacked")  # fmt: skip
    section = where(write(tmp_path, finals=finals[SCHEMAS["finals"]], runs=trained[SCHEMAS["runs"]]), M)
    assert section is not None
    (pairs,) = pictures_of(section)["differences"]
    assert list(pairs["difference"]) == [0.5] * 3
    assert set(pairs["head"]) == {"softmax"}
    assert where(write(tmp_path / "none"), M) is None


# why they differ ------------------------------------------------------------------------------------------------------


def test_what_arithmetic_leaves_is_told_beside_the_whole_difference(tmp_path: Path) -> None:
    """Of three cells |whole| is 0.3, 0.1, 0.5 and |left| 0.02, 0.01, 0.06."""
    shares = {"a": (0.32, -0.02), "b": (-0.11, 0.01), "c": (0.44, 0.06)}
    single = rows(*({"task": task, "factor": factor, "share": share} for task, pair in shares.items()
                    for factor, share in zip(("head_rate", "arithmetic"), pair, strict=True)),
                  *({"task": "a", "quantity": quantity, "share": 9.0} for quantity in ("brier", "nll")),
                  base=SHARE)  # fmt: skip
    double = rows({"task": "a", "share": -1e-9}, {"task": "b", "share": 1e-10}, {"factor": "head_rate", "share": 5.0},
                  base=SHARE)  # fmt: skip
    section = why(write(tmp_path, attribution=single, attribution_float64=double), M)
    assert section is not None
    (table,) = tables_of(section)
    assert cells_of(table) == [[M.axis("nll_curve"), "0.3", "0.02", "0.06", "1e−09"],
                               [M.axis("nll"), "9", "9", "9", "–"]]  # fmt: skip
    assert list(pictures_of(section)) == ["attribution"]  # few cells: one figure, and no means
    assert why(write(tmp_path / "none"), M) is None
    assert why(write(tmp_path / "other", attribution=single.loc[single["quantity"] == "nll"]), M) is None


def test_of_many_cells_the_shares_are_summed_up_network_by_network(tmp_path: Path) -> None:
    """A cell without a factor has 0 of it: 7 cells of 0.2 and 0.4 each, and 6 of 0.3 alone."""
    single = rows(*({"network": "mlp", "task": f"t{n}", "factor": factor, "share": share}
                    for n in range(7) for factor, share in (("head_rate", 0.2), ("arithmetic", 0.4 if n else 1.1))),
                  *({"network": "cnn", "task": f"t{n // 2}", "factor": "head_rate", "share": 0.3,
                     "optimizer": ("sgd", "adam")[n % 2]} for n in range(6)),
                  {"network": "mlp", "task": "t0", "quantity": "nll", "share": 8.0}, base=SHARE)  # fmt: skip
    section = why(write(tmp_path, attribution=single), M)
    assert section is not None
    means, every = pictures_of(section)["attribution"]
    assert len(every) == 20
    found = means.set_index(["task", "factor"])["share"]
    mlp, cnn = M.name("network", "mlp"), M.name("network", "cnn")
    assert found.loc[mlp].to_dict() == pytest.approx({"head_rate": 0.2, "arithmetic": 0.5})
    assert found.loc[cnn].to_dict() == pytest.approx({"head_rate": 0.3, "arithmetic": 0.0})
    assert {name: len(args[0]) for name, args in pictures_of(section).items() if "_" in name} == {
        "attribution_mlp": 15, "attribution_cnn": 6,
    }  # fmt: skip
    folds = [words(block.summary) for block in section.blocks if isinstance(block, Fold)]
    assert folds[:2] == [M("why.network", network=M(f"network_long.{name}")) for name in ("mlp", "cnn")]


def curve(**changes: object) -> dict[str, object]:
    return {"head": "sigmoid", "seed": 0, "step": 1, "split": "test", "quantity": "nll", "scope": "", "value": 0.5,
            **changes}  # fmt: skip


def test_how_rounding_grows_is_drawn_where_the_control_ran_in_double_precision(tmp_path: Path) -> None:
    table = rows(curve(), curve(head="softmax_matched"), curve(head="softmax_init"), curve(split="train"),
                 curve(quantity="accuracy"), curve(scope="head"))  # fmt: skip
    shares = rows({}, base=SHARE)
    kept = {"curves": table[SCHEMAS["curves"]], "curves_float64": table[SCHEMAS["curves"]], "attribution": shares}
    section = why(write(tmp_path, **kept), M)
    assert section is not None
    single, double = pictures_of(section)["rounding"]
    assert list(single["head"]) == list(double["head"]) == ["sigmoid", "softmax_matched"]
    alone = kept | {"curves_float64": table.iloc[:1][SCHEMAS["curves"]]}
    section = why(write(tmp_path / "alone", **alone), M)
    assert section is not None
    assert "rounding" not in pictures_of(section)


# frameworks -----------------------------------------------------------------------------------------------------------


def test_every_framework_has_its_difference_on_cells_that_more_than_one_trained(tmp_path: Path) -> None:
    found = rows(
        {}, {"framework": "torch", "mean": -0.5, "low": -0.6, "high": -0.4, "outcome": "different"},
        {"task": "fair"}, {"framework": "torch", "quantity": "accuracy", "mean": 3.0},
        {"task": "pair"}, {"task": "pair", "framework": "keras-jax"},
    )  # fmt: skip
    left = rows(
        {"framework": "torch", "factor": "head_rate", "share": 0.3}, {"framework": "torch", "share": -0.1},
        {"framework": "torch", "quantity": "nll", "share": 9.0}, {"share": -0.02},
        {"task": "fair", "share": 0.04}, base=SHARE,
    )  # fmt: skip
    stored = write(tmp_path, differences=found, attribution=left,
                   attribution_float64=rows({"share": -1e-9}, base=SHARE))  # fmt: skip
    section = frameworks(stored, M)
    assert section is not None
    both, remains = tables_of(section)
    names = [M.name("framework", name) for name in (MAIN, "keras-jax", "torch")]
    same = f"+0.0500 [0.0400, 0.0600] {M('outcome.larger')}"
    assert both.columns[1:] == names
    assert cells_of(both) == [
        [M.cell(("moons", "mlp", "sgd")), same, "", f"−0.500 [−0.600, −0.400] {M('outcome.different')}"],
        [M.cell(("pair", "mlp", "sgd")), same, same, ""],
    ]
    assert cells_of(remains) == [[names[0], "0.03", "0.03", "1e−09", "1e−09"], [names[1], *"––––"],
                                 [names[2], "0.2", "0.1", "–", "–"]]  # fmt: skip
    assert pictures_of(section) == {}
    assert frameworks(write(tmp_path / "one", differences=rows({})), M) is None


def test_a_frameworks_other_program_is_told_at_the_default_rate_and_at_the_largest_finite_one(tmp_path: Path) -> None:
    program = {"framework": "torch", "head": "softmax_nllloss", "baseline": "softmax"}
    found = rows({}, {"framework": "torch"}, program | {"mean": 0.1, "low": 0.1, "high": 0.1},
                 program | {"task": "fair", "nonfinite": 1}, program | {"estimand": THESE},
                 program | {"quantity": "accuracy"})  # fmt: skip
    gaps = rows(*(program | {"at": "rate", "learning_rate": rate, "mean": rate, "low": rate, "high": rate,
                             "nonfinite": int(rate == 4.0)} for rate in (1.0, 2.0, 4.0)),
                program | {"at": "rate", "task": "fair", "learning_rate": 0.5, "mean": 0.5},
                program | {"at": "best", "learning_rate": 8.0})  # fmt: skip
    section = frameworks(write(tmp_path, differences=found, rate_gaps=gaps), M)
    assert section is not None
    table = tables_of(section)[-1]
    assert table.caption == M("frameworks.cost")
    assert table.sortable
    assert [(row[2], row[3], row[4][:6]) for row in cells_of(table)] == [
        (M.cell(("moons", "mlp", "sgd")), "0.1", "+0.100"), (M.cell(("fair", "mlp", "sgd")), "0.5", "+0.500"),
        (M.cell(("moons", "mlp", "sgd")), "2", "+2.00 "),
    ]  # fmt: skip
    assert {row[1] for row in cells_of(table)} == {f"{M.name('arm', 'softmax_nllloss')} − {M.name('arm', 'softmax')}"}


def test_distances_between_frameworks_are_drawn_where_they_were_measured(tmp_path: Path) -> None:
    distances = rows({"other": "torch", "dtype": "float32", "seed": 0, "step": 1, "distance": 1e-7})
    both = rows({}, {"framework": "torch"})
    section = frameworks(
        write(tmp_path, differences=both, framework_distances=distances[SCHEMAS["framework_distances"]]), M
    )
    assert section is not None
    assert list(pictures_of(section)["framework_distances"][0]["distance"]) == [1e-7]


# rates ----------------------------------------------------------------------------------------------------------------

LAW = COMPARISON | {
    "crossing": 0.5, "crossing_low": 0.25, "crossing_high": 0.75, "below_mean": -0.1, "below_low": -0.2,
    "below_high": -0.05, "above_mean": 0.3, "above_low": 0.2, "above_high": 0.4, "decided": True, "predicted": True,
}  # fmt: skip
SWEEP = {"head": "sigmoid", "seed": 0, "split": "test", "value": 0.5}


def swept(out: Path, **tables: pd.DataFrame) -> tuple[Section, list[str], list[Table]]:
    """The section of rates, of a sweep, its shift and `tables`: itself, its texts, its tables."""
    sweep = rows(SWEEP, SWEEP | {"head": "softmax"}, SWEEP | {"split": "validation"})
    stored = write(out, learning_rates=sweep[SCHEMAS["learning_rates"]], shifts=rows({"low": 0.4, "high": 0.6}),
                   **tables)  # fmt: skip
    section = rates(stored, M)
    assert section is not None
    return section, paragraphs(section), tables_of(section)


def test_the_sides_of_the_best_rate_are_told_where_both_are_shown(tmp_path: Path) -> None:
    sides = rows({"at": "below", "mean": -0.0123, "n_tasks": 9}, {"at": "above", "mean": 0.0345})
    tables = {"rate_map": rows({"relative": 0}), "rate_law": rows({}, {"estimand": THESE}, base=LAW)}
    section, said, _ = swept(tmp_path, overall=sides, **tables)
    assert said[0] == M("rates.sides", below="0.0123", above="0.0345", n=9)
    assert list(pictures_of(section)) == ["rate_map", "learning_rates"]
    sweep, shifts = pictures_of(section)["learning_rates"]
    assert (len(sweep), len(shifts)) == (2, 1)
    for name, others in (("undecided", {"overall": sides.assign(outcome="undecided")}), ("none", {})):
        assert swept(tmp_path / name, **tables, **others)[1][0] == M("rates.map")
    assert list(pictures_of(swept(tmp_path / "no law", rate_map=tables["rate_map"])[0])) == ["learning_rates"]
    assert list(pictures_of(swept(tmp_path / "no map", rate_law=tables["rate_law"])[0])) == ["learning_rates"]
    assert rates(write(tmp_path / "no sweep", shifts=rows({})), M) is None
    alone = write(tmp_path / "no shift", learning_rates=rows(SWEEP)[SCHEMAS["learning_rates"]])
    assert rates(alone, M) is None


def test_a_cell_that_is_decided_and_not_as_predicted_is_named(tmp_path: Path) -> None:
    law = rows(
        {}, {"task": "a", "predicted": False, "below_mean": 0.1}, {"task": "b", "predicted": False, "above_mean": -0.1},
        {"task": "c", "predicted": False, "decided": False, "below_mean": 0.1},
        {"task": "d", "predicted": False, "below_mean": 0.1, "above_mean": -0.1, "estimand": THESE}, base=LAW,
    )  # fmt: skip
    law = pd.concat([law, law.iloc[:4].assign(estimand=THESE, predicted=True)])
    _, said, _ = swept(tmp_path, rate_map=rows({"relative": 0}), rate_law=law)
    named = [("a", "fresh", "higherhigher"), ("b", "fresh", "lowerlower"), ("d", "these", "higherlower")]
    assert M("rates.exceptions", cells=", ".join(
        M(f"rates.exception.{signs}", cell=M.cell((task, "mlp", "sgd")), estimand=M(f"rates.{estimand}"))
        for task, estimand, signs in named
    )) in said  # fmt: skip
    for name, changes in (("no_decision", {"decided": False}), ("no_exception", {"predicted": True})):
        other = rows(changes, changes | {"estimand": THESE}, base=LAW)
        assert M(f"rates.{name}") in swept(tmp_path / name, rate_map=rows({"relative": 0}), rate_law=other)[1]


def test_the_table_of_the_law_has_a_row_a_cell_and_both_estimands(tmp_path: Path) -> None:
    law = rows({}, {"estimand": THESE, "predicted": False, "below_mean": 0.1}, {"task": "fair", "decided": False},
               {"task": "fair", "estimand": THESE}, base=LAW)  # fmt: skip
    _, _, (table,) = swept(tmp_path, rate_map=rows({"relative": 0}), rate_law=law)
    sides = ["0.1", "+0.500 [0.250, 0.750]", "−0.100 [−0.200, −0.050]", "+0.300 [0.200, 0.400]"]
    assert cells_of(table) == [
        [M.cell(("moons", "mlp", "sgd")), *sides, M("rates.predicted"), M("rates.unpredicted")],
        [M.cell(("fair", "mlp", "sgd")), *sides, M("outcome.undecided"), M("rates.predicted")],
    ]
    assert [cell.mark for cell in table.rows[0][-2:]] == ["supported", "refuted"]  # type: ignore[union-attr]


def test_the_gap_at_the_best_rates_is_of_the_test_loss(tmp_path: Path) -> None:
    gaps = rows({"at": "best"}, {"at": "best", "quantity": "accuracy", "mean": 7.0}, {"at": "rate", "mean": 8.0})
    _, _, (table,) = swept(tmp_path, rate_gaps=gaps)
    assert cells_of(table) == [[M.cell(("moons", "mlp", "sgd")), "+0.500 [0.400, 0.600]", "0.2", "0.1",
                                "+0.0500 [0.0400, 0.0600]", M("outcome.larger"), "25 %"]]  # fmt: skip


# curves, pitfalls, provenance -----------------------------------------------------------------------------------------


def test_curves_of_the_test_loss_and_norms_of_the_gradient_are_drawn_where_they_are_stored(tmp_path: Path) -> None:
    table = rows(curve(), curve(head="sigmoid_again"), curve(head="softmax_init"), curve(split="train"),
                 curve(quantity="grad_norm", scope="trunk", split="train"),
                 curve(quantity="grad_norm", scope="layer:dense", split="train"))[SCHEMAS["curves"]]  # fmt: skip
    section = curves(write(tmp_path, curves=table), M)
    assert section is not None
    assert {name: len(args[0]) for name, args in pictures_of(section).items()} == {
        "loss_curves": 2, "gradient_norms": 1,
    }  # fmt: skip
    section = curves(write(tmp_path / "norms", curves=table.iloc[4:]), M)
    assert section is not None
    assert list(pictures_of(section)) == ["gradient_norms"]
    trained = rows({"head": "sigmoid", "seed": 0}).reindex(columns=SCHEMAS["runs"])
    section = curves(write(tmp_path / "runs", curves=table.iloc[:1], runs=trained), M)
    assert section is not None
    assert [len(table) for table in pictures_of(section)["loss_curves"]] == [1, 1]
    assert curves(write(tmp_path / "none"), M) is None


def test_a_pitfall_has_its_means_and_the_cells_in_which_its_loss_differs(tmp_path: Path) -> None:
    head = {"head": "softmax_bce"}
    overall = rows(head, head | {"quantity": "accuracy", "mean": -0.5, "low": -0.6, "high": -0.4},
                   head | {"at": "best", "mean": 9.0}, {"head": "softmax1"}, {"head": "softmax_init"})  # fmt: skip
    found = rows(*(head | {"task": f"t{n}", "outcome": outcome} for n, outcome in enumerate(OUTCOMES)),
                 head | {"task": "t0", "quantity": "accuracy"}, {"head": "softmax1"})  # fmt: skip
    section = pitfalls(write(tmp_path, overall=overall, differences=found), M)
    assert section is not None
    (table,) = tables_of(section)
    assert table.prose
    assert [row[:4] for row in cells_of(table)] == [
        ['Dense(2, "softmax") + binary_crossentropy', "−0.500 [−0.600, −0.400]", "+0.0500 [0.0400, 0.0600]", "2/5"],
        ['Dense(1, "softmax") + binary_crossentropy', "–", "+0.0500 [0.0400, 0.0600]", "1/1"],
    ]
    assert [row[3].sort for row in table.rows] == [2.0, 1.0]  # type: ignore[union-attr]
    assert all(row[0].code for row in table.rows)  # type: ignore[union-attr]
    assert pitfalls(write(tmp_path / "no means", differences=found), M) is None
    assert pitfalls(write(tmp_path / "no cells", overall=overall), M) is None


def test_nested_provenance_is_told_in_lines() -> None:
    run = {"a": {"b": {"c": 1}, "d": [1, "x"]}, "none": None, "nan": math.nan, "half": 0.5, "no": False}
    assert list(lines_of(run)) == [("a.b.c", "1"), ("a.d", "1, x"), ("half", "0.5"), ("no", "False")]


def test_provenance_has_the_command_and_every_margin(tmp_path: Path) -> None:
    section = provenance(write(tmp_path, {"command": "headtohead run", "seeds": 3}), M)
    assert section is not None
    margins, run = tables_of(section)
    assert cells_of(run) == [["command", "headtohead run"], ["seeds", "3"]]
    assert [row[2] for row in cells_of(margins)] == [
        f"{100 * quantity.margin:.3g} %" if quantity.relative else f"{quantity.margin:.3g}"
        for quantity in QUANTITIES.values()
    ]
    assert [row[3] == M("margins.primary") for row in cells_of(margins)] == [q.primary for q in QUANTITIES.values()]
    assert paragraphs(section) == [M("provenance.again"), M("provenance.rebuild")]
    bare = provenance(write(tmp_path / "bare"), M)
    assert bare is not None
    assert (paragraphs(bare), len(tables_of(bare))) == ([], 1)


# what the page's script draws -----------------------------------------------------------------------------------------


def test_the_explorer_carries_each_cells_map_curves_and_outcome(tmp_path: Path) -> None:
    maps = rows({"relative": 1, "mean": 0.2}, {"relative": -1, "mean": math.inf, "margin": 0.04},
                {"task": "fair", "relative": 0, "margin": 0.04, "framework": "torch"})  # fmt: skip
    losses = rows(*(curve(seed=seed, step=step, value=value) for seed, step, value in
                    ((0, 9, 1.0), (1, 9, 2.0), (2, 9, 6.0), (0, 1, 4.0), (1, 1, 1.23456), (2, 1, 1.0))),
                  curve(head="softmax", step=1, value=math.inf), curve(split="train"))[SCHEMAS["curves"]]  # fmt: skip
    found = rows({"outcome": "negligible"}, {"task": "fair", "framework": "torch", "outcome": "undecided"})
    listed = rows({"cell": "binary-moons-mlp-sgd", "notebook": "n/one.ipynb"},
                  {"cell": "binary-fair-mlp-sgd-torch", "notebook": "n/two.ipynb"}, base=NOTEBOOK)  # fmt: skip
    stored = write(tmp_path, cells=listed, rate_map=maps, curves=losses, differences=found)
    (tmp_path / "n").mkdir()
    for name in ("one", "two"):
        (tmp_path / "n" / f"{name}.ipynb").write_text("{}")
    section = explore(stored, M)
    assert section is not None
    _, explorer = section.blocks
    assert isinstance(explorer, Explorer)
    one, two = explorer.content["cells"]
    assert one["map"] == {"x": [-1, 1], "y": [None, 0.2], "low": [0.04, 0.04], "high": [0.06, 0.06]}
    assert one["loss"] == {"x": [1, 9], "sigmoid": [1.235, 2.0], "softmax": [None, None]}
    assert (one["kind"], two["kind"]) == ("inside", "open")
    assert (one["link"], two["link"]) == ("n/one.ipynb", "n/two.ipynb")
    assert (two["framework"], two["task"], "loss" in two) == ("torch", "fair", False)
    assert one["said"] == "+0.0500 [0.0400, 0.0600]"
    assert explorer.content["margin"] == 0.04
    assert list(explorer.content["choices"]["task"]) == sorted(["moons", "fair"], key=lambda task: M.name("task", task))
    assert [kind for kind, _ in explorer.labels] == ["framework", "task"]  # one network and one optimizer: no choice


def test_without_a_sweep_or_curves_nothing_is_explored(tmp_path: Path) -> None:
    assert explore(write(tmp_path, differences=rows({})), M) is None
    section = explore(write(tmp_path / "curves", curves=rows(curve())[SCHEMAS["curves"]]), M)
    assert section is not None
    explorer = section.blocks[1]
    assert isinstance(explorer, Explorer)
    assert explorer.content["margin"] == 0.02
    assert explorer.labels == []
    kinds = {outcome: explore_kind(tmp_path / outcome, outcome) for outcome in OUTCOMES}
    assert kinds == {"larger": "apart", "different": "apart", "negligible": "inside", "equivalent": "inside",
                     "undecided": "open"}  # fmt: skip


def explore_kind(out: Path, outcome: str) -> str:
    section = explore(write(out, rate_map=rows({"relative": 0}), differences=rows({"outcome": outcome})), M)
    assert section is not None
    explorer = section.blocks[1]
    assert isinstance(explorer, Explorer)
    return explorer.content["cells"][0]["kind"]


# names and links ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "kind", "name"),
    [
        ("binary-moons-mlp-sgd", "binary", M.cell(("moons", "mlp", "sgd"))),
        ("binary-moons-mlp-sgd-keras-jax", "binary", f"{M.cell(('moons', 'mlp', 'sgd'))} · Keras on JAX"),
        ("numerics-torch", "numerics", f"{M.name('notebook', 'numerics')} · PyTorch"),
        ("verdicts", "verdicts", M.name("notebook", "verdicts")),
        ("a-b-c", "verdicts", f"{M.name('notebook', 'verdicts')} · a-b-c"),
    ],
)
def test_a_cell_in_words(cell: str, kind: str, name: str) -> None:
    assert components.cell_name(cell, kind, M) == name


def test_up_to_four_notebooks_of_a_kind_are_linked_and_more_lead_to_the_table_of_cells(tmp_path: Path) -> None:
    listed = [{"cell": f"binary-t{n}-mlp-sgd", "notebook": f"{n}.ipynb"} for n in range(5)]
    stored = write(tmp_path, cells=rows(*listed, {"cell": "verdicts", "kind": "verdicts", "notebook": "v.ipynb"},
                                        base=NOTEBOOK))  # fmt: skip
    for name in (*"01234", "v"):
        (tmp_path / f"{name}.ipynb").write_text("{}")
    (many,) = components.source_links(stored, M, "binary", "verdicts")
    assert words(many.body) == (M("source.from") + M("source.many", kind=M.name("notebook", "binary"), n=5) + ", "
                                + M.name("notebook", "verdicts"))  # fmt: skip
    assert [span.href for span in many.spans if span.href] == ["#cells", "v.ipynb"]
    (tmp_path / "4.ipynb").unlink()
    (few,) = components.source_links(stored, M, "binary")
    assert [span.href for span in few.spans if span.href] == [f"{n}.ipynb" for n in range(4)]
    assert components.source_links(stored, M, "numerics") == []


def test_a_badge_is_coloured_by_its_outcome() -> None:
    assert components.badge("larger", M) == Span(text=M("outcome.larger"), mark="larger")
