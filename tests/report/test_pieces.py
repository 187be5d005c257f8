"""What a report is made of beside its sections: stored tables, the first screen, entries, and how text is written."""

from __future__ import annotations

import html
import json
import math
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pandas as pd
import pyarrow.parquet as pq
import pytest
from section_tables import (
    NOTEBOOK,
    SHARE,
    M,
    cells_of,
    flat,
    paragraphs,
    pictures_of,
    rows,
    tables_of,
    undrawn,  # noqa: F401  (a fixture)
    words,
    write,
)

from experiments.figures import Chart
from experiments.messages import LANGUAGES
from experiments.records import UserError
from experiments.report import reference
from experiments.report.blocks import (
    Code,
    First,
    Fold,
    Item,
    Items,
    Picture,
    Section,
    Span,
    Table,
    Text,
    count,
    marked,
    number,
    ranged,
    spans,
)
from experiments.report.figure_cache import Drawing, drawing
from experiments.report.reference import filled
from experiments.report.render import _data_uri, _escaped_markdown, _json, markdown, names, page, render_markdown
from experiments.report.sections import headline
from experiments.report.sections.answer import OR, WRITE, answer, in_short
from experiments.report.sections.atlas import atlas, consequence
from experiments.report.sections.claims import as_code, claims, overview
from experiments.report.stored import Stored
from experiments.tables import MAIN, SCHEMAS

# stored tables --------------------------------------------------------------------------------------------------------


def test_a_table_without_a_row_is_none(tmp_path: Path) -> None:
    stored = write(tmp_path, overall=rows({}), differences=rows({}).iloc[:0])
    assert (stored.has("overall"), stored.has("differences"), stored.has("verdicts")) == (True, False, False)


def test_rows_are_read_by_what_their_columns_equal_and_of_the_main_framework_unless_another_is_asked_for(
    tmp_path: Path,
) -> None:
    stored = write(tmp_path, differences=rows({"mean": 1.0}, {"mean": 2.0, "head": "softmax_init"},
                                              {"mean": 3.0, "framework": "torch"}),
                   cells=rows({}, base=NOTEBOOK))  # fmt: skip
    read = {name: list(stored.read("differences", **equals)["mean"]) for name, equals in {
        "all": {}, "head": {"head": "softmax"}, "heads": {"head": ("softmax", "softmax_init")}, "none": {"head": "no"},
        "framework": {"framework": "torch"}, "frameworks": {"framework": ("torch", MAIN)},
    }.items()}  # fmt: skip
    assert read == {"all": [1.0, 2.0], "head": [1.0], "heads": [1.0, 2.0], "none": [], "framework": [3.0],
                    "frameworks": [1.0, 2.0, 3.0]}  # fmt: skip
    assert len(stored.read("cells")) == 1  # it has no framework
    assert list(stored.read("overall").columns) == SCHEMAS["overall"]
    assert stored.read("differences") is stored.read("differences")


def test_rows_among_those_that_were_read_are_not_looked_for_in_the_file_again(tmp_path: Path) -> None:
    kept = rows({"mean": 1.0}, {"mean": 2.0, "head": "softmax_init"}, {"mean": 3.0, "framework": "torch"})
    stored = write(tmp_path, differences=kept)
    asked: list[dict[str, Any]] = [{"head": "softmax_init"}, {"head": "no"}, {"framework": "torch", "head": "softmax"}]
    from_file = [Stored(tmp_path, tmp_path).read("differences", **equals) for equals in asked]
    stored.read("differences", head="softmax")  # fewer heads than are asked for next
    stored.read("differences", framework=(MAIN, "torch"))
    (tmp_path / "tables" / "differences.parquet").unlink()
    for equals, expected in zip(asked, from_file, strict=True):
        pd.testing.assert_frame_equal(stored.read("differences", **equals), expected)
    assert [len(part) for part in from_file] == [1, 0, 1]


def test_only_names_of_curves_are_read_as_categories(tmp_path: Path) -> None:
    """Millions of rows of curves; the other tables are small, and their names are texts."""
    curve = rows({"head": "sigmoid", "seed": 0, "step": 1, "scope": "", "value": 0.5})[SCHEMAS["curves"]]
    stored = write(tmp_path, differences=rows({}), curves=curve)
    assert isinstance(stored.read("curves")["head"].dtype, pd.CategoricalDtype)
    assert not isinstance(stored.read("curves")["value"].dtype, pd.CategoricalDtype)
    assert not isinstance(stored.read("differences")["head"].dtype, pd.CategoricalDtype)


def test_a_table_that_lacks_columns_names_the_first_three(tmp_path: Path) -> None:
    stored = write(tmp_path)
    rows({})[["framework", "task", "network", "optimizer"]].to_parquet(tmp_path / "tables" / "differences.parquet")
    missing = [name for name in SCHEMAS["differences"] if name not in ("framework", "task", "network", "optimizer")]
    with pytest.raises(UserError, match=f"has no column {', '.join(missing[:3])}: .*--out {tmp_path}`"):
        stored.read("differences")


def test_the_run_is_told_by_the_report_that_is_written_or_else_by_the_result(tmp_path: Path) -> None:
    out = write(tmp_path / "out", {"command": "one"}).out
    into = tmp_path / "into"
    into.mkdir()
    assert Stored(out, into).run == {"command": "one"}
    (into / "run.json").write_text(json.dumps({"command": "two"}))
    assert Stored(out, into).run == {"command": "two"}
    assert write(tmp_path / "untold").run == {}


def test_what_lies_beside_the_report_is_linked_its_page_before_its_notebook(tmp_path: Path) -> None:
    listed = rows({"cell": "a", "notebook": "n/a b.ipynb"}, {"cell": "b", "notebook": "n/b.ipynb"},
                  {"cell": "c", "kind": "numerics", "notebook": "n/a b.ipynb"}, {"cell": "d", "notebook": None},
                  base=NOTEBOOK)  # fmt: skip
    stored = write(tmp_path, cells=listed)
    (tmp_path / "n").mkdir()
    assert stored.notebooks("binary") == []
    (tmp_path / "n" / "a b.ipynb").write_text("{}")
    assert stored.notebooks("binary") == [("a", "n/a%20b.ipynb")]
    (tmp_path / "n" / "a b.html").write_text("")
    assert stored.link("n/a b.ipynb") == "n/a%20b.html"
    assert stored.link("") == ""
    assert list(stored.cells["notebook"])[-1] == ""


# the first screen -----------------------------------------------------------------------------------------------------


def verdict(claim: str, outcome: str, **changes: object) -> dict[str, object]:
    return {"claim": claim, "section": "2", "outcome": outcome, "statement": "It holds.", "statement_zh": "成立。",
            "evidence": "differences", "value": 0.5, "low": 0.25, "high": 0.75, "margin": 0.02, "n_cells": 4,
            "details": "", "description": "softmax wins", "measure": "share", "unit": "nats", **changes}  # fmt: skip


VERDICTS = pd.DataFrame([
    verdict("winner-depends-on-model", "refuted"), verdict("differs-in-practice", "depends"),
    verdict("framework-is-the-cause", "supported"),
])  # fmt: skip


@pytest.mark.usefixtures("undrawn")
def test_the_first_screen_answers_by_the_verdicts_and_leads_to_what_is_stored(tmp_path: Path) -> None:
    """Each sentence by the verdict of its own question."""
    tables = {
        "verdicts": VERDICTS, "differences": rows({}),
        "attribution": rows({"share": 0.3, "factor": "head_rate"}, {"share": 0.1}, base=SHARE),
        "overall": rows({"at": "below", "mean": -0.25}, {"at": "above", "mean": 0.125}, {}),
        "rate_map": rows({"relative": 0}), "rate_law": rows({}), "rate_gaps": rows({"at": "best"}),
    }  # fmt: skip
    section = answer(write(tmp_path, cells=rows({"cell": "a"}, base=NOTEBOOK), **tables), M)
    assert section is not None
    assert section.first
    first, figures, two, never = section.blocks
    assert isinstance(first, First)
    assert section.title == M("short.title.law")
    assert [reply.sentence for reply in first.replies] == [
        M("short.which.law", below="0.25", above="0.12"),
        M("short.whether.depends", larger=1, cells=1) + M("short.whether.best", apart=1, n=1),
        M("short.why", rate="75\u00a0%", start="0\u00a0%", rest="25\u00a0%"),
    ]
    assert [[(span.text, span.href) for span in reply.more] for reply in first.replies] == [
        [(M(f"answer.to_{name}"), f"#{name}")] for name in ("rates", "where", "why")
    ]
    assert first.spans == [Span(text=M("answer.source"), href="#cells")]
    assert first.picture is not None
    assert (first.picture.name, first.code) == ("rate_map_in_short", WRITE)
    assert isinstance(figures, Fold)
    said = [words(block.body) for block in figures.blocks if isinstance(block, Text)]
    for sentence, key in zip(said, ("winner.refuted", "differ.depends", "cause.supported"), strict=True):
        assert M(f"answer.{key}", means="", rate="", start="", rest="")[:30] in sentence
    assert all(block.spans[0].strong for block in figures.blocks if isinstance(block, Text))
    assert isinstance(two, Fold)
    assert [block.body for block in two.blocks if isinstance(block, Code)] == [OR]
    assert isinstance(never, Fold)
    (table,) = never.blocks
    assert isinstance(table, Table)
    assert table.prose
    assert all(row[0].code for row in table.rows)  # type: ignore[union-attr]

    bare = answer(write(tmp_path / "bare", differences=rows({})), M)
    assert bare is not None
    (first, *_) = bare.blocks
    assert isinstance(first, First)
    assert bare.title == M("short.title.undecided")
    assert (first.picture, first.source, [len(reply.more) for reply in first.replies]) == (None, "", [0, 1])
    for lacking in ("rate_map", "rate_law"):
        kept = {name: table for name, table in tables.items() if name != lacking}
        first = answer(write(tmp_path / lacking, **kept), M).blocks[0]  # type: ignore[union-attr]
        assert isinstance(first, First)
        assert first.picture is None


def test_before_there_are_statistics_cells_are_counted_by_their_intervals(tmp_path: Path) -> None:
    """One lower, two higher, and one whose interval holds 0."""
    differences = {"a": (-0.3, -0.31, -0.32), "b": (0.3, 0.31, 0.32), "c": (0.2, 0.21, 0.22), "d": (-1.0, 0.0, 1.0)}
    finals = rows(*({"task": task, "head": head, "seed": seed, "value": 1.0 + (value if head == "softmax" else 0.0)}
                    for task, values in differences.items() for head in ("sigmoid", "softmax")
                    for seed, value in enumerate(values)))  # fmt: skip
    trained = finals.assign(trunk_hash="t", order_hash="o", paired=True, sample=finals["seed"], shared=0.0,
                            finite=True, engine="stacked")  # fmt: skip
    stored = write(tmp_path, finals=finals[SCHEMAS["finals"]], runs=trained[SCHEMAS["runs"]])
    section = answer(stored, M)
    assert section is not None
    assert not section.first
    assert paragraphs(section)[0] == M("answer.counts", cells=4, lower=1, higher=2, rest=1)
    assert [block.body for block in flat(section.blocks) if isinstance(block, Code)] == [WRITE, OR]
    lead = section.blocks[0]
    assert isinstance(lead, Text)
    assert lead.lead
    assert answer(write(tmp_path / "none"), M) is None
    assert in_short(write(tmp_path / "nothing"), M)[1] == []


@pytest.mark.parametrize(
    ("factor", "causes"),
    [("head_rate", (1.0, 0.0, 0.0)), ("head_rate+decay", (1.0, 0.0, 0.0)), ("initialisation", (0.0, 1.0, 0.0)),
     ("arithmetic", (0.0, 0.0, 1.0))],
)  # fmt: skip
def test_a_cause_that_stands_alone_is_all_of_it(factor: str, causes: tuple[float, float, float]) -> None:
    table = rows({"factor": factor, "share": -0.2}, {"factor": factor, "quantity": "nll"}, base=SHARE)
    found = headline.causes(table)
    assert found is not None
    assert (found.rate, found.start, found.rest) == causes
    assert headline.causes(table.iloc[1:]) is None
    assert headline.causes(table.assign(share=0.0)) is None


# claims ---------------------------------------------------------------------------------------------------------------


def behind(section: Section) -> dict[str, list[str]]:
    """What is folded under each claim."""
    return {
        item.anchor: [words(block.body) for block in item.folded.blocks if isinstance(block, Text)]
        for items in section.blocks if isinstance(items, Items)
        for item in items.entries if item.folded is not None
    }  # fmt: skip


def test_claims_are_tallied_and_each_has_its_number_its_interval_and_its_evidence(tmp_path: Path) -> None:
    table = pd.DataFrame([
        verdict("one", "refuted"), verdict("two", "supported", value=math.nan, low=math.nan, high=math.nan),
        verdict("three", "refuted", low=math.nan, details="nll of moons/mlp/sgd", hold=3, fail=2, open=1),
        verdict("four", "refuted", high=math.inf),
    ])  # fmt: skip
    table = table.fillna({"hold": 0, "fail": 0, "open": 0})
    section = claims(write(tmp_path, verdicts=table), M)
    assert section is not None
    tally = f"{M('claims.tally', n=1, outcome='supported')}, {M('claims.tally', n=3, outcome='refuted')}"
    assert paragraphs(section)[0] == M("claims.read", n=4, tally=tally)
    (shown,) = tables_of(section)
    wins = "Softmax wins §\N{NO-BREAK SPACE}2"
    assert cells_of(shown) == [["refuted", wins, "share: 0.5 nats"], ["supported", wins, "–"],
                               *[["refuted", wins, "share: 0.5 nats"]] * 2]  # fmt: skip
    (items,) = (block for block in section.blocks if isinstance(block, Items))
    folded = behind(section)
    decided = M("claims.number", measure="share", value="0.5", margin="0.02", unit="nats")
    interval, counted = M("claims.interval", low="0.25", high="0.75"), M("claims.cells", n=4)
    evidence = M("claims.evidence") + "differences"
    parts = M("claims.parts", hold=0, fail=0, open=0)
    assert folded == {
        "one": [decided + interval + parts + counted, evidence], "two": [evidence],
        "three": [decided + M("claims.parts", hold=3, fail=2, open=1) + counted,
                  M("claims.details") + "NLL of moons · MLP · SGD", evidence],
        "four": [decided + parts + counted, evidence],
    }  # fmt: skip
    assert [item.mark for item in items.entries] == ["refuted", "supported", "refuted", "refuted"]
    assert words(items.entries[0].title) == "Softmax wins §\N{NO-BREAK SPACE}2"
    assert items.entries[0].lines == [[Span(text="It holds.")]]
    assert claims(write(tmp_path / "none"), M) is None
    plain = claims(write(tmp_path / "plain", verdicts=table.drop(columns=["hold", "fail", "open"])), M)
    assert plain is not None
    assert behind(plain)["one"] == [decided + interval + counted, evidence]


def test_a_unit_in_brackets_or_in_the_measure_is_not_said_again() -> None:
    def shown(measure: str, unit: str) -> str:
        (row,) = cells_of(overview(pd.DataFrame([verdict("one", "refuted", measure=measure, unit=unit)]), M))
        return row[2]

    assert shown("loss", "nats") == "loss: 0.5 nats"
    assert shown("loss in nats", "nats") == "loss in nats: 0.5"
    assert shown("loss", "(relative)") == "loss: 0.5"
    assert shown("the smallest logit", "logit") == "the smallest logit: 0.5 logit"  # its size is meant
    assert shown("logit of a share", "share of runs") == "logit of a share: 0.5"


def test_identifiers_and_the_names_that_are_asked_for_are_set_as_code() -> None:
    assert as_code("nll of rate_map in one-two and three_four-five", ["nll", "one-two"]) == (
        "`nll` of `rate_map` in `one-two` and `three_four-five`"
    )
    assert as_code("nll and one-two") == "nll and one-two"


# the atlas ------------------------------------------------------------------------------------------------------------

PATH = {"framework": "keras-torch", "execution": "eager", "dtype": "float32", "form": "in_layer",
        "activation": "sigmoid", "units": 1, "loss": "bce"}  # fmt: skip
PATHOLOGY = PATH | {
    "pathology": "clipped_probability", "harms": True, "cause": "The loss `clips`.", "place": "nn.py",
    "remedy": "Use `from_logits`.", "off_from": 17.0, "dead_from": math.nan, "asymmetric_from": 1.0,
    "evaluate_differs_from": 2.0,
}  # fmt: skip
TRAINED = {"pathology": "clipped_probability", "role": "pathology", "task": "easy", "seed": 0, "accuracy": 0.9,
           "predicted_nll": 0.5, "nll": 0.5, "finite": True}  # fmt: skip


@pytest.mark.usefixtures("undrawn")
def test_pathologies_come_by_harm_and_then_by_reach_each_with_where_it_begins(tmp_path: Path) -> None:
    table = rows(
        {"pathology": "coarse_dtype", "harms": False, "off_from": math.nan, "place": ""},
        *({"pathology": "coarse_dtype", "harms": False, "dtype": dtype, "off_from": math.nan, "place": ""}
          for dtype in ("float16", "bfloat16")),
        {"pathology": "rare", "dead_from": 3.5, "framework": "keras-jax"},
        {"off_from": 18.0, "place": ""}, {"execution": "xla", "framework": "keras-jax"}, {"execution": "xla"},
        {"pathology": "none", "cause": "", "form": "from_logits", "off_from": math.nan},
        {"pathology": "none", "cause": "", "form": "from_logits", "off_from": math.nan}, base=PATHOLOGY,
    )  # fmt: skip
    swept = rows({"status": "measured"}, {"status": "measured", "dtype": "float16"},
                 {"status": "measured", "execution": "xla"},
                 {"status": "not installed", "framework": "torch", "dtype": ""}, base=PATH)  # fmt: skip
    trained = rows({}, {"role": "sound", "predicted_nll": 0.25, "accuracy": 1.0}, base=TRAINED)
    section = atlas(write(tmp_path, pathologies=table, numerics=swept, consequences=trained), M)
    assert section is not None
    said = paragraphs(section)
    assert said[0] == M("atlas.read", paths=7, sound=1, frameworks=2)
    assert said[1] == M("atlas.absent", names="PyTorch")
    (items,) = (block for block in section.blocks if isinstance(block, Items))
    clipped, rare, coarse = items.entries
    assert [item.badge for item in items.entries] == [M("atlas.harms")] * 2 + [M("atlas.rounding")]
    assert [item.mark for item in items.entries] == ["refuted", "refuted", "undecided"]
    torch, jax = M.name("framework", "keras-torch"), M.name("framework", "keras-jax")
    assert [words(line) for line in clipped.body] == [
        "The loss clips.", M("atlas.remedy") + "Use from_logits.",
        M("atlas.consequence", task=M.or_key("numerics.task", "easy"), nll="0.5", sound="0.25", accuracy="0.9",
          sound_accuracy="1", broken=0, n=1),
        M("atlas.where", paths=3, frameworks=f"{jax}, {torch}") + M("atlas.from", z="17") + M("atlas.place") + "nn.py",
    ]  # fmt: skip
    assert words(rare.body[-1]).startswith(M("atlas.where", paths=1, frameworks=jax) + M("atlas.from", z="3.5"))
    assert words(coarse.body[-1]) == M("atlas.where", paths=3, frameworks=torch)
    assert {name: len(args[0]) for name, args in pictures_of(section).items()} == {
        "gradient_states": 1, "thresholds_jax": 9, "thresholds_torch": 9, "consequences": 2,
    }  # fmt: skip
    assert atlas(write(tmp_path / "none"), M) is None
    bare = atlas(write(tmp_path / "bare", pathologies=table), M)
    assert bare is not None
    assert list(pictures_of(bare)) == ["thresholds_jax", "thresholds_torch"]
    assert paragraphs(bare)[1] == M("atlas.thresholds")


def test_the_consequence_is_told_of_the_task_on_which_the_two_end_furthest_apart() -> None:
    """Medians over seeds; a run that broke down counts as worse than any loss."""
    sound = {"role": "sound", "predicted_nll": 0.4, "accuracy": 0.8}
    hard = {"task": "hard"}
    table = rows(
        {"predicted_nll": 0.6}, sound | {"accuracy": 0.9},
        *(hard | {"seed": seed, "predicted_nll": nll, "finite": finite, "accuracy": accuracy}
          for seed, (nll, finite, accuracy) in enumerate([(1.0, True, 0.5), (9.0, False, 0.75), (2.0, True, 0.6)])),
        *(hard | sound | {"seed": seed} for seed in range(3)),
        {"pathology": "another", "predicted_nll": 99.0}, base=TRAINED,
    )  # fmt: skip
    found = consequence(table, "clipped_probability")
    assert found is not None
    assert (found.task, found.nll, found.sound_nll) == ("hard", 2.0, 0.4)
    assert (found.accuracy, found.sound_accuracy) == (0.6, 0.8)
    assert (found.broken, found.seeds) == (1, 3)
    broken = consequence(table.assign(finite=table["role"] != "pathology"), "clipped_probability")
    assert broken is not None
    assert math.isinf(broken.nll)
    unpredicted = consequence(table.assign(predicted_nll=table["predicted_nll"].where(table["role"] == "sound")),
                              "clipped_probability")  # fmt: skip
    assert unpredicted is not None
    assert math.isinf(unpredicted.nll)
    for alone in ({"accuracy": 0.5}, {"predicted_nll": 0.6}):
        apart = rows({"task": "a"}, {"task": "a", "role": "sound"}, {"task": "b"} | alone,
                     {"task": "b", "role": "sound"}, base=TRAINED)  # fmt: skip
        assert consequence(apart, "clipped_probability").task == "b"  # type: ignore[union-attr]
    assert consequence(table, "unknown") is None
    assert consequence(table.iloc[:0], "clipped_probability") is None


# how text is written --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b *c* _d_ `e` [f] {g} ~h~ #i", r"a\|b \*c\* \_d\_ \`e\` \[f\] \{g\} \~h\~ \#i"),
        ('<b> & "q"', '&lt;b&gt; &amp; "q"'),
        ("one\n\n  two\t three", "one two three"),
        ("5\u00a0%", "5\u00a0%"),
    ],
)
def test_markdown_shows_text_as_it_is(text: str, shown: str) -> None:
    assert _escaped_markdown(text) == shown


def test_no_text_in_the_pages_data_can_end_its_element() -> None:
    content = {"a": "</script><b>&amp;", "é": [1, None]}
    text = _json(content)
    assert not set("<>&") & set(text)
    assert "é" in text
    assert json.loads(text) == content
    with pytest.raises(ValueError, match="not JSON compliant"):
        _json({"a": math.nan})


@pytest.mark.parametrize("svg", ['<svg a="1 2"\n\tb="50%#">é</svg>', '<svg a="it\'s">&amp;</svg>'])
def test_a_picture_as_an_address_is_the_picture(svg: str) -> None:
    """As a browser reads it: the attribute unescaped, then the address unquoted."""
    for listed in (False, True):
        address = html.unescape(_data_uri(svg, listed=listed)).removeprefix("data:image/svg+xml,")
        assert not set("<>#\n\t") & set(address)
        assert (" " in address) is (" " in svg and not listed)
        read = unquote(address)
        assert read == svg if "it's" in svg else read == svg.replace('"', "'")
    assert '"' not in _data_uri(svg)


@pytest.mark.parametrize(("lang", "files"), [("en", ("report.html", "report.md")),
                                             ("zh", ("report.zh.html", "report.zh.md"))])  # fmt: skip
def test_the_file_of_a_language_is_named_by_it(lang: str, files: tuple[str, str]) -> None:
    assert names(lang) == files


def picture(drawn: list[str], svg: str = "<svg/>") -> Picture:
    """A picture that notes in `drawn` that it is drawn anew."""

    def png(source: str) -> bytes:
        drawn.append(source)
        return b"the pixels"

    one = Drawing(finding="f", size=(2, 3), svg=svg, draw=lambda: SimpleNamespace(png=png))  # type: ignore[arg-type, return-value]
    return Picture(name="p", wide=one, narrow=one)


def test_page_and_text_link_to_the_other_language_where_it_is_made_or_lies_there(tmp_path: Path) -> None:
    stored = write(tmp_path, {"started": "2026-01-02T03:04:05+0000"})
    drawn: list[str] = []
    sections = [Section(id="one", title="One & two", blocks=[Text(body="a *b*"), picture(drawn)])]
    markdown(sections, stored, M, LANGUAGES)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "(report.zh.md)" in text
    assert "## One &amp; two" in text
    assert r"a \*b\*" in text
    assert "\n\n\n" not in text
    assert text.endswith(M("page.made", date="2026-01-02") + "\n")
    assert (len(drawn), (tmp_path / "figures" / "p.png").read_bytes()) == (1, b"the pixels")
    markdown(sections, stored, M, ["en"])
    assert "report.zh.md" not in (tmp_path / "report.md").read_text(encoding="utf-8")
    alone = page(sections, stored, M, ["en"]).read_text(encoding="utf-8")
    assert "report.zh.html" not in alone
    assert "<h2" in alone
    assert alone.count("<script>") == 1
    (tmp_path / "report.zh.html").write_text("")
    assert 'href="report.zh.html"' in page(sections, stored, M, ["en"]).read_text(encoding="utf-8")


def test_what_the_templates_do_not_know_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="'sections' is undefined"):
        render_markdown("report.md.jinja", write(tmp_path, {}), M, LANGUAGES)


def test_pictures_that_are_not_folded_away_are_files_of_their_own() -> None:
    one, two = picture([]), picture([])
    fold = Fold(summary="more", blocks=[one])
    assert Section(id="a", title="A", blocks=[Text(body="x"), two, fold]).unfolded == [two]
    first = First(replies=[], picture=one, write="", code="")
    assert Section(id="a", title="A", blocks=[first, two]).unfolded == [one, two]
    assert Section(id="a", title="A", blocks=[First(replies=[], picture=None, write="", code="")]).unfolded == []
    assert [Section(id="a", title="A", blocks=blocks).first for blocks in ([first, two], [two, first], [])] == [
        True, False, False,
    ]  # fmt: skip


def test_a_text_is_one_span_and_a_list_one_a_piece() -> None:
    link = Span(text="b", href="#b")
    assert spans("a") == [Span(text="a")]
    assert spans(link) == [link]
    assert spans(["a", link]) == [Span(text="a"), link]
    assert Item(title="t", body=["a", ["b", link]]).lines == [[Span(text="a")], [Span(text="b"), link]]
    assert marked("") == []
    assert not Text(body="a").lead


def test_a_number_has_its_digits_and_no_sign_unless_asked_for() -> None:
    assert number(1234.5678).text == "1.23e+03"
    assert number(1234.5678, 6, unit=" s").text == "1234.57 s"
    assert number(0.5).text == "0.5"
    assert (count(1234567).text, count(1234567).sort) == ("1234567", 1234567.0)
    assert ranged({"mean": 0.0001, "low": 0.00005, "high": 0.0001}).text == "+0.000100 [0.000050, 0.000100]"
    assert ranged({"mean": 1000.0, "low": -2000.4, "high": 12.0}).text == "+1000 [−2000, 12]"


# figures that were drawn before ---------------------------------------------------------------------------------------


def test_a_figure_is_read_where_its_key_and_its_digest_fit(tmp_path: Path) -> None:
    drawn: list[str] = []

    def draw() -> Chart:
        drawn.append("drawn")
        return SimpleNamespace(finding="it falls", pixels=(7, 5), svg=lambda name: f"<svg>{name}</svg>")  # type: ignore[return-value]

    folder = tmp_path / "a" / "cache"
    folder.parent.mkdir()
    first = drawing(folder, "one", "key", draw)
    again = drawing(folder, "one", "key", draw)
    assert (first.finding, first.size, first.svg) == (again.finding, again.size, again.svg) == (
        "it falls", (7, 5), "<svg>one</svg>",
    )  # fmt: skip
    assert drawn == ["drawn"]
    drawing(folder, "one", "another", draw)
    assert len(drawn) == 2
    drawing(None, "one", "another", draw)
    assert len(drawn) == 3
    drawing(tmp_path / "not" / "there", "one", "key", draw)  # a folder that cannot be made: nothing is kept
    assert len(drawn) == 4


# the committed result -------------------------------------------------------------------------------------------------


def test_links_of_the_kept_table_lead_into_the_report_and_its_numbers_are_left_there() -> None:
    table = Table(caption="c", columns=["a", "b", "n"], rows=[
        ["plain", Span(text="own", href="#own"), "1"],
        [["x", Span(text="y", href="#y")], [Span(text="z"), "w"], "2"],
    ])  # fmt: skip
    linked = reference._linked(table, "page.md")
    assert linked.columns == ["a", "b"]
    assert linked.rows == [
        ["plain", Span(text="own", href="#own")],
        [["x", Span(text="y", href="page.md#y")], [Span(text="z"), "w"]],
    ]


def test_the_size_of_a_result_is_its_networks_and_seeds(tmp_path: Path) -> None:
    listed = rows({"networks_trained": 1200}, {"networks_trained": 34}, base=NOTEBOOK)
    stored = write(tmp_path, {"settings": {"seeds": "10 to 20"}}, cells=listed)
    assert reference._size(stored) == {"networks": "1,234", "seeds": "10–20"}
    assert reference._size(write(tmp_path / "untold", cells=listed))["seeds"] == "–"


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    readme = "a\n<!-- results: by make -->\nold\n<!-- end of results -->\nb\n"
    assert filled(readme, "new\n") == "a\n<!-- results: by make -->\nnew\n<!-- end of results -->\nb\n"


def test_of_a_result_its_answer_is_kept_and_what_each_run_gave_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int] = []
    monkeypatch.setattr(reference, "build", lambda out, *, into, processes: built.append(processes))
    found = rows({"primary": False}, {"head": "softmax_init", "primary": False}, {"head": "softmax_lr"})
    gaps = rows({"at": "best"}, {"at": "rate"}, {"at": "rate", "head": "softmax_nllloss"})
    stored = write(tmp_path / "out", {}, verdicts=VERDICTS, differences=found, rate_gaps=gaps,
                   runs=rows({})[["head"]], shifts=rows({}).iloc[:0])  # fmt: skip
    reference.keep(stored.out, tmp_path / "into", processes=3)
    assert built == [3]
    kept = {path.stem: pd.read_parquet(path) for path in (tmp_path / "into" / "tables").iterdir()}
    assert set(kept) == {"verdicts", "differences", "rate_gaps"}
    assert list(kept["differences"]["head"]) == ["softmax", "softmax_lr"]
    assert list(kept["rate_gaps"]["at"] + " " + kept["rate_gaps"]["head"]) == ["best softmax", "rate softmax_nllloss"]
    assert pq.read_schema(tmp_path / "into" / "tables" / "differences.parquet").names == list(kept["differences"])


def test_the_result_that_is_kept_is_the_one_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["reference", str(tmp_path / "mine")])
    with pytest.raises(UserError, match=f"{tmp_path / 'mine'} holds no tables"):
        runpy.run_path(reference.__file__, run_name="__main__")


def test_each_readme_gets_what_was_kept_in_its_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[tuple[Path, Path]] = []
    monkeypatch.setattr(reference, "ROOT", tmp_path)
    monkeypatch.setattr(reference, "keep", lambda out, into: kept.append((out, into)))
    monkeypatch.setattr(reference, "readme_block", lambda folder, lang: f"{folder.name} in {lang}\n")
    for name in reference.READMES.values():
        (tmp_path / name).write_text(f"{name}\n<!-- results: by make -->\nold\n<!-- end of results -->\n")
    reference.main(tmp_path / "mine")
    assert kept == [(tmp_path / "mine", tmp_path / reference.REFERENCE)]
    for lang, name in reference.READMES.items():
        assert (tmp_path / name).read_text() == (
            f"{name}\n<!-- results: by make -->\nreference in {lang}\n<!-- end of results -->\n"
        )


def test_the_readme_shows_the_rate_map_and_without_a_sweep_the_causes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "finding_of", lambda make, *tables, messages: f"{make.__name__} {len(tables)}")
    swept = write(tmp_path / "swept", rate_law=rows({}), rate_map=rows({"relative": 0}))
    assert reference._picture(swept, M) == ("rate_map_in_short", "rate_map 2")
    assert reference._picture(write(tmp_path / "alone", attribution=rows({}, base=SHARE)), M) == (
        "attribution", "attribution 1",
    )  # fmt: skip
