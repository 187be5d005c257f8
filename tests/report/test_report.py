"""The report: what it says, in both languages, that it is self-contained, and that no data becomes markup."""

from __future__ import annotations

import html
import json
import math
import re
import shutil
import string
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import synthetic_tables as synthetic
from lettering_cases import NEEDS_CHINESE_FONT
from statsmodels.stats.multitest import multipletests

from experiments.claims import CLAIMS
from experiments.figures import Chart, Messages, forest, lettering
from experiments.figures.lettering import clip
from experiments.judgement import FRESH, wins
from experiments.messages import LANGUAGES, catalogue
from experiments.records import UserError
from experiments.report import CATALOGUES, build, build_one, draw_ahead, figure_cache
from experiments.report.sections import BEFORE_VERDICTS, components, headline
from experiments.report.sections.answer import cause, differ, winner
from experiments.report.sections.claims import overview
from experiments.report.stored import Stored

EVIL = "<script>alert(1)</script>"
STRINGS = CATALOGUES[0]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic.built(tmp_path_factory)


def read(out: Path, name: str) -> str:
    return (out / name).read_text(encoding="utf-8")


def headings(page: str) -> list[str]:
    return re.findall(r'<h2 id="[^"]*">(.*?)</h2>', page)


def stored(out: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(out / "tables" / f"{name}.parquet")


def test_the_sections_come_in_the_order_in_which_a_reader_asks(out: Path) -> None:
    assert headings(read(out, "report.html")) == [
        "Ask for an experiment", "The article&#39;s claims, one by one", "Why they differ", "Where they differ",
        "Loss curves and gradient norms", "Learning rates", "The numerics atlas",
        "Pitfalls: programs that train something else", "Every cell", "What failed", "Where these numbers come from",
    ]  # fmt: skip


@pytest.mark.parametrize("suffix", ["", ".zh"])
def test_page_and_markdown_hold_the_same_sections_findings_and_tables(out: Path, suffix: str) -> None:
    page, text = read(out, f"report{suffix}.html"), read(out, f"report{suffix}.md")
    titles = re.findall(r'<h[12] id="[^"]*">(.*?)</h[12]>', page)
    assert [html.unescape(title) for title in titles] == re.findall(r"^## (.*)$", text, re.MULTILINE)
    alts = re.findall(r'<img [^>]*alt="(.*?)"', page)
    assert len(alts) == 11
    shown = re.sub(r"\\([\\`*_{}\[\]|~#])", r"\1", text)  # as a reader of the Markdown sees it
    for alt in alts:
        assert html.unescape(alt) in shown
    assert len(re.findall(r"<table ", page)) == len(re.findall(r"^\| ?---", text, re.MULTILINE))


def test_the_answer_holds_what_the_tables_hold(out: Path) -> None:
    table, overall = stored(out, "differences"), stored(out, "overall")
    rows = table.loc[(table["head"] == "softmax") & table["primary"] & (table["estimand"] == FRESH)]
    by = rows.groupby(["task", "network", "optimizer"])
    # "differs" is of all quantities and cells corrected together (Bonferroni within a cell, Holm over cells)
    wrong = by.apply(lambda cell: min(1.0, len(cell) * max(cell["p"].min(), cell["p_t"].min())))
    sure = {key: bool(found) for key, found in zip(wrong.index, multipletests(wrong, method="holm")[0], strict=True)}
    within = by["outcome"].agg(lambda found: set(found) <= {"negligible", "equivalent"})
    assert any(sure[key] and not within[key] for key in within.index)
    (answer,) = re.findall(r"<p><strong>Do they differ\?</strong> (.*?)</p>", read(out, "report.html"))
    assert "of 8 cells (task, network, optimizer) some primary quantity" in answer
    found = re.search(r"registered margin in (\d+), some differs with the size still open in (\d+), all are shown to "
                      r"be within their margins in (\d+), and (\d+) are undecided", answer)  # fmt: skip
    assert found is not None
    larger, different, inside, still = map(int, found.groups())
    assert larger + different == sum(sure[key] and not within[key] for key in within.index)
    assert (inside, still) == (within.sum(), sum(not sure[key] and not within[key] for key in within.index))
    means = overall.set_index(["head", "quantity", "at", "estimand"])["mean"]
    mean = means.loc[("softmax", "nll", "default", FRESH)]
    assert f"{mean:+.3g} nats in the final test loss".replace("-", "−") in answer


def test_better_is_higher_accuracy_and_lower_loss() -> None:
    rows = pd.DataFrame({
        "quantity": ["nll", "nll", "accuracy", "accuracy", "nll"], "mean": [-1.0, 1.0, 1.0, -1.0, -1.0],
        "outcome": ["different", "larger"] * 2 + ["negligible"],
    })  # fmt: skip
    assert wins(rows) == (2, 2)
    assert wins(rows.iloc[[0, 2, 4]]) == (2, 0)


def test_every_claim_is_there_with_its_verdict(out: Path) -> None:
    page = read(out, "report.html")
    entries = re.findall(r'<li class="(\w+)" id="([\w-]+)">', page)
    rows = re.findall(r'<span class="badge (\w+)">[^<]*</span></td>\s*<td[^>]*><a href="#([\w-]+)">', page)
    verdicts = stored(out, "verdicts").set_index("claim")["outcome"].to_dict()
    assert {claim: outcome for outcome, claim in entries} == verdicts
    assert {claim: outcome for outcome, claim in rows} == verdicts


def test_the_unit_stands_behind_the_number_unless_the_measure_names_it() -> None:
    rows = stored_verdict().iloc[0]
    for measure, unit, shown in (("softmax - sigmoid, loss", "nats", " nats"), ("smallest |logit|", "logit", " logit"),
                                 ("share of runs that diverged", "share of runs", ""),
                                 ("mean top probability", "probability", "")):  # fmt: skip
        table = pd.DataFrame([rows]).assign(measure=measure, unit=unit, value=0.5)
        assert overview(table, MESSAGES).cells[0][2][0].text == f"{measure}: 0.5{shown}"


def test_a_row_of_a_cell_has_its_notebook_its_outcome_and_its_command(out: Path) -> None:
    (row,) = re.findall(r"<tr>\s*<td><a [^>]*>affairs · MLP · Adam</a>.*?</tr>", read(out, "report.html"), re.DOTALL)
    assert 'href="notebooks/binary-fair-mlp-adam.html"' in row
    table = stored(out, "differences").set_index(["task", "head", "quantity", "estimand"])
    found = table.loc[("fair", "softmax", "nll", FRESH)]
    assert f'data-sort="{found["mean"]}"' in row
    shown = MESSAGES(f"outcome.{found['outcome']}")  # the outcomes' words have changed: "larger than the margin", ...
    assert f">{shown}</span>" in row
    assert "headtohead run --preset quick --seeds 7 --tasks fair --networks mlp --optimizers adam" in row


def test_a_failed_cell_is_listed_with_its_error(out: Path) -> None:
    assert "    ValueError: no rows" in read(out, "report.md")


def test_what_is_not_stored_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    synthetic.write(
        tmp_path, {name: table for name, table in synthetic.tables().items() if name in ("cells", "verdicts")}
    )
    build(tmp_path, ["en"])
    text = read(tmp_path, "report.md")
    (row,) = re.findall(r"^\| The numerics atlas .*$", text, re.MULTILINE)
    assert "<code>pathologies</code>" in row
    assert "./run\\_all.sh --frameworks" in row
    assert re.search(
        r"^\| Why they differ \| <code>attribution</code> \| <code>headtohead run</code> \|$", text, re.MULTILINE
    )


def test_a_pathology_comes_with_its_reach_its_remedy_and_what_it_does_to_training(out: Path) -> None:
    text = read(out, "report.md")
    assert "4 paths of 1 frameworks, 1 of them sound" in text
    assert "Not installed, so not swept: Keras on JAX." in text
    start = text.index("- **does harm**: clipped probability")
    entry = text[start : text.index("- **rounding only**: coarse dtype")]
    assert "The loss <code>clips</code> the probability." in entry
    assert "Instead: Use <code>from\\_logits=True</code>." in entry
    assert "On 2 paths (Keras on PyTorch), from |z| = 16 on" in entry.replace("\\|", "|")
    trained = "Trained on it (noisy): the loss of what it predicts ends at 2.5 instead of 0.4, "
    trained += "the accuracy at 0.5 instead of 0.8; 1 of 3 runs"
    assert trained in entry


# self-contained -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", ".zh"])
def test_the_page_needs_nothing_but_itself(out: Path, suffix: str) -> None:
    page = read(out, f"report{suffix}.html")
    found = re.search(r'Content-Security-Policy" content="(.*?)"', page)
    assert found is not None
    policy = html.unescape(found[1])
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    assert not re.findall(r"""(?:src|srcset|href)=["']?(?:https?:)?//""", page)
    own = re.sub(r'="data:image/svg[^"]*"', '=""', page)  # a picture is a document of its own
    assert not re.findall(r"<[^>]* (?:style|on\w+)=", own)


@pytest.mark.parametrize("suffix", ["", ".zh"])
def test_every_link_of_page_and_markdown_resolves(out: Path, suffix: str) -> None:
    for name, pattern in ((f"report{suffix}.html", r'<a [^>]*href="(.*?)"'), (f"report{suffix}.md", r"\]\((.*?)\)")):
        text = read(out, name)
        links = re.findall(pattern, text)
        assert len(links) > 10
        for href in links:
            assert f'id="{href[1:]}"' in text if href.startswith("#") else (out / href).is_file()


def test_the_languages_link_to_each_other(out: Path) -> None:
    assert 'href="report.zh.html"' in read(out, "report.html")
    assert 'href="report.html"' in read(out, "report.zh.html")
    assert "(report.md)" in read(out, "report.zh.md")


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """A result of a single small table: a report in a moment."""
    return synthetic.write(tmp_path / "few", {"cells": synthetic.cells(), "differences": synthetic.differences()})


def test_both_languages_are_made_side_by_side_unless_one_is_asked_for(few: Path) -> None:
    assert build(few, ["zh"]) == few / "report.zh.html"
    assert not (few / "report.html").exists()
    assert "English version" not in read(few, "report.zh.html")
    assert build(few, processes=2) == few / "report.html"
    assert 'href="report.html"' in read(few, "report.zh.html")
    assert 'href="report.zh.html"' in read(few, "report.html")
    (few / "report.zh.html").write_text("as it was")
    build(few, ["en"])
    assert 'href="report.zh.html"' in read(few, "report.html")
    assert read(few, "report.zh.html") == "as it was"


def test_a_language_that_is_made_elsewhere_is_the_same_page(few: Path) -> None:
    build(few, processes=1)
    pages = {name: read(few, name) for name in ("report.html", "report.zh.html", "report.md", "report.zh.md")}
    for name in pages:
        (few / name).unlink()
    for lang, page in (("zh", "report.zh.html"), ("en", "report.html")):
        assert build_one(str(few), lang, ["en", "zh"]) == str(few / page)
    assert {name: read(few, name) for name in pages} == pages


def test_what_needs_no_verdict_is_drawn_ahead_and_found_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = synthetic.tables()
    ahead = synthetic.write(tmp_path / "ahead", {name: whole[name] for name in ("curves", "runs", "pathologies")})
    draw_ahead(str(ahead), "en")
    assert {"loss_curves.png", "gradient_norms.png"} <= {path.name for path in (ahead / "figures").iterdir()}
    assert not (ahead / "report.html").exists()
    done = synthetic.write(tmp_path / "done", whole)
    shutil.copytree(ahead / ".figures", done / ".figures")
    monkeypatch.setattr(Chart, "_drawn", lambda self, kind, **how: pytest.fail(f"drawn again: {self.finding}"))
    assert BEFORE_VERDICTS[0](Stored(done, done), MESSAGES) is not None


# Chinese letters ------------------------------------------------------------------------------------------------------


def test_a_figure_is_drawn_again_only_when_what_it_shows_has_changed(
    few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    draw = Chart._drawn
    monkeypatch.setattr(Chart, "_drawn", lambda self, kind, **how: drawn.append(kind) or draw(self, kind, **how))

    def again() -> tuple[list[str], str, bytes]:
        drawn.clear()
        build(few, ["en"])
        return sorted(drawn), read(few, "report.html"), (few / "figures" / "differences.png").read_bytes()

    assert again()[0] == ["rgba", "svg", "svg"]  # the PNG, and the page's wide and narrow one
    nothing, page, picture = again()
    assert nothing == []
    (few / "figures" / "differences.png").unlink()
    assert again() == (["rgba"], page, picture)
    cached = few / ".figures" / "differences.json"
    cached.write_text(cached.read_text().replace("<svg", "<svg onload='x'"))  # altered, or damaged
    assert again() == (["svg"], page, picture)
    cached.write_text("{")
    assert again() == (["svg"], page, picture)
    table = stored(few, "differences")
    table.loc[table["head"] == "softmax", "mean"] *= 2
    table.to_parquet(few / "tables" / "differences.parquet")
    assert again()[0] == ["rgba", "svg", "svg"]
    assert read(few, "report.html") != page
    assert (few / "figures" / "differences.png").read_bytes() != picture


def test_the_key_of_a_figure_holds_all_that_decides_its_look(monkeypatch: pytest.MonkeyPatch) -> None:
    table = synthetic.differences()

    def key(table: pd.DataFrame = table, lang: str = "en", width: float = 7.2, **options: object) -> str:
        return figure_cache.key_of(forest, [table], Messages(lang=lang, paths=CATALOGUES), width, options)

    first = key()
    assert first == key(table.copy()) == key(table.set_index(table.index + 7))  # what rows are called is not shown
    others = {
        "a value": key(table.assign(mean=table["mean"] + 1e-15)),
        "a name": key(table.rename(columns={"low": "lower"})),
        "the rows' order": key(table.iloc[::-1]),
        "the language": key(lang="zh"),
        "the width": key(width=3.5),
        "an option": key(quantities=("nll",)),
    }
    monkeypatch.setattr(figure_cache, "code_of", lambda *_: "another")
    others["the code"] = key()
    assert len({first, *others.values()}) == 1 + len(others)


@pytest.fixture
def no_chinese_font(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lettering, components):
        monkeypatch.setattr(module, "chinese_font", lambda: None)


@pytest.mark.usefixtures("no_chinese_font")
def test_without_a_chinese_font_figures_are_english_and_the_page_says_so(few: Path) -> None:
    # a letter that no font has is a warning of matplotlib's, and so an error here: the next test shows it
    build(few, ["zh"])
    page = read(few, "report.zh.html")
    assert "图中文字为英文" in page
    assert "图中文字为英文" in read(few, "report.zh.md")
    assert [path.name for path in (few / "figures").iterdir()] == ["differences.zh.png"]
    assert re.search(r'alt="[^"]*[\u4e00-\u9fff]', page)  # a text, which no font has to draw


@pytest.mark.usefixtures("no_chinese_font")
def test_without_a_chinese_font_letters_are_english_and_texts_are_not(few: Path) -> None:
    messages = Messages(lang="zh", paths=CATALOGUES)
    picture = components.picture_of(
        None, "differences", forest, components.compared(Stored(few, few)), messages=messages
    )
    assert picture.name == "differences.zh"
    assert picture.wide.draw().finding.startswith("NLL, softmax minus sigmoid: ")
    for text in (picture.wide.finding, picture.narrow.finding):
        assert re.search("[\u4e00-\u9fff]", text)
        assert "cells" not in text


@pytest.mark.usefixtures("no_chinese_font")
def test_a_box_instead_of_a_letter_would_be_noticed(few: Path) -> None:
    table = stored(few, "differences")
    with pytest.warns(UserWarning, match="missing from font"):
        forest(table.loc[table["head"] == "softmax"], messages=Messages(lang="zh", paths=CATALOGUES)).png()


@NEEDS_CHINESE_FONT
def test_with_a_chinese_font_figures_are_chinese(few: Path) -> None:
    build(few, ["zh"])
    assert "图中文字为英文" not in read(few, "report.zh.html")
    assert [path.name for path in (few / "figures").iterdir()] == ["differences.zh.png"]
    texts = "".join(text["zh"] for text in catalogue(CATALOGUES[1]).values())
    assert lettering.drawable(texts) == texts


@pytest.mark.usefixtures("no_chinese_font")
def test_a_name_that_cannot_be_drawn_is_shown_as_question_marks(few: Path) -> None:
    table = stored(few, "differences").assign(task="数据")
    assert clip("数据/mlp/sgd", 3) == "??/mlp/sgd"
    forest(table.loc[table["quantity"] == "nll"].iloc[:1]).png()


# what a user's data can hold -----------------------------------------------------------------------------------------


def test_a_label_from_the_data_appears_as_text(tmp_path: Path) -> None:
    cells = [(EVIL, "mlp", "sgd"), ("moons", "mlp", "adam")]
    synthetic.write(tmp_path, {
        "curves": synthetic.curves(cells, seeds=3), "differences": synthetic.differences(cells),
        "cells": synthetic.cells(failed=f"KeyError: {EVIL} | `x`").assign(kind=EVIL),
        "verdicts": stored_verdict(statement=EVIL, description=EVIL),
    }, notebooks=False)  # fmt: skip
    (tmp_path / "run.json").write_text(json.dumps({"command": EVIL, EVIL: EVIL, "settings": {"preset": EVIL}}))
    build(tmp_path, ["en"])
    page, text = read(tmp_path, "report.html"), read(tmp_path, "report.md")
    assert page.count("<script>") == 1  # the page's own
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    outside = "\n".join(
        line for line in text.splitlines() if not line.startswith("    ")
    )  # code blocks show all as it is
    assert "<script" not in outside
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in outside


def stored_verdict(**changes: str) -> pd.DataFrame:
    row = synthetic.tables()["verdicts"].iloc[:1]
    return row.assign(**changes)


def test_markdown_shows_what_it_would_read_as_markup(tmp_path: Path) -> None:
    synthetic.write(tmp_path, {"cells": synthetic.cells().assign(kind="a|b *c* [d](e) `f`")}, notebooks=False)
    build(tmp_path, ["en"])
    assert r"| a\|b \*c\* \[d\](e) \`f\` |" in read(tmp_path, "report.md")


def test_a_section_whose_table_is_not_stored_is_left_out(tmp_path: Path) -> None:
    synthetic.write(tmp_path, {"cells": synthetic.cells()})
    page = build(tmp_path, ["en"]).read_text("utf-8")
    assert headings(page) == ["Every cell", "What this result does not hold", "Where these numbers come from"]


def test_before_there_are_statistics_the_raw_pairs_answer(tmp_path: Path) -> None:
    tables = synthetic.tables()
    synthetic.write(tmp_path, {name: tables[name] for name in ("curves", "finals", "runs", "cells")})
    page = build(tmp_path, ["en"]).read_text("utf-8")
    assert "Of 8 cells, softmax ends with a lower test loss than sigmoid in 3, with a higher one in 5" in page
    assert "Where they differ" in headings(page)


def test_a_folder_without_tables_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="headtohead run"):
        build(tmp_path, ["en"])


def test_tables_of_an_earlier_version_are_refused_with_the_way_out(tmp_path: Path) -> None:
    old = synthetic.differences().drop(columns=["estimand", "bound"])
    out = synthetic.write(tmp_path / "old", {"cells": synthetic.cells(), "differences": old})
    with pytest.raises(UserError, match=r"no column estimand, bound: an earlier version.*headtohead run --out .*old"):
        build(out, ["en"])


def test_an_unknown_language_is_refused(out: Path) -> None:
    with pytest.raises(UserError, match="Known: en, zh"):
        build(out, ["fr"])


# words --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", catalogue(STRINGS))
def test_every_string_is_there_in_every_language_with_the_same_placeholders(key: str) -> None:
    texts = catalogue(STRINGS)[key]
    assert set(texts) == set(LANGUAGES)
    fields = [sorted(name for _, name, _, _ in string.Formatter().parse(text) if name) for text in texts.values()]
    assert fields[0] == fields[1]


def test_every_string_is_used() -> None:
    folder = STRINGS.parent
    sources = [*folder.rglob("*.py"), *folder.rglob("*.jinja")]
    code = "".join(path.read_text("utf-8") for path in sources)
    # a key is written whole, or its last part is one of a list and its first part stands before a placeholder
    unused = [
        key for key in catalogue(STRINGS)
        if f'"{key}"' not in code and f"'{key}'" not in code
        and not (f'f"{key.rpartition(".")[0]}.{{' in code or f'"{key.partition(".")[0]}"' in code)
    ]  # fmt: skip
    assert not unused


def test_every_claim_of_the_article_has_a_name_in_chinese() -> None:
    assert len(CLAIMS) >= 16
    assert [claim.name for claim in CLAIMS.values() if not (claim.called.get("zh") and claim.measured.get("zh"))] == []


def test_the_chinese_page_is_chinese_and_holds_the_same_numbers(out: Path) -> None:
    page, other = read(out, "report.html"), read(out, "report.zh.html")
    assert '<html lang="zh-Hans">' in other
    assert not set(headings(page)) & set(headings(other))
    sorts = [re.findall(r'data-sort="(.*?)"', text) for text in (page, other)]
    assert sorts[0] == sorts[1]
    assert len(sorts[0]) > 50


# cost ---------------------------------------------------------------------------------------------------------------


def test_building_imports_no_tensorflow(few: Path) -> None:
    code = f"""
import sys
from pathlib import Path
import experiments.suite
from experiments.report import build
build(Path({str(few)!r}), ["en"])
print({{"tensorflow", "keras", "torch", "jax"}} & set(sys.modules))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.mark.slow
def test_five_million_rows_of_curves_take_less_than_twenty_seconds(tmp_path: Path) -> None:
    cells = [(f"task{n}", network, "sgd") for n in range(25) for network in ("mlp", "linear", "cnn")]
    tables = dict(synthetic.tables())
    tables["curves"] = synthetic.curves(cells, seeds=72)
    assert len(tables["curves"]) > 4_500_000
    synthetic.write(tmp_path, tables)
    start = time.process_time()  # of the processor: a busy machine is no fault of the report
    build(tmp_path, ["en"])
    assert time.process_time() - start < 20


# the answer, sentence by sentence -------------------------------------------------------------------------------------

MESSAGES = Messages(paths=CATALOGUES)


def compared_rows(*outcomes: tuple[str, str, float, str]) -> pd.DataFrame:
    """Rows of `differences`: (task, quantity, mean, outcome), with the p and the bound that go with the outcome."""
    rows = pd.DataFrame(list(outcomes), columns=["task", "quantity", "mean", "outcome"])
    differs, beyond = rows["outcome"].isin(["larger", "different", "negligible"]), rows["outcome"] == "larger"
    p = differs.map({True: 1e-6, False: 0.4})
    return rows.assign(network="mlp", optimizer="sgd", head="softmax", baseline="sigmoid", at="default",
                       estimand=FRESH, p=p, p_t=p, p_larger=beyond.map({True: 1e-6, False: 0.4}), margin=0.02,
                       bound=0.05, seeds_needed=math.inf, fresh_seeds_needed=math.inf)  # fmt: skip


def test_a_cell_counts_once_however_many_of_its_quantities_differ() -> None:
    # "larger" counts as beyond the margin, "different" leaves the size open: both were "different" before
    rows = compared_rows(
        ("moons", "nll", 0.1, "larger"), ("moons", "accuracy", -0.1, "larger"),
        ("circles", "nll", 0.1, "different"), ("circles", "accuracy", 0.0, "undecided"),
        ("fair", "nll", 0.1, "negligible"), ("fair", "accuracy", 0.0, "equivalent"),
        ("bananas", "nll", 0.1, "undecided"), ("bananas", "brier", 0.1, "larger"),  # brier is not primary
    )  # fmt: skip
    overall = pd.DataFrame({"quantity": ["nll", "accuracy", "nll"], "mean": [0.1, -0.03, 0.7],
                            "at": ["default", "default", "best"]})  # fmt: skip
    sentence = differ(rows, overall, "depends", MESSAGES)
    assert sentence.startswith("In part: ")
    assert "+0.1 nats in the final test loss, −0.03 in accuracy; of 4 cells" in sentence
    assert sentence.endswith(
        "some primary quantity differs by more than its registered margin in 1, some differs with the size still open "
        "in 1, all are shown to be within their margins in 1, and 1 are undecided."
    )


def test_the_cause_adds_the_rate_wherever_it_stands() -> None:
    shares = {"initialisation": 0.02, "head_rate": 0.04, "head_rate+decay": 0.02, "arithmetic": 0.0}
    rows = pd.DataFrame({"factor": list(shares), "share": list(shares.values())})
    table = rows.assign(task="moons", network="mlp", optimizer="adamw", quantity="nll_curve")
    assert "take twice the step (75\u00a0%) and start wider (25\u00a0%)" in cause(table, "refuted", MESSAGES)
    assert "(0\u00a0% of the difference in the loss curve)" in cause(table, "refuted", MESSAGES)


def test_who_wins_counts_both_at_the_usual_and_at_the_best_rate() -> None:
    default = compared_rows(
        ("moons", "nll", -0.1, "different"), ("fair", "accuracy", -0.1, "larger"), ("fair", "nll", 0.3, "undecided")
    )
    best = compared_rows(("moons", "nll", -0.1, "equivalent")).assign(at="best")
    sentence = winner(default, best, "depends", MESSAGES)
    assert "softmax is better in 1 and sigmoid in 1 of 3 comparisons" in sentence
    assert "; 0 are within the margin and 1 undecided (of the undecided, 1 would be decided by no number" in sentence
    assert sentence.endswith("softmax is better in 0 and sigmoid in 0 of 1, 1 are within the margin and 0 undecided.")


def test_the_answer_names_the_rate_that_decides() -> None:
    """Said only where both sides are shown and have the predicted signs."""
    rows = compared_rows(("moons", "nll", -0.1, "different"))
    overall = pd.DataFrame(
        {"quantity": "nll", "at": ["default", "below", "above"], "mean": [0.5, -0.0123, 0.0345], "n_tasks": 9,
         "outcome": ["undecided", "negligible", "larger"]}
    )  # fmt: skip
    sentence = winner(rows, rows.iloc[:0], "refuted", MESSAGES, overall)
    assert sentence.startswith("Either; the learning rate, not the model, decides which is better: a factor of 2 to 4")
    assert "the lower test loss (−0.0123 nats, mean over 9 tasks), as far above it sigmoid (+0.0345 nats)" in sentence
    for other in (
        overall.assign(outcome=["undecided", "negligible", "undecided"]),
        overall.assign(outcome=["undecided", "equivalent", "larger"]),
        overall.assign(mean=[0.5, 0.01, 0.03]),
        overall.iloc[:1],
    ):
        assert "a factor of 2 to 4" not in winner(rows, rows.iloc[:0], "refuted", MESSAGES, other)


@pytest.mark.parametrize(
    ("needed", "said"),
    [
        ((math.inf, math.inf), "(of the undecided, 2 would be decided by no number of seeds; none differs by more"),
        ((30.0, 41.0), "(of the undecided, 2 would probably be decided by 41 seeds or fewer; none differs by"),
        ((30.0, math.inf), "decided by 30 seeds or fewer, 1 would be decided by no number of seeds; none differs by"),
    ],
)
def test_undecided_says_what_would_decide_and_how_far_apart_the_two_may_be(
    needed: tuple[float, float], said: str
) -> None:
    rows = compared_rows(("moons", "nll", -0.1, "undecided"), ("fair", "nll", 0.1, "undecided"))
    rows = rows.assign(bound=[0.06, 0.03])  # with margins of 0.02 each
    sentence = winner(rows.assign(seeds_needed=needed), rows.iloc[:0], "undecided", MESSAGES)
    assert said in sentence
    assert "none differs by more than 3 times its margin)" in sentence
    fresh = rows.assign(seeds_needed=math.inf, fresh_seeds_needed=[50.0, 20.0])
    sentence = winner(fresh, rows.iloc[:0], "undecided", MESSAGES)
    assert "(of the undecided, 2 would be decided by 50 seeds or fewer with rows of their own; none" in sentence
    unbounded = winner(fresh.assign(bound=math.inf), rows.iloc[:0], "undecided", MESSAGES)
    assert "none differs" not in unbounded
    assert "no difference" not in sentence.lower()


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("outcome", ["supported", "refuted", "depends", "undecided"])
def test_there_is_a_sentence_for_every_verdict(lang: str, outcome: str) -> None:
    messages = Messages(lang=lang, paths=CATALOGUES)
    rows = compared_rows(("moons", "nll", -0.1, "different"))
    overall = pd.DataFrame({"quantity": ["nll"], "mean": [-0.1], "at": ["default"]})
    sentences = (differ(rows, overall, outcome, messages), winner(rows, rows.iloc[:0], outcome, messages))
    assert all(len(sentence) > 20 for sentence in sentences)


# the first screen -----------------------------------------------------------------------------------------------------


def test_the_title_says_what_decides_and_no_more_than_is_shown() -> None:
    """The law is the title only where both sides of the best rate are shown and go as predicted."""
    law = headline.Sides(below=-0.0064, above=0.0142, n_tasks=10)
    assert (
        headline.title("depends", law, MESSAGES)
        == "Sigmoid or softmax? Either: the learning rate decides which is ahead"
    )
    assert headline.title("depends", None, MESSAGES) == "Sigmoid or softmax? Either: the learning rate matters more"
    assert "the model" in headline.title("supported", law, MESSAGES)
    assert "do not decide" in headline.title("undecided", law, MESSAGES)


def test_the_sides_of_the_best_rate_are_told_where_they_are_shown() -> None:
    overall = pd.DataFrame({
        "quantity": "nll", "at": ["below", "above"], "mean": [-0.01, 0.03], "n_tasks": 9,
        "outcome": ["negligible", "larger"],
    })  # fmt: skip
    law = headline.sides(overall)
    assert law == headline.Sides(below=-0.01, above=0.03, n_tasks=9)
    assert headline.sides(overall.assign(outcome="equivalent")) is None
    assert headline.sides(overall.assign(mean=[0.01, 0.03])) is None
    assert headline.sides(overall.assign(quantity="accuracy")) is None
    rows = compared_rows(("moons", "nll", -0.1, "larger"), ("fair", "accuracy", -0.1, "larger"))
    said = headline.which(rows, "depends", law, MESSAGES)
    assert said.endswith("softmax's test loss is lower by 0.01 nats, above it higher by 0.03.")
    assert "softmax is better in 1 and sigmoid in 1 of 2 comparisons" in headline.which(rows, "depends", None, MESSAGES)


def test_whether_they_differ_counts_cells_by_their_margin_and_comparisons_at_the_best_rates() -> None:
    rows = compared_rows(
        ("moons", "nll", 0.1, "larger"), ("moons", "accuracy", -0.1, "larger"), ("circles", "nll", 0.1, "different"),
        ("fair", "nll", 0.1, "negligible"), ("bananas", "nll", 0.1, "undecided"),
    )  # fmt: skip
    found = headline.cells(rows)
    assert found is not None
    assert (found.larger, found.different, found.inside, found.open, found.n) == (1, 1, 1, 1, 4)
    assert set(found.open_rows["task"]) == {"bananas"}
    best = compared_rows(("moons", "nll", -0.1, "larger"), ("fair", "nll", 0.1, "equivalent")).assign(at="best")
    said = headline.whether(rows, best, "depends", MESSAGES)
    alone = "In 1 of 4 experiments, by more than the margin"
    assert said == f"{alone}; with each head at its own best rate, in 1 of 2 comparisons."
    assert headline.whether(rows, best.iloc[:0], "depends", MESSAGES) == f"{alone}."


def words_in(sentence: str, lang: str) -> float:
    """How many words a sentence has; two Chinese characters are one."""
    chinese = len(re.findall("[\u4e00-\u9fff]", sentence)) if lang == "zh" else 0
    return chinese / 2 + len(re.sub("[\u2e80-\uffef]", " ", sentence).split())


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("outcome", ["supported", "refuted", "depends", "undecided"])
def test_no_sentence_of_the_first_screen_is_longer_than_25_words(lang: str, outcome: str) -> None:
    """With numbers as long as they get."""
    messages = Messages(lang=lang, paths=CATALOGUES)
    law = headline.Sides(below=-0.000123, above=0.0000456, n_tasks=10)
    rows = pd.concat([compared_rows((f"task {n}", "nll", 0.1, "larger"), (f"task {n}", "accuracy", 0.0, "undecided"))
                      for n in range(120)])  # fmt: skip
    shares = pd.DataFrame({"factor": ["head_rate", "initialisation", "arithmetic"], "share": [0.554, 0.446, 1e-9]})
    attribution = shares.assign(task="moons", network="mlp", optimizer="sgd", quantity="nll_curve")
    said = [*(headline.which(rows, outcome, known, messages) for known in (law, None)),
            headline.whether(rows, rows.assign(at="best"), outcome, messages),
            headline.why(attribution, messages)]  # fmt: skip
    for sentence in (*said, headline.title(outcome, law, messages), headline.title(outcome, None, messages)):
        assert 3 < words_in(sentence, lang) <= 25, sentence
